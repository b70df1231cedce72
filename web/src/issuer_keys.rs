//! The keys of an OpenID Connect issuer: found by discovery, cached, fetched again when an unknown one is named.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use keys::sources::Sources;
use serde_json::Value;
use tokio::sync::Mutex;
use verifier::algorithm::PublicKey;
use verifier::time::Timestamp;

use crate::outbound::{Outbound, OutboundError};

/// How long fetched keys count without another look.
const FRESH_SECONDS: i64 = 300;
/// How soon after a fetch an unknown key identifier may cause the next: what a stranger writes into a header costs no more.
const AGAIN_SECONDS: i64 = 10;
/// How long keys still count while the issuer does not answer.
const KEPT_SECONDS: i64 = 86_400;
const MOST_KEYS: usize = 64;

/// Why there is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    /// The issuer does not answer, and nothing is kept of it.
    #[error("the issuer cannot be reached: {0}")]
    Unreachable(#[from] OutboundError),
    /// Its answers are not what discovery says (OpenID Connect Discovery §4.3).
    #[error("the issuer's discovery document or keys are not as they should be: {0}")]
    Malformed(&'static str),
    /// It has no such key.
    #[error("the issuer has no such key")]
    Unknown,
}

/// The keys of one issuer. Cheap to clone.
#[derive(Clone)]
pub struct IssuerKeys(Arc<Inner>);

struct Inner {
    issuer: String,
    outbound: Outbound,
    sources: Sources,
    kept: RwLock<Kept>,
    fetching: Mutex<()>,
}

#[derive(Clone, Default)]
struct Kept {
    keys: Arc<HashMap<String, Arc<PublicKey>>>,
    fetched_at: Option<Timestamp>,
    tried_at: Option<Timestamp>,
}

impl IssuerKeys {
    /// The keys of `issuer`; nothing is fetched yet.
    pub fn new(issuer: impl Into<String>, outbound: Outbound, sources: Sources) -> Self {
        let kept = RwLock::new(Kept::default());
        Self(Arc::new(Inner { issuer: issuer.into(), outbound, sources, kept, fetching: Mutex::new(()) }))
    }

    /// The issuer.
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// The key that `kid` names.
    pub async fn find(&self, kid: &str) -> Result<Arc<PublicKey>, IssuerError> {
        let now = self.0.sources.now();
        let kept = self.kept();
        let age = kept.fetched_at.map(|at| now.since(at));
        if let (Some(key), Some(0..FRESH_SECONDS)) = (kept.keys.get(kid), age) {
            return Ok(key.clone());
        }
        let refreshed = self.refresh(now).await;
        let kept = self.kept();
        let usable = kept.fetched_at.is_some_and(|at| now.since(at) < KEPT_SECONDS);
        match (kept.keys.get(kid), refreshed) {
            (Some(key), _) if usable => Ok(key.clone()),
            (_, Err(error)) => Err(error),
            _ => Err(IssuerError::Unknown),
        }
    }

    fn kept(&self) -> Kept {
        self.0.kept.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Fetches, unless another request just did.
    async fn refresh(&self, now: Timestamp) -> Result<(), IssuerError> {
        let _one = self.0.fetching.lock().await;
        if self.kept().tried_at.is_some_and(|at| (0..AGAIN_SECONDS).contains(&now.since(at))) {
            return Ok(());
        }
        let fetched = self.fetch().await;
        let mut kept = self.0.kept.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        // a failure is remembered for a moment only when there are keys to live on meanwhile
        if fetched.is_ok() || kept.fetched_at.is_some() {
            kept.tried_at = Some(now);
        }
        let keys = fetched.inspect_err(|error| tracing::warn!(%error, "keys of the issuer were not fetched"))?;
        kept.keys = Arc::new(keys);
        kept.fetched_at = Some(now);
        Ok(())
    }

    async fn fetch(&self) -> Result<HashMap<String, Arc<PublicKey>>, IssuerError> {
        let address = format!("{}/.well-known/openid-configuration", self.0.issuer.trim_end_matches('/'));
        let document = self.json(&address).await?;
        if document.get("issuer").and_then(Value::as_str) != Some(&self.0.issuer) {
            return Err(IssuerError::Malformed("another issuer"));
        }
        let address = document.get("jwks_uri").and_then(Value::as_str).ok_or(IssuerError::Malformed("no jwks_uri"))?;
        let set = self.json(address).await?;
        let keys = set.get("keys").and_then(Value::as_array).ok_or(IssuerError::Malformed("no keys"))?;
        // a key that this house cannot read is for others
        Ok(keys.iter().take(MOST_KEYS).filter_map(read_key).collect())
    }

    async fn json(&self, address: &str) -> Result<Value, IssuerError> {
        let answer = self.0.outbound.get(address, "application/json").await?;
        if !answer.status.is_success() {
            return Err(IssuerError::Malformed("an answer other than 200"));
        }
        answer.json().ok_or(IssuerError::Malformed("no JSON"))
    }
}

fn read_key(jwk: &Value) -> Option<(String, Arc<PublicKey>)> {
    let kid = jwk.get("kid")?.as_str()?;
    if jwk.get("use").is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    Some((kid.to_owned(), Arc::new(PublicKey::from_jwk(jwk).ok()?)))
}

impl std::fmt::Debug for IssuerKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IssuerKeys({})", self.0.issuer)
    }
}
