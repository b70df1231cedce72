//! Tables move forward only, each step in a transaction of its own, under a running older program.

use crate::{Db, StorageError, on};

/// One step. `version` rises by one from 1 in each service; `sql` may hold several statements and serves both databases.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Its place in the order.
    pub version: i64,
    /// What it does, in a few words.
    pub name: &'static str,
    /// The statements.
    pub sql: &'static str,
}

const TABLE: &str =
    "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL)";
const NEWEST: &str = "SELECT coalesce(max(version), 0) FROM schema_version";
const RECORD: &str = "INSERT INTO schema_version (version, name) VALUES ($1, $2)";
/// A step over a large table takes longer than a request may.
const PATIENCE: &str = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0";
const LOCK: &str = "SELECT pg_advisory_xact_lock(7202911)";

/// Brings `db` up to the last of `migrations`.
pub(crate) async fn run(db: &Db, migrations: &[Migration]) -> Result<(), StorageError> {
    loop {
        let mut tx = db.begin().await?;
        tx.be_patient();
        if tx.is_postgres() {
            on!(&mut tx, c => sqlx::raw_sql(PATIENCE).execute(c).await.map(drop))?;
            on!(&mut tx, c => sqlx::query(LOCK).execute(c).await.map(drop))?; // processes that start together take turns
        }
        on!(&mut tx, c => sqlx::raw_sql(TABLE).execute(c).await.map(drop))?;
        let (newest,): (i64,) = on!(&mut tx, c => sqlx::query_as(NEWEST).fetch_one(c).await)?;
        if migrations.last().is_some_and(|last| newest > last.version) {
            return Err(StorageError::Migration(format!(
                "the database has version {newest}, newer than this program knows; start the newer program"
            )));
        }
        let Some(next) = migrations.iter().find(|m| m.version > newest) else {
            return tx.commit().await;
        };
        on!(&mut tx, c => sqlx::raw_sql(next.sql).execute(c).await.map(drop))
            .map_err(|error| StorageError::Migration(format!("{} ({}): {error:?}", next.version, next.name)))?;
        on!(&mut tx, c => sqlx::query(RECORD).bind(next.version).bind(next.name).execute(c).await.map(drop))?;
        tx.commit().await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn migrations_run_once_and_refuse_a_newer_database() {
        let dir = std::env::temp_dir().join(format!("xinyin-store-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a temporary folder");
        let url = format!("sqlite://{}", dir.join("m.db").display());
        let first = Migration { version: 1, name: "one", sql: "CREATE TABLE a (x BIGINT); INSERT INTO a VALUES (1);" };
        let second = Migration { version: 2, name: "two", sql: "INSERT INTO a VALUES (2);" };
        Db::open(&url, &[first]).await.expect("opens").close().await;
        let db = Db::open(&url, &[first, second]).await.expect("opens again");
        let mut tx = db.reader().await.expect("a reader");
        let (rows,): (i64,) =
            on!(&mut tx, c => sqlx::query_as("SELECT count(*) FROM a").fetch_one(c).await).expect("a");
        assert_eq!(rows, 2);
        drop(tx);
        db.close().await;
        assert!(matches!(Db::open(&url, &[first]).await, Err(StorageError::Migration(_))));
        std::fs::remove_dir_all(dir).expect("cleans up");
    }
}
