//! A trust bundle as it is written and kept: three roles of signed JSON.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use crate::certify::{pem, sha256_hex};

/// A trust bundle that we made. Whoever checks one reads it with `verifier::trust`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    pub(super) root: Vec<Value>,
    pub(super) targets: Value,
    pub(super) timestamp: Value,
}

impl Bundle {
    /// Takes a bundle that `to_value` gave.
    pub fn from_value(value: &Value) -> Option<Self> {
        let root = value.get("root")?.as_array()?.clone();
        let bundle = Self { root, targets: value.get("targets")?.clone(), timestamp: value.get("timestamp")?.clone() };
        bundle.authority().is_some().then_some(bundle)
    }

    /// Takes a bundle that `to_json` gave.
    pub fn from_json(text: &[u8]) -> Option<Self> {
        Self::from_value(&serde_json::from_slice(text).ok()?)
    }

    /// The bundle as JSON.
    pub fn to_value(&self) -> Value {
        json!({ "root": self.root, "targets": self.targets, "timestamp": self.timestamp })
    }

    /// The bundle's bytes: `trust-bundle.json`.
    pub fn to_json(&self) -> Vec<u8> {
        self.to_value().to_string().into_bytes()
    }

    /// The authority's name.
    pub fn authority(&self) -> Option<String> {
        payload(self.root.first()?).get("authority")?.as_str().map(str::to_owned)
    }

    /// The fingerprint that users pin: SHA-256 of the first root's decoded payload, lower-case hex (formats §6).
    pub fn root_sha256(&self) -> String {
        self.root.first().map(|first| sha256_hex(&payload_bytes(first))).unwrap_or_default()
    }

    /// The number of the newest root, of `targets` and of `timestamp`.
    pub fn versions(&self) -> [u64; 3] {
        [self.root_payload(), self.targets_payload(), self.timestamp_payload()].map(|payload| version(&payload))
    }

    /// The members of `targets`, read without checking: for showing what was published.
    pub fn targets_payload(&self) -> Map<String, Value> {
        payload(&self.targets)
    }

    /// The root certificates in PEM: what foreign software needs as anchors.
    pub fn roots_pem(&self) -> String {
        self.certificates_pem("anchors")
    }

    /// The intermediate certificates in PEM.
    pub fn intermediates_pem(&self) -> String {
        self.certificates_pem("intermediates")
    }

    pub(super) fn root_payload(&self) -> Map<String, Value> {
        self.root.last().map(payload).unwrap_or_default()
    }

    pub(super) fn timestamp_payload(&self) -> Map<String, Value> {
        payload(&self.timestamp)
    }

    fn certificates_pem(&self, member: &str) -> String {
        let targets = self.targets_payload();
        let texts = targets.get(member).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        texts.filter_map(|text| STANDARD.decode(text).ok()).map(|der| pem("CERTIFICATE", &der)).collect()
    }
}

/// The decoded payload of a JWS in general form; empty if there is none.
pub(super) fn payload_bytes(jws: &Value) -> Vec<u8> {
    jws["payload"].as_str().and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()).unwrap_or_default()
}

pub(super) fn payload(jws: &Value) -> Map<String, Value> {
    serde_json::from_slice(&payload_bytes(jws)).unwrap_or_default()
}

/// The `kid` of each signature.
pub(super) fn kids(jws: &Value) -> Vec<String> {
    let kid = |signature: &Value| {
        let header = URL_SAFE_NO_PAD.decode(signature["protected"].as_str()?).ok()?;
        let header: Map<String, Value> = serde_json::from_slice(&header).ok()?;
        header.get("kid")?.as_str().map(str::to_owned)
    };
    jws["signatures"].as_array().into_iter().flatten().filter_map(kid).collect()
}

pub(super) fn b64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn version(payload: &Map<String, Value>) -> u64 {
    payload.get("version").and_then(Value::as_u64).unwrap_or(0)
}
