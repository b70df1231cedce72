//! The tokens of a family: at the exchange of its code and at every refresh.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use store::Tx;
use verifier::time::Timestamp;

use crate::client::{Client, GrantType, OWN_SCOPES};
use crate::error::Error;
use crate::ids::{MandateId, random_text};
use crate::mandate::storage as mandates;
use crate::oauth::error::OAuthError;
use crate::storage::families::Family;
use crate::storage::people;
use crate::storage::refresh_tokens::{self, NewRefreshToken};
use crate::storage::subjects::{self, Principal};
use crate::token::{access, claims, id_token};
use crate::{Idp, digest};

/// The audience of an access token, owned.
pub(crate) struct For {
    pub(crate) aud: String,
    pub(crate) sub: String,
    pub(crate) person_sub: Option<String>,
    pub(crate) scope: Vec<String>,
}

impl For {
    pub(crate) fn audience(&self) -> access::Audience<'_> {
        access::Audience { aud: &self.aud, sub: &self.sub, person_sub: self.person_sub.as_deref(), scope: &self.scope }
    }
}

/// Resolves `resource` (RFC 8707 §2.2): one that the authorization named, or ourselves; where it named none, any that one of the
/// house's own clients is registered for. Of others the person was asked by name. `narrowed` is a `scope` of the token request.
pub(crate) async fn resolve(
    idp: &Idp,
    tx: &mut Tx,
    client: &Client,
    family: &Family,
    asked: Option<&str>,
    narrowed: Option<Vec<String>>,
    now: Timestamp,
) -> Result<For, OAuthError> {
    let issuer = idp.settings().issuer_text();
    let named = &family.request.resources;
    let aud = asked.or(named.first().map(String::as_str)).unwrap_or(issuer);
    let unasked = named.is_empty() && client.trusted && client.resources.contains(aud);
    let allowed = aud == issuer || named.iter().any(|r| r == aud) || unasked;
    if !allowed {
        return Err(OAuthError::new("invalid_target", "resource was not granted"));
    }
    let granted = &family.granted;
    let scope = narrowed.unwrap_or_else(|| granted.scope.clone());
    if scope.iter().any(|s| !granted.scope.contains(s)) {
        return Err(OAuthError::new("invalid_scope", "scope exceeds what was granted"));
    }
    if aud == issuer {
        let scope = scope.into_iter().filter(|s| OWN_SCOPES.contains(&s.as_str())).collect();
        return Ok(For { aud: aud.to_owned(), sub: granted.sub.clone(), person_sub: None, scope });
    }
    let resource =
        idp.resource(tx, aud).await?.ok_or_else(|| OAuthError::new("invalid_target", "resource is not known"))?;
    let (sub, person_sub) = subs_in(idp, tx, client, family, &resource.sector, now).await?;
    let scope = scope.into_iter().filter(|s| resource.scopes.contains(s)).collect();
    Ok(For { aud: aud.to_owned(), sub, person_sub, scope })
}

/// Puts the mandate as it stands now in the place of what the code was made with: what was taken out of it since is gone from
/// the next token on. `false` if there is none in force.
pub(crate) async fn with_present_mandate(tx: &mut Tx, family: &mut Family, now: Timestamp) -> Result<bool, Error> {
    let Some(acting) = family.granted.acting.as_mut() else { return Ok(true) };
    let Some(id) = MandateId::parse(&acting.mandate.id) else { return Ok(false) };
    let Some(mandate) = mandates::in_force(tx, &id, now).await? else { return Ok(false) };
    mandate.role.as_str().clone_into(&mut acting.mandate.role);
    acting.mandate.matters = mandate.matters;
    acting.mandate.exp = mandate.until.map(Timestamp::seconds);
    Ok(true)
}

/// `sub`, and the person's own where an organisation is acted for, in another sector.
pub(crate) async fn subs_in(
    idp: &Idp,
    tx: &mut Tx,
    client: &Client,
    family: &Family,
    sector: &str,
    now: Timestamp,
) -> Result<(String, Option<String>), Error> {
    if sector == client.sector {
        return Ok((family.granted.sub.clone(), None));
    }
    let person = Principal::Person(family.person.clone());
    let person_sub = subjects::sub(tx, idp.sources(), &person, sector, now).await?;
    match &family.organisation {
        Some(organisation) => {
            let organisation = Principal::Organisation(organisation.clone());
            Ok((subjects::sub(tx, idp.sources(), &organisation, sector, now).await?, Some(person_sub)))
        }
        None => Ok((person_sub, None)),
    }
}

/// Makes the token answer of a family (RFC 6749 §5.1). A refresh token is made when `predecessor` is one, or `offline_access`
/// was granted; of a service of the house it ends with the session all the same.
pub(crate) async fn answer(
    idp: &Idp,
    tx: &mut Tx,
    client: &Arc<Client>,
    family: &Family,
    to: &For,
    predecessor: Option<&str>,
    now: Timestamp,
) -> Result<Value, Error> {
    let granted = &family.granted;
    let token = access::of_person(idp, client, &family.id, granted, &to.audience(), now)?;
    let mut body = Map::new();
    if granted.scope.iter().any(|scope| scope == "openid") {
        let person = single_claims(idp, tx, family, now).await?;
        // A nonce belongs to the first answer; later ID tokens leave it out (OpenID Connect Core §12.2).
        let nonce = family.request.nonce.as_deref().filter(|_| predecessor.is_none());
        body.insert("id_token".into(), json!(id_token::sign(idp, client, granted, nonce, &token.text, person, now)?));
    }
    let renews = granted.scope.iter().any(|scope| scope == "offline_access") && client.may(GrantType::RefreshToken);
    if predecessor.is_some() || renews {
        let refresh = random_text::<32>(idp.sources())?;
        let new = NewRefreshToken {
            digest: &digest::of("refresh", &refresh),
            family: &family.id,
            client: &client.client_id,
            predecessor,
            issued_at: now,
            expires_at: now.plus(idp.settings().refresh_token_seconds),
        };
        refresh_tokens::insert(tx, &new).await?;
        body.insert("refresh_token".into(), json!(refresh));
    }
    body.insert("access_token".into(), json!(token.text));
    body.insert("token_type".into(), json!("Bearer"));
    body.insert("expires_in".into(), json!(token.expires_in));
    body.insert("scope".into(), json!(to.scope.join(" ")));
    Ok(Value::Object(body))
}

/// Claims that go into the ID token because they were asked for one by one, and `organisation` by its scope.
async fn single_claims(idp: &Idp, tx: &mut Tx, family: &Family, now: Timestamp) -> Result<Map<String, Value>, Error> {
    let mut out = Map::new();
    let wanted = claims::wanted(&family.granted, &family.request.claims.id_token, false);
    if wanted.contains("organisation")
        && let Some(acting) = &family.granted.acting
    {
        out.insert("organisation".into(), json!(acting.organisation));
    }
    if wanted.iter().any(|claim| *claim != "organisation")
        && let Some(sealed) = people::sealed(tx, &family.person).await?
    {
        claims::Person::open(&idp.field_keys(now)?, &family.person, &sealed)?.write(&wanted, &mut out);
    }
    Ok(out)
}
