//! What a clerk works on: the case in whose name he looks, beside his session.

use store::{StorageError, Tx, on};
use verifier::time::Timestamp;

/// For which case somebody looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    /// Code of the matter.
    pub matter: String,
    /// Case number.
    pub number: String,
    /// Purpose; the holder reads it.
    pub purpose: String,
}

pub(crate) const SET: &str = "INSERT INTO cases (id_digest, matter, case_number, purpose, expires_at)
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id_digest) DO UPDATE SET matter = excluded.matter,
    case_number = excluded.case_number, purpose = excluded.purpose, expires_at = excluded.expires_at";
pub(crate) const FIND: &str = "SELECT matter, case_number, purpose FROM cases WHERE id_digest = $1 AND expires_at > $2";

/// Sets what the clerk of a session works on.
pub(crate) async fn set(tx: &mut Tx, key: &[u8], case: &Case, expires_at: Timestamp) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(SET).bind(key).bind(&case.matter).bind(&case.number).bind(&case.purpose)
        .bind(expires_at.seconds()).execute(c).await.map(drop))
}

/// What the clerk of a session works on.
pub(crate) async fn find(tx: &mut Tx, key: &[u8], now: Timestamp) -> Result<Option<Case>, StorageError> {
    let row: Option<(String, String, String)> =
        on!(tx, c => sqlx::query_as(FIND).bind(key).bind(now.seconds()).fetch_optional(c).await)?;
    Ok(row.map(|(matter, number, purpose)| Case { matter, number, purpose }))
}
