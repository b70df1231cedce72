//! Signing in at idp and out again.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use web::claims::Identity;
use web::page_session::SignedIn;
use web::relying_party::{Callback, LoginRequest};
use web::{Asker, Form, Page, Problem, Query, Words};

use super::Pages;
use crate::issuance::HolderCode;

/// How long a session lives: a working day.
const SESSION_SECONDS: i64 = 8 * 3_600;

#[derive(Template)]
#[template(path = "welcome.html")]
struct Welcome<'a> {
    w: &'a Words,
    notice: String,
}

/// What a link to `/login` may ask.
#[derive(Deserialize)]
pub(super) struct LoginQuery {
    to: Option<String>,
    switch: Option<String>,
    /// Asks again for what was not given.
    consent: Option<String>,
}

/// The first page for whoever is not signed in.
pub(super) fn welcome(asker: &Asker, notice: String) -> Page {
    let page = Welcome { w: asker.words(), notice };
    Page::of(asker, asker.words().get("signer-welcome"), &page).view_to("/")
}

/// Sends to sign in and back to `to`.
pub(super) fn first(to: &str) -> Response {
    let to = if is_ours(to) { to } else { "/" }; // an id in a path may be anything that somebody typed
    Redirect::to(&format!("/login?to={to}")).into_response()
}

/// `GET /login`
pub(super) async fn login(
    State(pages): State<Pages>,
    asker: Asker,
    Query(query): Query<LoginQuery>,
) -> Result<Response, Problem> {
    let to = query.to.filter(|to| is_ours(to)).unwrap_or_else(|| "/".into());
    let mut request = LoginRequest {
        acr_values: vec!["urn:xinyin:acr:2".into()],
        ui_locales: Some(asker.lang().tag().to_owned()),
        return_to: to,
        ..LoginRequest::default()
    };
    if query.switch.is_some() {
        request.prompt = vec!["select_account".into()];
    } else if query.consent.is_some() {
        request.prompt = vec!["consent".into()];
    }
    pages.0.sessions.sign_in(&asker, &request).await
}

/// A local path of ours, of plain characters.
fn is_ours(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && path.len() <= 200
        && path.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_'))
}

/// `GET /callback`
pub(super) async fn callback(
    State(pages): State<Pages>,
    asker: Asker,
    Query(answer): Query<Callback>,
) -> Result<Response, Problem> {
    let (cookie, login) = pages.0.sessions.come_back(&asker, &answer).await?;
    let login = match login {
        Ok(login) => login,
        Err(code) => {
            let notice = asker.words().with("signer-not-completed", &[("code", &code)]).into_owned();
            return Ok((cookie, welcome(&asker, notice)).into_response());
        }
    };
    if login.identity.level() < 2 {
        let notice = asker.words().get("signer-too-low").into_owned();
        return Ok((cookie, welcome(&asker, notice)).into_response());
    }
    let userinfo = pages.0.sessions.relying_party().userinfo(&login.access_token, &login.identity.sub).await?;
    let code = holder_code(&login.identity, &userinfo)?;
    pages.signer().remember_subject(&login.identity.sub, &code).await?;
    let name = userinfo.name.clone().or_else(|| login.identity.name.clone());
    let name = name.or_else(|| organisation_name(&userinfo)).unwrap_or_default();
    let who = SignedIn::new(&login, &name, pages.signer().sources().now());
    let own = pages.0.sessions.begin(&asker, &who, SESSION_SECONDS).await?;
    Ok((cookie, own, Redirect::to(&login.return_to)).into_response())
}

fn organisation_name(userinfo: &Identity) -> Option<String> {
    userinfo.organisation.as_ref()?.name.clone()
}

/// The number by which the library finds whose licences these are: the organisation's code, else the person's number.
fn holder_code(identity: &Identity, userinfo: &Identity) -> Result<HolderCode, Problem> {
    let organisation = userinfo.organisation.as_ref().or(identity.organisation.as_ref());
    let code = if let Some(organisation) = organisation {
        HolderCode::of_type("001", &organisation.code)
    } else {
        let (Some(id_type), Some(number)) = (&userinfo.id_type, &userinfo.id_number) else {
            return Err(Problem::forbidden("login.number_withheld").again("/login?consent=1"));
        };
        HolderCode::of_type(id_type, number)
    };
    code.map_err(|_| Problem::forbidden("login.number_unreadable"))
}

/// The form of every page's sign-out button.
#[derive(Deserialize)]
pub(super) struct SignOut {
    form_token: String,
}

/// `POST /sign-out`: ends the session here and at idp.
pub(super) async fn sign_out(
    State(pages): State<Pages>,
    asker: Asker,
    Form(form): Form<SignOut>,
) -> Result<Response, Problem> {
    let w = asker.words();
    let (title, go_on) = (w.get("signer-signing-out"), w.get("signer-go-on"));
    pages.0.sessions.sign_out(&asker, &form.form_token, &title, &go_on).await
}

/// `GET /signed-out`
pub(super) async fn signed_out(asker: Asker) -> Page {
    welcome(&asker, asker.words().get("signer-signed-out").into_owned())
}
