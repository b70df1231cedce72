//! JWK (RFC 7517, RFC 7518 §6, RFC 8037) and its thumbprint (RFC 7638).

use serde_json::{Map, Value};

use super::public_key::rsa_numbers;
use super::{Algorithm, KeyError, Kind, PublicKey, der};
use crate::encoding::b64u;

impl PublicKey {
    /// Reads a JWK of type EC (P-256), OKP (Ed25519) or RSA.
    ///
    /// Coordinates have exactly the width of their curve. `use`, `key_ops` and `alg`, where present, must allow
    /// signatures that this house reads; members of a private key and unknown ones are passed over.
    pub fn from_jwk(jwk: &Value) -> Result<Self, KeyError> {
        let jwk = jwk.as_object().ok_or(KeyError::Member("structure"))?;
        let key = match text(jwk, "kty")? {
            "EC" => {
                if text(jwk, "crv")? != "P-256" {
                    return Err(KeyError::Unsupported);
                }
                let (x, y) = (coordinate(jwk, "x")?, coordinate(jwk, "y")?);
                Self::new(Kind::P256, [&[4], &x[..], &y[..]].concat())?
            }
            "OKP" => {
                if text(jwk, "crv")? != "Ed25519" {
                    return Err(KeyError::Unsupported);
                }
                Self::new(Kind::Ed25519, coordinate(jwk, "x")?)?
            }
            "RSA" => {
                let (n, e) = (number(jwk, "n")?, number(jwk, "e")?);
                Self::new(Kind::Rsa, der::sequence(&[&der::unsigned(&n), &der::unsigned(&e)]))?
            }
            _ => return Err(KeyError::Unsupported),
        };
        check_use(jwk, &key)?;
        Ok(key)
    }

    /// The members that make the key: `kty`, `crv`, `x`, `y`, or `kty`, `n`, `e`.
    pub fn to_jwk(&self) -> Map<String, Value> {
        self.members().into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))).collect()
    }

    /// What the thumbprint is over: the members in the order of their names, without blanks (RFC 7638 §3.2).
    pub(super) fn thumbprint_input(&self) -> String {
        let members: Vec<String> =
            self.members().into_iter().map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect();
        format!("{{{}}}", members.join(","))
    }

    /// The members in lexicographic order.
    fn members(&self) -> Vec<(&'static str, String)> {
        let half = self.raw().len().div_ceil(2);
        let (kty, curve) = match self.kind() {
            Kind::P256 => ("EC", "P-256"),
            Kind::P384 => ("EC", "P-384"),
            Kind::Ed25519 => {
                return vec![("crv", "Ed25519".to_owned()), ("kty", "OKP".to_owned()), ("x", b64u::encode(self.raw()))];
            }
            Kind::Rsa => {
                let (n, e) = rsa_numbers(self.raw()).expect("checked when the key was read");
                return vec![("e", b64u::encode(e)), ("kty", "RSA".to_owned()), ("n", b64u::encode(n))];
            }
        };
        vec![
            ("crv", curve.to_owned()),
            ("kty", kty.to_owned()),
            ("x", b64u::encode(&self.raw()[1..half])),
            ("y", b64u::encode(&self.raw()[half..])),
        ]
    }
}

fn text<'a>(jwk: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, KeyError> {
    jwk.get(name).and_then(Value::as_str).ok_or(KeyError::Member(name))
}

fn coordinate(jwk: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, KeyError> {
    let bytes = b64u::decode(text(jwk, name)?).map_err(|_| KeyError::Member(name))?;
    if bytes.len() == 32 { Ok(bytes) } else { Err(KeyError::Width(name)) }
}

fn number(jwk: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, KeyError> {
    let bytes = b64u::decode(text(jwk, name)?).map_err(|_| KeyError::Member(name))?;
    match bytes.first() {
        None => Err(KeyError::Member(name)),
        Some(0) => Err(KeyError::Width(name)),
        Some(_) => Ok(bytes),
    }
}

fn check_use(jwk: &Map<String, Value>, key: &PublicKey) -> Result<(), KeyError> {
    if jwk.get("use").is_some_and(|value| value != "sig") {
        return Err(KeyError::Use);
    }
    if let Some(operations) = jwk.get("key_ops") {
        let operations = operations.as_array().ok_or(KeyError::Member("key_ops"))?;
        if !operations.iter().any(|operation| operation == "verify" || operation == "sign") {
            return Err(KeyError::Use);
        }
    }
    if let Some(algorithm) = jwk.get("alg") {
        let algorithm = algorithm.as_str().ok_or(KeyError::Member("alg"))?;
        if !Algorithm::from_name(algorithm).is_some_and(|algorithm| key.fits(algorithm)) {
            return Err(KeyError::Use);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"; // RFC 7515 appendix A.3
    const Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

    #[test]
    fn a_coordinate_has_its_width() {
        let with_x = |x: &[u8]| json!({"kty": "EC", "crv": "P-256", "x": b64u::encode(x), "y": Y});
        for (width, expected) in [(32, Ok(())), (31, Err(KeyError::Width("x"))), (33, Err(KeyError::Width("x")))] {
            assert_eq!(PublicKey::from_jwk(&with_x(&vec![0; width])).map(drop), expected);
        }
        let mut short = [7; 32];
        short[0] = 0;
        let key = PublicKey::from_jwk(&with_x(&short)).unwrap();
        assert_eq!(key.to_jwk()["x"], b64u::encode(short));
        assert_eq!(PublicKey::from_spki_der(key.spki_der()).unwrap(), key);
    }

    #[test]
    fn keys_for_other_uses_are_refused() {
        let good = json!({"kty": "EC", "crv": "P-256", "x": X, "y": Y});
        let with = |name: &str, value: Value| {
            let mut jwk = good.clone();
            jwk[name] = value;
            PublicKey::from_jwk(&jwk).map(drop)
        };
        assert_eq!(with("kid", json!(7)), Ok(()));
        assert_eq!(with("use", json!("sig")), Ok(()));
        assert_eq!(with("use", json!("enc")), Err(KeyError::Use));
        assert_eq!(with("alg", json!("ES256")), Ok(()));
        assert_eq!(with("alg", json!("RS256")), Err(KeyError::Use));
        assert_eq!(with("key_ops", json!(["verify"])), Ok(()));
        assert_eq!(with("key_ops", json!(["encrypt"])), Err(KeyError::Use));
        assert_eq!(with("crv", json!("P-384")), Err(KeyError::Unsupported));
        assert_eq!(with("kty", json!("oct")), Err(KeyError::Unsupported));
        assert_eq!(with("x", json!("+")), Err(KeyError::Member("x")));
        assert_eq!(PublicKey::from_jwk(&json!([])), Err(KeyError::Member("structure")));
    }

    #[test]
    fn thumbprints_are_those_of_the_rfcs() {
        let rsa = json!({"kty": "RSA", "alg": "RS256", "kid": "2011-04-29", "e": "AQAB", "n":
            "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4\
             n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zg\
             dAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCu\
             r-kEgU8awapJzKnqDKgw"});
        let key = PublicKey::from_jwk(&rsa).unwrap(); // RFC 7638 §3.1
        assert_eq!(key.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        assert_eq!(PublicKey::from_spki_der(key.spki_der()).unwrap(), key);
        let ed = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
        let key = PublicKey::from_jwk(&ed).unwrap(); // RFC 8037 appendix A.3
        assert_eq!(key.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert_eq!(key.key_id(), key.thumbprint().parse().unwrap());
        assert_eq!(Value::Object(key.to_jwk()), ed);
    }
}
