//! Licences, versions, sealings, renditions, events.

use store::{StorageError, Tx, on};
use verifier::time::Timestamp;

use super::digests::{Digests, with_digests};

const ADD: &str = "INSERT INTO licences (id, type_code, type_version, department, region, holder_kind, holder_digest,
    number_digest, version, state, state_since, valid_from, valid_end, recorded_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, 'in_force', $9, $10, $11, $9)";
const ADD_VERSION: &str = "INSERT INTO versions (licence, version, type_code, type_version, identifier, facts,
    disclosures, facts_digest, recorded_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const ADD_SEALINGS: &str = "INSERT INTO sealings (id, licence, version, rendition, event, effective, status_list,
    status_position, leaf, salt, leaf_key, recorded_at)
    VALUES ($1, $2, $3, 'sdjwt', $4, $5, $6, $7, $8, $9, $10, $11), ($12, $2, $3, 'cwt', $4, $5, $6, $13, NULL, NULL, NULL, $11)";
const ADD_SEALING: &str = "INSERT INTO sealings (id, licence, version, rendition, event, effective, status_list,
    status_position, leaf, salt, leaf_key, recorded_at)
    VALUES ($1, $2, $3, 'sdjwt', $4, $5, $6, $7, $8, $9, $10, $11)";
const SEALINGS: &str = "SELECT id, licence, version, rendition, event, effective, status_list, status_position, leaf,
    salt, leaf_key FROM sealings WHERE licence = $1 AND version = $2 ORDER BY rendition LIMIT 16";
const ADD_RENDITION: &str =
    "INSERT INTO renditions (sealing, licence, version, rendition, kid, sealed_at, digest, body)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (sealing) DO NOTHING";
const ADD_RENDITIONS: &str =
    "INSERT INTO renditions (sealing, licence, version, rendition, kid, sealed_at, digest, body)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8), ($9, $10, $11, $12, $13, $14, $15, $16) ON CONFLICT (sealing) DO NOTHING";
const RELEASE: &str = "UPDATE licences SET released_at = $2 WHERE id = $1 AND released_at IS NULL";
const UNRELEASED: &str = "SELECT id FROM licences WHERE released_at IS NULL AND recorded_at <= $1
    ORDER BY recorded_at, id LIMIT $2";
const FIND: &str = "SELECT id, type_code, type_version, department, holder_digest, version, state,
    state_since, valid_from, valid_end, recorded_at, released_at FROM licences WHERE id = $1";
const LOCK: &str = "UPDATE licences SET state = state WHERE id = $1";
const VERSION: &str = "SELECT identifier, facts, disclosures FROM versions
    WHERE licence = $1 AND version = $2";
const RENDITION: &str = "SELECT body FROM renditions WHERE licence = $1 AND version = $2
    AND rendition = $3 ORDER BY sealed_at DESC LIMIT 1";
const SET_STATE: &str = "UPDATE licences SET state = $3, state_since = $4 WHERE id = $1 AND state = $2";
const ADD_EVENT: &str = "INSERT INTO events (id, licence, event, state, legal_ground, reason, actor, department, at,
    effective_at, leaf) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
const EVENT: &str = "SELECT id, licence, event, state, legal_ground, reason, actor, department, at, effective_at
    FROM events WHERE id = $1";
const EVENTS: &str = "SELECT id, licence, event, state, legal_ground, reason, actor, department, at, effective_at
    FROM events WHERE licence = $1 ORDER BY at DESC, id DESC LIMIT 200";
const OF_DEPARTMENT: &str = "SELECT id, type_code, type_version, department, holder_digest, version,
    state, state_since, valid_from, valid_end, recorded_at, released_at FROM licences
    WHERE department = $1 AND (cast($2 AS TEXT) IS NULL OR type_code = $2) AND (cast($3 AS TEXT) IS NULL OR state = $3)
    AND (recorded_at < $4 OR (recorded_at = $4 AND id < $5)) ORDER BY recorded_at DESC, id DESC LIMIT $6";
const OF_DEPARTMENT_HOLDER: &str = "SELECT id, type_code, type_version, department, holder_digest,
    version, state, state_since, valid_from, valid_end, recorded_at, released_at FROM licences
    WHERE holder_digest IN ($3, $4, $5, $6, $7, $8, $9, $10) AND department = $1
    ORDER BY recorded_at DESC, id DESC LIMIT $2";
