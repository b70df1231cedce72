//! What an installation decides about the desk.

use std::path::PathBuf;
use std::sync::Arc;

use keys::software::SoftwareKey;

/// Settings of the desk.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it is reached from outside, without a slash at its end.
    pub external_url: String,
    /// The issuer at which clerks sign in.
    pub issuer: String,
    /// Its client id there.
    pub client_id: String,
    /// The key by which it proves itself there; `None`: the one for client assertions in the key store.
    pub client_key: Option<Arc<SoftwareKey>>,
    /// licence-signer's external URL.
    pub signer_url: String,
    /// The trust bundle.
    pub trust: TrustSource,
    /// How long a fetched status list is used again, at most 30 s.
    pub status_cache_seconds: u32,
    /// Whether it is the demonstration: pages say so and offer samples.
    pub demonstration: bool,
    /// Whether a demonstration's trust bundle is refused: what production says.
    pub refuse_demonstration: bool,
    /// Where the samples of the demonstration lie.
    pub samples: Option<PathBuf>,
    /// The place that pages name.
    pub place: String,
    /// The telephone number on every page.
    pub telephone: String,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<web::site::Network>,
}

impl Settings {
    /// Settings with what every installation must say.
    pub fn new(external_url: &str, issuer: &str, signer_url: &str, trust: TrustSource) -> Self {
        Self {
            external_url: external_url.trim_end_matches('/').to_owned(),
            issuer: issuer.to_owned(),
            client_id: "verifier-desk".to_owned(),
            client_key: None,
            signer_url: signer_url.trim_end_matches('/').to_owned(),
            trust,
            status_cache_seconds: 30,
            demonstration: false,
            refuse_demonstration: false,
            samples: None,
            place: String::new(),
            telephone: String::new(),
            trusted_proxies: Vec::new(),
        }
    }
}

/// Where the trust bundle comes from, and what it must lead back to.
#[derive(Clone, Debug)]
pub enum TrustSource {
    /// A file, read again when it changes.
    File {
        /// Its path.
        path: PathBuf,
        /// SHA-256 of the first root's payload, hex.
        root_sha256: Option<String>,
    },
    /// An address, asked every half minute whether it has a newer one.
    Url {
        /// The address.
        url: String,
        /// SHA-256 of the first root's payload, hex: without it nothing that was fetched counts.
        root_sha256: String,
    },
}
