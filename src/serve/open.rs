//! Opening each service with what its configuration says.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use idp::Idp;
use idp::client::{Names, Origin, Resource};
use idp::provision::NewClient;
use idp::settings::{Register, Registers};
use keys::authority::{Authority, Founding};
use keys::key_store::Passphrase;
use keys::software::SoftwareKey;
use keys::sources::Sources;
use keys::{KeyStore, KeyStoreError};
use licence_signer::LicenceSigner;
use serde::Deserialize;
use store::{Db, Migration};
use url::Url;
use verifier::encoding::{json, without_mark};
use verifier_desk::{Desk, TrustSource};
use web::outbound::{Outbound, OutboundSettings};
use zeroize::Zeroizing;

use super::client;
use crate::commands::Failure;
use crate::config::{self, Config};

/// What every service stands on.
pub(crate) struct Base {
    /// Its keys.
    pub keys: KeyStore,
    /// Time and chance.
    pub sources: Sources,
    /// The door out.
    pub outbound: Outbound,
}

impl Base {
    /// Opens the key store, which must not be a demonstration's, and the door out.
    pub(crate) fn open(config: &Config) -> Result<Self, Failure> {
        let keys = key_store(&config.key_store.path, &config.key_store.passphrase_file)?;
        if keys.is_demonstration() {
            return Err(Failure::new(format!(
                "key_store.path: {} bears the mark of the demonstration, whose keys protect nothing; make one with `xinyin keys init`",
                config.key_store.path.display()
            )));
        }
        Ok(Self { keys, sources: Sources::system(), outbound: outbound(config)? })
    }
}

/// Opens a key store by its passphrase file.
pub(crate) fn key_store(path: &Path, passphrase_file: &Path) -> Result<KeyStore, Failure> {
    let passphrase = passphrase(passphrase_file)?;
    KeyStore::open(path, &passphrase).map_err(|error| match error {
        KeyStoreError::Io { .. } => {
            Failure::new(format!("key_store.path: {error}; `xinyin keys init` makes a key store"))
        }
        error => Failure::new(format!("key_store.path: {}: {error}", path.display())),
    })
}

/// Reads a passphrase.
pub(crate) fn passphrase(file: &Path) -> Result<Passphrase, Failure> {
    Passphrase::from_file(file)
        .map_err(|error| Failure::new(format!("key_store.passphrase_file: {}: {error}", file.display())))
}

/// The door out, as the configuration bounds it.
pub(crate) fn outbound(config: &Config) -> Result<Outbound, Failure> {
    let extra_roots_pem = config.outbound.ca_file.as_deref().map(|file| read("outbound.ca_file", file)).transpose()?;
    let settings = OutboundSettings {
        allowed_origins: config.outbound.allowed_origins.clone(),
        extra_roots_pem: extra_roots_pem.map(|pem| pem.to_vec()),
        ..OutboundSettings::default()
    };
    Outbound::new(&settings).map_err(|error| Failure::new(format!("outbound: {error}")))
}

/// Reads a file that a key of the configuration names.
pub(super) fn read(key: &str, file: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let bytes = std::fs::read(file);
    bytes.map(Zeroizing::new).map_err(|error| Failure::new(format!("{key}: cannot read {}: {error}", file.display())))
}

/// Reads a private key that a key of the configuration names.
fn private_key(key: &str, file: &Path) -> Result<Arc<SoftwareKey>, Failure> {
    let bytes = read(key, file)?;
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    let found = SoftwareKey::from_key_file(text);
    found.map(Arc::new).map_err(|_| {
        Failure::new(format!("{key}: {} holds no private key in PKCS#8 PEM (P-256, Ed25519 or RSA)", file.display()))
    })
}

async fn database(config: &Config, migrations: &[Migration]) -> Result<Db, Failure> {
    let db = Db::open(&config.database.url, migrations).await;
    db.map_err(|error| Failure::new(format!("database.url: {}", Failure::from(error).sentence)))
}

