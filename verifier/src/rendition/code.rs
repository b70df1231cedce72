//! The code: a CWT in `COSE_Sign1`, as text for a QR code that is checked offline (formats §3).

mod claims;
pub mod write;

use ciborium::Value;

use super::Unread;
use crate::algorithm::{Algorithm, PublicKey, SignatureDiffers};
use crate::cose::{Sign1, number};
use crate::deflate::inflate;
use crate::encoding::b45;

pub use crate::licence::licence::HolderKind;
pub use claims::{Claims, ClaimsError};
pub use write::{Bound, CodeError, Draft, Item, Profile};

/// What stands before the base45 text.
pub const PREFIX: &str = "XY1:";
/// The longest text that is read.
pub const MAX_CHARACTERS: usize = 6_148;
/// The largest `COSE_Sign1`, inflated or raw.
pub const MAX_BYTES: usize = 4_096;
/// How long a code on a screen holds, in seconds.
pub const SCREEN_SECONDS: i64 = 300;

/// A code as it came, recognised and taken apart; nothing is verified and no content is read yet.
#[derive(Clone, Debug)]
pub struct Envelope {
    sign1: Sign1,
    kid: [u8; 8],
}

impl Envelope {
    /// Reads the text of a code; blanks, tabs and line ends behind it are trimmed.
    pub fn read_text(text: &str) -> Result<Self, Unread> {
        let text = text.trim_end_matches([' ', '\t', '\r', '\n']);
        let body = text.strip_prefix(PREFIX).ok_or(Unread::Unrecognised)?;
        if text.len() > MAX_CHARACTERS {
            return Err(Unread::TooLarge);
        }
        let bytes = b45::decode(body).map_err(|_| Unread::Damaged)?;
        match bytes.first() {
            Some(0xD2) => Self::read(&bytes),
            Some(first) if first & 15 == 8 => Self::read(&inflate(&bytes, MAX_BYTES).ok_or(Unread::Damaged)?),
            _ => Err(Unread::Damaged),
        }
    }

    /// Reads the tagged `COSE_Sign1` itself (`application/cwt`).
    pub fn read(cose: &[u8]) -> Result<Self, Unread> {
        if cose.len() > MAX_BYTES {
            return Err(Unread::TooLarge);
        }
        let sign1 = Sign1::read(cose).ok_or(Unread::Damaged)?;
        let Some(Value::Bytes(kid)) = sign1.member(4) else { return Err(Unread::Damaged) };
        let kid = kid.as_slice().try_into().map_err(|_| Unread::Damaged)?;
        Ok(Self { sign1, kid })
    }

    /// The first eight bytes of the signing certificate's SHA-256: a hint.
    pub fn kid(&self) -> &[u8; 8] {
        &self.kid
    }

    /// ES256, under either of its numbers; none for anything else.
    pub fn algorithm(&self) -> Option<Algorithm> {
        let known = |label: &Value| [number::ES256, number::ESP256].map(|n| Value::Integer(n.into())).contains(label);
        self.sign1.member(1).filter(|label| known(label)).map(|_| Algorithm::Es256)
    }

    /// Whether the headers hold `alg` and `kid`, protected, and nothing else.
    pub fn headers_fit(&self) -> bool {
        self.sign1.unprotected.is_empty() && self.sign1.header.len() == 2 && self.sign1.member(1).is_some()
    }

    /// What the signature is over.
    pub fn message(&self) -> Vec<u8> {
        self.sign1.message()
    }

    /// Checks the signature, ES256, over [`Envelope::message`].
    pub fn verify(&self, key: &PublicKey, message: &[u8]) -> Result<(), SignatureDiffers> {
        key.verify(Algorithm::Es256, message, &self.sign1.signature)
    }

    /// Reads the claims.
    pub fn claims(&self) -> Result<Claims, ClaimsError> {
        Claims::read(&self.sign1.payload)
    }
}
