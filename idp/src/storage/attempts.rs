//! The tables `attempts` and `known_devices`.

use store::{StorageError, Tx, on, sqlx};
use verifier::time::Timestamp;

use crate::account::attempts::{Bucket, MEMORY_SECONDS, WAITS, Wait};
use crate::ids::PersonId;

/// Counts one try in each of two buckets, unless it makes wait. The try that spends the last allowed one still passes.
const TAKE: &str =
    "INSERT INTO attempts (bucket, tries, blocked_until, expires_at) VALUES ($1, 1, 0, $4), ($2, 1, 0, $4)
    ON CONFLICT (bucket) DO UPDATE SET
        tries = CASE WHEN attempts.expires_at <= $3 THEN 1 ELSE attempts.tries + 1 END,
        blocked_until = CASE
            WHEN attempts.expires_at <= $3 THEN 0
            WHEN attempts.tries + 1 < CASE WHEN attempts.bucket = $1 THEN CAST($5 AS BIGINT) ELSE CAST($6 AS BIGINT) END THEN 0
            WHEN attempts.tries + 1 = CASE WHEN attempts.bucket = $1 THEN CAST($5 AS BIGINT) ELSE CAST($6 AS BIGINT) END THEN CAST($7 AS BIGINT)
            WHEN attempts.tries = CASE WHEN attempts.bucket = $1 THEN CAST($5 AS BIGINT) ELSE CAST($6 AS BIGINT) END THEN CAST($8 AS BIGINT)
            WHEN attempts.tries - 1 = CASE WHEN attempts.bucket = $1 THEN CAST($5 AS BIGINT) ELSE CAST($6 AS BIGINT) END THEN CAST($9 AS BIGINT)
            ELSE CAST($10 AS BIGINT) END,
        expires_at = excluded.expires_at
    WHERE attempts.blocked_until <= $3";
/// As `TAKE`, for a bucket alone.
const TAKE_ONE: &str = "INSERT INTO attempts (bucket, tries, blocked_until, expires_at) VALUES ($1, 1, 0, $3)
    ON CONFLICT (bucket) DO UPDATE SET
        tries = CASE WHEN attempts.expires_at <= $2 THEN 1 ELSE attempts.tries + 1 END,
        blocked_until = CASE
            WHEN attempts.expires_at <= $2 THEN 0
            WHEN attempts.tries + 1 < $4 THEN 0
            WHEN attempts.tries + 1 = $4 THEN CAST($5 AS BIGINT)
            WHEN attempts.tries = $4 THEN CAST($6 AS BIGINT)
            WHEN attempts.tries - 1 = $4 THEN CAST($7 AS BIGINT)
            ELSE CAST($8 AS BIGINT) END,
        expires_at = excluded.expires_at
    WHERE attempts.blocked_until <= $2";
const UNTIL: &str = "SELECT coalesce(max(blocked_until), 0) FROM attempts WHERE bucket IN ($1, $2)";
const SUCCEEDED: &str = "UPDATE attempts SET tries = CASE WHEN bucket = $1 THEN 0 ELSE tries - 1 END, blocked_until = 0
    WHERE bucket IN ($1, $2) AND tries > 0";
const KNOW: &str = "INSERT INTO known_devices (device_digest, person_id, seen_at, expires_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (device_digest, person_id) DO UPDATE SET seen_at = excluded.seen_at, expires_at = excluded.expires_at";
const FORGET: &str = "DELETE FROM known_devices WHERE person_id = $1";

/// Statements of this file, for the test that prepares all of them.
pub(crate) const STATEMENTS: [(&str, &str); 6] = [
    ("attempts.take", TAKE),
    ("attempts.take_one", TAKE_ONE),
    ("attempts.until", UNTIL),
    ("attempts.succeeded", SUCCEEDED),
    ("known_devices.know", KNOW),
    ("known_devices.forget", FORGET),
];

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
    let [short, longer, long, longest] = waits.map(|wait| now.plus(wait).seconds());
    let expires_at = now.plus(MEMORY_SECONDS).seconds();
    let taken: u64 = match buckets[..] {
        [one] => on!(tx, c => sqlx::query(TAKE_ONE)
            .bind(&one.key)
            .bind(now.seconds())
            .bind(expires_at)
            .bind(one.allowed)
            .bind(short).bind(longer).bind(long).bind(longest)
            .execute(c).await.map(|done| done.rows_affected()))?,
        [one, two] => on!(tx, c => sqlx::query(TAKE)
            .bind(&one.key)
            .bind(&two.key)
            .bind(now.seconds())
            .bind(expires_at)
            .bind(one.allowed)
            .bind(two.allowed)
            .bind(short).bind(longer).bind(long).bind(longest)
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

/// A try succeeded: its person's bucket (the first) starts anew, its network's gets the try back.
pub(crate) async fn succeeded(tx: &mut Tx, buckets: &[Bucket]) -> Result<(), StorageError> {
    let key = |n: usize| buckets.get(n).map_or("", |bucket| bucket.key.as_str());
    on!(tx, c => sqlx::query(SUCCEEDED).bind(key(0)).bind(key(1)).execute(c).await.map(drop))
}

/// Remembers that the person signed in on a device.
pub(crate) async fn know(
    tx: &mut Tx,
    device: &str,
    person: &PersonId,
    now: Timestamp,
    life_seconds: i64,
) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(KNOW)
        .bind(device)
        .bind(person.as_str())
        .bind(now.seconds())
        .bind(now.plus(life_seconds).seconds())
        .execute(c).await.map(drop))
}

/// Forgets all devices of a person.
pub(crate) async fn forget(tx: &mut Tx, person: &PersonId) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(FORGET).bind(person.as_str()).execute(c).await.map(drop))
}
