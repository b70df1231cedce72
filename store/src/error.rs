//! What a store can answer instead of what was asked.

use std::fmt;

use sqlx::postgres::PgDatabaseError;

/// A failure of the database, never of the rules. Neither its text nor its `Debug` holds a stored or a given value.
#[derive(thiserror::Error)]
pub enum StorageError {
    /// The database's address is neither `sqlite://PATH` nor `postgres://…`.
    #[error("the address of the database cannot be read; sqlite://PATH or postgres://USER@HOST/NAME is wanted")]
    Address,
    /// The database cannot be reached, is starting, or gave no connection in time. Trying again later is right.
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    /// The disk or a quota is full. Nothing was written.
    #[error("the database has no room left")]
    Full(#[source] sqlx::Error),
    /// Two writers met (serialization failure, deadlock, a busy file, a lock waited for too long). The whole
    /// transaction may be tried again.
    #[error("another writer was faster")]
    Conflict(#[source] sqlx::Error),
    /// A row that must be unique is there already.
    #[error("there already")]
    Duplicate(#[source] sqlx::Error),
    /// A statement of this transaction was refused before; nothing of it was kept.
    #[error("the transaction had failed before it was to be committed")]
    Aborted,
    /// The file is no database, or a damaged one.
    #[error("the database file is damaged, or no database")]
    NotADatabase(#[source] sqlx::Error),
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

    /// A stable word for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Address => "storage.address",
            Self::Unavailable(_) => "storage.unavailable",
            Self::Full(_) => "storage.full",
            Self::Conflict(_) => "storage.conflict",
            Self::Duplicate(_) => "storage.duplicate",
            Self::Aborted => "storage.aborted",
            Self::NotADatabase(_) => "storage.not_a_database",
            Self::Damaged(_) => "storage.damaged",
            Self::Migration(_) => "storage.migration",
            Self::Export(_) => "storage.export",
            Self::Unexpected(_) => "storage.unexpected",
        }
    }
}

impl fmt::Debug for StorageError {
    /// As the text, with the database's own code and message; without its detail, which quotes values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {self}", self.code())?;
        match self {
            Self::Unavailable(error)
            | Self::Full(error)
            | Self::Conflict(error)
            | Self::Duplicate(error)
            | Self::NotADatabase(error)
            | Self::Unexpected(error) => match error {
                sqlx::Error::Database(db) => {
                    write!(f, " ({} {})", db.code().unwrap_or_default(), db.message())
                }
                other => write!(f, " ({other})"),
            },
            Self::Export(error) => write!(f, " ({error})"),
            Self::Address | Self::Aborted | Self::Damaged(_) | Self::Migration(_) => Ok(()),
        }
    }
}

impl From<sqlx::Error> for StorageError {
    fn from(error: sqlx::Error) -> Self {
        let make = match &error {
            sqlx::Error::Io(io) if is_full(io) => Self::Full,
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::BeginFailed
            | sqlx::Error::WorkerCrashed => Self::Unavailable,
            sqlx::Error::Configuration(_) => return Self::Address,
            sqlx::Error::Database(db) if db.is_unique_violation() => Self::Duplicate,
            sqlx::Error::Database(db) => {
                let code = db.code();
                let code = code.as_deref().unwrap_or_default();
                if db.try_downcast_ref::<PgDatabaseError>().is_some() { postgres(code) } else { sqlite(code) }
            }
            _ => Self::Unexpected,
        };
        make(error)
    }
}

type Make = fn(sqlx::Error) -> StorageError;

fn is_full(io: &std::io::Error) -> bool {
    matches!(io.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
}

/// PostgreSQL, appendix A.
fn postgres(code: &str) -> Make {
    match code {
        // serialization failure, deadlock, completion unknown (distributed engines), lock not available
        "40001" | "40P01" | "40003" | "55P03" => StorageError::Conflict,
        "53100" => StorageError::Full,
        // statement time, idle in transaction, read-only (a standby that was the primary)
        "57014" | "25P03" | "25006" => StorageError::Unavailable,
        // corrupted data or index
        "XX001" | "XX002" => StorageError::NotADatabase,
        // connection, no resources, shutting down or starting, wrong password, no such database, its disk
        code if ["08", "53", "57P", "28", "3D", "58"].iter().any(|class| code.starts_with(class)) => {
            StorageError::Unavailable
        }
        _ => StorageError::Unexpected,
    }
}

/// SQLite's result codes; extended ones carry the primary one in their low byte.
fn sqlite(code: &str) -> Make {
    match code.parse::<u32>().unwrap_or_default() & 0xff {
        5 | 6 => StorageError::Conflict,               // SQLITE_BUSY, SQLITE_LOCKED
        13 => StorageError::Full,                      // SQLITE_FULL
        8 | 10 | 14 | 15 => StorageError::Unavailable, // SQLITE_READONLY, IOERR, CANTOPEN, PROTOCOL
        11 | 26 => StorageError::NotADatabase,         // SQLITE_CORRUPT, SQLITE_NOTADB
        _ => StorageError::Unexpected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of(make: Make) -> &'static str {
        make(sqlx::Error::RowNotFound).code()
    }

    #[test]
    fn codes_of_the_databases_become_ours() {
        for (code, expected) in [
            ("40001", "storage.conflict"),
            ("40P01", "storage.conflict"),
            ("55P03", "storage.conflict"),
            ("53100", "storage.full"),
            ("53300", "storage.unavailable"),
            ("57P01", "storage.unavailable"),
            ("57P03", "storage.unavailable"),
            ("57014", "storage.unavailable"),
            ("08006", "storage.unavailable"),
            ("28P01", "storage.unavailable"),
            ("3D000", "storage.unavailable"),
            ("XX002", "storage.not_a_database"),
            ("22021", "storage.unexpected"), // NUL in a text
            ("42703", "storage.unexpected"),
        ] {
            assert_eq!(code_of(postgres(code)), expected, "{code}");
        }
        for (code, expected) in [
            ("5", "storage.conflict"),
            ("261", "storage.conflict"), // SQLITE_BUSY_RECOVERY
            ("517", "storage.conflict"), // SQLITE_BUSY_SNAPSHOT
            ("6", "storage.conflict"),
            ("13", "storage.full"),
            ("778", "storage.unavailable"), // SQLITE_IOERR_WRITE
            ("14", "storage.unavailable"),
            ("1032", "storage.unavailable"), // SQLITE_READONLY_DBMOVED
            ("11", "storage.not_a_database"),
            ("26", "storage.not_a_database"),
            ("1", "storage.unexpected"),
            ("787", "storage.unexpected"), // SQLITE_CONSTRAINT_FOREIGNKEY
        ] {
            assert_eq!(code_of(sqlite(code)), expected, "{code}");
        }
    }
}
