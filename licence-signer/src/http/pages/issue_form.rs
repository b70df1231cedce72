//! The form by which a licence is issued: what stands in it, and the request that it means.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use web::Words;

use super::parts::{Choice, FieldError, title};
use crate::catalogue::{EndRule, HolderKind, LicenceType};
use crate::issuance::{Draft, DraftHolder};

/// A field of the form.
pub(super) struct Field {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) hint: String,
    pub(super) error: String,
    pub(super) value: String,
    pub(super) width: &'static str,
    pub(super) long: bool,
    pub(super) options: Vec<Choice>,
    pub(super) describedby: String,
}

/// The field of a refused member, and its sentence.
pub(super) fn refused(w: &Words, known: &LicenceType, member: &str) -> FieldError {
    let field = match member {
        "holder.name" => "holder_name".to_owned(),
        "holder.code" | "holder.code_type" | "holder.kind" | "holder" => "holder_code".to_owned(),
        other => other.strip_prefix("items.").map_or_else(|| other.to_owned(), |item| format!("item_{item}")),
    };
    let text = if field == "holder_code" {
        let person = known.holder_kind() == HolderKind::Person;
        w.get(if person { "signer-error-id" } else { "signer-error-credit" }).into_owned()
    } else {
        w.with("signer-error-item", &[("label", &label(w, known, &field))]).into_owned()
    };
    FieldError { field, text }
}

fn label(w: &Words, known: &LicenceType, field: &str) -> String {
    let person = known.holder_kind() == HolderKind::Person;
    let key = match field {
        "case" => "signer-case",
        "holder_name" if person => "signer-holder-field-person",
        "holder_name" => "signer-holder-field-organisation",
        "holder_code" if person => "signer-holder-code-field-person",
        "holder_code" => "signer-holder-code-field-organisation",
        "number" => "signer-number-field",
        "issue_date" => "signer-issue-date",
        "valid_from" => "signer-from-field",
        "valid_until" => "signer-until-field",
        other => {
            let name = other.strip_prefix("item_").unwrap_or(other);
            return known.definition().item_titles(name).map_or_else(|| name.to_owned(), |t| title(w, t).to_owned());
        }
    };
    w.get(key).into_owned()
}

/// The request that the form means, or what must be put right.
pub(super) fn draft(w: &Words, known: &LicenceType, values: &BTreeMap<String, String>) -> (Draft, Vec<FieldError>) {
    let mut errors = Vec::new();
    let get = |field: &str| values.get(field).cloned().unwrap_or_default();
    let mut required = |field: &str| {
        let value = get(field);
        if value.is_empty() {
            let text = w.with("signer-error-required", &[("label", &label(w, known, field))]).into_owned();
            errors.push(FieldError { field: field.to_owned(), text });
        }
        value
    };
    let name = required("holder_name");
    let typed = required("holder_code");
    let (kind, code_type) = match known.holder_kind() {
        HolderKind::Person => (HolderKind::Person, "111"),
        HolderKind::Organisation => (HolderKind::Organisation, "001"),
    };
    let code = canonical(kind, &typed);
    let unreadable = !typed.is_empty() && !is_readable(kind, &code);
    let dates = ["issue_date", "valid_from"].map(&mut required);
    let until = if known.definition().validity.end == EndRule::Required {
        Some(required("valid_until"))
    } else {
        Some(get("valid_until")).filter(|day| !day.is_empty())
    };
    let mut items = Map::new();
    for item in &known.definition().items {
        let value = get(&format!("item_{}", item.name));
        if !value.is_empty() {
            items.insert(item.name.clone(), typed_value(known, &item.name, &value));
        } else if is_required(known, &item.name) {
            let _ = required(&format!("item_{}", item.name));
        }
    }
    let number = Some(get("number")).filter(|number| !number.is_empty()).unwrap_or_else(|| code.clone());
    let [issue_date, valid_from] = dates.map(|day| read_day(&day));
    let draft = Draft {
        type_code: known.code().to_owned(),
        holder: DraftHolder { kind, code_type: code_type.to_owned(), code, name },
        number,
        issue_date,
        valid_from,
        valid_until: until.map(|day| read_day(&day)),
        items,
        matter: None,
        case: Some(get("case")).filter(|case| !case.is_empty()),
    };
    if unreadable {
        errors.push(refused(w, known, "holder.code"));
    }
    errors.sort_by_key(|error| place(known, &error.field));
    (draft, errors)
}

/// Where a field stands in the form.
fn place(known: &LicenceType, field: &str) -> usize {
    const BEFORE: [&str; 4] = ["case", "holder_name", "holder_code", "number"];
    const AFTER: [&str; 3] = ["issue_date", "valid_from", "valid_until"];
    let items = &known.definition().items;
    let item = || items.iter().position(|item| field.strip_prefix("item_") == Some(item.name.as_str()));
    BEFORE
        .iter()
        .position(|name| *name == field)
        .or_else(|| item().map(|at| BEFORE.len() + at))
        .or_else(|| AFTER.iter().position(|name| *name == field).map(|at| BEFORE.len() + items.len() + at))
        .unwrap_or(usize::MAX)
}

