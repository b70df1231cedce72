//! The trust bundle that the desk judges by: read once, kept parsed, renewed beside requests, and at once when a document
//! names a key that it does not hold.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use keys::sources::Sources;
use tracing::Instrument;
use verifier::encoding::hex;
use verifier::report::{Reason, Report};
use verifier::time::Timestamp;
use verifier::trust::{Pin, Trust};
use web::outbound::{Answer, Outbound, OutboundError};

use crate::settings::{Settings, TrustSource};

/// Between two looks at the source: within it a new or a compromised key reaches the desk, as it does every service.
const PAUSE: Duration = Duration::from_secs(30);
/// Between two looks that documents bring about, in seconds, whatever strangers send.
const ASK_SECONDS: i64 = 5;
/// Between two fetches while there is no bundle yet.
const RETRY_PAUSE: Duration = Duration::from_secs(5);

/// Keeps the newest bundle that may be believed. Cheap to clone.
#[derive(Clone)]
pub(crate) struct TrustKeeper {
    source: TrustSource,
    refuse_demonstration: bool,
    outbound: Outbound,
    sources: Sources,
    held: Arc<RwLock<Option<Held>>>,
    /// When a look that a document brought about last ended; held while the desk looks.
    asked: Arc<tokio::sync::Mutex<Option<Timestamp>>>,
}

#[derive(Clone)]
struct Held {
    bytes: Arc<[u8]>,
    tag: Option<HeaderValue>,
    trust: Arc<Trust>,
    pin: Pin,
    as_of: Timestamp,
}

/// A bundle, and when it was last known to be the newest.
pub(crate) struct Current {
    pub trust: Arc<Trust>,
    pub as_of: Timestamp,
}

impl TrustKeeper {
    pub(crate) fn new(settings: &Settings, outbound: Outbound, sources: Sources) -> Self {
        Self {
            source: settings.trust.clone(),
            refuse_demonstration: settings.refuse_demonstration,
            outbound,
            sources,
            held: Arc::default(),
            asked: Arc::default(),
        }
    }

    /// Reads or fetches the bundle. One that leads back to another root, or is older than the one held, changes nothing.
    ///
    /// # Errors
    ///
    /// A sentence for the log: a bundle that does not read or must not be believed. One that cannot be fetched now is no
    /// error at all.
    pub(crate) async fn refresh(&self) -> Result<(), String> {
        let now = self.sources.now();
        match &self.source {
            TrustSource::File { path, .. } => {
                let failed = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
                let bytes = tokio::fs::read(path).await.map_err(failed)?;
                let written = tokio::fs::metadata(path).await.and_then(|file| file.modified()).map_err(failed)?;
                let seconds = written.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
                self.take(bytes, None, Timestamp::from_seconds(i64::try_from(seconds).unwrap_or(i64::MAX)).min(now))
            }
            TrustSource::Url { url, .. } => match self.fetch(url).await {
                Ok(answer) if answer.status == StatusCode::NOT_MODIFIED => {
                    self.confirm(now);
                    Ok(())
                }
                Ok(answer) if answer.status.is_success() => {
                    self.take(answer.body.to_vec(), answer.headers.get(header::ETAG).cloned(), now)
                }
                Ok(answer) => {
                    tracing::warn!(status = answer.status.as_u16(), "the trust bundle cannot be fetched now");
                    Ok(())
                }
                Err(error) => {
                    tracing::warn!(%error, "the trust bundle cannot be fetched now");
                    Ok(())
                }
            },
        }
    }

