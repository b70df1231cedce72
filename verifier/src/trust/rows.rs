//! The payloads of the trust bundle (formats §6), as they are written and read. Unknown members are passed over.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::region::Region;
use crate::subject::SocialCreditCode;
use crate::time::Timestamp;

/// The payload of a root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootPayload {
    /// The authority's name; one throughout a bundle.
    pub authority: String,
    /// From 1, each root one more.
    pub version: u64,
    /// When it expires.
    pub expires: Timestamp,
    /// The arc under which the authority's own object identifiers hang; it never changes.
    pub oid_arc: String,
    /// Public keys as JWK, by thumbprint.
    pub keys: BTreeMap<String, Value>,
    /// Which keys sign what.
    pub roles: Roles,
}

/// The three roles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roles {
    /// Who signs roots.
    pub root: Role,
    /// Who signs targets.
    pub targets: Role,
    /// Who signs timestamps.
    pub timestamp: Role,
}

/// Who signs, and how many of them must.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// The thumbprints of the keys.
    pub kids: Vec<String>,
    /// How many distinct ones must sign; at least 1.
    pub threshold: u64,
}

/// The payload of a timestamp.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimestampPayload {
    /// The authority's name.
    pub authority: String,
    /// Higher with each one.
    pub version: u64,
    /// When it expires.
    pub expires: Timestamp,
    /// The version of the last root.
    pub root: u64,
    /// The targets that go with it.
    pub targets: TargetsReference,
}

/// What a timestamp says about the targets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetsReference {
    /// Their version.
    pub version: u64,
    /// SHA-256 of their decoded payload, in hex.
    pub sha256: String,
}

/// The payload of the targets: whom and what to trust.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetsPayload {
    /// The authority's name.
    pub authority: String,
    /// Higher with each one.
    pub version: u64,
    /// When they expire.
    pub expires: Timestamp,
    /// Trust anchors, DER in base64.
    pub anchors: Vec<String>,
    /// Certificates that complete the paths of documents, DER in base64.
    pub intermediates: Vec<String>,
    /// The register of signing certificates.
    pub certificates: Vec<CertificateRow>,
    /// The issuing departments.
    pub departments: Vec<DepartmentRow>,
    /// Versions of licence types.
    pub types: Vec<TypeRow>,
    /// Which algorithm counts for which purpose until when.
    pub algorithms: Vec<AlgorithmRow>,
    /// The public logs.
    pub logs: Vec<LogRow>,
    /// CRLs, DER in base64.
    pub crls: Vec<String>,
    /// Origins of status lists, and who signs these.
    pub status: Vec<StatusRow>,
    /// Marks a demonstration's bundle, which production refuses.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub demonstration: Option<bool>,
}

/// A signing certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateRow {
    /// SHA-256 of the DER, in hex.
    pub sha256: String,
    /// SHA-256 of the `SubjectPublicKeyInfo`, in hex.
    pub spki: String,
    /// The DER in base64; of purposes `code` and `status`, whose signatures bring no certificate or need it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub der: Option<String>,
    /// `credential`, `code`, `stamping`, `copies`, `status` …
    pub purpose: String,
    /// The credit code of the department that signs with it; null where none does.
    #[serde(deserialize_with = "nullable")]
    pub department: Option<SocialCreditCode>,
    /// Codes of the licence types that it may sign.
    pub types: Vec<String>,
    /// Regions whose departments it may sign for.
    pub regions: Vec<Region>,
    /// The first second in which it signs.
    pub signs_from: Timestamp,
    /// The first second in which it signs no more.
    pub signs_until: Timestamp,
    /// From when on nothing that it signed counts unless proven earlier.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub compromised_from: Option<Timestamp>,
    /// A certificate of another authority, for which this row stands alone.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub foreign: Option<bool>,
}

/// An issuing department.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepartmentRow {
    /// Its credit code.
    pub code: SocialCreditCode,
    /// Its name.
    pub name: String,
    /// Names that it had, which still stand on licences.
    pub former_names: Vec<String>,
    /// Its region.
    pub region: Region,
    /// The departments that it followed, whose codes still stand on licences.
    pub predecessors: Vec<SocialCreditCode>,
}

/// One version of a licence type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeRow {
    /// The type's code.
    pub code: String,
    /// The version of its description.
    pub version: u64,
    /// Its title, in `zh-CN` and `en`.
    pub titles: Map<String, Value>,
    /// What an offline code carries, in that order.
    pub code_items: Vec<CodeItem>,
}

/// An item that an offline code carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeItem {
    /// The item's name in the type's schema.
    pub name: String,
    /// Its title, in `zh-CN` and `en`.
    pub titles: Map<String, Value>,
}

/// Until when an algorithm counts for a purpose of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlgorithmRow {
    /// The purpose of the certificates that this is about.
    pub purpose: String,
    /// The JOSE name.
    pub alg: String,
    /// The first second in which it counts no more; null: no end.
    #[serde(deserialize_with = "nullable")]
    pub until: Option<Timestamp>,
}

/// A public log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRow {
    /// Its origin, which is the name of its key.
    pub origin: String,
    /// Its verifier key, as C2SP signed-note writes it.
    pub vkey: String,
    /// From when on a missing proof counts.
    pub since: Timestamp,
    /// The verifier keys of its witnesses.
    pub witnesses: Vec<String>,
    /// How many of them must cosign.
    pub quorum: u64,
}

/// An origin of status lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusRow {
    /// Scheme, host and port.
    pub origin: String,
    /// SHA-256 of the certificates that sign lists there, in hex.
    pub signers: Vec<String>,
}

/// A member that is required and may be null.
fn nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

/// A member that may be absent but not null.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
