//! The tables `revoked_tokens` and `seen_assertions`: what no longer counts, one by one.

use store::{StorageError, Tx, on, sqlx};
use verifier::time::Timestamp;

use crate::ids::ClientId;

const INSERT_REVOKED: &str =
    "INSERT INTO revoked_tokens (jti, expires_at) VALUES ($1, $2) ON CONFLICT (jti) DO NOTHING";
const FIND_REVOKED: &str = "SELECT jti FROM revoked_tokens WHERE jti = $1";
const SEE: &str = "INSERT INTO seen_assertions (client_id, jti_digest, expires_at) VALUES ($1, $2, $3)
    ON CONFLICT (client_id, jti_digest) DO NOTHING";

/// Notes that a JWT access token no longer counts.
pub(crate) async fn revoke_jti(tx: &mut Tx, jti: &str, expires_at: Timestamp) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(INSERT_REVOKED).bind(jti).bind(expires_at.seconds()).execute(c).await.map(drop))
}

/// Whether an access token was revoked by itself.
pub(crate) async fn is_revoked(tx: &mut Tx, jti: &str) -> Result<bool, StorageError> {
    let row: Option<(String,)> = on!(tx, c => sqlx::query_as(FIND_REVOKED).bind(jti).fetch_optional(c).await)?;
    Ok(row.is_some())
}

/// Notes an assertion; `false` if it was seen before.
pub(crate) async fn see(
    tx: &mut Tx,
    client: &ClientId,
    jti_digest: &str,
    until: Timestamp,
) -> Result<bool, StorageError> {
    on!(tx, c => sqlx::query(SEE)
        .bind(client.as_str()).bind(jti_digest).bind(until.seconds())
        .execute(c).await.map(|d| d.rows_affected() == 1))
}
