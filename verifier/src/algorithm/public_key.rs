//! A public key, read once from JWK or SPKI; what is unsuitable for signatures is refused there.

use std::fmt;

use ring::digest;
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use x509_parser::prelude::{FromDer as _, SubjectPublicKeyInfo};

use super::{Algorithm, CertificateAlgorithm, KeyError, KeyId, SignatureDiffers, der};

/// The types of keys that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A point on P-256.
    P256,
    /// A point on P-384; in certificates alone.
    P384,
    /// An Ed25519 key.
    Ed25519,
    /// An RSA modulus and exponent.
    Rsa,
}

/// A public key for signatures.
///
/// The bytes have the right form and width; whether a point lies on its curve is found when a signature is checked.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PublicKey {
    kind: Kind,
    /// 04 ‖ x ‖ y of EC, 32 bytes of Ed25519, DER `RSAPublicKey` of RSA.
    raw: Vec<u8>,
    spki: Vec<u8>,
}

pub(super) const P256_ALGORITHM: &[u8] = &[
    0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03,
    0x01, 0x07,
];
const P384_ALGORITHM: &[u8] =
    &[0x30, 0x10, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22];
const ED25519_ALGORITHM: &[u8] = &[0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70];
const RSA_ALGORITHM: &[u8] =
    &[0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00];

impl PublicKey {
    /// Reads a DER `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7) that fills `spki`.
    pub fn from_spki_der(spki: &[u8]) -> Result<Self, KeyError> {
        let (rest, parsed) = SubjectPublicKeyInfo::from_der(spki).map_err(|_| KeyError::Member("structure"))?;
        if !rest.is_empty() || parsed.subject_public_key.unused_bits != 0 {
            return Err(KeyError::Member("structure"));
        }
        let (content, _) = der::read(spki, 0x30).ok_or(KeyError::Member("structure"))?;
        let (inner, _) = der::read(content, 0x30).ok_or(KeyError::Member("algorithm"))?;
        let kind = match &content[..content.len().min(inner.len() + 2)] {
            P256_ALGORITHM => Kind::P256,
            P384_ALGORITHM => Kind::P384,
            ED25519_ALGORITHM => Kind::Ed25519,
            RSA_ALGORITHM => Kind::Rsa,
            _ => return Err(KeyError::Unsupported),
        };
        let key = Self::new(kind, parsed.subject_public_key.data.to_vec())?;
        // One encoding for one key, since rows and log entries name a key by the digest of it.
        if key.spki_der() == spki { Ok(key) } else { Err(KeyError::Member("structure")) }
    }

    /// Reads the 32 bytes of an Ed25519 key.
    pub fn from_ed25519(bytes: &[u8; 32]) -> Self {
        Self::new(Kind::Ed25519, bytes.to_vec()).expect("any 32 bytes have the form of an Ed25519 key")
    }

    /// The type of the key.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// 04 ‖ x ‖ y of an elliptic curve, the 32 bytes of Ed25519, the DER `RSAPublicKey` of RSA.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The key as DER `SubjectPublicKeyInfo`.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// SHA-256 of [`Self::spki_der`].
    pub fn spki_sha256(&self) -> [u8; 32] {
        sha256(&self.spki)
    }

    /// The RFC 7638 thumbprint.
    pub fn key_id(&self) -> KeyId {
        KeyId(sha256(self.thumbprint_input().as_bytes()))
    }

    /// The RFC 7638 thumbprint as base64url, as it stands in `kid`.
    pub fn thumbprint(&self) -> String {
        self.key_id().to_string()
    }

