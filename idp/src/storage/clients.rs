//! The tables `clients` and `resources`.

use store::{StorageError, Tx, on, sqlx};
use verifier::time::Timestamp;

use crate::client::{Client, Resource};

const FIND: &str = "SELECT registration FROM clients WHERE client_id = $1 AND ended_at IS NULL";
const LIST: &str =
    "SELECT registration FROM clients WHERE ended_at IS NULL AND client_id > $1 ORDER BY client_id LIMIT 200";
const PUT: &str = "INSERT INTO clients (client_id, registration, updated_at) VALUES ($1, $2, $3)
    ON CONFLICT (client_id) DO UPDATE SET registration = excluded.registration, updated_at = excluded.updated_at, ended_at = NULL";
const END: &str = "UPDATE clients SET ended_at = $2 WHERE client_id = $1 AND ended_at IS NULL";
const FIND_RESOURCE: &str = "SELECT registration FROM resources WHERE resource = $1";
const PUT_RESOURCE: &str = "INSERT INTO resources (resource, registration, updated_at) VALUES ($1, $2, $3)
    ON CONFLICT (resource) DO UPDATE SET registration = excluded.registration, updated_at = excluded.updated_at";

fn client((text,): (String,)) -> Result<Client, StorageError> {
    serde_json::from_str(&text).map_err(|_| StorageError::Damaged("clients.registration"))
}

pub(crate) async fn find(tx: &mut Tx, client_id: &str) -> Result<Option<Client>, StorageError> {
    let row: Option<(String,)> = on!(tx, c => sqlx::query_as(FIND).bind(client_id).fetch_optional(c).await)?;
    row.map(client).transpose()
}

pub(crate) async fn list(tx: &mut Tx, after: &str) -> Result<Vec<Client>, StorageError> {
    let rows: Vec<(String,)> = on!(tx, c => sqlx::query_as(LIST).bind(after).fetch_all(c).await)?;
    rows.into_iter().map(client).collect()
}

pub(crate) async fn put(tx: &mut Tx, client: &Client, now: Timestamp) -> Result<(), StorageError> {
    let text = serde_json::to_string(client).map_err(|_| StorageError::Damaged("clients.registration"))?;
    on!(tx, c => sqlx::query(PUT)
        .bind(client.client_id.as_str()).bind(&text).bind(now.seconds())
        .execute(c).await.map(drop))
}

pub(crate) async fn end(tx: &mut Tx, client_id: &str, now: Timestamp) -> Result<bool, StorageError> {
    on!(tx, c => sqlx::query(END).bind(client_id).bind(now.seconds()).execute(c).await.map(|d| d.rows_affected() > 0))
}

pub(crate) async fn find_resource(tx: &mut Tx, resource: &str) -> Result<Option<Resource>, StorageError> {
    let row: Option<(String,)> = on!(tx, c => sqlx::query_as(FIND_RESOURCE).bind(resource).fetch_optional(c).await)?;
    row.map(|(text,)| serde_json::from_str(&text).map_err(|_| StorageError::Damaged("resources.registration")))
        .transpose()
}

pub(crate) async fn put_resource(tx: &mut Tx, resource: &Resource, now: Timestamp) -> Result<(), StorageError> {
    let text = serde_json::to_string(resource).map_err(|_| StorageError::Damaged("resources.registration"))?;
    on!(tx, c => sqlx::query(PUT_RESOURCE)
        .bind(&resource.resource).bind(&text).bind(now.seconds())
        .execute(c).await.map(drop))
}
