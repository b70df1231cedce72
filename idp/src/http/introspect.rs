//! `POST /introspect` (RFC 7662), for the resource that a token is for.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use web::Asker;

use crate::Idp;
use crate::flow::client::authenticate;
use crate::http::oauth_error::{OAuthError, json as json_answer};
use crate::http::token::{authorization, form};
use crate::storage::{families, tokens};
use crate::token::access;

/// `POST /introspect`.
pub(crate) async fn post(State(idp): State<Idp>, asker: Asker, headers: HeaderMap, body: Bytes) -> Response {
    match introspect(&idp, &asker, &headers, &body).await {
        Ok(body) => json_answer(StatusCode::OK, &body),
        Err(error) => error.into_response(),
    }
}

async fn introspect(idp: &Idp, asker: &Asker, headers: &HeaderMap, body: &[u8]) -> Result<Value, OAuthError> {
    let parameters = form(headers, body)?;
    let now = idp.sources().now();
    let authenticated = authenticate(idp, asker, authorization(headers), &parameters, "/introspect", now).await?;
    let client = &authenticated.client;
    if !client.is_confidential() {
        return Err(OAuthError::client("a public client may not introspect"));
    }
    let token = parameters.one("token")?.ok_or_else(|| OAuthError::request("token is missing"))?;
    let inactive = json!({ "active": false });
    let mut tx = idp.db().begin().await?;
    let Some(read) = access::read(idp, token, now) else {
        tx.commit().await?;
        return Ok(inactive);
    };
    // Who asks is the client that holds the token, or the resource that it is for.
    let is_for =
        client.exchange.as_ref().is_some_and(|rule| rule.aud == read.aud) || client.audience() == Some(&read.aud);
    let may_know = read.client_id == client.client_id.as_str() || is_for;
    let lives = match &read.family {
        Some(family) => families::find(&mut tx, family, now).await?.is_some(),
        None => idp.client(&mut tx, read.owner()).await?.is_some(),
    };
    let revoked = tokens::is_revoked(&mut tx, &read.jti).await?;
    tx.commit().await?;
    if !may_know || !lives || revoked {
        return Ok(inactive);
    }
    let mut out = read.claims;
    out.insert("active".into(), json!(true));
    out.insert("token_type".into(), json!("Bearer"));
    Ok(Value::Object(out))
}
