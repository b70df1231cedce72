//! `GET` and `POST /logout` (OpenID Connect RP-Initiated Logout 1.0).

use std::sync::Arc;

use askama::Template;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::Method;
use store::audit;
use url::form_urlencoded::Serializer;
use verifier::time::Timestamp;
use web::page::dates;
use web::{Asker, Page, Problem, Words};

use crate::Idp;
use crate::client::{Client, redirect};
use crate::http::browser::{self, Browser};
use crate::http::{problem, steps};
use crate::oauth::parameters::{ParameterError, Parameters};
use crate::session::{self, Session};
use crate::storage::sessions;
use crate::token::id_token::{self, Hint};

/// What a form of the confirmation page is bound to.
const BINDING: &str = "logout";
/// The parameters that count.
const NAMES: [&str; 5] = ["id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales"];

/// A checked logout request.
struct Request {
    hint: Option<Hint>,
    /// The client of a genuine hint.
    client: Option<Arc<Client>>,
    /// Where to go afterwards, with `state` behind it.
    target: Option<String>,
}

/// `GET /logout`. With a genuine hint of the session in this browser it ends that at once; otherwise the person is asked.
pub(crate) async fn get(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    method: Method,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let parameters = Parameters::read(query.unwrap_or_default().as_bytes()).map_err(|error| malformed(&error))?;
    let locales = parameters.one("ui_locales").ok().flatten().and_then(web::Lang::from_ui_locales);
    let asker = locales.map_or_else(|| asker.clone(), |lang| asker.speaking(lang));
    let request = read(&idp, &parameters).await?;
    let now = idp.sources().now();
    let live = session::of_browser(&mut idp.db().reader().await.map_err(problem::of_storage)?, &browser, now).await?;
    // A look (HEAD) ends nothing (RFC 9110 §9.2.1).
    if !live.is_empty() && (method == Method::HEAD || !request.is_of(&live)) {
        return Ok(confirm(&asker, &parameters));
    }
    end(&idp, &asker, &browser, &live, now).await?;
    Ok((browser::clear_session_cookie(&idp), done(&asker, &request, &Method::GET, now)).into_response())
}

/// `POST /logout`: from a page of ours it ends the browser's sessions. From another site it comes without our cookies, so it goes
/// on as a GET.
pub(crate) async fn post(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    body: Bytes,
) -> Result<Response, Problem> {
    let parameters = Parameters::read(&body).map_err(|error| malformed(&error))?;
    let Some(token) = parameters.one("form_token").map_err(|error| malformed(&error))? else {
        let mut query = Serializer::new(String::new());
        for name in NAMES {
            if let Some(value) = parameters.one(name).map_err(|error| malformed(&error))? {
                query.append_pair(name, value);
            }
        }
        return Ok(steps::see_other(&format!("/logout?{}", query.finish())));
    };
    let now = idp.sources().now();
    let live = session::of_browser(&mut idp.db().reader().await.map_err(problem::of_storage)?, &browser, now).await?;
    let bindings = live.iter().map(|session| session.id.as_str()).chain([BINDING]);
    let mut checked = asker.check_form(token, BINDING);
    for binding in bindings {
        checked = checked.or_else(|_| asker.check_form(token, binding));
    }
    checked?;
    let request = read(&idp, &parameters).await?;
    end(&idp, &asker, &browser, &live, now).await?;
    Ok((browser::clear_session_cookie(&idp), done(&asker, &request, &Method::POST, now)).into_response())
}

/// `GET /signed-out`.
pub(crate) async fn signed_out(asker: Asker) -> Response {
    signed_out_page(&asker, None, None).into_response()
}

fn malformed(error: &ParameterError) -> Problem {
    Problem::bad_request("logout.hint").cause(error.description())
}

