//! The tables of passkeys and of challenges that are out.

use store::{StorageError, Tx, on, sqlx};
use uuid::Uuid;
use verifier::time::Timestamp;

use crate::account::passkey::{NewPasskey, StoredPasskey, Used};
use crate::ids::PersonId;

/// The most passkeys of one person.
pub(crate) const MOST: usize = 20;

const MAKE_HANDLE: &str = "INSERT INTO passkey_handles (person_id, handle) VALUES ($1, $2)
    ON CONFLICT (person_id) DO UPDATE SET person_id = excluded.person_id RETURNING handle";
const INSERT: &str = "INSERT INTO passkeys
    (credential_id, id, person_id, title, record, transports, backup_eligible, backed_up, counter, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9) ON CONFLICT (credential_id) DO NOTHING";
const FIND: &str = "SELECT k.person_id, h.handle, k.record, k.transports, k.backup_eligible,
        (SELECT coalesce(max(e.level), 0) FROM evidence e WHERE e.person_id = k.person_id AND e.voided_at IS NULL)
    FROM passkeys k JOIN passkey_handles h ON h.person_id = k.person_id
    JOIN persons p ON p.id = k.person_id AND p.state = 'active'
    WHERE k.credential_id = $1 AND k.removed_at IS NULL";
const USE: &str = "UPDATE passkeys SET record = coalesce($2, record), backup_eligible = $3, backed_up = $4,
        counter = $5, used_at = $6
    WHERE credential_id = $1 AND removed_at IS NULL AND (counter < $5 OR (counter = 0 AND $5 = 0))";
const ALLOWED: &str = "SELECT credential_id, transports FROM passkeys
    WHERE person_id = $1 AND removed_at IS NULL ORDER BY created_at LIMIT 20";
const LIST: &str = "SELECT id, title, created_at, used_at FROM passkeys
    WHERE person_id = $1 AND removed_at IS NULL ORDER BY created_at LIMIT 20";
const REMOVE: &str = "UPDATE passkeys SET removed_at = $3
    WHERE id = $1 AND person_id = $2 AND removed_at IS NULL";
const BEGIN: &str = "INSERT INTO ceremonies (id, state, person_id, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (id) DO UPDATE SET state = excluded.state, person_id = excluded.person_id,
        created_at = excluded.created_at, expires_at = excluded.expires_at";
const TAKE: &str = "DELETE FROM ceremonies WHERE id = $1 RETURNING state, person_id, expires_at";

/// Statements of this file, for the test that prepares all of them.
pub(crate) const STATEMENTS: [(&str, &str); 9] = [
    ("passkeys.make_handle", MAKE_HANDLE),
    ("passkeys.insert", INSERT),
    ("passkeys.find", FIND),
    ("passkeys.use", USE),
    ("passkeys.allowed", ALLOWED),
    ("passkeys.list", LIST),
    ("passkeys.remove", REMOVE),
    ("ceremonies.begin", BEGIN),
    ("ceremonies.take", TAKE),
];

/// A passkey in a person's own list.
pub(crate) struct Listed {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) created_at: Timestamp,
    pub(crate) used_at: Option<Timestamp>,
}

/// The person's handle; `fresh` becomes it if there is none yet.
pub(crate) async fn handle(tx: &mut Tx, person: &PersonId, fresh: Uuid) -> Result<Uuid, StorageError> {
    let fresh = fresh.to_string();
    let (handle,): (String,) = on!(tx, c => sqlx::query_as(MAKE_HANDLE)
        .bind(person.as_str())
        .bind(&fresh)
        .fetch_one(c).await)?;
    Uuid::parse_str(&handle).map_err(|_| StorageError::Damaged("passkey_handles.handle"))
}

/// Keeps a new passkey; whether its id was free.
pub(crate) async fn insert(
    tx: &mut Tx,
    id: &str,
    person: &PersonId,
    title: &str,
    new: &NewPasskey,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let transports = new.transports.join(" ");
    on!(tx, c => sqlx::query(INSERT)
        .bind(&new.credential_id)
        .bind(id)
        .bind(person.as_str())
        .bind(title)
        .bind(&new.record)
        .bind(&transports)
        .bind(i64::from(new.backup_eligible))
        .bind(i64::from(new.backed_up))
        .bind(now.seconds())
        .execute(c).await.map(|done| done.rows_affected() > 0))
}

