//! A licence type as its owner writes it down: plain data, checked when [`crate::catalogue::LicenceType`] is made of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A title in the two languages of the house.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Titles {
    /// Chinese.
    #[serde(rename = "zh-CN")]
    pub zh: String,
    /// English.
    pub en: String,
}

impl Titles {
    /// A title from its two texts.
    pub fn new(zh: &str, en: &str) -> Self {
        Self { zh: zh.to_owned(), en: en.to_owned() }
    }
}

/// Whether a person or an organisation holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HolderKind {
    /// A natural person.
    Person,
    /// An organisation.
    Organisation,
}

impl HolderKind {
    /// The word in formats §2.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Organisation => "organisation",
        }
    }
}

/// What kind of paper it stands for (证件, 证照, 证明, 批文).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LicenceKind {
    /// 证件: identifies its holder.
    Document,
    /// 证照: permits something.
    Licence,
    /// 证明: states a fact.
    Proof,
    /// 批文: one decision on one application.
    Approval,
}

/// Whether a licence of the type ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndRule {
    /// Every licence has a last day.
    Required,
    /// None has (长期).
    Never,
    /// Either.
    Optional,
}

/// How long a licence of the type may be valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidityRule {
    /// Whether it ends.
    pub end: EndRule,
    /// The most years from `valid_from` to `valid_until`; 30 where nothing stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_years: Option<u32>,
}

/// A page, as a certificate on the wall, or a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaceForm {
    /// An A4 page.
    Page,
    /// A card of 85.6 × 54 mm.
    Card,
}

/// One line of a face.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaceField {
    /// An item's name, or one of `number`, `holder_name`, `holder_code`, `issuing_authority`, `issue_date`, `validity`.
    pub field: String,
    /// Whether it takes the whole width.
    #[serde(default)]
    pub wide: bool,
}

/// How a licence of the type looks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Face {
    /// Page or card.
    pub form: FaceForm,
    /// The words at its head.
    pub title: String,
    /// Its lines in order.
    pub layout: Vec<FaceField>,
    /// Whether a portrait stands on it.
    #[serde(default)]
    pub portrait: bool,
}

/// One item (信息项).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemDefinition {
    /// Its name in the schema and in the credential.
    pub name: String,
    /// Its titles.
    pub titles: Titles,
}

/// For one matter: what a department reads of a licence of the type instead of asking the holder for it (用证).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookupRule {
    /// The matter's code.
    pub matter: String,
    /// The items that it needs, and no others.
    pub items: Vec<String>,
}

/// A licence type as written by its owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypeDefinition {
    /// 21 characters: the owner's credit code and three more (GB/T 36904).
    pub code: String,
    /// From 1; a change of the schema is a new one.
    pub version: u32,
    /// Its name.
    pub name: Titles,
    /// What kind of paper.
    pub kind: LicenceKind,
    /// Who holds it.
    pub holder_kind: HolderKind,
    /// Its items in the order in which pages show them.
    pub items: Vec<ItemDefinition>,
    /// JSON Schema 2020-12 of the items.
    pub schema: Value,
    /// How long it holds.
    pub validity: ValidityRule,
    /// How it looks.
    pub face: Face,
    /// The items that the code carries, in order; each bounded by the schema.
    pub code_items: Vec<String>,
    /// Credit codes of the departments that may issue it.
    pub departments: Vec<String>,
    /// For which matters it may be looked up.
    #[serde(default)]
    pub lookup: Vec<LookupRule>,
}

impl TypeDefinition {
    /// The titles of the item `name`.
    pub fn item_titles(&self, name: &str) -> Option<&Titles> {
        self.items.iter().find(|item| item.name == name).map(|item| &item.titles)
    }
}
