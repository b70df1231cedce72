//! Issuing a licence by hand.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use verifier::encoding::b64u;
use web::input::Pairs;
use web::{Asker, Page, Problem, Words};

use super::Pages;
use super::department::{clerk, today};
use super::face::{Content, Face, face};
use super::issue_form::{Field, draft, fields, refused};
use super::kept::kept;
use super::parts::{FieldError, title};
use super::session::Session;
use crate::catalogue::{HolderKind, LicenceType};
use crate::flow::claim::IdempotencyKey;
use crate::flow::error::FlowError;
use crate::flow::issue::Issued;
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
        Err(FlowError::NumberTaken) => {
            let text = w.get("signer-error-number-taken").into_owned();
            let taken = FieldError { field: "number".to_owned(), text };
            show(&pages, &asker, &session, &officer, &known, &values, request_id, vec![taken])
        }
        Err(error) => Err(error.into()),
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
