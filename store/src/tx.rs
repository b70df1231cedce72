//! Transactions that leave nothing behind, whoever goes away in the middle of them.
//!
//! A future may be dropped at any await point: the client hung up, a time limit passed. So BEGIN and COMMIT run in
//! tasks of their own, a transaction that was not committed is rolled back before its connection is used again, and a
//! connection in which a statement was cut off, or of which nobody knows the state, is thrown away.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, Postgres, Sqlite, SqliteConnection};

use crate::audit::row::{self, Row};
use crate::{StorageError, on};

/// How long a rollback may take before its connection is thrown away instead.
const ROLLBACK: Duration = Duration::from_secs(5);

/// A transaction, or a single connection for one reading statement ([`crate::Db::reader`]).
pub struct Tx {
    held: Option<Held>,
    /// BEGIN was sent, and neither COMMIT nor ROLLBACK has been answered.
    open: bool,
    /// A statement is on its way, or was cut off.
    busy: bool,
    /// A statement was refused by the database.
    failed: bool,
    /// How long one statement is waited for, whatever the server is doing.
    limit: Duration,
    statements: Arc<AtomicU64>,
    /// What the audit record is told with the commit.
    record: Vec<Row>,
}

/// What [`crate::on`] matches on.
pub enum Connection<'a> {
    /// SQLite.
    Sqlite(&'a mut SqliteConnection),
    /// PostgreSQL.
    Pg(&'a mut PgConnection),
}

/// A connection taken from a pool.
pub(crate) enum Held {
    Sqlite(PoolConnection<Sqlite>),
    Pg(PoolConnection<Postgres>),
}

impl Held {
    async fn run(&mut self, sqlite: &'static str, pg: &'static str) -> sqlx::Result<()> {
        match self {
            Self::Sqlite(c) => sqlx::raw_sql(sqlite).execute(&mut **c).await.map(drop),
            Self::Pg(c) => sqlx::raw_sql(pg).execute(&mut **c).await.map(drop),
        }
    }

    /// Ends the connection; whatever was open in it is rolled back by the database.
    fn discard(self) {
        match self {
            Self::Sqlite(c) => drop(c.detach()),
            Self::Pg(c) => drop(c.detach()),
        }
    }

    async fn roll_back(mut self) {
        match tokio::time::timeout(ROLLBACK, self.run("ROLLBACK", "ROLLBACK")).await {
            Ok(Ok(())) => {} // dropped here, it goes back to the pool
            _ => self.discard(),
        }
    }
}

impl Tx {
    pub(crate) async fn begin(held: Held, limit: Duration, statements: Arc<AtomicU64>) -> Result<Self, StorageError> {
        let mut tx =
            Self { held: Some(held), open: true, busy: true, failed: false, limit, statements, record: Vec::new() };
        in_its_own_task(async move {
            let held = tx.held.as_mut().expect("held since the line above");
            bounded(limit, held.run("BEGIN IMMEDIATE", "BEGIN")).await?; // refused: thrown away, busy as it is
            tx.busy = false;
            Ok(tx)
        })
        .await
    }

    pub(crate) fn reader(held: Held, limit: Duration, statements: Arc<AtomicU64>) -> Self {
        Self { held: Some(held), open: false, busy: false, failed: false, limit, statements, record: Vec::new() }
    }

    /// How long one statement is waited for, for [`crate::on`].
    #[doc(hidden)]
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// Waits for long statements, as migrations are.
    pub(crate) fn be_patient(&mut self) {
        self.limit = Duration::from_hours(24);
    }

    /// The connection, for [`crate::on`]; counts one statement. [`Tx::settle`] must follow.
    #[doc(hidden)]
    pub fn connection(&mut self) -> Connection<'_> {
        self.statements.fetch_add(1, Ordering::Relaxed);
        self.busy = true;
        match self.held.as_mut().expect("only commit and drop take it, and both end this value") {
            Held::Sqlite(c) => Connection::Sqlite(c),
            Held::Pg(c) => Connection::Pg(c),
        }
    }

    /// Takes note of how a statement ended, for [`crate::on`].
    #[doc(hidden)]
    pub fn settle<T>(&mut self, result: sqlx::Result<T>) -> Result<T, StorageError> {
        match &result {
            Err(sqlx::Error::Database(_)) => {
                self.failed = true;
                self.busy = false;
            }
            Err(sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed) => {} // nobody knows what state it is in
            _ => self.busy = false,
        }
        result.map_err(StorageError::from)
    }

    /// Whether this is PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        matches!(self.held, Some(Held::Pg(_)))
    }

    /// Takes a row of the audit record, to be written by [`Tx::commit`]; [`crate::audit::append`] has checked it.
    pub(crate) fn note(&mut self, row: Row) {
        self.record.push(row);
    }

    async fn write_record(&mut self) -> Result<(), StorageError> {
        let record = std::mem::take(&mut self.record);
        for rows in record.chunks(row::AT_ONCE) {
            let sql = row::insert(self.is_postgres(), rows.len());
            on!(self, c => row::bind_rows!(sqlx::query(sql), rows).execute(c).await.map(drop))?;
        }
        Ok(())
    }

    /// Makes everything done in this transaction durable, even if the caller goes away meanwhile. Of a reader: gives
    /// the connection back.
    ///
    /// # Errors
    ///
    /// `Aborted` if a statement was refused before: then nothing is kept, on either database (`ON CONFLICT` is the way
    /// to expect a row that may be there). Else what the database answers; after `Unavailable` it is unknown whether
    /// the work was kept.
    pub async fn commit(self) -> Result<(), StorageError> {
        if self.failed || (!self.open && !self.record.is_empty()) {
            return Err(StorageError::Aborted);
        }
        if !self.open {
            return Ok(());
        }
        in_its_own_task(async move {
            let mut tx = self; // the whole of it, so that its end is seen here
            tx.write_record().await?;
            tx.busy = true;
            let held = tx.held.as_mut().expect("held until this value ends");
            bounded(tx.limit, held.run("COMMIT", "COMMIT")).await?;
            (tx.open, tx.busy) = (false, false);
            drop(tx); // to the pool
            Ok(())
        })
        .await
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        let Some(held) = self.held.take() else { return };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) if self.open && !self.busy => drop(runtime.spawn(held.roll_back())),
            Ok(_) if !self.busy => drop(held), // back to the pool
            _ => held.discard(),
        }
    }
}

impl std::fmt::Debug for Tx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tx").field("open", &self.open).field("failed", &self.failed).finish_non_exhaustive()
    }
}

async fn in_its_own_task<T: Send + 'static>(
    work: impl Future<Output = Result<T, StorageError>> + Send + 'static,
) -> Result<T, StorageError> {
    match tokio::spawn(work).await {
        Ok(result) => result,
        Err(_) => Err(StorageError::Unavailable(sqlx::Error::WorkerCrashed)), // the runtime is stopping
    }
}

/// Waits for a statement no longer than `limit`: a server that is frozen or cut off answers nothing at all.
#[doc(hidden)]
pub async fn bounded<T>(limit: Duration, statement: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    match tokio::time::timeout(limit, statement).await {
        Ok(result) => result,
        Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
    }
}
