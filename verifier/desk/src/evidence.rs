//! What `needs` asked for: fetched through the one door out, only from origins of the trust bundle, kept for a short while
//! with its age. A fetch that fails is no error: the check is then not done.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use keys::sources::Sources;
use verifier::evidence::{EvidenceItem, EvidenceKind};
use web::outbound::Outbound;

/// Lists kept at once.
const MOST: usize = 64;

/// Fetches and keeps evidence. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Evidence {
    outbound: Outbound,
    sources: Sources,
    seconds: i64,
    kept: Arc<Mutex<HashMap<String, Arc<EvidenceItem>>>>,
}

impl Evidence {
    /// `seconds` (at most 30) is how long a list is used again.
    pub(crate) fn new(outbound: Outbound, sources: Sources, seconds: u32) -> Self {
        Self { outbound, sources, seconds: i64::from(seconds.min(30)), kept: Arc::default() }
    }

    /// Everything that is needed and can be had.
    pub(crate) async fn gather(&self, needs: &[(EvidenceKind, String)]) -> verifier::evidence::Evidence {
        let mut items = Vec::new();
        for (kind, uri) in needs {
            if *kind == EvidenceKind::StatusList
                && let Some(item) = self.status_list(uri).await
            {
                items.push(item.as_ref().clone());
            }
        }
        verifier::evidence::Evidence::new(items)
    }

    async fn status_list(&self, uri: &str) -> Option<Arc<EvidenceItem>> {
        let now = self.sources.now();
        if let Some(item) = self.locked().get(uri)
            && (0..self.seconds).contains(&now.since(item.fetched_at))
        {
            return Some(item.clone());
        }
        match self.outbound.get(uri, "application/statuslist+jwt").await {
            Ok(answer) if answer.status.is_success() => {
                let item = Arc::new(EvidenceItem {
                    kind: EvidenceKind::StatusList,
                    uri: uri.to_owned(),
                    fetched_at: now,
                    media_type: answer.media_type(),
                    body: answer.body.to_vec(),
                });
                let mut kept = self.locked();
                if kept.len() >= MOST {
                    kept.retain(|_, old| now.since(old.fetched_at) < self.seconds);
                }
                if kept.len() < MOST {
                    kept.insert(uri.to_owned(), item.clone());
                }
                Some(item)
            }
            Ok(answer) => {
                tracing::info!(status = answer.status.as_u16(), "a status list cannot be had now");
                None
            }
            Err(error) => {
                tracing::info!(%error, "a status list cannot be had now");
                None
            }
        }
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<EvidenceItem>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
