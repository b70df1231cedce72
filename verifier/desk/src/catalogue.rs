//! What licence types call their items: from the trust bundle, which names those of codes, and beyond it from the type's public
//! metadata at licence-signer. Names alone are read there; no verdict rests on them, and without them a page shows the bare ones.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keys::sources::Sources;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use verifier::time::Timestamp;
use web::outbound::Outbound;

/// Types kept at once.
const MOST: usize = 256;
/// How long what a type says is used again.
const KEPT_SECONDS: i64 = 600;
/// How long it is not asked again after it gave nothing.
const GONE_SECONDS: i64 = 60;
/// How long a page waits for names.
const PATIENCE: Duration = Duration::from_secs(1);

/// Names of items, each with its titles by language.
type Titles = Arc<Map<String, Value>>;
type Kept = HashMap<(String, u64), (Timestamp, Option<Titles>)>;

/// Asks for titles and keeps them. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Catalogue {
    signer_url: Arc<str>,
    outbound: Outbound,
    sources: Sources,
    kept: Arc<Mutex<Kept>>,
}

/// SD-JWT VC Type Metadata, as far as names go.
#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    claims: Vec<Claim>,
}

#[derive(Deserialize)]
struct Claim {
    path: Vec<Value>,
    #[serde(default)]
    display: Vec<Display>,
}

#[derive(Deserialize)]
struct Display {
    locale: String,
    #[serde(default)]
    label: String,
}

impl Catalogue {
    pub(crate) fn new(signer_url: &str, outbound: Outbound, sources: Sources) -> Self {
        Self { signer_url: signer_url.into(), outbound, sources, kept: Arc::default() }
    }

    /// What the items of a version of a type are called, if that can be had at once.
    pub(crate) async fn titles(&self, code: &str, version: u64) -> Option<Titles> {
        if code.is_empty() || code.len() > 64 || !code.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return None; // it goes into an address
        }
        let key = (code.to_owned(), version);
        let now = self.sources.now();
        if let Some((at, titles)) = self.locked().get(&key) {
            let life = if titles.is_some() { KEPT_SECONDS } else { GONE_SECONDS };
            if (0..life).contains(&now.since(*at)) {
                return titles.clone();
            }
        }
        let asked = tokio::time::timeout(PATIENCE, self.fetch(code, version)).await;
        let titles = asked.ok().flatten().map(Arc::new);
        let mut kept = self.locked();
        if kept.len() >= MOST {
            kept.retain(|_, (at, _)| now.since(*at) < GONE_SECONDS);
        }
        if kept.len() < MOST {
            kept.insert(key, (now, titles.clone()));
        }
        titles
    }

    async fn fetch(&self, code: &str, version: u64) -> Option<Map<String, Value>> {
        let url = format!("{}/types/{code}/{version}", self.signer_url);
        let answer = self.outbound.get(&url, "application/json").await.ok()?;
        if !answer.status.is_success() {
            return None;
        }
        let metadata: Metadata = serde_json::from_value(answer.json()?).ok()?;
        let mut titles = Map::new();
        for claim in metadata.claims.into_iter().take(256) {
            if let [group, Value::String(name)] = claim.path.as_slice()
                && group == "items"
            {
                let display = claim.display.into_iter().take(8);
                let by_language: Map<String, Value> = display.map(|shown| (shown.locale, json!(shown.label))).collect();
                titles.insert(name.clone(), Value::Object(by_language));
            }
        }
        Some(titles)
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
