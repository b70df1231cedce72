//! How a page of an interaction ends: it goes on to the next page, or back to the client.
//!
//! A sign-in page's POST, for instance:
//!
//! ```ignore
//! let mut tx = idp.db().begin().await.map_err(problem::of_storage)?;
//! let mut interaction = steps::load(&idp, &mut tx, &id, &browser).await?;
//! // … recognise the person, in the same transaction …
//! let signed_in = session::sign_in(&mut tx, &idp, &mut interaction, &browser, &authentication).await?;
//! steps::go_on(&idp, &asker, &browser, tx, interaction, Some(signed_in)).await
//! ```

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode, header};
use store::Tx;
use url::Url;
use web::cookie::SetCookie;
use web::headers::Policy;
use web::{Asker, Page, Problem, Words};

use crate::Idp;
use crate::client::redirect;
use crate::error::Error;
use crate::flow::authorize::{self, Answer, Next, Refused, Step};
use crate::http::browser::{self, Browser};
use crate::http::people::spoken;
use crate::http::{people, problem};
use crate::ids::InteractionId;
use crate::interaction::{self, Asker as Who, Interaction, ResponseMode};
use crate::session::{self, Session, SignedIn};
use crate::storage::{authorizations, begun};

/// The interaction whose id stands in the path.
///
/// # Errors
///
/// `interaction.unknown` where there is none for this browser.
pub async fn load(idp: &Idp, tx: &mut Tx, id: &str, browser: &Browser) -> Result<Interaction, Problem> {
    let id = InteractionId::parse(id).ok_or_else(problem::no_interaction)?;
    interaction::find(tx, idp, &id, browser, idp.sources().now()).await?.ok_or_else(problem::no_interaction)
}

/// A page of an interaction, opened or answered: who asks, in the language that the client wants, and the interaction within a
/// transaction.
pub(crate) struct Opened<'a> {
    pub(crate) idp: &'a Idp,
    pub(crate) asker: Asker,
    pub(crate) browser: &'a Browser,
    pub(crate) tx: Tx,
    pub(crate) interaction: Interaction,
}

impl<'a> Opened<'a> {
    /// To be looked at: nothing will be written.
    pub(crate) async fn look(idp: &'a Idp, asker: &Asker, browser: &'a Browser, id: &str) -> Result<Self, Problem> {
        let tx = idp.db().reader().await.map_err(problem::of_storage)?;
        Self::within(idp, asker, browser, id, tx).await
    }

    /// As [`Opened::look`], for a sign-in page: from what the browser carries, if that is the interaction that it began last.
    pub(crate) async fn look_at_begun(
        idp: &'a Idp,
        asker: &Asker,
        browser: &'a Browser,
        id: &str,
    ) -> Result<Self, Problem> {
        let mut tx = idp.db().reader().await.map_err(problem::of_storage)?;
        let parsed = InteractionId::parse(id).ok_or_else(problem::no_interaction)?;
        match begun::open(idp, &mut tx, &parsed, browser, idp.sources().now()).await? {
            Some(interaction) => Ok(Self { idp, asker: spoken(asker, &interaction), browser, tx, interaction }),
            None => Self::within(idp, asker, browser, id, tx).await,
        }
    }

    /// Answered by the page's form.
    pub(crate) async fn answered(
        idp: &'a Idp,
        asker: &Asker,
        browser: &'a Browser,
        id: &str,
        form_token: &str,
    ) -> Result<Self, Problem> {
        Self::answered_as(idp, asker, browser, id, form_token, id).await
    }

    /// As [`Opened::answered`], by a form that is bound to more than the interaction.
    pub(crate) async fn answered_as(
        idp: &'a Idp,
        asker: &Asker,
        browser: &'a Browser,
        id: &str,
        form_token: &str,
        binding: &str,
    ) -> Result<Self, Problem> {
        asker.check_form(form_token, binding)?;
        let tx = idp.db().begin().await.map_err(problem::of_storage)?;
        Self::within(idp, asker, browser, id, tx).await
    }

    async fn within(idp: &'a Idp, asker: &Asker, browser: &'a Browser, id: &str, mut tx: Tx) -> Result<Self, Problem> {
        let interaction = load(idp, &mut tx, id, browser).await?;
        Ok(Self { idp, asker: spoken(asker, &interaction), browser, tx, interaction })
    }

