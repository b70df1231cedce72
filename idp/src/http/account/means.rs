//! `/account/password` and `/account/passkey`: a new means to sign in.

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use web::{Asker, Form, Page, Problem, Words};

use crate::Idp;
use crate::account::Password;
use crate::account::passkey::PasskeyError;
use crate::error::Error;
use crate::flow::account;
use crate::flow::tell::{self, Change};
use crate::http::account::holder::{fresh, is_fresh, of_holder, prove, sign_in_again, signed_in};
use crate::http::browser::Browser;
use crate::http::people::{self, Errors};
use crate::http::{problem, steps};
use crate::session::Session;
use crate::storage::{accounts, passkeys};

/// Where a passkey is added.
pub(crate) const NEW_PASSKEY: &str = "/account/passkey";

/// Where a password is set.
pub(crate) const NEW_PASSWORD: &str = "/account/password";

/// What the forms for a new means send.
#[derive(Default, Deserialize)]
pub(crate) struct MeansForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    again: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    answer: String,
}

/// `GET /account/password`.
pub(crate) async fn password(State(idp): State<Idp>, asker: Asker, browser: Browser) -> Result<Response, Problem> {
    let Some(session) = fresh(&idp, &browser).await? else {
        return sign_in_again(&idp, &asker, &browser, NEW_PASSWORD).await;
    };
    if !may_set_password(&idp, &session).await? {
        return prove(&idp, &asker, &browser, &session, NEW_PASSWORD).await;
    }
    Ok(password_page(&idp, &asker, &session, &Errors::default()).await?.into_response())
}

/// `POST /account/password`.
pub(crate) async fn password_answer(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Form(form): Form<MeansForm>,
) -> Result<Response, Problem> {
    let session = signed_in(&idp, &asker, &browser, &form.form_token).await?;
    if !is_fresh(&idp, &session) {
        return sign_in_again(&idp, &asker, &browser, NEW_PASSWORD).await;
    }
    if !may_set_password(&idp, &session).await? {
        return prove(&idp, &asker, &browser, &session, NEW_PASSWORD).await;
    }
    let words = asker.words();
    let fields = idp.field_keys(idp.sources().now())?;
    let mut tx = idp.db().reader().await.map_err(problem::of_storage)?;
    let shown = accounts::shown(&mut tx, &fields, &session.person).await?;
    drop(tx);
    let known: Vec<&str> = shown
        .iter()
        .flat_map(|shown| [shown.number.as_deref(), shown.phone.as_deref()])
        .flatten()
        .map(String::as_str)
        .collect();
    let (password, again) = (Password::new(form.password), Password::new(form.again));
    let errors = match password.weakness(&known) {
        Some(weakness) => Errors::one("password", people::weakness_words(words, weakness)),
        None if !password.same(&again) => Errors::one("again", words.get("register-error-again")),
        None => Errors::default(),
    };
    if !errors.is_empty() {
        let page = password_page(&idp, &asker, &session, &errors).await?;
        return Ok(people::refused(page, None));
    }
    let incident = asker.incident().as_str();
    match account::set_password(&idp, &session.person, Some(&session.id), &password, incident).await? {
        Ok(()) => {
            tell::holder(&idp, &session.person, Change::PasswordSet, browser.device()).await;
            Ok(steps::see_other("/account?done=password"))
        }
        Err(_) => Err(Problem::unavailable(2)),
    }
}

/// `GET /account/passkey`.
pub(crate) async fn passkey(State(idp): State<Idp>, asker: Asker, browser: Browser) -> Result<Response, Problem> {
    let Some(session) = fresh(&idp, &browser).await? else {
        return sign_in_again(&idp, &asker, &browser, NEW_PASSKEY).await;
    };
    if !session.may_change_passkeys(idp.sources().now()) {
        return prove(&idp, &asker, &browser, &session, NEW_PASSKEY).await;
    }
    Ok(passkey_page(&idp, &asker, &browser, &session, &Errors::default()).await?.into_response())
}

