//! The table `sessions`.

use store::{StorageError, Tx, on, sqlx};
use verifier::time::Timestamp;

use crate::assurance::{Acr, Amr, Authentication};
use crate::ids::{ClientId, PersonId, SessionId};
use crate::session::live::{Here, Seen, Session};

const INSERT: &str = "INSERT INTO sessions
    (id, browser_digest, sid_salt, person_id, acr, amr, auth_time, created_at, expires_at, device)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
const RENEW: &str = "UPDATE sessions SET acr = $2, amr = $3, auth_time = $4, expires_at = $5
    WHERE id = $1 AND ended_at IS NULL";
const MOVE: &str = "UPDATE sessions SET browser_digest = $5
    WHERE browser_digest IN ($1, $2, $3, $4) AND ended_at IS NULL AND expires_at > $6";
const END: &str = "UPDATE sessions SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL";
const END_BROWSER: &str = "UPDATE sessions SET ended_at = $5
    WHERE browser_digest IN ($1, $2, $3, $4) AND ended_at IS NULL AND expires_at > $5
    RETURNING id, person_id";
const END_OF_PERSON: &str = "UPDATE sessions SET ended_at = $3
    WHERE id = $1 AND person_id = $2 AND ended_at IS NULL AND expires_at > $3";
const END_ALL: &str = "UPDATE sessions SET ended_at = $3
    WHERE person_id = $1 AND id <> $2 AND ended_at IS NULL AND expires_at > $3";
const OF_BROWSER: &str =
    "SELECT s.id, s.sid_salt, s.person_id, s.acr, s.amr, s.auth_time, s.created_at, s.expires_at, s.device
    FROM sessions s JOIN persons p ON p.id = s.person_id AND p.state = 'active'
    WHERE s.browser_digest IN ($1, $2, $3, $4) AND s.ended_at IS NULL AND s.expires_at > $5
    ORDER BY s.auth_time DESC, s.id LIMIT 12";
/// As [`OF_BROWSER`], with each person's standing at a client.
const AT_CLIENT: &str =
    "SELECT s.id, s.sid_salt, s.person_id, s.acr, s.amr, s.auth_time, s.created_at, s.expires_at, s.device,
        (SELECT u.sub FROM subjects u WHERE u.principal = 'p:' || s.person_id AND u.sector = $7),
        (SELECT n.scope FROM consents n WHERE n.person_id = s.person_id AND n.client_id = $6 AND n.organisation_id = ''),
        (SELECT count(*) FROM mandates m JOIN organisations o ON o.id = m.organisation_id AND o.state = 'registered'
            WHERE m.person_id = s.person_id AND m.ended_at IS NULL AND m.starts_at <= $5
                AND (m.until IS NULL OR m.until > $5))
    FROM sessions s JOIN persons p ON p.id = s.person_id AND p.state = 'active'
    WHERE s.browser_digest IN ($1, $2, $3, $4) AND s.ended_at IS NULL AND s.expires_at > $5
    ORDER BY s.auth_time DESC, s.id LIMIT 12";
const OF_PERSON: &str = "SELECT id, sid_salt, person_id, acr, amr, auth_time, created_at, expires_at, device
    FROM sessions WHERE person_id = $1 AND ended_at IS NULL AND expires_at > $2
    ORDER BY auth_time DESC, id LIMIT 50";

type Row = (String, String, String, i64, String, i64, i64, i64, String);

/// `amr` as it is stored: blank-separated.
pub(crate) fn amr_text(amr: &[Amr]) -> String {
    amr.iter().map(|a| a.as_str()).collect::<Vec<_>>().join(" ")
}

/// Reads a stored `amr`.
pub(crate) fn amr_from(text: &str) -> Result<Vec<Amr>, StorageError> {
    text.split_ascii_whitespace().map(|a| Amr::parse(a).ok_or(StorageError::Damaged("amr"))).collect()
}

fn session(row: Row) -> Result<Session, StorageError> {
    let (id, sid_salt, person, acr, amr, auth_time, created_at, expires_at, device) = row;
    Ok(Session {
        id: SessionId::stored(id),
        person: PersonId::stored(person),
        acr: Acr::from_level(acr).ok_or(StorageError::Damaged("acr"))?,
        amr: amr_from(&amr)?,
        auth_time: Timestamp::from_seconds(auth_time),
        created_at: Timestamp::from_seconds(created_at),
        expires_at: Timestamp::from_seconds(expires_at),
        device,
        sid_salt,
    })
}

pub(crate) async fn insert(tx: &mut Tx, session: &Session, browser: &str) -> Result<(), StorageError> {
    let amr = amr_text(&session.amr);
    on!(tx, c => sqlx::query(INSERT)
        .bind(session.id.as_str())
        .bind(browser)
        .bind(&session.sid_salt)
        .bind(session.person.as_str())
        .bind(session.acr.level())
        .bind(&amr)
        .bind(session.auth_time.seconds())
        .bind(session.created_at.seconds())
        .bind(session.expires_at.seconds())
        .bind(&session.device)
        .execute(c).await.map(drop))
}

