//! How a client proves who it is (RFC 6749 §2.3; RFC 7523 §3; OpenID Connect Core §9).

use serde_json::Value;
use verifier::algorithm::{Algorithm, PublicKey};
use verifier::encoding::json;
use verifier::jws::Jws;
use verifier::time::Timestamp;

use super::{AuthMethod, Client, basic};
use crate::digest;

/// `client_assertion_type` of RFC 7523 §2.2.
pub(crate) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How far another's clock may be ahead or behind, in seconds.
const SKEW: i64 = 10;
/// The longest life of an assertion, in seconds, from now.
const MOST_LIFE: i64 = 3_600;
/// The longest assertion.
const MAX_ASSERTION_BYTES: usize = 8 * 1024;

/// What a request brought to prove its client.
pub(crate) enum Credential {
    /// `client_secret_basic`.
    Basic { client_id: String, secret: String },
    /// `client_secret_post`.
    Post { client_id: String, secret: String },
    /// `private_key_jwt`.
    Assertion { client_id: String, assertion: String },
    /// Only a `client_id`.
    Nothing { client_id: String },
}

/// Why a credential is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No client named, two ways at once, a header that does not read.
    Malformed(&'static str),
    /// It does not prove the client.
    Wrong(&'static str),
}

/// An assertion that proved its client, to be used once.
#[derive(Debug)]
pub(crate) struct Once {
    /// Digest of its `jti`.
    pub(crate) jti_digest: String,
    /// From when on it no longer counts anyway.
    pub(crate) until: Timestamp,
}

impl Credential {
    /// Reads what stands in the `Authorization` header and the form.
    ///
    /// # Errors
    ///
    /// `Malformed`.
    pub(crate) fn read(
        authorization: Option<&str>,
        client_id: Option<&str>,
        secret: Option<&str>,
        assertion: Option<(&str, Option<&str>)>,
    ) -> Result<Self, Refusal> {
        let basic = authorization
            .filter(|text| text.split_once(' ').is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("basic")));
        match (basic, secret, assertion) {
            (Some(header), None, None) => {
                let (id, secret) =
                    basic::read(header).ok_or(Refusal::Malformed("the Authorization header does not read"))?;
                if client_id.is_some_and(|named| named != id) {
                    return Err(Refusal::Wrong("client_id is not the one that authenticated"));
                }
                Ok(Self::Basic { client_id: id, secret })
            }
            (None, Some(secret), None) => {
                let client_id = client_id.ok_or(Refusal::Malformed("client_id is missing"))?.to_owned();
                Ok(Self::Post { client_id, secret: secret.to_owned() })
            }
            (None, None, Some((assertion, kind))) => {
                if kind != Some(ASSERTION_TYPE) {
                    return Err(Refusal::Malformed("client_assertion_type is not jwt-bearer"));
                }
                let subject = assertion_subject(assertion).ok_or(Refusal::Wrong("the assertion does not read"))?;
                if client_id.is_some_and(|named| named != subject) {
                    return Err(Refusal::Wrong("client_id is not the one that authenticated"));
                }
                Ok(Self::Assertion { client_id: subject, assertion: assertion.to_owned() })
            }
            (None, None, None) => {
                let client_id = client_id.ok_or(Refusal::Malformed("no client is named"))?.to_owned();
                Ok(Self::Nothing { client_id })
            }
            _ => Err(Refusal::Malformed("the client authenticates in more than one way")),
        }
    }

    /// The client that it names.
    pub(crate) fn client_id(&self) -> &str {
        match self {
            Self::Basic { client_id, .. }
            | Self::Post { client_id, .. }
            | Self::Assertion { client_id, .. }
            | Self::Nothing { client_id } => client_id,
        }
    }

    /// Whether it is a secret, which could be a guess.
    pub(crate) const fn is_secret(&self) -> bool {
        matches!(self, Self::Basic { .. } | Self::Post { .. })
    }

    /// Whether it proves `client`, by the method that the client was registered with and no other. `audiences` are the
    /// issuer and the URL asked.
    ///
    /// # Errors
    ///
    /// `Wrong`.
    pub(crate) fn proves(&self, client: &Client, audiences: &[&str], now: Timestamp) -> Result<Option<Once>, Refusal> {
        let wrong = Err(Refusal::Wrong("client authentication failed"));
        match (&client.auth, self) {
            (AuthMethod::ClientSecretBasic { secrets }, Self::Basic { secret, .. })
            | (AuthMethod::ClientSecretPost { secrets }, Self::Post { secret, .. }) => {
                let found = digest::of("client", secret);
                if secrets.iter().any(|known| digest::same(known, &found)) { Ok(None) } else { wrong }
            }
            (AuthMethod::PrivateKeyJwt { jwks }, Self::Assertion { assertion, .. }) => {
                check_assertion(assertion, client.client_id.as_str(), jwks, audiences, now).map(Some)
            }
            (AuthMethod::None, Self::Nothing { .. }) => Ok(None),
            (AuthMethod::None, _) => Err(Refusal::Wrong("this client is public and has no secret")),
            _ => Err(Refusal::Wrong("this client was registered with another authentication method")),
        }
    }
}

