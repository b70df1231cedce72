//! Connections and transactions.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgConnection, PgPool, Postgres, Sqlite, SqliteConnection, SqlitePool, Transaction};

use crate::{Migration, StorageError, migration};

/// How long a request waits for a connection before it is told to come back.
const ACQUIRE: Duration = Duration::from_secs(5);

/// A database that a service owns. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pools: Pools,
    statements: Arc<AtomicU64>,
}

#[derive(Clone)]
enum Pools {
    /// One writer, because SQLite has one; several readers.
    Sqlite {
        write: SqlitePool,
        read: SqlitePool,
    },
    Pg(PgPool),
}

/// A transaction, or a single connection for one reading statement ([`Db::reader`]).
pub struct Tx {
    kind: Kind,
    statements: Arc<AtomicU64>,
}

enum Kind {
    SqliteTx(Transaction<'static, Sqlite>),
    PgTx(Transaction<'static, Postgres>),
    SqliteRead(PoolConnection<Sqlite>),
    PgRead(PoolConnection<Postgres>),
}

/// What [`crate::on`] matches on.
pub enum Connection<'a> {
    /// SQLite.
    Sqlite(&'a mut SqliteConnection),
    /// PostgreSQL.
    Pg(&'a mut PgConnection),
}

impl Db {
    /// Opens `sqlite://PATH` (made if missing) or `postgres://…` and brings its tables up to `migrations`.
    ///
    /// # Errors
    ///
    /// `Unavailable` if it cannot be reached, `Migration` if its version is newer than `migrations` or one fails.
    pub async fn open(url: &str, migrations: &[Migration]) -> Result<Self, StorageError> {
        let pools = if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let options = PgConnectOptions::from_str(url)?;
            Pools::Pg(PgPoolOptions::new().max_connections(16).acquire_timeout(ACQUIRE).connect_with(options).await?)
        } else {
            let options = SqliteConnectOptions::from_str(url)?
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
                .busy_timeout(Duration::from_secs(5));
            let write = SqlitePoolOptions::new()
                .max_connections(1)
                .acquire_timeout(ACQUIRE)
                .connect_with(options.clone())
                .await?;
            let read =
                SqlitePoolOptions::new().max_connections(4).acquire_timeout(ACQUIRE).connect_with(options).await?;
            Pools::Sqlite { write, read }
        };
        let db = Self { pools, statements: Arc::default() };
        migration::run(&db, migrations).await?;
        Ok(db)
    }

    /// Begins a transaction that may write. Dropped without [`Tx::commit`], it leaves nothing.
    ///
    /// # Errors
    ///
    /// `Unavailable` when no connection is free in time.
    pub async fn begin(&self) -> Result<Tx, StorageError> {
        let kind = match &self.pools {
            Pools::Sqlite { write, .. } => Kind::SqliteTx(write.begin_with("BEGIN IMMEDIATE").await?),
            Pools::Pg(pool) => Kind::PgTx(pool.begin().await?),
        };
        Ok(Tx { kind, statements: self.statements.clone() })
    }

    /// A connection for reading single statements, outside any transaction.
    ///
    /// # Errors
    ///
    /// `Unavailable` when no connection is free in time.
    pub async fn reader(&self) -> Result<Tx, StorageError> {
        let kind = match &self.pools {
            Pools::Sqlite { read, .. } => Kind::SqliteRead(read.acquire().await?),
            Pools::Pg(pool) => Kind::PgRead(pool.acquire().await?),
        };
        Ok(Tx { kind, statements: self.statements.clone() })
    }

    /// Whether this is PostgreSQL: for the few places where the SQL must differ.
    pub fn is_postgres(&self) -> bool {
        matches!(self.pools, Pools::Pg(_))
    }

    /// Statements run so far through [`crate::on`] (BEGIN and COMMIT are not counted).
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// Asks the database to prepare `sql` without running it: for the test that every statement fits the tables.
    ///
    /// # Errors
    ///
    /// What the database answers.
    pub async fn prepare(&self, sql: &'static str) -> Result<(), StorageError> {
        match &self.pools {
            Pools::Sqlite { read, .. } => {
                sqlx::Executor::prepare(read, sqlx::SqlStr::from_static(sql)).await.map(drop)?
            }
            Pools::Pg(pool) => sqlx::Executor::prepare(pool, sqlx::SqlStr::from_static(sql)).await.map(drop)?,
        }
        Ok(())
    }

    /// Closes the connections; running transactions end first.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
            Pools::Pg(pool) => pool.close().await,
        }
    }
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_postgres() { "Db(PostgreSQL)" } else { "Db(SQLite)" })
    }
}

impl Tx {
    /// The connection, for [`crate::on`]; counts one statement.
    pub fn connection(&mut self) -> Connection<'_> {
        self.statements.fetch_add(1, Ordering::Relaxed);
        match &mut self.kind {
            Kind::SqliteTx(tx) => Connection::Sqlite(tx),
            Kind::PgTx(tx) => Connection::Pg(tx),
            Kind::SqliteRead(c) => Connection::Sqlite(c),
            Kind::PgRead(c) => Connection::Pg(c),
        }
    }

    /// Whether this is PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        matches!(self.kind, Kind::PgTx(_) | Kind::PgRead(_))
    }

    /// Makes everything done in this transaction durable. Of a reader: gives the connection back.
    ///
    /// # Errors
    ///
    /// What the database answers; then nothing was kept.
    pub async fn commit(self) -> Result<(), StorageError> {
        match self.kind {
            Kind::SqliteTx(tx) => tx.commit().await?,
            Kind::PgTx(tx) => tx.commit().await?,
            Kind::SqliteRead(_) | Kind::PgRead(_) => {}
        }
        Ok(())
    }
}
