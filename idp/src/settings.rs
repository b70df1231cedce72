//! What an installation decides about this service.

use std::collections::BTreeMap;
use std::sync::Arc;

use keys::software::SoftwareKey;
use url::Url;

use crate::client::Names;

/// Settings of idp, checked before they come here (`xinyin config check`).
#[derive(Clone, Debug)]
pub struct Settings {
    /// The external URL: issuer, without a trailing slash or query (`http://localhost:8080`).
    pub issuer: Url,
    /// Names of the place that pages show (示范省 示范市).
    pub place: String,
    /// The region that this installation stands for (GB/T 2260).
    pub region: String,
    /// The telephone number for help on every page.
    pub help_phone: String,
    /// Whether this is the demonstration: pages say so, fast password hashing is allowed.
    pub demonstration: bool,
    /// What matters are called, by code, where pages say for which ones a mandate is.
    pub matter_names: BTreeMap<String, Names>,
    /// Registers, where they are configured.
    pub registers: Registers,
    /// The proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<web::site::Network>,
    /// How long a session lives, in seconds.
    pub session_seconds: i64,
    /// How long a remembered session lives, in seconds.
    pub remembered_seconds: i64,
    /// Life of an access token in seconds, at most 300.
    pub access_token_seconds: i64,
    /// Life of a refresh token (each of a family), in seconds.
    pub refresh_token_seconds: i64,
    /// For how long the previous refresh token of a family of one of the house's own services still answers, once, after its
    /// rotation (a lost answer); 0 is strict. Every other client's answers once (RFC 9700 §4.14.2).
    pub refresh_grace_seconds: i64,
}

/// The registers behind the connectors; `None` where there is none.
#[derive(Clone, Debug, Default)]
pub struct Registers {
    /// Population register.
    pub population: Option<Register>,
    /// Register of legal persons.
    pub legal_persons: Option<Register>,
    /// Operator of phones.
    pub phone: Option<Register>,
}

/// One register: where it is and who we are there.
#[derive(Clone, Debug)]
pub struct Register {
    /// Its base URL.
    pub url: Url,
    /// Our id there.
    pub client_id: String,
    /// The key that signs our calls; `None`: the one for client assertions in the key store.
    pub key: Option<Arc<SoftwareKey>>,
}

impl Settings {
    /// Settings with the usual lives for `issuer`.
    pub fn new(issuer: Url) -> Self {
        Self {
            issuer,
            place: String::new(),
            region: String::new(),
            help_phone: String::new(),
            demonstration: false,
            matter_names: BTreeMap::new(),
            registers: Registers::default(),
            trusted_proxies: Vec::new(),
            session_seconds: 8 * 3_600,
            remembered_seconds: 14 * 86_400,
            access_token_seconds: 300,
            refresh_token_seconds: 30 * 86_400,
            refresh_grace_seconds: 30,
        }
    }

    /// The issuer as it stands in tokens: no trailing slash.
    pub fn issuer_text(&self) -> &str {
        self.issuer.as_str().trim_end_matches('/')
    }

    /// The absolute URL of one of our paths.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.issuer_text())
    }
}
