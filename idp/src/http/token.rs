//! `POST /token` (RFC 6749 §3.2).

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde_json::Value;
use web::Asker;

use crate::Idp;
use crate::client::GrantType;
use crate::flow::client::{Request, authenticate};
use crate::flow::token;
use crate::http::oauth_error::{OAuthError, json};
use crate::oauth::parameters::Parameters;

/// `POST /token`.
pub(crate) async fn post(State(idp): State<Idp>, asker: Asker, headers: HeaderMap, body: Bytes) -> Response {
    match answer(&idp, &headers, &body, &asker).await {
        Ok(body) => json(StatusCode::OK, &body),
        Err(error) => error.into_response(),
    }
}

/// The parameters of a form body.
pub(crate) fn form(headers: &HeaderMap, body: &[u8]) -> Result<Parameters, OAuthError> {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(OAuthError::request("the body must be application/x-www-form-urlencoded"));
    }
    Ok(Parameters::read(body)?)
}

/// The `Authorization` header, if there is one that reads.
pub(crate) fn authorization(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok())
}

async fn answer(idp: &Idp, headers: &HeaderMap, body: &[u8], asker: &Asker) -> Result<Value, OAuthError> {
    let parameters = form(headers, body)?;
    let now = idp.sources().now();
    let authenticated = authenticate(idp, asker, authorization(headers), &parameters, "/token", now).await?;
    let grant_type = parameters.one("grant_type")?.ok_or_else(|| OAuthError::request("grant_type is missing"))?;
    let grant = GrantType::parse(grant_type)
        .ok_or_else(|| OAuthError::new("unsupported_grant_type", "grant_type is not known here"))?;
    if !authenticated.client.may(grant) {
        return Err(OAuthError::new("unauthorized_client", "the client is not registered for this grant_type"));
    }
    let incident = asker.incident().as_str();
    let request = Request { idp, authenticated: &authenticated, parameters: &parameters, incident, now };
    token::answer(&request, grant).await
}
