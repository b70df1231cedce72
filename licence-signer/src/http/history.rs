//! `/v1/looks`.

use axum::extract::State;
use serde_json::{Value, json};
use web::{Asker, Json, Problem, Query};

use super::bodies::{self, ListQuery};
use super::caller::{Holder, scope};
use crate::{LicenceSigner, within};

/// `GET /v1/looks`.
pub(super) async fn looks(
    State(signer): State<LicenceSigner>,
    asker: Asker,
    Holder(holder, ..): Holder<scope::Own>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Value>, Problem> {
    let invalid = || Problem::bad_request("input.invalid_member").member("cursor");
    let after = query.cursor.map(|text| bodies::read_cursor(&text).ok_or_else(invalid)).transpose()?;
    let run = signer.looks(&holder, query.licence.as_deref(), after, query.limit.unwrap_or(50));
    let found = within(asker.incident().as_str().to_owned(), run).await?;
    let looks: Vec<Value> = found
        .looks
        .iter()
        .map(|look| {
            json!({
                "licence": look.licence,
                "at": look.at.to_string(),
                "way": look.way,
                "department": {"code": look.department, "name": look.department_name},
                "matter": look.matter,
                "case": look.case,
                "purpose": look.purpose,
                "items": look.items,
            })
        })
        .collect();
    Ok(Json(json!({"looks": looks, "next": bodies::cursor(found.next)})))
}
