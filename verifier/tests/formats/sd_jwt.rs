//! sd-jwt/: RFC 9901 in general, by a reader of the test over the product's own parts (JWS, keys, strict JSON, base64url).
//!
//! The product's reader takes the profile of formats §2 alone, so none of these is a licence; compared are verdict and payload.

use std::collections::HashMap;

use serde_json::{Map, Value};
use verifier::algorithm::{Algorithm, PublicKey};
use verifier::encoding::{b64u, json};
use verifier::jws::Jws;
use verifier::rendition::Unread;
use verifier::rendition::credential::Envelope;

use crate::vectors::{list, ran, read, text};

const MOST: usize = 1 << 20;

#[test]
fn presentations_of_others_are_judged_the_same() {
    let Some(file) = read("sd-jwt/cases.json") else { return };
    let cases = file.as_array().map_or_else(|| list(&file, "cases"), Vec::as_slice);
    for case in cases {
        let (id, expected) = (text(case, "id"), text(case, "expect"));
        let token = text(case, "sd_jwt");
        let asked = expected != "valid-without-key-binding" && case["require_kb"] == true;
        let found = judge(token, case, asked);
        assert_eq!(found.is_ok(), expected != "invalid", "{id}: {:?}", found.err());
        if let (Ok(found), Some(payload)) = (&found, case.get("payload").filter(|p| !p.is_null())) {
            assert_eq!(found, payload, "{id}");
        }
        // Nothing of all this is a licence: no certificates, so the product's own reader stops before any content.
        assert!(matches!(Envelope::read(token), Err(Unread::Unrecognised | Unread::Damaged)), "{id}");
    }
    ran("sd-jwt", cases.len(), 159);
}

fn judge(token: &str, case: &Value, key_binding: bool) -> Result<Value, &'static str> {
    let (presented, binding) = token.rsplit_once('~').ok_or("no ~")?;
    let mut parts = presented.split('~');
    let jwt = Jws::parse(parts.next().unwrap(), MOST).map_err(|_| "jws")?;
    let issuer = PublicKey::from_jwk(&case["issuer_jwk"]).map_err(|_| "issuer key")?;
    jwt.verify(&issuer, &Algorithm::ALL).map_err(|_| "signature")?;
    let payload = json::read_object(&jwt.payload, MOST).map_err(|_| "payload")?;
    if payload.get("_sd_alg").is_some_and(|alg| alg != "sha-256") {
        return Err("_sd_alg");
    }
    let mut hidden = Hidden::default();
    for text in parts {
        hidden.add(text)?;
    }
    let open = hidden.open(Value::Object(payload))?;
    if hidden.seen.values().any(|count| *count > 1) || hidden.by_digest.keys().any(|d| !hidden.seen.contains_key(d)) {
        return Err("a digest stands twice or nowhere");
    }
    if !binding.is_empty() || key_binding {
        bound(binding, &token[..=presented.len()], case)?;
    }
    Ok(open)
}

#[derive(Default)]
struct Hidden {
    by_digest: HashMap<String, Vec<Value>>,
    seen: HashMap<String, usize>,
}

impl Hidden {
    fn add(&mut self, text: &str) -> Result<(), &'static str> {
        let bytes = b64u::decode(text).map_err(|_| "a disclosure's base64url")?;
        let Ok(Value::Array(parts)) = json::read(&bytes, MOST) else { return Err("a disclosure's JSON") };
        let fits = match parts.as_slice() {
            [Value::String(_), _] => true,
            [Value::String(_), Value::String(name), _] => name != "_sd" && name != "...",
            _ => false,
        };
        if !fits {
            return Err("a disclosure's parts");
        }
        let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        match self.by_digest.insert(b64u::encode(digest), parts) {
            None => Ok(()),
            Some(_) => Err("a disclosure twice"),
        }
    }

    fn open(&mut self, value: Value) -> Result<Value, &'static str> {
        match value {
            Value::Object(map) => self.open_object(map).map(Value::Object),
            Value::Array(list) => {
                let mut open = Vec::new();
                for value in list {
                    match value.as_object().filter(|map| map.len() == 1).and_then(|map| map.get("...")) {
                        Some(digest) => open.extend(self.element(digest)?),
                        None => open.push(self.open(value)?),
                    }
                }
                Ok(Value::Array(open))
            }
            other => Ok(other),
        }
    }

    fn element(&mut self, digest: &Value) -> Result<Option<Value>, &'static str> {
        match self.take(digest)? {
            None => Ok(None),
            Some(parts) => match <[Value; 2]>::try_from(parts) {
                Ok([_, value]) => self.open(value).map(Some),
                Err(_) => Err("a member's disclosure in an array"),
            },
        }
    }

    fn open_object(&mut self, mut map: Map<String, Value>) -> Result<Map<String, Value>, &'static str> {
        let digests = map.remove("_sd");
        map.remove("_sd_alg");
        let mut open = Map::new();
        for (name, value) in map {
            open.insert(name, self.open(value)?);
        }
        for digest in digests.as_ref().map(|d| d.as_array().ok_or("_sd")).transpose()?.into_iter().flatten() {
            let Some(parts) = self.take(digest)? else { continue };
            let Ok([_, Value::String(name), value]) = <[Value; 3]>::try_from(parts) else {
                return Err("an element's disclosure in an object");
            };
            let value = self.open(value)?;
            if open.insert(name, value).is_some() {
                return Err("a member twice");
            }
        }
        Ok(open)
    }

    fn take(&mut self, digest: &Value) -> Result<Option<Vec<Value>>, &'static str> {
        let digest = digest.as_str().ok_or("a digest")?;
        *self.seen.entry(digest.to_owned()).or_default() += 1;
        Ok(self.by_digest.get(digest).cloned())
    }
}

/// RFC 9901 §7.3: the key-binding JWT by the holder's key over exactly what was presented.
fn bound(binding: &str, presented: &str, case: &Value) -> Result<(), &'static str> {
    let jws = Jws::parse(binding, MOST).map_err(|_| "no key binding")?;
    let holder = PublicKey::from_jwk(&case["holder_jwk"]).map_err(|_| "holder key")?;
    jws.verify(&holder, &Algorithm::ALL).map_err(|_| "the holder's signature")?;
    let claims = json::read_object(&jws.payload, MOST).map_err(|_| "key binding")?;
    let digest = b64u::encode(ring::digest::digest(&ring::digest::SHA256, presented.as_bytes()));
    let asked = |name: &str| case.get(format!("expected_{name}")).or_else(|| case.get(name));
    let fits = jws.typ() == Some("kb+jwt")
        && claims.get("aud") == asked("aud")
        && claims.get("nonce") == asked("nonce")
        && claims.get("sd_hash") == Some(&Value::String(digest));
    if fits { Ok(()) } else { Err("key binding for another question") }
}
