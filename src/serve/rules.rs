//! What a configuration must say before a service starts in earnest. Each refusal is one sentence that names the key.

use std::net::SocketAddr;

use keys::certify::OidArc;
use licence_signer::Stop;
use url::{Host, Url};

use crate::cli::Service;
use crate::commands::Failure;
use crate::config::Config;

/// The longest time for which a status list may be kept.
const MOST_STATUS_CACHE_SECONDS: u32 = 30;

/// Refuses a configuration with which `service` must not start.
pub(crate) fn check(service: Service, config: &Config) -> Result<(), Failure> {
    let own = external_url(&config.external_url)?;
    listeners(config, &own)?;
    for network in &config.trusted_proxies {
        network
            .parse::<web::site::Network>()
            .map_err(|error| refused("trusted_proxies", &format!("{network}: {error}")))?;
    }
    for origin in &config.outbound.allowed_origins {
        if Url::parse(origin).is_err() {
            return Err(refused("outbound.allowed_origins", &format!("{origin} is no origin like https://host:port")));
        }
    }
    if !matches!(config.log.format.as_str(), "text" | "json") {
        return Err(refused("log.format", "text or json"));
    }
    if !matches!(config.log.level.as_str(), "error" | "warn" | "info" | "debug" | "trace") {
        return Err(refused("log.level", "error, warn, info, debug or trace"));
    }
    foreign(service, config)?;
    match service {
        Service::Idp => idp(config),
        Service::LicenceSigner => licence_signer(config),
        Service::Desk => desk(config),
    }
}

/// Whose configuration it is, by the keys that only one service has.
pub(crate) fn service_of(config: &Config) -> Service {
    if config.signer.is_some() || config.trust.is_some() {
        Service::Desk
    } else if config.issuer.is_some() || config.oid_arc.is_some() {
        Service::LicenceSigner
    } else {
        Service::Idp
    }
}

/// An address to listen at.
pub(super) fn address(key: &str, text: &str) -> Result<SocketAddr, Failure> {
    text.parse().map_err(|_| refused(key, &format!("{text} is no address and port like 0.0.0.0:443")))
}

fn refused(key: &str, why: &str) -> Failure {
    Failure::new(format!("{key}: {why}"))
}

fn missing(key: &str, what: &str) -> Failure {
    Failure::new(format!("{key} is missing: {what}; see docs/reference/configuration.md"))
}

fn external_url(text: &str) -> Result<Url, Failure> {
    let url = secure_url("external_url", text)?;
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() || text.ends_with('/') {
        return Err(refused("external_url", "scheme, host and port alone, without a slash at the end"));
    }
    Ok(url)
}