fn networks(config: &Config) -> Result<Vec<web::site::Network>, Failure> {
    Ok(config.trusted_proxies.iter().map(|text| text.parse()).collect::<Result<_, _>>()?)
}

/// Opens idp and registers what its configuration names.
pub(crate) async fn idp(config: &Config, base: Base) -> Result<Idp, Failure> {
    let mut settings = idp::settings::Settings::new(config.external_url.parse()?);
    settings.place = config.place.clone().unwrap_or_default();
    settings.region = config.region.clone().unwrap_or_default();
    settings.help_phone = config.help_phone.clone().unwrap_or_default();
    settings.matter_names = config.matters_file.as_deref().map(matter_names).transpose()?.unwrap_or_default();
    settings.trusted_proxies = networks(config)?;
    if let Some(registers) = &config.registers {
        settings.registers = Registers {
            population: register("registers.population", registers.population.as_ref())?,
            legal_persons: register("registers.legal_persons", registers.legal_persons.as_ref())?,
            phone: register("registers.phone", registers.phone.as_ref())?,
        };
    }
    let new_clients = config.clients.iter().map(|known| client::new(known, None)).collect::<Result<Vec<_>, _>>()?;
    let db = database(config, idp::MIGRATIONS).await?;
    let idp = Idp::open(settings, db, base.keys, base.sources, base.outbound)?;
    idp.prepare().await?;
    for known in &config.resources {
        let resource = Resource {
            resource: known.resource.clone(),
            sector: known.sector.clone(),
            scopes: known.scopes.iter().cloned().collect(),
        };
        idp::provision::resource(&idp, resource).await?;
    }
    for new in new_clients {
        idp::provision::client(&idp, NewClient { origin: Origin::Configuration, ..new }).await?;
    }
    Ok(idp)
}

/// The clients that the configuration named once and no longer does.
pub(crate) async fn left_over(config: &Config, db: &Db) -> Result<Vec<String>, Failure> {
    let named = config.clients.iter().map(|client| client.client_id.as_str()).collect();
    Ok(idp::provision::left_over(db, &named).await?)
}

/// The most that a file of matters holds.
const MATTERS_BYTES: usize = 4 << 20;

fn matter_names(file: &Path) -> Result<BTreeMap<String, Names>, Failure> {
    let bytes = read("matters_file", file)?;
    names_in(&bytes).map_err(|error| Failure::new(format!("matters_file: {}: {error}", file.display())))
}

/// The names of the matters in a file that licence-signer loads; what else stands there is its own.
fn names_in(bytes: &[u8]) -> Result<BTreeMap<String, Names>, String> {
    #[derive(Deserialize)]
    struct Named {
        code: String,
        name: Names,
    }
    let text =
        without_mark(bytes).map_err(|at| format!("a byte order mark (EF BB BF) stands at byte {at}; take it out"))?;
    let value = json::read(text, MATTERS_BYTES).map_err(|error| error.to_string())?;
    let matters = Vec::<Named>::deserialize(value).map_err(|error| error.to_string())?;
    Ok(matters.into_iter().map(|matter| (matter.code, matter.name)).collect())
}

fn register(key: &str, known: Option<&config::Register>) -> Result<Option<Register>, Failure> {
    let Some(known) = known else { return Ok(None) };
    Ok(Some(Register {
        url: known.url.parse::<Url>().map_err(|_| Failure::new(format!("{key}.url is no URL")))?,
        client_id: known.client_id.clone(),
        key: Some(private_key(&format!("{key}.key_file"), &known.key_file)?),
    }))
}

/// What the authority of a licence-signer was founded with.
pub(crate) fn founding(config: &Config) -> Founding {
    let url = Url::parse(&config.external_url).ok();
    Founding {
        authority: url.as_ref().and_then(Url::host_str).unwrap_or_default().to_owned(),
        title: config.authority.clone().unwrap_or_default(),
        oid_arc: config.oid_arc.clone().unwrap_or_default(),
        signer: config.external_url.clone(),
        bound: None,
    }
}

