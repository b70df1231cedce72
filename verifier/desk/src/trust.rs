//! The trust bundle that the desk judges by: read once, kept parsed, renewed beside requests.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use keys::sources::Sources;
use verifier::encoding::hex;
use verifier::trust::{Pin, Trust};
use web::outbound::Outbound;

use crate::settings::{Settings, TrustSource};

/// Between two looks at a file.
const FILE_PAUSE: Duration = Duration::from_secs(30);
/// Between two fetches.
const FETCH_PAUSE: Duration = Duration::from_hours(1);
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
}

#[derive(Clone)]
struct Held {
    bytes: Arc<[u8]>,
    trust: Arc<Trust>,
    pin: Pin,
}

impl TrustKeeper {
    pub(crate) fn new(settings: &Settings, outbound: Outbound, sources: Sources) -> Self {
        Self {
            source: settings.trust.clone(),
            refuse_demonstration: settings.refuse_demonstration,
            outbound,
            sources,
            held: Arc::default(),
        }
    }

    /// Reads or fetches the bundle. One that leads back to another root, or is older than the one held, changes nothing.
    ///
    /// # Errors
    ///
    /// A sentence for the log: a bundle that does not read or must not be believed. One that cannot be fetched now is no
    /// error at all.
    pub(crate) async fn refresh(&self) -> Result<(), String> {
        let bytes = match &self.source {
            TrustSource::File { path, .. } => {
                tokio::fs::read(path).await.map_err(|error| format!("cannot read {}: {error}", path.display()))?
            }
            TrustSource::Url { url, .. } => match self.outbound.get(url, "application/json").await {
                Ok(answer) if answer.status.is_success() => answer.body.to_vec(),
                Ok(answer) => {
                    tracing::warn!(status = answer.status.as_u16(), "the trust bundle cannot be fetched now");
                    return Ok(());
                }
                Err(error) => {
                    tracing::warn!(%error, "the trust bundle cannot be fetched now");
                    return Ok(());
                }
            },
        };
        if self.held().is_some_and(|held| held.bytes.as_ref() == bytes.as_slice()) {
            return Ok(());
        }
        self.take(bytes)
    }

    fn take(&self, bytes: Vec<u8>) -> Result<(), String> {
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
        let before = self.held().map(|held| held.pin);
        trust.check_rollback(before.as_ref()).map_err(|error| error.to_string())?;
        let held = Held { pin: trust.pin(), trust: Arc::new(trust), bytes: bytes.into() };
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = Some(held);
        Ok(())
    }

    /// How long to wait before the next look.
    pub(crate) fn pause(&self) -> Duration {
        match (&self.source, self.held()) {
            (TrustSource::File { .. }, _) => FILE_PAUSE,
            (TrustSource::Url { .. }, Some(held)) if held.trust.check_expiry(self.sources.now()).is_ok() => FETCH_PAUSE,
            (TrustSource::Url { .. }, _) => RETRY_PAUSE,
        }
    }

    /// The bundle, parsed.
    pub(crate) fn trust(&self) -> Option<Arc<Trust>> {
        self.held().map(|held| held.trust)
    }

    /// The bundle, as it came.
    pub(crate) fn bytes(&self) -> Option<Arc<[u8]>> {
        self.held().map(|held| held.bytes)
    }

    fn held(&self) -> Option<Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
