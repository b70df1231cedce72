//! What the service is told at its start.

use std::sync::Arc;

use keys::software::SoftwareKey;

/// The settings of licence-signer.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it is reached from outside, without a slash at its end: `https://licences.example.gov.cn`.
    pub external_url: String,
    /// The issuer whose tokens it takes: idp's external URL.
    pub issuer: String,
    /// Its client id at idp.
    pub client_id: String,
    /// The key by which it proves itself there; `None`: the one for client assertions in the key store.
    pub client_key: Option<Arc<SoftwareKey>>,
    /// The region whose licences it keeps.
    pub region: String,
    /// Whether it is the demonstration: pages say so.
    pub demonstration: bool,
    /// The place whose installation it is, under the name at the head of its pages.
    pub place: String,
    /// The telephone number at the foot of its pages.
    pub telephone: String,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<web::site::Network>,
    /// In debug builds: where a licence's way ends, so that a test can restart between any two steps.
    pub danger_stop_after: Option<Stop>,
    /// Whether the process dies there, as by a crash, instead of answering that the licence is recorded.
    pub danger_stop_aborts: bool,
}

impl Settings {
    /// The settings with what every installation must say; the rest as built in.
    pub fn new(external_url: &str, issuer: &str, region: &str) -> Self {
        Self {
            external_url: external_url.trim_end_matches('/').to_owned(),
            issuer: issuer.to_owned(),
            client_id: "licence-signer".to_owned(),
            client_key: None,
            region: region.to_owned(),
            demonstration: false,
            place: String::new(),
            telephone: String::new(),
            trusted_proxies: Vec::new(),
            danger_stop_after: None,
            danger_stop_aborts: false,
        }
    }
}

/// A step of a licence's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// After Tx 1.
    Recorded,
    /// After its leaf has a place.
    Logged,
    /// After the keys signed.
    Sealed,
    /// After it was read back.
    Checked,
}

impl Stop {
    /// The step of a word: `recorded`, `logged`, `sealed`, `checked`.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "recorded" => Some(Self::Recorded),
            "logged" => Some(Self::Logged),
            "sealed" => Some(Self::Sealed),
            "checked" => Some(Self::Checked),
            _ => None,
        }
    }
}

/// Why the service did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The external URL is none, or too long for a code's status URI of 64 bytes.
    #[error("external_url must be http(s), without path, and at most 50 characters")]
    ExternalUrl,
    /// The database.
    #[error(transparent)]
    Storage(#[from] store::StorageError),
    /// The key store.
    #[error(transparent)]
    Keys(#[from] keys::KeyStoreError),
    /// A key.
    #[error(transparent)]
    Signer(#[from] keys::SignerError),
    /// More keys of digests than a search asks for: rows of the oldest would seem to be gone.
    #[error(
        "the key store holds {0} keys field_digest that are not destroyed; at most 8 are searched by: destroy the oldest"
    )]
    DigestKeys(usize),
    /// A stored department, type or matter does not read.
    #[error("a stored row of the catalogue is damaged: {0}")]
    Catalogue(String),
    /// The words do not read.
    #[error("the words do not read: {0}")]
    Words(String),
}
