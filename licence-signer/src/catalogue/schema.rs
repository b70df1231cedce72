//! The JSON Schema (2020-12) of a type's items: compiled once, local references alone, bounded in size and depth.

use std::collections::BTreeMap;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Map, Value};

/// Most bytes that a schema may have as text.
const MAX_SCHEMA_BYTES: usize = 64 * 1024;
/// Most items that a type may have.
const MAX_ITEMS: usize = 64;
/// Deepest nesting of a schema.
const MAX_DEPTH: usize = 16;
/// The only draft that is read.
const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";
/// Most characters of one text value.
const MAX_TEXT: usize = 4_096;

/// A schema that may not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// Too long, too deep or too many items.
    #[error("the schema is too large")]
    TooLarge,
    /// The root is not `{"type": "object", "properties": …, "additionalProperties": false}`.
    #[error("the schema must describe an object with properties and additionalProperties false")]
    Root,
    /// A keyword that reaches outside, or could loop.
    #[error("the schema uses {0}, which is not allowed here")]
    Keyword(String),
    /// A property that is not a single scalar.
    #[error("item {0} must be a string, an integer or a boolean")]
    NotScalar(String),
    /// The name of a property.
    #[error("item {0} is not a name: letters, digits and _ , at most 40")]
    Name(String),
    /// The schema does not compile.
    #[error("the schema does not compile: {0}")]
    Compile(String),
}

/// What is wrong with one item of a draft. Holds no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemFault {
    /// The item's name; empty for the whole.
    pub item: String,
    /// The schema's keyword that it breaks.
    pub keyword: String,
}

/// A compiled schema of items.
pub struct ItemSchema {
    validator: Validator,
    properties: BTreeMap<String, Map<String, Value>>,
}

impl std::fmt::Debug for ItemSchema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.properties.keys()).finish()
    }
}

impl ItemSchema {
    /// Checks and compiles `schema`.
    ///
    /// # Errors
    ///
    /// What makes it unfit: see [`SchemaError`].
    pub fn compile(schema: &Value) -> Result<Self, SchemaError> {
        if schema.to_string().len() > MAX_SCHEMA_BYTES {
            return Err(SchemaError::TooLarge);
        }
        let root = schema.as_object().ok_or(SchemaError::Root)?;
        if root.get("type").and_then(Value::as_str) != Some("object")
            || root.get("additionalProperties") != Some(&Value::Bool(false))
        {
            return Err(SchemaError::Root);
        }
        walk(schema, 1, false)?;
        let definitions = root.get("$defs").and_then(Value::as_object);
        let written = root.get("properties").and_then(Value::as_object).ok_or(SchemaError::Root)?;
        if written.len() > MAX_ITEMS {
            return Err(SchemaError::TooLarge);
        }
        let mut properties = BTreeMap::new();
        for (name, property) in written {
            if !is_name(name) {
                return Err(SchemaError::Name(name.chars().take(40).collect()));
            }
            properties.insert(name.clone(), scalar(name, property, definitions)?);
        }
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .should_validate_formats(true)
            .with_pattern_options(PatternOptions::regex())
            .build(schema)
            .map_err(|error| SchemaError::Compile(error.to_string().chars().take(200).collect()))?;
        Ok(Self { validator, properties })
    }

    /// The names of the items.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.properties.keys().map(String::as_str)
    }

    /// The keywords that hold for the item `name`, references followed.
    pub fn property(&self, name: &str) -> Option<&Map<String, Value>> {
        self.properties.get(name)
    }

    /// All that `items` breaks, at most 20 faults, without the values.
    pub fn faults(&self, items: &Map<String, Value>) -> Vec<ItemFault> {
        let mut faults: Vec<ItemFault> = items
            .iter()
            .filter_map(|(name, value)| unfit(value).map(|keyword| ItemFault { item: clip(name), keyword }))
            .collect();
        let whole = Value::Object(items.clone());
        for error in self.validator.iter_errors(&whole).take(20) {
            let path = error.instance_path().to_string();
            let schema_path = error.schema_path().to_string();
            faults.push(ItemFault {
                item: clip(path.trim_start_matches('/')),
                keyword: schema_path.rsplit('/').next().unwrap_or_default().to_owned(),
            });
        }
        faults.truncate(20);
        faults
    }
}

/// Why a value could not be stored or signed whatever the schema says.
fn unfit(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.chars().any(|c| c == '\0' || c.is_control() && c != '\n') => Some("control".into()),
        Value::String(text) if text.chars().count() > MAX_TEXT => Some("maxLength".into()),
        Value::Number(number) if number.as_i64().is_none() => Some("integer".into()),
        Value::Array(_) | Value::Object(_) | Value::Null => Some("scalar".into()),
        _ => None,
    }
}

fn clip(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(40).collect()
}

fn is_name(name: &str) -> bool {
    (1..=40).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && name.as_bytes()[0].is_ascii_alphabetic()
        && !name.starts_with("_sd")
}

