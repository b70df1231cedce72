//! Who stands behind a `sub` in our sector.

use store::{StorageError, Tx, on};
use verifier::time::Timestamp;

const SAVE: &str = "INSERT INTO subjects (sub, kind, code_digest, department, seen_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (sub) DO UPDATE SET kind = excluded.kind, code_digest = excluded.code_digest,
    department = excluded.department, seen_at = excluded.seen_at";
const FIND: &str = "SELECT kind, code_digest, department FROM subjects WHERE sub = $1";

/// What is known of a `sub`.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Subject {
    /// `person` or `organisation`.
    pub(crate) kind: String,
    /// Keyed digest of its number.
    pub(crate) code_digest: Vec<u8>,
    /// The credit code, of an organisation.
    pub(crate) department: Option<String>,
}

/// Keeps what userinfo said.
pub(crate) async fn save(tx: &mut Tx, sub: &str, subject: &Subject, now: Timestamp) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(SAVE).bind(sub).bind(&subject.kind).bind(&subject.code_digest).bind(&subject.department)
        .bind(now.seconds()).execute(c).await.map(drop))
}

/// What is known.
pub(crate) async fn find(tx: &mut Tx, sub: &str) -> Result<Option<Subject>, StorageError> {
    on!(tx, c => sqlx::query_as(FIND).bind(sub).fetch_optional(c).await)
}
