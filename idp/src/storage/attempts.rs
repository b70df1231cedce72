//! The table `attempts`: tries, each counted before it is judged.

use store::{StorageError, Tx, on, sqlx};
use verifier::time::Timestamp;

use crate::account::attempts::{Bucket, MEMORY_SECONDS, WAITS, Wait};

/// How a try is counted in a bucket that is there already, unless it makes wait. The try that spends the last allowed one
/// still passes. `$1` is now, `$3` to `$6` are until when the first, second, third and every further one too many wait.
macro_rules! count {
    () => {
        "ON CONFLICT (bucket) DO UPDATE SET
        tries = CASE WHEN attempts.expires_at <= $1 THEN 1 ELSE attempts.tries + 1 END,
        blocked_until = CASE
            WHEN attempts.expires_at <= $1 OR attempts.tries + 1 < excluded.allowed THEN 0
            WHEN attempts.tries + 1 = excluded.allowed THEN CAST($3 AS BIGINT)
            WHEN attempts.tries = excluded.allowed THEN CAST($4 AS BIGINT)
            WHEN attempts.tries - 1 = excluded.allowed THEN CAST($5 AS BIGINT)
            ELSE CAST($6 AS BIGINT) END,
        expires_at = excluded.expires_at, allowed = excluded.allowed, person_id = excluded.person_id
    WHERE attempts.blocked_until <= $1"
    };
}
pub(super) use count;

const TAKE: &str = concat!(
    "INSERT INTO attempts (bucket, tries, blocked_until, expires_at, allowed) VALUES ($7, 1, 0, $2, $8) ",
    count!()
);
const TAKE_TWO: &str = concat!(
    "INSERT INTO attempts (bucket, tries, blocked_until, expires_at, allowed)
    VALUES ($7, 1, 0, $2, $8), ($9, 1, 0, $2, $10) ",
    count!()
);
const ANEW: &str = "UPDATE attempts SET tries = 0, blocked_until = 0 WHERE bucket = $1";
const UNTIL: &str = "SELECT coalesce(max(blocked_until), 0) FROM attempts WHERE bucket IN ($1, $2)";

/// Statements of this file, for the test that prepares all of them.
pub(crate) const STATEMENTS: [(&str, &str); 4] =
    [("attempts.take", TAKE), ("attempts.take_two", TAKE_TWO), ("attempts.anew", ANEW), ("attempts.until", UNTIL)];

/// Until when the first to fourth try too many wait.
pub(super) fn until(waits: [i64; 4], now: Timestamp) -> [i64; 4] {
    waits.map(|wait| now.plus(wait).seconds())
}

/// Counts a try in one or two buckets; one that makes wait stops it. Commit whatever comes out: a refusal is spent too.
pub(crate) async fn take(tx: &mut Tx, buckets: &[Bucket], now: Timestamp) -> Result<Result<(), Wait>, StorageError> {
    take_with(tx, buckets, WAITS, now).await
}

/// As [`take`], with waits of its own.
pub(crate) async fn take_with(
    tx: &mut Tx,
    buckets: &[Bucket],
    waits: [i64; 4],
    now: Timestamp,
) -> Result<Result<(), Wait>, StorageError> {
    let mut buckets: Vec<&Bucket> = buckets.iter().take(2).collect();
    buckets.sort_by(|a, b| a.key.cmp(&b.key)); // one order for all, so that two never wait for each other
    let [short, longer, long, longest] = until(waits, now);
    let expires_at = now.plus(MEMORY_SECONDS).seconds();
    let taken: u64 = match buckets[..] {
        [one] => on!(tx, c => sqlx::query(TAKE)
            .bind(now.seconds()).bind(expires_at)
            .bind(short).bind(longer).bind(long).bind(longest)
            .bind(&one.key).bind(one.allowed)
            .execute(c).await.map(|done| done.rows_affected()))?,
        [one, two] => on!(tx, c => sqlx::query(TAKE_TWO)
            .bind(now.seconds()).bind(expires_at)
            .bind(short).bind(longer).bind(long).bind(longest)
            .bind(&one.key).bind(one.allowed).bind(&two.key).bind(two.allowed)
            .execute(c).await.map(|done| done.rows_affected()))?,
        _ => return Ok(Ok(())),
    };
    if usize::try_from(taken) == Ok(buckets.len()) {
        return Ok(Ok(()));
    }
    let (first, last) = (&buckets[0].key, &buckets[buckets.len() - 1].key);
    let (until,): (i64,) = on!(tx, c => sqlx::query_as(UNTIL).bind(first).bind(last).fetch_one(c).await)?;
    Ok(Err(Wait::until(Timestamp::from_seconds(until), now)))
}

/// A try succeeded: its bucket starts anew.
pub(crate) async fn begin_anew(tx: &mut Tx, bucket: &Bucket) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(ANEW).bind(&bucket.key).execute(c).await.map(drop))
}