async fn read(idp: &Idp, parameters: &Parameters) -> Result<Request, Problem> {
    let one = |name| parameters.one(name).map_err(|error| malformed(&error));
    let hint = one("id_token_hint")?.and_then(|text| id_token::read_hint(idp, text, idp.sources().now()));
    let named = one("client_id")?;
    let Some(hint) = hint else {
        // Without a genuine hint nobody vouches for the address, so it is not used.
        return Ok(Request { hint: None, client: None, target: None });
    };
    if named.is_some_and(|named| named != hint.client_id) {
        return Err(Problem::bad_request("logout.hint"));
    }
    let client = idp.known_client(&hint.client_id).await?;
    let target = match one("post_logout_redirect_uri")? {
        None => None,
        Some(uri) => {
            let known = client.as_ref().is_some_and(|client| client.post_logout_redirect_uris.iter().any(|k| k == uri));
            if !known {
                return Err(Problem::bad_request("logout.redirect_uri"));
            }
            let state = one("state")?;
            Some(redirect::with(uri, state.map(|state| ("state", state)).as_slice()))
        }
    };
    Ok(Request { hint: Some(hint), client, target })
}

impl Request {
    /// Whether its hint was issued in one of these sessions.
    fn is_of(&self, live: &[Session]) -> bool {
        let (Some(hint), Some(client)) = (&self.hint, &self.client) else { return false };
        live.iter().any(|session| hint.sid.as_deref() == Some(&session.sid(&client.client_id, &hint.sub)))
    }
}

async fn end(idp: &Idp, asker: &Asker, browser: &Browser, live: &[Session], now: Timestamp) -> Result<(), Problem> {
    if live.is_empty() {
        return Ok(());
    }
    let mut tx = idp.db().begin().await.map_err(problem::of_storage)?;
    let ended = sessions::end_browser(&mut tx, browser.session_digests(), now).await.map_err(problem::of_storage)?;
    for (session, person) in ended {
        let row = audit::Row::new(person.as_str(), "session.sign_out", "done", now)
            .object(format!("session:{session}"))
            .incident(asker.incident().as_str());
        audit::append(&mut tx, &row).await.map_err(problem::of_storage)?;
    }
    tx.commit().await.map_err(problem::of_storage)
}

fn done(asker: &Asker, request: &Request, asked_by: &Method, now: Timestamp) -> Response {
    match &request.target {
        Some(target) if asked_by == Method::GET => steps::see_other(target),
        target => {
            let name = request.client.as_ref().map(|client| client.name.get(asker.lang()).to_owned());
            let back = target.clone().zip(name);
            let page = signed_out_page(asker, back.as_ref(), Some(now));
            match back {
                Some((url, _)) => page.moves_on_to(url).into_response(),
                None => page.into_response(),
            }
        }
    }
}

fn signed_out_page(asker: &Asker, back: Option<&(String, String)>, at: Option<Timestamp>) -> Page {
    let words = asker.words();
    let lead = match at {
        Some(at) => words.with("signed-out-lead-at", &[("time", &dates::time(at))]).into_owned(),
        None => words.get("signed-out-lead").into_owned(),
    };
    let main = SignedOut {
        w: words,
        lead,
        back: back.map(|(url, name)| (url.as_str(), words.with("signed-out-continue", &[("name", name)]).into_owned())),
    };
    Page::of(asker, words.get("signed-out-title"), &main).view_to("/signed-out")
}

fn confirm(asker: &Asker, parameters: &Parameters) -> Response {
    let words = asker.words();
    let kept = NAMES.into_iter().filter_map(|name| Some((name, parameters.one(name).ok().flatten()?.to_owned())));
    let main = Confirm { w: words, form_token: asker.form_token(BINDING), kept: kept.collect() };
    Page::of(asker, words.get("logout-title"), &main).view_to("/logout").into_response()
}

#[derive(Template)]
#[template(path = "logout.html")]
struct Confirm<'a> {
    w: &'a Words,
    form_token: String,
    kept: Vec<(&'static str, String)>,
}

#[derive(Template)]
#[template(path = "signed-out.html")]
struct SignedOut<'a> {
    w: &'a Words,
    lead: String,
    back: Option<(&'a str, String)>,
}
