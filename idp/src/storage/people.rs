//! What the protocol reads of the tables of people (migration 10).

use store::{StorageError, Tx, on, sqlx};
use verifier::time::Timestamp;

use crate::ids::{ClientId, MandateId, OrganisationId, PersonId, SessionId};

const MANDATES: &str = "SELECT m.id, m.organisation_id, m.role, m.matters, m.until, o.code, o.name
    FROM mandates m JOIN organisations o ON o.id = m.organisation_id AND o.state = 'registered'
    WHERE m.person_id = $1 AND m.ended_at IS NULL AND m.starts_at <= $2 AND (m.until IS NULL OR m.until > $2)
    ORDER BY o.name, m.id LIMIT 100";
const LAST_ACTING: &str = "SELECT acting FROM authorizations
    WHERE session_id = $1 AND client_id = $2 AND code_digest IS NOT NULL AND revoked_at IS NULL
    ORDER BY code_expires_at DESC LIMIT 1";
const LAST_CHOICE: &str = "SELECT acting FROM authorizations
    WHERE person_id = $1 AND client_id = $2 AND code_digest IS NOT NULL AND revoked_at IS NULL
    ORDER BY code_expires_at DESC LIMIT 1";
const CLAIMS: &str = "SELECT p.name, p.locale, p.updated_at, d.id, d.id_type, d.number, f.number, f.verified
    FROM persons p
    LEFT JOIN identity_documents d ON d.person_id = p.id AND d.is_current = 1
    LEFT JOIN phones f ON f.person_id = p.id
    WHERE p.id = $1 AND p.state = 'active'";

/// A live mandate, with its organisation.
#[derive(Clone, Debug)]
pub(crate) struct LiveMandate {
    pub(crate) id: MandateId,
    pub(crate) organisation: OrganisationId,
    pub(crate) role: String,
    pub(crate) matters: Vec<String>,
    pub(crate) until: Option<Timestamp>,
    pub(crate) code: String,
    pub(crate) name: String,
}

pub(crate) async fn mandates(tx: &mut Tx, person: &PersonId, now: Timestamp) -> Result<Vec<LiveMandate>, StorageError> {
    type Row = (String, String, String, String, Option<i64>, String, String);
    let rows: Vec<Row> = on!(tx, c => sqlx::query_as(MANDATES)
        .bind(person.as_str()).bind(now.seconds())
        .fetch_all(c).await)?;
    Ok(rows
        .into_iter()
        .map(|(id, organisation, role, matters, until, code, name)| LiveMandate {
            id: MandateId::stored(id),
            organisation: OrganisationId::stored(organisation),
            role,
            matters: matters.split_ascii_whitespace().map(str::to_owned).collect(),
            until: until.map(Timestamp::from_seconds),
            code,
            name,
        })
        .collect())
}

/// For whom the person acted last at this client in this session, as it was stored.
pub(crate) async fn last_acting(
    tx: &mut Tx,
    session: &SessionId,
    client: &ClientId,
) -> Result<Option<String>, StorageError> {
    let row: Option<(Option<String>,)> = on!(tx, c => sqlx::query_as(LAST_ACTING)
        .bind(session.as_str()).bind(client.as_str())
        .fetch_optional(c).await)?;
    Ok(row.and_then(|(acting,)| acting))
}

/// For whom a person acted last at this client, in whatever session, as far as that is still kept.
pub(crate) async fn last_choice(
    tx: &mut Tx,
    person: &PersonId,
    client: &ClientId,
) -> Result<Option<String>, StorageError> {
    let row: Option<(Option<String>,)> = on!(tx, c => sqlx::query_as(LAST_CHOICE)
        .bind(person.as_str()).bind(client.as_str())
        .fetch_optional(c).await)?;
    Ok(row.and_then(|(acting,)| acting))
}

/// What claims are made of, still sealed: name, locale, `updated_at`, the current document, the phone.
#[derive(Clone, Debug)]
pub(crate) struct SealedPerson {
    pub(crate) name: Vec<u8>,
    pub(crate) locale: Option<String>,
    pub(crate) updated_at: i64,
    pub(crate) document_id: Option<String>,
    pub(crate) id_type: Option<String>,
    pub(crate) number: Option<Vec<u8>>,
    pub(crate) phone: Option<Vec<u8>>,
    pub(crate) phone_verified: Option<i64>,
}

pub(crate) async fn sealed(tx: &mut Tx, person: &PersonId) -> Result<Option<SealedPerson>, StorageError> {
    type Row =
        (Vec<u8>, Option<String>, i64, Option<String>, Option<String>, Option<Vec<u8>>, Option<Vec<u8>>, Option<i64>);
    let row: Option<Row> = on!(tx, c => sqlx::query_as(CLAIMS).bind(person.as_str()).fetch_optional(c).await)?;
    Ok(row.map(|(name, locale, updated_at, document_id, id_type, number, phone, phone_verified)| SealedPerson {
        name,
        locale,
        updated_at,
        document_id,
        id_type,
        number,
        phone,
        phone_verified,
    }))
}
