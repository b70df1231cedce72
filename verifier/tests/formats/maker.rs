//! Signs documents of the invented authority with the keys of keys.json.

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use serde_json::{Map, Value};
use verifier::algorithm::PublicKey;
use verifier::encoding::{b64, b64u};

use crate::vectors::{b64u as bytes, list, read, text};

/// The keys and certificates of the invented authority.
pub(crate) struct Maker(Value);

impl Maker {
    pub(crate) fn new() -> Option<Self> {
        read("xinyin/keys.json").map(Self)
    }

    fn key(&self, name: &str) -> &Value {
        &self.0["keys"][name]
    }

    /// Signs by a P-256 key: r ‖ s.
    pub(crate) fn es256(&self, name: &str, message: &[u8]) -> Vec<u8> {
        let key = self.key(name);
        let part = |name: &str| bytes(text(key, name));
        let point = [vec![4], part("x"), part("y")].concat();
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, &part("d"), &point, &random).unwrap();
        pair.sign(&random, message).unwrap().as_ref().to_vec()
    }

    /// Signs by an Ed25519 key.
    pub(crate) fn ed25519(&self, name: &str, message: &[u8]) -> [u8; 64] {
        let key = self.key(name);
        let pair = Ed25519KeyPair::from_seed_unchecked(&bytes(text(key, "d"))).unwrap();
        pair.sign(message).as_ref().try_into().unwrap()
    }

    /// A certificate's DER.
    pub(crate) fn certificate(&self, name: &str) -> Vec<u8> {
        let row = &self.0["certificates"][name];
        b64::decode(row["der"].as_str().unwrap()).unwrap()
    }

    /// SHA-256 of the SPKI of a key.
    pub(crate) fn spki_sha256(&self, name: &str) -> [u8; 32] {
        PublicKey::from_jwk(&self.public(name)).unwrap().spki_sha256()
    }

    fn public(&self, name: &str) -> Value {
        let mut key = self.key(name).clone();
        key.as_object_mut().unwrap().remove("d");
        key
    }

    /// A compact JWS by ES256 with the leaf's thumbprint as `kid`.
    pub(crate) fn jws(&self, name: &str, mut header: Map<String, Value>, payload: &[u8]) -> String {
        header.insert("alg".to_owned(), "ES256".into());
        header.insert("kid".to_owned(), PublicKey::from_jwk(&self.public(name)).unwrap().thumbprint().into());
        let input = format!("{}.{}", b64u::encode(Value::Object(header).to_string()), b64u::encode(payload));
        format!("{input}.{}", b64u::encode(self.es256(name, input.as_bytes())))
    }
}

/// The bundle and evidence of one file of cases by name.
pub(crate) fn part(file: &Value, kind: &str, name: &str) -> Vec<u8> {
    file[kind][name].to_string().into_bytes()
}

/// A case by its id.
pub(crate) fn case<'a>(file: &'a Value, id: &str) -> &'a Value {
    list(file, "cases").iter().find(|case| case["id"] == *id).unwrap()
}
