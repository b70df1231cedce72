//! The configuration of `xinyin serve`: built-in values, then the file, then `XINYIN_…` variables, then flags; later wins.
//!
//! One table of known keys ([`keys::KEYS`]) refuses an unknown one with the nearest known name, says where each value in
//! force came from, and is what `docs/reference/configuration.md` lists.

mod keys;
mod layers;

use std::path::PathBuf;

use serde::Deserialize;

pub(crate) use keys::purpose;
pub(crate) use layers::Layers;

/// Everything that a service may be told.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The one URL under which the service is reached; for idp the issuer.
    pub external_url: String,
    /// Address and port to listen at.
    pub listen: String,
    /// Certificate and key for TLS.
    pub tls: Option<Tls>,
    /// Where the tables are.
    pub database: Database,
    /// Where the keys are.
    pub key_store: KeyStore,
    /// The idp that signs people in (licence-signer, desk).
    pub issuer: Option<String>,
    /// This service's client at the idp (licence-signer, desk).
    pub client: Option<ClientKey>,
    /// The licence-signer that the desk asks.
    pub signer: Option<String>,
    /// The trust bundle of the desk.
    pub trust: Option<Trust>,
    /// Addresses whose `X-Forwarded-For` is believed.
    #[serde(default)]
    pub trusted_proxies: Vec<String>,
    /// Calls to the outside.
    #[serde(default)]
    pub outbound: Outbound,
    /// Registers of persons, organisations and phones (idp).
    pub registers: Option<Registers>,
    /// Services that take this idp's tokens (idp).
    #[serde(default)]
    pub resources: Vec<Resource>,
    /// Relying parties (idp).
    #[serde(default)]
    pub clients: Vec<Client>,
    /// How long the desk keeps a status list.
    pub status_cache_seconds: Option<u32>,
    /// The arc under which the authority's own object identifiers hang (licence-signer).
    pub oid_arc: Option<String>,
    /// The region of the authority.
    pub region: Option<String>,
    /// Name of the authority (licence-signer).
    pub authority: Option<String>,
    /// Name of the place on the pages.
    pub place: Option<String>,
    /// What matters are called on the pages (idp).
    pub matters_file: Option<PathBuf>,
    /// Telephone number for help.
    pub help_phone: Option<String>,
    /// After which step of issuing the process kills itself (debug builds, licence-signer).
    pub danger_stop_after: Option<String>,
    /// Logging.
    #[serde(default)]
    pub log: Log,
}

/// PEM files for TLS.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    /// The certificate chain, leaf first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// The database.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Database {
    /// `postgres://…` or `sqlite://PATH`; may hold a password, so it is never printed.
    pub url: String,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Database(***)")
    }
}

/// The encrypted key store.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyStore {
    /// The store's file.
    pub path: PathBuf,
    /// A file that holds its passphrase.
    pub passphrase_file: PathBuf,
}

/// A client that proves itself by a key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientKey {
    /// Its `client_id`.
    pub id: String,
    /// A PKCS#8 PEM file with its private key.
    pub key_file: PathBuf,
}

/// What the desk trusts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Trust {
    /// A file or URL of the bundle.
    pub bundle: String,
    /// SHA-256 of the first root's payload, hex: the pin.
    pub root_sha256: Option<String>,
}

/// Rules for calls to the outside.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Outbound {
    /// Origins that may be loopback or private.
    #[serde(default)]
    pub allowed_origins: Vec<String>,
    /// A PEM file with further roots for TLS.
    pub ca_file: Option<PathBuf>,
}

/// The registers; any of them may be absent.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Registers {
    /// Natural persons.
    pub population: Option<Register>,
    /// Legal persons.
    pub legal_persons: Option<Register>,
    /// Operators of phones.
    pub phone: Option<Register>,
}

/// One register.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Register {
    /// Its base URL.
    pub url: String,
    /// How we are known there.
    pub client_id: String,
    /// Our key for it.
    pub key_file: PathBuf,
}

