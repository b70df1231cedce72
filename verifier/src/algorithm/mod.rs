//! Signature algorithms and public keys: one place where a signature is computed and compared.

mod certificate;
pub(crate) mod der;
mod jwk;
mod public_key;

use std::fmt;
use std::str::FromStr;

use crate::encoding::{NotCanonical, b64u};

pub use certificate::CertificateAlgorithm;
pub use public_key::{Kind, PublicKey};

pub(crate) use public_key::sha256;

/// The algorithms by which this house signs, and reads others' JWS and COSE (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256; a signature is r ‖ s, 64 bytes.
    Es256,
    /// Ed25519 alone of the EdDSA family.
    EdDsa,
    /// RSA PKCS#1 v1.5 with SHA-256, keys from 2048 to 8192 bits.
    Rs256,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Es256, Self::EdDsa, Self::Rs256];

    /// The name in a JOSE header.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
        }
    }

    /// The algorithm of a JOSE header's `alg`; `Ed25519` (RFC 9864) is read as `EdDSA`.
    pub fn from_name(name: &str) -> Option<Self> {
        if name == "Ed25519" {
            return Some(Self::EdDsa);
        }
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name of a public key: its RFC 7638 thumbprint with SHA-256, written as base64url.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub(crate) [u8; 32]);

impl KeyId {
    /// The digest itself.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for KeyId {
    type Err = NotCanonical;

    fn from_str(text: &str) -> Result<Self, NotCanonical> {
        b64u::decode_array(text).map(Self)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&b64u::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The signature is not that of the key over the message (or the key cannot make signatures of that algorithm).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature differs")]
pub struct SignatureDiffers;

/// Why a public key is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not the structure of a key, or this member of it is missing or not in its form.
    #[error("the key's {0} is missing or malformed")]
    Member(&'static str),
    /// A coordinate that has not the width of its curve (RFC 7518 §6.2.1.2), or an RSA number with leading zeros.
    #[error("the key's {0} has the wrong number of bytes")]
    Width(&'static str),
    /// A type or curve that is not supported.
    #[error("the type of key is not supported")]
    Unsupported,
    /// An RSA key below 2048 or above 8192 bits, or with an unsuitable exponent.
    #[error("the RSA key is too small, too large, or has an unsuitable exponent")]
    Weak,
    /// The key says that it is for another use (RFC 7517 §4.2 to §4.4).
    #[error("the key is for another use")]
    Use,
}