    async fn fetch(&self, url: &str) -> Result<Answer, OutboundError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(tag) = self.held().and_then(|held| held.tag) {
            headers.insert(header::IF_NONE_MATCH, tag);
        }
        self.outbound.send(Method::GET, url, headers, Vec::new()).await
    }

    /// Looks at the source once more because of a report that rests on what the bundle lacks. `true` if a newer bundle came;
    /// it is asked for at most once in five seconds, whoever sends what.
    pub(crate) async fn refresh_for(&self, report: &Report) -> bool {
        if !report.checks.iter().any(|check| check.reason.is_some_and(may_be_newer)) {
            return false;
        }
        let before = self.held().map(|held| held.pin);
        self.look_again().await;
        self.held().map(|held| held.pin) != before
    }

    /// One look for all who ask while it lasts; a caller who hangs up does not cut it off.
    async fn look_again(&self) {
        let mut asked = self.asked.clone().lock_owned().await;
        if asked.is_some_and(|at| (0..ASK_SECONDS).contains(&self.sources.now().since(at))) {
            return;
        }
        let keeper = self.clone();
        let look = async move {
            if let Err(error) = keeper.refresh().await {
                tracing::warn!(%error, "the trust bundle was not renewed");
            }
            *asked = Some(keeper.sources.now()); // those who have waited use what came
        };
        if let Err(error) = tokio::spawn(look.in_current_span()).await {
            tracing::error!(%error, "the look at the trust bundle broke off");
        }
    }

    /// What is held is the newest as of `now`.
    fn confirm(&self, now: Timestamp) {
        if let Some(held) = self.held.write().unwrap_or_else(PoisonError::into_inner).as_mut() {
            held.as_of = held.as_of.max(now);
        }
    }

    fn take(&self, bytes: Vec<u8>, tag: Option<HeaderValue>, as_of: Timestamp) -> Result<(), String> {
        if self.held().is_some_and(|held| held.bytes.as_ref() == bytes.as_slice()) {
            self.confirm(as_of);
            return Ok(());
        }
        let trust = Trust::read_unexpired(&bytes).map_err(|error| error.to_string())?;
        if self.refuse_demonstration && trust.is_demonstration() {
            return Err("the bundle bears the mark of the demonstration, whose authorities are not real".to_owned());
        }
        let expected = match &self.source {
            TrustSource::File { root_sha256, .. } => root_sha256.as_deref(),
            TrustSource::Url { root_sha256, .. } => Some(root_sha256.as_str()),
        };
        let found = hex::encode(trust.root_sha256());
        if expected.is_some_and(|expected| !expected.eq_ignore_ascii_case(&found)) {
            return Err(format!("its root is {found}, another one than root_sha256 names"));
        }
        let mut newest = self.held.write().unwrap_or_else(PoisonError::into_inner);
        let before = newest.as_ref().map(|held| held.pin);
        trust.check_rollback(before.as_ref()).map_err(|error| error.to_string())?;
        *newest = Some(Held { pin: trust.pin(), trust: Arc::new(trust), bytes: bytes.into(), tag, as_of });
        Ok(())
    }

    /// How long to wait before the next look.
    pub(crate) fn pause(&self) -> Duration {
        match (&self.source, self.held()) {
            (TrustSource::Url { .. }, None) => RETRY_PAUSE,
            (TrustSource::Url { .. }, Some(held)) if held.trust.check_expiry(self.sources.now()).is_err() => {
                RETRY_PAUSE
            }
            _ => PAUSE,
        }
    }

    /// The bundle, parsed.
    pub(crate) fn current(&self) -> Option<Current> {
        self.held().map(|held| Current { trust: held.trust, as_of: held.as_of })
    }

    /// The bundle, as it came.
    pub(crate) fn bytes(&self) -> Option<Arc<[u8]>> {
        self.held().map(|held| held.bytes)
    }

    fn held(&self) -> Option<Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Whether a newer bundle may hold what a check missed.
fn may_be_newer(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::PathUnknownIssuer
            | Reason::PowerUnlisted
            | Reason::AlgorithmUnlisted
            | Reason::LogUnknown
            | Reason::LogKey
            | Reason::StatusOrigin
            | Reason::StatusSigner
            | Reason::FormTypeUnknown
            | Reason::TrustExpired
    )
}

#[cfg(test)]
mod tests {
    use keys::sources::Clock;
    use tokio::time::Instant;
    use web::outbound::OutboundSettings;

    use super::*;

    const MOST: Duration = Duration::from_secs(2);

    /// Ten seconds pass while one fetch gives up.
    struct Quick(Instant);

    impl Clock for Quick {
        fn now(&self) -> Timestamp {
            let passed = i64::try_from(self.0.elapsed().as_millis()).expect("a short test");
            Timestamp::from_seconds(1_800_000_000 + passed / 200)
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn whoever_asks_while_the_source_hangs_waits_for_one_fetch() {
        web::install_crypto();
        let hangs = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("listens");
        let origin = format!("http://{}", hangs.local_addr().expect("an address"));
        let source = TrustSource::Url { url: format!("{origin}/trust.json"), root_sha256: "0".repeat(64) };
        let settings = Settings::new("http://localhost:8082", "http://localhost:8080", &origin, source);
        let door = OutboundSettings { allowed_origins: vec![origin], time: MOST, ..OutboundSettings::default() };
        let sources = Sources { clock: Arc::new(Quick(Instant::now())), ..Sources::system() };
        let keeper = TrustKeeper::new(&settings, Outbound::new(&door).expect("a door"), sources);

        let begun = Instant::now();
        let asks: Vec<_> = (0..8)
            .map(|_| {
                let keeper = keeper.clone();
                tokio::spawn(async move { keeper.look_again().await })
            })
            .collect();
        asks[0].abort(); // who hangs up costs the others nothing
        for ask in asks.into_iter().skip(1) {
            ask.await.expect("ends");
        }
        let took = begun.elapsed();
        assert!(took < MOST * 2, "{took:?}");
    }
}
