//! A licence type whose definition was checked.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use verifier::subject::SocialCreditCode;

use super::code_items::{CodeItem, CodeTooSmall};
use super::schema::{ItemFault, ItemSchema, SchemaError};
use super::{HolderKind, TypeDefinition};

/// Fields of a face that are not items.
const FACE_FIELDS: [&str; 6] = ["number", "holder_name", "holder_code", "issuing_authority", "issue_date", "validity"];

/// A definition that may not be saved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueError {
    /// The code is not an owner's credit code and three characters of 0-9A-Z.
    #[error("the type code must be the owner's credit code and three of 0-9A-Z")]
    Code,
    /// The version is not 1 to 9999.
    #[error("the version must be 1 to 9999")]
    Version,
    /// A text is empty, too long or holds control characters.
    #[error("{0} must be 1 to 100 printable characters")]
    Text(&'static str),
    /// `items` and the schema's properties name different things.
    #[error("item {0} stands in the list or in the schema alone")]
    Items(String),
    /// A reference to an item that the type lacks, or twice the same.
    #[error("{0} names {1}, which is no item or stands twice")]
    Reference(&'static str, String),
    /// A department's code that fails its check, or none at all.
    #[error("departments must be credit codes, at least one")]
    Departments,
    /// The longest validity is not 1 to 100 years.
    #[error("most_years must be 1 to 100")]
    Validity,
    /// The schema is unfit.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The code's items are.
    #[error(transparent)]
    CodeItems(#[from] CodeTooSmall),
}

/// A checked licence type with its compiled schema.
#[derive(Debug)]
pub struct LicenceType {
    definition: TypeDefinition,
    schema: ItemSchema,
    code_items: Vec<CodeItem>,
    departments: BTreeSet<String>,
    lookup: BTreeMap<String, Vec<String>>,
}

impl LicenceType {
    /// Checks `definition`.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong with it.
    pub fn new(definition: TypeDefinition) -> Result<Self, CatalogueError> {
        let code = &definition.code;
        let owner = code.get(..18).ok_or(CatalogueError::Code)?;
        if owner.parse::<SocialCreditCode>().is_err()
            || code.len() != 21
            || !code[18..].bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
        {
            return Err(CatalogueError::Code);
        }
        if !(1..=9_999).contains(&definition.version) {
            return Err(CatalogueError::Version);
        }
        if !(1..=100).contains(&definition.validity.most_years.unwrap_or(30)) {
            return Err(CatalogueError::Validity);
        }
        texts(&definition)?;
        let schema = ItemSchema::compile(&definition.schema)?;
        let listed: BTreeSet<&str> = definition.items.iter().map(|item| item.name.as_str()).collect();
        let described: BTreeSet<&str> = schema.names().collect();
        if let Some(odd) = listed.symmetric_difference(&described).next() {
            return Err(CatalogueError::Items((*odd).to_owned()));
        }
        if listed.len() != definition.items.len() {
            return Err(CatalogueError::Reference("items", "a name".to_owned()));
        }
        only_known("code_items", definition.code_items.iter(), |name| listed.contains(name))?;
        for rule in &definition.lookup {
            only_known("lookup", rule.items.iter(), |name| listed.contains(name))?;
        }
        only_known("face.layout", definition.face.layout.iter().map(|line| &line.field), |name| {
            listed.contains(name) || FACE_FIELDS.contains(&name)
        })?;
        let departments: BTreeSet<String> = definition.departments.iter().cloned().collect();
        if departments.is_empty() || departments.iter().any(|code| code.parse::<SocialCreditCode>().is_err()) {
            return Err(CatalogueError::Departments);
        }
        let code_items = definition
            .code_items
            .iter()
            .map(|name| {
                let property = schema.property(name).ok_or_else(|| CodeTooSmall::Unbounded(name.clone()))?;
                CodeItem::of(name, property)
            })
            .collect::<Result<Vec<_>, _>>()?;
        super::code_items::check_capacity(code, definition.version, definition.holder_kind, &code_items)?;
        let lookup = definition.lookup.iter().map(|rule| (rule.matter.clone(), rule.items.clone())).collect();
        Ok(Self { definition, schema, code_items, departments, lookup })
    }

    /// Its code, 21 characters.
    pub fn code(&self) -> &str {
        &self.definition.code
    }

    /// Its version.
    pub fn version(&self) -> u32 {
        self.definition.version
    }

    /// As it was written.
    pub fn definition(&self) -> &TypeDefinition {
        &self.definition
    }

    /// Who holds it.
    pub fn holder_kind(&self) -> HolderKind {
        self.definition.holder_kind
    }

    /// Whether the department with this credit code may issue it.
    pub fn may_be_issued_by(&self, department: &str) -> bool {
        self.departments.contains(department)
    }

    /// The items that `matter` needs, if it may read licences of this type at all.
    pub fn items_for(&self, matter: &str) -> Option<&[String]> {
        self.lookup.get(matter).map(Vec::as_slice)
    }

    /// The items of the code with their bounds, in the code's order.
    pub fn code_items(&self) -> &[CodeItem] {
        &self.code_items
    }

    /// All that `items` breaks.
    pub fn faults(&self, items: &Map<String, Value>) -> Vec<ItemFault> {
        self.schema.faults(items)
    }
}

fn texts(definition: &TypeDefinition) -> Result<(), CatalogueError> {
    let fits = |text: &str| (1..=100).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if !fits(&definition.name.zh) || !fits(&definition.name.en) {
        return Err(CatalogueError::Text("name"));
    }
    if !fits(&definition.face.title) {
        return Err(CatalogueError::Text("face.title"));
    }
    if !definition.items.iter().all(|item| fits(&item.titles.zh) && fits(&item.titles.en)) {
        return Err(CatalogueError::Text("items.titles"));
    }
    Ok(())
}

fn only_known<'a>(
    place: &'static str,
    names: impl Iterator<Item = &'a String>,
    known: impl Fn(&str) -> bool,
) -> Result<(), CatalogueError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !known(name) || !seen.insert(name) {
            return Err(CatalogueError::Reference(place, name.chars().take(40).collect()));
        }
    }
    Ok(())
}