/// The passkey with that credential id, whose it is, and that person's identity level.
pub(crate) async fn find(
    tx: &mut Tx,
    credential_id: &[u8],
) -> Result<Option<(PersonId, StoredPasskey, i64)>, StorageError> {
    let row: Option<(String, String, String, String, Option<i64>, i64)> =
        on!(tx, c => sqlx::query_as(FIND).bind(credential_id).fetch_optional(c).await)?;
    let Some((person, handle, record, transports, backup_eligible, level)) = row else { return Ok(None) };
    let handle = Uuid::parse_str(&handle).map_err(|_| StorageError::Damaged("passkey_handles.handle"))?;
    let stored = StoredPasskey {
        handle,
        credential_id: credential_id.to_vec(),
        record,
        transports: words(&transports),
        backup_eligible: backup_eligible.map(|flag| flag == 1),
    };
    Ok(Some((PersonId::stored(person), stored, level)))
}

/// Notes a use; whether the counter still allowed it (two uses of one counter value that race: one wins).
pub(crate) async fn used(tx: &mut Tx, credential_id: &[u8], used: &Used, now: Timestamp) -> Result<bool, StorageError> {
    on!(tx, c => sqlx::query(USE)
        .bind(credential_id)
        .bind(used.record.as_deref())
        .bind(i64::from(used.backup_eligible))
        .bind(i64::from(used.backed_up))
        .bind(i64::from(used.counter))
        .bind(now.seconds())
        .execute(c).await.map(|done| done.rows_affected() > 0))
}

/// Ids and transports of a person's passkeys.
pub(crate) async fn allowed(tx: &mut Tx, person: &PersonId) -> Result<Vec<(Vec<u8>, Vec<String>)>, StorageError> {
    let rows: Vec<(Vec<u8>, String)> = on!(tx, c => sqlx::query_as(ALLOWED).bind(person.as_str()).fetch_all(c).await)?;
    Ok(rows.into_iter().map(|(id, transports)| (id, words(&transports))).collect())
}

/// A person's passkeys, oldest first.
pub(crate) async fn list(tx: &mut Tx, person: &PersonId) -> Result<Vec<Listed>, StorageError> {
    let rows: Vec<(String, String, i64, Option<i64>)> =
        on!(tx, c => sqlx::query_as(LIST).bind(person.as_str()).fetch_all(c).await)?;
    Ok(rows
        .into_iter()
        .map(|(id, title, created, used)| Listed {
            id,
            title,
            created_at: Timestamp::from_seconds(created),
            used_at: used.map(Timestamp::from_seconds),
        })
        .collect())
}

/// Removes a passkey of a person; whether there was one.
pub(crate) async fn remove(tx: &mut Tx, person: &PersonId, id: &str, now: Timestamp) -> Result<bool, StorageError> {
    on!(tx, c => sqlx::query(REMOVE)
        .bind(id)
        .bind(person.as_str())
        .bind(now.seconds())
        .execute(c).await.map(|done| done.rows_affected() > 0))
}

/// Keeps a challenge under `id` (an interaction's, a session's or a registration's, with its kind in front); the one
/// that was out before is forgotten.
pub(crate) async fn begin(
    tx: &mut Tx,
    id: &str,
    state: &str,
    person: Option<&PersonId>,
    now: Timestamp,
) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(BEGIN)
        .bind(id)
        .bind(state)
        .bind(person.map(PersonId::as_str))
        .bind(now.seconds())
        .bind(now.plus(600).seconds())
        .execute(c).await.map(drop))
}

/// Takes a challenge out: state and for whom it was made. Whoever takes it commits, so that it answers once.
pub(crate) async fn take(
    tx: &mut Tx,
    id: &str,
    now: Timestamp,
) -> Result<Option<(String, Option<PersonId>)>, StorageError> {
    let row: Option<(String, Option<String>, i64)> =
        on!(tx, c => sqlx::query_as(TAKE).bind(id).fetch_optional(c).await)?;
    Ok(row
        .filter(|(_, _, expires_at)| *expires_at > now.seconds())
        .map(|(state, person, _)| (state, person.map(PersonId::stored))))
}

fn words(text: &str) -> Vec<String> {
    text.split_ascii_whitespace().map(str::to_owned).collect()
}