fn is_readable(kind: HolderKind, code: &str) -> bool {
    match kind {
        HolderKind::Person => code.parse::<verifier::subject::IdNumber>().is_ok(),
        HolderKind::Organisation => code.parse::<verifier::subject::SocialCreditCode>().is_ok(),
    }
}

/// `20261125` as `2026-11-25`; everything else as it is.
fn read_day(text: &str) -> String {
    if text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()) {
        format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..])
    } else {
        text.replace('/', "-")
    }
}

/// The number as strict parsing wants it, where it can be read at all.
fn canonical(kind: HolderKind, typed: &str) -> String {
    let read = match kind {
        HolderKind::Person => verifier::subject::IdNumber::read(typed).map(|n| n.as_str().to_owned()).ok(),
        HolderKind::Organisation => {
            verifier::subject::SocialCreditCode::read(typed).map(|n| n.as_str().to_owned()).ok()
        }
    };
    read.unwrap_or_else(|| typed.to_owned())
}

fn property<'a>(known: &'a LicenceType, name: &str) -> Option<&'a Value> {
    known.definition().schema.get("properties")?.get(name)
}

fn is_required(known: &LicenceType, name: &str) -> bool {
    let required = known.definition().schema.get("required").and_then(Value::as_array);
    required.is_some_and(|names| names.iter().any(|n| n.as_str() == Some(name)))
}

/// A typed text as the schema's type: numbers and flags from their spelling, days in either spelling.
fn typed_value(known: &LicenceType, name: &str, text: &str) -> Value {
    let schema = property(known, name);
    let kind = schema.and_then(|s| s.get("type")).and_then(Value::as_str).unwrap_or("string");
    let format = schema.and_then(|s| s.get("format")).and_then(Value::as_str);
    match (kind, format) {
        ("integer", _) => text.parse::<i64>().map_or_else(|_| json!(text), |n| json!(n)),
        ("boolean", _) => text.parse::<bool>().map_or_else(|_| json!(text), |b| json!(b)),
        (_, Some("date")) => json!(read_day(text)),
        _ => json!(text),
    }
}

/// The fields of the form, with what was typed and what must be put right.
pub(super) fn fields(
    w: &Words,
    known: &LicenceType,
    values: &BTreeMap<String, String>,
    errors: &[FieldError],
) -> Vec<Field> {
    let mut fields = Vec::new();
    let mut add = |id: &str, hint: String, width: &'static str, long: bool, options: Vec<Choice>, optional: bool| {
        let error = errors.iter().find(|error| error.field == id).map(|e| e.text.clone()).unwrap_or_default();
        let label = label(w, known, id);
        let label = if optional { w.with("signer-optional", &[("label", &label)]).into_owned() } else { label };
        let described = [(!hint.is_empty(), "hint"), (!error.is_empty(), "error")];
        let describedby =
            described.iter().filter(|(there, _)| *there).map(|(_, part)| format!("{id}-{part}")).collect::<Vec<_>>();
        fields.push(Field {
            id: id.to_owned(),
            label,
            hint,
            error,
            value: values.get(id).cloned().unwrap_or_default(),
            width,
            long,
            options,
            describedby: describedby.join(" "),
        });
    };
    let say = |key: &str| w.get(key).into_owned();
    add("case", String::new(), "w-id", false, Vec::new(), true);
    add("holder_name", String::new(), "", false, Vec::new(), false);
    add("holder_code", String::new(), "w-id", false, Vec::new(), false);
    add("number", say("signer-number-hint-code"), "w-id", false, Vec::new(), true);
    for item in &known.definition().items {
        let id = format!("item_{}", item.name);
        let schema = property(known, &item.name);
        let options = schema.and_then(|s| s.get("enum")).and_then(Value::as_array).into_iter().flatten();
        let options = options
            .filter_map(Value::as_str)
            .map(|option| Choice {
                code: option.to_owned(),
                name: option.to_owned(),
                selected: values.get(&id).is_some_and(|value| value == option),
            })
            .collect();
        let is_date = schema.and_then(|s| s.get("format")).and_then(Value::as_str) == Some("date");
        let most = schema.and_then(|s| s.get("maxLength")).and_then(Value::as_u64).unwrap_or(0);
        let hint = if is_date { say("signer-date-hint") } else { String::new() };
        let width = if is_date { "w-date" } else { "" };
        add(&id, hint, width, most > 60, options, !is_required(known, &item.name));
    }
    add("issue_date", say("signer-date-hint"), "w-date", false, Vec::new(), false);
    add("valid_from", say("signer-date-hint"), "w-date", false, Vec::new(), false);
    let rule = known.definition().validity;
    let optional = rule.end != EndRule::Required;
    let mut hint = say("signer-date-hint");
    if let Some(years) = rule.most_years {
        hint.push_str(if w.lang() == web::Lang::En { "; " } else { "，" });
        hint.push_str(&w.with("signer-until-hint-most", &[("years", &years.to_string())]));
    }
    if rule.end != EndRule::Never {
        add("valid_until", hint, "w-date", false, Vec::new(), optional);
    }
    fields
}
