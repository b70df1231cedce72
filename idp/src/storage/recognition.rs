//! Trying a password, and what remains of a sign-in: each one statement, over `attempts` and what hangs on the person.

use keys::field::FieldKeys;
use store::{StorageError, Tx, on, sqlx};
use verifier::time::Timestamp;

use super::accounts::digests;
use super::attempts::{count, until};
use crate::account::Login;
use crate::account::attempts::{Bucket, MEMORY_SECONDS, PasswordTry, WAITS, Wait};
use crate::ids::{ClientId, PersonId};
use crate::session::live::Here;

/// Counts a try and reads, for whomever the number leads to, all that judging it and going on needs. The person's own device
/// has its own bucket; else the tries at the number and those of the network are counted, in the order that [`SETTLE`] takes them in
/// too (`$18`), so that two never wait for each other: databases order text by rules of their own.
const TRY: &str = concat!(
    "INSERT INTO attempts (bucket, tries, blocked_until, expires_at, allowed, person_id)
    SELECT CASE WHEN k.n = 1 THEN coalesce(d.bucket, $7) ELSE $9 END, 1, 0, CAST($2 AS BIGINT),
        CASE WHEN k.n = 2 THEN CAST($10 AS BIGINT) WHEN d.bucket IS NULL THEN CAST($8 AS BIGINT) ELSE CAST($11 AS BIGINT) END,
        CASE WHEN k.n = 1 THEN c.person_id END
    FROM (SELECT 1 AS n UNION ALL SELECT 2) k
    LEFT JOIN (SELECT l.person_id FROM claims l JOIN persons p ON p.id = l.person_id AND p.state = 'active'
        WHERE l.digest IN ($12, $13, $14) ORDER BY l.level DESC LIMIT 1) c ON 1 = 1
    LEFT JOIN attempts d ON d.bucket = 'device:' || CAST($15 AS TEXT) || ':' || c.person_id AND d.known_until > $1
    WHERE k.n = 1 OR d.bucket IS NULL ORDER BY k.n * CAST($18 AS BIGINT) ",
    count!(),
    " RETURNING bucket, person_id,
        (SELECT coalesce(max(e.level), 0) FROM evidence e
            WHERE e.person_id = attempts.person_id AND e.voided_at IS NULL),
        (SELECT w.hash FROM passwords w WHERE w.person_id = attempts.person_id),
        (SELECT u.sub FROM subjects u WHERE u.principal = 'p:' || attempts.person_id AND u.sector = $17),
        (SELECT n.scope FROM consents n
            WHERE n.person_id = attempts.person_id AND n.client_id = $16 AND n.organisation_id = ''),
        (SELECT count(*) FROM mandates m JOIN organisations o ON o.id = m.organisation_id AND o.state = 'registered'
            WHERE m.person_id = attempts.person_id AND m.ended_at IS NULL AND m.starts_at <= $1
                AND (m.until IS NULL OR m.until > $1))"
);
const UNTIL: &str = "SELECT coalesce(
    (SELECT max(d.blocked_until) FROM claims l
        JOIN attempts d ON d.bucket = 'device:' || CAST($4 AS TEXT) || ':' || l.person_id AND d.known_until > $5
        WHERE l.digest IN ($1, $2, $3)),
    (SELECT max(b.blocked_until) FROM attempts b WHERE b.bucket IN ($6, $7)), 0)";
