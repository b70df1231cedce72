//! Signing in at idp and out again.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use store::audit;
use verifier::encoding::b64u;
use verifier::time::Timestamp;
use web::cookie::SetCookie;
use web::relying_party::{Callback, Login, LoginError, LoginRequest};
use web::{Asker, Form, Html, Page, Problem, Query};

use crate::desk::{Desk, storage_problem};
use crate::storage::sessions::{self, Secrets, Session};

/// How long a clerk's session lives: a working day.
const SESSION_SECONDS: i64 = 10 * 3_600;

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
    let (url, pending) = desk.relying_party().begin(&request).await?;
    Ok((desk.pending().keep(&asker, &pending)?, Redirect::to(url.as_str())).into_response())
}

/// `GET /callback`
pub(super) async fn callback(
    State(desk): State<Desk>,
    asker: Asker,
    Query(answer): Query<Callback>,
) -> Result<Response, Problem> {
    let (pending, cookie) = desk.pending().take(&asker, &answer.state)?;
    let login = match desk.relying_party().finish(&pending, &answer).await {
        Ok(login) => login,
        // The clerk pressed cancel, or idp wants something that it says on its own pages.
        Err(LoginError::Refused { .. }) => return Ok((cookie, Redirect::to("/")).into_response()),
        Err(error) => return Err(error.into()),
    };
    let Some((value, mut session)) = new_session(&desk, &login)? else {
        return Ok((cookie, no_power(&asker)).into_response());
    };
    let (login, name) = named(&desk, &login).await?;
    session.secrets = Secrets { name, ..session.secrets }.with_refresh_token(&login);
    let sealed = desk.seal(&sessions::row_name(&session.id_digest), &session.secrets)?;
    let now = desk.sources().now();
    let row = audit::Row::new(format!("clerk:{}", session.clerk), "session.sign_in", "done", now)
        .department(&session.department)
        .incident(asker.incident().as_str());
    let mut tx = desk.db().begin().await.map_err(storage_problem)?;
    sessions::insert(&mut tx, &session, &sealed, now).await.map_err(storage_problem)?;
    audit::append(&mut tx, &row).await.map_err(storage_problem)?;
    tx.commit().await.map_err(storage_problem)?;
    let own = SetCookie::for_browser_session(asker.site(), "", &value);
    Ok((cookie, own, Redirect::to(&login.return_to)).into_response())
}

/// The clerk's name, which userinfo alone tells: the ID token stands in an address at sign-out and holds none. The login's own
/// access token is for the desk, userinfo wants one for idp; what comes with it takes the place of the refresh token spent.
async fn named(desk: &Desk, login: &Login) -> Result<(Login, String), LoginError> {
    let at_idp = desk.relying_party().refresh_for(login, Some(&desk.settings().issuer)).await?;
    let known = desk.relying_party().userinfo(&at_idp.access_token, &at_idp.identity.sub).await?;
    Ok((at_idp, known.name.unwrap_or_default()))
}

/// A session for a login that acts for a department and may verify; `None` for everyone else.
fn new_session(desk: &Desk, login: &Login) -> Result<Option<(String, Session)>, Problem> {
    let identity = &login.identity;
    let (Some(organisation), Some(actor), Some(mandate)) = (&identity.organisation, &identity.act, &identity.mandate)
    else {
        return Ok(None);
    };
    if identity.level() < 2 || !mandate.matters.iter().any(|matter| matter == "verify") {
        return Ok(None);
    }
    let now = desk.sources().now();
    let value = b64u::encode(desk.sources().bytes::<32>().map_err(Problem::internal)?);
    let blank = Secrets {
        name: String::new(),
        sub: identity.sub.clone(),
        access_token: String::new(),
        access_until: 0,
        checked_at: 0,
        refresh_token: None,
        id_token: None,
    };
    let end = now.plus(SESSION_SECONDS);
    let expires_at = mandate.exp.map_or(end, |exp| end.min(Timestamp::from_seconds(exp)));
    let session = Session {
        id_digest: sessions::digest_of(&value),
        department: organisation.code.clone(),
        department_name: organisation.name.clone().unwrap_or_else(|| organisation.code.clone()),
        clerk: actor.sub.clone(),
        secrets: blank.renewed(login, now),
        case: None,
        expires_at,
    };
    Ok(Some((value, session)))
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
    // Whatever idp says of it by now, and even if it says nothing: whoever wants to leave, leaves.
    let Some((value, session)) = desk.stored_sessions(&asker).await?.into_iter().next() else {
        return Ok(Redirect::to("/").into_response());
    };
    asker.check_form(&form.form_token, &value)?;
    let row = audit::Row::new(format!("clerk:{}", session.clerk), "session.sign_out", "done", desk.sources().now())
        .department(&session.department)
        .incident(asker.incident().as_str());
    let mut tx = desk.db().begin().await.map_err(storage_problem)?;
    sessions::delete(&mut tx, &session.id_digest).await.map_err(storage_problem)?;
    audit::append(&mut tx, &row).await.map_err(storage_problem)?;
    tx.commit().await.map_err(storage_problem)?;
    let back = desk.site().url("/signed-out");
    let hint = session.secrets.id_token.as_deref().unwrap_or_default();
    // idp out of reach is no reason to keep anybody signed in here.
    let url = desk.relying_party().logout_url(hint, Some(&back), None).await.ok().flatten();
    let to = url.map_or_else(|| "/signed-out".to_owned(), |url| url.to_string());
    let w = asker.words();
    let main = Html::already_escaped(format!(
        "<div class=\"title\"><h1>{0}</h1></div><p><a class=\"btn\" href=\"{1}\">{2}</a></p>",
        web::html::escape(&w.get("desk-signing-out")),
        web::html::escape(&to),
        web::html::escape(&w.get("desk-go-on")),
    ));
    let page = Page::new(&asker, w.get("desk-signing-out"), main).moves_on_to(to).view_to("/");
    Ok((SetCookie::clear(asker.site(), ""), page).into_response())
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
