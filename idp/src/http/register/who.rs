//! `/register`: who somebody is, as he says.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use verifier::subject::IdNumber;
use web::{Asker, Form, Page, Problem, Query, Words};

use super::shared::{RegisterQuery, back, message, not_begun_words, phone_words};
use crate::Idp;
use crate::account::name::NameError;
use crate::account::{LoginError, Name, Phone};
use crate::error::Error;
use crate::flow::register::{self, Beginning, Said};
use crate::http::browser::{self, Browser};
use crate::http::people::{self, Errors};
use crate::http::sign_in::from;
use crate::http::steps;
use crate::ids::{InteractionId, random_text};
use crate::storage::registrations::Purpose;

/// What the first form sends.
#[derive(Default, Deserialize)]
pub(crate) struct WhoForm {
    #[serde(default)]
    pub(super) form_token: String,
    /// Made with the page, so that a second click is known by it.
    #[serde(default)]
    pub(super) request_id: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) number: String,
    #[serde(default)]
    pub(super) phone: String,
}

/// `GET /register`.
pub(crate) async fn who(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Query(query): Query<RegisterQuery>,
) -> Result<Response, Problem> {
    let page = who_page(&idp, &asker, &query, &WhoForm::default(), &Errors::default())?;
    if browser.mark_digests().is_empty() {
        let (_, cookie) = browser::new_mark(&idp)?;
        return Ok((cookie, page).into_response());
    }
    Ok(page.into_response())
}

/// `POST /register`.
pub(crate) async fn who_answer(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Query(query): Query<RegisterQuery>,
    Form(form): Form<WhoForm>,
) -> Result<Response, Problem> {
    asker.check_form(&form.form_token, "register")?;
    let Some(mark) = browser.mark_digests().first() else { return Err(Problem::forbidden("form.expired")) };
    let words = asker.words();
    let said = match read(words, &form) {
        Ok(said) => said,
        Err(errors) => return Ok(people::refused(who_page(&idp, &asker, &query, &form, &errors)?, None)),
    };
    let interaction = query.interaction();
    let beginning = Beginning {
        purpose: query.purpose(),
        person: None,
        browser: mark,
        interaction: interaction.as_ref().map(InteractionId::as_str),
        request: &form.request_id,
        message: &message(words),
    };
    let device = people::device(&asker);
    match register::begin(&idp, &said, &beginning, from(&asker, &device)).await? {
        Ok(id) => Ok(steps::see_other(&format!("/register/{id}/code"))),
        Err(not_begun) => {
            let (errors, wait) = not_begun_words(words, &not_begun, "name", "number");
            Ok(people::refused(who_page(&idp, &asker, &query, &form, &errors)?, wait))
        }
    }
}

fn read(words: &Words, form: &WhoForm) -> Result<Said, Errors> {
    let mut errors = Errors::default();
    let name = Name::read(&form.name).map_err(|error| errors.add("name", name_words(words, error)));
    let number = IdNumber::read(&form.number).map_err(|_| errors.add("number", number_words(words, &form.number)));
    let phone = Phone::read(&form.phone).map_err(|error| errors.add("phone", phone_words(words, error)));
    match (name, number, phone) {
        (Ok(name), Ok(number), Ok(phone)) => Ok(Said { name, number, phone }),
        _ => Err(errors),
    }
}

fn name_words(words: &Words, error: NameError) -> String {
    match error {
        NameError::Empty => words.get("register-error-name-empty").into_owned(),
        NameError::TooLong(n) => words.with("register-error-name-long", &[("count", &n.to_string())]).into_owned(),
        NameError::Unprintable(n) => {
            words.with("register-error-name-unprintable", &[("count", &n.to_string())]).into_owned()
        }
    }
}

fn number_words(words: &Words, text: &str) -> String {
    match crate::account::digits::plain(text).chars().count() {
        0 => words.get("register-error-number-empty").into_owned(),
        15 | 18 => people::login_words(words, LoginError::NumberDigits),
        n => people::login_words(words, LoginError::NumberLength(n)),
    }
}

pub(super) fn who_page(
    idp: &Idp,
    asker: &Asker,
    query: &RegisterQuery,
    form: &WhoForm,
    errors: &Errors,
) -> Result<Page, Error> {
    let words = asker.words();
    let cut = |text: &str| text.chars().take(120).collect::<String>();
    let main = Who {
        w: words,
        errors,
        action: format!("/register{}", query.text()),
        form_token: asker.form_token("register"),
        request_id: random_text::<16>(idp.sources())?,
        anew: query.purpose() == Purpose::Anew,
        name: cut(&form.name),
        number: cut(&form.number),
        phone: cut(&form.phone),
        back: back(query),
    };
    Ok(Page::of(asker, words.get("register-page-1"), &main).view_to(format!("/register{}", query.text())))
}

#[derive(Template)]
#[template(path = "people/register_who.html")]
struct Who<'a> {
    w: &'a Words,
    errors: &'a Errors,
    action: String,
    form_token: String,
    request_id: String,
    anew: bool,
    name: String,
    number: String,
    phone: String,
    back: String,
}
