//! What a signing key is to everyone else: an algorithm, a public half, a name, and the one act.

use verifier::algorithm::{Algorithm, PublicKey};

/// A private key that signs with one algorithm.
///
/// An implementation owes signatures that `public_key().verify(algorithm(), …)` accepts: ES256 as r ‖ s of 64 bytes
/// (RFC 7518 §3.4), EdDSA of 64 bytes (RFC 8037), RS256 as long as the modulus. Its `kid` is the RFC 7638 thumbprint of
/// the public key. The private half never leaves it, in no `Debug` and no error.
pub trait Signer: Send + Sync {
    /// The algorithm of every signature made.
    fn algorithm(&self) -> Algorithm;

    /// The public half.
    fn public_key(&self) -> &PublicKey;

    /// The RFC 7638 thumbprint of the public key.
    fn kid(&self) -> &str;

    /// Signs `message`, the bytes themselves and no digest of them.
    ///
    /// # Errors
    ///
    /// `SignerError` if the key or the device that holds it refuses; nothing was signed then.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError>;
}

/// Why nothing was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignerError {
    /// The key gave no signature.
    #[error("the key gave no signature")]
    Failed,
    /// A key that is to be made or imported does not fit its algorithm.
    #[error("the key is unreadable or does not fit {0}")]
    Unfit(&'static str),
    /// What should be signed cannot be written down: a header that holds `alg` or `kid` already.
    #[error("the header already holds a member that the signer sets")]
    Header,
}

/// A signature of r ‖ s as the DER `SEQUENCE` that X.509 asks for (RFC 3279 §2.2.3).
pub(crate) fn ecdsa_der(fixed: &[u8]) -> Vec<u8> {
    let (r, s) = fixed.split_at(fixed.len() / 2);
    let body = [integer(r), integer(s)].concat();
    der(0x30, &body)
}

fn integer(bytes: &[u8]) -> Vec<u8> {
    let significant = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
    let mut content = Vec::with_capacity(significant.len() + 1);
    if significant.first().is_none_or(|byte| byte & 0x80 != 0) {
        content.push(0);
    }
    content.extend_from_slice(significant);
    der(0x02, &content)
}

/// One DER element of definite length.
pub(crate) fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = vec![tag];
    if let Ok(short @ 0..=0x7f) = u8::try_from(length) {
        out.push(short);
    } else {
        let bytes = length.to_be_bytes();
        let significant = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
        out.push(0x80 | u8::try_from(significant.len()).expect("a length has at most eight bytes"));
        out.extend_from_slice(significant);
    }
    out.extend_from_slice(content);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_positive_and_shortest() {
        for (fixed, expected) in [
            (vec![1, 2], vec![0x30, 6, 2, 1, 1, 2, 1, 2]),
            (vec![0x80, 0], vec![0x30, 7, 2, 2, 0, 0x80, 2, 1, 0]),
            (vec![0, 1, 0, 0xff], vec![0x30, 7, 2, 1, 1, 2, 2, 0, 0xff]),
        ] {
            assert_eq!(ecdsa_der(&fixed), expected, "{fixed:?}");
        }
        assert_eq!(der(4, &[7; 200])[..3], [4, 0x81, 200]);
        assert_eq!(der(4, &[7; 300])[..4], [4, 0x82, 1, 44]);
    }
}