/// `POST /account/passkey/options`: the options for `navigator.credentials`.
pub(crate) async fn passkey_options(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Form(form): Form<MeansForm>,
) -> Result<Response, Problem> {
    let session = signed_in(&idp, &asker, &browser, &form.form_token).await?;
    if idp.people().passkeys.is_none() {
        return Err(Problem::bad_request("passkey.refused"));
    }
    if !session.may_change_passkeys(idp.sources().now()) {
        return Err(Problem::forbidden("account.fresh_sign_in_required"));
    }
    let display = people::name_of(&idp, &session.person).await?;
    Ok(Json(account::begin_passkey(&idp, &session.person, &display, &ceremony(&session)).await?).into_response())
}

/// `POST /account/passkey`.
pub(crate) async fn passkey_answer(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Form(form): Form<MeansForm>,
) -> Result<Response, Problem> {
    let session = signed_in(&idp, &asker, &browser, &form.form_token).await?;
    if !session.may_change_passkeys(idp.sources().now()) {
        return prove(&idp, &asker, &browser, &session, NEW_PASSKEY).await;
    }
    let words = asker.words();
    if form.answer.is_empty() {
        let errors = Errors::one("passkey", words.get("signin-passkey-script"));
        return Ok(people::refused(passkey_page(&idp, &asker, &browser, &session, &errors).await?, None));
    }
    let title = people::title(&form.title, &words.get("account-passkey-unnamed"));
    let mut tx = idp.db().begin().await.map_err(problem::of_storage)?;
    let incident = asker.incident().as_str();
    let id = ceremony(&session);
    let kept = account::keep_passkey(&idp, &mut tx, &session.person, &id, &form.answer, &title, incident).await?;
    tx.commit().await.map_err(problem::of_storage)?;
    match kept {
        Ok(()) => {
            tell::holder(&idp, &session.person, Change::PasskeyAdded, browser.device()).await;
            Ok(steps::see_other("/account?done=passkey"))
        }
        Err(error) => {
            let text = match error {
                PasskeyError::Refused => words.get("account-passkey-taken").into_owned(),
                other => people::passkey_words(words, other),
            };
            let errors = Errors::one("passkey", text);
            Ok(people::refused(passkey_page(&idp, &asker, &browser, &session, &errors).await?, None))
        }
    }
}

/// Whether a new password may be set: where there is a passkey, a password alone sets none (decision 6).
async fn may_set_password(idp: &Idp, session: &Session) -> Result<bool, Problem> {
    if session.may_change_passkeys(idp.sources().now()) {
        return Ok(true);
    }
    let mut tx = idp.db().reader().await.map_err(problem::of_storage)?;
    Ok(passkeys::allowed(&mut tx, &session.person).await.map_err(problem::of_storage)?.is_empty())
}

fn ceremony(session: &Session) -> String {
    format!("account/{}", session.id)
}

async fn password_page(idp: &Idp, asker: &Asker, session: &Session, errors: &Errors) -> Result<Page, Error> {
    let words = asker.words();
    let fields = idp.field_keys(idp.sources().now())?;
    let shown = accounts::shown(&mut idp.db().reader().await?, &fields, &session.person).await?;
    let shown = shown.ok_or(Error::Damaged("a session without a person"))?;
    let has_password = shown.password_changed_at.is_some();
    let main = PasswordPage { w: words, errors, form_token: asker.form_token(session.id.as_str()), has_password };
    let title = if has_password { "account-password-change-title" } else { "account-password-set-title" };
    Ok(of_holder(Page::of(asker, words.get(title), &main).view_to(NEW_PASSWORD), session, &shown.name))
}

async fn passkey_page(
    idp: &Idp,
    asker: &Asker,
    browser: &Browser,
    session: &Session,
    errors: &Errors,
) -> Result<Page, Error> {
    let words = asker.words();
    let main = PasskeyPage {
        w: words,
        errors,
        form_token: asker.form_token(session.id.as_str()),
        title: people::title(browser.device(), ""),
    };
    let page = Page::of(asker, words.get("account-passkey-title"), &main).view_to("/account/passkey");
    let name = people::name_of(idp, &session.person).await?;
    Ok(of_holder(page.script("/static/passkey.js"), session, &name))
}

#[derive(Template)]
#[template(path = "people/account_password.html")]
struct PasswordPage<'a> {
    w: &'a Words,
    errors: &'a Errors,
    form_token: String,
    has_password: bool,
}

#[derive(Template)]
#[template(path = "people/account_passkey.html")]
struct PasskeyPage<'a> {
    w: &'a Words,
    errors: &'a Errors,
    form_token: String,
    title: String,
}
