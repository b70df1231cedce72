//! The grants of the token endpoint (RFC 6749 §3.2): what a client that has proved itself gets for what it brings.

use serde_json::{Value, json};
use store::Tx;

use crate::client::{AuthMethod, GrantType, OWN_SCOPES};
use crate::digest;
use crate::flow::client::Request;
use crate::flow::{exchange, issue};
use crate::grant::pkce;
use crate::oauth::error::OAuthError;
use crate::storage::families::{self, Family, Taken};
use crate::storage::refresh_tokens::{self, Rotated};
use crate::token::access;

/// Answers a token request of a client that may use `grant`.
pub(crate) async fn answer(request: &Request<'_>, grant: GrantType) -> Result<Value, OAuthError> {
    match grant {
        GrantType::AuthorizationCode => request.code().await,
        GrantType::RefreshToken => request.refresh().await,
        GrantType::ClientCredentials => request.client_credentials().await,
        GrantType::TokenExchange => exchange::exchange(request).await,
    }
}

impl Request<'_> {
    /// `authorization_code` (RFC 6749 §4.1.3). A code is taken whatever else is wrong with the request of its client: whoever
    /// guesses has one guess.
    async fn code(&self) -> Result<Value, OAuthError> {
        let client = &self.authenticated.client;
        let code = self.parameters.one("code")?.ok_or_else(|| OAuthError::request("code is missing"))?;
        let redirect_uri = self.parameters.one("redirect_uri")?;
        let verifier = self.parameters.one("code_verifier")?;
        let resource = self.resource()?;
        let mut tx = self.begin().await?;
        let family = match families::take(&mut tx, &digest::of("code", code), &client.client_id, self.now).await? {
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
            families::revoke(&mut tx, &family.id, self.now).await?;
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
        // Sessions of the house's own services live by their refresh token: one lost answer must not end them.
        let grace = if client.is_resource.is_some() { self.idp.settings().refresh_grace_seconds } else { 0 };
        let mut tx = self.begin().await?;
        let id = match refresh_tokens::rotate(&mut tx, &token_digest, &client.client_id, grace, self.now).await? {
            Rotated::Family(id) => id,
            Rotated::Reused(id) => {
                families::revoke(&mut tx, &id, self.now).await?;
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
        let mut family = families::find(&mut tx, &id, self.now).await?.ok_or_else(ended)?;
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
                families::revoke(&mut tx, &family.id, self.now).await?;
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
