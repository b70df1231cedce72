//! The facts of a licence, as far as a rendition shows them.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::report::Sentence;
use crate::time::Date;

/// Whom a licence is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HolderKind {
    /// A natural person.
    Person,
    /// An organisation.
    Organisation,
}

impl HolderKind {
    /// The word in `holder_kind`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Organisation => "organisation",
        }
    }

    /// Reads the word.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Person, Self::Organisation].into_iter().find(|kind| kind.name() == name)
    }

    /// The longest name, in characters, that a code carries.
    pub const fn longest_name(self) -> usize {
        match self {
            Self::Person => 25,
            Self::Organisation => 40,
        }
    }
}

/// Code and name of a department or recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Party {
    /// The credit code.
    pub code: String,
    /// The name.
    pub name: String,
}

/// The licence type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TypeFacts {
    /// Its code.
    pub code: String,
    /// Its version.
    pub version: u64,
    /// Its title, if the register holds this version.
    pub title: Option<Sentence>,
}

/// The holder, as far as disclosed.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
pub struct HolderFacts {
    /// `person` or `organisation`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The kind of number (GB/T 36903).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_type: Option<String>,
    /// The number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// What makes it a copy (加注件).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CopyFacts {
    /// Who may use it.
    pub recipient: Party,
    /// What for.
    pub purpose: String,
    /// Until which day.
    pub until: Date,
}

/// The facts of the licence; what was not disclosed is absent. It holds personal data: no `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct LicenceFacts {
    /// The licence identifier (GB/T 36904).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// The licence type.
    #[serde(rename = "type")]
    pub kind: TypeFacts,
    /// The licence number (证照编号).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The holder.
    pub holder: HolderFacts,
    /// Who issued it.
    pub issuing_authority: Party,
    /// The day of issue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issue_date: Option<Date>,
    /// The first valid day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Date>,
    /// The last valid day; absent: without end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Date>,
    /// Digest of the portrait, base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub portrait_digest: Option<String>,
    /// The items by name.
    pub items: Map<String, Value>,
    /// What makes it a copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy: Option<CopyFacts>,
}
