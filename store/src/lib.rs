//! One way to both databases, SQLite and PostgreSQL, for every service: connections, transactions, migrations.
//!
//! One SQL text serves both (`crate::on`): `$1` placeholders, BIGINT seconds for time, BIGINT 0/1 for flags, BYTEA for
//! bytes, TEXT, keys made by the application, no `now()`, no bare `exists()` or `sum()` in a select list.

mod db;
mod error;
mod migration;

pub use db::{Connection, Db, Tx};
pub use error::StorageError;
pub use migration::Migration;

#[doc(hidden)]
pub use sqlx;

/// Runs one query body against whichever database a [`Tx`] belongs to, and counts the statement.
///
/// ```ignore
/// let row: Option<Row> = on!(tx, c => sqlx::query_as(FIND).bind(id).fetch_optional(c).await)?;
/// let changed: u64 = on!(tx, c => sqlx::query(TAKE).bind(id).execute(c).await.map(|done| done.rows_affected()))?;
/// ```
///
/// The body is expanded once for each database, so that both are type-checked; its result is a `sqlx::Result`, which
/// the macro turns into a `Result<_, StorageError>`.
#[macro_export]
macro_rules! on {
    ($tx:expr, $c:ident => $body:expr) => {
        match $crate::Tx::connection($tx) {
            $crate::Connection::Sqlite($c) => $body.map_err($crate::StorageError::from),
            $crate::Connection::Pg($c) => $body.map_err($crate::StorageError::from),
        }
    };
}
