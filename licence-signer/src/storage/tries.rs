//! Tries of spoken digits: a caller who guesses has to wait.

use store::{Db, StorageError, Sweep, on};
use verifier::time::Timestamp;

/// How many tries that find nothing a caller has within [`PERIOD_SECONDS`].
pub(crate) const MOST: i64 = 20;
/// The period, in seconds, from its first try on.
pub(crate) const PERIOD_SECONDS: i64 = 60;

/// Callers whose period had ended by `$1`: their next try begins another anyway.
pub(crate) const SWEEP: Sweep = Sweep {
    name: "tries of digits",
    sql: "DELETE FROM digit_tries WHERE caller IN (SELECT caller FROM digit_tries WHERE since <= $1 LIMIT $2)",
};

const TAKE: &str = "INSERT INTO digit_tries (caller, since, tries) VALUES ($1, $2, 1)
    ON CONFLICT (caller) DO UPDATE SET
        tries = CASE WHEN digit_tries.since <= $3 THEN 1 ELSE digit_tries.tries + 1 END,
        since = CASE WHEN digit_tries.since <= $3 THEN excluded.since ELSE digit_tries.since END
    WHERE digit_tries.since <= $3 OR digit_tries.tries < $4";
const GIVE_BACK: &str = "UPDATE digit_tries SET tries = tries - 1 WHERE caller = $1 AND tries > 0";
const SINCE: &str = "SELECT since FROM digit_tries WHERE caller = $1";

/// Counts a try, whatever comes of it; otherwise in how many seconds there is another.
pub(crate) async fn take(db: &Db, caller: &str, now: Timestamp) -> Result<Result<(), u32>, StorageError> {
    let mut tx = db.begin().await?;
    let taken = on!(&mut tx, c => sqlx::query(TAKE).bind(caller).bind(now.seconds())
        .bind(now.plus(-PERIOD_SECONDS).seconds()).bind(MOST).execute(c).await.map(|done| done.rows_affected()))?;
    if taken == 1 {
        tx.commit().await?;
        return Ok(Ok(()));
    }
    let row: Option<(i64,)> = on!(&mut tx, c => sqlx::query_as(SINCE).bind(caller).fetch_optional(c).await)?;
    let left = row.map_or(1, |(since,)| since.saturating_add(PERIOD_SECONDS).saturating_sub(now.seconds()));
    Ok(Err(u32::try_from(left.clamp(1, PERIOD_SECONDS)).unwrap_or(1)))
}

/// The digits led to something: the try was no guess.
pub(crate) async fn give_back(db: &Db, caller: &str) -> Result<(), StorageError> {
    let mut tx = db.begin().await?;
    on!(&mut tx, c => sqlx::query(GIVE_BACK).bind(caller).execute(c).await.map(drop))?;
    tx.commit().await
}
