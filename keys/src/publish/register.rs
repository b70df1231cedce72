//! The rows of the trust bundle's `targets` (formats §6).

use serde::{Deserialize, Serialize};
use verifier::time::Timestamp;

/// What the operator publishes beside the keys of the store. Rows of keys in other stores stand in `certificates`,
/// `logs` and `status`; those of the store's own keys are added by the publication.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Register {
    /// Departments.
    pub departments: Vec<DepartmentEntry>,
    /// Versions of licence types.
    pub types: Vec<TypeEntry>,
    /// Algorithms that count; empty: ES256 and EdDSA without an end for every purpose.
    pub algorithms: Vec<AlgorithmEntry>,
    /// Witness keys (vkey) of our own log.
    pub witnesses: Vec<String>,
    /// How many witnesses must have cosigned.
    pub quorum: u64,
    /// Revocation lists, DER in base64.
    pub crls: Vec<String>,
    /// Certificates of keys in other stores.
    pub certificates: Vec<CertificateEntry>,
    /// Logs of other stores.
    pub logs: Vec<LogEntry>,
    /// Status signers of other stores.
    pub status: Vec<StatusEntry>,
}

/// One signing certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateEntry {
    /// SHA-256 of the DER, hex.
    pub sha256: String,
    /// SHA-256 of the `SubjectPublicKeyInfo`, hex.
    pub spki: String,
    /// The certificate, DER in base64, for the purposes `code` and `status`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub der: Option<String>,
    /// `credential`, `code`, `stamping`, `copies`, `status`.
    pub purpose: String,
    /// The department's credit code; null for status.
    pub department: Option<String>,
    /// Codes of licence types.
    pub types: Vec<String>,
    /// Region codes.
    pub regions: Vec<String>,
    /// From when its key signs.
    pub signs_from: Timestamp,
    /// Until when, exclusive.
    pub signs_until: Timestamp,
    /// Since when somebody else may have the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compromised_from: Option<Timestamp>,
    /// Whether a foreign CA certified it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign: Option<bool>,
}

/// One department.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepartmentEntry {
    /// Its unified social credit code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Names that it had.
    pub former_names: Vec<String>,
    /// Its region.
    pub region: String,
    /// Codes of departments whose licences it took over.
    pub predecessors: Vec<String>,
}

/// One version of a licence type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeEntry {
    /// The type's code.
    pub code: String,
    /// The version.
    pub version: u32,
    /// Its title.
    pub titles: Titles,
    /// The items of a code, in their order.
    pub code_items: Vec<CodeItem>,
}

/// A title in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Titles {
    /// Chinese.
    #[serde(rename = "zh-CN")]
    pub zh_cn: String,
    /// English.
    pub en: String,
}

/// One item that a code carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeItem {
    /// The item's name in the credential.
    pub name: String,
    /// Its title.
    pub titles: Titles,
}

/// Until when an algorithm counts for a purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlgorithmEntry {
    /// The purpose of a certificate.
    pub purpose: String,
    /// `ES256`, `EdDSA`, `RS256`.
    pub alg: String,
    /// Exclusive; null: no end.
    pub until: Option<Timestamp>,
}

/// One log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// `{host[:port]}/log`.
    pub origin: String,
    /// The verifier key of its checkpoints.
    pub vkey: String,
    /// Since when every issuance is in it.
    pub since: Timestamp,
    /// Verifier keys of witnesses.
    pub witnesses: Vec<String>,
    /// How many must have cosigned.
    pub quorum: u64,
}

/// Who signs the status lists of an origin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusEntry {
    /// Scheme, host and port.
    pub origin: String,
    /// SHA-256 of the signers' certificates, hex.
    pub signers: Vec<String>,
}

impl AlgorithmEntry {
    /// ES256 and EdDSA, without an end, for every purpose.
    pub fn usual() -> Vec<Self> {
        let purposes = ["credential", "code", "copies", "stamping", "status"];
        let row = |purpose: &str, alg: &str| Self { purpose: purpose.to_owned(), alg: alg.to_owned(), until: None };
        purposes.iter().flat_map(|purpose| [row(purpose, "ES256"), row(purpose, "EdDSA")]).collect()
    }
}
