//! `/register/{id}/means`: the means to sign in from now on.

use askama::Template;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use web::{Asker, Form, Page, Problem, Words};

use super::finish::finish;
use super::shared::{ceremony, load, over};
use crate::Idp;
use crate::account::Password;
use crate::account::evidence::Means;
use crate::flow::account;
use crate::flow::register::{self, NewMeans};
use crate::http::browser::Browser;
use crate::http::people::{self, Errors, Levels};
use crate::http::{problem, steps};
use crate::storage::registrations::Registration;

/// What the third forms send.
#[derive(Default, Deserialize)]
pub(crate) struct MeansForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    again: String,
    #[serde(default)]
    passkey: String,
    #[serde(default)]
    answer: String,
}

/// `GET /register/{id}/means`.
pub(crate) async fn means(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let registration = load(&idp, &id, &browser).await?;
    if !registration.is_ready {
        return Ok(steps::see_other(&format!("/register/{id}/code")));
    }
    Ok(means_page(&idp, &asker, &id, &registration, &Errors::default()).into_response())
}

/// `POST /register/{id}/means`.
pub(crate) async fn means_answer(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Path(id): Path<String>,
    Form(form): Form<MeansForm>,
) -> Result<Response, Problem> {
    asker.check_form(&form.form_token, &id)?;
    let words = asker.words();
    let registration = load(&idp, &id, &browser).await?;
    if !registration.is_ready {
        return Ok(steps::see_other(&format!("/register/{id}/code")));
    }
    if !form.passkey.is_empty() {
        if form.answer.is_empty() {
            let errors = Errors::one("passkey", words.get("signin-passkey-script"));
            return Ok(people::refused(means_page(&idp, &asker, &id, &registration, &errors), None));
        }
        let answer = Some(form.answer.as_str());
        let finished = finish(&idp, &asker, &browser, &id, &registration, &NewMeans::Passkey, answer).await?;
        return Ok(finished.unwrap_or_else(|error| {
            let errors = Errors::one("passkey", people::passkey_words(words, error));
            people::refused(means_page(&idp, &asker, &id, &registration, &errors), None)
        }));
    }
    let (password, again) = (Password::new(form.password), Password::new(form.again));
    let known = [registration.number.as_str(), registration.phone.as_str()];
    let errors = match password.weakness(&known) {
        Some(weakness) => Errors::one("password", people::weakness_words(words, weakness)),
        None if !password.same(&again) => Errors::one("again", words.get("register-error-again")),
        None => Errors::default(),
    };
    if !errors.is_empty() {
        return Ok(people::refused(means_page(&idp, &asker, &id, &registration, &errors), None));
    }
    let Ok(hash) = account::hash(&idp, &password).await? else { return Err(Problem::unavailable(2)) };
    let means = NewMeans::Password(&hash);
    finish(&idp, &asker, &browser, &id, &registration, &means, None).await?.map_err(|_| over()) // no passkey was made
}

/// `POST /register/{id}/passkey`: the options for `navigator.credentials`.
pub(crate) async fn options(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Path(id): Path<String>,
    Form(form): Form<MeansForm>,
) -> Result<Response, Problem> {
    asker.check_form(&form.form_token, &id)?;
    if idp.people().passkeys.is_none() {
        return Err(Problem::bad_request("passkey.refused"));
    }
    let registration = load(&idp, &id, &browser).await?;
    if !registration.is_ready {
        return Err(over());
    }
    let mut tx = idp.db().begin().await.map_err(problem::of_storage)?;
    let person = register::person_of(&idp, &mut tx, &id, &registration).await?.ok_or_else(over)?;
    tx.commit().await.map_err(problem::of_storage)?;
    let options = account::begin_passkey(&idp, &person, &registration.name, &ceremony(&id)).await?;
    Ok(Json(options).into_response())
}

fn means_page(idp: &Idp, asker: &Asker, id: &str, registration: &Registration, errors: &Errors) -> Page {
    let words = asker.words();
    let confirmed = registration.level >= 2;
    let now = idp.sources().now();
    let means = if confirmed { Means::PhoneCode } else { Means::RegisterMatch };
    let main = MeansPage {
        w: words,
        errors,
        action: format!("/register/{id}/means"),
        options: format!("/register/{id}/passkey"),
        form_token: asker.form_token(id),
        found: if confirmed { "register-found-2" } else { "register-found-1" },
        name: &registration.name,
        passkeys: idp.people().passkeys.is_some(),
        levels: Levels::new(registration.level, people::basis_words(words, means, now, now)),
    };
    let page = Page::of(asker, words.get("register-page-3"), &main).view_to(format!("/register/{id}/means"));
    if main.passkeys { page.script("/static/passkey.js") } else { page }
}

#[derive(Template)]
#[template(path = "people/register_means.html")]
struct MeansPage<'a> {
    w: &'a Words,
    errors: &'a Errors,
    action: String,
    options: String,
    form_token: String,
    found: &'a str,
    name: &'a str,
    passkeys: bool,
    levels: Levels,
}