/// Refuses what reaches outside or could loop: references that are not `#/$defs/NAME`, references inside `$defs`.
fn walk(value: &Value, depth: usize, inside_definitions: bool) -> Result<(), SchemaError> {
    if depth > MAX_DEPTH {
        return Err(SchemaError::TooLarge);
    }
    match value {
        Value::Object(members) => members.iter().try_for_each(|(name, inner)| {
            match name.as_str() {
                "$ref" => {
                    let target = inner.as_str().unwrap_or_default();
                    let local = target.strip_prefix("#/$defs/").is_some_and(is_name);
                    if !local || inside_definitions {
                        return Err(SchemaError::Keyword(format!("$ref {}", clip(target))));
                    }
                }
                "$schema" if inner.as_str() != Some(DRAFT) => {
                    return Err(SchemaError::Keyword("$schema of another draft".into()));
                }
                "$id" | "$anchor" | "$dynamicRef" | "$dynamicAnchor" | "$recursiveRef" | "$vocabulary" => {
                    return Err(SchemaError::Keyword(name.clone()));
                }
                _ => {}
            }
            walk(inner, depth + 1, inside_definitions || name == "$defs")
        }),
        Value::Array(values) => values.iter().try_for_each(|inner| walk(inner, depth + 1, inside_definitions)),
        Value::String(text) if text.contains('\0') => Err(SchemaError::Keyword("NUL".into())),
        _ => Ok(()),
    }
}

/// The keywords of one property, its reference resolved; it must be one scalar type.
fn scalar(
    name: &str,
    property: &Value,
    definitions: Option<&Map<String, Value>>,
) -> Result<Map<String, Value>, SchemaError> {
    let not_scalar = || SchemaError::NotScalar(name.to_owned());
    let mut keywords = property.as_object().cloned().ok_or_else(not_scalar)?;
    if let Some(target) = keywords.remove("$ref") {
        let key = target.as_str().and_then(|t| t.strip_prefix("#/$defs/")).unwrap_or_default();
        let referenced = definitions
            .and_then(|d| d.get(key))
            .and_then(Value::as_object)
            .ok_or_else(|| SchemaError::Keyword(format!("$ref #/$defs/{}, which is not there", clip(key))))?;
        for (keyword, value) in referenced {
            keywords.entry(keyword.clone()).or_insert_with(|| value.clone());
        }
    }
    let named = matches!(keywords.get("type").and_then(Value::as_str), Some("string" | "integer" | "boolean"));
    if named { Ok(keywords) } else { Err(not_scalar()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with(property: &Value) -> Value {
        json!({"type": "object", "additionalProperties": false, "properties": {"a": property}})
    }

    #[test]
    fn only_local_bounded_scalar_schemas_compile() {
        let mut deep = json!(true);
        for _ in 0..20 {
            deep = json!({ "not": deep });
        }
        for (schema, fits) in [
            (with(&json!({"type": "string", "maxLength": 9})), true),
            (with(&json!({"type": "integer", "minimum": 0})), true),
            (
                json!({"type": "object", "additionalProperties": false, "properties": {"a": {"$ref": "#/$defs/d"}},
                    "$defs": {"d": {"type": "string", "format": "date"}}}),
                true,
            ),
            (json!({"type": "object", "additionalProperties": false, "properties": {}}), true),
            (json!({"type": "object", "properties": {}}), false),
            (with(&json!({"$ref": "https://example.org/x"})), false),
            (with(&json!({"$ref": "file:///etc/passwd"})), false),
            (with(&json!({"$ref": "#"})), false),
            (
                json!({"type": "object", "additionalProperties": false, "properties": {"a": {"$ref": "#/$defs/d"}},
                    "$defs": {"d": {"$ref": "#/$defs/d"}}}),
                false,
            ),
            (with(&json!({"type": "array"})), false),
            (with(&json!({"type": ["string", "null"]})), false),
            (with(&json!({"type": "string", "pattern": "("})), false),
            (with(&json!({"type": "string", "x": deep})), false),
            (json!({"$id": "x", "type": "object", "additionalProperties": false, "properties": {}}), false),
        ] {
            assert_eq!(ItemSchema::compile(&schema).is_ok(), fits, "{schema}");
        }
    }

    #[test]
    fn faults_name_the_item_and_never_its_value() {
        let schema = ItemSchema::compile(&json!({"type": "object", "additionalProperties": false, "required": ["a"],
            "properties": {"a": {"type": "string", "maxLength": 3}, "d": {"type": "string", "format": "date"}}}))
        .expect("compiles");
        for (items, item, keyword) in [
            (json!({"a": "长长长长"}), "a", "maxLength"),
            (json!({"a": "x", "d": "2026-02-30"}), "d", "format"),
            (json!({"a": "x\u{0}"}), "a", "control"),
            (json!({"a": null}), "a", "scalar"),
            (json!({"a": 1.5}), "a", "integer"),
            (json!({}), "", "required"),
            (json!({"a": "x", "secret": "y"}), "", "additionalProperties"),
        ] {
            let faults = schema.faults(items.as_object().expect("an object"));
            assert!(faults.iter().any(|f| f.item == item && f.keyword == keyword), "{items}: {faults:?}");
        }
        assert!(schema.faults(json!({"a": "䮌𠮷〇"}).as_object().expect("an object")).is_empty());
    }
}
