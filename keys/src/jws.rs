//! JSON Web Signatures as we write them (RFC 7515): the signer sets `alg` and `kid`, nothing else may.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::signer::{Signer, SignerError};

/// Signs `payload` as a compact JWS. `header` holds what else stands there (`typ`, `x5c`, …); `alg` and `kid` are set
/// here (RFC 7515 §3.1).
///
/// # Errors
///
/// `SignerError::Header` if `header` already holds `alg` or `kid`, else as `Signer::sign`.
pub fn sign(signer: &dyn Signer, header: Map<String, Value>, payload: &[u8]) -> Result<String, SignerError> {
    let protected = protected(signer, header)?;
    let input = format!("{protected}.{}", URL_SAFE_NO_PAD.encode(payload));
    let signature = signer.sign(input.as_bytes())?;
    Ok(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// Signs a JSON value as a compact JWS of the given `typ`.
///
/// # Errors
///
/// As `sign`.
pub fn sign_json(signer: &dyn Signer, typ: &str, claims: &Value) -> Result<String, SignerError> {
    let header = Map::from_iter([("typ".to_owned(), Value::from(typ))]);
    sign(signer, header, claims.to_string().as_bytes())
}

/// Signs `payload` with each of `signers` as a JWS in general JSON form (RFC 7515 §7.2.1), each protected header
/// exactly `{alg, kid, typ}`, as the roles of the trust bundle want it (formats §6).
///
/// # Errors
///
/// As `Signer::sign`, for the first that fails.
pub fn sign_general(signers: &[&dyn Signer], typ: &str, payload: &[u8]) -> Result<Value, SignerError> {
    let payload = URL_SAFE_NO_PAD.encode(payload);
    let signatures = signers.iter().map(|signer| {
        let protected = protected(*signer, Map::from_iter([("typ".to_owned(), Value::from(typ))]))?;
        let signature = signer.sign(format!("{protected}.{payload}").as_bytes())?;
        Ok(serde_json::json!({ "protected": protected, "signature": URL_SAFE_NO_PAD.encode(signature) }))
    });
    let signatures = signatures.collect::<Result<Vec<_>, SignerError>>()?;
    Ok(serde_json::json!({ "payload": payload, "signatures": signatures }))
}

fn protected(signer: &dyn Signer, mut header: Map<String, Value>) -> Result<String, SignerError> {
    let set = [("alg", signer.algorithm().name()), ("kid", signer.kid())];
    for (name, value) in set {
        if header.insert(name.to_owned(), Value::from(value)).is_some() {
            return Err(SignerError::Header);
        }
    }
    Ok(URL_SAFE_NO_PAD.encode(Value::Object(header).to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::software::SoftwareKey;
    use verifier::algorithm::Algorithm;
    use verifier::jws::Jws;

    #[test]
    fn what_is_signed_reads_back() {
        for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
            let key = SoftwareKey::from_pkcs8(algorithm, &SoftwareKey::generate(algorithm).unwrap()).unwrap();
            let text = sign_json(&key, "at+jwt", &serde_json::json!({ "sub": "张三" })).unwrap();
            let jws = Jws::parse(&text, 4096).unwrap();
            assert_eq!((jws.kid(), jws.typ()), (Some(key.kid()), Some("at+jwt")));
            assert!(jws.verify(key.public_key(), &[algorithm]).is_ok());
            let header = Map::from_iter([("alg".to_owned(), Value::from("none"))]);
            assert_eq!(sign(&key, header, b"{}"), Err(SignerError::Header));
        }
    }
}
