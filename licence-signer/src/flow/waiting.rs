//! Who waits for a leaf's place: the sequencer of this process hands the proof over when its batch is committed, so that
//! nobody asks the database for it. Where another process sequences, the leaf is looked at now and then.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

/// The leaves of this process that somebody waits for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waiting(Arc<Mutex<HashMap<String, oneshot::Sender<String>>>>);

/// One who waits. Gone when it is dropped.
#[derive(Debug)]
pub(crate) struct Awaited {
    leaf: String,
    /// Until it was handed over.
    proof: Option<oneshot::Receiver<String>>,
    waiting: Waiting,
}

impl Waiting {
    /// Waits for a leaf from now on: before the transaction that records it is committed.
    pub(crate) fn for_leaf(&self, leaf: &str) -> Awaited {
        let (sender, proof) = oneshot::channel();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(leaf.to_owned(), sender);
        Awaited { leaf: leaf.to_owned(), proof: Some(proof), waiting: self.clone() }
    }

    /// Hands out the proofs of a committed batch.
    pub(crate) fn placed<'a>(&self, proofs: impl Iterator<Item = (&'a str, &'a str)>) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (leaf, proof) in proofs {
            if let Some(sender) = waiting.remove(leaf) {
                let _ = sender.send(proof.to_owned()); // whoever waited has gone
            }
        }
    }
}

impl Awaited {
    /// The proof, if it comes within `patience`; once.
    pub(crate) async fn proof(&mut self, patience: Duration) -> Option<String> {
        let coming = async {
            match &mut self.proof {
                Some(proof) => proof.await.ok(),
                None => std::future::pending().await,
            }
        };
        let came = tokio::time::timeout(patience, coming).await.ok()?;
        self.proof = None;
        came
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        self.waiting.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.leaf);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_proof_is_handed_to_whoever_waits_for_its_leaf() {
        let waiting = Waiting::default();
        let (mut one, other) = (waiting.for_leaf("a"), waiting.for_leaf("b"));
        waiting.placed([("a", "proof"), ("c", "of nobody here")].into_iter());
        assert_eq!(one.proof(Duration::from_secs(5)).await.as_deref(), Some("proof"));
        assert_eq!(one.proof(Duration::from_millis(1)).await, None, "once");
        drop((one, other));
        assert!(waiting.0.lock().expect("nothing panics with it").is_empty(), "who goes away leaves nothing behind");
    }
}
