//! `/v1/lookups`.

use axum::extract::State;
use serde_json::{Value, json};
use web::{Asker, Json, Problem};

use super::bodies::LookupRequest;
use super::caller::{For, scope};
use crate::flow::lookup::Seen;
use crate::issuance::{HolderCode, HolderFault};
use crate::lookup::Reason;
use crate::{LicenceSigner, within};

/// `POST /v1/lookups`.
pub(super) async fn look_up(
    State(signer): State<LicenceSigner>,
    asker: Asker,
    For(officer, ..): For<scope::Lookup>,
    Json(request): Json<LookupRequest>,
) -> Result<Json<Value>, Problem> {
    let holder = HolderCode::of_type(&request.holder.code_type, &request.holder.code).map_err(|fault| {
        let member = if fault == HolderFault::CodeType { "holder.code_type" } else { "holder.code" };
        Problem::unprocessable("input.invalid_member").member(member)
    })?;
    let reason = reason(&request.matter, &request.case, &request.purpose)?;
    let seen = within(
        asker.incident().as_str().to_owned(),
        Box::pin(signer.look_up(&officer, &holder, &request.type_code, &reason)),
    )
    .await?;
    let licences: Vec<Value> = seen.iter().map(body).collect();
    Ok(Json(json!({"licences": licences})))
}

/// Matter, case and purpose of a request.
pub(super) fn reason(matter: &str, case: &str, purpose: &str) -> Result<Reason, Problem> {
    Reason::new(matter, case, purpose).map_err(|fault| Problem::unprocessable("input.invalid_member").member(fault.0))
}

/// Facts and report.
pub(super) fn body(seen: &Seen) -> Value {
    json!({"facts": seen.facts, "report": seen.report})
}
