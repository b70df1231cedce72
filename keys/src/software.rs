//! Keys in memory: made or imported, held as PKCS#8, signed with by ring alone.

use std::fmt;

use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use rsa::pkcs8::EncodePrivateKey;
use verifier::algorithm::{Algorithm, PublicKey};
use zeroize::Zeroizing;

use crate::signer::{Signer, SignerError, der};

/// The size of a new RSA modulus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RsaBits {
    /// 2048 bits: the least that RS256 allows (RFC 7518 §3.3).
    Rsa2048,
    /// 3072 bits.
    Rsa3072,
}

/// A private key in this process's memory.
pub struct SoftwareKey {
    pair: Pair,
    public: PublicKey,
    kid: String,
    random: SystemRandom,
}

enum Pair {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(Box<RsaKeyPair>),
}

impl SoftwareKey {
    /// Makes a key and gives it as PKCS#8 (RFC 5958): P-256 and Ed25519 by ring, RSA of 2048 bits by the `rsa` crate's
    /// generator, which never signs.
    ///
    /// # Errors
    ///
    /// `SignerError::Failed` if the random source fails.
    pub fn generate(algorithm: Algorithm) -> Result<Zeroizing<Vec<u8>>, SignerError> {
        let random = SystemRandom::new();
        let document = match algorithm {
            Algorithm::Es256 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random),
            Algorithm::EdDsa => Ed25519KeyPair::generate_pkcs8(&random),
            Algorithm::Rs256 => return Self::generate_rsa(RsaBits::Rsa2048),
        };
        document.map(|document| Zeroizing::new(document.as_ref().to_vec())).map_err(|_| SignerError::Failed)
    }

    /// Makes an RSA key of the given size and gives it as PKCS#8.
    ///
    /// # Errors
    ///
    /// `SignerError::Failed` if the generator fails.
    pub fn generate_rsa(bits: RsaBits) -> Result<Zeroizing<Vec<u8>>, SignerError> {
        let bits = match bits {
            RsaBits::Rsa2048 => 2048,
            RsaBits::Rsa3072 => 3072,
        };
        let key = rsa::RsaPrivateKey::new(&mut rand::rngs::OsRng, bits).map_err(|_| SignerError::Failed)?;
        let document = key.to_pkcs8_der().map_err(|_| SignerError::Failed)?;
        Ok(Zeroizing::new(document.as_bytes().to_vec()))
    }

    /// Reads a key from PKCS#8 DER, ours or another's.
    ///
    /// # Errors
    ///
    /// `SignerError::Unfit` if it is no key of that algorithm: another curve, an RSA modulus outside 2048 to 4096 bits,
    /// a public half that does not belong to the private one.
    pub fn from_pkcs8(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, SignerError> {
        let random = SystemRandom::new();
        let unfit = SignerError::Unfit(algorithm.name());
        let pair = match algorithm {
            Algorithm::Es256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &random).map(Pair::Es256)
            }
            Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map(Pair::EdDsa),
            Algorithm::Rs256 => RsaKeyPair::from_pkcs8(pkcs8).map(|pair| Pair::Rs256(Box::new(pair))),
        }
        .map_err(|_| unfit)?;
        let public = PublicKey::from_spki_der(&spki(&pair)).map_err(|_| unfit)?;
        let kid = public.thumbprint();
        Ok(Self { pair, public, kid, random })
    }

    /// Reads a key from PKCS#8 in PEM (`PRIVATE KEY`), the form in which other software exports it.
    ///
    /// # Errors
    ///
    /// As `from_pkcs8`, and if there is not exactly one such block.
    pub fn from_pem(algorithm: Algorithm, pem: &str) -> Result<Self, SignerError> {
        Self::from_pkcs8(algorithm, &pkcs8_of_pem(pem).ok_or(SignerError::Unfit(algorithm.name()))?)
    }

    /// Reads a key file: PKCS#8 in PEM, of whichever algorithm its key is.
    ///
    /// # Errors
    ///
    /// `Unfit` if it is no key of an algorithm that we sign with.
    pub fn from_key_file(pem: &str) -> Result<Self, SignerError> {
        let unfit = SignerError::Unfit("ES256, EdDSA or RS256");
        let pkcs8 = pkcs8_of_pem(pem).ok_or(unfit)?;
        let algorithms = [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256];
        algorithms.into_iter().find_map(|algorithm| Self::from_pkcs8(algorithm, &pkcs8).ok()).ok_or(unfit)
    }

    /// The text of a key file that holds the key of `pkcs8`.
    pub fn key_file(pkcs8: &[u8]) -> Zeroizing<String> {
        Zeroizing::new(crate::certify::pem("PRIVATE KEY", pkcs8))
    }
}

