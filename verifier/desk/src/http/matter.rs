//! Choosing the case in whose name a clerk looks.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use web::{Asker, Form, Page, Problem};

use super::home::sign_in_first;
use crate::desk::{Desk, storage_problem};
use crate::page::templates::{Choice, FieldErrors, Matter as MatterPage};
use crate::session::{SESSION_SECONDS, Session};
use crate::signer::SignerError;
use crate::storage::cases::{self, Case};

/// Longest case number and purpose, in characters.
const MAX_CASE: usize = 64;
/// As licence-signer takes it.
pub(super) const MAX_PURPOSE: usize = 200;

/// `GET /matter`
pub(super) async fn page(State(desk): State<Desk>, asker: Asker) -> Result<Response, Problem> {
    let Some(session) = desk.session(&asker).await? else { return Ok(sign_in_first("/matter")) };
    let case = session.1.case.clone();
    show(&desk, &asker, &session, case.as_ref(), FieldErrors::default()).await
}

/// The form.
#[derive(Deserialize)]
pub(super) struct MatterForm {
    form_token: String,
    #[serde(default)]
    matter: String,
    #[serde(default)]
    case: String,
    #[serde(default)]
    purpose: String,
}

/// `POST /matter`
pub(super) async fn choose(
    State(desk): State<Desk>,
    asker: Asker,
    Form(form): Form<MatterForm>,
) -> Result<Response, Problem> {
    let Some(session) = desk.session(&asker).await? else { return Ok(sign_in_first("/matter")) };
    asker.check_form(&form.form_token, &session.0)?;
    let case = Case {
        matter: form.matter.trim().to_owned(),
        number: form.case.trim().to_owned(),
        purpose: form.purpose.trim().to_owned(),
    };
    let matters = desk.signer().matters().await.map_err(unavailable)?;
    let w = asker.words();
    let fits = |text: &str, most: usize| is_line(text, most);
    let mut errors = FieldErrors::default();
    let mut refuse = |field, key| errors.add(field, w.get(key));
    if !matters.iter().any(|matter| matter.code == case.matter) {
        refuse("matter", "desk-error-matter");
    }
    if !fits(&case.number, MAX_CASE) {
        refuse("case", "desk-error-case");
    }
    if !fits(&case.purpose, MAX_PURPOSE) {
        refuse("purpose", "desk-error-purpose");
    }
    if !errors.is_empty() {
        return show(&desk, &asker, &session, Some(&case), errors).await;
    }
    let mut tx = desk.db().begin().await.map_err(storage_problem)?;
    let until = desk.sources().now().plus(SESSION_SECONDS);
    cases::set(&mut tx, &session.1.key, &case, until).await.map_err(storage_problem)?;
    tx.commit().await.map_err(storage_problem)?;
    Ok(Redirect::to("/").into_response())
}

async fn show(
    desk: &Desk,
    asker: &Asker,
    session: &(String, Session),
    case: Option<&Case>,
    errors: FieldErrors,
) -> Result<Response, Problem> {
    let w = asker.words();
    let matters = desk.signer().matters().await.map_err(unavailable)?;
    let refused = !errors.is_empty();
    let page = MatterPage {
        w,
        form_token: asker.form_token(&session.0),
        matters: matters
            .iter()
            .map(|matter| Choice {
                code: matter.code.clone(),
                name: matter.name.get(asker.lang()).to_owned(),
                selected: case.is_some_and(|case| case.matter == matter.code),
            })
            .collect(),
        case: case.map(|case| case.number.clone()).unwrap_or_default(),
        purpose: case.map(|case| case.purpose.clone()).unwrap_or_default(),
        errors,
    };
    let mut page = Page::of(asker, w.get("desk-matter-title"), &page).view_to("/matter");
    if refused {
        page = page.refused();
    }
    Ok(Desk::dress(asker, page, Some(session), "/matter").into_response())
}

/// Whether text is one line of 1 to `most` characters, as licence-signer takes it.
pub(super) fn is_line(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

/// The problem where licence-signer gives no register of matters.
pub(super) fn unavailable(error: SignerError) -> Problem {
    Problem::unavailable(5).cause(match error {
        SignerError::Unavailable(cause) => cause,
        SignerError::Refused { status, code, .. } => format!("{status} {code}"),
    })
}