const OF_HOLDER: &str = "SELECT id, type_code, type_version, department, holder_digest, version,
    state, state_since, valid_from, valid_end, recorded_at, released_at FROM licences
    WHERE holder_digest IN ($2, $3, $4, $5, $6, $7, $8, $9) AND released_at IS NOT NULL
    ORDER BY recorded_at DESC, id DESC LIMIT $1";
const OF_HOLDER_TYPE: &str = "SELECT id, type_code, type_version, department, holder_digest, version,
    state, state_since, valid_from, valid_end, recorded_at, released_at FROM licences
    WHERE holder_digest IN ($3, $4, $5, $6, $7, $8, $9, $10) AND type_code = $1 AND released_at IS NOT NULL
    ORDER BY recorded_at DESC, id DESC LIMIT $2";
const COUNTS: &str = "SELECT state, count(*) FROM licences WHERE department = $1 GROUP BY state";

/// A row of `licences`.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct LicenceRow {
    pub(crate) id: String,
    pub(crate) type_code: String,
    pub(crate) type_version: i64,
    pub(crate) department: String,
    pub(crate) holder_digest: Vec<u8>,
    pub(crate) version: i64,
    pub(crate) state: String,
    pub(crate) state_since: i64,
    pub(crate) valid_from: i64,
    pub(crate) valid_end: Option<i64>,
    pub(crate) recorded_at: i64,
    pub(crate) released_at: Option<i64>,
}

/// A new row of `licences`.
#[derive(Debug)]
pub(crate) struct NewLicence<'a> {
    pub(crate) id: &'a str,
    pub(crate) type_code: &'a str,
    pub(crate) type_version: u32,
    pub(crate) department: &'a str,
    pub(crate) region: &'a str,
    pub(crate) holder_kind: &'a str,
    pub(crate) holder_digest: &'a [u8],
    pub(crate) number_digest: &'a [u8],
    pub(crate) valid_from: i64,
    pub(crate) valid_end: Option<i64>,
}

/// Adds a licence in its first version.
pub(crate) async fn add(tx: &mut Tx, new: &NewLicence<'_>, now: Timestamp) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(ADD).bind(new.id).bind(new.type_code).bind(i64::from(new.type_version)).bind(new.department)
        .bind(new.region).bind(new.holder_kind).bind(new.holder_digest).bind(new.number_digest).bind(now.seconds())
        .bind(new.valid_from).bind(new.valid_end).execute(c).await.map(drop))
}

/// A new row of `versions`; facts and disclosures are encrypted already.
#[derive(Debug)]
pub(crate) struct NewVersion<'a> {
    pub(crate) licence: &'a str,
    pub(crate) version: i64,
    pub(crate) type_code: &'a str,
    pub(crate) type_version: u32,
    pub(crate) identifier: &'a str,
    pub(crate) facts: &'a [u8],
    pub(crate) disclosures: &'a [u8],
    pub(crate) facts_digest: &'a [u8],
}

/// Adds a version.
pub(crate) async fn add_version(tx: &mut Tx, new: &NewVersion<'_>, now: Timestamp) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(ADD_VERSION).bind(new.licence).bind(new.version).bind(new.type_code)
        .bind(i64::from(new.type_version)).bind(new.identifier).bind(new.facts).bind(new.disclosures)
        .bind(new.facts_digest).bind(now.seconds()).execute(c).await.map(drop))
}

/// A row of `versions`.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct VersionRow {
    pub(crate) identifier: String,
    pub(crate) facts: Vec<u8>,
    pub(crate) disclosures: Vec<u8>,
}

/// A row of `sealings`: what will be signed, written down before a key is used.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct SealingRow {
    pub(crate) id: String,
    pub(crate) licence: String,
    pub(crate) version: i64,
    pub(crate) rendition: String,
    pub(crate) event: String,
    pub(crate) effective: i64,
    pub(crate) status_list: String,
    pub(crate) status_position: i64,
    pub(crate) leaf: Option<String>,
    pub(crate) salt: Option<Vec<u8>>,
    pub(crate) leaf_key: Option<Vec<u8>>,
}