/// The DER inside the one `PRIVATE KEY` block of a PEM text.
pub(crate) fn pkcs8_of_pem(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    use base64::Engine as _;
    let (_, rest) = text.split_once("-----BEGIN PRIVATE KEY-----")?;
    let (body, after) = rest.split_once("-----END PRIVATE KEY-----")?;
    if after.contains("PRIVATE KEY-----") {
        return None;
    }
    let joined: Zeroizing<String> = Zeroizing::new(body.split_ascii_whitespace().collect());
    base64::engine::general_purpose::STANDARD.decode(joined.as_bytes()).ok().map(Zeroizing::new)
}

impl Signer for SoftwareKey {
    fn algorithm(&self) -> Algorithm {
        match self.pair {
            Pair::Es256(_) => Algorithm::Es256,
            Pair::EdDsa(_) => Algorithm::EdDsa,
            Pair::Rs256(_) => Algorithm::Rs256,
        }
    }

    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn kid(&self) -> &str {
        &self.kid
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        match &self.pair {
            Pair::Es256(pair) => pair.sign(&self.random, message).map(|signature| signature.as_ref().to_vec()),
            Pair::EdDsa(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Pair::Rs256(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &self.random, message, &mut signature).map(|()| signature)
            }
        }
        .map_err(|_| SignerError::Failed)
    }
}

impl fmt::Debug for SoftwareKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SoftwareKey({} {})", self.algorithm().name(), self.kid)
    }
}

