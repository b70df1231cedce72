//! Sessions of the pages. The cookie's value is stored as a digest; who it is stands encrypted in the row.

use ring::digest::{SHA256, digest};
use store::{StorageError, Tx, on};
use verifier::time::Timestamp;

pub(crate) const INSERT: &str =
    "INSERT INTO page_sessions (id_digest, secrets, checked_at, created_at, expires_at) VALUES ($1, $2, $3, $3, $4)";
pub(crate) const FIND: &str = "SELECT secrets, checked_at FROM page_sessions WHERE id_digest = $1 AND expires_at > $2";
pub(crate) const RENEW: &str = "UPDATE page_sessions SET secrets = $2, checked_at = $3 WHERE id_digest = $1";
pub(crate) const DELETE: &str = "DELETE FROM page_sessions WHERE id_digest = $1";

/// What leaves by itself.
pub(crate) const SWEEP: store::Sweep = store::Sweep {
    name: "page sessions",
    sql: "DELETE FROM page_sessions WHERE id_digest IN
        (SELECT id_digest FROM page_sessions WHERE expires_at <= $1 LIMIT $2)",
};

/// The key of the row for a cookie's value.
pub(crate) fn digest_of(cookie: &str) -> Vec<u8> {
    digest(&SHA256, cookie.as_bytes()).as_ref().to_vec()
}

/// Stores a session, its contents sealed.
pub(crate) async fn insert(
    tx: &mut Tx,
    id_digest: &[u8],
    sealed: &[u8],
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(INSERT).bind(id_digest).bind(sealed).bind(now.seconds()).bind(expires_at.seconds())
        .execute(c).await.map(drop))
}

/// The sealed contents of a live session, and when idp last vouched for it.
pub(crate) async fn find(
    tx: &mut Tx,
    id_digest: &[u8],
    now: Timestamp,
) -> Result<Option<(Vec<u8>, Timestamp)>, StorageError> {
    let row: Option<(Vec<u8>, i64)> =
        on!(tx, c => sqlx::query_as(FIND).bind(id_digest).bind(now.seconds()).fetch_optional(c).await)?;
    Ok(row.map(|(sealed, at)| (sealed, Timestamp::from_seconds(at))))
}

/// Keeps renewed contents.
pub(crate) async fn renew(tx: &mut Tx, id_digest: &[u8], sealed: &[u8], now: Timestamp) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(RENEW).bind(id_digest).bind(sealed).bind(now.seconds()).execute(c).await.map(drop))
}

/// Ends a session.
pub(crate) async fn delete(tx: &mut Tx, id_digest: &[u8]) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(DELETE).bind(id_digest).execute(c).await.map(drop))
}
