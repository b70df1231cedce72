//! `/register/{id}/code`: the code from the message.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use web::page::dates;
use web::{Asker, Form, Page, Problem, Words};

use super::finish::finish;
use super::shared::{RegisterQuery, load, message, over};
use super::who::{WhoForm, who_page};
use crate::Idp;
use crate::account::{Phone, digits};
use crate::flow::register::{self, NewMeans};
use crate::http::browser::Browser;
use crate::http::people::{self, Errors};
use crate::http::sign_in::from;
use crate::http::{problem, steps};
use crate::storage::registrations::{self, BETWEEN_SENDS, Purpose, Registration, SENDS, Tried};

/// What the second form sends.
#[derive(Default, Deserialize)]
pub(crate) struct CodeForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    resend: String,
    #[serde(default)]
    change: String,
    #[serde(default)]
    later: String,
}

/// `GET /register/{id}/code`.
pub(crate) async fn code(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let registration = load(&idp, &id, &browser).await?;
    if registration.is_ready {
        return Ok(steps::see_other(&format!("/register/{id}/means")));
    }
    Ok(code_page(&idp, &asker, &id, &registration, &Errors::default()).into_response())
}

/// `POST /register/{id}/code`.
pub(crate) async fn code_answer(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Path(id): Path<String>,
    Form(form): Form<CodeForm>,
) -> Result<Response, Problem> {
    asker.check_form(&form.form_token, &id)?;
    let words = asker.words();
    let registration = load(&idp, &id, &browser).await?;
    if registration.is_ready {
        return Ok(steps::see_other(&format!("/register/{id}/means")));
    }
    if !form.change.is_empty() {
        return change(&idp, &asker, &id, &registration).await;
    }
    if !form.later.is_empty() && registration.purpose == Purpose::Register {
        let mut tx = idp.db().begin().await.map_err(problem::of_storage)?;
        registrations::later(&mut tx, &id, idp.sources().now()).await.map_err(problem::of_storage)?;
        tx.commit().await.map_err(problem::of_storage)?;
        return Ok(steps::see_other(&format!("/register/{id}/means")));
    }
    if !form.resend.is_empty() {
        register::resend(&idp, &id, &registration, &message(words)).await?;
        return Ok(steps::see_other(&format!("/register/{id}/code")));
    }
    let code = digits::plain(&form.code);
    if code.len() != 6 || !code.bytes().all(|b| b.is_ascii_digit()) {
        let errors = Errors::one("code", words.get("register-code-empty"));
        return Ok(people::refused(code_page(&idp, &asker, &id, &registration, &errors), None));
    }
    let device = people::device(&asker);
    let (errors, wait) = match register::confirm(&idp, &id, &registration, &code, from(&asker, &device)).await? {
        Ok(Tried::Confirmed) => return confirmed(&idp, &asker, &browser, &id).await,
        Ok(Tried::Differs(0) | Tried::Closed) => (Errors::one("code", words.get("register-code-spent")), None),
        Ok(Tried::Differs(left)) => {
            (Errors::one("code", words.with("register-code-differs", &[("tries", &left.to_string())])), None)
        }
        Err(wait) => (Errors::one("code", people::wait_words(words, wait)), Some(wait)),
    };
    let registration = load(&idp, &id, &browser).await?;
    if registration.is_ready {
        return Ok(steps::see_other(&format!("/register/{id}/means"))); // a second click: the first one was right
    }
    Ok(people::refused(code_page(&idp, &asker, &id, &registration, &errors), wait))
}

/// The code was right: to the means, or, for an account that has some, back to where the person came from.
async fn confirmed(idp: &Idp, asker: &Asker, browser: &Browser, id: &str) -> Result<Response, Problem> {
    let registration = load(idp, id, browser).await?;
    if registration.purpose != Purpose::Confirm {
        return Ok(steps::see_other(&format!("/register/{id}/means")));
    }
    let finished = finish(idp, asker, browser, id, &registration, &NewMeans::AsBefore, None).await?;
    finished.map_err(|_| over()) // no passkey was made
}

/// "Wrong number": the first page again, with what was typed before.
async fn change(idp: &Idp, asker: &Asker, id: &str, registration: &Registration) -> Result<Response, Problem> {
    let mut tx = idp.db().begin().await.map_err(problem::of_storage)?;
    registrations::forget(&mut tx, id).await.map_err(problem::of_storage)?;
    tx.commit().await.map_err(problem::of_storage)?;
    let query = RegisterQuery {
        i: registration.interaction.clone().unwrap_or_default(),
        purpose: if registration.purpose == Purpose::Anew { "password".to_owned() } else { String::new() },
    };
    let form =
        WhoForm { name: registration.name.to_string(), number: registration.number.to_string(), ..WhoForm::default() };
    Ok(who_page(idp, asker, &query, &form, &Errors::default())?.into_response())
}

fn code_page(idp: &Idp, asker: &Asker, id: &str, registration: &Registration, errors: &Errors) -> Page {
    let words = asker.words();
    let now = idp.sources().now();
    let left = if registration.tries > 0 && now < registration.code_expires_at {
        let (tries, time) = (registration.tries.to_string(), dates::time(registration.code_expires_at));
        words.with("register-code-left", &[("tries", &tries), ("time", &time)]).into_owned()
    } else {
        words.get("register-code-spent").into_owned()
    };
    let more = (SENDS - registration.sends).max(0);
    let from = registration.sent_at.plus(BETWEEN_SENDS);
    let may_resend = more > 0 && from <= now;
    let count = more.to_string();
    let resend = if more == 0 {
        words.get("register-resend-none").into_owned()
    } else if may_resend {
        words.with("register-resend-now", &[("count", &count)]).into_owned()
    } else {
        words.with("register-resend-from", &[("time", &dates::time(from)), ("count", &count)]).into_owned()
    };
    let inbox = idp.settings().registers.phone.as_ref().filter(|_| idp.settings().demonstration);
    let phone = Phone::read(&registration.phone).map(|phone| phone.masked()).unwrap_or_default();
    let main = Code {
        w: words,
        errors,
        action: format!("/register/{id}/code"),
        form_token: asker.form_token(id),
        sent: &dates::time(registration.sent_at),
        phone: &phone,
        left,
        resend,
        may_resend,
        may_later: registration.purpose == Purpose::Register,
        host: idp.settings().issuer.host_str().unwrap_or_default(),
        inbox: inbox.map(|register| register.url.origin().ascii_serialization()),
    };
    Page::of(asker, words.get("register-page-2"), &main).view_to(format!("/register/{id}/code"))
}

#[derive(Template)]
#[template(path = "people/register_code.html")]
struct Code<'a> {
    w: &'a Words,
    errors: &'a Errors,
    action: String,
    form_token: String,
    sent: &'a str,
    phone: &'a str,
    left: String,
    resend: String,
    may_resend: bool,
    may_later: bool,
    host: &'a str,
    inbox: Option<String>,
}
