//! The tables `refresh_tokens`, `revoked_tokens`, `seen_assertions`, and what userinfo reads at once.

use store::{StorageError, Tx, on, sqlx};
use verifier::time::Timestamp;

use super::authorizations::{Family, family};
use super::people::SealedPerson;
use crate::ids::ClientId;

const INSERT: &str =
    "INSERT INTO refresh_tokens (digest, family_id, client_id, predecessor, issued_at, expires_at, uses)
    VALUES ($1, $2, $3, $4, $5, $6, 0)";
const ROTATE: &str = "UPDATE refresh_tokens AS r SET used_at = coalesce(r.used_at, $3), uses = r.uses + 1
    WHERE r.digest = $1 AND r.client_id = $2 AND r.expires_at > $3
        AND (r.used_at IS NULL OR (r.uses = 1 AND r.used_at > $4
            AND NOT EXISTS (SELECT 1 FROM refresh_tokens n WHERE n.predecessor = $1 AND n.used_at IS NOT NULL)))
        AND EXISTS (SELECT 1 FROM authorizations a WHERE a.id = r.family_id
        AND a.revoked_at IS NULL
        AND EXISTS (SELECT 1 FROM persons lp WHERE lp.id = a.person_id AND lp.state = 'active')
        AND (a.offline = 1 OR EXISTS (SELECT 1 FROM sessions ls
            WHERE ls.id = a.session_id AND ls.ended_at IS NULL AND ls.expires_at > $3))
        AND (a.mandate_id IS NULL OR EXISTS (SELECT 1 FROM mandates lm
            JOIN organisations lo ON lo.id = lm.organisation_id AND lo.state = 'registered'
            WHERE lm.id = a.mandate_id AND lm.ended_at IS NULL AND lm.starts_at <= $3
                AND (lm.until IS NULL OR lm.until > $3))))
    RETURNING family_id, uses";
const RETIRE_HEIRS: &str =
    "UPDATE refresh_tokens SET used_at = $2, uses = 2 WHERE predecessor = $1 AND used_at IS NULL";
const FIND: &str = "SELECT family_id, used_at FROM refresh_tokens WHERE digest = $1 AND client_id = $2";
const INSERT_REVOKED: &str =
    "INSERT INTO revoked_tokens (jti, expires_at) VALUES ($1, $2) ON CONFLICT (jti) DO NOTHING";
const FIND_REVOKED: &str = "SELECT jti FROM revoked_tokens WHERE jti = $1";
const SEE: &str = "INSERT INTO seen_assertions (client_id, jti_digest, expires_at) VALUES ($1, $2, $3)
    ON CONFLICT (client_id, jti_digest) DO NOTHING";
const USERINFO: &str = "SELECT a.id, a.request, a.granted, a.person_id, a.organisation_id,
        p.name, p.locale, p.updated_at, d.id, d.id_type, d.number, f.number, f.verified
    FROM authorizations a JOIN persons p ON p.id = a.person_id
    LEFT JOIN identity_documents d ON d.person_id = p.id AND d.is_current = 1
    LEFT JOIN phones f ON f.person_id = p.id
    WHERE a.id = $1 AND a.client_id = $2 AND NOT EXISTS (SELECT 1 FROM revoked_tokens x WHERE x.jti = $4)
        AND a.revoked_at IS NULL
        AND EXISTS (SELECT 1 FROM persons lp WHERE lp.id = a.person_id AND lp.state = 'active')
        AND (a.offline = 1 OR EXISTS (SELECT 1 FROM sessions ls
            WHERE ls.id = a.session_id AND ls.ended_at IS NULL AND ls.expires_at > $3))
        AND (a.mandate_id IS NULL OR EXISTS (SELECT 1 FROM mandates lm
            JOIN organisations lo ON lo.id = lm.organisation_id AND lo.state = 'registered'
            WHERE lm.id = a.mandate_id AND lm.ended_at IS NULL AND lm.starts_at <= $3
                AND (lm.until IS NULL OR lm.until > $3)))";

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
    on!(tx, c => sqlx::query(INSERT)
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
    let row: Option<(String, i64)> = on!(tx, c => sqlx::query_as(ROTATE)
        .bind(digest).bind(client.as_str()).bind(now.seconds()).bind(now.plus(-grace).seconds())
        .fetch_optional(c).await)?;
    if let Some((family, uses)) = row {
        if uses > 1 {
            on!(tx, c => sqlx::query(RETIRE_HEIRS).bind(digest).bind(now.seconds()).execute(c).await.map(drop))?;
        }
        return Ok(Rotated::Family(family));
    }
    let found: Option<(String, Option<i64>)> =
        on!(tx, c => sqlx::query_as(FIND).bind(digest).bind(client.as_str()).fetch_optional(c).await)?;
    Ok(match found {
        Some((family, Some(_))) => Rotated::Reused(family),
        _ => Rotated::Unknown,
    })
}

/// The family of a refresh token of this client, whatever its state.
pub(crate) async fn family_of(tx: &mut Tx, digest: &str, client: &ClientId) -> Result<Option<String>, StorageError> {
    let found: Option<(String, Option<i64>)> =
        on!(tx, c => sqlx::query_as(FIND).bind(digest).bind(client.as_str()).fetch_optional(c).await)?;
    Ok(found.map(|(family, _)| family))
}

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

/// What an access token stands for, with its person, if it still counts: one statement.
pub(crate) async fn userinfo(
    tx: &mut Tx,
    family_id: &str,
    client: &str,
    jti: &str,
    now: Timestamp,
) -> Result<Option<(Family, SealedPerson)>, StorageError> {
    type Row = (
        String,
        String,
        Option<String>,
        Option<String>,
        Option<String>,
        Vec<u8>,
        Option<String>,
        i64,
        Option<String>,
        Option<String>,
        Option<Vec<u8>>,
        Option<Vec<u8>>,
        Option<i64>,
    );
    let row: Option<Row> = on!(tx, c => sqlx::query_as(USERINFO)
        .bind(family_id).bind(client).bind(now.seconds()).bind(jti)
        .fetch_optional(c).await)?;
    let Some((
        id,
        request,
        granted,
        person,
        organisation,
        name,
        locale,
        updated_at,
        document_id,
        id_type,
        number,
        phone,
        phone_verified,
    )) = row
    else {
        return Ok(None);
    };
    let family = family((id, request, granted, person, organisation))?;
    Ok(Some((family, SealedPerson { name, locale, updated_at, document_id, id_type, number, phone, phone_verified })))
}
