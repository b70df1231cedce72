//! The check of an authorization request against its client's registration.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use verifier::encoding::json;
use verifier::time::Timestamp;

use super::authorize::Refused;
use crate::Idp;
use crate::client::{Client, GrantType};
use crate::grant::pkce;
use crate::interaction::{ClaimsAsked, Prompt, Request, ResponseMode};
use crate::oauth::parameters::{ParameterError, Parameters};
use crate::token::{claims, id_token};

/// The longest `state` and `nonce` that come back whole.
const MAX_STATE: usize = 2_048;
/// The longest `claims`.
const MAX_CLAIMS: usize = 8 * 1_024;
/// The longest payload of a request object that is looked into.
const MAX_OBJECT: usize = 8 * 1_024;
/// The most resources of one request.
const MAX_RESOURCES: usize = 4;

/// A request that may go on.
pub(crate) struct Checked {
    pub(crate) request: Request,
    pub(crate) login_hint: Option<String>,
}

/// Why a request does not go on.
pub(crate) enum Refusal {
    /// To the person, as a page with this code: the client must not get it.
    Page(&'static str),
    /// To the client.
    Client(Box<Request>, Refused),
}

/// Checks a request. `by_post` allows a number as `login_hint`, which must stand in no address.
pub(crate) fn check(
    idp: &Idp,
    client: &Client,
    parameters: &Parameters,
    by_post: bool,
    now: Timestamp,
) -> Result<Box<Checked>, Refusal> {
    let sent = parameters.one("redirect_uri").ok().flatten().ok_or(Refusal::Page("authorize.redirect_uri"))?;
    if !client.redirect_uris.iter().any(|known| known == sent) {
        return Err(Refusal::Page("authorize.redirect_uri"));
    }
    let mut request = Request { redirect_uri: sent.to_owned(), ..Request::default() };
    // Everything from here on goes back to the client, with its state and in its mode as far as these can be read.
    let inside = of_object(parameters);
    let said = |name| {
        let outside = parameters.one(name).ok().flatten();
        outside.or_else(|| inside.get(name).and_then(Value::as_str))
    };
    request.state = said("state").filter(|s| s.len() <= MAX_STATE).map(str::to_owned);
    if said("response_mode") == Some("form_post") {
        request.response_mode = ResponseMode::FormPost;
    }
    match fill(idp, client, parameters, by_post, now, &mut request) {
        Ok(login_hint) => Ok(Box::new(Checked { request, login_hint })),
        Err(refused) => Err(Refusal::Client(Box::new(request), refused)),
    }
}

/// What a request object says, unchecked. Such objects are refused; this is so that the refusal reaches a client that put `state`
/// and `response_mode` into the object alone.
fn of_object(parameters: &Parameters) -> Map<String, Value> {
    let object = parameters.one("request").ok().flatten();
    let payload = object.and_then(|text| text.split('.').nth(1));
    let read = payload.filter(|text| text.len() <= MAX_OBJECT).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    read.and_then(|bytes| json::read_object(&bytes, MAX_OBJECT).ok()).unwrap_or_default()
}

fn refused(error: &'static str, description: &'static str) -> Refused {
    Refused { error, description: description.into() }
}

fn invalid(description: &'static str) -> Refused {
    refused("invalid_request", description)
}

impl From<ParameterError> for Refused {
    fn from(error: ParameterError) -> Self {
        Self { error: "invalid_request", description: error.description().into() }
    }
}

fn fill(
    idp: &Idp,
    client: &Client,
    parameters: &Parameters,
    by_post: bool,
    now: Timestamp,
    request: &mut Request,
) -> Result<Option<String>, Refused> {
    let one = |name| parameters.one(name);
    if one("request")?.is_some() {
        return Err(refused("request_not_supported", "request objects are not taken"));
    }
    if one("request_uri")?.is_some() {
        return Err(refused("request_uri_not_supported", "request objects are not taken"));
    }
    match one("response_type")? {
        Some("code") => {}
        Some(_) => return Err(refused("unsupported_response_type", "response_type must be code")),
        None => return Err(invalid("response_type is missing")),
    }
    if !matches!(one("response_mode")?, None | Some("query" | "form_post")) {
        return Err(invalid("response_mode must be query or form_post"));
    }
    if !client.may(GrantType::AuthorizationCode) {
        return Err(refused("unauthorized_client", "the client is not registered for the authorization code"));
    }
    if one("state")?.is_some_and(|state| state.len() > MAX_STATE) {
        return Err(invalid("state is too long"));
    }
    request.nonce = one("nonce")?.map(str::to_owned);
    if request.nonce.as_ref().is_some_and(|nonce| nonce.len() > MAX_STATE) {
        return Err(invalid("nonce is too long"));
    }
    request.scope = scope(client, one("scope")?);
    request.prompt = prompt(one("prompt")?)?;
    request.max_age = match one("max_age")? {
        None => None,
        Some(text) => Some(text.parse::<u32>().map(i64::from).map_err(|_| invalid("max_age must be whole seconds"))?),
    };
    request.acr_values = words(one("acr_values")?, 8);
    request.ui_locales = one("ui_locales")?.map(|text| text.chars().take(200).collect());
    request.code_challenge = challenge(client, one("code_challenge")?, one("code_challenge_method")?)?;
    request.resources = resources(idp, client, parameters)?;
    let sub;
    (request.claims, sub) = asked_claims(one("claims")?)?;
    request.subject = match one("id_token_hint")? {
        None => sub,
        Some(text) => {
            let hint = id_token::read_hint(idp, text, now).filter(|hint| hint.client_id == client.client_id.as_str());
            Some(hint.ok_or_else(|| invalid("id_token_hint is not an ID token of ours for this client"))?.sub)
        }
    };
    let hint = one("login_hint")?.filter(|hint| hint.len() <= 256 && (by_post || !is_number(hint)));
    Ok(hint.map(str::to_owned))
}

/// The scopes that the client may ask for; others are passed over (OpenID Connect Core §3.1.2.1).
fn scope(client: &Client, text: Option<&str>) -> Vec<String> {
    let mut scope: Vec<String> = Vec::new();
    for word in words(text, 32) {
        let known = word == "openid" || client.scopes.contains(&word);
        let fits = match word.as_str() {
            "offline_access" => client.may(GrantType::RefreshToken),
            "organisation" => client.acts_for_organisations,
            _ => true,
        };
        if known && fits && !scope.contains(&word) {
            scope.push(word);
        }
    }
    scope
}

fn words(text: Option<&str>, most: usize) -> Vec<String> {
    text.unwrap_or_default().split(' ').filter(|word| !word.is_empty()).take(most).map(str::to_owned).collect()
}

fn prompt(text: Option<&str>) -> Result<BTreeSet<Prompt>, Refused> {
    let mut prompt = BTreeSet::new();
    for word in words(text, 8) {
        prompt.insert(match word.as_str() {
            "none" => Prompt::None,
            "login" => Prompt::Login,
            "consent" => Prompt::Consent,
            "select_account" => Prompt::SelectAccount,
            _ => return Err(invalid("prompt has an unknown value")),
        });
    }
    if prompt.contains(&Prompt::None) && prompt.len() > 1 {
        return Err(invalid("prompt none stands alone"));
    }
    Ok(prompt)
}

fn challenge(client: &Client, challenge: Option<&str>, method: Option<&str>) -> Result<Option<String>, Refused> {
    match (challenge, method) {
        (Some(challenge), Some("S256")) if pkce::is_challenge(challenge) => Ok(Some(challenge.to_owned())),
        (Some(_), Some("S256")) => Err(invalid("code_challenge is not base64url of 32 bytes")),
        (Some(_), _) => Err(invalid("code_challenge_method must be S256")),
        (None, Some(_)) => Err(invalid("code_challenge is missing")),
        (None, None) if client.needs_pkce() => Err(invalid("code_challenge is missing: PKCE with S256 is required")),
        (None, None) => Ok(None),
    }
}

fn resources(idp: &Idp, client: &Client, parameters: &Parameters) -> Result<Vec<String>, Refused> {
    let all = parameters.all("resource")?;
    let issuer = idp.settings().issuer_text();
    if all.len() > MAX_RESOURCES || all.iter().any(|r| *r != issuer && !client.resources.contains(*r)) {
        return Err(refused("invalid_target", "the client is not registered for this resource"));
    }
    Ok(all.into_iter().map(str::to_owned).collect())
}

/// The parameter `claims` (OpenID Connect Core §5.5): single claims, essential levels, the `sub` that must come out. Unknown
/// claims are passed over.
fn asked_claims(text: Option<&str>) -> Result<(ClaimsAsked, Option<String>), Refused> {
    let Some(text) = text else { return Ok((ClaimsAsked::default(), None)) };
    let wrong = || invalid("claims is not a JSON object of the form of OpenID Connect Core 5.5");
    let all = json::read_object(text.as_bytes(), MAX_CLAIMS).map_err(|_| wrong())?;
    let part = |name: &str| match all.get(name) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(part)) => Ok(part.clone()),
        Some(_) => Err(wrong()),
    };
    let (userinfo, in_token) = (part("userinfo")?, part("id_token")?);
    let names = |part: &Map<String, Value>| {
        part.keys().filter(|name| claims::NAMES.contains(&name.as_str())).cloned().collect::<BTreeSet<_>>()
    };
    let acr = in_token.get("acr");
    let is_essential = acr.and_then(|acr| acr.get("essential")).and_then(Value::as_bool) == Some(true);
    let essential_acr = if is_essential { values(acr) } else { Vec::new() };
    let sub = in_token.get("sub").and_then(|sub| sub.get("value")).and_then(Value::as_str).map(str::to_owned);
    Ok((ClaimsAsked { userinfo: names(&userinfo), id_token: names(&in_token), essential_acr }, sub))
}

