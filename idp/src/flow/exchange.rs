//! Token exchange (RFC 8693): a service of ours goes on, as the clerk or as a department's client, to one other service
//! (formats §1).

use std::sync::Arc;

use serde_json::{Value, json};
use store::Tx;

use super::issue::{For, subs_in, with_present_mandate};
use crate::client::{ExchangeRule, GrantType, Resource};
use crate::flow::client::Request;
use crate::oauth::error::OAuthError;
use crate::storage::{families, tokens};
use crate::token::access;

/// The one kind of token that is brought and given.
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// RFC 8693 §3: as good a name for the same.
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// Whether a mandate's matters carry a scope at the other service. Scopes that change anything are never among them.
fn covers(role: &str, matters: &[String], scope: &str) -> bool {
    if role == "legal_representative" {
        return is_reading(scope);
    }
    let verifies = matters.iter().any(|matter| matter == "verify");
    let reads = matters.iter().any(|matter| matter.starts_with("licence:") && matter.ends_with(":read"));
    match scope {
        "presentation.resolve" => verifies,
        "licence.lookup" | "licence.read" => verifies || reads,
        _ => false,
    }
}

/// The scopes of reading alone: no exchange gives another.
fn is_reading(scope: &str) -> bool {
    matches!(scope, "presentation.resolve" | "licence.lookup" | "licence.read")
}

/// Answers a token exchange. Brought is the token of a clerk, or that of a department's own client; after it the outer actor is
/// the client that asks, and subject and actor are in the sector of the resource.
pub(crate) async fn exchange(request: &Request<'_>) -> Result<Value, OAuthError> {
    let client = &request.authenticated.client;
    let rule = client.exchange.as_ref().filter(|_| client.is_confidential());
    let rule = rule.ok_or_else(|| OAuthError::new("unauthorized_client", "the client has no exchange"))?;
    check_kinds(request)?;
    let target = request.resource()?.or(request.parameters.one("audience")?).unwrap_or(&rule.resource);
    if target != rule.resource {
        return Err(OAuthError::new("invalid_target", "the client may not exchange for this resource"));
    }
    let text = request.parameters.one("subject_token")?;
    let text = text.ok_or_else(|| OAuthError::request("subject_token is missing"))?;
    let token =
        access::read(request.idp, text, request.now).filter(|token| token.aud == rule.aud && !token.is_exchanged);
    let token = token.ok_or_else(refused)?;
    let resource = request.idp.known_resource(&rule.resource).await?;
    let resource = resource.ok_or_else(|| OAuthError::new("invalid_target", "resource is not known"))?;
    let brought = Brought { rule, token, resource };
    let mut tx = request.begin().await?;
    if tokens::is_revoked(&mut tx, &brought.token.jti).await? {
        return Err(refused());
    }
    let (given, scope) = match &brought.token.family {
        Some(family) => of_clerk(request, &mut tx, &brought, family).await?,
        None => of_client(request, &mut tx, &brought).await?,
    };
    tx.commit().await?;
    Ok(json!({
        "access_token": given.text,
        "issued_token_type": ACCESS_TOKEN,
        "token_type": "Bearer",
        "expires_in": given.expires_in,
        "scope": scope.join(" "),
    }))
}

/// What is exchanged, under which rule, for what.
struct Brought<'a> {
    rule: &'a ExchangeRule,
    token: access::Read,
    resource: Arc<Resource>,
}

impl Brought<'_> {
    /// The scopes given: those asked for, else all, where rule, resource and `carries` allow them.
    fn scopes(&self, request: &Request<'_>, carries: impl Fn(&str) -> bool) -> Result<Vec<String>, OAuthError> {
        let may =
            |scope: &String| self.rule.scopes.contains(scope) && self.resource.scopes.contains(scope) && carries(scope);
        let scope: Vec<String> = match request.scope()? {
            Some(asked) if asked.iter().all(may) => asked,
            Some(_) => return Err(OAuthError::new("invalid_scope", "scope exceeds registration or mandate")),
            None => self.rule.scopes.iter().filter(|scope| may(scope)).cloned().collect(),
        };
        if scope.is_empty() {
            return Err(OAuthError::new("invalid_scope", "no scope of the resource is left"));
        }
        Ok(scope)
    }
}

