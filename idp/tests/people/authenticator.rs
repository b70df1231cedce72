//! An authenticator in a few lines (WebAuthn L3 §6): one P-256 key, a counter, flags that a story may twist.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64U;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

/// User present, user verified.
pub const UP_UV: u8 = 0x05;
/// May be backed up; is backed up.
pub const BACKUP_ELIGIBLE: u8 = 0x08;
/// Is backed up.
pub const BACKUP_STATE: u8 = 0x10;

/// One passkey.
pub struct Authenticator {
    key: EcdsaKeyPair,
    id: Vec<u8>,
    handle: String,
    /// What it says of itself.
    pub flags: u8,
    /// Its counter.
    pub counter: u32,
    /// What it says of the ways to it; `None`: nothing.
    pub transports: Option<Value>,
    origin: &'static str,
}

impl Authenticator {
    /// A new one for the site at `origin`.
    pub fn new(origin: &'static str) -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).expect("a key");
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).expect("a key");
        let id = digest(&SHA256, key.public_key().as_ref()).as_ref().to_vec();
        let transports = Some(json!(["internal", "x-next-year"]));
        Self { key, id, handle: String::new(), flags: UP_UV, counter: 0, transports, origin }
    }

    /// Answers `navigator.credentials.create`.
    pub fn create(&mut self, options: &Value) -> String {
        options["user"]["id"].as_str().expect("a handle").clone_into(&mut self.handle);
        let point = self.key.public_key().as_ref();
        let mut data = self.data(options["rp"]["id"].as_str().expect("an id"), self.flags | 0x40);
        data.extend_from_slice(&[0; 16]);
        data.extend_from_slice(&[0, 32]);
        data.extend_from_slice(&self.id);
        data.extend_from_slice(&[0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]);
        data.extend_from_slice(&point[1..33]);
        data.extend_from_slice(&[0x22, 0x58, 0x20]);
        data.extend_from_slice(&point[33..]);
        let length = u8::try_from(data.len()).expect("short");
        let mut object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".to_vec();
        object.push(length);
        object.extend_from_slice(&data);
        let mut response = json!({
            "attestationObject": B64U.encode(object),
            "clientDataJSON": B64U.encode(self.client_data("webauthn.create", options)),
        });
        if let Some(transports) = &self.transports {
            response["transports"] = transports.clone();
        }
        self.answer(&response)
    }

    /// Answers `navigator.credentials.get`.
    pub fn get(&mut self, options: &Value) -> String {
        self.counter += 1;
        let data = self.data(options["rpId"].as_str().expect("an id"), self.flags);
        let client_data = self.client_data("webauthn.get", options);
        let signed = [data.as_slice(), digest(&SHA256, client_data.as_bytes()).as_ref()].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).expect("signs");
        self.answer(&json!({
            "authenticatorData": B64U.encode(data),
            "clientDataJSON": B64U.encode(client_data),
            "signature": B64U.encode(signature.as_ref()),
            "userHandle": self.handle,
        }))
    }

    fn data(&self, rp_id: &str, flags: u8) -> Vec<u8> {
        let mut data = digest(&SHA256, rp_id.as_bytes()).as_ref().to_vec();
        data.push(flags);
        data.extend_from_slice(&self.counter.to_be_bytes());
        data
    }

    fn client_data(&self, kind: &str, options: &Value) -> String {
        json!({ "type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": false })
            .to_string()
    }

    fn answer(&self, response: &Value) -> String {
        let id = B64U.encode(&self.id);
        json!({ "id": id, "rawId": id, "type": "public-key", "response": response }).to_string()
    }
}
