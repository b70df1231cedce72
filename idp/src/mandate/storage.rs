//! The tables `organisations` and `mandates`.

use store::{StorageError, Tx, on, sqlx};
use verifier::time::Timestamp;

use super::{MAX_MATTERS, Mandate, Role};
use crate::ids::{MandateId, OrganisationId, PersonId};

const IN_FORCE: &str =
    "SELECT m.id, m.person_id, m.organisation_id, m.role, m.matters, m.starts_at, m.until, m.ended_at,
        m.given_by
    FROM mandates m JOIN organisations o ON o.id = m.organisation_id AND o.state = 'registered'
    JOIN persons p ON p.id = m.person_id AND p.state = 'active'
    WHERE m.id = $1 AND m.ended_at IS NULL AND m.starts_at <= $2 AND (m.until IS NULL OR m.until > $2)";
const OF_PERSON: &str =
    "SELECT m.id, m.person_id, m.organisation_id, m.role, m.matters, m.starts_at, m.until, m.ended_at,
        m.given_by, o.code, o.name, o.state, g.name
    FROM mandates m JOIN organisations o ON o.id = m.organisation_id
    LEFT JOIN persons g ON g.id = m.given_by
    WHERE m.person_id = $1 AND m.ended_at IS NULL AND (m.until IS NULL OR m.until > $2)
    ORDER BY o.name, m.role, m.id LIMIT 50";
const OF_ORGANISATION: &str = "SELECT m.id, m.person_id, m.organisation_id, m.role, m.matters, m.starts_at, m.until,
        m.ended_at, m.given_by, p.name
    FROM mandates m JOIN persons p ON p.id = m.person_id
    WHERE m.organisation_id = $1 AND m.ended_at IS NULL AND (m.until IS NULL OR m.until > $2)
    ORDER BY m.role, m.starts_at, m.id LIMIT 200";
