//! What stands around every service's routes: the request's number and log line, the host check, languages, refusals as the
//! asker wants them, headers, health, metrics, styles.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde::Deserialize;
use tokio::sync::Semaphore;
use tracing::Instrument;

use crate::asker::{Asker, Incident, Theme, View};
use crate::cookie::SetCookie;
use crate::input::{Form, Query};
use crate::problem::{self, Problem, Raised};
use crate::serve::Peer;
use crate::site::Site;
use crate::words::Lang;
use crate::{about, assets, headers, telemetry};

/// The header that carries a request's number.
pub const INCIDENT: HeaderName = HeaderName::from_static("xinyin-incident");

/// Says whether the service can do its work now, for `/readyz`.
pub type Ready = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

/// The bounds that hold for all routes of a service.
#[derive(Clone)]
pub struct ShellSettings {
    /// How many requests run at once; one more is answered 503 with `Retry-After` at once.
    pub most_requests: usize,
    /// How long one request may take, its body's arrival included.
    pub request_time: Duration,
    /// Whether the service can do its work.
    pub ready: Ready,
}

impl Default for ShellSettings {
    fn default() -> Self {
        Self {
            most_requests: 2_000,
            request_time: Duration::from_mins(1),
            ready: Arc::new(|| Box::pin(async { true })),
        }
    }
}

#[derive(Clone)]
struct Shell {
    site: Arc<Site>,
    authority: Arc<str>,
    places: Arc<Semaphore>,
    settings: ShellSettings,
}

/// Puts the shell around a service's routes. The routes' handlers take [`Asker`]; refusals are rendered here.
///
/// Adds `/static/…`, `/about/…`, `/view`, `/livez`, `/readyz`, `/metrics` and the answers for no such route and no such method.
pub fn shell(routes: Router, site: &Arc<Site>, settings: ShellSettings) -> Router {
    let shell = Shell {
        site: site.clone(),
        authority: site.authority().into(),
        places: Arc::new(Semaphore::new(settings.most_requests)),
        settings,
    };
    let health = Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(shell.clone());
    let own = Router::new()
        .route("/static/{name}", get(assets::get))
        .route("/favicon.ico", get(|| async { (StatusCode::FOUND, [(header::LOCATION, assets::icon_path())]) }))
        .route("/about/{topic}", get(about::get))
        .route("/view", get(view_by_link).post(view_by_form));
    routes
        .merge(own)
        .fallback(|| async { Problem::not_found("http.not_found") })
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "http.method_not_allowed")
        })
        .layer(middleware::from_fn(path_without_nul))
        .layer(middleware::from_fn_with_state(shell.clone(), own_host_only))
        .merge(health)
        .layer(middleware::from_fn_with_state(shell, around))
}

/// The outermost layer: number, span, load, time, panic, refusal, headers, log line.
async fn around(State(shell): State<Shell>, request: Request, next: Next) -> Response {
    let incident = Incident::random(shell.site.sources.random.as_ref());
    let began = Instant::now();
    let method = request.method().clone();
    let span = tracing::info_span!("request", service = shell.site.service, incident = %incident, method = %method);
    // the pattern, never the address: paths and queries hold codes
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let peer = request.extensions().get::<Peer>().map(|peer| peer.address.ip());
    let (head, body) = request.into_parts();
    let asker = Asker::read(&shell.site, incident, &head, peer);
    let mut request = Request::from_parts(head, body);
    request.extensions_mut().insert(asker.clone());
    async {
        let answered = answer(&shell, request, next).await;
        finish(&shell, &asker, &method, &route, answered, began.elapsed())
    }
    .instrument(span)
    .await
}

async fn answer(shell: &Shell, request: Request, next: Next) -> Response {
    let Ok(_place) = shell.places.try_acquire() else {
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "service.overloaded");
        return problem.retry_after(2).into_response();
    };
    // no name of ours holds NUL, and of the databases one refuses it and the other keeps it
    if request.uri().path().contains("%00") {
        return Problem::bad_request("http.bad_request").into_response();
    }
    let running = CatchPanic(AssertUnwindSafe(Box::pin(next.run(request))));
    match tokio::time::timeout(shell.settings.request_time, running).await {
        Ok(Ok(response)) => response,
        Ok(Err(())) => Problem::internal("a handler panicked").into_response(),
        Err(_) => Problem::unavailable(5).cause("the request took too long").into_response(),
    }
}

fn finish(shell: &Shell, asker: &Asker, method: &Method, route: &str, response: Response, took: Duration) -> Response {
    let mut response = rendered(asker, response);
    if let Some(cookie) = asker.form_cookie() {
        response.headers_mut().append(header::SET_COOKIE, cookie.into_header());
    }
    headers::write_everywhere(&shell.site, response.headers_mut());
    if let Ok(number) = HeaderValue::from_str(asker.incident().as_str()) {
        response.headers_mut().insert(INCIDENT, number);
    }
    let status = response.status().as_u16();
    telemetry::count_request(shell.site.service, method.as_str(), route, status, took);
    let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    if matches!(route, "/livez" | "/readyz" | "/metrics" | "/static/{name}") {
        tracing::debug!(route, status, milliseconds, "answered");
    } else {
        tracing::info!(route, status, milliseconds, "answered");
    }
    response
}

