//! Expired rows leave in bounded batches, never inside a request.

use verifier::time::Timestamp;

use crate::{Db, StorageError, on};

/// One kind of row that expires.
#[derive(Clone, Copy, Debug)]
pub struct Sweep {
    /// What the rows are, for the log.
    pub name: &'static str,
    /// Deletes at most `$2` rows that had expired by `$1`, for example
    /// `DELETE FROM grants WHERE id IN (SELECT id FROM grants WHERE expires_at <= $1 LIMIT $2)`.
    pub sql: &'static str,
}

/// Rows in one transaction.
const BATCH: i64 = 500;
/// Transactions in one round, so that a long backlog does not keep others waiting.
const BATCHES: usize = 20;

/// Deletes what had expired by `now`, each batch in a transaction of its own; answers how many rows went.
///
/// # Errors
///
/// What the database answers; batches that were done stay done.
pub async fn sweep(db: &Db, sweeps: &[Sweep], now: Timestamp) -> Result<u64, StorageError> {
    let mut gone = 0;
    for sweep in sweeps {
        for _ in 0..BATCHES {
            let mut tx = db.begin().await?;
            let rows = on!(&mut tx, c => sqlx::query(sweep.sql).bind(now.seconds()).bind(BATCH)
                .execute(c).await.map(|done| done.rows_affected()))?;
            tx.commit().await?;
            gone += rows;
            if rows < BATCH.unsigned_abs() {
                break;
            }
            tokio::task::yield_now().await; // requests first
        }
    }
    Ok(gone)
}