    /// The session that the interaction goes on with, as long as it lives.
    pub(crate) async fn session(&mut self) -> Result<Option<Session>, Error> {
        let sessions = session::of_browser(&mut self.tx, self.browser, self.idp.sources().now()).await?;
        Ok(sessions.into_iter().find(|session| Some(&session.id) == self.interaction.session()))
    }

    /// As [`go_on`].
    pub(crate) async fn go_on(self) -> Result<Response, Problem> {
        go_on(self.idp, &self.asker, self.browser, self.tx, self.interaction, None).await
    }

    /// As [`cancel`].
    pub(crate) async fn cancel(self) -> Result<Response, Problem> {
        cancel(self.idp, &self.asker, self.browser, self.tx, self.interaction).await
    }
}

/// One step back, from a page for which nothing is left to do: `/interaction/{id}` finds the right one.
pub(crate) fn back(id: &str) -> Response {
    see_other(&format!("/interaction/{id}"))
}

/// Lets an interaction go on after a form of its page, commits, and answers: 303 to the next page of ours, or the page that
/// leads back to the client. `signed_in` comes from [`crate::session::sign_in`] where the form signed somebody in.
///
/// # Errors
///
/// `interaction.unknown` if another tab was faster; a `Problem` of storage.
pub async fn go_on(
    idp: &Idp,
    asker: &Asker,
    browser: &Browser,
    mut tx: Tx,
    mut interaction: Interaction,
    signed_in: Option<SignedIn>,
) -> Result<Response, Problem> {
    let incident = asker.incident().as_str();
    let next = authorize::advance(idp, &mut tx, &mut interaction, browser, None, incident).await?;
    if matches!(next, Next::Over) {
        return Err(problem::no_interaction()); // nothing is kept: no session either, whose cookie would not arrive
    }
    tx.commit().await.map_err(problem::of_storage)?;
    let response = respond(&spoken(asker, &interaction), &interaction, next, &Method::POST)?;
    let response = people::with_cookie(browser::forget_begun(idp, browser), response);
    Ok(match signed_in {
        Some(signed_in) => (browser::session_cookie(idp, &signed_in), response).into_response(),
        None => response,
    })
}

/// Begins an interaction for one of our own pages at `path` and answers with its first step; if somebody is signed in well
/// enough already, with a redirect to `path`.
///
/// # Errors
///
/// A `Problem` of storage.
pub async fn begin_for_page(idp: &Idp, asker: &Asker, browser: &Browser, path: &str) -> Result<Response, Problem> {
    let interaction = interaction::for_page(idp, path, idp.sources().now())?;
    begin(idp, asker, browser, interaction).await
}

/// Takes the first step of a new interaction, in answer to a GET.
pub(crate) async fn begin(
    idp: &Idp,
    asker: &Asker,
    browser: &Browser,
    mut interaction: Interaction,
) -> Result<Response, Problem> {
    let (mark, cookie) = mark(idp, browser)?;
    let mut tx = idp.db().begin().await.map_err(problem::of_storage)?;
    let incident = asker.incident().as_str();
    let next = authorize::advance(idp, &mut tx, &mut interaction, browser, Some(&mark), incident).await?;
    tx.commit().await.map_err(problem::of_storage)?;
    let begun = match next {
        Next::Step(Step::SignIn) if interaction.session().is_none() => browser::begun_cookie(idp, &interaction, &mark)?,
        _ => None,
    };
    let response = respond(asker, &interaction, next, &Method::GET)?;
    Ok(people::with_cookie(cookie, people::with_cookie(begun, response)))
}

/// Keeps a new interaction of one of our own pages and answers with 303 to `page`, which goes on with it.
pub(crate) async fn begin_at(
    idp: &Idp,
    browser: &Browser,
    mut interaction: Interaction,
    page: &str,
) -> Result<Response, Problem> {
    let (mark, cookie) = mark(idp, browser)?;
    let mut tx = idp.db().begin().await.map_err(problem::of_storage)?;
    let now = idp.sources().now();
    authorizations::save(&mut tx, idp, &mut interaction, Some(&mark), None, now).await?;
    tx.commit().await.map_err(problem::of_storage)?;
    let response = see_other(&format!("{page}?i={}", interaction.id));
    Ok(people::with_cookie(cookie, response))
}

