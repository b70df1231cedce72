//! Signing in at idp and out again.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use store::audit;
use verifier::encoding::b64u;
use verifier::time::Timestamp;
use web::claims::Identity;
use web::cookie::SetCookie;
use web::relying_party::{Callback, LoginError, LoginRequest};
use web::{Asker, Form, Html, Page, Problem, Query, Words};

use super::Pages;
use super::session::{Contents, Session};
use crate::flow::error::FlowError;
use crate::issuance::HolderCode;
use crate::storage::sessions;

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
    let (url, pending) = pages.0.relying_party.begin(&request).await?;
    Ok((pages.0.pending.keep(&asker, &pending)?, Redirect::to(url.as_str())).into_response())
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
    let (pending, cookie) = pages.0.pending.take(&asker, &answer.state)?;
    let login = match pages.0.relying_party.finish(&pending, &answer).await {
        Ok(login) => login,
        Err(LoginError::Refused { code, .. }) => {
            let notice = asker.words().with("signer-not-completed", &[("code", &code)]).into_owned();
            return Ok((cookie, welcome(&asker, notice)).into_response());
        }
        Err(error) => return Err(error.into()),
    };
    if login.identity.level() < 2 {
        let notice = asker.words().get("signer-too-low").into_owned();
        return Ok((cookie, welcome(&asker, notice)).into_response());
    }
    let userinfo = pages.0.relying_party.userinfo(&login.access_token, &login.identity.sub).await?;
    let code = holder_code(&login.identity, &userinfo)?;
    pages.signer().remember_subject(&login.identity.sub, &code).await?;
    let name = userinfo.name.clone().or_else(|| login.identity.name.clone());
    let contents = Contents::new(&login, &name.or_else(|| organisation_name(&userinfo)).unwrap_or_default());
    let value = store_session(&pages, &asker, contents).await?;
    let own = SetCookie::for_browser_session(asker.site(), "", &value);
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

async fn store_session(pages: &Pages, asker: &Asker, contents: Contents) -> Result<String, Problem> {
    let signer = pages.signer();
    let now = signer.sources().now();
    let value = b64u::encode(signer.sources().bytes::<32>().map_err(Problem::internal)?);
    let id_digest = sessions::digest_of(&value);
    let sealed = pages.seal(&id_digest, &contents, now)?;
    let end = now.plus(SESSION_SECONDS);
    let end = contents.mandate.as_ref().and_then(|m| m.exp).map_or(end, |exp| end.min(Timestamp::from_seconds(exp)));
    let session = Session { cookie: value.clone(), contents };
    let mut row = audit::Row::new(session.actor(), "session.sign_in", "done", now).incident(asker.incident().as_str());
    row.department = session.contents.organisation.as_ref().map(|organisation| organisation.code.clone());
    let mut tx = signer.db().begin().await.map_err(FlowError::from)?;
    sessions::insert(&mut tx, &id_digest, &sealed, now, end).await.map_err(FlowError::from)?;
    audit::append(&mut tx, &row).await.map_err(FlowError::from)?;
    tx.commit().await.map_err(FlowError::from)?;
    Ok(value)
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
    // Whatever idp says of it by now, and even if it says nothing.
    let Some(session) = pages.stored_session(&asker).await? else { return Ok(Redirect::to("/").into_response()) };
    asker.check_form(&form.form_token, &session.cookie)?;
    let signer = pages.signer();
    let row = audit::Row::new(session.actor(), "session.sign_out", "done", signer.sources().now())
        .incident(asker.incident().as_str());
    let mut tx = signer.db().begin().await.map_err(FlowError::from)?;
    sessions::delete(&mut tx, &sessions::digest_of(&session.cookie)).await.map_err(FlowError::from)?;
    audit::append(&mut tx, &row).await.map_err(FlowError::from)?;
    tx.commit().await.map_err(FlowError::from)?;
    let back = format!("{}/signed-out", signer.external_url());
    // idp out of reach is no reason to keep anybody signed in here.
    let url = pages.0.relying_party.logout_url(&session.contents.id_token, Some(&back), None).await.ok().flatten();
    let to = url.map_or_else(|| "/signed-out".to_owned(), |url| url.to_string());
    let w = asker.words();
    let main = Html::already_escaped(format!(
        "<div class=\"title\"><h1>{0}</h1></div><p><a class=\"btn\" href=\"{1}\">{2}</a></p>",
        web::html::escape(&w.get("signer-signing-out")),
        web::html::escape(&to),
        web::html::escape(&w.get("signer-go-on")),
    ));
    let page = Page::new(&asker, w.get("signer-signing-out"), main).moves_on_to(to).view_to("/");
    Ok((SetCookie::clear(asker.site(), ""), page).into_response())
}

/// `GET /signed-out`
pub(super) async fn signed_out(asker: Asker) -> Page {
    welcome(&asker, asker.words().get("signer-signed-out").into_owned())
}
