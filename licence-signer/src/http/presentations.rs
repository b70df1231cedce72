//! `/v1/presentations`.

use axum::extract::State;
use http::StatusCode;
use serde_json::{Value, json};
use web::{Asker, Json, Problem};

use super::bodies::{PresentationRequest, ResolutionRequest};
use super::caller::{For, Holder, scope};
use super::lookups::{body, reason};
use crate::flow::present::Showing;
use crate::{LicenceSigner, within};

/// `POST /v1/presentations`.
pub(super) async fn present(
    State(signer): State<LicenceSigner>,
    asker: Asker,
    Holder(holder, ..): Holder<scope::Make>,
    Json(request): Json<PresentationRequest>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let PresentationRequest { licence, items, verifier, purpose } = request;
    let showing = Showing { licence, items, verifier, purpose };
    let made = within(asker.incident().as_str().to_owned(), signer.present(&holder, &showing)).await?;
    let body = json!({
        "code": made.code,
        "digits": made.digits,
        "expires_at": made.expires_at.to_string(),
    });
    Ok((StatusCode::CREATED, Json(body)))
}

/// `POST /v1/presentations/resolutions`.
pub(super) async fn resolve(
    State(signer): State<LicenceSigner>,
    asker: Asker,
    For(officer, ..): For<scope::Resolve>,
    Json(request): Json<ResolutionRequest>,
) -> Result<Json<Value>, Problem> {
    if request.code.len() > 128 {
        return Err(Problem::unprocessable("input.invalid_member").member("code"));
    }
    let reason = reason(&request.matter, &request.case, &request.purpose)?;
    let incident = asker.incident().as_str().to_owned();
    let seen = within(incident, signer.resolve(&officer, &request.code, &reason)).await?;
    Ok(Json(body(&seen)))
}