    /// The algorithms by which this key can have signed a JWS; none for a key of certificates alone.
    pub const fn algorithms(&self) -> &'static [Algorithm] {
        match self.kind {
            Kind::P256 => &[Algorithm::Es256],
            Kind::Ed25519 => &[Algorithm::EdDsa],
            Kind::Rsa => &[Algorithm::Rs256],
            Kind::P384 => &[],
        }
    }

    /// Whether this key can have signed by `algorithm`.
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        self.algorithms().contains(&algorithm)
    }

    /// Checks a JOSE or COSE signature over `message`; ES256 is r ‖ s, 64 bytes (RFC 7518 §3.4).
    pub fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> Result<(), SignatureDiffers> {
        let with: &dyn VerificationAlgorithm = match (algorithm, self.kind) {
            (Algorithm::Es256, Kind::P256) => &signature::ECDSA_P256_SHA256_FIXED,
            (Algorithm::EdDsa, Kind::Ed25519) => &signature::ED25519,
            (Algorithm::Rs256, Kind::Rsa) => &signature::RSA_PKCS1_2048_8192_SHA256,
            _ => return Err(SignatureDiffers),
        };
        self.check(with, message, signature)
    }

    /// Checks the signature of a certificate or CRL over `message`; ECDSA signatures are DER (RFC 3279 §2.2.3).
    pub fn verify_certificate(
        &self,
        algorithm: CertificateAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureDiffers> {
        let with = algorithm.with(self.kind).ok_or(SignatureDiffers)?;
        self.check(with, message, signature)
    }

    fn check(
        &self,
        with: &'static dyn VerificationAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureDiffers> {
        UnparsedPublicKey::new(with, &self.raw).verify(message, signature).map_err(|_| SignatureDiffers)
    }

    /// The one constructor: the form of `raw` is checked here.
    pub(super) fn new(kind: Kind, raw: Vec<u8>) -> Result<Self, KeyError> {
        let algorithm = match kind {
            Kind::P256 => P256_ALGORITHM,
            Kind::P384 => P384_ALGORITHM,
            Kind::Ed25519 => ED25519_ALGORITHM,
            Kind::Rsa => RSA_ALGORITHM,
        };
        let point = |width: usize| {
            if raw.first() != Some(&4) {
                return Err(KeyError::Unsupported); // compressed points
            }
            if raw.len() == 1 + 2 * width { Ok(()) } else { Err(KeyError::Width("point")) }
        };
        match kind {
            Kind::P256 => point(32)?,
            Kind::P384 => point(48)?,
            Kind::Ed25519 if raw.len() != 32 => return Err(KeyError::Width("x")),
            Kind::Ed25519 => {}
            Kind::Rsa => check_rsa(&raw)?,
        }
        let spki = der::sequence(&[algorithm, &der::bit_string(&raw)]);
        Ok(Self { kind, raw, spki })
    }
}

/// Modulus and exponent of a DER `RSAPublicKey`.
pub(super) fn rsa_numbers(raw: &[u8]) -> Option<(&[u8], &[u8])> {
    let (numbers, rest) = der::read(raw, 0x30)?;
    let (n, exponent) = der::read_unsigned(numbers)?;
    let (e, end) = der::read_unsigned(exponent)?;
    (rest.is_empty() && end.is_empty()).then_some((n, e))
}

fn check_rsa(raw: &[u8]) -> Result<(), KeyError> {
    let (n, e) = rsa_numbers(raw).ok_or(KeyError::Member("structure"))?;
    let bits = n.len() * 8 - n[0].leading_zeros() as usize;
    let odd = n[n.len() - 1] & 1 == 1 && e[e.len() - 1] & 1 == 1;
    let small = e.len() > 4 || e == [1];
    if !(2048..=8192).contains(&bits) || !odd || small || has_infineon_form(n) { Err(KeyError::Weak) } else { Ok(()) }
}

/// Whether a modulus has the form of keys that a faulty chip made (CVE-2017-15361) and that can be factored: modulo each
/// small prime it is a power of 65537, which hardly any other modulus is.
fn has_infineon_form(n: &[u8]) -> bool {
    const PRIMES: [u32; 38] = [
        3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107,
        109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
    ];
    PRIMES.iter().all(|prime| {
        let rest = n.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime);
        std::iter::successors(Some(1), |power| Some(power * 65_537 % prime).filter(|next| *next != 1))
            .any(|power| power == rest)
    })
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({:?}, {})", self.kind, self.key_id())
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest::digest(&digest::SHA256, bytes).as_ref().try_into().expect("SHA-256 has 32 bytes")
}
