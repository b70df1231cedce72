//! The trust bundle as last published.

use store::{StorageError, Tx, on};
use verifier::time::Timestamp;

const FIND: &str = "SELECT body, revision FROM trust_bundle WHERE name = 'bundle'";
const SAVE: &str = "INSERT INTO trust_bundle (name, body, revision, at) VALUES ('bundle', $1, 1, $2)
    ON CONFLICT (name) DO UPDATE SET body = excluded.body, revision = trust_bundle.revision + 1, at = excluded.at";
const REVISION: &str = "SELECT revision FROM trust_bundle WHERE name = 'bundle'";

/// The stored bundle.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct StoredBundle {
    /// Its text.
    pub(crate) body: String,
    /// Rises with each saving.
    pub(crate) revision: i64,
}

/// The stored bundle.
pub(crate) async fn find(tx: &mut Tx) -> Result<Option<StoredBundle>, StorageError> {
    on!(tx, c => sqlx::query_as(FIND).fetch_optional(c).await)
}

/// The stored bundle's revision alone.
pub(crate) async fn revision(tx: &mut Tx) -> Result<Option<i64>, StorageError> {
    let row: Option<(i64,)> = on!(tx, c => sqlx::query_as(REVISION).fetch_optional(c).await)?;
    Ok(row.map(|(revision,)| revision))
}

/// Keeps a bundle.
pub(crate) async fn save(tx: &mut Tx, body: &str, now: Timestamp) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(SAVE).bind(body).bind(now.seconds()).execute(c).await.map(drop))
}
