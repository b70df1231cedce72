//! Issuing a licence by hand.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Map, Value, json};
use verifier::encoding::b64u;
use web::input::Pairs;
use web::{Asker, Page, Problem, Words};

use super::Pages;
use super::department::{clerk, today};
use super::face::{Content, Face, face};
use super::kept::kept;
use super::parts::{Choice, FieldError, title};
use super::session::Session;
use crate::catalogue::{EndRule, HolderKind, LicenceType};
use crate::flow::claim::IdempotencyKey;
use crate::flow::error::FlowError;
use crate::flow::issue::Issued;
use crate::issuance::{Draft, DraftHolder};
use crate::officer::Officer;

struct Kind {
    code: String,
    name: String,
}

#[derive(Template)]
#[template(path = "department_types.html")]
struct Kinds<'a> {
    w: &'a Words,
    types: Vec<Kind>,
}

struct Field {
    id: String,
    label: String,
    hint: String,
    error: String,
    value: String,
    width: &'static str,
    long: bool,
    options: Vec<Choice>,
    describedby: String,
}

#[derive(Template)]
#[template(path = "department_issue.html")]
struct IssuePage<'a> {
    w: &'a Words,
    code: &'a str,
    heading: String,
    lead: String,
    form_token: String,
    request_id: String,
    fields: Vec<Field>,
    errors: Vec<FieldError>,
    submit: String,
    face: Face,
}

/// `GET /department/issue`
pub(super) async fn kinds(State(pages): State<Pages>, asker: Asker) -> Result<Response, Problem> {
    let (session, officer) = match clerk(&pages, &asker, "/department/issue").await? {
        Ok(found) => found,
        Err(answer) => return Ok(answer),
    };
    let w = asker.words();
    let world = pages.signer().world();
    let types = world
        .types()
        .filter(|known| known.may_be_issued_by(&officer.department().code) && officer.may_issue(known.code()))
        .map(|known| Kind { code: known.code().to_owned(), name: title(w, &known.definition().name).to_owned() })
        .collect();
    let page = Page::of(&asker, w.get("signer-issue-which"), &Kinds { w, types });
    Ok(pages.dress(&asker, page, &session, "/department/issue").into_response())
}

/// `GET /department/issue/{type}`
pub(super) async fn form(
    State(pages): State<Pages>,
    asker: Asker,
    Path(code): Path<String>,
) -> Result<Response, Problem> {
    let (session, officer) = match clerk(&pages, &asker, &format!("/department/issue/{code}")).await? {
        Ok(found) => found,
        Err(answer) => return Ok(answer),
    };
    let known = pages.signer().licence_type(&code, None).ok_or(FlowError::TypeUnknown)?;
    let now = today(pages.signer().sources().now());
    let values = BTreeMap::from([("issue_date".to_owned(), now.clone()), ("valid_from".to_owned(), now)]);
    let id = b64u::encode(pages.signer().sources().bytes::<16>().map_err(Problem::internal)?);
    show(&pages, &asker, &session, &officer, &known, &values, id, Vec::new())
}

