//! What stands inside an encrypted key store, as JSON.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use verifier::time::Timestamp;
use zeroize::Zeroizing;

/// Everything in a store.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Contents {
    /// True of a store made for the demonstration world, which `serve` refuses.
    pub(crate) demonstration: bool,
    pub(crate) rings: Vec<RingRow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) authority: Option<AuthorityRow>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RingRow {
    pub(crate) purpose: String,
    pub(crate) kind: String,
    pub(crate) keys: Vec<KeyRow>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyRow {
    pub(crate) kid: String,
    /// PKCS#8 of a key pair or the secret itself; absent once destroyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<SecretBytes>,
    /// `SubjectPublicKeyInfo` of a key pair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) spki: Option<Bytes>,
    pub(crate) announced_at: Timestamp,
    /// Absent while the key waits for its certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) active_from: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) withdrawn_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) destroyed_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) compromised_from: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) certificate: Option<CertificateRow>,
}

/// A certificate beside its key, and what the register of the trust bundle says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CertificateRow {
    /// DER: the leaf, then intermediates; never the root unless it is the root's own.
    pub(crate) chain: Vec<Bytes>,
    pub(crate) types: Vec<String>,
    pub(crate) regions: Vec<String>,
    pub(crate) signs_from: Timestamp,
    pub(crate) signs_until: Timestamp,
    pub(crate) foreign: bool,
}

/// The authority whose keys the store holds, and the trust bundle that it published last.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthorityRow {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) oid_arc: String,
    /// The external URL of its licence-signer.
    pub(crate) signer: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bundle: Option<serde_json::Value>,
}

/// Public bytes, base64 in JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

/// Secret bytes, base64 in JSON, wiped when dropped and silent in `Debug`.
#[derive(Clone)]
pub(crate) struct SecretBytes(pub(crate) Zeroizing<Vec<u8>>);

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl Serialize for SecretBytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(STANDARD.encode(self.0.as_slice())))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Self).map_err(|_| serde::de::Error::custom("base64 expected"))
    }
}

impl<'de> Deserialize<'de> for SecretBytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let bytes = STANDARD.decode(text.as_bytes()).map_err(|_| serde::de::Error::custom("base64 expected"))?;
        Ok(Self(Zeroizing::new(bytes)))
    }
}
