//! Sessions of a service's pages. The browser holds a random value whose digest is the row's key; who it is stands encrypted in
//! the row, bound to it.

use keys::field::FieldError;
use keys::sources::{RandomError, Sources};
use keys::{KeyStore, KeyStoreError};
use ring::digest::{SHA256, digest};
use serde::Serialize;
use serde::de::DeserializeOwned;
use verifier::encoding::{b64u, hex};
use verifier::time::Timestamp;

use crate::{Db, StorageError, Sweep, Tx, audit, on};

/// The table, for a service's migrations.
pub const MIGRATION_SQL: &str = include_str!("page_sessions.sql");

/// What leaves by itself.
pub const SWEEP: Sweep = Sweep {
    name: "page sessions",
    sql: "DELETE FROM page_sessions WHERE id_digest IN
        (SELECT id_digest FROM page_sessions WHERE expires_at <= $1 LIMIT $2)",
};

const INSERT: &str =
    "INSERT INTO page_sessions (id_digest, secrets, checked_at, created_at, expires_at) VALUES ($1, $2, $3, $3, $4)";
const FIND: &str = "SELECT secrets, checked_at FROM page_sessions WHERE id_digest = $1 AND expires_at > $2";
const RENEW: &str = "UPDATE page_sessions SET secrets = $2, checked_at = $3 WHERE id_digest = $1 AND checked_at = $4";
const DELETE: &str = "DELETE FROM page_sessions WHERE id_digest = $1";

/// The statements: each must prepare once [`MIGRATION_SQL`] has run.
pub const STATEMENTS: [(&str, &str); 4] = [
    ("page_sessions.insert", INSERT),
    ("page_sessions.find", FIND),
    ("page_sessions.renew", RENEW),
    ("page_sessions.delete", DELETE),
];

/// Why a session was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum PageSessionError {
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The key store has no key for the row.
    #[error(transparent)]
    Keys(#[from] KeyStoreError),
    /// The row does not open under its key.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// No randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// What the row holds is no such session.
    #[error("a session's contents do not read")]
    Contents,
}

impl PageSessionError {
    /// Whether asking again in a moment may help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Storage(error) if error.is_transient())
    }
}

/// The sessions of one service. Cheap to clone.
#[derive(Clone)]
pub struct PageSessions {
    db: Db,
    keys: KeyStore,
    sources: Sources,
}

impl std::fmt::Debug for PageSessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PageSessions")
    }
}

/// The key of the row for a cookie's value.
pub fn key_of(cookie: &str) -> Vec<u8> {
    digest(&SHA256, cookie.as_bytes()).as_ref().to_vec()
}

impl PageSessions {
    /// Over a database that [`MIGRATION_SQL`] has run on.
    pub fn new(db: Db, keys: KeyStore, sources: Sources) -> Self {
        Self { db, keys, sources }
    }

    /// Stores a new session, with its row of the audit record; the answer is the cookie's value.
    pub async fn begin<T: Serialize + Sync>(
        &self,
        contents: &T,
        expires_at: Timestamp,
        row: &audit::Row,
    ) -> Result<String, PageSessionError> {
        let now = self.sources.now();
        let cookie = b64u::encode(self.sources.bytes::<32>()?);
        let key = key_of(&cookie);
        let sealed = self.seal(&key, contents, now)?;
        let mut tx = self.db.begin().await?;
        insert(&mut tx, &key, &sealed, now, expires_at).await?;
        audit::append(&mut tx, row).await?;
        tx.commit().await?;
        Ok(cookie)
    }

    /// What a live session holds, and when it was last vouched for.
    pub async fn find<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<(T, Timestamp)>, PageSessionError> {
        let now = self.sources.now();
        let mut reader = self.db.reader().await?;
        let row: Option<(Vec<u8>, i64)> =
            on!(&mut reader, c => sqlx::query_as(FIND).bind(key).bind(now.seconds()).fetch_optional(c).await)?;
        drop(reader);
        let Some((sealed, checked_at)) = row else { return Ok(None) };
        let plain = self.keys.field_keys(now)?.open("page_sessions", "secrets", &hex::encode(key), &sealed)?;
        let contents = serde_json::from_slice(&plain).map_err(|_| PageSessionError::Contents)?;
        Ok(Some((contents, Timestamp::from_seconds(checked_at))))
    }

