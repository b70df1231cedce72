//! Signed notes with an Ed25519 key (C2SP signed-note): verifier keys, and signature lines under a text.

use verifier::algorithm::{Algorithm, PublicKey};
use verifier::log::note::{KeyKind, VerifierKey};

use crate::signer::{Signer, SignerError};

/// The verifier key of an Ed25519 note key of that name; its text form is the vkey.
///
/// # Errors
///
/// `SignerError::Unfit` if the key is not Ed25519, or the name is empty or holds a blank or `+`.
pub fn verifier_key(name: &str, public: &PublicKey) -> Result<VerifierKey, SignerError> {
    let raw = public.raw().try_into().ok().filter(|_| public.fits(Algorithm::EdDsa));
    let raw = raw.ok_or(SignerError::Unfit(Algorithm::EdDsa.name()))?;
    VerifierKey::new(name, KeyKind::Ed25519, raw).ok_or(SignerError::Unfit("a note key's name"))
}

/// The verifier key `NAME+HASH+KEY` as text.
///
/// # Errors
///
/// As `verifier_key`.
pub fn vkey(name: &str, public: &PublicKey) -> Result<String, SignerError> {
    Ok(verifier_key(name, public)?.to_string())
}

/// The signature line `— NAME BASE64` with its line end, over `text`, which ends in a line end itself.
///
/// # Errors
///
/// As `verifier_key`, and as `Signer::sign`; `Unfit` if the text does not end in a line end.
pub fn signature_line(name: &str, signer: &dyn Signer, text: &str) -> Result<String, SignerError> {
    let key = verifier_key(name, signer.public_key())?;
    if !text.ends_with('\n') {
        return Err(SignerError::Unfit("a note's text"));
    }
    let signature = signer.sign(text.as_bytes())?;
    let signature = signature.as_slice().try_into().map_err(|_| SignerError::Failed)?;
    Ok(key.line(signature, None))
}

/// The whole note: text, blank line, one signature line.
///
/// # Errors
///
/// As `signature_line`.
pub fn sign(name: &str, signer: &dyn Signer, text: &str) -> Result<String, SignerError> {
    Ok(format!("{text}\n{}", signature_line(name, signer, text)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::software::SoftwareKey;
    use verifier::log::note::{Note, Vouched};

    /// A key of `../shared/vectors/xinyin/keys.json` (`log`) and its verifier key in that authority's bundle.
    #[test]
    fn vkey_of_the_invented_authority() {
        let jwk =
            serde_json::json!({ "kty": "OKP", "crv": "Ed25519", "x": "lBLtEN9E52iuV6cyjE8RUK-Bbi7jx7g8oxOadLgpXGs" });
        let key = PublicKey::from_jwk(&jwk).unwrap();
        let expected = "signer.xinyin.example/log+0a946882+AZQS7RDfROdorlenMoxPEVCvgW4u48e4PKMTmnS4KVxr";
        assert_eq!(vkey("signer.xinyin.example/log", &key).unwrap(), expected);
        for name in ["", "a+b", "a b"] {
            assert!(vkey(name, &key).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_signed_note_reads_back() {
        let pkcs8 = SoftwareKey::generate(Algorithm::EdDsa).unwrap();
        let signer = SoftwareKey::from_pkcs8(Algorithm::EdDsa, &pkcs8).unwrap();
        let text = sign("a.example/log", &signer, "a.example/log\n7\nroot\n").unwrap();
        let key = verifier_key("a.example/log", signer.public_key()).unwrap();
        assert_eq!(Note::parse(&text).unwrap().vouched(&key), Vouched::Signed(None));
        let altered = text.replace("\n7\n", "\n8\n");
        assert_eq!(Note::parse(&altered).unwrap().vouched(&key), Vouched::Differs);
        assert!(sign("a.example/log", &signer, "no end").is_err());
        let p256 = SoftwareKey::generate(Algorithm::Es256).unwrap();
        let p256 = SoftwareKey::from_pkcs8(Algorithm::Es256, &p256).unwrap();
        assert!(sign("a.example/log", &p256, "text\n").is_err());
    }
}