/// The person's tries start anew, the network gets its one back, the device is known: if the password is the one that was judged.
macro_rules! settle {
    ($lock:literal) => {
        concat!(
            "INSERT INTO attempts (bucket, tries, blocked_until, expires_at, person_id, known_until)
    SELECT v.bucket, 0, 0, CAST($5 AS BIGINT), CASE WHEN v.n = 3 THEN w.person_id END,
        CASE WHEN v.n = 3 THEN CAST($7 AS BIGINT) END
    FROM (SELECT 1 AS n, CAST($1 AS TEXT) AS bucket UNION ALL SELECT 2, CAST($2 AS TEXT) UNION ALL SELECT 3, CAST($3 AS TEXT)) v
    JOIN passwords w ON w.person_id = $6 AND w.hash = $8
    WHERE v.n > 0 ORDER BY v.n ",
            $lock,
            " ON CONFLICT (bucket) DO UPDATE SET blocked_until = 0,
        tries = CASE WHEN attempts.bucket <> $4 THEN 0 WHEN attempts.tries > 0 THEN attempts.tries - 1 ELSE 0 END,
        person_id = coalesce(excluded.person_id, attempts.person_id), known_until = excluded.known_until"
        )
    };
}
/// As [`KNOW`], if the password is the one that was judged.
macro_rules! know_by_password {
    ($lock:literal) => {
        concat!(
            "INSERT INTO attempts (bucket, tries, blocked_until, expires_at, person_id, known_until)
    SELECT CAST($1 AS TEXT), 0, 0, CAST($2 AS BIGINT), w.person_id, CAST($4 AS BIGINT)
    FROM passwords w WHERE w.person_id = $3 AND w.hash = $5 ",
            $lock,
            " ON CONFLICT (bucket) DO UPDATE SET tries = 0, blocked_until = 0, known_until = excluded.known_until"
        )
    };
}
const SETTLE: &str = settle!("");
const KNOW_BY_PASSWORD: &str = know_by_password!("");
/// PostgreSQL lets two write at once: whoever is replacing the password waits, and then ends the session that is made here.
const SETTLE_PG: &str = settle!("FOR SHARE OF w");
const KNOW_BY_PASSWORD_PG: &str = know_by_password!("FOR SHARE OF w");
/// The device is known, and its tries start anew.
const KNOW: &str = "INSERT INTO attempts (bucket, tries, blocked_until, expires_at, person_id, known_until)
    VALUES ($1, 0, 0, $2, $3, $4)
    ON CONFLICT (bucket) DO UPDATE SET tries = 0, blocked_until = 0, known_until = excluded.known_until";
const IS_KNOWN: &str = "SELECT person_id FROM attempts WHERE bucket = $1 AND known_until > $2";
const FORGET: &str = "DELETE FROM attempts WHERE person_id = $1 AND known_until IS NOT NULL";

/// Statements of this file, for the test that prepares all of them.
pub(crate) const STATEMENTS: [(&str, &str); 7] = [
    ("recognition.try", TRY),
    ("recognition.until", UNTIL),
    ("recognition.settle", SETTLE),
    ("recognition.know", KNOW),
    ("recognition.know_by_password", KNOW_BY_PASSWORD),
    ("recognition.is_known", IS_KNOWN),
    ("recognition.forget", FORGET),
];

/// Whom a number or phone led to at a try.
pub(crate) struct Found {
    pub(crate) person: PersonId,
    /// The identity level.
    pub(crate) level: i64,
    pub(crate) password: Option<String>,
    /// Whether it came from one of the person's own devices, and was counted there.
    pub(crate) on_device: bool,
    /// What stands of the person at the client that was named.
    pub(crate) here: Here,
}

/// At which client somebody signs in: its id and its sector; nothing for a page of ours.
#[derive(Clone, Copy, Default)]
pub(crate) struct At<'a>(pub(crate) Option<(&'a ClientId, &'a str)>);

type Row = (String, Option<String>, i64, Option<String>, Option<String>, Option<String>, i64);