const INSERT: &str = "INSERT INTO mandates
    (id, person_id, organisation_id, role, matters, starts_at, until, given_by, given_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (id) DO UPDATE SET role = excluded.role, matters = excluded.matters, starts_at = excluded.starts_at,
        until = excluded.until, given_by = excluded.given_by
    WHERE mandates.person_id = excluded.person_id AND mandates.organisation_id = excluded.organisation_id";
const END: &str = "UPDATE mandates SET ended_at = $3, ended_by = $4
    WHERE id = $1 AND organisation_id = $2 AND ended_at IS NULL";
const FIND_ORGANISATION: &str = "SELECT id FROM organisations WHERE code = $1";
const SET_ORGANISATION: &str = "INSERT INTO organisations (id, code, name, region, state, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (code) DO UPDATE SET name = excluded.name, region = excluded.region, state = excluded.state,
        updated_at = excluded.updated_at
    RETURNING id";

/// Statements of this file, for the test that prepares all of them.
pub(crate) const STATEMENTS: [(&str, &str); 7] = [
    ("mandates.in_force", IN_FORCE),
    ("mandates.of_person", OF_PERSON),
    ("mandates.of_organisation", OF_ORGANISATION),
    ("mandates.insert", INSERT),
    ("mandates.end", END),
    ("organisations.find", FIND_ORGANISATION),
    ("organisations.set", SET_ORGANISATION),
];

type Row = (String, String, String, String, String, i64, Option<i64>, Option<i64>, Option<String>);

/// A person's mandate with what a page says of it.
pub(crate) struct Held {
    pub(crate) mandate: Mandate,
    pub(crate) organisation_code: String,
    pub(crate) organisation_name: String,
    pub(crate) organisation_is_registered: bool,
    /// Sealed name of whoever gave it.
    pub(crate) giver: Option<Vec<u8>>,
}

fn mandate(row: Row) -> Result<Mandate, StorageError> {
    let (id, person, organisation, role, matters, starts_at, until, ended_at, given_by) = row;
    Ok(Mandate {
        id: MandateId::stored(id),
        person: PersonId::stored(person),
        organisation: OrganisationId::stored(organisation),
        role: Role::parse(&role).ok_or(StorageError::Damaged("mandates.role"))?,
        matters: matters.split_ascii_whitespace().take(MAX_MATTERS).map(str::to_owned).collect(),
        starts_at: Timestamp::from_seconds(starts_at),
        until: until.map(Timestamp::from_seconds),
        ended_at: ended_at.map(Timestamp::from_seconds),
        given_by: given_by.map(PersonId::stored),
    })
}

/// The mandate, if it is in force at `now`: live, its organisation registered, its person active. Whoever lets somebody
/// act by it asks each time; nothing is cached.
///
/// # Errors
///
/// Of storage.
pub async fn in_force(tx: &mut Tx, id: &MandateId, now: Timestamp) -> Result<Option<Mandate>, StorageError> {
    let row: Option<Row> =
        on!(tx, c => sqlx::query_as(IN_FORCE).bind(id.as_str()).bind(now.seconds()).fetch_optional(c).await)?;
    row.map(mandate).transpose()
}

type HeldRow = (
    String,
    String,
    String,
    String,
    String,
    i64,
    Option<i64>,
    Option<i64>,
    Option<String>,
    String,
    String,
    String,
    Option<Vec<u8>>,
);

/// A person's mandates that are not over at `since`, at most 50. Some may have lapsed since: the caller looks.
pub(crate) async fn of_person(tx: &mut Tx, person: &PersonId, since: Timestamp) -> Result<Vec<Held>, StorageError> {
    let rows: Vec<HeldRow> = on!(tx, c => sqlx::query_as(OF_PERSON)
        .bind(person.as_str())
        .bind(since.seconds())
        .fetch_all(c).await)?;
    rows.into_iter()
        .map(|(id, person, organisation, role, matters, starts, until, ended, given_by, code, name, state, giver)| {
            Ok(Held {
                mandate: mandate((id, person, organisation, role, matters, starts, until, ended, given_by))?,
                organisation_code: code,
                organisation_name: name,
                organisation_is_registered: state == "registered",
                giver,
            })
        })
        .collect()
}

type OfRow = (String, String, String, String, String, i64, Option<i64>, Option<i64>, Option<String>, Vec<u8>);

/// An organisation's mandates that are not over, with the sealed names of their persons, at most 200.
pub(crate) async fn of_organisation(
    tx: &mut Tx,
    organisation: &OrganisationId,
    now: Timestamp,
) -> Result<Vec<(Mandate, Vec<u8>)>, StorageError> {
    let rows: Vec<OfRow> = on!(tx, c => sqlx::query_as(OF_ORGANISATION)
        .bind(organisation.as_str())
        .bind(now.seconds())
        .fetch_all(c).await)?;
    rows.into_iter()
        .map(|(id, person, organisation, role, matters, starts, until, ended, given_by, name)| {
            Ok((mandate((id, person, organisation, role, matters, starts, until, ended, given_by))?, name))
        })
        .collect()
}

/// Keeps a mandate; one of that id changes if person and organisation are the same.
pub(crate) async fn set(tx: &mut Tx, mandate: &Mandate, now: Timestamp) -> Result<bool, StorageError> {
    let matters = mandate.matters.join(" ");
    on!(tx, c => sqlx::query(INSERT)
        .bind(mandate.id.as_str())
        .bind(mandate.person.as_str())
        .bind(mandate.organisation.as_str())
        .bind(mandate.role.as_str())
        .bind(&matters)
        .bind(mandate.starts_at.seconds())
        .bind(mandate.until.map(Timestamp::seconds))
        .bind(mandate.given_by.as_ref().map(PersonId::as_str))
        .bind(now.seconds())
        .execute(c).await.map(|done| done.rows_affected() > 0))
}

/// Ends a mandate of an organisation; whether it was open.
pub(crate) async fn end(
    tx: &mut Tx,
    organisation: &OrganisationId,
    id: &MandateId,
    by: &PersonId,
    now: Timestamp,
) -> Result<bool, StorageError> {
    on!(tx, c => sqlx::query(END)
        .bind(id.as_str())
        .bind(organisation.as_str())
        .bind(now.seconds())
        .bind(by.as_str())
        .execute(c).await.map(|done| done.rows_affected() > 0))
}

/// The organisation of a credit code.
pub(crate) async fn organisation(tx: &mut Tx, code: &str) -> Result<Option<OrganisationId>, StorageError> {
    let row: Option<(String,)> = on!(tx, c => sqlx::query_as(FIND_ORGANISATION).bind(code).fetch_optional(c).await)?;
    Ok(row.map(|(id,)| OrganisationId::stored(id)))
}

/// Keeps an organisation under its code; `fresh` becomes its id if it is new. Its id.
pub(crate) async fn set_organisation(
    tx: &mut Tx,
    fresh: &OrganisationId,
    code: &str,
    name: &str,
    region: &str,
    is_registered: bool,
    now: Timestamp,
) -> Result<OrganisationId, StorageError> {
    let state = if is_registered { "registered" } else { "deregistered" };
    let (id,): (String,) = on!(tx, c => sqlx::query_as(SET_ORGANISATION)
        .bind(fresh.as_str())
        .bind(code)
        .bind(name)
        .bind(region)
        .bind(state)
        .bind(now.seconds())
        .fetch_one(c).await)?;
    Ok(OrganisationId::stored(id))
}
