//! Looking a licence up instead of asking for a copy (用证).

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::Value;
use verifier::subject::{IdNumber, SocialCreditCode};
use web::page::dates;
use web::{Asker, Form, Page, Problem};

use super::home::{case_line, first_page, merged, sign_in_first};
use super::matter::{MAX_PURPOSE, is_line, unavailable};
use crate::desk::Desk;
use crate::flow::Who;
use crate::page::report_view::{self, Context};
use crate::page::templates::{Choice, FieldErrors, Lookup as LookupPage, LookupEmpty, LookupResult};
use crate::session::Session;
use crate::signer::{Matter, SignerError};
use crate::storage::cases::Case;

/// `GET /lookup`
pub(super) async fn page(State(desk): State<Desk>, asker: Asker) -> Result<Response, Problem> {
    let Some(session) = desk.session(&asker).await? else { return Ok(sign_in_first("/lookup")) };
    let Some(case) = session.1.case.clone() else { return Ok(Redirect::to("/matter").into_response()) };
    show(&desk, &asker, &session, &case, "", &case.purpose, FieldErrors::default()).await
}

/// The form. The holder's number is never given back into the page.
#[derive(Deserialize)]
pub(super) struct LookUpForm {
    form_token: String,
    #[serde(default)]
    holder: String,
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    purpose: String,
}

/// `POST /lookup`
pub(super) async fn look_up(
    State(desk): State<Desk>,
    asker: Asker,
    Form(form): Form<LookUpForm>,
) -> Result<Response, Problem> {
    let Some(session) = desk.session(&asker).await? else { return Ok(sign_in_first("/lookup")) };
    asker.check_form(&form.form_token, &session.0)?;
    let Some(case) = session.1.case.clone() else { return Ok(Redirect::to("/matter").into_response()) };
    let case = Case { purpose: form.purpose.trim().to_owned(), ..case };
    let holder = read_holder(&form.holder);
    let matter = matter_of(&desk, &case).await?;
    let chosen = matter.types.iter().find(|t| t.code == form.r#type);
    let w = asker.words();
    let mut errors = FieldErrors::default();
    let mut refuse = |field, key| errors.add(field, w.get(key));
    if holder.is_none() {
        refuse("holder", "desk-error-holder");
    }
    if chosen.is_none() {
        refuse("t1", "desk-error-type");
    }
    if !is_line(&case.purpose, MAX_PURPOSE) {
        refuse("purpose", "desk-error-purpose");
    }
    let (Some(holder), Some(chosen), true) = (holder, chosen, errors.is_empty()) else {
        return show(&desk, &asker, &session, &case, &form.r#type, &case.purpose, errors).await;
    };
    let found = match desk.clerk_token(&asker, &session.1, "licence.lookup").await {
        Ok(token) => desk.signer().look_up(&token, (holder.0, &holder.1), &chosen.code, &case).await,
        Err(error) => Err(error),
    };
    match found {
        Ok(answer) => answered(&desk, &asker, &session, &case, chosen.name.get(asker.lang()), &answer).await,
        Err(error) => {
            let code = match error {
                SignerError::Refused { code, .. } => code,
                SignerError::Unavailable(cause) => {
                    tracing::warn!(cause, "licence-signer gave no answer");
                    "signer.unavailable".to_owned()
                }
            };
            first_page(&desk, &asker, w.with("desk-lookup-failed", &[("code", &code)]).into_owned()).await
        }
    }
}

async fn answered(
    desk: &Desk,
    asker: &Asker,
    session: &(String, Session),
    case: &Case,
    title: &str,
    answer: &Value,
) -> Result<Response, Problem> {
    let w = asker.words();
    let who = Who::Clerk(&session.1);
    let licences: Vec<Value> =
        answer.get("licences").and_then(Value::as_array).into_iter().flatten().take(20).map(merged).collect();
    let line = case_line(desk, asker, Some(case)).await;
    let id = asker.incident().as_str();
    let page = if licences.is_empty() {
        desk.record(asker, &who, "licence.lookup", None, Some(case)).await?;
        let time = dates::time(asker.now());
        let page = LookupEmpty {
            w,
            matter: line,
            lead: w.with("desk-none-lead", &[("title", title)]).into_owned(),
            meta: w.with("desk-lookup-meta", &[("time", &time), ("id", id)]).into_owned(),
            code_line: w
                .with(
                    "desk-code-line",
                    &[("time", &dates::instant(asker.lang(), asker.now())), ("code", "lookup.none")],
                )
                .into_owned(),
        };
        Page::of(asker, w.get("desk-none"), &page)
    } else {
        desk.record(asker, &who, "licence.lookup", licences.first(), Some(case)).await?;
        let context = Context { id, case: Some(&case.number), looked_up: true, shown_by: None };
        let found = licences.iter().map(|report| report_view::view(w, report, &context)).collect();
        Page::of(asker, w.get("desk-lookup-title"), &LookupResult { w, matter: line, found })
    };
    Ok(Desk::dress(asker, page.view_to("/lookup"), Some(session), "/lookup").into_response())
}

async fn show(
    desk: &Desk,
    asker: &Asker,
    session: &(String, Session),
    case: &Case,
    chosen: &str,
    purpose: &str,
    errors: FieldErrors,
) -> Result<Response, Problem> {
    let w = asker.words();
    let matter = matter_of(desk, case).await?;
    let count = matter.types.len().to_string();
    let refused = !errors.is_empty();
    let page = LookupPage {
        w,
        form_token: asker.form_token(&session.0),
        matter: case_line(desk, asker, Some(case)).await,
        types: matter
            .types
            .iter()
            .enumerate()
            .map(|(index, t)| Choice {
                code: t.code.clone(),
                name: t.name.get(asker.lang()).to_owned(),
                selected: if chosen.is_empty() { index == 0 } else { t.code == chosen },
            })
            .collect(),
        types_hint: w
            .with("desk-types-hint", &[("matter", matter.name.get(asker.lang())), ("count", &count)])
            .into_owned(),
        purpose: purpose.to_owned(),
        errors,
    };
    let mut page = Page::of(asker, w.get("desk-lookup-title"), &page).view_to("/lookup");
    if refused {
        page = page.refused();
    }
    Ok(Desk::dress(asker, page, Some(session), "/lookup").into_response())
}

async fn matter_of(desk: &Desk, case: &Case) -> Result<Matter, Problem> {
    let matters = desk.signer().matters().await.map_err(unavailable)?;
    matters
        .iter()
        .find(|matter| matter.code == case.matter)
        .cloned()
        .ok_or_else(|| Problem::conflict("desk.matter_gone").again("/matter"))
}

/// Code type (GB/T 36903) and canonical number of what was typed or scanned.
fn read_holder(text: &str) -> Option<(&'static str, String)> {
    if let Ok(number) = IdNumber::read(text) {
        return Some(("111", number.as_str().to_owned()));
    }
    SocialCreditCode::read(text).ok().map(|code| ("001", code.as_str().to_owned()))
}
