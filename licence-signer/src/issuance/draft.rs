//! What a department asks for, before any rule was asked.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::catalogue::HolderKind;

/// The body of `POST /v1/licences` (formats §11). Unknown members are refused by name.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// The type's code.
    #[serde(rename = "type")]
    pub type_code: String,
    /// The holder.
    pub holder: DraftHolder,
    /// The printed number (证照编号).
    pub number: String,
    /// The day of the decision.
    pub issue_date: String,
    /// The first day.
    pub valid_from: String,
    /// The last day; absent for a licence without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<String>,
    /// The items.
    #[serde(default)]
    pub items: Map<String, Value>,
    /// The matter in whose course it is issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matter: Option<String>,
    /// The case's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
}

/// The holder as asked.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DraftHolder {
    /// Person or organisation.
    pub kind: HolderKind,
    /// The kind of its number (GB/T 36903: `111`, `001` …).
    pub code_type: String,
    /// Its number.
    pub code: String,
    /// Its name.
    pub name: String,
}

impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Draft").field("type", &self.type_code).finish_non_exhaustive()
    }
}
