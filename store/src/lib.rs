//! One way to both databases, SQLite and PostgreSQL, for every service: connections, transactions, migrations.
//!
//! One SQL text serves both (`crate::on`): `$1` placeholders, BIGINT seconds for time, BIGINT 0/1 for flags, BYTEA for
//! bytes, TEXT, keys made by the application, no `now()`, no bare `exists()` or `sum()` in a select list.

pub mod audit;
mod db;
mod error;
pub mod lease;
mod migration;
pub mod page_sessions;
mod retry;
mod sweep;
mod tx;

pub use db::{Db, Settings};
pub use error::StorageError;
pub use migration::Migration;
pub use retry::{MayConflict, retrying};
pub use sweep::{Sweep, sweep};
pub use tx::{Connection, Tx, bounded};

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
/// the macro turns into a `Result<_, StorageError>`. A statement that is cut off in the middle, because its future is
/// dropped, costs the transaction and its connection.
#[macro_export]
macro_rules! on {
    ($tx:expr, $c:ident => $body:expr) => {{
        let limit = $crate::Tx::limit($tx);
        match $crate::Tx::connection($tx) {
            $crate::Connection::Sqlite($c) => {
                let result = $crate::bounded(limit, async { $body }).await;
                $crate::Tx::settle($tx, result)
            }
            $crate::Connection::Pg($c) => {
                let result = $crate::bounded(limit, async { $body }).await;
                $crate::Tx::settle($tx, result)
            }
        }
    }};
}

/// Every statement of this crate for one database, with its name: each must prepare once `audit::MIGRATION_SQL` and
/// `page_sessions::MIGRATION_SQL` have run.
pub fn statements(postgres: bool) -> Vec<(&'static str, &'static str)> {
    let mut all = vec![
        ("lease.take", lease::TAKE),
        ("lease.renew", lease::RENEW),
        ("lease.release", lease::RELEASE),
        ("lease.guard", lease::GUARD),
    ];
    all.extend((1..=audit::row::AT_ONCE).map(|rows| ("audit.append", audit::row::insert(postgres, rows))));
    all.extend(audit::STATEMENTS);
    all.extend(page_sessions::STATEMENTS);
    all
}
