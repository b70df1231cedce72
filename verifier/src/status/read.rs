//! What both encodings of a status list say, before anything is believed.

use ciborium::Value as Cbor;
use serde_json::Value as Json;

use super::{BYTES, MAX_LIFE, MEDIA_TYPE_CWT};
use crate::algorithm::{Algorithm, PublicKey};
use crate::cose::{Sign1, member, number};
use crate::deflate::inflate;
use crate::digest::sha256;
use crate::encoding::{b64, b64u, cbor, json};
use crate::jws::Jws;
use crate::time::Timestamp;

/// The largest body that is looked at: two and a half times a list that cannot be compressed.
pub(super) const MAX_BODY: usize = 1 << 20;
const MAX_CHAIN: usize = 8;

/// The signed envelope of either encoding.
pub(super) struct Token {
    /// The certificates (DER), the leaf first.
    pub(super) chain: Vec<Vec<u8>>,
    /// None for an algorithm that this house does not know.
    pub(super) algorithm: Option<Algorithm>,
    /// Whether the headers are the format's.
    pub(super) headers_fit: bool,
    body: Body,
}

enum Body {
    Jwt(Jws),
    Cwt(Sign1),
}

/// What the list says.
pub(super) struct Content {
    pub(super) sub: String,
    pub(super) iat: Timestamp,
    pub(super) exp: Timestamp,
    pub(super) bytes: Vec<u8>,
}

impl Token {
    /// Takes a JWT apart; `None` where no certificate can be reached.
    pub(super) fn jwt(body: &[u8]) -> Option<Self> {
        let jws = Jws::parse(std::str::from_utf8(body).ok()?, MAX_BODY).ok()?;
        let list = jws.header.get("x5c")?.as_array().filter(|list| list.len() <= MAX_CHAIN)?;
        let chain: Vec<_> = list.iter().map(|text| b64::decode(text.as_str()?).ok()).collect::<Option<_>>()?;
        let headers_fit = jws.typ() == Some("statuslist+jwt") && !jws.is_critical();
        Some(Self { algorithm: jws.algorithm(), chain, headers_fit, body: Body::Jwt(jws) })
    }

    /// Takes a CWT apart; `None` where no certificate can be reached.
    pub(super) fn cwt(body: &[u8]) -> Option<Self> {
        if body.len() > MAX_BODY {
            return None;
        }
        let sign1 = Sign1::read(body)?;
        let chain = match sign1.member(33)? {
            Cbor::Bytes(leaf) => vec![leaf.clone()],
            Cbor::Array(several) if several.len() <= MAX_CHAIN => {
                several.iter().map(|der| der.as_bytes().cloned()).collect::<Option<_>>()?
            }
            _ => return None,
        };
        let algorithm = match sign1.member(1).and_then(Cbor::as_integer).and_then(|n| i64::try_from(n).ok()) {
            Some(number::ES256 | number::ESP256) => Some(Algorithm::Es256),
            Some(number::EDDSA | number::ED25519) => Some(Algorithm::EdDsa),
            _ => None,
        };
        let headers_fit = sign1.unprotected.is_empty()
            && sign1.member(2).is_none()
            && sign1.member(16).and_then(Cbor::as_text) == Some(MEDIA_TYPE_CWT);
        Some(Self { chain, algorithm, headers_fit, body: Body::Cwt(sign1) })
    }

    /// Whether `kid` names the leaf: its key's thumbprint, in a CWT the first eight bytes of its digest.
    pub(super) fn names(&self, key: &PublicKey) -> bool {
        match &self.body {
            Body::Jwt(jws) => jws.kid() == Some(&key.thumbprint()),
            Body::Cwt(sign1) => {
                let digest = self.chain.first().map(|leaf| sha256(leaf)).unwrap_or_default();
                sign1.member(4).and_then(Cbor::as_bytes).is_some_and(|kid| kid[..] == digest[..8])
            }
        }
    }

    pub(super) fn verifies(&self, key: &PublicKey, algorithm: Algorithm) -> bool {
        match &self.body {
            Body::Jwt(jws) => key.verify(algorithm, jws.signing_input().as_bytes(), jws.signature()).is_ok(),
            Body::Cwt(sign1) => key.verify(algorithm, &sign1.message(), &sign1.signature).is_ok(),
        }
    }

    /// The claims; `None` unless all are there in their types, the list has its length and its life is at most a day.
    pub(super) fn content(&self) -> Option<Content> {
        let content = match &self.body {
            Body::Jwt(jws) => jwt_content(&jws.payload),
            Body::Cwt(sign1) => cwt_content(&sign1.payload),
        }?;
        let fits = content.bytes.len() == BYTES && content.exp.since(content.iat) <= MAX_LIFE;
        fits.then_some(content)
    }
}

fn jwt_content(payload: &[u8]) -> Option<Content> {
    let claims = json::read_object(payload, MAX_BODY).ok()?;
    let seconds = |name: &str| claims.get(name)?.as_i64().map(Timestamp::from_seconds);
    if claims.get("ttl").is_some_and(|ttl| ttl.as_u64().is_none()) {
        return None;
    }
    let list = claims.get("status_list")?;
    if list.get("bits").and_then(Json::as_u64) != Some(2) {
        return None;
    }
    let deflated = b64u::decode(list.get("lst")?.as_str()?).ok()?;
    Some(Content {
        sub: claims.get("sub")?.as_str()?.to_owned(),
        iat: seconds("iat")?,
        exp: seconds("exp")?,
        bytes: inflate(&deflated, BYTES)?,
    })
}

fn cwt_content(payload: &[u8]) -> Option<Content> {
    let claims = cbor::decode(payload).ok()?.into_map().ok()?;
    let number = |label| member(&claims, label).and_then(Cbor::as_integer);
    let seconds = |label| i64::try_from(number(label)?).ok().map(Timestamp::from_seconds);
    if member(&claims, 65_534).is_some() && number(65_534).and_then(|ttl| u64::try_from(ttl).ok()).is_none() {
        return None;
    }
    let list = member(&claims, 65_533)?.as_map()?;
    let text = |name: &str| list.iter().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value);
    if text("bits")?.as_integer() != Some(2.into()) {
        return None;
    }
    Some(Content {
        sub: member(&claims, 2)?.as_text()?.to_owned(),
        iat: seconds(6)?,
        exp: seconds(4)?,
        bytes: inflate(text("lst")?.as_bytes()?, BYTES)?,
    })
}