fn assertion_subject(assertion: &str) -> Option<String> {
    let jws = Jws::parse(assertion, MAX_ASSERTION_BYTES).ok()?;
    let claims = json::read_object(&jws.payload, MAX_ASSERTION_BYTES).ok()?;
    claims.get("sub")?.as_str().map(str::to_owned)
}

fn check_assertion(
    assertion: &str,
    client_id: &str,
    key_set: &Value,
    audiences: &[&str],
    now: Timestamp,
) -> Result<Once, Refusal> {
    let wrong = Refusal::Wrong("client authentication failed");
    let jws = Jws::parse(assertion, MAX_ASSERTION_BYTES).map_err(|_| wrong)?;
    let keys = key_set.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let of_that_name = |key: &&Value| match (jws.kid(), key.get("kid").and_then(Value::as_str)) {
        (Some(wanted), Some(has)) => wanted == has,
        _ => true,
    };
    let has_signed = |key: &Value| PublicKey::from_jwk(key).is_ok_and(|key| jws.verify(&key, &Algorithm::ALL).is_ok());
    if !keys.iter().take(16).filter(of_that_name).any(has_signed) {
        return Err(wrong);
    }
    let claims = json::read_object(&jws.payload, MAX_ASSERTION_BYTES).map_err(|_| wrong)?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let time = |name: &str| claims.get(name).and_then(Value::as_f64);
    if text("iss") != Some(client_id) || text("sub") != Some(client_id) {
        return Err(Refusal::Wrong("iss and sub of the assertion must be the client_id"));
    }
    let for_us = match claims.get("aud") {
        Some(Value::String(aud)) => audiences.contains(&aud.as_str()),
        // A list is taken only when it names nobody else, so that an assertion for us is none for another.
        Some(Value::Array(list)) => {
            !list.is_empty() && list.iter().all(|aud| aud.as_str().is_some_and(|aud| audiences.contains(&aud)))
        }
        _ => false,
    };
    if !for_us {
        return Err(Refusal::Wrong("aud of the assertion is not this issuer"));
    }
    #[expect(clippy::cast_precision_loss, reason = "seconds of this millennium are exact in f64")]
    let now_f = now.seconds() as f64;
    let exp = time("exp").ok_or(Refusal::Wrong("the assertion has no exp"))?;
    #[expect(clippy::cast_precision_loss, reason = "small constants")]
    let (skew, most) = (SKEW as f64, MOST_LIFE as f64);
    if exp <= now_f - skew || exp > now_f + most + skew {
        return Err(Refusal::Wrong("the assertion has expired or lives too long"));
    }
    if time("nbf").is_some_and(|nbf| nbf > now_f + skew) || time("iat").is_some_and(|iat| iat > now_f + skew) {
        return Err(Refusal::Wrong("the assertion is from the future"));
    }
    let jti = text("jti").filter(|jti| !jti.is_empty()).ok_or(Refusal::Wrong("the assertion has no jti"))?;
    Ok(Once { jti_digest: digest::of("assertion", jti), until: now.plus(MOST_LIFE + 2 * SKEW) })
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn two_ways_at_once_are_refused() {
        let basic = format!("Basic {}", STANDARD.encode("a:b"));
        let read = |h: Option<&str>, id, secret, assertion| Credential::read(h, id, secret, assertion).is_ok();
        assert!(read(Some(&basic), None, None, None));
        assert!(read(Some(&basic), Some("a"), None, None));
        assert!(!read(Some(&basic), Some("b"), None, None));
        assert!(!read(Some(&basic), None, Some("s"), None));
        assert!(!read(None, None, Some("s"), None));
        assert!(read(None, Some("a"), Some("s"), None));
        assert!(!read(None, Some("a"), None, Some(("x", Some(ASSERTION_TYPE)))));
        assert!(!read(None, None, None, None));
    }
}
