//! A family of tokens: what a row of `authorizations` is from its code on, and when it may act; what userinfo reads of it.

use store::{StorageError, Tx, on, sqlx};
use verifier::time::Timestamp;

use super::people::SealedPerson;
use crate::grant::Granted;
use crate::ids::{ClientId, OrganisationId, PersonId};
use crate::interaction::state::Request;

/// When a family `a` may act: as long as it was not revoked, the person's account is active, the session lives (unless access
/// offline was granted), and so does the mandate. That stands in every statement that lets it act, so that nothing written after
/// a revocation counts.
macro_rules! may_act {
    ($now:literal) => {
        concat!(
            "a.revoked_at IS NULL
        AND EXISTS (SELECT 1 FROM persons lp WHERE lp.id = a.person_id AND lp.state = 'active')
        AND (a.offline = 1 OR EXISTS (SELECT 1 FROM sessions ls
            WHERE ls.id = a.session_id AND ls.ended_at IS NULL AND ls.expires_at > ",
            $now,
            "))
        AND (a.mandate_id IS NULL OR EXISTS (SELECT 1 FROM mandates lm
            JOIN organisations lo ON lo.id = lm.organisation_id AND lo.state = 'registered'
            WHERE lm.id = a.mandate_id AND lm.ended_at IS NULL AND lm.starts_at <= ",
            $now,
            "
                AND (lm.until IS NULL OR lm.until > ",
            $now,
            ")))"
        )
    };
}

pub(super) use may_act;

const TAKE: &str = concat!(
    "UPDATE authorizations AS a SET taken_at = $3
    WHERE a.code_digest = $1 AND a.client_id = $2 AND a.taken_at IS NULL AND a.code_expires_at > $3
        AND ",
    may_act!("$3"),
    "
    RETURNING id, request, granted, person_id, organisation_id"
);
const FIND_CODE: &str = "SELECT id, taken_at FROM authorizations WHERE code_digest = $1 AND client_id = $2";
const FIND: &str = concat!(
    "SELECT a.id, a.request, a.granted, a.person_id, a.organisation_id FROM authorizations a
    WHERE a.id = $1
        AND ",
    may_act!("$2"),
);
const USERINFO: &str = concat!(
    "SELECT a.id, a.request, a.granted, a.person_id, a.organisation_id,
        p.name, p.locale, p.updated_at, d.id, d.id_type, d.number, f.number, f.verified
    FROM authorizations a JOIN persons p ON p.id = a.person_id
    LEFT JOIN identity_documents d ON d.person_id = p.id AND d.is_current = 1
    LEFT JOIN phones f ON f.person_id = p.id
    WHERE a.id = $1 AND a.client_id = $2 AND NOT EXISTS (SELECT 1 FROM revoked_tokens x WHERE x.jti = $4)
        AND ",
    may_act!("$3"),
);
const REVOKE: &str = "UPDATE authorizations SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
const REVOKE_OF_CLIENT: &str = "UPDATE authorizations SET revoked_at = $3, ended_at = coalesce(ended_at, $3)
    WHERE person_id = $1 AND client_id = $2 AND revoked_at IS NULL";
const REVOKE_OF_ENDED_CLIENT: &str =
    "UPDATE authorizations SET revoked_at = $2, ended_at = coalesce(ended_at, $2), login_hint = NULL
    WHERE client_id = $1 AND revoked_at IS NULL";
const REVOKE_OF_PERSON: &str = "UPDATE authorizations SET revoked_at = $2, ended_at = coalesce(ended_at, $2)
    WHERE person_id = $1 AND revoked_at IS NULL";

/// A family of tokens that may act.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) id: String,
    pub(crate) request: Request,
    pub(crate) granted: Granted,
    pub(crate) person: PersonId,
    pub(crate) organisation: Option<OrganisationId>,
}

/// What became of a code.
pub(crate) enum Taken {
    /// It was good, and is taken now.
    Family(Box<Family>),
    /// It was taken before: its family has been revoked by this.
    Replayed(String),
    /// There is none for this client, or it has expired, or what it stands for has ended.
    Unknown,
}

type FamilyRow = (String, String, Option<String>, Option<String>, Option<String>);

pub(crate) fn family(row: FamilyRow) -> Result<Family, StorageError> {
    let (id, request, granted, person, organisation) = row;
    let damaged = StorageError::Damaged("authorizations");
    let (Some(granted), Some(person)) = (granted, person) else { return Err(damaged) };
    Ok(Family {
        id,
        request: serde_json::from_str(&request).map_err(|_| StorageError::Damaged("authorizations.request"))?,
        granted: serde_json::from_str(&granted).map_err(|_| StorageError::Damaged("authorizations.granted"))?,
        person: PersonId::stored(person),
        organisation: organisation.map(OrganisationId::stored),
    })
}

/// Takes a code out of use. Of two callers that race, in one process or in two, exactly one gets the family (RFC 6749
/// §4.1.2). A code of another client is `Unknown` and stays untouched. Whoever asks commits a `Replayed` too: its family
/// of tokens is revoked by it.
pub(crate) async fn take(
    tx: &mut Tx,
    code_digest: &str,
    client: &ClientId,
    now: Timestamp,
) -> Result<Taken, StorageError> {
    let row: Option<FamilyRow> = on!(tx, c => sqlx::query_as(TAKE)
        .bind(code_digest).bind(client.as_str()).bind(now.seconds())
        .fetch_optional(c).await)?;
    if let Some(row) = row {
        return Ok(Taken::Family(Box::new(family(row)?)));
    }
    let found: Option<(String, Option<i64>)> = on!(tx, c => sqlx::query_as(FIND_CODE)
        .bind(code_digest).bind(client.as_str())
        .fetch_optional(c).await)?;
    match found {
        Some((id, Some(_))) => {
            revoke(tx, &id, now).await?;
            Ok(Taken::Replayed(id))
        }
        _ => Ok(Taken::Unknown),
    }
}

/// A family that may act.
pub(crate) async fn find(tx: &mut Tx, id: &str, now: Timestamp) -> Result<Option<Family>, StorageError> {
    let row: Option<FamilyRow> =
        on!(tx, c => sqlx::query_as(FIND).bind(id).bind(now.seconds()).fetch_optional(c).await)?;
    row.map(family).transpose()
}

/// Revokes a family; whether it was not yet.
pub(crate) async fn revoke(tx: &mut Tx, id: &str, now: Timestamp) -> Result<bool, StorageError> {
    on!(tx, c => sqlx::query(REVOKE).bind(id).bind(now.seconds()).execute(c).await.map(|d| d.rows_affected() == 1))
}

/// Revokes whatever a client holds for a person.
pub(crate) async fn revoke_of_client(
    tx: &mut Tx,
    person: &PersonId,
    client: &ClientId,
    now: Timestamp,
) -> Result<u64, StorageError> {
    on!(tx, c => sqlx::query(REVOKE_OF_CLIENT)
        .bind(person.as_str()).bind(client.as_str()).bind(now.seconds())
        .execute(c).await.map(|d| d.rows_affected()))
}

/// Revokes whatever a client holds for anyone, and ends the sign-ins for it that are under way.
pub(crate) async fn revoke_of_ended_client(tx: &mut Tx, client: &str, now: Timestamp) -> Result<u64, StorageError> {
    on!(tx, c => sqlx::query(REVOKE_OF_ENDED_CLIENT)
        .bind(client).bind(now.seconds())
        .execute(c).await.map(|d| d.rows_affected()))
}

/// Revokes whatever anyone holds for a person, offline access too (a new password, a locked account).
pub(crate) async fn revoke_of_person(tx: &mut Tx, person: &PersonId, now: Timestamp) -> Result<u64, StorageError> {
    on!(tx, c => sqlx::query(REVOKE_OF_PERSON)
        .bind(person.as_str()).bind(now.seconds())
        .execute(c).await.map(|d| d.rows_affected()))
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