/// Writes the body of a refusal: a handler's, or the framework's bare one.
fn rendered(asker: &Asker, mut response: Response) -> Response {
    let raised = response.extensions_mut().remove::<Raised>();
    if let Some(raised) = &raised {
        return with_body(asker, raised.problem(), response);
    }
    if response.status().is_client_error() || response.status().is_server_error() {
        let said = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if said.is_none_or(|media_type| media_type.starts_with("text/plain")) {
            return with_body(asker, &problem::of_bare_status(response.status()), response);
        }
    }
    response
}

/// The problem's own answer, with what else the response carried: cookies, `Allow`, `WWW-Authenticate`.
fn with_body(asker: &Asker, problem: &Problem, response: Response) -> Response {
    problem.log();
    let mut answer = problem.render(asker);
    let (parts, _) = response.into_parts();
    let mut name_before = None;
    for (name, value) in parts.headers {
        // of several values of one name, the later ones come without it
        name_before = name.or(name_before);
        if let Some(name) =
            name_before.as_ref().filter(|n| **n != header::CONTENT_TYPE && **n != header::CONTENT_LENGTH)
        {
            answer.headers_mut().append(name.clone(), value);
        }
    }
    answer
}

/// Refuses a NUL in a path before it is anybody's id: one database refuses it with an error, the other stores it.
async fn path_without_nul(request: Request, next: Next) -> Response {
    if request.uri().path().contains("%00") {
        return Problem::bad_request("input.character").member("path").into_response();
    }
    next.run(request).await
}

/// Answers 421 to a host that is not the external URL's (RFC 9110 §15.5.20), so that a name rebound to this machine, or a
/// neighbour on another port, gets no page of ours.
async fn own_host_only(State(shell): State<Shell>, request: Request, next: Next) -> Response {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = match (request.uri().authority(), hosts.next(), hosts.next()) {
        (Some(authority), _, None) => Some(authority.as_str()), // HTTP/2, or the absolute form
        (None, Some(host), None) => host.to_str().ok(),
        _ => None,
    };
    if host.is_some_and(|host| same_host(host, &shell.authority, shell.site.secure())) {
        return next.run(request).await;
    }
    Problem::new(StatusCode::MISDIRECTED_REQUEST, "http.misdirected").into_response()
}

fn same_host(host: &str, own: &str, secure: bool) -> bool {
    let default = if secure { ":443" } else { ":80" };
    let bare = host.strip_suffix(default).unwrap_or(host);
    host.eq_ignore_ascii_case(own) || bare.eq_ignore_ascii_case(own)
}

async fn ready(State(shell): State<Shell>) -> Response {
    let asked = tokio::time::timeout(Duration::from_secs(5), (shell.settings.ready)());
    if asked.await.unwrap_or(false) {
        return "ok\n".into_response();
    }
    Problem::unavailable(5).cause("not ready").into_response()
}

/// Metrics are for the operator's network: whoever comes through a proxy or from a public address finds nothing.
async fn metrics(headers: HeaderMap, peer: Option<Extension<Peer>>) -> Result<Response, Problem> {
    let near = peer.is_none_or(|Extension(peer)| crate::outbound::is_own_network(peer.address.ip()));
    if !near || headers.contains_key("x-forwarded-for") {
        return Err(Problem::not_found("http.not_found"));
    }
    let text = telemetry::render_metrics();
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

/// A change of one's view, and where to go back to.
#[derive(Deserialize)]
struct ViewChange {
    lang: Option<String>,
    size: Option<String>,
    theme: Option<String>,
    to: Option<String>,
}

async fn view_by_link(asker: Asker, Query(change): Query<ViewChange>) -> Response {
    change_view(&asker, &change)
}

async fn view_by_form(asker: Asker, Form(change): Form<ViewChange>) -> Response {
    change_view(&asker, &change)
}

/// Keeps how the asker wants pages, and goes back. It spends nothing and tells nobody anything, so a link may do it.
fn change_view(asker: &Asker, change: &ViewChange) -> Response {
    let mut view: View = asker.view();
    if let Some(lang) = change.lang.as_deref().and_then(Lang::from_tag) {
        view.lang = lang;
    }
    if let Some(size) = change.size.as_deref() {
        view.large = size == "large";
    }
    if let Some(theme) = change.theme.as_deref().and_then(Theme::from_name) {
        view.theme = theme;
    }
    let to = change.to.as_deref().filter(|to| is_local_path(to)).unwrap_or("/");
    let location = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    let cookie = SetCookie::named(View::COOKIE, &view.to_cookie(), 31_536_000, asker.site().secure());
    (StatusCode::SEE_OTHER, cookie, [(header::LOCATION, location)]).into_response()
}

/// Whether `text` is a path on this host and nothing that a browser reads as another host or scheme: it begins with one `/`,
/// and holds no backslash, control character or blank.
pub fn is_local_path(text: &str) -> bool {
    text.starts_with('/')
        && !text.starts_with("//")
        && text.len() <= 2_048
        && text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
}

/// A future whose panic is an answer. What a handler held is dropped with it; nothing of it is looked at again.
struct CatchPanic<F>(AssertUnwindSafe<Pin<Box<F>>>);

impl<F: Future> Future for CatchPanic<F> {
    type Output = Result<F::Output, ()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let inner = self.0.0.as_mut();
        match std::panic::catch_unwind(AssertUnwindSafe(|| inner.poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(_) => Poll::Ready(Err(())),
        }
    }
}
