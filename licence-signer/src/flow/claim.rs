//! An `Idempotency-Key`: whose it is, what it stands for, what it did. Digests alone are kept.

use serde_json::Value;
use store::{StorageError, Tx};
use verifier::time::Timestamp;

use super::error::FlowError;
use crate::LicenceSigner;
use crate::officer::Officer;
use crate::storage::digests::Digests;
use crate::storage::idempotency::{self, Done};

/// An `Idempotency-Key` and the request that it stands for.
#[derive(Clone)]
pub struct IdempotencyKey {
    /// The header's value.
    pub key: String,
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The body, read.
    pub body: Value,
}

impl std::fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IdempotencyKey({} {})", self.method, self.path)
    }
}

/// What an `Idempotency-Key` stands for, as digests under every live key.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    scope: Digests,
    request: Digests,
}

impl Claim {
    /// Whether what was done was this request.
    pub(crate) fn is(&self, done: &Done) -> bool {
        self.request.contain(&done.request)
    }

    /// What the key did, under whichever digest it was kept.
    pub(crate) async fn find(&self, tx: &mut Tx) -> Result<Option<Done>, StorageError> {
        idempotency::find(tx, &self.scope).await
    }

    /// Takes the key for what this transaction does, or answers what it did before.
    pub(crate) async fn take(
        &self,
        tx: &mut Tx,
        licence: &str,
        event: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<Done>, StorageError> {
        if idempotency::claim(tx, &self.scope, self.request.current(), licence, event, now).await? {
            return Ok(None);
        }
        let done = self.find(tx).await?;
        done.map(Some).ok_or(StorageError::Damaged("an idempotency row"))
    }
}

impl LicenceSigner {
    /// The claim of an `Idempotency-Key`. It belongs to the caller (department, and client or mandate), method and path, so
    /// that whoever guesses another's learns and does nothing by it.
    pub(crate) fn claim(&self, officer: &Officer, key: &IdempotencyKey) -> Result<Claim, FlowError> {
        let fits = (1..=255).contains(&key.key.len()) && key.key.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
        if !fits {
            return Err(FlowError::Member("Idempotency-Key"));
        }
        let owner = [&officer.department().code, officer.actor(), &key.method, &key.path, &key.key].join("\n");
        Ok(Claim {
            scope: self.digests("idempotency.scope", &owner)?,
            request: self.digests("idempotency.request", &key.body.to_string())?,
        })
    }

    /// The digests of a value under every live key.
    pub(crate) fn digests(&self, kind: &str, canonical: &str) -> Result<Digests, FlowError> {
        let digests = self.field_keys(self.sources().now())?.digests(kind, canonical);
        Digests::new(digests).ok_or_else(|| {
            FlowError::Internal("the key store has none or more than eight keys field_digest".to_owned())
        })
    }
}
