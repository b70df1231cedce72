//! The rows of the trust bundle's `targets` (formats §6).

use serde::{Deserialize, Serialize};
use verifier::certificate::Usage;
use verifier::trust::rows::{AlgorithmRow, CertificateRow, LogRow, StatusRow};

/// What the operator publishes beside the keys of the store. Rows of keys in other stores stand in `certificates`,
/// `logs` and `status`; those of the store's own keys are added by the publication.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Register {
    /// Departments.
    pub departments: Vec<DepartmentEntry>,
    /// Versions of licence types.
    pub types: Vec<TypeEntry>,
    /// Algorithms that count; empty: ES256 and EdDSA without an end for every purpose.
    pub algorithms: Vec<AlgorithmRow>,
    /// Witness keys (vkey) of our own log.
    pub witnesses: Vec<String>,
    /// How many witnesses must have cosigned.
    pub quorum: u64,
    /// Revocation lists, DER in base64.
    pub crls: Vec<String>,
    /// Certificates of keys in other stores.
    pub certificates: Vec<CertificateRow>,
    /// Logs of other stores.
    pub logs: Vec<LogRow>,
    /// Status signers of other stores.
    pub status: Vec<StatusRow>,
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

/// ES256 and EdDSA, without an end, for every purpose.
pub(super) fn usual_algorithms() -> Vec<AlgorithmRow> {
    let row = |purpose: Usage, alg: &str| AlgorithmRow {
        purpose: purpose.name().to_owned(),
        alg: alg.to_owned(),
        until: None,
    };
    let signing = Usage::ALL.into_iter().filter(|usage| *usage != Usage::Timestamps);
    signing.flat_map(|purpose| [row(purpose, "ES256"), row(purpose, "EdDSA")]).collect()
}
