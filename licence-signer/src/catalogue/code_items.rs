//! The items that an offline code carries, and whether they fit.

use serde_json::{Map, Value};
use verifier::rendition::code::write::{Bound, Item, Profile, largest};

use super::HolderKind;

/// One item of a code with the bound that its schema gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeItem {
    /// Its name.
    pub name: String,
    /// What it holds at most.
    pub bound: Bound,
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
        let bound = bound(property).ok_or_else(|| CodeTooSmall::Unbounded(name.to_owned()))?;
        Ok(Self { name: name.to_owned(), bound })
    }

    /// The item's value as a code carries it; `Absent` where the licence has none.
    pub fn value(&self, items: &Map<String, Value>) -> Item {
        match items.get(&self.name) {
            Some(Value::String(text)) => Item::Text(text.clone()),
            Some(Value::Bool(value)) => Item::Bool(*value),
            Some(Value::Number(number)) => number.as_i64().map_or(Item::Absent, Item::Integer),
            _ => Item::Absent,
        }
    }
}

impl HolderKind {
    /// The same in the verifier's words.
    pub const fn of_code(self) -> verifier::rendition::code::HolderKind {
        match self {
            Self::Person => verifier::rendition::code::HolderKind::Person,
            Self::Organisation => verifier::rendition::code::HolderKind::Organisation,
        }
    }
}

/// Whether a code of the type fits in both profiles whatever its items hold.
pub(super) fn check_capacity(
    code: &str,
    version: u32,
    holder: HolderKind,
    items: &[CodeItem],
) -> Result<(), CodeTooSmall> {
    let bounds: Vec<Bound> = items.iter().map(|item| item.bound).collect();
    let (screen, printed) = largest(code, u64::from(version), holder.of_code(), &bounds);
    for (profile, name, needed) in [(Profile::Screen, "screen", screen), (Profile::Printed, "printed", printed)] {
        if needed > profile.most() {
            return Err(CodeTooSmall::TooLong { profile: name, needed, most: profile.most() });
        }
    }
    Ok(())
}

fn bound(property: &Map<String, Value>) -> Option<Bound> {
    match property.get("type").and_then(Value::as_str)? {
        "boolean" => return Some(Bound::Bool),
        "integer" => return Some(Bound::Integer),
        _ => {}
    }
    let of_values = |values: &[&str]| Bound::Text {
        characters: values.iter().map(|value| value.chars().count()).max().unwrap_or_default(),
        ascii: values.iter().all(|value| value.is_ascii()),
    };
    if let Some(values) = property.get("enum").and_then(Value::as_array) {
        let texts: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
        return (texts.len() == values.len()).then(|| of_values(&texts));
    }
    if let Some(value) = property.get("const").and_then(Value::as_str) {
        return Some(of_values(&[value]));
    }
    if property.get("format").and_then(Value::as_str) == Some("date") {
        return Some(Bound::Date);
    }
    let characters = usize::try_from(property.get("maxLength")?.as_u64()?).ok()?;
    let ascii = property.get("pattern").and_then(Value::as_str).is_some_and(is_ascii_class);
    Some(Bound::Text { characters, ascii })
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
    fn the_schema_bounds_each_item() {
        let text = |characters, ascii| Some(Bound::Text { characters, ascii });
        for (property, expected) in [
            (json!({"type": "string", "maxLength": 10}), text(10, false)),
            (json!({"type": "string", "maxLength": 10, "pattern": "^[0-9A-Z]{1,10}$"}), text(10, true)),
            (json!({"type": "string", "maxLength": 10, "pattern": "^[^0-9]+$"}), text(10, false)),
            (json!({"type": "string", "format": "date"}), Some(Bound::Date)),
            (json!({"type": "string", "enum": ["甲", "乙类"]}), text(2, false)),
            (json!({"type": "integer"}), Some(Bound::Integer)),
            (json!({"type": "string"}), None),
            (json!({"type": "string", "pattern": "^[0-9]+$"}), None),
        ] {
            let found = CodeItem::of("a", property.as_object().expect("an object")).ok().map(|i| i.bound);
            assert_eq!(found, expected, "{property}");
        }
    }
}
