//! `COSE_Sign1` (RFC 9052 §4.2): what is signed, and how the parts make one item. Deterministic throughout.

use crate::emit::Emit;

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

/// `["Signature1", protected, h'', payload]`.
pub(crate) fn sig_structure(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut out = Emit::with_capacity(protected.len() + payload.len() + 24);
    out.array(4).text("Signature1").bytes(protected).bytes(&[]).bytes(payload);
    out.into_bytes()
}
