//! `POST /token` (RFC 6749 §3.2).

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};
use store::{Tx, audit};
use verifier::time::Timestamp;
use web::Asker;

use crate::client::{AuthMethod, GrantType, OWN_SCOPES};
use crate::flow::client::{Authenticated, authenticate};
use crate::flow::{exchange, issue};
use crate::grant::pkce;
use crate::http::oauth_error::{OAuthError, json};
use crate::http::parameters::Parameters;
use crate::storage::authorizations::{self, Family, Taken};
use crate::storage::tokens::{self, Rotated};
use crate::token::access;
use crate::{Idp, digest};

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
    match grant {
        GrantType::AuthorizationCode => request.code().await,
        GrantType::RefreshToken => request.refresh().await,
        GrantType::ClientCredentials => request.client_credentials().await,
        GrantType::TokenExchange => exchange::exchange(&request).await,
    }
}

/// A token request of a client that has proved itself.
pub(crate) struct Request<'a> {
    pub(crate) idp: &'a Idp,
    pub(crate) authenticated: &'a Authenticated,
    pub(crate) parameters: &'a Parameters,
    pub(crate) incident: &'a str,
    pub(crate) now: Timestamp,
}

impl Request<'_> {
    /// The transaction.
    pub(crate) async fn begin(&self) -> Result<Tx, OAuthError> {
        Ok(self.idp.db().begin().await?)
    }

    /// One audit row of this request.
    pub(crate) async fn audit(
        &self,
        tx: &mut Tx,
        actor: &str,
        action: &str,
        result: &str,
        department: Option<&str>,
    ) -> Result<(), OAuthError> {
        let mut row = audit::Row::new(actor, action, result, self.now)
            .object(format!("client:{}", self.authenticated.client.client_id))
            .incident(self.incident);
        if let Some(department) = department {
            row = row.department(department);
        }
        Ok(audit::append(tx, &row).await?)
    }

    /// The one `resource`; more than one would give a token with more than one audience.
    pub(crate) fn resource(&self) -> Result<Option<&str>, OAuthError> {
        match self.parameters.all("resource")?.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(one)),
            _ => Err(OAuthError::new("invalid_target", "one resource at a time")),
        }
    }

    /// `scope`, split.
    pub(crate) fn scope(&self) -> Result<Option<Vec<String>>, OAuthError> {
        let scope = self.parameters.one("scope")?;
        Ok(scope.map(|scope| scope.split(' ').filter(|s| !s.is_empty()).map(str::to_owned).collect()))
    }

    /// `authorization_code` (RFC 6749 §4.1.3). A code is taken whatever else is wrong with the request of its client: whoever
    /// guesses has one guess.
    async fn code(&self) -> Result<Value, OAuthError> {
        let client = &self.authenticated.client;
        let code = self.parameters.one("code")?.ok_or_else(|| OAuthError::request("code is missing"))?;
        let redirect_uri = self.parameters.one("redirect_uri")?;
        let verifier = self.parameters.one("code_verifier")?;
        let resource = self.resource()?;
        let mut tx = self.begin().await?;
        let family = match authorizations::take(&mut tx, &digest::of("code", code), &client.client_id, self.now).await?
        {
            Taken::Family(family) => family,
            Taken::Replayed(family) => {
                self.audit(&mut tx, client.client_id.as_str(), "token.code_replayed", "invalid_grant", None).await?;
                tx.commit().await?;
                tracing::warn!(family, client = %client.client_id, "a code was used twice; its tokens are revoked");
                return Err(OAuthError::grant("the code was used before"));
            }
            Taken::Unknown => {
                tx.commit().await?;
                return Err(OAuthError::grant("the code is not known or has expired"));
            }
        };
        if let Err(error) = check_code(&family, redirect_uri, verifier) {
            authorizations::revoke(&mut tx, &family.id, self.now).await?;
            self.audit(&mut tx, client.client_id.as_str(), "token.code", error.error(), None).await?;
            tx.commit().await?;
            return Err(error);
        }
        self.finish(tx, &family, resource, None, None, "token.code").await
    }

    /// `refresh_token` (RFC 6749 §6, RFC 9700 §4.14).
    async fn refresh(&self) -> Result<Value, OAuthError> {
        let client = &self.authenticated.client;
        let token = self.parameters.one("refresh_token")?;
        let token = token.ok_or_else(|| OAuthError::request("refresh_token is missing"))?;
        let (resource, scope) = (self.resource()?, self.scope()?);
        let token_digest = digest::of("refresh", token);
        let grace = self.idp.settings().refresh_grace_seconds;
        let mut tx = self.begin().await?;
        let id = match tokens::rotate(&mut tx, &token_digest, &client.client_id, grace, self.now).await? {
            Rotated::Family(id) => id,
            Rotated::Reused(id) => {
                authorizations::revoke(&mut tx, &id, self.now).await?;
                self.audit(&mut tx, client.client_id.as_str(), "token.refresh_reused", "invalid_grant", None).await?;
                tx.commit().await?;
                tracing::warn!(family = id, client = %client.client_id, "a refresh token was used again; its family is revoked");
                return Err(OAuthError::grant("the refresh token was used before"));
            }
            Rotated::Unknown => {
                tx.commit().await?;
                return Err(OAuthError::grant("the refresh token is not known or has ended"));
            }
        };
        let ended = || OAuthError::grant("the refresh token is not known or has ended");
        let mut family = authorizations::find_family(&mut tx, &id, self.now).await?.ok_or_else(ended)?;
        if !issue::with_present_mandate(&mut tx, &mut family, self.now).await? {
            return Err(ended());
        }
        self.finish(tx, &family, resource, scope, Some(&token_digest), "token.refresh").await
    }

    async fn finish(
        &self,
        mut tx: Tx,
        family: &Family,
        resource: Option<&str>,
        scope: Option<Vec<String>>,
        predecessor: Option<&str>,
        action: &str,
    ) -> Result<Value, OAuthError> {
        let client = &self.authenticated.client;
        let to = match issue::resolve(self.idp, &mut tx, client, family, resource, scope, self.now).await {
            Ok(to) => to,
            // A code is taken whatever else is wrong; a refresh token stays with whoever asked for too much.
            Err(error) if predecessor.is_none() && error.is_the_askers() => {
                authorizations::revoke(&mut tx, &family.id, self.now).await?;
                self.audit(&mut tx, client.client_id.as_str(), action, error.error(), None).await?;
                tx.commit().await?;
                return Err(error);
            }
            Err(error) => return Err(error),
        };
        let body = issue::answer(self.idp, &mut tx, client, family, &to, predecessor, self.now).await?;
        let department = family.granted.acting.as_ref().map(|acting| acting.organisation.code.as_str());
        self.audit(&mut tx, family.person.as_str(), action, "done", department).await?;
        tx.commit().await?;
        Ok(body)
    }

    /// `client_credentials` (RFC 6749 §4.4): one statement, the audit row.
    async fn client_credentials(&self) -> Result<Value, OAuthError> {
        let client = &self.authenticated.client;
        if matches!(client.auth, AuthMethod::None) {
            return Err(OAuthError::new("unauthorized_client", "a public client has no credentials"));
        }
        let only = (client.resources.len() == 1).then(|| client.resources.first()).flatten();
        let aud = self.resource()?.or(only.map(String::as_str));
        let aud = aud.ok_or_else(|| OAuthError::new("invalid_target", "resource is missing"))?;
        if !client.resources.contains(aud) {
            return Err(OAuthError::new("invalid_target", "the client is not registered for this resource"));
        }
        let resource = self.idp.known_resource(aud).await?;
        let resource = resource.ok_or_else(|| OAuthError::new("invalid_target", "resource is not known"))?;
        let may = |scope: &String| {
            client.scopes.contains(scope) && resource.scopes.contains(scope) && !OWN_SCOPES.contains(&scope.as_str())
        };
        let scope = match self.scope()? {
            Some(asked) if asked.iter().all(may) => asked,
            Some(_) => return Err(OAuthError::new("invalid_scope", "scope exceeds the client's registration")),
            None => client.scopes.iter().filter(|scope| may(scope)).cloned().collect(),
        };
        let audience = access::Audience { aud, sub: client.client_id.as_str(), person_sub: None, scope: &scope };
        let token = access::of_client(self.idp, client, &audience, self.now)?;
        let mut tx = self.begin().await?;
        let department = client.organisation.as_deref();
        self.audit(&mut tx, client.client_id.as_str(), "token.client_credentials", "done", department).await?;
        tx.commit().await?;
        Ok(json!({
            "access_token": token.text,
            "token_type": "Bearer",
            "expires_in": token.expires_in,
            "scope": scope.join(" "),
        }))
    }
}

/// Whether a code's taker is its asker (RFC 6749 §4.1.3, RFC 7636 §4.6).
fn check_code(family: &Family, redirect_uri: Option<&str>, verifier: Option<&str>) -> Result<(), OAuthError> {
    if redirect_uri != Some(family.request.redirect_uri.as_str()) {
        return Err(OAuthError::grant("redirect_uri is not the one of the authorization request"));
    }
    match (&family.request.code_challenge, verifier) {
        (Some(challenge), Some(verifier)) if pkce::fits(verifier, challenge) => Ok(()),
        (None, None) => Ok(()),
        (Some(_), None) => Err(OAuthError::grant("code_verifier is missing")),
        (Some(_), Some(_)) => Err(OAuthError::grant("code_verifier does not fit")),
        // A verifier without a challenge: the challenge was stripped on the way (RFC 9700 §2.1.1).
        (None, Some(_)) => Err(OAuthError::grant("the authorization request had no code_challenge")),
    }
}
