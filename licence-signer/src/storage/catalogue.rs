//! Departments, licence types, matters.

use store::{StorageError, Tx, on};
use verifier::time::Timestamp;

const DEPARTMENTS: &str = "SELECT body FROM departments ORDER BY code LIMIT 10000";
const SAVE_DEPARTMENT: &str = "INSERT INTO departments (code, name, region, body, saved_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (code) DO UPDATE SET name = excluded.name, region = excluded.region, body = excluded.body,
    saved_at = excluded.saved_at";
const TYPES: &str = "SELECT definition FROM licence_types ORDER BY code, version LIMIT 10000";
const SAVE_TYPE: &str = "INSERT INTO licence_types (code, version, definition, saved_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (code, version) DO UPDATE SET definition = excluded.definition, saved_at = excluded.saved_at";
const MATTERS: &str = "SELECT body FROM matters ORDER BY code LIMIT 20000";
const SAVE_MATTER: &str = "INSERT INTO matters (code, department, region, body, saved_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (code) DO UPDATE SET department = excluded.department, region = excluded.region, body = excluded.body,
    saved_at = excluded.saved_at";

/// The stored bodies (JSON) of departments, types and matters, in this order.
pub(crate) async fn all(tx: &mut Tx) -> Result<[Vec<String>; 3], StorageError> {
    let mut found = [Vec::new(), Vec::new(), Vec::new()];
    for (into, sql) in found.iter_mut().zip([DEPARTMENTS, TYPES, MATTERS]) {
        let rows: Vec<(String,)> = on!(&mut *tx, c => sqlx::query_as(sql).fetch_all(c).await)?;
        *into = rows.into_iter().map(|(body,)| body).collect();
    }
    Ok(found)
}

/// Keeps a department.
pub(crate) async fn save_department(
    tx: &mut Tx,
    code: &str,
    name: &str,
    region: &str,
    body: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(SAVE_DEPARTMENT).bind(code).bind(name).bind(region).bind(body).bind(now.seconds())
        .execute(c).await.map(drop))
}

/// Keeps a version of a type.
pub(crate) async fn save_type(
    tx: &mut Tx,
    code: &str,
    version: u32,
    definition: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(SAVE_TYPE).bind(code).bind(i64::from(version)).bind(definition).bind(now.seconds())
        .execute(c).await.map(drop))
}

/// Keeps a matter.
pub(crate) async fn save_matter(
    tx: &mut Tx,
    code: &str,
    department: &str,
    region: &str,
    body: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(SAVE_MATTER).bind(code).bind(department).bind(region).bind(body).bind(now.seconds())
        .execute(c).await.map(drop))
}
