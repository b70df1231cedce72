//! `POST /revoke` (RFC 7009).

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use store::audit;
use web::Asker;

use crate::flow::client::authenticate;
use crate::http::oauth_error::OAuthError;
use crate::http::token::{authorization, form};
use crate::storage::{families, refresh_tokens, tokens};
use crate::token::access;
use crate::{Idp, digest};

/// `POST /revoke`: of a refresh token the whole family ends, of an access token that one. Unknown tokens get the same 200 (§2.2).
pub(crate) async fn post(State(idp): State<Idp>, asker: Asker, headers: HeaderMap, body: Bytes) -> Response {
    match revoke(&idp, &headers, &body, &asker).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => error.into_response(),
    }
}

async fn revoke(idp: &Idp, headers: &HeaderMap, body: &[u8], asker: &Asker) -> Result<(), OAuthError> {
    let parameters = form(headers, body)?;
    let now = idp.sources().now();
    let authenticated = authenticate(idp, asker, authorization(headers), &parameters, "/revoke", now).await?;
    let token = parameters.one("token")?.ok_or_else(|| OAuthError::request("token is missing"))?;
    let client = &authenticated.client;
    let mut tx = idp.db().begin().await?;
    let read = access::read(idp, token, now).filter(|read| read.client_id == client.client_id.as_str());
    let done = match read {
        Some(read) => {
            tokens::revoke_jti(&mut tx, &read.jti, read.exp).await?;
            true
        }
        None => match refresh_tokens::family_of(&mut tx, &digest::of("refresh", token), &client.client_id).await? {
            Some(family) => families::revoke(&mut tx, &family, now).await?,
            None => false,
        },
    };
    if done {
        let row = audit::Row::new(client.client_id.as_str(), "token.revoke", "done", now)
            .object(format!("client:{}", client.client_id))
            .incident(asker.incident().as_str());
        audit::append(&mut tx, &row).await?;
    }
    tx.commit().await?;
    Ok(())
}
