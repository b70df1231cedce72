//! The two portals: relying parties as a portal's own developers would write them. The first shows each step of a login
//! and the claims that came of it; the second opens without signing in again and looks a licence up instead of asking
//! for it.
//!
//! Sessions live in memory and are bounded: a portal that restarts lets its visitors sign in again, without a page.

mod lookup;
mod pages;
mod sessions;
mod steps;
mod trace;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use keys::sources::Sources;
use serde::Deserialize;
use web::cookie::SetCookie;
use web::outbound::Outbound;
use web::relying_party::{Callback, LoginCookie, LoginError, LoginRequest, RelyingParty};
use web::words::{Bilingual, Lang};
use web::{Asker, Form, Problem, Query, Site};

use super::words::vocabulary;
use sessions::Sessions;
use trace::Trace;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// 市民个人网页.
    Citizen,
    /// 投资项目在线审批监管平台.
    Project,
}

/// What a portal is started with.
pub(crate) struct PortalSettings {
    /// Which of the two.
    pub kind: Kind,
    /// Its own address.
    pub url: String,
    /// The other portal's.
    pub project_url: String,
    /// licence-signer's, which the second portal asks.
    pub signer_url: String,
    /// As it is registered at idp.
    pub relying_party: RelyingParty,
    /// The way out.
    pub outbound: Outbound,
    /// Time and chance.
    pub sources: Sources,
}

/// A portal.
#[derive(Clone)]
pub(crate) struct Portal(Arc<Inner>);

struct Inner {
    settings: PortalSettings,
    site: Arc<Site>,
    pending: LoginCookie,
    sessions: Sessions,
}

impl Portal {
    /// A portal.
    ///
    /// # Errors
    ///
    /// If the random source fails.
    pub(crate) fn new(settings: PortalSettings) -> Result<Self, keys::sources::RandomError> {
        let pending = LoginCookie::new(&settings.sources.bytes::<32>()?, settings.sources.clone());
        let site = Arc::new(site(&settings));
        Ok(Self(Arc::new(Inner { settings, site, pending, sessions: Sessions::default() })))
    }

    /// Its routes.
    pub(crate) fn router(&self) -> Router {
        let routes = Router::new()
            .route("/", get(pages::home))
            .route("/login", get(login))
            .route("/callback", get(callback))
            .route("/logout", post(logout))
            .route("/signed-out", get(pages::signed_out))
            .route("/lookup", post(lookup::look_up))
            .with_state(self.clone());
        web::shell::shell(routes, &self.0.site, web::shell::ShellSettings::default())
    }

    fn settings(&self) -> &PortalSettings {
        &self.0.settings
    }

    fn session(&self, asker: &Asker) -> Option<(String, sessions::Session)> {
        asker.cookie_values("").find_map(|id| Some((id.to_owned(), self.0.sessions.find(id)?)))
    }
}

fn site(settings: &PortalSettings) -> Site {
    let url = settings.url.parse().expect("the demonstration's own address");
    let (service, look, mark, brand, place, notice) = match settings.kind {
        Kind::Citizen => ("portal", "portal", "民", "portal-name", "portal-owner", "portal-foot"),
        Kind::Project => ("project", "project", "投", "project-name", "project-owner", "project-foot"),
    };
    let vocabulary = vocabulary();
    let both = |key: &str| Bilingual::new(vocabulary.words(Lang::ZhCn).get(key), vocabulary.words(Lang::En).get(key));
    let brand = both(brand);
    let (place, notice) = (both(place), both(notice));
    let mut site =
        Site::new(service, url, brand, vocabulary, settings.sources.clone()).expect("the demonstration's own address");
    site.look = Some(look);
    site.mark = Some(mark);
    site.place = place;
    site.notice = Some(notice);
    site.version_line = false;
    site.sign_out = "/logout".into();
    site
}

/// What a link to `/login` may ask.
#[derive(Deserialize)]
struct LoginQuery {
    /// `organisation`: choose one to act for.
    r#for: Option<String>,
    /// `3`: step up.
    level: Option<String>,
}

/// `GET /login`: begins a login and sends the browser to idp.
async fn login(
    State(portal): State<Portal>,
    asker: Asker,
    Query(query): Query<LoginQuery>,
) -> Result<Response, Problem> {
    let level = if query.level.as_deref() == Some("3") { 3 } else { 2 };
    let mut request = LoginRequest {
        acr_values: vec![format!("urn:xinyin:acr:{level}")],
        ui_locales: Some(asker.lang().tag().to_owned()),
        return_to: "/".into(),
        ..LoginRequest::default()
    };
    if query.r#for.as_deref() == Some("organisation") {
        request.prompt = vec!["select_account".into()];
    }
    let (url, pending) = portal.settings().relying_party.begin(&request).await?;
    portal.0.sessions.began(&pending.state, trace::parameters(&url), asker.now());
    let cookie = portal.0.pending.keep(&asker, &pending)?;
    Ok((cookie, Redirect::to(url.as_str())).into_response())
}

/// `GET /callback`: the browser comes back with a code.
async fn callback(
    State(portal): State<Portal>,
    asker: Asker,
    Query(answer): Query<Callback>,
) -> Result<Response, Problem> {
    let Ok((pending, cookie)) = portal.0.pending.take(&asker, &answer.state) else {
        return Ok(Redirect::to("/?notice=login.expired").into_response());
    };
    let began = portal.0.sessions.take_begun(&answer.state);
    let done = complete(&portal, &pending, &answer, began, &asker).await;
    match done {
        Ok(session) => {
            let id = portal.0.sessions.store(session, &portal.settings().sources).map_err(Problem::internal)?;
            let session_cookie = SetCookie::for_browser_session(asker.site(), "", &id);
            Ok((cookie, session_cookie, Redirect::to("/")).into_response())
        }
        Err(LoginError::Refused { code, .. }) => {
            Ok((cookie, Redirect::to(&format!("/?notice={}", plain(&code)))).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

async fn complete(
    portal: &Portal,
    pending: &web::relying_party::PendingLogin,
    answer: &Callback,
    began: Option<sessions::Begun>,
    asker: &Asker,
) -> Result<sessions::Session, LoginError> {
    let relying_party = &portal.settings().relying_party;
    let login = relying_party.finish(pending, answer).await?;
    let userinfo = relying_party.userinfo(&login.access_token, &login.identity.sub).await?;
    let trace = Trace::new(began, answer, pending, &login, &userinfo, asker.now());
    Ok(sessions::Session { login, userinfo, trace, looked_up: None })
}

/// Letters that an error code is made of.
fn plain(code: &str) -> String {
    code.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.')).take(64).collect()
}

/// The form of every page's sign-out button.
#[derive(Deserialize)]
struct LogoutForm {
    form_token: String,
}

/// `POST /logout`: forgets the session and signs out at idp as well.
async fn logout(State(portal): State<Portal>, asker: Asker, Form(form): Form<LogoutForm>) -> Result<Response, Problem> {
    let Some((id, session)) = portal.session(&asker) else { return Ok(Redirect::to("/").into_response()) };
    asker.check_form(&form.form_token, &id)?;
    portal.0.sessions.forget(&id);
    let back = portal.0.site.url("/signed-out");
    let url = portal.settings().relying_party.logout_url(&session.login.id_token, Some(&back), None).await?;
    let cookie = SetCookie::clear(asker.site(), "");
    // Browsers hold a form's whole chain of redirects to form-action 'self': a page of ours moves on instead.
    let to = url.map_or_else(|| "/signed-out".to_owned(), |url| url.to_string());
    Ok((cookie, pages::moving_on(&asker, &to)).into_response())
}