fn refused() -> OAuthError {
    OAuthError::request("the subject token is not valid here")
}

/// Access tokens alone are brought and given, and nobody but the client acts.
fn check_kinds(request: &Request<'_>) -> Result<(), OAuthError> {
    let parameters = request.parameters;
    let kind = parameters.one("subject_token_type")?;
    if !matches!(kind, Some(ACCESS_TOKEN | JWT)) {
        return Err(OAuthError::request("subject_token_type must be access_token"));
    }
    if parameters.one("requested_token_type")?.is_some_and(|kind| kind != ACCESS_TOKEN && kind != JWT) {
        return Err(OAuthError::request("only access tokens are given"));
    }
    if parameters.one("actor_token")?.is_some() {
        return Err(OAuthError::request("actor_token is not taken: the client itself is the actor"));
    }
    Ok(())
}

/// As the clerk: session, mandate and account are checked again.
async fn of_clerk(
    request: &Request<'_>,
    tx: &mut Tx,
    brought: &Brought<'_>,
    family: &str,
) -> Result<(access::AccessToken, Vec<String>), OAuthError> {
    let Brought { token, resource, .. } = brought;
    let mut family = families::find(tx, family, request.now).await?.ok_or_else(refused)?;
    if !with_present_mandate(tx, &mut family, request.now).await? {
        return Err(refused());
    }
    let acting = family.granted.acting.as_ref();
    let acting = acting.ok_or_else(|| OAuthError::request("the subject token acts for no organisation"))?;
    let scope = brought.scopes(request, |scope| covers(&acting.mandate.role, &acting.mandate.matters, scope))?;
    let owner = request.idp.client(tx, &token.client_id).await?.ok_or_else(refused)?;
    let (sub, person_sub) = subs_in(request.idp, tx, &owner, &family, &resource.sector, request.now).await?;
    let person_sub = person_sub.or_else(|| Some(acting.person_sub.clone()));
    let to = For { aud: resource.resource.clone(), sub, person_sub, scope };
    let client = &request.authenticated.client;
    let given =
        access::exchanged(request.idp, client, &family.id, &family.granted, &to.audience(), token.exp, request.now)?;
    let department = Some(acting.organisation.code.as_str());
    request.audit(tx, family.person.as_str(), "token.exchange", "done", department).await?;
    Ok((given, to.scope))
}

/// As a department's own client: it must be registered still, for that department, and never gets more than it could ask for
/// by itself at the resource.
async fn of_client(
    request: &Request<'_>,
    tx: &mut Tx,
    brought: &Brought<'_>,
) -> Result<(access::AccessToken, Vec<String>), OAuthError> {
    let Brought { token, resource, .. } = brought;
    let owner = request.idp.client(tx, &token.client_id).await?.filter(|owner| owner.may(GrantType::ClientCredentials));
    let owner = owner.ok_or_else(refused)?;
    let department = owner.organisation.as_deref().filter(|code| token.organisation() == Some(*code));
    let department = department.ok_or_else(|| OAuthError::request("the subject token is of no department"))?;
    let registered = owner.resources.contains(&resource.resource);
    let scope = brought.scopes(request, |scope| registered && is_reading(scope) && owner.scopes.contains(scope))?;
    let audience =
        access::Audience { aud: &resource.resource, sub: owner.client_id.as_str(), person_sub: None, scope: &scope };
    let client = &request.authenticated.client;
    let given = access::exchanged_of_client(request.idp, client, &owner, &audience, token.exp, request.now)?;
    request.audit(tx, owner.client_id.as_str(), "token.exchange", "done", Some(department)).await?;
    Ok((given, scope))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mandate_carries_reading_alone() {
        let matters = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for (role, has, scope, expected) in [
            ("operator", "verify", "presentation.resolve", true),
            ("operator", "verify", "licence.lookup", true),
            ("operator", "licence:food:read", "licence.read", true),
            ("operator", "licence:food:read", "presentation.resolve", false),
            ("operator", "licence:food:issue", "licence.read", false),
            ("operator", "verify licence:food:issue", "licence.issue", false),
            ("legal_representative", "", "licence.issue", false),
            ("legal_representative", "", "licence.read", true),
        ] {
            assert_eq!(covers(role, &matters(has), scope), expected, "{role} {has} {scope}");
        }
    }
}