/// Adds the sealing of a credential and, where there is one, of its code, in one statement.
pub(crate) async fn add_sealings(
    tx: &mut Tx,
    credential: &SealingRow,
    code: Option<&SealingRow>,
    now: Timestamp,
) -> Result<(), StorageError> {
    let s = credential;
    let Some(code) = code else {
        return on!(tx, c => sqlx::query(ADD_SEALING).bind(&s.id).bind(&s.licence).bind(s.version).bind(&s.event)
            .bind(s.effective).bind(&s.status_list).bind(s.status_position).bind(&s.leaf).bind(&s.salt).bind(&s.leaf_key)
            .bind(now.seconds()).execute(c).await.map(drop));
    };
    on!(tx, c => sqlx::query(ADD_SEALINGS).bind(&s.id).bind(&s.licence).bind(s.version).bind(&s.event)
        .bind(s.effective).bind(&s.status_list).bind(s.status_position).bind(&s.leaf).bind(&s.salt).bind(&s.leaf_key)
        .bind(now.seconds()).bind(&code.id).bind(code.status_position).execute(c).await.map(drop))
}

/// The sealings of a version.
pub(crate) async fn sealings(tx: &mut Tx, licence: &str, version: i64) -> Result<Vec<SealingRow>, StorageError> {
    on!(tx, c => sqlx::query_as(SEALINGS).bind(licence).bind(version).fetch_all(c).await)
}

/// What was signed.
#[derive(Clone, Debug)]
pub(crate) struct RenditionRow {
    pub(crate) kid: String,
    pub(crate) sealed_at: i64,
    pub(crate) body: Vec<u8>,
}

/// Keeps what was signed of one sealing, or of two in one statement, each with the bytes that stand for it in the row; of two
/// that finish the same one the first one's stays.
pub(crate) async fn add_renditions(
    tx: &mut Tx,
    first: (&SealingRow, &RenditionRow, &[u8]),
    second: Option<(&SealingRow, &RenditionRow, &[u8])>,
) -> Result<(), StorageError> {
    let sql = if second.is_some() { ADD_RENDITIONS } else { ADD_RENDITION };
    on!(tx, c => {
        let mut query = sqlx::query(sql);
        for (sealing, kept, body) in std::iter::once(first).chain(second) {
            let digest = ring::digest::digest(&ring::digest::SHA256, &kept.body).as_ref().to_vec();
            query = query.bind(&sealing.id).bind(&sealing.licence).bind(sealing.version).bind(&sealing.rendition)
                .bind(&kept.kid).bind(kept.sealed_at).bind(digest).bind(body);
        }
        query.execute(c).await.map(drop)
    })
}

/// Releases a licence, once.
pub(crate) async fn release(tx: &mut Tx, licence: &str, now: Timestamp) -> Result<bool, StorageError> {
    let rows = on!(tx, c => sqlx::query(RELEASE).bind(licence).bind(now.seconds())
        .execute(c).await.map(|done| done.rows_affected()))?;
    Ok(rows == 1)
}

/// Licences that were recorded at `before` or earlier and not released.
pub(crate) async fn unreleased(tx: &mut Tx, before: Timestamp, limit: i64) -> Result<Vec<String>, StorageError> {
    let rows: Vec<(String,)> =
        on!(tx, c => sqlx::query_as(UNRELEASED).bind(before.seconds()).bind(limit).fetch_all(c).await)?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// A licence.
pub(crate) async fn find(tx: &mut Tx, licence: &str) -> Result<Option<LicenceRow>, StorageError> {
    on!(tx, c => sqlx::query_as(FIND).bind(licence).fetch_optional(c).await)
}

/// Makes other writers of the licence wait until this transaction ends.
pub(crate) async fn lock(tx: &mut Tx, licence: &str) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(LOCK).bind(licence).execute(c).await.map(drop))
}

/// A version.
pub(crate) async fn version(tx: &mut Tx, licence: &str, version: i64) -> Result<Option<VersionRow>, StorageError> {
    on!(tx, c => sqlx::query_as(VERSION).bind(licence).bind(version).fetch_optional(c).await)
}

