//! Leases: work that one process at a time may do, in whichever of them is alive.
//!
//! A lease is a row with its holder, its end and a fencing token that rises with each taking. Whoever writes under a
//! lease calls [`guard`] inside the writing transaction: a holder that slept past its end then writes nothing.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use keys::sources::Sources;
use verifier::encoding::hex;
use verifier::time::Timestamp;

use crate::{Db, StorageError, Tx, on};

/// A lease that was held when it was taken or renewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What it is for.
    pub name: String,
    /// Who has it: a random text of one run of one process.
    pub holder: String,
    /// Rises by one each time that the lease is taken.
    pub token: i64,
    /// From this instant on another may take it.
    pub until: Timestamp,
}

/// Free or ended leases are taken, held ones are not (not even by the same holder, which renews instead).
pub(crate) const TAKE: &str = "INSERT INTO leases (name, holder, held_until, token) VALUES ($1, $2, $3, 1)
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until, token = leases.token + 1
    WHERE leases.held_until <= $4 RETURNING token";
/// Only the present holder's token renews, and only before the end.
pub(crate) const RENEW: &str = "UPDATE leases SET held_until = $4
    WHERE name = $1 AND holder = $2 AND token = $3 AND held_until > $5";
/// Ends a lease at once; the row stays, so that its token never falls.
pub(crate) const RELEASE: &str = "UPDATE leases SET held_until = 0 WHERE name = $1 AND holder = $2 AND token = $3";
/// Locks the row (PostgreSQL) and tells whether the token is still the newest.
pub(crate) const GUARD: &str = "UPDATE leases SET token = token WHERE name = $1 AND holder = $2 AND token = $3";

/// Takes the lease `name` for `seconds` if nobody holds it at `now`. Of several that race exactly one gets it.
///
/// # Errors
///
/// What the database answers.
pub async fn take(
    db: &Db,
    name: &str,
    holder: &str,
    now: Timestamp,
    seconds: i64,
) -> Result<Option<Lease>, StorageError> {
    let until = now.plus(seconds);
    let mut tx = db.begin().await?;
    let token: Option<(i64,)> = on!(&mut tx, c => sqlx::query_as(TAKE)
        .bind(name).bind(holder).bind(until.seconds()).bind(now.seconds()).fetch_optional(c).await)?;
    tx.commit().await?;
    Ok(token.map(|(token,)| Lease { name: name.to_owned(), holder: holder.to_owned(), token, until }))
}

/// Holds the lease for `seconds` from `now` on; `None` if it has ended or another has taken it.
///
/// # Errors
///
/// What the database answers.
pub async fn renew(db: &Db, lease: &Lease, now: Timestamp, seconds: i64) -> Result<Option<Lease>, StorageError> {
    let until = now.plus(seconds);
    let mut tx = db.begin().await?;
    let renewed = on!(&mut tx, c => sqlx::query(RENEW).bind(&lease.name).bind(&lease.holder).bind(lease.token)
        .bind(until.seconds()).bind(now.seconds()).execute(c).await.map(|done| done.rows_affected()))?;
    tx.commit().await?;
    Ok((renewed == 1).then(|| Lease { until, ..lease.clone() }))
}

/// Gives the lease back before its end. Nothing happens if another holds it already.
///
/// # Errors
///
/// What the database answers.
pub async fn release(db: &Db, lease: &Lease) -> Result<(), StorageError> {
    let mut tx = db.begin().await?;
    on!(&mut tx, c => sqlx::query(RELEASE).bind(&lease.name).bind(&lease.holder).bind(lease.token)
        .execute(c).await.map(drop))?;
    tx.commit().await
}

/// Whether `lease` is still the newest taking; until this transaction ends nobody can take it.
///
/// A writer that gets `false` drops the transaction.
///
/// # Errors
///
/// What the database answers.
pub async fn guard(tx: &mut Tx, lease: &Lease) -> Result<bool, StorageError> {
    let rows = on!(tx, c => sqlx::query(GUARD).bind(&lease.name).bind(&lease.holder).bind(lease.token)
        .execute(c).await.map(|done| done.rows_affected()))?;
    Ok(rows == 1)
}

/// How a piece of work is held by one process at a time.
#[derive(Clone, Debug)]
pub struct Work {
    /// The lease's name.
    pub name: &'static str,
    /// How long a dead holder keeps others out.
    pub seconds: i64,
    /// How long to rest between two rounds.
    pub every: Duration,
}

/// Runs `round` again and again while this process holds the lease, until `stop` is done; then gives it back.
///
/// A round that fails is logged and tried again after the rest; without the lease nothing is run. A round that takes
/// longer than a third of `seconds` should split itself: the lease is renewed between rounds only.
pub async fn hold<Round, Running>(
    db: &Db,
    sources: &Sources,
    work: &Work,
    stop: impl Future<Output = ()>,
    mut round: Round,
) where
    Round: FnMut(Lease) -> Running,
    Running: Future<Output = Result<(), StorageError>>,
{
    let Ok(bytes) = sources.bytes::<16>() else {
        tracing::error!(work = work.name, "the random source failed; this process does not take part");
        return;
    };
    let holder = hex::encode(bytes);
    let mut stop = pin!(stop);
    let mut held: Option<Lease> = None;
    loop {
        match keep(db, sources, work, &holder, held.take()).await {
            Ok(Some(lease)) => {
                if let Err(error) = round(lease.clone()).await {
                    tracing::warn!(work = work.name, %error, "a round failed and will be tried again");
                }
                held = Some(lease);
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(work = work.name, %error, "the lease could not be asked for"),
        }
        tokio::select! {
            () = &mut stop => break,
            () = tokio::time::sleep(work.every) => {}
        }
    }
    if let Some(lease) = held {
        let _ = release(db, &lease).await; // it ends by itself otherwise
    }
}

async fn keep(
    db: &Db,
    sources: &Sources,
    work: &Work,
    holder: &str,
    held: Option<Lease>,
) -> Result<Option<Lease>, StorageError> {
    let now = sources.now();
    if let Some(lease) = held
        && let Some(renewed) = renew(db, &lease, now, work.seconds).await?
    {
        return Ok(Some(renewed));
    }
    take(db, work.name, holder, now, work.seconds).await
}
