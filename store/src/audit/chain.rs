//! Places and digests: the order that one process at a time gives to the rows.

use std::future::Future;
use std::time::Duration;

use keys::sources::Sources;
use ring::digest::{Context, SHA256};
use verifier::encoding::hex;

use super::Stored;
use crate::lease::{self, Lease, Work};
use crate::{Db, StorageError, Tx, on};

/// The end of the chain: how many rows it has and the last one's digest (lower-case hex, empty for none).
///
/// An auditor who writes one down can later prove with [`super::verify`] that nothing before it was taken away.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Head {
    /// Rows in the chain.
    pub size: i64,
    /// SHA-256 of the last row and all before it.
    pub digest: String,
}

/// The lease under which rows are chained, and how often it happens.
pub const SEQUENCER: Work = Work { name: "audit", seconds: 10, every: Duration::from_secs(1) };

/// Rows chained in one transaction.
const BATCH: i64 = 200;

/// The stored head.
pub(crate) const HEAD: &str = "SELECT size, digest FROM audit_head WHERE chain = 'audit'";
/// The oldest rows without a place.
pub(crate) const OPEN: &str =
    "SELECT id, at, actor, department, action, matter, case_number, object, result, incident, place,
    digest FROM audit WHERE place IS NULL ORDER BY at, id LIMIT $1";
/// Gives a row its place, once.
pub(crate) const PLACE: &str = "UPDATE audit SET place = $2, digest = $3 WHERE id = $1 AND place IS NULL";
/// Moves the head on from the size that was read, under a token that is not older than the last writer's.
pub(crate) const MOVE: &str = "UPDATE audit_head SET size = $1, digest = $2, token = $3
    WHERE chain = 'audit' AND size = $4 AND digest = $5 AND token <= $3";

/// The head as it is stored now.
///
/// # Errors
///
/// `Damaged` if its row is gone; else what the database answers.
pub async fn head(tx: &mut Tx) -> Result<Head, StorageError> {
    let row: Option<(i64, String)> = on!(tx, c => sqlx::query_as(HEAD).fetch_optional(c).await)?;
    let (size, digest) = row.ok_or(StorageError::Damaged("the audit record's head is gone"))?;
    Ok(Head { size, digest })
}

/// Gives the next rows their places, one transaction a batch, while `lease` is the newest; answers how many.
///
/// # Errors
///
/// What the database answers; batches that were done stay done.
pub async fn sequence(db: &Db, lease: &Lease) -> Result<u64, StorageError> {
    let mut done = 0;
    for _ in 0..50 {
        let placed = batch(db, lease).await?;
        done += placed;
        if placed < BATCH.unsigned_abs() {
            break;
        }
    }
    Ok(done)
}

/// Sequences until `stop` is done, in whichever process holds the lease.
pub async fn run(db: &Db, sources: &Sources, stop: impl Future<Output = ()>) {
    lease::hold(db, sources, &SEQUENCER, stop, |lease| async move { sequence(db, &lease).await.map(drop) }).await;
}

async fn batch(db: &Db, lease: &Lease) -> Result<u64, StorageError> {
    let mut reader = db.reader().await?; // a quiet second costs one reading statement
    let rows: Vec<Stored> = on!(&mut reader, c => sqlx::query_as(OPEN).bind(BATCH).fetch_all(c).await)?;
    drop(reader);
    if rows.is_empty() {
        return Ok(0);
    }
    let mut tx = db.begin().await?;
    if !lease::guard(&mut tx, lease).await? {
        return Ok(0);
    }
    let before = head(&mut tx).await?;
    let mut after = before.clone();
    for row in &rows {
        after.size += 1;
        after.digest = digest(&after.digest, after.size, row);
        let changed = on!(&mut tx, c => sqlx::query(PLACE).bind(&row.id).bind(after.size).bind(&after.digest)
            .execute(c).await.map(|done| done.rows_affected()))?;
        if changed != 1 {
            return Err(StorageError::Damaged("an audit row left before it was chained"));
        }
    }
    let moved = on!(&mut tx, c => sqlx::query(MOVE).bind(after.size).bind(&after.digest).bind(lease.token)
        .bind(before.size).bind(&before.digest).execute(c).await.map(|done| done.rows_affected()))?;
    if moved != 1 {
        return Ok(0); // another was faster: nothing of this batch is kept
    }
    tx.commit().await?;
    Ok(rows.len() as u64)
}

/// SHA-256 over a name, the predecessor's digest, the place and the row, each part with its length before it.
pub(super) fn digest(before: &str, place: i64, row: &Stored) -> String {
    let mut context = Context::new(&SHA256);
    let mut part = |bytes: Option<&[u8]>| match bytes {
        None => context.update(&[0]),
        Some(bytes) => {
            context.update(&[1]);
            context.update(&(bytes.len() as u64).to_be_bytes());
            context.update(bytes);
        }
    };
    part(Some(b"xinyin/audit/1"));
    part(Some(before.as_bytes()));
    part(Some(&place.to_be_bytes()));
    part(Some(row.id.as_bytes()));
    part(Some(&row.at.to_be_bytes()));
    for text in [
        Some(&row.actor),
        row.department.as_ref(),
        Some(&row.action),
        row.matter.as_ref(),
        row.case_number.as_ref(),
        row.object.as_ref(),
        Some(&row.result),
        row.incident.as_ref(),
    ] {
        part(text.map(String::as_bytes));
    }
    hex::encode(context.finish().as_ref())
}
