//! The tables `subjects` and `consents`.

use keys::sources::Sources;
use store::{StorageError, Tx, on, sqlx};
use verifier::time::Timestamp;

use crate::error::Error;
use crate::ids::{ClientId, OrganisationId, PersonId, SessionId, random_text};
use crate::session::live::{Here, Seen};

const FIND: &str = "SELECT sub FROM subjects WHERE principal = $1 AND sector = $2";
const INSERT: &str = "INSERT INTO subjects (principal, sector, sub, created_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (principal, sector) DO NOTHING";
const SITUATION: &str = "SELECT
    (SELECT sub FROM subjects WHERE principal = $1 AND sector = $3),
    (SELECT sub FROM subjects WHERE principal = $2 AND sector = $3),
    (SELECT scope FROM consents WHERE person_id = $4 AND client_id = $5 AND organisation_id = $6)";
const PUT_CONSENT: &str = "INSERT INTO consents (person_id, client_id, organisation_id, scope, granted_at)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (person_id, client_id, organisation_id) DO UPDATE SET scope = excluded.scope, granted_at = excluded.granted_at";
const CONSENTS: &str = "SELECT client_id, organisation_id, scope, granted_at FROM consents
    WHERE person_id = $1 ORDER BY granted_at DESC, client_id LIMIT 100";
const FORGET_CONSENTS: &str = "DELETE FROM consents WHERE client_id = $1";
const DELETE_CONSENTS: &str = "DELETE FROM consents WHERE person_id = $1 AND client_id = $2";

const PRINCIPAL: &str = "SELECT principal FROM subjects WHERE sector = $1 AND sub = $2";
const LAST_SESSION: &str = "SELECT session_id FROM authorizations
    WHERE client_id = $1 AND session_id IN ($2, $3, $4, $5, $6) AND code_digest IS NOT NULL
    ORDER BY code_expires_at DESC LIMIT 1";

/// Whose `sub` it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Principal {
    Person(PersonId),
    Organisation(OrganisationId),
}

impl Principal {
    fn key(&self) -> String {
        match self {
            Self::Person(id) => format!("p:{id}"),
            Self::Organisation(id) => format!("o:{id}"),
        }
    }
}

/// The `sub` of a principal in a sector, made at first use. Of two that race, both get the one that was kept.
pub(crate) async fn sub(
    tx: &mut Tx,
    sources: &Sources,
    principal: &Principal,
    sector: &str,
    now: Timestamp,
) -> Result<String, Error> {
    let key = principal.key();
    if let Some(sub) = find(tx, &key, sector).await? {
        return Ok(sub);
    }
    make(tx, sources, &key, sector, now).await
}

/// Whose `sub` it is in a sector.
pub(crate) async fn principal(tx: &mut Tx, sector: &str, sub: &str) -> Result<Option<Principal>, StorageError> {
    let row: Option<(String,)> =
        on!(tx, c => sqlx::query_as(PRINCIPAL).bind(sector).bind(sub).fetch_optional(c).await)?;
    row.map(|(key,)| match key.split_once(':') {
        Some(("p", id)) => Ok(Principal::Person(PersonId::stored(id.to_owned()))),
        Some(("o", id)) => Ok(Principal::Organisation(OrganisationId::stored(id.to_owned()))),
        _ => Err(StorageError::Damaged("subjects.principal")),
    })
    .transpose()
}

/// Which of these sessions the client saw last.
pub(crate) async fn last_session(
    tx: &mut Tx,
    client: &ClientId,
    sessions: &[Seen],
) -> Result<Option<SessionId>, StorageError> {
    let at = |n: usize| sessions.get(n).map_or("", |seen| seen.session.id.as_str());
    let row: Option<(String,)> = on!(tx, c => sqlx::query_as(LAST_SESSION)
        .bind(client.as_str()).bind(at(0)).bind(at(1)).bind(at(2)).bind(at(3)).bind(at(4))
        .fetch_optional(c).await)?;
    Ok(row.map(|(id,)| SessionId::stored(id)))
}

async fn find(tx: &mut Tx, key: &str, sector: &str) -> Result<Option<String>, StorageError> {
    let row: Option<(String,)> = on!(tx, c => sqlx::query_as(FIND).bind(key).bind(sector).fetch_optional(c).await)?;
    Ok(row.map(|(sub,)| sub))
}

async fn make(tx: &mut Tx, sources: &Sources, key: &str, sector: &str, now: Timestamp) -> Result<String, Error> {
    let sub = random_text::<16>(sources)?;
    let made: u64 = on!(tx, c => sqlx::query(INSERT)
        .bind(key).bind(sector).bind(&sub).bind(now.seconds())
        .execute(c).await.map(|d| d.rows_affected()))?;
    if made > 0 {
        return Ok(sub);
    }
    find(tx, key, sector).await?.ok_or(Error::Damaged("subjects"))
}

