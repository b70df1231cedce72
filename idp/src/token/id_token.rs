//! ID tokens (OpenID Connect Core §2), and how one comes back as a hint.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
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

/// How long an ID token counts.
const LIFE_SECONDS: i64 = 600;
/// The longest hint that is read.
const MAX_HINT_BYTES: usize = 16 * 1024;

/// The ID token for `granted`. `person` holds claims asked for one by one.
pub(crate) fn sign(
    idp: &Idp,
    client: &Client,
    granted: &Granted,
    nonce: Option<&str>,
    access_token: &str,
    person: Map<String, Value>,
    now: Timestamp,
) -> Result<String, Error> {
    let signer = idp.id_token_signer(client.id_token_alg, now)?;
    let mut claims = person;
    claims.insert("iss".into(), json!(idp.settings().issuer_text()));
    claims.insert("aud".into(), json!(client.client_id));
    claims.insert("iat".into(), json!(now));
    claims.insert("exp".into(), json!(now.plus(LIFE_SECONDS)));
    claims.insert("auth_time".into(), json!(granted.auth_time));
    claims.insert("acr".into(), json!(granted.acr.as_str()));
    claims.insert("amr".into(), json!(granted.amr));
    claims.insert("sid".into(), json!(granted.sid));
    if let Some(nonce) = nonce {
        claims.insert("nonce".into(), json!(nonce));
    }
    if signer.algorithm() != Algorithm::EdDsa {
        claims.insert("at_hash".into(), json!(half_hash(access_token)));
    }
    claims::write_subject(granted, &granted.sub, None, &mut claims);
    if granted.acting.is_none() && !client.acts_for_organisations {
        claims.remove("sub_type"); // every subject is a person there, and a token holds nothing that nobody asked for
    }
    keys::jws::sign_json(signer.as_ref(), "JWT", &Value::Object(claims)).map_err(|_| Error::Key("ID tokens"))
}

/// `at_hash` for the algorithms over SHA-256 (OpenID Connect Core §3.1.3.6).
fn half_hash(access_token: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, access_token.as_bytes());
    URL_SAFE_NO_PAD.encode(&digest.as_ref()[..16])
}

/// What a genuine `id_token_hint` says.
#[derive(Debug)]
pub(crate) struct Hint {
    pub(crate) client_id: String,
    pub(crate) sub: String,
    pub(crate) sid: Option<String>,
}

/// Reads an ID token of ours that comes back as a hint; expired ones count (OpenID Connect Core §3.1.2.1). `None` for what
/// another signed, `alg` `none`, and whatever does not read.
pub(crate) fn read_hint(idp: &Idp, text: &str, now: Timestamp) -> Option<Hint> {
    let jws = Jws::parse(text, MAX_HINT_BYTES).ok()?;
    let key = idp.published_key(&Purpose::IdToken, jws.kid()?, now)?;
    jws.verify(&key, &Algorithm::ALL).ok()?;
    let claims = json::read_object(&jws.payload, MAX_HINT_BYTES).ok()?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    (text("iss")? == idp.settings().issuer_text()).then_some(())?;
    Some(Hint { client_id: text("aud")?.to_owned(), sub: text("sub")?.to_owned(), sid: text("sid").map(str::to_owned) })
}