    /// Keeps contents that were vouched for now, of a session that was found as vouched for at `before`. `false`, and nothing is
    /// kept, where another process has renewed it since, or it has ended.
    pub async fn renew<T: Serialize + Sync>(
        &self,
        key: &[u8],
        contents: &T,
        before: Timestamp,
    ) -> Result<bool, PageSessionError> {
        let now = self.sources.now();
        let sealed = self.seal(key, contents, now)?;
        // a second renewal within one second is told from the first
        let at = if now == before { now.plus(1) } else { now };
        let mut tx = self.db.begin().await?;
        let kept = on!(&mut tx, c => sqlx::query(RENEW).bind(key).bind(sealed.as_slice()).bind(at.seconds())
            .bind(before.seconds()).execute(c).await.map(|done| done.rows_affected()))?;
        tx.commit().await?;
        Ok(kept == 1)
    }

    /// Ends a session, with its row of the audit record.
    pub async fn end(&self, key: &[u8], row: &audit::Row) -> Result<(), PageSessionError> {
        let mut tx = self.db.begin().await?;
        on!(&mut tx, c => sqlx::query(DELETE).bind(key).execute(c).await.map(drop))?;
        audit::append(&mut tx, row).await?;
        Ok(tx.commit().await?)
    }

    fn seal<T: Serialize>(&self, key: &[u8], contents: &T, now: Timestamp) -> Result<Vec<u8>, PageSessionError> {
        let plain = serde_json::to_vec(contents).map_err(|_| PageSessionError::Contents)?;
        let keys = self.keys.field_keys(now)?;
        Ok(keys.seal("page_sessions", "secrets", &hex::encode(key), &plain, self.sources.random.as_ref())?)
    }
}

async fn insert(
    tx: &mut Tx,
    key: &[u8],
    sealed: &[u8],
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(INSERT).bind(key).bind(sealed).bind(now.seconds()).bind(expires_at.seconds())
        .execute(c).await.map(drop))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::OpenOptionsExt;

    use keys::Purpose;
    use keys::key_store::Passphrase;

    use super::*;
    use crate::Migration;

    const MIGRATIONS: &[Migration] = &[
        Migration { version: 1, name: "audit", sql: audit::MIGRATION_SQL },
        Migration { version: 2, name: "page sessions", sql: MIGRATION_SQL },
    ];

    /// Two processes have found the same row: whoever writes second writes nothing.
    #[tokio::test]
    async fn a_renewal_is_kept_once() {
        let sources = Sources::system();
        let folder = std::env::temp_dir().join(b64u::encode(sources.bytes::<12>().unwrap()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("passphrase");
        let mut options = std::fs::OpenOptions::new();
        let mut written = options.create_new(true).write(true).mode(0o600).open(&file).unwrap();
        std::io::Write::write_all(&mut written, b"of this test alone, and long enough").unwrap();
        let keys = KeyStore::create(&folder.join("keys"), &Passphrase::from_file(&file).unwrap(), true).unwrap();
        for purpose in [Purpose::FieldEncryption, Purpose::FieldDigest] {
            keys.ensure(&purpose, sources.now()).unwrap();
        }
        let db = Db::open(&format!("sqlite://{}", folder.join("db").display()), MIGRATIONS).await.unwrap();
        let sessions = PageSessions::new(db, keys, sources.clone());
        let now = sources.now();
        let row = audit::Row::new("person:p".to_owned(), "session.sign_in", "done", now);
        let key = key_of(&sessions.begin(&"begun", now.plus(600), &row).await.unwrap());

        let (_, before) = sessions.find::<String>(&key).await.unwrap().unwrap();
        assert!(sessions.renew(&key, &"first", before).await.unwrap());
        assert!(!sessions.renew(&key, &"second", before).await.unwrap(), "within the same second, too");
        let (contents, after) = sessions.find::<String>(&key).await.unwrap().unwrap();
        assert_eq!((contents.as_str(), after > before), ("first", true));
        assert!(sessions.renew(&key, &"third", after).await.unwrap());
        let (_, last) = sessions.find::<String>(&key).await.unwrap().unwrap();
        sessions.end(&key, &row).await.unwrap();
        assert!(!sessions.renew(&key, &"fourth", last).await.unwrap(), "what has ended is not renewed");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
