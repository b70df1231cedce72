//! What a store can answer instead of what was asked.

/// A failure of the database, never of the rules.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The database cannot be reached, is starting, or gave no connection in time. Trying again later is right.
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    /// The disk or a quota is full. Nothing was written.
    #[error("the database has no room left")]
    Full(#[source] sqlx::Error),
    /// Two writers met (serialization failure, deadlock, a busy file). The whole transaction may be tried again.
    #[error("another writer was faster")]
    Conflict(#[source] sqlx::Error),
    /// A row that must be unique is there already.
    #[error("there already")]
    Duplicate(#[source] sqlx::Error),
    /// A row that breaks a rule of its own: never guessed at.
    #[error("a stored row is damaged: {0}")]
    Damaged(&'static str),
    /// A migration failed, or the database is of a newer version than this program.
    #[error("migration: {0}")]
    Migration(String),
    /// What was read could not be written out.
    #[error("the export could not be written")]
    Export(#[source] std::io::Error),
    /// Anything else: a defect of ours.
    #[error("unexpected answer of the database")]
    Unexpected(#[source] sqlx::Error),
}

impl StorageError {
    /// Whether the same request may succeed later without being changed.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Full(_) | Self::Conflict(_))
    }
}

impl From<sqlx::Error> for StorageError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable(error),
            sqlx::Error::Database(db) => {
                if db.is_unique_violation() {
                    return Self::Duplicate(error);
                }
                match db.code().as_deref() {
                    // PostgreSQL: serialization failure, deadlock. SQLite: SQLITE_BUSY and its extended forms.
                    Some("40001" | "40P01" | "5" | "261" | "517") => Self::Conflict(error),
                    // PostgreSQL: disk full, out of memory, too many connections. SQLite: SQLITE_FULL.
                    Some("53100" | "13") => Self::Full(error),
                    // PostgreSQL: connection lost, shutting down, starting up. SQLite: SQLITE_IOERR, SQLITE_CANTOPEN.
                    Some(code)
                        if code.starts_with("08")
                            || code.starts_with("57P")
                            || code.starts_with("53")
                            || matches!(code, "10" | "14")
                            || code.parse::<i64>().is_ok_and(|c| c & 0xff == 10 || c & 0xff == 14)
                                && code.len() < 5 =>
                    {
                        Self::Unavailable(error)
                    }
                    _ => Self::Unexpected(error),
                }
            }
            _ => Self::Unexpected(error),
        }
    }
}
