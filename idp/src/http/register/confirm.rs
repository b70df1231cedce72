//! `/register/confirm`: a signed-in person raises the level to 2.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use web::{Asker, Form, Page, Problem, Query, Words};

use super::shared::{RegisterQuery, back, message, not_begun_words, phone_words};
use super::who::WhoForm;
use crate::Idp;
use crate::account::{Name, Phone};
use crate::error::Error;
use crate::flow::register::{self, Beginning, Said};
use crate::http::browser::Browser;
use crate::http::people::{self, Errors};
use crate::http::sign_in::from;
use crate::http::{problem, steps};
use crate::ids::{InteractionId, random_text};
use crate::storage::accounts;
use crate::storage::registrations::Purpose;

/// `GET /register/confirm`: a signed-in person raises the level.
pub(crate) async fn confirm(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Query(query): Query<RegisterQuery>,
) -> Result<Response, Problem> {
    match confirm_page(&idp, &asker, &browser, &query, &Errors::default()).await? {
        Some(page) => Ok(page.into_response()),
        None => steps::begin_for_page(&idp, &asker, &browser, "/register/confirm").await,
    }
}

/// `POST /register/confirm`.
pub(crate) async fn confirm_answer(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Query(query): Query<RegisterQuery>,
    Form(form): Form<WhoForm>,
) -> Result<Response, Problem> {
    let words = asker.words();
    let now = idp.sources().now();
    let mut tx = idp.db().reader().await.map_err(problem::of_storage)?;
    let session = people::current(&idp, &mut tx, &browser).await?;
    let (Some(session), Some(mark)) = (session, browser.mark_digests().first()) else {
        return Err(Problem::forbidden("form.expired"));
    };
    asker.check_form(&form.form_token, session.id.as_str())?;
    let fields = idp.field_keys(now)?;
    let shown = accounts::shown(&mut tx, &fields, &session.person).await?;
    drop(tx);
    let shown = shown.ok_or_else(|| Problem::forbidden("form.expired"))?;
    let typed =
        if form.phone.trim().is_empty() { shown.phone.as_deref().map_or("", String::as_str) } else { &form.phone };
    let phone = match Phone::read(typed) {
        Ok(phone) => phone,
        Err(error) => {
            let errors = Errors::one("phone", phone_words(words, error));
            let page = confirm_page(&idp, &asker, &browser, &query, &errors).await?;
            return page.map(|page| people::refused(page, None)).ok_or_else(|| Problem::forbidden("form.expired"));
        }
    };
    let number = shown.number.as_deref().and_then(|number| number.parse().ok());
    let (Some(number), Ok(name)) = (number, Name::read(&shown.name)) else {
        return Err(Error::Damaged("a person without name or number").into());
    };
    let interaction = query.interaction();
    let beginning = Beginning {
        purpose: Purpose::Confirm,
        person: Some(&session.person),
        browser: mark,
        interaction: interaction.as_ref().map(InteractionId::as_str),
        request: &form.request_id,
        message: &message(words),
    };
    let device = people::device(&asker);
    match register::begin(&idp, &Said { name, number, phone }, &beginning, from(&asker, &device)).await? {
        Ok(id) => Ok(steps::see_other(&format!("/register/{id}/code"))),
        Err(not_begun) => {
            let (errors, wait) = not_begun_words(words, &not_begun, "phone", "phone");
            let page = confirm_page(&idp, &asker, &browser, &query, &errors).await?;
            page.map(|page| people::refused(page, wait)).ok_or_else(|| Problem::forbidden("form.expired"))
        }
    }
}

async fn confirm_page(
    idp: &Idp,
    asker: &Asker,
    browser: &Browser,
    query: &RegisterQuery,
    errors: &Errors,
) -> Result<Option<Page>, Error> {
    let words = asker.words();
    let fields = idp.field_keys(idp.sources().now())?;
    let mut tx = idp.db().reader().await?;
    let Some(session) = people::current(idp, &mut tx, browser).await? else { return Ok(None) };
    let Some(shown) = accounts::shown(&mut tx, &fields, &session.person).await? else { return Ok(None) };
    let main = Confirm {
        w: words,
        errors,
        action: format!("/register/confirm{}", query.text()),
        form_token: asker.form_token(session.id.as_str()),
        request_id: random_text::<16>(idp.sources())?,
        name: shown.name,
        number: shown.number_masked,
        phone: shown.phone_masked,
        back: back(query),
    };
    Ok(Some(Page::of(asker, words.get("register-confirm-title"), &main)))
}

#[derive(Template)]
#[template(path = "people/register_confirm.html")]
struct Confirm<'a> {
    w: &'a Words,
    errors: &'a Errors,
    action: String,
    form_token: String,
    request_id: String,
    name: String,
    number: String,
    phone: String,
    back: String,
}
