//! Connections to a database that a service owns.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnectionMetadata;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Executor, PgPool, SqlStr, SqlitePool};

use crate::tx::Held;
use crate::{Migration, StorageError, Tx, migration, on};

/// A connection that rested longer than this is asked whether it still lives before it is used.
const RESTED: Duration = Duration::from_secs(1);

/// How many connections there are and how long anything may take.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Connections to PostgreSQL, or readers of SQLite (which has one writer).
    pub connections: u32,
    /// How long a request waits for a connection before it is told to come back.
    pub acquire: Duration,
    /// How long one statement may run (PostgreSQL), or wait for another process's writer (SQLite).
    pub statement: Duration,
    /// After how long PostgreSQL ends a transaction in which nothing happens.
    pub idle_in_transaction: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connections: 16,
            acquire: Duration::from_secs(5),
            statement: Duration::from_secs(10),
            idle_in_transaction: Duration::from_secs(30),
        }
    }
}

/// A database that a service owns. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pools: Pools,
    /// How long one statement is waited for: longer than the server's own limit, which answers more clearly.
    limit: Duration,
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

const READY: &str = "SELECT max(version) FROM schema_version";

impl Db {
    /// Opens `sqlite://PATH` (made if missing) or `postgres://…` and brings its tables up to `migrations`.
    ///
    /// # Errors
    ///
    /// `Address` if it is neither, `Unavailable` if it cannot be reached, `NotADatabase` if the file is another or a
    /// damaged one, `Migration` if its version is newer than `migrations` or one fails.
    pub async fn open(url: &str, migrations: &[Migration]) -> Result<Self, StorageError> {
        Self::open_with(url, migrations, &Settings::default()).await
    }

    /// As [`Db::open`], with settings other than the usual ones.
    ///
    /// # Errors
    ///
    /// As [`Db::open`].
    pub async fn open_with(url: &str, migrations: &[Migration], settings: &Settings) -> Result<Self, StorageError> {
        let db = Self::connect(url, settings).await?;
        if let Err(error) = migration::run(&db, migrations).await {
            db.close().await;
            return Err(error);
        }
        Ok(db)
    }