/// `POST /department/issue/{type}`: a second press of the same form issues nothing more.
pub(super) async fn issue(
    State(pages): State<Pages>,
    asker: Asker,
    Path(code): Path<String>,
    Pairs(pairs): Pairs,
) -> Result<Response, Problem> {
    let here = format!("/department/issue/{code}");
    let (session, officer) = match clerk(&pages, &asker, &here).await? {
        Ok(found) => found,
        Err(answer) if answer.status().is_redirection() => {
            asker.check_origin()?;
            return Ok(kept(&asker, &here, &pairs));
        }
        Err(answer) => return Ok(answer),
    };
    let mut values: BTreeMap<String, String> =
        pairs.into_iter().map(|(name, value)| (name, value.trim().to_owned())).collect();
    let token = values.remove("form_token").unwrap_or_default();
    let request_id = values.remove("request_id").unwrap_or_default();
    let preview = values.remove("preview").is_some();
    let w = asker.words();
    let known = pages.signer().licence_type(&code, None).ok_or(FlowError::TypeUnknown)?;
    if asker.check_form(&token, &session.cookie).is_err() {
        asker.check_origin()?;
        let again = FieldError { field: "submit".to_owned(), text: w.get("signer-form-again").into_owned() };
        return show(&pages, &asker, &session, &officer, &known, &values, request_id, vec![again]);
    }
    if preview {
        return show(&pages, &asker, &session, &officer, &known, &values, request_id, Vec::new());
    }
    let (draft, errors) = draft(w, &known, &values);
    if !errors.is_empty() {
        return show(&pages, &asker, &session, &officer, &known, &values, request_id, errors);
    }
    let key = (!request_id.is_empty()).then(|| IdempotencyKey {
        key: request_id.clone(),
        method: "POST".into(),
        path: format!("/department/issue/{code}"),
        body: serde_json::to_value(&draft).unwrap_or_default(),
    });
    match pages.signer().issue(&officer, draft, key).await {
        Ok(Issued::Released(licence)) => {
            Ok(Redirect::to(&format!("/department/licences/{}?done=issue", licence.id)).into_response())
        }
        Ok(Issued::Recorded(id)) => Ok(Redirect::to(&format!("/department/licences/{id}?done=issue")).into_response()),
        Err(FlowError::Rejected(rejection)) => {
            let errors = rejection.0.iter().map(|fault| refused(w, &known, &fault.member)).collect();
            show(&pages, &asker, &session, &officer, &known, &values, request_id, errors)
        }
        Err(error) => Err(error.into()),
    }
}

/// The field of a refused member, and its sentence.
fn refused(w: &Words, known: &LicenceType, member: &str) -> FieldError {
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
fn draft(w: &Words, known: &LicenceType, values: &BTreeMap<String, String>) -> (Draft, Vec<FieldError>) {
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

#[expect(clippy::too_many_arguments, reason = "what one page shows")]
fn show(
    pages: &Pages,
    asker: &Asker,
    session: &Session,
    officer: &Officer,
    known: &LicenceType,
    values: &BTreeMap<String, String>,
    request_id: String,
    errors: Vec<FieldError>,
) -> Result<Response, Problem> {
    if !known.may_be_issued_by(&officer.department().code) || !officer.may_issue(known.code()) {
        return Err(FlowError::NotGranted(format!("licence:{}:issue", known.code())).into());
    }
    let w = asker.words();
    let name = title(w, &known.definition().name).to_owned();
    let heading = w.with("signer-issue-heading", &[("title", &name)]).into_owned();
    let refused = !errors.is_empty();
    let page = IssuePage {
        w,
        code: known.code(),
        heading: heading.clone(),
        lead: w.with("signer-issue-lead", &[("version", &known.version().to_string())]).into_owned(),
        form_token: asker.form_token(&session.cookie),
        request_id,
        fields: fields(w, known, values, &errors),
        submit: w.get("signer-issue-submit").into_owned(),
        face: preview(w, known, officer, values),
        errors,
    };
    let mut page = Page::of(asker, heading, &page).view_to(format!("/department/issue/{}", known.code()));
    if refused {
        page = page.refused();
    }
    Ok(pages.dress(asker, page, session, "/department/issue").into_response())
}

fn preview(w: &Words, known: &LicenceType, officer: &Officer, values: &BTreeMap<String, String>) -> Face {
    let (draft, _) = draft(w, known, values);
    let code = match known.holder_kind() {
        HolderKind::Person if !draft.holder.code.is_empty() => verifier::subject::mask::id_number(&draft.holder.code),
        _ => draft.holder.code.clone(),
    };
    let number = if draft.number == draft.holder.code { code.clone() } else { draft.number.clone() };
    let content = Content {
        number: &number,
        holder_name: &draft.holder.name,
        holder_code: &code,
        authority: &officer.department().name,
        issue_date: &draft.issue_date,
        valid_from: &draft.valid_from,
        valid_until: draft.valid_until.as_deref(),
        items: &draft.items,
        qr: String::new(),
    };
    face(w, known, content, "")
}

fn fields(w: &Words, known: &LicenceType, values: &BTreeMap<String, String>, errors: &[FieldError]) -> Vec<Field> {
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
