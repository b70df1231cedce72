//! `COSE_Sign1` (RFC 9052 §4.2): what is signed, how the parts make one item, and the strict reader. Deterministic throughout.

use ciborium::Value;

use crate::encoding::cbor;
use crate::encoding::emit::Emit;

/// COSE's numbers of the algorithms that are read here (RFC 9053, RFC 9864).
pub mod number {
    /// ES256.
    pub const ES256: i64 = -7;
    /// EdDSA.
    pub const EDDSA: i64 = -8;
    /// ESP256: ES256 with the curve said.
    pub const ESP256: i64 = -9;
    /// Ed25519: EdDSA with the curve said.
    pub const ED25519: i64 = -19;
}

/// What a signature is to be made over, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToSign {
    protected: Vec<u8>,
    payload: Vec<u8>,
}

impl ToSign {
    /// From the encoded protected header and the payload.
    pub fn new(protected: Vec<u8>, payload: Vec<u8>) -> Self {
        Self { protected, payload }
    }

    /// The encoded protected header.
    pub fn protected(&self) -> &[u8] {
        &self.protected
    }

    /// The payload, of a CWT the encoded claims.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The bytes to be signed (`Sig_structure`, RFC 9052 §4.4), without external data.
    pub fn message(&self) -> Vec<u8> {
        sig_structure(&self.protected, &self.payload)
    }

    /// The tagged `COSE_Sign1` with an empty unprotected header; `signature` is r ‖ s.
    pub fn assemble(&self, signature: &[u8]) -> Vec<u8> {
        let mut out = Emit::with_capacity(self.protected.len() + self.payload.len() + signature.len() + 16);
        out.tag(18).array(4).bytes(&self.protected).map(0).bytes(&self.payload).bytes(signature);
        out.into_bytes()
    }
}

/// A tagged `COSE_Sign1` in deterministic CBOR, read but not verified.
#[derive(Clone, Debug, PartialEq)]
pub struct Sign1 {
    /// The protected header, as signed.
    pub protected: Vec<u8>,
    /// The members of the protected header.
    pub header: Vec<(Value, Value)>,
    /// The members of the unprotected header.
    pub unprotected: Vec<(Value, Value)>,
    /// The payload.
    pub payload: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
}

impl Sign1 {
    /// Reads tag 18 with its four parts, nothing behind it; `None` where it is anything else.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let Value::Tag(18, inner) = cbor::decode(bytes).ok()? else { return None };
        let Value::Array(parts) = *inner else { return None };
        let [Value::Bytes(protected), Value::Map(unprotected), Value::Bytes(payload), Value::Bytes(signature)] =
            <[Value; 4]>::try_from(parts).ok()?
        else {
            return None;
        };
        let header = if protected.is_empty() { Vec::new() } else { cbor::decode(&protected).ok()?.into_map().ok()? };
        Some(Self { protected, header, unprotected, payload, signature })
    }

    /// A member of the protected header under a number.
    pub fn member(&self, label: i64) -> Option<&Value> {
        member(&self.header, label)
    }

    /// What the signature is over.
    pub fn message(&self) -> Vec<u8> {
        sig_structure(&self.protected, &self.payload)
    }
}

/// The value under a number in a map.
pub(crate) fn member(map: &[(Value, Value)], label: i64) -> Option<&Value> {
    let label = Value::Integer(label.into());
    map.iter().find(|(key, _)| *key == label).map(|(_, value)| value)
}

/// `["Signature1", protected, h'', payload]`.
pub(crate) fn sig_structure(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut out = Emit::with_capacity(protected.len() + payload.len() + 24);
    out.array(4).text("Signature1").bytes(protected).bytes(&[]).bytes(payload);
    out.into_bytes()
}