pub(crate) async fn renew(
    tx: &mut Tx,
    id: &SessionId,
    authentication: &Authentication,
    expires_at: Timestamp,
) -> Result<(), StorageError> {
    let amr = amr_text(&authentication.amr);
    on!(tx, c => sqlx::query(RENEW)
        .bind(id.as_str())
        .bind(authentication.acr.level())
        .bind(&amr)
        .bind(authentication.at.seconds())
        .bind(expires_at.seconds())
        .execute(c).await.map(drop))
}

fn at(digests: &[String], n: usize) -> &str {
    digests.get(n).map_or("", String::as_str)
}

pub(crate) async fn move_browser(tx: &mut Tx, old: &[String], new: &str, now: Timestamp) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(MOVE)
        .bind(at(old, 0)).bind(at(old, 1)).bind(at(old, 2)).bind(at(old, 3))
        .bind(new)
        .bind(now.seconds())
        .execute(c).await.map(drop))
}

pub(crate) async fn end(tx: &mut Tx, id: &SessionId, now: Timestamp) -> Result<bool, StorageError> {
    on!(tx, c => sqlx::query(END).bind(id.as_str()).bind(now.seconds()).execute(c).await.map(|d| d.rows_affected() > 0))
}

pub(crate) async fn end_of_person(
    tx: &mut Tx,
    person: &PersonId,
    id: &SessionId,
    now: Timestamp,
) -> Result<bool, StorageError> {
    on!(tx, c => sqlx::query(END_OF_PERSON)
        .bind(id.as_str())
        .bind(person.as_str())
        .bind(now.seconds())
        .execute(c).await.map(|d| d.rows_affected() > 0))
}

pub(crate) async fn end_all(
    tx: &mut Tx,
    person: &PersonId,
    kept: Option<&SessionId>,
    now: Timestamp,
) -> Result<u64, StorageError> {
    on!(tx, c => sqlx::query(END_ALL)
        .bind(person.as_str())
        .bind(kept.map_or("", SessionId::as_str))
        .bind(now.seconds())
        .execute(c).await.map(|d| d.rows_affected()))
}

pub(crate) async fn of_browser(tx: &mut Tx, digests: &[String], now: Timestamp) -> Result<Vec<Session>, StorageError> {
    let rows: Vec<Row> = on!(tx, c => sqlx::query_as(OF_BROWSER)
        .bind(at(digests, 0)).bind(at(digests, 1)).bind(at(digests, 2)).bind(at(digests, 3))
        .bind(now.seconds())
        .fetch_all(c).await)?;
    rows.into_iter().map(session).collect()
}

/// As [`of_browser`], with each person's standing at a client.
pub(crate) async fn at_client(
    tx: &mut Tx,
    digests: &[String],
    client: &ClientId,
    sector: &str,
    now: Timestamp,
) -> Result<Vec<Seen>, StorageError> {
    type AtClient = (String, String, String, i64, String, i64, i64, i64, String, Option<String>, Option<String>, i64);
    let rows: Vec<AtClient> = on!(tx, c => sqlx::query_as(AT_CLIENT)
        .bind(at(digests, 0)).bind(at(digests, 1)).bind(at(digests, 2)).bind(at(digests, 3))
        .bind(now.seconds()).bind(client.as_str()).bind(sector)
        .fetch_all(c).await)?;
    rows.into_iter()
        .map(|(id, salt, person, acr, amr, auth_time, created, expires, device, sub, consented, mandates)| {
            Ok(Seen {
                session: session((id, salt, person, acr, amr, auth_time, created, expires, device))?,
                here: Some(Here { sub, consented, has_mandates: mandates > 0 }),
            })
        })
        .collect()
}

pub(crate) async fn of_person(tx: &mut Tx, person: &PersonId, now: Timestamp) -> Result<Vec<Session>, StorageError> {
    let rows: Vec<Row> = on!(tx, c => sqlx::query_as(OF_PERSON)
        .bind(person.as_str())
        .bind(now.seconds())
        .fetch_all(c).await)?;
    rows.into_iter().map(session).collect()
}

/// Ends all sessions of a browser; whose they were.
pub(crate) async fn end_browser(
    tx: &mut Tx,
    digests: &[String],
    now: Timestamp,
) -> Result<Vec<(SessionId, PersonId)>, StorageError> {
    let rows: Vec<(String, String)> = on!(tx, c => sqlx::query_as(END_BROWSER)
        .bind(at(digests, 0)).bind(at(digests, 1)).bind(at(digests, 2)).bind(at(digests, 3))
        .bind(now.seconds())
        .fetch_all(c).await)?;
    Ok(rows.into_iter().map(|(id, person)| (SessionId::stored(id), PersonId::stored(person))).collect())
}
