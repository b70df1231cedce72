//! What an `Idempotency-Key` did. A row is written with what it did, in one transaction; a refusal leaves none.

use store::{StorageError, Tx, on};
use verifier::time::Timestamp;

use super::digests::{Digests, with_digests};

const CLAIM: &str = "INSERT INTO idempotency (scope, request, licence, event, at) SELECT $1, $2, $3, $4, $5
    WHERE NOT EXISTS (SELECT 1 FROM idempotency WHERE scope IN ($6, $7, $8, $9, $10, $11, $12, $13))
    ON CONFLICT (scope) DO NOTHING";
const FIND: &str = "SELECT request, licence, event FROM idempotency
    WHERE scope IN ($1, $2, $3, $4, $5, $6, $7, $8) LIMIT 1";

/// What a key did before.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Done {
    /// Keyed digest of the request.
    pub(crate) request: Vec<u8>,
    /// The licence.
    pub(crate) licence: String,
    /// The event, if it was one.
    pub(crate) event: Option<String>,
}

/// Takes the key for this transaction, unless it did something under any live digest. Of two that race exactly one gets
/// `true`; the other waits for its commit.
pub(crate) async fn claim(
    tx: &mut Tx,
    scope: &Digests,
    request: &[u8],
    licence: &str,
    event: Option<&str>,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let rows = on!(tx, c => with_digests!(sqlx::query(CLAIM).bind(scope.current()).bind(request).bind(licence).bind(event)
        .bind(now.seconds()), scope).execute(c).await.map(|done| done.rows_affected()))?;
    Ok(rows == 1)
}

/// What the key did.
pub(crate) async fn find(tx: &mut Tx, scope: &Digests) -> Result<Option<Done>, StorageError> {
    on!(tx, c => with_digests!(sqlx::query_as(FIND), scope)
        .fetch_optional(c).await)
}