/// A URL that is https, or leads no further than this machine.
fn secure_url(key: &str, text: &str) -> Result<Url, Failure> {
    let url = Url::parse(text).map_err(|_| refused(key, &format!("{text} is no URL")))?;
    match url.scheme() {
        "https" if url.has_host() => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(refused(key, &format!("{text} must be https; plain http is for this machine alone"))),
        _ => Err(refused(key, &format!("{text} must be an https URL"))),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn listeners(config: &Config, own: &Url) -> Result<(), Failure> {
    let listen = address("listen", &config.listen)?;
    if config.tls.is_none() {
        if own.scheme() == "https" && config.trusted_proxies.is_empty() {
            return Err(missing(
                "tls.certificate",
                "an https external_url needs a certificate here, or a proxy before it that is named in trusted_proxies",
            ));
        }
        if own.scheme() == "http" && !listen.ip().is_loopback() {
            return Err(refused("listen", "without TLS a service listens at loopback alone"));
        }
    } else if own.scheme() == "http" {
        return Err(refused("external_url", "tls is configured, so it must be https"));
    }
    Ok(())
}

/// A key of another service shows that this is another service's file.
fn foreign(service: Service, config: &Config) -> Result<(), Failure> {
    let of_idp = [
        ("clients", !config.clients.is_empty()),
        ("resources", !config.resources.is_empty()),
        ("registers", config.registers.is_some()),
        ("matters_file", config.matters_file.is_some()),
    ];
    let of_others = [("issuer", config.issuer.is_some()), ("client", config.client.is_some())];
    let of_signer = [
        ("oid_arc", config.oid_arc.is_some()),
        ("authority", config.authority.is_some()),
        ("danger_stop_after", config.danger_stop_after.is_some()),
    ];
    let of_desk = [
        ("signer", config.signer.is_some()),
        ("trust", config.trust.is_some()),
        ("status_cache_seconds", config.status_cache_seconds.is_some()),
    ];
    let foreign: Vec<&(&str, bool)> = match service {
        Service::Idp => of_others.iter().chain(&of_signer).chain(&of_desk).collect(),
        Service::LicenceSigner => of_idp.iter().chain(&of_desk).collect(),
        Service::Desk => of_idp.iter().chain(&of_signer).collect(),
    };
    match foreign.into_iter().find(|(_, there)| *there) {
        Some((key, _)) => Err(refused(key, "belongs to another service; is this its configuration?")),
        None => Ok(()),
    }
}

fn idp(config: &Config) -> Result<(), Failure> {
    if let Some(registers) = &config.registers {
        for (key, register) in [
            ("registers.population.url", &registers.population),
            ("registers.legal_persons.url", &registers.legal_persons),
            ("registers.phone.url", &registers.phone),
        ] {
            if let Some(register) = register {
                secure_url(key, &register.url)?;
            }
        }
    }
    if config.region.is_none() {
        return Err(missing("region", "the region that this installation stands for, six digits of GB/T 2260"));
    }
    Ok(())
}

fn relying_party(config: &Config) -> Result<(), Failure> {
    let issuer = config.issuer.as_ref().ok_or_else(|| missing("issuer", "the external URL of idp"))?;
    secure_url("issuer", issuer)?;
    if config.client.is_none() {
        return Err(missing("client.id", "this service's client_id at the idp, and client.key_file"));
    }
    Ok(())
}

fn licence_signer(config: &Config) -> Result<(), Failure> {
    relying_party(config)?;
    stop_after(config.danger_stop_after.as_deref())?;
    founding(config)
}

/// After which step of issuing a debug build kills itself.
pub(crate) fn stop_after(word: Option<&str>) -> Result<Option<Stop>, Failure> {
    let Some(word) = word else { return Ok(None) };
    if !cfg!(debug_assertions) {
        return Err(refused(
            "danger_stop_after",
            "this is a release build, which kills itself for nobody; take it out",
        ));
    }
    let step = Stop::from_word(word);
    step.map(Some).ok_or_else(|| refused("danger_stop_after", "recorded, logged, sealed or checked"))
}

/// What founds an authority.
pub(crate) fn founding(config: &Config) -> Result<(), Failure> {
    for (key, value, what) in [
        ("authority", &config.authority, "the name of the authority, as it stands in its certificates"),
        ("region", &config.region, "the region of the authority, six digits of GB/T 2260"),
        ("oid_arc", &config.oid_arc, "the arc of the authority's own object identifiers"),
    ] {
        if value.as_ref().is_none_or(String::is_empty) {
            return Err(missing(key, what));
        }
    }
    oid_arc(config.oid_arc.as_deref().unwrap_or_default())
}

/// The arc must be one's own: that of examples belongs to nobody.
pub(crate) fn oid_arc(arc: &str) -> Result<(), Failure> {
    arc.parse::<OidArc>().map_err(|error| refused("oid_arc", &error.to_string()))?;
    if arc == OidArc::DEMONSTRATION || arc.strip_prefix(OidArc::DEMONSTRATION).is_some_and(|rest| rest.starts_with('.'))
    {
        return Err(refused(
            "oid_arc",
            &format!("{} is kept for examples; give the authority's own", OidArc::DEMONSTRATION),
        ));
    }
    Ok(())
}

fn desk(config: &Config) -> Result<(), Failure> {
    relying_party(config)?;
    let signer = config.signer.as_ref().ok_or_else(|| missing("signer", "the external URL of licence-signer"))?;
    secure_url("signer", signer)?;
    let trust = config.trust.as_ref().ok_or_else(|| missing("trust.bundle", "file or URL of the trust bundle"))?;
    if trust.bundle.contains("://") {
        secure_url("trust.bundle", &trust.bundle)?;
    }
    let pin = trust.root_sha256.as_ref().ok_or_else(|| {
        missing("trust.root_sha256", "the fingerprint that `xinyin keys export-trust` prints, brought by another way")
    })?;
    if pin.len() != 64 || !pin.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(refused("trust.root_sha256", "64 hexadecimal digits"));
    }
    if config.status_cache_seconds.is_some_and(|seconds| seconds > MOST_STATUS_CACHE_SECONDS) {
        return Err(refused("status_cache_seconds", "30 at most"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "external_url = 'https://a.example'\nlisten = '127.0.0.1:1'\ndatabase.url = 'sqlite://d'\n\
        key_store = { path = 'k', passphrase_file = 'p' }\n";
    const TLS: &str = "tls = { certificate = 'c', key = 'k' }\n";
    const PARTY: &str = "issuer = 'https://i.example'\nclient = { id = 'c', key_file = 'f' }\n";
    const SIGNER: &str = "region = '640104'\nauthority = '某省'\noid_arc = '1.3.6.1.4.1.99999'\n";
    const REGISTER: &str = "= { url = 'https://r.example', client_id = 'idp', key_file = 'r' }\n";
    const DESK: &str = "signer = 'https://s.example'\n";

    fn refusal(service: Service, text: &str) -> String {
        let config: Config = toml::from_str(text).expect("reads");
        check(service, &config).err().map(|failure| failure.sentence).unwrap_or_default()
    }

    #[test]
    fn each_refusal_names_its_key() {
        use Service::{Desk, Idp, LicenceSigner};
        let pin = format!("trust = {{ bundle = 'b', root_sha256 = '{}' }}\n", "ab".repeat(32));
        let at = |base: &str, from: &str, to: &str| base.replacen(from, to, 1);
        for (service, text, expected) in [
            (Idp, format!("{BASE}{TLS}region = '640104'"), ""),
            (LicenceSigner, format!("{BASE}{PARTY}{SIGNER}{TLS}"), ""),
            (Desk, format!("{BASE}{PARTY}{DESK}{TLS}{pin}"), ""),
            (Idp, format!("{}region = '640104'", at(BASE, "https://a.example", "http://localhost:1")), ""),
            (Idp, format!("{BASE}trusted_proxies = ['10.0.0.0/8']\nregion = '640104'"), ""),
            (Idp, format!("{BASE}{TLS}region = '640104'\nregisters.population {REGISTER}"), ""),
            (Idp, format!("{BASE}{TLS}region = '640104'\nregisters.legal_persons {REGISTER}"), ""),
            (Idp, format!("{BASE}{TLS}region = '640104'\nregisters.phone {REGISTER}"), ""),
            (
                Idp,
                format!("{BASE}{TLS}region = '640104'\nregisters.phone {}", at(REGISTER, "https:", "http:")),
                "registers.phone.url",
            ),
            (Desk, format!("{BASE}{PARTY}{DESK}{TLS}{pin}registers.phone {REGISTER}"), "registers"),
            (Idp, format!("{BASE}region = '640104'"), "tls.certificate"),
            (Idp, format!("{BASE}{TLS}"), "region"),
            (Idp, format!("{}{TLS}", at(BASE, "https:", "http:")), "external_url"),
            (Idp, format!("{}{TLS}", at(BASE, "a.example", "a.example/")), "external_url"),
            (Idp, format!("{}{TLS}", at(BASE, "a.example", "a.example/x")), "external_url"),
            (Idp, format!("{}{TLS}", at(BASE, "127.0.0.1:1", "nowhere")), "listen"),
            (Idp, at(&at(BASE, "https://a.example", "http://localhost:1"), "127.0.0.1:1", "0.0.0.0:1"), "listen"),
            (Idp, format!("{BASE}{TLS}trusted_proxies = ['x']"), "trusted_proxies"),
            (Idp, format!("{BASE}{TLS}outbound.allowed_origins = ['x']"), "outbound.allowed_origins"),
            (Idp, format!("{BASE}{TLS}log.level = 'loud'"), "log.level"),
            (Idp, format!("{BASE}{TLS}log.format = 'xml'"), "log.format"),
            (Idp, format!("{BASE}{TLS}{PARTY}"), "issuer"),
            (LicenceSigner, format!("{BASE}{SIGNER}{TLS}"), "issuer"),
            (LicenceSigner, format!("{BASE}{SIGNER}{TLS}issuer = 'https://i.example'"), "client.id"),
            (LicenceSigner, format!("{BASE}{TLS}{SIGNER}issuer = 'http://i.example'"), "issuer"),
            (LicenceSigner, format!("{BASE}{PARTY}{TLS}"), "authority"),
            (LicenceSigner, format!("{BASE}{PARTY}{TLS}{}", at(SIGNER, "99999", "32473")), "oid_arc"),
            (LicenceSigner, format!("{BASE}{PARTY}{TLS}{}", at(SIGNER, "99999", "32473.7")), "oid_arc"),
            (LicenceSigner, format!("{BASE}{PARTY}{TLS}{}", at(SIGNER, "1.3.6.1", "x")), "oid_arc"),
            (Desk, format!("{BASE}{PARTY}{TLS}"), "signer"),
            (Desk, format!("{BASE}{PARTY}{DESK}{TLS}"), "trust.bundle"),
            (Desk, format!("{BASE}{PARTY}{DESK}{TLS}trust.bundle = 'https://s.example/b'"), "trust.root_sha256"),
            (
                Desk,
                format!("{BASE}{PARTY}{DESK}{TLS}trust = {{ bundle = 'b', root_sha256 = 'x' }}"),
                "trust.root_sha256",
            ),
            (Desk, format!("{BASE}{PARTY}{DESK}{TLS}{pin}status_cache_seconds = 31"), "status_cache_seconds"),
            (Desk, format!("{BASE}{PARTY}{DESK}{TLS}{pin}{SIGNER}"), "oid_arc"),
            (Desk, format!("{BASE}{PARTY}{DESK}{TLS}{pin}danger_stop_after = 'sealed'"), "danger_stop_after"),
            (LicenceSigner, format!("{BASE}{PARTY}{SIGNER}danger_stop_after = 'now'\n{TLS}"), "danger_stop_after"),
            (LicenceSigner, format!("{BASE}{PARTY}{SIGNER}danger_stop_after = 'sealed'\n{TLS}"), ""),
            (Desk, format!("{BASE}{PARTY}{DESK}{TLS}{pin}matters_file = 'm'"), "matters_file"),
        ] {
            let found = refusal(service, &text);
            let key = found.split([':', ' ']).next().unwrap_or_default();
            assert_eq!(key, expected, "{text}\n{found}");
        }
    }
}