    /// Connects and leaves the tables as they are: for tools that look at a database without changing it.
    ///
    /// # Errors
    ///
    /// As [`Db::open`], but for `Migration`.
    pub async fn connect(url: &str, settings: &Settings) -> Result<Self, StorageError> {
        let pools = if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Pools::Pg(postgres(url, settings).await?)
        } else if url.starts_with("sqlite:") {
            sqlite(url, settings).await?
        } else {
            return Err(StorageError::Address);
        };
        Ok(Self { pools, limit: settings.statement + Duration::from_secs(1), statements: Arc::default() })
    }

    /// Begins a transaction that may write. Dropped without [`Tx::commit`], it leaves nothing.
    ///
    /// # Errors
    ///
    /// `Unavailable` when no connection is free in time.
    pub async fn begin(&self) -> Result<Tx, StorageError> {
        // A server that was started anew leaves dead connections behind, which say so at once.
        let begun = Instant::now();
        let mut tries_left = 3;
        loop {
            let held = match &self.pools {
                Pools::Sqlite { write, .. } => Held::Sqlite(write.acquire().await?),
                Pools::Pg(pool) => Held::Pg(pool.acquire().await?),
            };
            match Tx::begin(held, self.limit, self.statements.clone()).await {
                Err(StorageError::Unavailable(_)) if tries_left > 0 && begun.elapsed() < RESTED => tries_left -= 1,
                result => return result,
            }
        }
    }

    /// A connection for reading single statements, outside any transaction. On SQLite it refuses to write; on
    /// PostgreSQL a statement that writes would stand by itself, so none is ever given to it.
    ///
    /// # Errors
    ///
    /// `Unavailable` when no connection is free in time.
    pub async fn reader(&self) -> Result<Tx, StorageError> {
        let held = match &self.pools {
            Pools::Sqlite { read, .. } => Held::Sqlite(read.acquire().await?),
            Pools::Pg(pool) => Held::Pg(pool.acquire().await?),
        };
        Ok(Tx::reader(held, self.limit, self.statements.clone()))
    }

    /// The version of its tables: the last migration that it has seen.
    ///
    /// # Errors
    ///
    /// What the database answers; it has no tables yet, for one.
    pub async fn version(&self) -> Result<i64, StorageError> {
        let mut reader = self.reader().await?;
        let (version,): (Option<i64>,) = on!(&mut reader, c => sqlx::query_as(READY).fetch_one(c).await)?;
        Ok(version.unwrap_or(0))
    }

    /// Whether the database answers and has its tables: what `/readyz` asks. Answers within two seconds.
    ///
    /// # Errors
    ///
    /// `Unavailable` after two seconds; else what the database answers.
    pub async fn ready(&self) -> Result<(), StorageError> {
        let ask = async {
            let mut reader = self.reader().await?;
            on!(&mut reader, c => sqlx::query_as::<_, (Option<i64>,)>(READY).fetch_one(c).await.map(drop))
        };
        let limit = Duration::from_secs(2);
        tokio::time::timeout(limit, ask).await.unwrap_or(Err(StorageError::Unavailable(sqlx::Error::PoolTimedOut)))
    }

    /// Whether this is PostgreSQL: for the few places where the SQL must differ.
    pub fn is_postgres(&self) -> bool {
        matches!(self.pools, Pools::Pg(_))
    }

    /// Statements run so far through [`crate::on`] (BEGIN and COMMIT are not counted).
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// The same connections, with a count of their own: for work beside the requests, so that what a request costs can be told.
    #[must_use]
    pub fn counted_apart(&self) -> Self {
        Self { statements: Arc::default(), ..self.clone() }
    }

    /// Asks the database to prepare `sql` without running it: for the test that every statement fits the tables.
    ///
    /// # Errors
    ///
    /// What the database answers.
    pub async fn prepare(&self, sql: &'static str) -> Result<(), StorageError> {
        match &self.pools {
            Pools::Sqlite { read, .. } => read.prepare(SqlStr::from_static(sql)).await.map(drop)?,
            Pools::Pg(pool) => pool.prepare(SqlStr::from_static(sql)).await.map(drop)?,
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

async fn sqlite(url: &str, settings: &Settings) -> Result<Pools, StorageError> {
    let options = SqliteConnectOptions::from_str(url)
        .map_err(|_| StorageError::Address)?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(settings.statement)
        .disable_statement_logging();
    owner_only(options.get_filename())?;
    let write = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(settings.acquire)
        .connect_with(options.clone())
        .await?;
    let read = SqlitePoolOptions::new()
        .max_connections(settings.connections.clamp(1, 8))
        .acquire_timeout(settings.acquire)
        .connect_with(options.pragma("query_only", "ON"))
        .await?;
    Ok(Pools::Sqlite { write, read })
}

/// Makes the file, readable by its owner alone, before SQLite would make it readable by all. SQLite gives its other
/// files the same mode.
fn owner_only(file: &Path) -> Result<(), StorageError> {
    if file.as_os_str().is_empty() || file.exists() || file == Path::new(":memory:") {
        return Ok(());
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).map(drop).map_err(|error| StorageError::from(sqlx::Error::Io(error)))
}

async fn postgres(url: &str, settings: &Settings) -> Result<PgPool, StorageError> {
    let milliseconds = |time: Duration| time.as_millis().to_string();
    let options = PgConnectOptions::from_str(url)
        .map_err(|_| StorageError::Address)?
        .application_name("xinyin")
        .options([
            ("statement_timeout", milliseconds(settings.statement)),
            ("lock_timeout", milliseconds(settings.acquire)),
            ("idle_in_transaction_session_timeout", milliseconds(settings.idle_in_transaction)),
        ])
        .disable_statement_logging();
    let pool = PgPoolOptions::new()
        .max_connections(settings.connections.max(2))
        .acquire_timeout(settings.acquire)
        .test_before_acquire(false)
        .before_acquire(|connection, rested: PoolConnectionMetadata| {
            Box::pin(async move {
                if rested.idle_for > RESTED {
                    sqlx::Connection::ping(connection).await?;
                }
                Ok(true)
            })
        })
        .connect_with(options)
        .await?;
    Ok(pool)
}
