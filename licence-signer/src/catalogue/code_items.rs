//! The items that an offline code carries, and whether they fit.

use serde_json::{Map, Value};

/// One item of a code with the most bytes that its value takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeItem {
    /// Its name.
    pub name: String,
    /// The longest value: three bytes a character of Han text, one of ASCII (formats §3).
    pub max_bytes: usize,
}

/// The items of a code do not fit, or are not bounded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeTooSmall {
    /// The schema does not bound the item: `maxLength`, `enum` or `format: date` is needed.
    #[error("code item {0} has no bound in the schema (maxLength, enum or format date)")]
    Unbounded(String),
    /// All together are too long for the profile.
    #[error("the code's items take {needed} characters, more than the {most} of the {profile} code")]
    TooLong {
        /// Which profile.
        profile: &'static str,
        /// Characters of the longest text.
        needed: usize,
        /// The bound of formats §3.
        most: usize,
    },
}

impl CodeItem {
    /// The item `name` with the bound that its schema `property` gives.
    ///
    /// # Errors
    ///
    /// `Unbounded` without `maxLength`, `enum`, `const` or `format: date`.
    pub fn of(name: &str, property: &Map<String, Value>) -> Result<Self, CodeTooSmall> {
        let bound = longest(property).ok_or_else(|| CodeTooSmall::Unbounded(name.to_owned()))?;
        Ok(Self { name: name.to_owned(), max_bytes: bound })
    }
}

fn longest(property: &Map<String, Value>) -> Option<usize> {
    match property.get("type").and_then(Value::as_str)? {
        "boolean" => return Some(1),
        "integer" => return Some(9),
        _ => {}
    }
    if let Some(values) = property.get("enum").and_then(Value::as_array) {
        return values.iter().map(|v| v.as_str().map_or(9, str::len)).max();
    }
    if let Some(value) = property.get("const").and_then(Value::as_str) {
        return Some(value.len());
    }
    if property.get("format").and_then(Value::as_str) == Some("date") {
        return Some("2026-11-25".len());
    }
    let characters = usize::try_from(property.get("maxLength")?.as_u64()?).ok()?;
    let ascii = property.get("pattern").and_then(Value::as_str).is_some_and(is_ascii_class);
    characters.checked_mul(if ascii { 1 } else { 3 })
}

/// Whether a pattern is `^[…]{…}$`, `^[…]+$` or `^[…]*$` with ASCII letters, digits, blanks, `-`, `/` and `.` alone in
/// its class.
fn is_ascii_class(pattern: &str) -> bool {
    let Some(inner) = pattern.strip_prefix("^[").and_then(|p| p.strip_suffix('$')) else { return false };
    let Some((class, repeat)) = inner.split_once(']') else { return false };
    let repeat_is_plain = matches!(repeat, "+" | "*")
        || repeat
            .strip_prefix('{')
            .and_then(|r| r.strip_suffix('}'))
            .is_some_and(|r| r.bytes().all(|b| b.is_ascii_digit() || b == b','));
    repeat_is_plain && class.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'/' | b'.' | b' '))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_longest_value_counts_bytes() {
        for (property, expected) in [
            (json!({"type": "string", "maxLength": 10}), Some(30)),
            (json!({"type": "string", "maxLength": 10, "pattern": "^[0-9A-Z]{1,10}$"}), Some(10)),
            (json!({"type": "string", "maxLength": 10, "pattern": "^[^0-9]+$"}), Some(30)),
            (json!({"type": "string", "format": "date"}), Some(10)),
            (json!({"type": "string", "enum": ["甲", "乙类"]}), Some(6)),
            (json!({"type": "integer"}), Some(9)),
            (json!({"type": "string"}), None),
            (json!({"type": "string", "pattern": "^[0-9]+$"}), None),
        ] {
            let found = CodeItem::of("a", property.as_object().expect("an object")).ok().map(|i| i.max_bytes);
            assert_eq!(found, expected, "{property}");
        }
    }
}