/// The mark of a browser; a new one with its cookie where it has none.
fn mark(idp: &Idp, browser: &Browser) -> Result<(String, Option<SetCookie>), Error> {
    if let Some(mark) = browser.mark_digests().first() {
        return Ok((mark.clone(), None));
    }
    let (mark, cookie) = browser::new_mark(idp)?;
    Ok((mark, Some(cookie)))
}

/// Ends an interaction because the person does not want to: `access_denied` for the client; a page of ours is left for the
/// start page.
///
/// # Errors
///
/// `interaction.unknown` if it is over; a `Problem` of storage.
pub async fn cancel(
    idp: &Idp,
    asker: &Asker,
    browser: &Browser,
    mut tx: Tx,
    interaction: Interaction,
) -> Result<Response, Problem> {
    let refused = Refused { error: "access_denied", description: "the person did not want to go on".into() };
    let next = match &interaction.asker {
        Who::Client(client) => {
            let client = client.clone();
            authorize::refuse(idp, &mut tx, &interaction, &client, refused, idp.sources().now()).await?
        }
        Who::Page(_) => Next::Page("/".to_owned()),
    };
    tx.commit().await.map_err(problem::of_storage)?;
    let response = respond(&spoken(asker, &interaction), &interaction, next, &Method::POST)?;
    Ok(people::with_cookie(browser::forget_begun(idp, browser), response))
}

fn respond(asker: &Asker, interaction: &Interaction, next: Next, asked_by: &Method) -> Result<Response, Problem> {
    match next {
        Next::Step(step) => Ok(see_other(&step.path(interaction.id.as_str()))),
        Next::Page(path) => Ok(see_other(&path)),
        Next::Answer(answer) => Ok(leave(asker, &answer, asked_by)),
        Next::Over => Err(problem::no_interaction()),
    }
}

/// 303 to a path or URL; what cannot stand in a header leads to the start page.
pub(crate) fn see_other(to: &str) -> Response {
    let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}

/// The answer that leads back to the client. After a form it is a page of ours that moves on by itself, because browsers
/// hold a form's whole redirect chain to `form-action` (W3C CSP3, issue 8).
pub(crate) fn leave(asker: &Asker, answer: &Answer, asked_by: &Method) -> Response {
    let parameters: Vec<(&str, &str)> = answer.parameters.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let host =
        Url::parse(&answer.redirect_uri).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    let name = answer.client.name.get(asker.lang());
    let words = asker.words();
    let is_error = parameters.iter().any(|(name, _)| *name == "error");
    let title = words.get(if is_error { "returning-refused-title" } else { "returning-title" });
    if answer.mode == ResponseMode::FormPost {
        let main =
            FormPost { w: words, title: &title, name, host: &host, action: &answer.redirect_uri, fields: &parameters };
        let policy = Policy { script: true, forms_leave: true, ..Policy::default() };
        let page = Page::of(asker, title.clone(), &main).view_to("/");
        return page.script("/static/submit.js").policy(policy).into_response();
    }
    let url = redirect::with(&answer.redirect_uri, &parameters);
    if *asked_by == Method::GET {
        return see_other(&url);
    }
    let main = Returning { w: words, title: &title, name, host: &host, url: &url };
    let page = Page::of(asker, title.clone(), &main).view_to("/").moves_on_to(url.clone());
    page.into_response()
}

/// `GET /static/submit.js`: sends the one form of the `form_post` page.
pub(crate) async fn submit_js() -> Response {
    let headers =
        [(header::CONTENT_TYPE, "text/javascript; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=86400")];
    (headers, "document.querySelector('form[data-submit]').submit();\n").into_response()
}

#[derive(Template)]
#[template(path = "returning.html")]
struct Returning<'a> {
    w: &'a Words,
    title: &'a str,
    name: &'a str,
    host: &'a str,
    url: &'a str,
}

#[derive(Template)]
#[template(path = "form-post.html")]
struct FormPost<'a> {
    w: &'a Words,
    title: &'a str,
    name: &'a str,
    host: &'a str,
    action: &'a str,
    fields: &'a [(&'a str, &'a str)],
}
