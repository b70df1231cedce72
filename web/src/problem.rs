//! A refusal: what the caller reads as `application/problem+json` (RFC 9457) or as a page, and what the log reads.

use std::borrow::Cow;
use std::fmt;

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Map, Value};

use crate::asker::Asker;
use crate::page::{self, Page};

/// A refusal or failure. Its code never changes and stands in `docs/errors.md`; its words are `problem-{code}` (dots as
/// hyphens) with the attribute `.detail` in the service's vocabulary. It holds no secret, number or name of a person.
pub struct Problem(Box<Inner>);

#[derive(Clone)]
struct Inner {
    status: StatusCode,
    code: Cow<'static, str>,
    values: Vec<(&'static str, String)>,
    detail: Option<String>,
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<String>,
    again: Option<String>,
}

impl Problem {
    /// A refusal with `status` and a stable `code` like `licence.expired`.
    pub fn new(status: StatusCode, code: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            status,
            code: code.into(),
            values: Vec::new(),
            detail: None,
            members: Map::new(),
            headers: Vec::new(),
            cause: None,
            again: None,
        }))
    }

    /// 400.
    pub fn bad_request(code: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code)
    }

    /// 403.
    pub fn forbidden(code: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code)
    }

    /// 404.
    pub fn not_found(code: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code)
    }

    /// 409.
    pub fn conflict(code: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, code)
    }

    /// 422: read, but not as the rules want it.
    pub fn unprocessable(code: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code)
    }

    /// 503 `service.unavailable`: a store or another service did not answer; worth another try after that many seconds.
    pub fn unavailable(retry_after_seconds: u32) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "service.unavailable").retry_after(retry_after_seconds)
    }

    /// 429 `rate.limited`.
    pub fn too_many(retry_after_seconds: u32) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate.limited").retry_after(retry_after_seconds)
    }

    /// 500 `internal`: what should not happen. The cause goes to the log alone.
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal").cause(cause)
    }

    /// A value for the place `{ $name }` in the words.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.values.push((name, value.into()));
        self
    }

    /// The member or field that is meant: stands in the words as `{ $member }` and in the document as `member`.
    #[must_use]
    pub fn member(mut self, name: impl Into<String>) -> Self {
        let name: String = name.into().chars().filter(|c| !c.is_control()).take(128).collect();
        self.0.members.insert("member".into(), Value::String(name.clone()));
        self.with("member", name)
    }

    /// A further member of the document (RFC 9457 §3.2).
    #[must_use]
    pub fn extension(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.members.insert(name.to_owned(), value.into());
        self
    }

    /// A detail in place of the vocabulary's, already in the asker's language.
    #[must_use]
    pub fn detail(mut self, text: impl Into<String>) -> Self {
        self.0.detail = Some(text.into());
        self
    }

    /// A header of the answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// `Retry-After`.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// What went wrong, for the log alone. No secret, number or name of a person.
    #[must_use]
    pub fn cause(mut self, cause: impl fmt::Display) -> Self {
        self.0.cause = Some(cause.to_string());
        self
    }

    /// Where the page's button “try again” leads, a local path; without it, the start page.
    #[must_use]
    pub fn again(mut self, path: impl Into<String>) -> Self {
        self.0.again = Some(path.into());
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The stable code.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// The member named by [`Problem::member`].
    pub fn named_member(&self) -> Option<&str> {
        self.0.members.get("member")?.as_str()
    }

    /// The text of a header that the answer will carry.
    pub fn header_value(&self, name: &str) -> Option<&str> {
        self.0.headers.iter().find(|(known, _)| known.as_str() == name)?.1.to_str().ok()
    }

    /// Writes the cause to the log.
    pub(crate) fn log(&self) {
        let (status, code, cause) = (self.0.status.as_u16(), self.code(), self.0.cause.as_deref());
        if self.0.status.is_server_error() {
            tracing::error!(status, code, cause, "the request failed");
        } else {
            tracing::debug!(status, code, cause, "the request was refused");
        }
    }

    /// Its title and detail in the asker's language.
    fn words(&self, asker: &Asker) -> (String, String) {
        let words = asker.words();
        let values: Vec<(&str, &str)> = self.0.values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let key = key(&self.0.code);
        let known = if words.has(&key) { key } else { self::key(general_code(self.0.status)) };
        let title = words.with(&known, &values).into_owned();
        let detail = self.0.detail.clone();
        let detail = detail.or_else(|| Some(words.find_with(&format!("{known}.detail"), &values)?.into_owned()));
        (title, detail.unwrap_or_default())
    }

    /// The answer for `asker`: a page if one is wanted, else the document.
    pub fn render(&self, asker: &Asker) -> Response {
        let (title, detail) = self.words(asker);
        let mut response = if asker.wants_html() {
            let main = page::error_main(asker, &self.0.code, &title, &detail, self.0.again.as_deref());
            (self.0.status, Page::new(asker, title, main)).into_response()
        } else {
            self.document(asker, title, detail)
        };
        response.headers_mut().extend(self.0.headers.iter().cloned());
        response
    }

    fn document(&self, asker: &Asker, title: String, detail: String) -> Response {
        let mut members = self.0.members.clone();
        members.insert("type".into(), format!("urn:xinyin:problem:{}", self.0.code).into());
        members.insert("title".into(), title.into());
        members.insert("status".into(), self.0.status.as_u16().into());
        if !detail.is_empty() {
            members.insert("detail".into(), detail.into());
        }
        members.insert("code".into(), self.0.code.as_ref().into());
        members.insert("incident".into(), asker.incident().as_str().into());
        let mut response = (self.0.status, Value::Object(members).to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(asker.lang().tag()));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Problem({} {})", self.0.status.as_u16(), self.0.code)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.code)
    }
}

impl std::error::Error for Problem {}

/// The problem of a response, for the shell to render as the asker wants it.
#[derive(Clone)]
pub(crate) struct Raised(std::sync::Arc<Problem>);

impl Raised {
    pub(crate) fn problem(&self) -> &Problem {
        &self.0
    }
}

impl IntoResponse for Problem {
    /// Bare status and headers; the shell, which knows the asker, writes the body.
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        response.extensions_mut().insert(Raised(std::sync::Arc::new(self)));
        response
    }
}

/// The problem for a bare answer of the framework: no such route, no such method, a path that does not read.
pub(crate) fn of_bare_status(status: StatusCode) -> Problem {
    Problem::new(status, general_code(status))
}

fn general_code(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "access.sign_in_required",
        403 => "access.denied",
        404 | 410 => "http.not_found",
        405 => "http.method_not_allowed",
        408 => "http.timeout",
        413 => "input.too_large",
        415 => "input.media_type",
        421 => "http.misdirected",
        422 => "input.malformed",
        429 => "rate.limited",
        400..=499 => "http.bad_request",
        502..=504 => "service.unavailable",
        _ => "internal",
    }
}

fn key(code: &str) -> String {
    format!("problem-{}", code.replace('.', "-"))
}
