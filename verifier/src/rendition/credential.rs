//! The credential: an SD-JWT (RFC 9901) for machines and wallets (formats §2).

mod claims;
mod disclosed;
pub mod write;

use serde_json::{Map, Value};

use super::Unread;
use crate::algorithm::{Algorithm, PublicKey, SignatureDiffers};
use crate::encoding::{b64, b64u, json};

pub use claims::{AuthorityClaim, Claims, CopyClaim, LogMember};
pub use disclosed::Disclosed;
pub use write::{Draft, DraftError, LogClaim};

/// The largest credential that is read.
pub const MAX_BYTES: usize = 64 * 1024;
/// The most certificates in `x5c`.
const MAX_CHAIN: usize = 8;
/// The media subtype in `typ`.
pub const TYP: &str = "dc+sd-jwt";
/// The hidden members at the top that a licence always has.
pub const HIDDEN: [&str; 5] = ["number", "holder_name", "holder_kind", "holder_code_type", "holder_code"];
/// The hidden member at the top that a licence may have: the digest of the portrait.
pub const PORTRAIT: &str = "portrait_digest";

/// A credential as it came, recognised and taken apart; nothing is verified and no content is read yet.
#[derive(Clone, Debug)]
pub struct Envelope<'a> {
    signing_input: &'a str,
    payload: &'a str,
    /// None where it is not base64url: it can be nobody's then.
    signature: Option<Vec<u8>>,
    header: Map<String, Value>,
    chain: Vec<Vec<u8>>,
    disclosures: Vec<&'a str>,
    whole: bool,
}

impl<'a> Envelope<'a> {
    /// Whether `text` looks like a credential, whole or damaged: a JWT stands first, or what was one.
    pub fn resembles(text: &str) -> bool {
        let jwt = text.split('~').next().unwrap_or_default();
        let is_base64url = jwt.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        let dots = jwt.bytes().filter(|b| *b == b'.').count();
        text.starts_with("eyJ") || is_base64url && (dots == 2 || text.starts_with("ey"))
    }

    /// Takes a credential apart; blanks and line ends behind it are trimmed.
    pub fn read(text: &'a str) -> Result<Self, Unread> {
        let text = text.trim_end_matches([' ', '\t', '\r', '\n']);
        if !Self::resembles(text) {
            return Err(Unread::Unrecognised);
        }
        if text.len() > MAX_BYTES {
            return Err(Unread::TooLarge);
        }
        let head = text.split(['.', '~']).next().unwrap_or_default();
        let header = b64u::decode(head).map_err(|_| Unread::Damaged)?;
        let header = json::read_object(&header, MAX_BYTES).map_err(|_| Unread::Damaged)?;
        if header.get("typ").and_then(Value::as_str) != Some(TYP) {
            return Err(Unread::Unrecognised);
        }
        let (jwt, rest) = text.split_once('~').ok_or(Unread::Damaged)?;
        let mut parts = jwt.split('.').skip(1);
        let (Some(payload), Some(signature), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Unread::Damaged);
        };
        let chain = chain(&header).ok_or(Unread::Damaged)?;
        let mut disclosures: Vec<&str> = rest.split('~').collect();
        let remainder = disclosures.pop().unwrap_or_default();
        Ok(Self {
            signing_input: &jwt[..head.len() + 1 + payload.len()],
            payload,
            signature: b64u::decode(signature).ok(),
            header,
            chain,
            disclosures,
            whole: remainder.is_empty(),
        })
    }

    /// The header's algorithm; none where it is absent, `none` or unknown.
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.header.get("alg").and_then(Value::as_str).and_then(Algorithm::from_name)
    }

    /// Whether the header has critical members; none is understood.
    pub fn is_critical(&self) -> bool {
        self.header.contains_key("crit")
    }

    /// The header's `kid`.
    pub fn kid(&self) -> Option<&str> {
        self.header.get("kid").and_then(Value::as_str)
    }

    /// The certificates of `x5c` (DER), the leaf first; at least one.
    pub fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    /// What the log's and a timestamp's digests are over besides: the signed part, without disclosures.
    pub fn signing_input(&self) -> &str {
        self.signing_input
    }

    /// Checks the signature over the characters received.
    pub fn verify(&self, key: &PublicKey, algorithm: Algorithm) -> Result<(), SignatureDiffers> {
        let signature = self.signature.as_deref().ok_or(SignatureDiffers)?;
        key.verify(algorithm, self.signing_input.as_bytes(), signature)
    }

    /// Reads the open members.
    pub fn claims(&self) -> Result<Claims, super::members::Malformed> {
        let payload = b64u::decode(self.payload).map_err(|_| super::members::Malformed)?;
        let map = json::read_object(&payload, MAX_BYTES).map_err(|_| super::members::Malformed)?;
        Claims::read(map)
    }

    /// Reads what is disclosed, against the digests of the open part.
    pub fn disclosed(&self, claims: &Claims) -> Result<Disclosed, disclosed::NotDisclosed> {
        let disclosed = Disclosed::read(&self.disclosures, &claims.top, &claims.items);
        if self.whole { disclosed } else { Err(disclosed::NotDisclosed::Malformed) }
    }
}

fn chain(header: &Map<String, Value>) -> Option<Vec<Vec<u8>>> {
    let list = header.get("x5c")?.as_array()?;
    if list.is_empty() || list.len() > MAX_CHAIN {
        return None;
    }
    list.iter().map(|text| b64::decode(text.as_str()?).ok()).collect()
}

pub use disclosed::NotDisclosed;