/// A service that takes tokens (RFC 8707).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resource {
    /// Its identifier: its external URL.
    pub resource: String,
    /// The sector of the subjects in its tokens; frozen at first use.
    pub sector: String,
    /// The scopes that it knows.
    pub scopes: Vec<String>,
}

/// A relying party from the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Client {
    /// Its identifier.
    pub client_id: String,
    /// Shown to people.
    pub name: Option<String>,
    /// Who runs it.
    pub operator: Option<String>,
    /// Credit code of the department that it belongs to.
    pub organisation: Option<String>,
    /// Its region.
    pub region: String,
    /// The sector of its subjects; frozen at first use.
    pub sector: String,
    /// Where it may be answered, exactly.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// Where a signed-out browser may go, exactly.
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<String>,
    /// `client_secret_basic`, `client_secret_post`, `private_key_jwt` or `none`.
    pub auth_method: String,
    /// A file with its secret.
    pub secret_file: Option<PathBuf>,
    /// A file with its JWK Set.
    pub jwks_file: Option<PathBuf>,
    /// Grant types; what the rest says, if absent.
    pub grants: Option<Vec<String>>,
    /// The scopes that it may ask for.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The resource that it is itself.
    pub is_resource: Option<String>,
    /// Whether it is the house's own.
    #[serde(default)]
    pub trusted: bool,
    /// Why it needs whole ID numbers.
    pub number_purpose: Option<String>,
    /// The resources that it may name.
    #[serde(default)]
    pub resources: Vec<String>,
    /// Its right to exchange tokens.
    pub exchange: Option<Exchange>,
    /// Whether a person may act for an organisation there.
    #[serde(default)]
    pub organisations: bool,
    /// Whether it may go without PKCE; for old confidential clients alone.
    #[serde(default)]
    pub danger_pkce_optional: bool,
    /// `ES256` (built in), `RS256` or `EdDSA`.
    pub id_token_alg: Option<String>,
}

/// RFC 8693, as a client is registered for it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exchange {
    /// The audience that its subject tokens must have: its own.
    pub aud: String,
    /// The resource that it may ask for.
    pub resource: String,
    /// The scopes that it may ask for.
    pub scopes: Vec<String>,
}

/// Logging.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    /// `error`, `warn`, `info`, `debug` or `trace`.
    #[serde(default = "info")]
    pub level: String,
    /// `text` or `json`.
    #[serde(default = "json")]
    pub format: String,
}

impl Config {
    /// Takes relative paths as seen from the configuration's folder, wherever the program was started.
    pub(crate) fn rooted_at(mut self, folder: &std::path::Path) -> Self {
        let mut files: Vec<&mut PathBuf> = vec![&mut self.key_store.path, &mut self.key_store.passphrase_file];
        if let Some(tls) = &mut self.tls {
            files.extend([&mut tls.certificate, &mut tls.key]);
        }
        files.extend(self.client.as_mut().map(|client| &mut client.key_file));
        files.extend(&mut self.outbound.ca_file);
        files.extend(&mut self.matters_file);
        if let Some(registers) = &mut self.registers {
            let all = [&mut registers.population, &mut registers.legal_persons, &mut registers.phone];
            files.extend(all.into_iter().flatten().map(|register| &mut register.key_file));
        }
        for client in &mut self.clients {
            files.extend(&mut client.secret_file);
            files.extend(&mut client.jwks_file);
        }
        for file in files {
            *file = folder.join(&*file);
        }
        if let Some(trust) = &mut self.trust
            && !trust.bundle.contains("://")
        {
            trust.bundle = folder.join(&trust.bundle).to_string_lossy().into_owned();
        }
        if let Some(path) = self.database.url.strip_prefix("sqlite://")
            && !path.starts_with([':', '/'])
        {
            self.database.url = format!("sqlite://{}", folder.join(path).display());
        }
        self
    }
}

fn info() -> String {
    "info".into()
}

fn json() -> String {
    "json".into()
}

impl Default for Log {
    fn default() -> Self {
        Self { level: info(), format: json() }
    }
}