/// What was signed last of a kind.
pub(crate) async fn rendition(
    tx: &mut Tx,
    licence: &str,
    version: i64,
    rendition: &str,
) -> Result<Option<Vec<u8>>, StorageError> {
    let row: Option<(Vec<u8>,)> = on!(tx, c => sqlx::query_as(RENDITION).bind(licence).bind(version)
        .bind(rendition).fetch_optional(c).await)?;
    Ok(row.map(|(body,)| body))
}

/// Moves a licence from the state in which it was read to another. Of two that race exactly one does.
pub(crate) async fn set_state(
    tx: &mut Tx,
    licence: &str,
    from: &str,
    to: &str,
    since: Timestamp,
) -> Result<bool, StorageError> {
    let rows = on!(tx, c => sqlx::query(SET_STATE).bind(licence).bind(from).bind(to).bind(since.seconds())
        .execute(c).await.map(|done| done.rows_affected()))?;
    Ok(rows == 1)
}

/// A row of `events`.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct EventRow {
    pub(crate) id: String,
    pub(crate) licence: String,
    pub(crate) event: String,
    pub(crate) state: String,
    pub(crate) legal_ground: String,
    pub(crate) reason: String,
    pub(crate) actor: String,
    pub(crate) department: String,
    pub(crate) at: i64,
    pub(crate) effective_at: i64,
}

/// Adds an event.
pub(crate) async fn add_event(tx: &mut Tx, event: &EventRow, leaf: &str) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(ADD_EVENT).bind(&event.id).bind(&event.licence).bind(&event.event).bind(&event.state)
        .bind(&event.legal_ground).bind(&event.reason).bind(&event.actor).bind(&event.department).bind(event.at)
        .bind(event.effective_at).bind(leaf).execute(c).await.map(drop))
}

/// One event.
pub(crate) async fn event(tx: &mut Tx, id: &str) -> Result<Option<EventRow>, StorageError> {
    on!(tx, c => sqlx::query_as(EVENT).bind(id).fetch_optional(c).await)
}

/// The newest events of a licence, at most 200.
pub(crate) async fn events(tx: &mut Tx, licence: &str) -> Result<Vec<EventRow>, StorageError> {
    on!(tx, c => sqlx::query_as(EVENTS).bind(licence).fetch_all(c).await)
}

/// A department's licences, newest first, behind the cursor (`recorded_at`, `id`).
pub(crate) async fn of_department(
    tx: &mut Tx,
    department: &str,
    type_code: Option<&str>,
    state: Option<&str>,
    after: (i64, &str),
    limit: i64,
) -> Result<Vec<LicenceRow>, StorageError> {
    on!(tx, c => sqlx::query_as(OF_DEPARTMENT).bind(department).bind(type_code).bind(state).bind(after.0).bind(after.1)
        .bind(limit).fetch_all(c).await)
}

/// The licences that a department issued to a holder.
pub(crate) async fn of_department_holder(
    tx: &mut Tx,
    department: &str,
    holder: &Digests,
    limit: i64,
) -> Result<Vec<LicenceRow>, StorageError> {
    on!(tx, c => with_digests!(sqlx::query_as(OF_DEPARTMENT_HOLDER).bind(department).bind(limit), holder)
        .fetch_all(c).await)
}

/// A holder's licences, released ones alone.
pub(crate) async fn of_holder(tx: &mut Tx, holder: &Digests, limit: i64) -> Result<Vec<LicenceRow>, StorageError> {
    on!(tx, c => with_digests!(sqlx::query_as(OF_HOLDER).bind(limit), holder)
        .fetch_all(c).await)
}

/// A holder's licences of one type.
pub(crate) async fn of_holder_type(
    tx: &mut Tx,
    holder: &Digests,
    type_code: &str,
    limit: i64,
) -> Result<Vec<LicenceRow>, StorageError> {
    on!(tx, c => with_digests!(sqlx::query_as(OF_HOLDER_TYPE).bind(type_code).bind(limit), holder)
        .fetch_all(c).await)
}

/// How many licences of a department are in each state.
pub(crate) async fn counts(tx: &mut Tx, department: &str) -> Result<Vec<(String, i64)>, StorageError> {
    on!(tx, c => sqlx::query_as(COUNTS).bind(department).fetch_all(c).await)
}
