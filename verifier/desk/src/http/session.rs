//! Signing in at idp and out again.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use web::page_session::SignedIn;
use web::relying_party::{Callback, Login, LoginError, LoginRequest};
use web::{Asker, Form, Html, Page, Problem, Query};

use crate::desk::Desk;
use crate::session::{SESSION_SECONDS, may_verify};

/// What a link to `/login` may ask.
#[derive(Deserialize)]
pub(super) struct LoginQuery {
    to: Option<String>,
    switch: Option<String>,
}

/// `GET /login`
pub(super) async fn login(
    State(desk): State<Desk>,
    asker: Asker,
    Query(query): Query<LoginQuery>,
) -> Result<Response, Problem> {
    let to = query.to.filter(|to| matches!(to.as_str(), "/" | "/matter" | "/lookup" | "/today"));
    let mut request = LoginRequest {
        acr_values: vec!["urn:xinyin:acr:2".into()],
        resource: Some(desk.settings().external_url.clone()),
        ui_locales: Some(asker.lang().tag().to_owned()),
        return_to: to.unwrap_or_else(|| "/".into()),
        ..LoginRequest::default()
    };
    if query.switch.is_some() {
        request.prompt = vec!["select_account".into()];
    }
    desk.sessions().sign_in(&asker, &request).await
}

/// `GET /callback`
pub(super) async fn callback(
    State(desk): State<Desk>,
    asker: Asker,
    Query(answer): Query<Callback>,
) -> Result<Response, Problem> {
    let (cookie, login) = desk.sessions().come_back(&asker, &answer).await?;
    // Refused: the clerk pressed cancel, or idp wants something that it says on its own pages.
    let Ok(login) = login else { return Ok((cookie, Redirect::to("/")).into_response()) };
    if !may_verify(&login) {
        return Ok((cookie, no_power(&asker)).into_response());
    }
    let (at_idp, name) = named(&desk, &login).await?;
    let refresh_token = at_idp.refresh_token.as_ref().map(|token| token.to_string());
    let who = SignedIn { refresh_token, ..SignedIn::new(&login, &name, desk.sources().now()) };
    let own = desk.sessions().begin(&asker, &who, SESSION_SECONDS).await?;
    Ok((cookie, own, Redirect::to(&login.return_to)).into_response())
}

/// The clerk's name, which userinfo alone tells: the ID token stands in an address at sign-out and holds none. The login's own
/// access token is for the desk, userinfo wants one for idp; what comes with it takes the place of the refresh token spent.
async fn named(desk: &Desk, login: &Login) -> Result<(Login, String), LoginError> {
    let at_idp = desk.relying_party().refresh_for(login, Some(&desk.settings().issuer)).await?;
    let known = desk.relying_party().userinfo(&at_idp.access_token, &at_idp.identity.sub).await?;
    Ok((at_idp, known.name.unwrap_or_default()))
}

fn no_power(asker: &Asker) -> Page {
    let w = asker.words();
    let main = Html::already_escaped(format!(
        "<div class=\"title\"><h1>{}</h1></div><div class=\"read stack\"><p>{}</p><div class=\"actions\">\
         <a class=\"btn\" href=\"/login?switch=1\">{}</a><a class=\"btn btn-link\" href=\"/\">{}</a></div></div>",
        web::html::escape(&w.get("desk-sign-in")),
        web::html::escape(&w.get("desk-no-power")),
        web::html::escape(&w.get("desk-switch")),
        web::html::escape(&w.get("desk-without-case")),
    ));
    Page::new(asker, w.get("desk-sign-in"), main).view_to("/")
}

/// The form of every page's sign-out button.
#[derive(Deserialize)]
pub(super) struct SignOut {
    form_token: String,
}

/// `POST /sign-out`: ends the session here and at idp.
pub(super) async fn sign_out(
    State(desk): State<Desk>,
    asker: Asker,
    Form(form): Form<SignOut>,
) -> Result<Response, Problem> {
    let w = asker.words();
    let (title, go_on) = (w.get("desk-signing-out"), w.get("desk-go-on"));
    desk.sessions().sign_out(&asker, &form.form_token, &title, &go_on).await
}

/// `GET /signed-out`
pub(super) async fn signed_out(asker: Asker) -> Page {
    let w = asker.words();
    let main = Html::already_escaped(format!(
        "<div class=\"title\"><h1>{}</h1></div><div class=\"actions\"><a class=\"btn\" href=\"/\">{}</a></div>",
        web::html::escape(&w.get("desk-signed-out")),
        web::html::escape(&w.get("desk-title")),
    ));
    Page::new(&asker, w.get("desk-signed-out"), main)
}
