//! Signed notes with an Ed25519 key (C2SP signed-note): verifier keys, and signature lines under a text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use verifier::algorithm::{Algorithm, PublicKey};

use crate::signer::{Signer, SignerError};

/// The type byte of a note signed with plain Ed25519.
const ED25519: u8 = 0x01;

/// The verifier key `NAME+HASH+KEY` of an Ed25519 note key.
///
/// # Errors
///
/// `SignerError::Unfit` if the key is not Ed25519, or the name is empty or holds a blank or `+`.
pub fn vkey(name: &str, public: &PublicKey) -> Result<String, SignerError> {
    let key = raw_ed25519(public)?;
    let id = key_id(name, &key)?;
    let hash = u32::from_be_bytes(id);
    Ok(format!("{name}+{hash:08x}+{}", STANDARD.encode([&[ED25519], key.as_slice()].concat())))
}

/// The signature line `— NAME BASE64` with its line end, over `text`, which ends in a line end itself.
///
/// # Errors
///
/// As `vkey`, and as `Signer::sign`.
pub fn signature_line(name: &str, signer: &dyn Signer, text: &str) -> Result<String, SignerError> {
    let id = key_id(name, &raw_ed25519(signer.public_key())?)?;
    let signature = signer.sign(text.as_bytes())?;
    Ok(format!("\u{2014} {name} {}\n", STANDARD.encode([id.as_slice(), &signature].concat())))
}

/// The whole note: text, blank line, one signature line.
///
/// # Errors
///
/// As `signature_line`; `Unfit` if the text does not end in a line end.
pub fn sign(name: &str, signer: &dyn Signer, text: &str) -> Result<String, SignerError> {
    if !text.ends_with('\n') {
        return Err(SignerError::Unfit("a note"));
    }
    Ok(format!("{text}\n{}", signature_line(name, signer, text)?))
}

fn key_id(name: &str, key: &[u8; 32]) -> Result<[u8; 4], SignerError> {
    if name.is_empty() || name.contains('+') || name.chars().any(char::is_whitespace) {
        return Err(SignerError::Unfit("a note key's name"));
    }
    let input = [name.as_bytes(), &[b'\n', ED25519], key].concat();
    let digest = ring::digest::digest(&ring::digest::SHA256, &input);
    Ok(digest.as_ref()[..4].try_into().expect("a SHA-256 digest has four bytes"))
}

fn raw_ed25519(public: &PublicKey) -> Result<[u8; 32], SignerError> {
    let unfit = SignerError::Unfit(Algorithm::EdDsa.name());
    let jwk = public.to_jwk();
    if jwk.get("crv").and_then(serde_json::Value::as_str) != Some("Ed25519") {
        return Err(unfit);
    }
    let spki = public.spki_der();
    spki.get(spki.len().wrapping_sub(32)..).and_then(|raw| raw.try_into().ok()).ok_or(unfit)
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
