//! Status lists and their positions.

use store::{StorageError, Tx, on};
use verifier::time::Timestamp;

const OPEN: &str = "SELECT list FROM status_lists WHERE is_full = 0 ORDER BY opened_at, list LIMIT 1";
const ADD: &str = "INSERT INTO status_lists (list, opened_at, is_full, revision) VALUES ($1, $2, 0, 0)
    ON CONFLICT (list) DO NOTHING";
const CLOSE: &str = "UPDATE status_lists SET is_full = 1 WHERE list = $1";
const COUNT: &str = "SELECT count(*) FROM status_positions WHERE list = $1";
const RESERVE_ONE: &str = "INSERT INTO status_positions (list, position, licence, value) VALUES ($1, $2, $3, 0)
    ON CONFLICT (list, position) DO NOTHING";
const RESERVE_TWO: &str = "INSERT INTO status_positions (list, position, licence, value)
    VALUES ($1, $2, $3, 0), ($1, $4, $3, 0) ON CONFLICT (list, position) DO NOTHING";
const SET: &str = "UPDATE status_positions SET value = $2 WHERE licence = $1";
const TOUCH: &str = "UPDATE status_lists SET revision = revision + 1 WHERE list IN
    (SELECT list FROM status_positions WHERE licence = $1)";
const REVISION: &str = "SELECT revision FROM status_lists WHERE list = $1";
const VALUES: &str = "SELECT position, value FROM status_positions WHERE list = $1 AND value <> 0";

/// The oldest list that is not full.
pub(crate) async fn open_list(tx: &mut Tx) -> Result<Option<String>, StorageError> {
    let row: Option<(String,)> = on!(tx, c => sqlx::query_as(OPEN).fetch_optional(c).await)?;
    Ok(row.map(|(list,)| list))
}

/// Opens a list.
pub(crate) async fn add_list(tx: &mut Tx, list: &str, now: Timestamp) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(ADD).bind(list).bind(now.seconds()).execute(c).await.map(drop))
}

/// Marks a list as full: it is served on, and nothing is drawn from it any more.
pub(crate) async fn close_list(tx: &mut Tx, list: &str) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(CLOSE).bind(list).execute(c).await.map(drop))
}

/// How many positions of a list are taken.
pub(crate) async fn count(tx: &mut Tx, list: &str) -> Result<i64, StorageError> {
    let (taken,): (i64,) = on!(tx, c => sqlx::query_as(COUNT).bind(list).fetch_one(c).await)?;
    Ok(taken)
}

/// Takes two positions at once; answers how many of them were free.
pub(crate) async fn reserve_two(
    tx: &mut Tx,
    list: &str,
    positions: [i64; 2],
    licence: &str,
) -> Result<u64, StorageError> {
    on!(tx, c => sqlx::query(RESERVE_TWO).bind(list).bind(positions[0]).bind(licence).bind(positions[1])
        .execute(c).await.map(|done| done.rows_affected()))
}

/// Takes one position if it is free.
pub(crate) async fn reserve_one(tx: &mut Tx, list: &str, position: i64, licence: &str) -> Result<bool, StorageError> {
    let rows = on!(tx, c => sqlx::query(RESERVE_ONE).bind(list).bind(position).bind(licence)
        .execute(c).await.map(|done| done.rows_affected()))?;
    Ok(rows == 1)
}

/// Sets every position of a licence, and marks its lists as changed.
pub(crate) async fn set(tx: &mut Tx, licence: &str, value: u8) -> Result<(), StorageError> {
    on!(&mut *tx, c => sqlx::query(SET).bind(licence).bind(i64::from(value)).execute(c).await.map(drop))?;
    on!(tx, c => sqlx::query(TOUCH).bind(licence).execute(c).await.map(drop))
}

/// Rises with each change of a list; `None` for a list that is not there.
pub(crate) async fn revision(tx: &mut Tx, list: &str) -> Result<Option<i64>, StorageError> {
    let row: Option<(i64,)> = on!(tx, c => sqlx::query_as(REVISION).bind(list).fetch_optional(c).await)?;
    Ok(row.map(|(revision,)| revision))
}

/// The positions that are not 0.
pub(crate) async fn values(tx: &mut Tx, list: &str) -> Result<Vec<(i64, i64)>, StorageError> {
    on!(tx, c => sqlx::query_as(VALUES).bind(list).fetch_all(c).await)
}
