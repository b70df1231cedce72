//! JWS (RFC 7515): the compact form, and the general JSON form that the trust bundle uses. Reading alone; `keys` signs.

use serde_json::{Map, Value};

use crate::algorithm::{Algorithm, PublicKey, SignatureDiffers};
use crate::encoding::{b64u, json};

/// The most bytes of a protected header, decoded.
const MAX_HEADER: usize = 128 * 1024;

/// Why a JWS is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// More bytes than the caller takes.
    #[error("the JWS is larger than its bound")]
    TooLarge,
    /// Not the parts, encodings or members of the form.
    #[error("the JWS is malformed")]
    Malformed,
    /// The header is no JSON object as the strict reader takes it.
    #[error("the JWS header is malformed")]
    Header,
    /// The header has critical members (RFC 7515 §4.1.11); none is understood here.
    #[error("the JWS has critical header members")]
    Critical,
    /// `alg` is absent, none, unknown, not among the allowed, or not the key's.
    #[error("the algorithm of the JWS is not allowed")]
    Algorithm,
    /// The signature differs.
    #[error("the signature differs")]
    Signature,
}

impl From<SignatureDiffers> for JwsError {
    fn from(_: SignatureDiffers) -> Self {
        Self::Signature
    }
}

/// A JWS in compact form, read but not yet verified.
#[derive(Clone, Debug)]
pub struct Jws {
    /// All members of the protected header.
    pub header: Map<String, Value>,
    /// The bytes that are signed, decoded.
    pub payload: Vec<u8>,
    signing_input: String,
    signature: Vec<u8>,
}

impl Jws {
    /// Reads `header.payload.signature` of at most `max_bytes` characters; nothing stands before or behind.
    pub fn parse(text: &str, max_bytes: usize) -> Result<Self, JwsError> {
        if text.len() > max_bytes {
            return Err(JwsError::TooLarge);
        }
        let (signing_input, signature) = text.rsplit_once('.').ok_or(JwsError::Malformed)?;
        let (header, payload) = signing_input.split_once('.').ok_or(JwsError::Malformed)?;
        let decode = |part| b64u::decode(part).map_err(|_| JwsError::Malformed);
        Ok(Self {
            header: json::read_object(&decode(header)?, MAX_HEADER).map_err(|_| JwsError::Header)?,
            payload: decode(payload)?,
            signature: decode(signature)?,
            signing_input: signing_input.to_owned(),
        })
    }

    /// The algorithm of the header, if this house knows it.
    pub fn algorithm(&self) -> Option<Algorithm> {
        algorithm(&self.header)
    }

    /// The header's `kid`, if it is a text.
    pub fn kid(&self) -> Option<&str> {
        self.header.get("kid").and_then(Value::as_str)
    }

    /// The header's `typ`, if it is a text.
    pub fn typ(&self) -> Option<&str> {
        self.header.get("typ").and_then(Value::as_str)
    }

    /// Whether the header has `crit`, whatever it holds.
    pub fn is_critical(&self) -> bool {
        self.header.contains_key("crit")
    }

    /// `header.payload` as received: what is signed.
    pub fn signing_input(&self) -> &str {
        &self.signing_input
    }

    /// The signature's bytes.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Checks the signature by `key`, with one of the `allowed` algorithms and no other.
    ///
    /// Nothing else is judged: `typ`, times and audience are the caller's.
    pub fn verify(&self, key: &PublicKey, allowed: &[Algorithm]) -> Result<(), JwsError> {
        check(&self.header, key, allowed, self.signing_input.as_bytes(), &self.signature)
    }
}

/// A JWS in general JSON form (RFC 7515 §7.2.1), read but not yet verified.
#[derive(Clone, Debug)]
pub struct GeneralJws {
    /// The bytes that are signed, decoded.
    pub payload: Vec<u8>,
    /// The signatures, in the order in which they stand.
    pub signatures: Vec<GeneralSignature>,
    payload_text: String,
}

/// One signature of a [`GeneralJws`].
#[derive(Clone, Debug)]
pub struct GeneralSignature {
    /// All members of the protected header.
    pub header: Map<String, Value>,
    protected_text: String,
    signature: Vec<u8>,
}

/// The most signatures that one general JWS may bring.
const MAX_SIGNATURES: usize = 64;

impl GeneralJws {
    /// Takes `{payload, signatures [{protected, signature}]}` with these members alone and at least one signature.
    pub fn from_value(value: &Value) -> Result<Self, JwsError> {
        let [payload, signatures] = members(value, ["payload", "signatures"])?;
        let payload_text = payload.as_str().ok_or(JwsError::Malformed)?.to_owned();
        let payload = b64u::decode(&payload_text).map_err(|_| JwsError::Malformed)?;
        let list = signatures.as_array().ok_or(JwsError::Malformed)?;
        if list.is_empty() || list.len() > MAX_SIGNATURES {
            return Err(JwsError::Malformed);
        }
        let signatures = list.iter().map(GeneralSignature::from_value).collect::<Result<_, _>>()?;
        Ok(Self { payload, signatures, payload_text })
    }

    /// Checks one of the signatures by `key`, with one of the `allowed` algorithms and no other.
    pub fn verify(&self, index: usize, key: &PublicKey, allowed: &[Algorithm]) -> Result<(), JwsError> {
        let one = self.signatures.get(index).ok_or(JwsError::Malformed)?;
        let input = format!("{}.{}", one.protected_text, self.payload_text);
        check(&one.header, key, allowed, input.as_bytes(), &one.signature)
    }
}

impl GeneralSignature {
    fn from_value(value: &Value) -> Result<Self, JwsError> {
        let [protected, signature] = members(value, ["protected", "signature"])?;
        let protected_text = protected.as_str().ok_or(JwsError::Malformed)?.to_owned();
        let header = b64u::decode(&protected_text).map_err(|_| JwsError::Malformed)?;
        let signature = signature.as_str().ok_or(JwsError::Malformed)?;
        Ok(Self {
            header: json::read_object(&header, MAX_HEADER).map_err(|_| JwsError::Header)?,
            signature: b64u::decode(signature).map_err(|_| JwsError::Malformed)?,
            protected_text,
        })
    }
}

fn members<'a>(value: &'a Value, names: [&str; 2]) -> Result<[&'a Value; 2], JwsError> {
    let map = value.as_object().filter(|map| map.len() == 2).ok_or(JwsError::Malformed)?;
    let member = |name: &str| map.get(name).ok_or(JwsError::Malformed);
    Ok([member(names[0])?, member(names[1])?])
}

fn algorithm(header: &Map<String, Value>) -> Option<Algorithm> {
    header.get("alg").and_then(Value::as_str).and_then(Algorithm::from_name)
}

fn check(
    header: &Map<String, Value>,
    key: &PublicKey,
    allowed: &[Algorithm],
    message: &[u8],
    signature: &[u8],
) -> Result<(), JwsError> {
    if header.contains_key("crit") {
        return Err(JwsError::Critical);
    }
    let algorithm = algorithm(header).filter(|a| allowed.contains(a) && key.fits(*a)).ok_or(JwsError::Algorithm)?;
    Ok(key.verify(algorithm, message, signature)?)
}