/// Counts a try of a password and finds whom the login leads to: the same one statement for known and unknown. Commit whatever
/// comes out: a refusal is spent too.
pub(crate) async fn try_password(
    tx: &mut Tx,
    fields: &FieldKeys,
    login: &Login,
    tried: &PasswordTry,
    at: At<'_>,
    now: Timestamp,
) -> Result<Result<Option<Found>, Wait>, StorageError> {
    let digests = digests(fields, login.kind(), &login.canonical());
    let [short, longer, long, longest] = until(WAITS, now);
    let (account, network) = (&tried.account, &tried.network);
    let (client, sector) = at.0.map_or(("", ""), |(client, sector)| (client.as_str(), sector));
    let rows: Vec<Row> = on!(tx, c => sqlx::query_as(TRY)
        .bind(now.seconds()).bind(now.plus(MEMORY_SECONDS).seconds())
        .bind(short).bind(longer).bind(long).bind(longest)
        .bind(&account.key).bind(account.allowed).bind(&network.key).bind(network.allowed).bind(tried.device_allowed)
        .bind(&digests[0]).bind(&digests[1]).bind(&digests[2])
        .bind(&tried.device).bind(client).bind(sector).bind(if account_first(tried) { 1_i64 } else { -1 })
        .fetch_all(c).await)?;
    let is_shared = |key: &str| key == account.key || key == network.key;
    let passes = rows.len() == 2 || rows.first().is_some_and(|(key, ..)| !is_shared(key));
    if !passes {
        let (until,): (i64,) = on!(tx, c => sqlx::query_as(UNTIL)
            .bind(&digests[0]).bind(&digests[1]).bind(&digests[2])
            .bind(&tried.device).bind(now.seconds())
            .bind(&account.key).bind(&network.key)
            .fetch_one(c).await)?;
        return Ok(Err(Wait::until(Timestamp::from_seconds(until), now)));
    }
    let on_device = rows.len() == 1;
    let found = rows.into_iter().find_map(|(_, person, level, password, sub, consented, mandates)| {
        let here = Here { sub, consented, has_mandates: mandates > 0 };
        Some(Found { person: PersonId::stored(person?), level, password, on_device, here })
    });
    Ok(Ok(found))
}

/// A sign-in succeeded: what it was counted in, other than the device's own bucket, gets the try back; its device is known from now on.
/// `judged` is the hash of the password, where it was one; whether that is still the person's. If not, nothing may come of it.
pub(crate) async fn settle(
    tx: &mut Tx,
    tried: Option<&PasswordTry>,
    judged: Option<&str>,
    device: &str,
    person: &PersonId,
    now: Timestamp,
    known_until: Timestamp,
) -> Result<bool, StorageError> {
    let device = device_bucket(device, person);
    let Some(judged) = judged else {
        on!(tx, c => sqlx::query(KNOW)
            .bind(&device).bind(now.seconds()).bind(person.as_str()).bind(known_until.seconds())
            .execute(c).await.map(drop))?;
        return Ok(true);
    };
    let Some(tried) = tried else {
        let know = if tx.is_postgres() { KNOW_BY_PASSWORD_PG } else { KNOW_BY_PASSWORD };
        let known: u64 = on!(tx, c => sqlx::query(know)
            .bind(&device).bind(now.seconds()).bind(person.as_str()).bind(known_until.seconds()).bind(judged)
            .execute(c).await.map(|done| done.rows_affected()))?;
        return Ok(known > 0);
    };
    let settle = if tx.is_postgres() { SETTLE_PG } else { SETTLE };
    let PasswordTry { account, network, .. } = tried;
    let shared: [&Bucket; 2] = if account_first(tried) { [account, network] } else { [network, account] };
    let settled: u64 = on!(tx, c => sqlx::query(settle)
        .bind(&shared[0].key).bind(&shared[1].key).bind(&device).bind(&network.key)
        .bind(now.seconds()).bind(person.as_str()).bind(known_until.seconds()).bind(judged)
        .execute(c).await.map(|done| done.rows_affected()))?;
    Ok(settled > 0)
}

/// Whether the person's bucket is taken before the network's.
fn account_first(tried: &PasswordTry) -> bool {
    tried.account.key < tried.network.key
}

/// Whether the person has signed in on that device before.
pub(crate) async fn is_known(
    tx: &mut Tx,
    device: &str,
    person: &PersonId,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let row: Option<(String,)> = on!(tx, c => sqlx::query_as(IS_KNOWN)
        .bind(device_bucket(device, person)).bind(now.seconds())
        .fetch_optional(c).await)?;
    Ok(row.is_some())
}

fn device_bucket(device: &str, person: &PersonId) -> String {
    format!("device:{device}:{person}")
}

/// Forgets all devices of a person.
pub(crate) async fn forget(tx: &mut Tx, person: &PersonId) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(FORGET).bind(person.as_str()).execute(c).await.map(drop))
}
