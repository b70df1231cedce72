//! The tables `attempts` and `known_devices`.

use store::{StorageError, Tx, on, sqlx};
use verifier::time::Timestamp;

use crate::account::attempts::{Bucket, MEMORY_SECONDS, WAITS, Wait};
use crate::ids::PersonId;

/// Counts one try, unless the bucket makes wait. The try that spends the last allowed one still passes.
const TAKE: &str = "INSERT INTO attempts (bucket, tries, blocked_until, expires_at) VALUES ($1, 1, 0, $3)
    ON CONFLICT (bucket) DO UPDATE SET
        tries = CASE WHEN attempts.expires_at <= $2 THEN 1 ELSE attempts.tries + 1 END,
        blocked_until = CASE
            WHEN attempts.expires_at <= $2 OR attempts.tries + 1 < $4 THEN 0
            WHEN attempts.tries + 1 = $4 THEN $5
            WHEN attempts.tries = $4 THEN $6
            WHEN attempts.tries - 1 = $4 THEN $7
            ELSE $8 END,
        expires_at = excluded.expires_at
    WHERE attempts.blocked_until <= $2";
const UNTIL: &str = "SELECT blocked_until FROM attempts WHERE bucket = $1";
const GIVE_BACK: &str = "UPDATE attempts SET tries = tries - 1, blocked_until = 0 WHERE bucket = $1 AND tries > 0";
const CLEAR: &str = "DELETE FROM attempts WHERE bucket = $1";
const KNOW: &str = "INSERT INTO known_devices (device_digest, person_id, seen_at, expires_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (device_digest, person_id) DO UPDATE SET seen_at = excluded.seen_at, expires_at = excluded.expires_at";
const FORGET: &str = "DELETE FROM known_devices WHERE person_id = $1";

/// Statements of this file, for the test that prepares all of them.
pub(crate) const STATEMENTS: [(&str, &str); 6] = [
    ("attempts.take", TAKE),
    ("attempts.until", UNTIL),
    ("attempts.give_back", GIVE_BACK),
    ("attempts.clear", CLEAR),
    ("known_devices.know", KNOW),
    ("known_devices.forget", FORGET),
];

/// Counts a try in each bucket; the first that makes wait stops it. Commit whatever comes out: a refusal is spent too.
pub(crate) async fn take(tx: &mut Tx, buckets: &[Bucket], now: Timestamp) -> Result<Result<(), Wait>, StorageError> {
    let mut buckets: Vec<&Bucket> = buckets.iter().collect();
    buckets.sort_by(|a, b| a.key.cmp(&b.key)); // one order for all, so that two never wait for each other
    for bucket in buckets {
        let taken: u64 = on!(tx, c => sqlx::query(TAKE)
            .bind(&bucket.key)
            .bind(now.seconds())
            .bind(now.plus(MEMORY_SECONDS).seconds())
            .bind(bucket.allowed)
            .bind(now.plus(WAITS[0]).seconds())
            .bind(now.plus(WAITS[1]).seconds())
            .bind(now.plus(WAITS[2]).seconds())
            .bind(now.plus(WAITS[3]).seconds())
            .execute(c).await.map(|done| done.rows_affected()))?;
        if taken == 0 {
            let row: Option<(i64,)> = on!(tx, c => sqlx::query_as(UNTIL).bind(&bucket.key).fetch_optional(c).await)?;
            let until = row.map_or(now.plus(1), |(until,)| Timestamp::from_seconds(until));
            return Ok(Err(Wait::until(until, now)));
        }
    }
    Ok(Ok(()))
}

/// A try succeeded: its person's bucket starts anew, its network's gets the try back.
pub(crate) async fn succeeded(tx: &mut Tx, buckets: &[Bucket]) -> Result<(), StorageError> {
    for (at, bucket) in buckets.iter().enumerate() {
        let statement = if at == 0 { CLEAR } else { GIVE_BACK };
        on!(tx, c => sqlx::query(statement).bind(&bucket.key).execute(c).await.map(drop))?;
    }
    Ok(())
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
