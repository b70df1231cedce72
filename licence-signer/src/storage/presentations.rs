//! Presentations: found by digest, resolved once.

use store::{StorageError, Tx, on};
use verifier::time::Timestamp;

use super::digests::{Digests, with_digests};

const BY_CODE: &str = "SELECT id, licence, holder_digest, items, verifier, purpose, created_at, expires_at,
    resolved_by, resolved_at, asked_by, asked, asked_at, agreed_at FROM presentations
    WHERE code_digest IN ($1, $2, $3, $4, $5, $6, $7, $8) LIMIT 1";
const BY_DIGITS: &str = "SELECT id, licence, holder_digest, items, verifier, purpose, created_at, expires_at,
    resolved_by, resolved_at, asked_by, asked, asked_at, agreed_at FROM presentations
    WHERE digits_digest IN ($2, $3, $4, $5, $6, $7, $8, $9) AND expires_at > $1 ORDER BY created_at DESC LIMIT 1";
const BY_ID: &str = "SELECT id, licence, holder_digest, items, verifier, purpose, created_at, expires_at,
    resolved_by, resolved_at, asked_by, asked, asked_at, agreed_at FROM presentations WHERE id = $1";
const ADD: &str = "INSERT INTO presentations (id, code_digest, digits_digest, licence, holder_digest, items, verifier,
    purpose, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
const TAKE: &str = "UPDATE presentations SET resolved_by = $2, resolved_at = $3
    WHERE id = $1 AND resolved_by IS NULL AND (expires_at > $3 OR (agreed_at > $4 AND asked_by = $2))";
const ASK: &str = "UPDATE presentations SET asked_by = $2, asked = $3, asked_at = $4
    WHERE id = $1 AND asked_by IS NULL AND resolved_by IS NULL AND expires_at > $4";
const AGREE: &str =
    "UPDATE presentations SET agreed_at = $2 WHERE id = $1 AND holder_digest IN ($4, $5, $6, $7, $8, $9, $10, $11)
    AND asked IS NOT NULL AND agreed_at IS NULL AND resolved_by IS NULL AND asked_at > $3";
const WITHDRAW: &str =
    "UPDATE presentations SET expires_at = $2, agreed_at = NULL, asked = NULL, asked_at = NULL WHERE id = $1
    AND holder_digest IN ($3, $4, $5, $6, $7, $8, $9, $10) AND resolved_by IS NULL";
const SWEEP: &str = "DELETE FROM presentations WHERE id IN
    (SELECT id FROM presentations WHERE expires_at < $1 ORDER BY expires_at LIMIT 500)";

/// A row of `presentations`.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct PresentationRow {
    pub(crate) id: String,
    pub(crate) licence: String,
    pub(crate) holder_digest: Vec<u8>,
    pub(crate) items: String,
    pub(crate) verifier: Option<String>,
    pub(crate) purpose: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) expires_at: i64,
    pub(crate) resolved_by: Option<String>,
    pub(crate) resolved_at: Option<i64>,
    pub(crate) asked_by: Option<String>,
    pub(crate) asked: Option<String>,
    pub(crate) asked_at: Option<i64>,
    pub(crate) agreed_at: Option<i64>,
}

/// Adds one; code and digits come as digests.
pub(crate) async fn add(
    tx: &mut Tx,
    row: &PresentationRow,
    code_digest: &[u8],
    digits_digest: &[u8],
) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(ADD).bind(&row.id).bind(code_digest).bind(digits_digest).bind(&row.licence)
        .bind(&row.holder_digest).bind(&row.items).bind(&row.verifier).bind(&row.purpose).bind(row.created_at)
        .bind(row.expires_at).execute(c).await.map(drop))
}

/// By the digest of its code.
pub(crate) async fn by_code(tx: &mut Tx, code: &Digests) -> Result<Option<PresentationRow>, StorageError> {
    on!(tx, c => with_digests!(sqlx::query_as(BY_CODE), code)
        .fetch_optional(c).await)
}

/// By the digest of its digits, from `since` on.
pub(crate) async fn by_digits(
    tx: &mut Tx,
    digits: &Digests,
    since: Timestamp,
) -> Result<Option<PresentationRow>, StorageError> {
    on!(tx, c => with_digests!(sqlx::query_as(BY_DIGITS).bind(since.seconds()), digits)
        .fetch_optional(c).await)
}

/// By its id.
pub(crate) async fn by_id(tx: &mut Tx, id: &str) -> Result<Option<PresentationRow>, StorageError> {
    on!(tx, c => sqlx::query_as(BY_ID).bind(id).fetch_optional(c).await)
}

/// Takes it out of use for `caller`: in its minute, or after the holder agreed to this caller. Of two that race exactly one gets
/// `true`.
pub(crate) async fn take(
    tx: &mut Tx,
    id: &str,
    caller: &str,
    now: Timestamp,
    agreed_since: Timestamp,
) -> Result<bool, StorageError> {
    let rows = on!(tx, c => sqlx::query(TAKE).bind(id).bind(caller).bind(now.seconds()).bind(agreed_since.seconds())
        .execute(c).await.map(|done| done.rows_affected()))?;
    Ok(rows == 1)
}

/// Writes down who typed the digits, the first alone.
pub(crate) async fn ask(
    tx: &mut Tx,
    id: &str,
    caller: &str,
    asked: &str,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let rows = on!(tx, c => sqlx::query(ASK).bind(id).bind(caller).bind(asked).bind(now.seconds())
        .execute(c).await.map(|done| done.rows_affected()))?;
    Ok(rows == 1)
}

/// The holder agrees to whoever asked since `asked_since`.
pub(crate) async fn agree(
    tx: &mut Tx,
    id: &str,
    holder: &Digests,
    now: Timestamp,
    asked_since: Timestamp,
) -> Result<bool, StorageError> {
    let rows = on!(tx, c => with_digests!(sqlx::query(AGREE).bind(id).bind(now.seconds()).bind(asked_since.seconds()), holder)
        .execute(c).await.map(|done| done.rows_affected()))?;
    Ok(rows == 1)
}

/// The holder withdraws it: nobody asks any more. Who asked stays, so that his repeat is told so.
pub(crate) async fn withdraw(tx: &mut Tx, id: &str, holder: &Digests, now: Timestamp) -> Result<bool, StorageError> {
    let rows = on!(tx, c => with_digests!(sqlx::query(WITHDRAW).bind(id).bind(now.seconds()), holder)
        .execute(c).await.map(|done| done.rows_affected()))?;
    Ok(rows == 1)
}

/// Deletes up to 500 that ended before `before`.
pub(crate) async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<u64, StorageError> {
    on!(tx, c => sqlx::query(SWEEP).bind(before.seconds()).execute(c).await.map(|done| done.rows_affected()))
}