/// What stands about a person, or an organisation that the person acts for, at a client.
pub(crate) struct Situation {
    /// The person's `sub`.
    pub(crate) person_sub: String,
    /// The organisation's `sub`.
    pub(crate) organisation_sub: Option<String>,
    /// The scopes that were consented to, a refused one with `-` before it.
    pub(crate) consented: Option<Vec<String>>,
}

impl Situation {
    /// Of a person who acts for nobody else, from what was read already; the `sub` is made where there was none.
    pub(crate) async fn of_person(
        tx: &mut Tx,
        sources: &Sources,
        person: &PersonId,
        here: Here,
        sector: &str,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let person_sub = match here.sub {
            Some(sub) => sub,
            None => make(tx, sources, &Principal::Person(person.clone()).key(), sector, now).await?,
        };
        Ok(Self { person_sub, organisation_sub: None, consented: here.consented.as_deref().map(scopes) })
    }
}

fn scopes(text: &str) -> Vec<String> {
    text.split_ascii_whitespace().map(str::to_owned).collect()
}

/// Reads it in one statement; subs are made where there were none.
pub(crate) async fn situation(
    tx: &mut Tx,
    sources: &Sources,
    person: &PersonId,
    organisation: Option<&OrganisationId>,
    client: &ClientId,
    sector: &str,
    now: Timestamp,
) -> Result<Situation, Error> {
    let person_key = Principal::Person(person.clone()).key();
    let organisation_key = organisation.map(|id| Principal::Organisation(id.clone()).key());
    let row: (Option<String>, Option<String>, Option<String>) = on!(tx, c => sqlx::query_as(SITUATION)
        .bind(&person_key)
        .bind(organisation_key.as_deref().unwrap_or(""))
        .bind(sector)
        .bind(person.as_str())
        .bind(client.as_str())
        .bind(organisation.map_or("", OrganisationId::as_str))
        .fetch_one(c).await)?;
    let person_sub = match row.0 {
        Some(sub) => sub,
        None => make(tx, sources, &person_key, sector, now).await?,
    };
    let organisation_sub = match (row.1, organisation_key) {
        (Some(sub), _) => Some(sub),
        (None, Some(key)) => Some(make(tx, sources, &key, sector, now).await?),
        (None, None) => None,
    };
    Ok(Situation { person_sub, organisation_sub, consented: row.2.as_deref().map(scopes) })
}

pub(crate) async fn put_consent(
    tx: &mut Tx,
    person: &PersonId,
    client: &ClientId,
    organisation: Option<&OrganisationId>,
    scope: &[String],
    now: Timestamp,
) -> Result<(), StorageError> {
    let scope = scope.join(" ");
    on!(tx, c => sqlx::query(PUT_CONSENT)
        .bind(person.as_str()).bind(client.as_str()).bind(organisation.map_or("", OrganisationId::as_str))
        .bind(&scope).bind(now.seconds())
        .execute(c).await.map(drop))
}

/// A person's consent to one client.
#[derive(Clone, Debug)]
pub struct Consent {
    /// The client.
    pub client: ClientId,
    /// For which organisation, if for one.
    pub organisation: Option<OrganisationId>,
    /// The scopes.
    pub scope: Vec<String>,
    /// When.
    pub granted_at: Timestamp,
}

pub(crate) async fn consents(tx: &mut Tx, person: &PersonId) -> Result<Vec<Consent>, StorageError> {
    let rows: Vec<(String, String, String, i64)> =
        on!(tx, c => sqlx::query_as(CONSENTS).bind(person.as_str()).fetch_all(c).await)?;
    Ok(rows
        .into_iter()
        .map(|(client, organisation, scope, granted_at)| Consent {
            client: ClientId::stored(client),
            organisation: (!organisation.is_empty()).then(|| OrganisationId::stored(organisation)),
            scope: scope.split_ascii_whitespace().filter(|s| !s.starts_with('-')).map(str::to_owned).collect(),
            granted_at: Timestamp::from_seconds(granted_at),
        })
        .collect())
}

pub(crate) async fn delete_consents(tx: &mut Tx, person: &PersonId, client: &ClientId) -> Result<bool, StorageError> {
    on!(tx, c => sqlx::query(DELETE_CONSENTS)
        .bind(person.as_str()).bind(client.as_str())
        .execute(c).await.map(|d| d.rows_affected() > 0))
}

/// Forgets what anyone let a client have.
pub(crate) async fn forget_consents(tx: &mut Tx, client: &str) -> Result<u64, StorageError> {
    on!(tx, c => sqlx::query(FORGET_CONSENTS).bind(client).execute(c).await.map(|d| d.rows_affected()))
}