/// The `SubjectPublicKeyInfo` of a pair (RFC 5480 §2, RFC 8410 §4, RFC 3279 §2.3.1).
fn spki(pair: &Pair) -> Vec<u8> {
    const EC_P256: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
    const ED25519: &[u8] = b"\x06\x03\x2b\x65\x70";
    const RSA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
    let (algorithm, key) = match pair {
        Pair::Es256(pair) => (EC_P256, pair.public_key().as_ref()),
        Pair::EdDsa(pair) => (ED25519, pair.public_key().as_ref()),
        Pair::Rs256(pair) => (RSA, pair.public_key().as_ref()),
    };
    let bits = [&[0], key].concat();
    der(0x30, &[der(0x30, algorithm), der(0x03, &bits)].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_algorithm_signs_what_its_public_half_verifies() {
        for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
            let key = SoftwareKey::from_pkcs8(algorithm, &SoftwareKey::generate(algorithm).unwrap()).unwrap();
            let signature = key.sign(b"message").unwrap();
            assert!(key.public_key().verify(algorithm, b"message", &signature).is_ok(), "{algorithm:?}");
            assert!(key.public_key().verify(algorithm, b"messagf", &signature).is_err(), "{algorithm:?}");
            assert_eq!(key.kid(), key.public_key().thumbprint());
            if algorithm != Algorithm::Rs256 {
                assert_eq!(signature.len(), 64);
            }
        }
    }

    /// KF-27: r and s stay 32 bytes each when they begin with zero; 63 and 65 bytes are refused, and so is a DER form that is not the
    /// shortest. The shortest verifies.
    #[test]
    fn a_signature_has_sixty_four_bytes_whatever_it_begins_with() {
        use verifier::algorithm::CertificateAlgorithm;
        // with `more` it has one zero more than the shortest form
        let number = |half: &[u8], more: bool| {
            let start = half.iter().position(|byte| *byte != 0).unwrap_or(31);
            let zeros = usize::from(half[start] & 0x80 != 0) + usize::from(more);
            der(0x02, &[&[0, 0][..zeros], &half[start..]].concat())
        };
        let key = SoftwareKey::from_pkcs8(Algorithm::Es256, &SoftwareKey::generate(Algorithm::Es256).unwrap()).unwrap();
        let public = key.public_key();
        let mut seen = [false; 2];
        for round in 0..20_000_u32 {
            let message = round.to_be_bytes();
            let signature = key.sign(&message).unwrap();
            assert_eq!(signature.len(), 64);
            let (r, s) = signature.split_at(32);
            if r[0] != 0 && s[0] != 0 {
                continue;
            }
            assert_eq!(public.verify(Algorithm::Es256, &message, &signature), Ok(()));
            let short = if r[0] == 0 { &signature[1..] } else { &[r, &s[1..]].concat() };
            let long = [&[0], signature.as_slice()].concat();
            for wrong in [short, &long, &[signature.as_slice(), &[0]].concat(), &[]] {
                assert!(public.verify(Algorithm::Es256, &message, wrong).is_err(), "{} bytes", wrong.len());
            }
            let judge = |signature: &[u8]| {
                public.verify_certificate(CertificateAlgorithm::EcdsaSha256, &message, signature).is_ok()
            };
            for (more_r, more_s) in [(false, false), (true, false), (false, true)] {
                let good = judge(&der(0x30, &[number(r, more_r), number(s, more_s)].concat()));
                assert_eq!(good, !more_r && !more_s, "a zero more: {more_r} {more_s}");
            }
            (seen[0], seen[1]) = (seen[0] || r[0] == 0, seen[1] || s[0] == 0);
            if seen == [true, true] {
                return;
            }
        }
        panic!("neither r nor s began with zero in 20,000 signatures");
    }

    #[test]
    fn a_key_of_another_kind_is_refused() {
        let p256 = SoftwareKey::generate(Algorithm::Es256).unwrap();
        for algorithm in [Algorithm::EdDsa, Algorithm::Rs256] {
            assert_eq!(SoftwareKey::from_pkcs8(algorithm, &p256).err(), Some(SignerError::Unfit(algorithm.name())));
        }
        assert!(SoftwareKey::from_pkcs8(Algorithm::Es256, &p256[1..]).is_err());
        assert!(
            SoftwareKey::from_pem(Algorithm::Es256, "-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----")
                .is_err()
        );
    }

    /// KF-18: about one key in 128 has a coordinate with a leading zero byte. It is written with all its bytes and its thumbprint is
    /// the one that RFC 7638 gives for that; a coordinate of 31 or 33 bytes is refused by its name.
    #[test]
    fn coordinates_stay_thirty_two_bytes() {
        use verifier::algorithm::KeyError;
        use verifier::encoding::b64u;
        let (mut short_x, mut short_y) = (false, false);
        for _ in 0..8_000 {
            let pkcs8 = SoftwareKey::generate(Algorithm::Es256).unwrap();
            let key = SoftwareKey::from_pkcs8(Algorithm::Es256, &pkcs8).unwrap();
            let point = &key.public_key().spki_der()[27..];
            if point[0] == 0 || point[32] == 0 {
                let jwk = key.public_key().to_jwk();
                assert_eq!(jwk["x"].as_str().map(str::len), Some(43));
                assert_eq!(jwk["y"].as_str().map(str::len), Some(43));
                assert_eq!(jwk["x"], b64u::encode(&point[..32]));
                assert_eq!(jwk["y"], b64u::encode(&point[32..]));
                let members = format!(r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#, jwk["x"], jwk["y"]);
                let thumbprint = ring::digest::digest(&ring::digest::SHA256, members.as_bytes());
                assert_eq!(key.kid(), b64u::encode(thumbprint.as_ref()));
                let (name, at) = if point[0] == 0 { ("x", 0) } else { ("y", 32) };
                for wrong in [&point[at + 1..at + 32], &[&[0], &point[at..at + 32]].concat()] {
                    let mut jwk = jwk.clone();
                    jwk.insert(name.into(), b64u::encode(wrong).into());
                    let read = PublicKey::from_jwk(&serde_json::Value::Object(jwk));
                    assert_eq!(read.err(), Some(KeyError::Width(name)), "{} bytes", wrong.len());
                }
                let again = PublicKey::from_jwk(&serde_json::Value::Object(jwk)).unwrap();
                assert_eq!(again.thumbprint(), key.kid());
                (short_x, short_y) = (short_x || point[0] == 0, short_y || point[32] == 0);
            }
            if short_x && short_y {
                return;
            }
        }
        panic!("no coordinate began with zero in 8,000 keys");
    }
}
