//! The API: `POST /v1/verifications`, the trust bundle, and what this API is.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, header};
use serde::Deserialize;
use serde_json::{Value, json};
use verifier::time::Timestamp;
use web::access_token::{AccessToken, Needs, bearer_token};
use web::input::{Raw, read_json};
use web::relying_party::{Grant, LoginError};
use web::{Asker, Json, Problem};

use super::home::merged;
use super::matter::is_line;
use super::router::{Access, ROUTES};
use crate::desk::Desk;
use crate::flow::Who;
use crate::signer::SignerError;
use crate::storage::cases::Case;

/// A request in JSON. A document may come raw instead.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VerificationRequest {
    code: String,
    matter: Option<String>,
    case: Option<String>,
    purpose: Option<String>,
    at: Option<String>,
}

/// `POST /v1/verifications`: 200 with a report, whatever the verdict.
pub(super) async fn verify(
    State(desk): State<Desk>,
    asker: Asker,
    headers: HeaderMap,
    body: Raw,
) -> Result<Response, Problem> {
    let token = match bearer_token(&headers)? {
        Some(_) => Some(desk.tokens().bearer(&headers, Needs { scope: Some("verify"), ..Needs::default() }).await?),
        None => None,
    };
    let now = desk.sources().now();
    let (input, at, case) = if body.media_type == "application/json" {
        let request: VerificationRequest = read_json(&body.bytes)?;
        let at = match request.at.as_deref().map(str::parse::<Timestamp>) {
            Some(Ok(at)) => at,
            Some(Err(_)) => return Err(Problem::unprocessable("input.invalid_member").member("at")),
            None => now,
        };
        let case = case(request.matter, request.case, request.purpose)?;
        (verifier::verify::normalise(&request.code).as_bytes().to_vec(), at, case)
    } else {
        let text = std::str::from_utf8(&body.bytes).map(verifier::verify::normalise);
        let input = text.map_or_else(|_| body.bytes.to_vec(), |text| text.as_bytes().to_vec());
        (input, now, None)
    };
    let who = token.as_ref().map_or(Who::Anyone, |token| Who::Client {
        client_id: &token.client_id,
        department: token.organisation.as_ref().map(|organisation| organisation.code.as_str()),
    });
    let (action, report) = if input.starts_with(b"XYP:") {
        let token = token.as_ref().ok_or_else(sign_in_required)?;
        let case = case.as_ref().ok_or_else(|| Problem::unprocessable("input.missing_member").member("matter"))?;
        ("presentation.resolve", resolve(&desk, &headers, token, &input, case).await?)
    } else {
        let report = desk.verify(&input, at).await;
        ("document.verify", serde_json::to_value(&report).map_err(Problem::internal)?)
    };
    desk.record(&asker, &who, action, Some(&report), case.as_ref()).await?;
    Ok(Json(report).into_response())
}

fn case(matter: Option<String>, case: Option<String>, purpose: Option<String>) -> Result<Option<Case>, Problem> {
    let given = [("matter", matter), ("case", case), ("purpose", purpose)];
    if given.iter().all(|(_, value)| value.is_none()) {
        return Ok(None);
    }
    let mut texts = Vec::new();
    for (name, value) in given {
        let value = value.ok_or_else(|| Problem::unprocessable("input.missing_member").member(name))?;
        let value = value.trim();
        if !is_line(value, 200) {
            return Err(Problem::unprocessable("input.invalid_member").member(name));
        }
        texts.push(value.to_owned());
    }
    let [matter, number, purpose] =
        <[String; 3]>::try_from(texts).map_err(|_| Problem::internal("three members make a case"))?;
    Ok(Some(Case { matter, number, purpose }))
}

async fn resolve(
    desk: &Desk,
    headers: &HeaderMap,
    token: &AccessToken,
    code: &[u8],
    case: &Case,
) -> Result<Value, Problem> {
    if token.organisation.is_none() {
        return Err(Problem::forbidden("caller.no_department")); // a person's, or the client's of no department
    }
    let code = std::str::from_utf8(code).map_err(|_| Problem::unprocessable("input.invalid_member").member("code"))?;
    let subject_token = bearer_token(headers)?.unwrap_or_default();
    let grant = Grant::Exchange { subject_token };
    let exchanged = desk.relying_party().token(grant, &desk.settings().signer_url, "presentation.resolve").await;
    let exchanged = exchanged.map_err(|error| match error {
        LoginError::Refused { code, .. } => Problem::forbidden("access.exchange_refused").extension("idp_error", code),
        other => Problem::unavailable(5).cause(other),
    })?;
    match desk.signer().resolve(&exchanged.access_token, code, case).await {
        Ok(answer) => Ok(merged(&answer)),
        Err(SignerError::Refused { status, code, retry_after }) => {
            let problem = Problem::new(status, code);
            Err(match retry_after {
                Some(seconds) => problem.retry_after(seconds),
                None => problem,
            })
        }
        Err(SignerError::Unavailable(cause)) => Err(Problem::unavailable(5).cause(cause)),
    }
}

/// A presentation code without a caller spends nothing.
fn sign_in_required() -> Problem {
    Problem::new(http::StatusCode::UNAUTHORIZED, "sign_in_required")
        .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
}

/// `GET /v1/trust-bundle`
pub(super) async fn trust_bundle(State(desk): State<Desk>) -> Result<Response, Problem> {
    let bytes = desk.trust().bytes().ok_or_else(|| Problem::unavailable(5).cause("no trust bundle yet"))?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=30"));
    web::headers::readable_by_all(&mut headers);
    Ok((headers, bytes.to_vec()).into_response())
}

/// `GET /openapi.json`
pub(super) async fn openapi(State(desk): State<Desk>) -> Response {
    let mut paths = serde_json::Map::new();
    for route in ROUTES.iter().filter(|route| route.path.starts_with("/v1/")) {
        let entry = paths.entry(route.path).or_insert_with(|| json!({}));
        let security = if route.access == Access::Token { json!([{}, { "token": ["verify"] }]) } else { json!([]) };
        entry[route.method.to_lowercase()] = json!({
            "summary": route.purpose,
            "security": security,
            "responses": { "200": { "description": "done" }, "default": { "description": "a problem document (RFC 9457)" } },
        });
    }
    let issuer = &desk.settings().issuer;
    let document = json!({
        "openapi": "3.1.0",
        "info": { "title": "Xinyin verification desk", "version": env!("CARGO_PKG_VERSION") },
        "servers": [{ "url": desk.settings().external_url }],
        "paths": paths,
        "components": { "securitySchemes": { "token": {
            "type": "openIdConnect", "openIdConnectUrl": format!("{issuer}/.well-known/openid-configuration"),
        } } },
    });
    Json(document).into_response()
}
