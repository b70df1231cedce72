//! Who looked, when and why: what the holder reads.

use store::{StorageError, Tx, on};

use super::digests::{Digests, with_digests};

const ADD: &str = "INSERT INTO looks (id, licence, holder_digest, at, way, actor, department, department_name, matter,
    case_number, purpose, items) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
const OF_HOLDER: &str = "SELECT id, licence, holder_digest, at, way, actor, department, department_name, matter,
    case_number, purpose, items FROM looks WHERE holder_digest IN ($4, $5, $6, $7, $8, $9, $10, $11)
    AND (at < $1 OR (at = $1 AND id < $2)) ORDER BY at DESC, id DESC LIMIT $3";
const OF_LICENCE: &str = "SELECT id, licence, holder_digest, at, way, actor, department, department_name, matter,
    case_number, purpose, items FROM looks WHERE licence = $1 AND (at < $2 OR (at = $2 AND id < $3))
    ORDER BY at DESC, id DESC LIMIT $4";
const COUNT_OF_LICENCE: &str = "SELECT count(*) FROM looks WHERE licence = $1";

/// A row of `looks`.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct LookRow {
    pub(crate) id: String,
    pub(crate) licence: String,
    pub(crate) holder_digest: Vec<u8>,
    pub(crate) at: i64,
    pub(crate) way: String,
    pub(crate) actor: String,
    pub(crate) department: String,
    pub(crate) department_name: String,
    pub(crate) matter: String,
    pub(crate) case_number: String,
    pub(crate) purpose: String,
    pub(crate) items: String,
}

/// Adds a look.
pub(crate) async fn add(tx: &mut Tx, row: &LookRow) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(ADD).bind(&row.id).bind(&row.licence).bind(&row.holder_digest).bind(row.at).bind(&row.way)
        .bind(&row.actor).bind(&row.department).bind(&row.department_name).bind(&row.matter).bind(&row.case_number)
        .bind(&row.purpose).bind(&row.items).execute(c).await.map(drop))
}

/// The newest looks at a holder's licences, behind the cursor (`at`, `id`).
pub(crate) async fn of_holder(
    tx: &mut Tx,
    holder: &Digests,
    after: (i64, &str),
    limit: i64,
) -> Result<Vec<LookRow>, StorageError> {
    on!(tx, c => with_digests!(sqlx::query_as(OF_HOLDER).bind(after.0).bind(after.1).bind(limit), holder)
        .fetch_all(c).await)
}

/// The newest looks at one licence, behind the cursor.
pub(crate) async fn of_licence(
    tx: &mut Tx,
    licence: &str,
    after: (i64, &str),
    limit: i64,
) -> Result<Vec<LookRow>, StorageError> {
    on!(tx, c => sqlx::query_as(OF_LICENCE).bind(licence).bind(after.0).bind(after.1).bind(limit).fetch_all(c).await)
}

/// How often one licence was looked at.
pub(crate) async fn count_of_licence(tx: &mut Tx, licence: &str) -> Result<i64, StorageError> {
    let (count,): (i64,) = on!(tx, c => sqlx::query_as(COUNT_OF_LICENCE).bind(licence).fetch_one(c).await)?;
    Ok(count)
}
