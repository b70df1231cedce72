//! The table `refresh_tokens`.

use store::{StorageError, Tx, on, sqlx};
use verifier::time::Timestamp;

use super::families::may_act;
use crate::ids::ClientId;

const INSERT_REFRESH: &str =
    "INSERT INTO refresh_tokens (digest, family_id, client_id, predecessor, issued_at, expires_at, uses)
    VALUES ($1, $2, $3, $4, $5, $6, 0)";
const ROTATE: &str = concat!(
    "UPDATE refresh_tokens AS r SET used_at = coalesce(r.used_at, $3), uses = r.uses + 1
    WHERE r.digest = $1 AND r.client_id = $2 AND r.expires_at > $3
        AND (r.used_at IS NULL OR (r.uses = 1 AND r.used_at > $4
            AND NOT EXISTS (SELECT 1 FROM refresh_tokens n WHERE n.predecessor = $1 AND n.used_at IS NOT NULL)))
        AND EXISTS (SELECT 1 FROM authorizations a WHERE a.id = r.family_id
        AND ",
    may_act!("$3"),
    ")
    RETURNING family_id, uses"
);
const RETIRE_HEIRS: &str =
    "UPDATE refresh_tokens SET used_at = $2, uses = 2 WHERE predecessor = $1 AND used_at IS NULL";
const FIND_REFRESH: &str = "SELECT family_id, used_at FROM refresh_tokens WHERE digest = $1 AND client_id = $2";

/// A refresh token to be kept, by its digest.
pub(crate) struct NewRefreshToken<'a> {
    pub(crate) digest: &'a str,
    pub(crate) family: &'a str,
    pub(crate) client: &'a ClientId,
    pub(crate) predecessor: Option<&'a str>,
    pub(crate) issued_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

/// What became of a refresh token.
pub(crate) enum Rotated {
    /// It was good; its family's id.
    Family(String),
    /// It had been used before: somebody has a copy. The family's id, to be revoked.
    Reused(String),
    /// There is none for this client, or it has ended with its family, session, mandate or account.
    Unknown,
}

pub(crate) async fn insert(tx: &mut Tx, token: &NewRefreshToken<'_>) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(INSERT_REFRESH)
        .bind(token.digest).bind(token.family).bind(token.client.as_str()).bind(token.predecessor)
        .bind(token.issued_at.seconds()).bind(token.expires_at.seconds())
        .execute(c).await.map(drop))
}

/// Takes a refresh token out of use. Once more within `grace` seconds it still answers, as long as no heir of it was used
/// (its answer was lost on the way); the heirs that nobody used end by that.
pub(crate) async fn rotate(
    tx: &mut Tx,
    digest: &str,
    client: &ClientId,
    grace: i64,
    now: Timestamp,
) -> Result<Rotated, StorageError> {
    // Without a grace never, however far ahead the clock was by which it was used.
    let used_after = if grace > 0 { now.plus(-grace).seconds() } else { i64::MAX };
    let row: Option<(String, i64)> = on!(tx, c => sqlx::query_as(ROTATE)
        .bind(digest).bind(client.as_str()).bind(now.seconds()).bind(used_after)
        .fetch_optional(c).await)?;
    if let Some((family, uses)) = row {
        if uses > 1 {
            on!(tx, c => sqlx::query(RETIRE_HEIRS).bind(digest).bind(now.seconds()).execute(c).await.map(drop))?;
        }
        return Ok(Rotated::Family(family));
    }
    let found: Option<(String, Option<i64>)> =
        on!(tx, c => sqlx::query_as(FIND_REFRESH).bind(digest).bind(client.as_str()).fetch_optional(c).await)?;
    Ok(match found {
        Some((family, Some(_))) => Rotated::Reused(family),
        _ => Rotated::Unknown,
    })
}

/// The family of a refresh token of this client, whatever its state.
pub(crate) async fn family_of(tx: &mut Tx, digest: &str, client: &ClientId) -> Result<Option<String>, StorageError> {
    let found: Option<(String, Option<i64>)> =
        on!(tx, c => sqlx::query_as(FIND_REFRESH).bind(digest).bind(client.as_str()).fetch_optional(c).await)?;
    Ok(found.map(|(family, _)| family))
}