/// Opens licence-signer upon the authority in its key store.
pub(crate) async fn licence_signer(config: &Config, base: Base) -> Result<LicenceSigner, Failure> {
    let Some(known) = &config.client else { return Err(Failure::new("client.id is missing")) };
    Authority::open(&base.keys).map_err(|_| {
        Failure::new("key_store.path: it holds no authority; found one with `xinyin keys init licence-signer`")
    })?;
    Authority::found(&base.keys, &founding(config), base.sources.now()).map_err(|error| {
        Failure::new(format!("external_url and oid_arc: {error}; both were settled when the authority was founded"))
    })?;
    let issuer = config.issuer.clone().unwrap_or_default();
    let region = config.region.clone().unwrap_or_default();
    let mut settings = licence_signer::Settings::new(&config.external_url, &issuer, &region);
    settings.danger_stop_after = super::rules::stop_after(config.danger_stop_after.as_deref())?;
    settings.danger_stop_aborts = true;
    settings.client_id.clone_from(&known.id);
    settings.client_key = Some(private_key("client.key_file", &known.key_file)?);
    settings.place = config.place.clone().unwrap_or_default();
    settings.telephone = config.help_phone.clone().unwrap_or_default();
    settings.trusted_proxies = networks(config)?;
    let db = database(config, licence_signer::storage::MIGRATIONS).await?;
    Ok(LicenceSigner::open(settings, db, base.keys, base.sources, base.outbound).await?)
}

/// Opens the desk.
pub(crate) async fn desk(config: &Config, base: Base) -> Result<Desk, Failure> {
    let (Some(known), Some(trust)) = (&config.client, &config.trust) else {
        return Err(Failure::new("client.id or trust.bundle is missing"));
    };
    let root_sha256 = trust.root_sha256.clone().unwrap_or_default();
    let source = if trust.bundle.contains("://") {
        TrustSource::Url { url: trust.bundle.clone(), root_sha256 }
    } else {
        TrustSource::File { path: (&trust.bundle).into(), root_sha256: Some(root_sha256) }
    };
    let (issuer, signer) = (config.issuer.clone().unwrap_or_default(), config.signer.clone().unwrap_or_default());
    let mut settings = verifier_desk::Settings::new(&config.external_url, &issuer, &signer, source);
    settings.client_id.clone_from(&known.id);
    settings.client_key = Some(private_key("client.key_file", &known.key_file)?);
    settings.refuse_demonstration = true;
    settings.status_cache_seconds = config.status_cache_seconds.unwrap_or(settings.status_cache_seconds);
    settings.place = config.place.clone().unwrap_or_default();
    settings.telephone = config.help_phone.clone().unwrap_or_default();
    settings.trusted_proxies = networks(config)?;
    let db = database(config, verifier_desk::MIGRATIONS).await?;
    Ok(Desk::open(settings, db, base.keys, base.sources, base.outbound).await?)
}

#[cfg(test)]
mod tests {
    use super::names_in;

    #[test]
    fn names_of_matters_are_read_strictly() {
        let good = r#"[{"code": "m", "name": {"zh-CN": "事项", "en": "Matter"}, "facts": []}]"#;
        let twice = r#"[{"code": "n", "code": "m", "name": {"zh-CN": "事项", "en": "Matter"}}]"#;
        for (text, reads) in [
            (good.to_owned(), true),
            (format!("\u{feff}{good}"), true),
            (format!("{good}\u{feff}"), false),
            (twice.to_owned(), false),
            ("{}".to_owned(), false),
        ] {
            assert_eq!(names_in(text.as_bytes()).is_ok_and(|names| names.contains_key("m")), reads, "{text}");
        }
    }
}
