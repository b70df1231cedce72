//! Access tokens (RFC 9068), and how ours are recognised when they come back to us.

use std::collections::BTreeSet;

use keys::purpose::Purpose;
use serde_json::{Map, Value, json};
use verifier::algorithm::Algorithm;
use verifier::encoding::json;
use verifier::jws::Jws;
use verifier::time::Timestamp;

use super::claims;
use crate::Idp;
use crate::client::Client;
use crate::error::Error;
use crate::grant::Granted;
use crate::ids::random_text;

/// The longest access token that is read.
const MAX_BYTES: usize = 16 * 1024;
/// What stands in the `jti` of a token that came by exchange, and may not be exchanged again.
const EXCHANGED: &str = ".x.";

/// A signed access token and what the answer says of it.
pub(crate) struct AccessToken {
    pub(crate) text: String,
    pub(crate) expires_in: i64,
}

/// For whom and what an access token is.
pub(crate) struct Audience<'a> {
    /// `aud`.
    pub(crate) aud: &'a str,
    /// `sub` in the audience's sector.
    pub(crate) sub: &'a str,
    /// The person's own `sub` there, when acting.
    pub(crate) person_sub: Option<&'a str>,
    /// `scope`.
    pub(crate) scope: &'a [String],
}

/// The access token of a person's grant; `family` stands in its `jti`, so that it dies with its family.
pub(crate) fn of_person(
    idp: &Idp,
    client: &Client,
    family: &str,
    granted: &Granted,
    audience: &Audience<'_>,
    now: Timestamp,
) -> Result<AccessToken, Error> {
    let mut claims = person_claims(idp, granted, audience);
    claims.insert("client_id".into(), json!(client.client_id));
    claims.insert("jti".into(), json!(format!("{family}.{}", random_text::<16>(idp.sources())?)));
    sign(idp, claims, audience, now.plus(idp.settings().access_token_seconds), now)
}

/// The access token that comes by exchange (RFC 8693 §4.1): the outer actor is the client, the inner one whoever acted before.
pub(crate) fn exchanged(
    idp: &Idp,
    client: &Client,
    family: &str,
    granted: &Granted,
    audience: &Audience<'_>,
    until: Timestamp,
    now: Timestamp,
) -> Result<AccessToken, Error> {
    let mut claims = person_claims(idp, granted, audience);
    let inner = claims.remove("act");
    let mut act = Map::from_iter([("sub".to_owned(), json!(client.client_id))]);
    if let Some(inner) = inner {
        act.insert("act".into(), inner);
    }
    claims.insert("act".into(), Value::Object(act));
    claims.insert("client_id".into(), json!(client.client_id));
    claims.insert("jti".into(), json!(format!("{family}{EXCHANGED}{}", random_text::<16>(idp.sources())?)));
    sign(idp, claims, audience, until.min(now.plus(idp.settings().access_token_seconds)), now)
}

/// The access token of a client that acts for itself (RFC 6749 §4.4).
pub(crate) fn of_client(
    idp: &Idp,
    client: &Client,
    audience: &Audience<'_>,
    now: Timestamp,
) -> Result<AccessToken, Error> {
    let mut claims = client_claims(client);
    claims.insert("jti".into(), json!(random_text::<16>(idp.sources())?));
    sign(idp, claims, audience, now.plus(idp.settings().access_token_seconds), now)
}

/// The access token that comes by exchange of a department's client's own: its subject stays that client, the actor is `client`.
pub(crate) fn exchanged_of_client(
    idp: &Idp,
    client: &Client,
    subject: &Client,
    audience: &Audience<'_>,
    until: Timestamp,
    now: Timestamp,
) -> Result<AccessToken, Error> {
    let mut claims = client_claims(subject);
    claims.insert("act".into(), json!({ "sub": client.client_id }));
    claims.insert("client_id".into(), json!(client.client_id));
    claims.insert("jti".into(), json!(format!("{EXCHANGED}{}", random_text::<16>(idp.sources())?)));
    sign(idp, claims, audience, until.min(now.plus(idp.settings().access_token_seconds)), now)
}