fn values(request: Option<&Value>) -> Vec<String> {
    let Some(request) = request else { return Vec::new() };
    let one = request.get("value").into_iter();
    let many = request.get("values").and_then(Value::as_array).into_iter().flatten();
    one.chain(many).filter_map(Value::as_str).take(8).map(str::to_owned).collect()
}

/// Whether text looks like the number of a person or phone, which stands in no address.
fn is_number(text: &str) -> bool {
    text.bytes().filter(u8::is_ascii_digit).count() >= 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_read_leniently_where_the_standard_says_so() {
        let read = |text| {
            asked_claims(Some(text)).map(|(asked, sub)| (asked.userinfo, asked.id_token, asked.essential_acr, sub))
        };
        let (userinfo, id_token, acr, sub) = read(
            r#"{"userinfo":{"name":{"essential":true},"nickname":null},
                "id_token":{"acr":{"essential":true,"values":["urn:xinyin:acr:3"]},"sub":{"value":"x"},"auth_time":{"essential":true}},
                "verified_claims":{}}"#,
        )
        .expect("reads");
        assert_eq!(userinfo, BTreeSet::from(["name".to_owned()]));
        assert_eq!(id_token, BTreeSet::new());
        assert_eq!((acr, sub), (vec!["urn:xinyin:acr:3".to_owned()], Some("x".to_owned())));
        for text in ["", "[]", "{\"userinfo\":1}", "{\"a\":1,\"a\":2}", "{"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_number_is_recognised_in_a_hint() {
        for (text, expected) in [
            ("110101199001010007", true),
            ("13800000000", true),
            ("+86 138 0000 0000", true),
            ("alice@example.org", false),
            ("alice", false),
        ] {
            assert_eq!(is_number(text), expected, "{text}");
        }
    }
}
