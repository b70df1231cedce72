//! The log's leaves, tiles and head.

use std::fmt::Write;

use sqlx::AssertSqlSafe;
use store::{StorageError, Tx, on};
use verifier::time::Timestamp;

const ADD: &str = "INSERT INTO log_leaves (id, entry, recorded_at) VALUES ($1, $2, $3)";
const OPEN: &str = "SELECT id, entry FROM log_leaves WHERE place IS NULL ORDER BY recorded_at, id LIMIT $1";
const ANY_OPEN: &str = "SELECT id FROM log_leaves WHERE place IS NULL LIMIT 1";
const PROOF: &str = "SELECT place, proof FROM log_leaves WHERE id = $1";
const ENTRIES: &str = "SELECT entry FROM log_leaves WHERE place >= $1 AND place < $2 ORDER BY place";
const HEAD: &str = "SELECT size, checkpoint, at FROM log_head WHERE origin = $1";
const ADD_HEAD: &str = "INSERT INTO log_head (origin, size, checkpoint, token, at) VALUES ($1, 0, $2, 0, $3)
    ON CONFLICT (origin) DO NOTHING";
const MOVE: &str = "UPDATE log_head SET size = $2, checkpoint = $3, token = $4, at = $5
    WHERE origin = $1 AND size = $6 AND token <= $4";
const TILE: &str = "SELECT hashes FROM log_tiles WHERE level = $1 AND tile = $2";
const EDGE: &str =
    "SELECT level, tile, hashes FROM log_tiles WHERE (level = 0 AND tile = $1) OR (level = 1 AND tile = $2)
    OR (level = 2 AND tile = $3) OR (level = 3 AND tile = $4) OR (level = 4 AND tile = $5)";
const SAVE_TILE: &str = "INSERT INTO log_tiles (level, tile, hashes) VALUES ($1, $2, $3)
    ON CONFLICT (level, tile) DO UPDATE SET hashes = excluded.hashes";

/// A stored tile: the hashes of nodes of level `8 × level`.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct TileRow {
    pub(crate) level: i64,
    pub(crate) tile: i64,
    pub(crate) hashes: Vec<u8>,
}

/// The log's newest checkpoint.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Head {
    pub(crate) size: i64,
    pub(crate) checkpoint: String,
    pub(crate) at: i64,
}

/// A leaf that waits for its place.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct OpenLeaf {
    pub(crate) id: String,
    pub(crate) entry: Vec<u8>,
}

/// Adds a leaf, unordered.
pub(crate) async fn add(tx: &mut Tx, id: &str, entry: &[u8], now: Timestamp) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(ADD).bind(id).bind(entry).bind(now.seconds()).execute(c).await.map(drop))
}

/// The oldest leaves without a place.
pub(crate) async fn open(tx: &mut Tx, limit: i64) -> Result<Vec<OpenLeaf>, StorageError> {
    on!(tx, c => sqlx::query_as(OPEN).bind(limit).fetch_all(c).await)
}

/// Whether a leaf waits.
pub(crate) async fn any_open(tx: &mut Tx) -> Result<bool, StorageError> {
    let row: Option<(String,)> = on!(tx, c => sqlx::query_as(ANY_OPEN).fetch_optional(c).await)?;
    Ok(row.is_some())
}

/// Gives leaves their places and proofs, in one statement. At most 300 at once.
pub(crate) async fn place(tx: &mut Tx, rows: &[(String, i64, String)]) -> Result<u64, StorageError> {
    let mut sql = String::new();
    sql.push_str("\nUPDATE log_leaves SET place = v.place, proof = v.proof FROM ("); // one part of a statement
    for row in 0..rows.len() {
        let (a, b, c) = (row * 3 + 1, row * 3 + 2, row * 3 + 3);
        let union = if row == 0 { "" } else { " UNION ALL " };
        let _ = write!(
            sql,
            "{union}SELECT CAST(${a} AS TEXT) AS id, CAST(${b} AS BIGINT) AS place, CAST(${c} AS TEXT) AS proof"
        );
    }
    sql.push_str(") AS v WHERE log_leaves.id = v.id AND log_leaves.place IS NULL");
    on!(tx, c => {
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for (id, place, proof) in rows {
            query = query.bind(id.as_str()).bind(*place).bind(proof.as_str());
        }
        query.execute(c).await.map(|done| done.rows_affected())
    })
}

/// The place and the proof of a leaf, once it has them.
pub(crate) async fn proof(tx: &mut Tx, leaf: &str) -> Result<Option<(i64, String)>, StorageError> {
    let row: Option<(Option<i64>, Option<String>)> =
        on!(tx, c => sqlx::query_as(PROOF).bind(leaf).fetch_optional(c).await)?;
    match row {
        Some((Some(place), Some(proof))) => Ok(Some((place, proof))),
        Some(_) => Ok(None),
        None => Err(StorageError::Damaged("a sealing's leaf is gone")),
    }
}

/// The entries `from..to`, at most 256.
pub(crate) async fn entries(tx: &mut Tx, from: i64, to: i64) -> Result<Vec<Vec<u8>>, StorageError> {
    let rows: Vec<(Vec<u8>,)> = on!(tx, c => sqlx::query_as(ENTRIES).bind(from).bind(to).fetch_all(c).await)?;
    Ok(rows.into_iter().map(|(entry,)| entry).collect())
}

/// The newest checkpoint.
pub(crate) async fn head(tx: &mut Tx, origin: &str) -> Result<Option<Head>, StorageError> {
    on!(tx, c => sqlx::query_as(HEAD).bind(origin).fetch_optional(c).await)
}

/// Keeps the checkpoint of the empty log, once.
pub(crate) async fn begin(tx: &mut Tx, origin: &str, checkpoint: &str, now: Timestamp) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(ADD_HEAD).bind(origin).bind(checkpoint).bind(now.seconds()).execute(c).await.map(drop))
}

/// Moves the head from the size that was read to another, unless a younger token moved it already.
pub(crate) async fn advance(tx: &mut Tx, origin: &str, from: i64, to: &Head, token: i64) -> Result<bool, StorageError> {
    let rows = on!(tx, c => sqlx::query(MOVE).bind(origin).bind(to.size).bind(&to.checkpoint).bind(token).bind(to.at)
        .bind(from).execute(c).await.map(|done| done.rows_affected()))?;
    Ok(rows == 1)
}

/// A tile's hashes.
pub(crate) async fn tile(tx: &mut Tx, level: i64, tile: i64) -> Result<Option<Vec<u8>>, StorageError> {
    let row: Option<(Vec<u8>,)> = on!(tx, c => sqlx::query_as(TILE).bind(level).bind(tile).fetch_optional(c).await)?;
    Ok(row.map(|(hashes,)| hashes))
}

/// The tiles at the right edge of a tree of `size` leaves: where the next leaf's nodes will stand.
pub(crate) async fn edge(tx: &mut Tx, size: i64) -> Result<Vec<TileRow>, StorageError> {
    on!(tx, c => sqlx::query_as(EDGE).bind(size >> 8).bind(size >> 16).bind(size >> 24).bind(size >> 32).bind(size >> 40)
        .fetch_all(c).await)
}

/// Keeps a tile, whole or partial.
pub(crate) async fn save_tile(tx: &mut Tx, row: &TileRow) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(SAVE_TILE).bind(row.level).bind(row.tile).bind(&row.hashes).execute(c).await.map(drop))
}