fn client_claims(client: &Client) -> Map<String, Value> {
    let mut claims = Map::new();
    claims.insert("sub".into(), json!(client.client_id));
    claims.insert("sub_type".into(), json!("client"));
    claims.insert("client_id".into(), json!(client.client_id));
    if let Some(code) = &client.organisation {
        claims.insert("organisation".into(), json!({ "code": code }));
    }
    claims
}

fn person_claims(idp: &Idp, granted: &Granted, audience: &Audience<'_>) -> Map<String, Value> {
    let mut claims = Map::new();
    claims::write_subject(granted, audience.sub, audience.person_sub, &mut claims);
    claims.insert("acr".into(), json!(granted.acr.as_str()));
    claims.insert("auth_time".into(), json!(granted.auth_time));
    claims.insert("sid".into(), json!(granted.sid));
    // `sub` is opaque in the resource's sector, so a service that never met the organisation needs its code.
    if let Some(acting) = granted.acting.as_ref().filter(|_| audience.aud != idp.settings().issuer_text()) {
        claims.insert("organisation".into(), json!({ "code": acting.organisation.code }));
    }
    claims
}

fn sign(
    idp: &Idp,
    mut claims: Map<String, Value>,
    audience: &Audience<'_>,
    until: Timestamp,
    now: Timestamp,
) -> Result<AccessToken, Error> {
    claims.insert("iss".into(), json!(idp.settings().issuer_text()));
    claims.insert("aud".into(), json!(audience.aud));
    claims.insert("iat".into(), json!(now));
    claims.insert("exp".into(), json!(until));
    claims.insert("scope".into(), json!(audience.scope.join(" ")));
    let signer = idp.access_token_signer(now)?;
    let text = keys::jws::sign_json(signer.as_ref(), "at+jwt", &Value::Object(claims));
    Ok(AccessToken { text: text.map_err(|_| Error::Key("access tokens"))?, expires_in: until.since(now) })
}

/// A token of ours whose signature and time hold. Whether its family still may act only the database knows.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) jti: String,
    pub(crate) family: Option<String>,
    pub(crate) is_exchanged: bool,
    pub(crate) aud: String,
    pub(crate) client_id: String,
    pub(crate) scope: BTreeSet<String>,
    pub(crate) exp: Timestamp,
    pub(crate) claims: Map<String, Value>,
}

impl Read {
    /// The code of the organisation that the token names.
    pub(crate) fn organisation(&self) -> Option<&str> {
        self.claims.get("organisation")?.get("code")?.as_str()
    }

    /// The client whose life a token without a family hangs on: of an exchanged one the subject, which the actor stands for.
    pub(crate) fn owner(&self) -> &str {
        self.claims.get("sub").and_then(Value::as_str).unwrap_or(&self.client_id)
    }
}

/// Reads an access token of ours. `None` for anything else, and for one that has expired (at `exp`, without leeway: the clock
/// is our own).
pub(crate) fn read(idp: &Idp, text: &str, now: Timestamp) -> Option<Read> {
    let jws = Jws::parse(text, MAX_BYTES).ok()?;
    if jws.typ() != Some("at+jwt") {
        return None;
    }
    let key = idp.published_key(&Purpose::AccessToken, jws.kid()?, now)?;
    jws.verify(&key, &Algorithm::ALL).ok()?;
    let claims = json::read_object(&jws.payload, MAX_BYTES).ok()?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let exp = Timestamp::from_seconds(claims.get("exp")?.as_i64()?);
    if text("iss")? != idp.settings().issuer_text() || exp <= now {
        return None;
    }
    let jti = text("jti")?.to_owned();
    let family = jti.split_once('.').map(|(family, _)| family.to_owned()).filter(|family| !family.is_empty());
    Some(Read {
        is_exchanged: jti.contains(EXCHANGED),
        family,
        jti,
        aud: text("aud")?.to_owned(),
        client_id: text("client_id")?.to_owned(),
        scope: text("scope")?.split_ascii_whitespace().map(str::to_owned).collect(),
        exp,
        claims,
    })
}
