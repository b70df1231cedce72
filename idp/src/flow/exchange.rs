//! Token exchange (RFC 8693): a service of ours goes on, as the clerk, to one other service (formats §1).

use serde_json::{Value, json};

use super::issue::{For, subs_in, with_present_mandate};
use crate::http::oauth_error::OAuthError;
use crate::http::token::Request;
use crate::storage::{authorizations, tokens};
use crate::token::access;

/// The one kind of token that is brought and given.
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// RFC 8693 §3: as good a name for the same.
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// Whether a mandate's matters carry a scope at the other service. Scopes that change anything are never among them.
fn covers(role: &str, matters: &[String], scope: &str) -> bool {
    if role == "legal_representative" {
        return matches!(scope, "presentation.resolve" | "licence.lookup" | "licence.read");
    }
    let verifies = matters.iter().any(|matter| matter == "verify");
    let reads = matters.iter().any(|matter| matter.starts_with("licence:") && matter.ends_with(":read"));
    match scope {
        "presentation.resolve" => verifies,
        "licence.lookup" | "licence.read" => verifies || reads,
        _ => false,
    }
}

/// Answers a token exchange: both subject and actor are in the sector of the resource after it, the outer actor is the client.
pub(crate) async fn exchange(request: &Request<'_>) -> Result<Value, OAuthError> {
    let client = &request.authenticated.client;
    let rule = client.exchange.as_ref().filter(|_| client.is_confidential());
    let rule = rule.ok_or_else(|| OAuthError::new("unauthorized_client", "the client has no exchange"))?;
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
    let target = request.resource()?.or(parameters.one("audience")?).unwrap_or(&rule.resource);
    if target != rule.resource {
        return Err(OAuthError::new("invalid_target", "the client may not exchange for this resource"));
    }
    let text = parameters.one("subject_token")?.ok_or_else(|| OAuthError::request("subject_token is missing"))?;
    let refused = || OAuthError::request("the subject token is not valid here");
    let token = access::read(request.idp, text, request.now).ok_or_else(refused)?;
    let family_id =
        token.family.as_deref().filter(|_| token.aud == rule.aud && !token.is_exchanged).ok_or_else(refused)?;
    let resource = request.idp.known_resource(&rule.resource).await?;
    let resource = resource.ok_or_else(|| OAuthError::new("invalid_target", "resource is not known"))?;
    let asked = request.scope()?;

    let mut tx = request.begin().await?;
    let mut family = authorizations::find_family(&mut tx, family_id, request.now).await?.ok_or_else(refused)?;
    if !with_present_mandate(&mut tx, &mut family, request.now).await? {
        return Err(refused());
    }
    if tokens::is_revoked(&mut tx, &token.jti).await? {
        return Err(refused());
    }
    let acting = family.granted.acting.as_ref();
    let acting = acting.ok_or_else(|| OAuthError::request("the subject token acts for no organisation"))?;
    let may = |scope: &String| {
        rule.scopes.contains(scope)
            && resource.scopes.contains(scope)
            && covers(&acting.mandate.role, &acting.mandate.matters, scope)
    };
    let scope = match asked {
        Some(asked) if asked.iter().all(may) => asked,
        Some(_) => return Err(OAuthError::new("invalid_scope", "scope exceeds registration or mandate")),
        None => rule.scopes.iter().filter(|scope| may(scope)).cloned().collect(),
    };
    if scope.is_empty() {
        return Err(OAuthError::new("invalid_scope", "the mandate carries no scope of the resource"));
    }
    let owner = request.idp.client(&mut tx, &token.client_id).await?.ok_or_else(refused)?;
    let (sub, person_sub) = subs_in(request.idp, &mut tx, &owner, &family, &resource.sector, request.now).await?;
    let person_sub = person_sub.or_else(|| Some(acting.person_sub.clone()));
    let to = For { aud: resource.resource.clone(), sub, person_sub, scope };
    let given =
        access::exchanged(request.idp, client, &family.id, &family.granted, &to.audience(), token.exp, request.now)?;
    let department = Some(acting.organisation.code.as_str());
    request.audit(&mut tx, family.person.as_str(), "token.exchange", "done", department).await?;
    tx.commit().await?;
    Ok(json!({
        "access_token": given.text,
        "issued_token_type": ACCESS_TOKEN,
        "token_type": "Bearer",
        "expires_in": given.expires_in,
        "scope": to.scope.join(" "),
    }))
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
