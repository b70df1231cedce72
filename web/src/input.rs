//! What a request brings, read once at the edge: forms, queries, JSON, raw bodies, uploads; bounded, strict, refused by name.
//!
//! Every extractor's rejection is a [`Problem`]; an endpoint with refusals of its own form takes `Result<Form<T>, Problem>`.

use axum::body::{Body, Bytes};
use axum::extract::multipart::{MultipartError, MultipartRejection};
use axum::extract::{FromRequest, FromRequestParts, Multipart, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use verifier::encoding::json::{self, JsonError};

use crate::form_text::{self, FormError, quoted_after};
use crate::problem::Problem;

/// How many bytes a body may have where its route does not say.
pub const DEFAULT_MAX_BODY_BYTES: usize = 64 * 1024;

/// How many bytes bodies under a route may have: `.route_layer(web::input::max_body(8 * 1024 * 1024))`.
pub fn max_body(bytes: usize) -> axum::Extension<MaxBodyBytes> {
    axum::Extension(MaxBodyBytes(bytes))
}

/// The bound that [`max_body`] sets.
#[derive(Clone, Copy, Debug)]
pub struct MaxBodyBytes(pub usize);

/// A form or other `application/x-www-form-urlencoded` body. Parameters that `T` does not name are passed over (RFC 6749
/// §3.1) unless `T` denies them; each stands once, but where `T` has a list. Values are UTF-8 without NUL.
#[derive(Clone, Copy, Debug)]
pub struct Form<T>(pub T);

/// The query, read as a [`Form`] is.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

/// A JSON body: one text, no duplicate names, no NUL in strings, a byte order mark at its start passed over (RFC 8259 §8.1).
/// Members that `T` does not name are refused with their name where `T` has `#[serde(deny_unknown_fields)]`, as all our own
/// requests do. As an answer it is written with its media type.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

/// A body as it came, with its media type without parameters, in lower case.
#[derive(Clone)]
pub struct Raw {
    /// `text/plain`, `application/pdf` …; empty where none was said.
    pub media_type: String,
    /// The body.
    pub bytes: Bytes,
}

/// The pairs of a form or query in their order, decoded, for endpoints that decide themselves what stands twice.
#[derive(Clone)]
pub struct Pairs(pub Vec<(String, String)>);

impl Pairs {
    /// The values of `name`.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The first name that stands twice.
    pub fn twice(&self) -> Option<&str> {
        let repeated = |(at, (name, _)): (usize, &(String, String))| self.0[..at].iter().any(|(n, _)| n == name);
        self.0.iter().enumerate().find(|pair| repeated(*pair)).map(|(_, (name, _))| name.as_str())
    }

    /// Decodes the text of a query or body.
    ///
    /// # Errors
    ///
    /// `input.character` with the parameter's name where a value is no UTF-8 or holds NUL.
    pub fn read(bytes: &[u8]) -> Result<Self, Problem> {
        form_text::pairs(bytes).map(Self).map_err(Problem::from)
    }
}

/// A form with files (`multipart/form-data`): its texts, and its files, all within the body's bound.
#[derive(Clone, Default)]
pub struct Upload {
    /// Names and texts of the fields without a file name.
    pub texts: Vec<(String, String)>,
    /// The files that hold something; a file field left empty sends none.
    pub files: Vec<UploadedFile>,
}

/// One file of an [`Upload`].
#[derive(Clone)]
pub struct UploadedFile {
    /// The field's name.
    pub field: String,
    /// The media type that the browser says.
    pub media_type: String,
    /// The content.
    pub bytes: Bytes,
}

impl Upload {
    /// The text of a field; empty where there is none.
    pub fn text(&self, name: &str) -> &str {
        self.texts.iter().find(|(n, _)| n == name).map_or("", |(_, text)| text)
    }

    /// The first file of a field.
    pub fn file(&self, name: &str) -> Option<&UploadedFile> {
        self.files.iter().find(|file| file.field == name)
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        expect_type(request.headers(), "application/x-www-form-urlencoded")?;
        form_text::read(&body(request).await?).map(Self).map_err(Problem::from)
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        form_text::read(query.as_bytes()).map(Self).map_err(Problem::from)
    }
}

impl<S: Send + Sync> FromRequest<S> for Pairs {
    type Rejection = Problem;

    /// The body of a POST; of another method, the query.
    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if request.method() == http::Method::POST {
            expect_type(request.headers(), "application/x-www-form-urlencoded")?;
            return Self::read(&body(request).await?);
        }
        Self::read(request.uri().query().unwrap_or_default().as_bytes())
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        expect_type(request.headers(), "application/json")?;
        read_json(&body(request).await?).map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (media_type, _) = media_type(request.headers());
        Ok(Self { media_type, bytes: body(request).await? })
    }
}

impl<S: Send + Sync> FromRequest<S> for Upload {
    type Rejection = Problem;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, Problem> {
        let limit = limit(request.extensions());
        // the framework's own bound is lifted for ours
        axum::extract::DefaultBodyLimit::disable().apply(&mut request);
        let request = request.map(|body| Body::new(Limited::new(body, limit)));
        let mut form = Multipart::from_request(request, state)
            .await
            .map_err(|error: MultipartRejection| media_type_problem("multipart/form-data").cause(error))?;
        let mut upload = Self::default();
        let mut fields = 0;
        while let Some(field) = form.next_field().await.map_err(|error| multipart_problem(&error, limit))? {
            fields += 1;
            if fields > 100 {
                return Err(Problem::bad_request("input.malformed").cause("more than 100 fields"));
            }
            let name = field.name().unwrap_or_default().to_owned();
            let media_type = field.content_type().unwrap_or_default().to_owned();
            let is_file = field.file_name().is_some();
            let bytes = field.bytes().await.map_err(|error| multipart_problem(&error, limit))?;
            if is_file {
                if !bytes.is_empty() {
                    upload.files.push(UploadedFile { field: name, media_type, bytes });
                }
                continue;
            }
            let text = String::from_utf8(bytes.into()).ok().filter(|text| !text.contains('\0'));
            let text = text.ok_or_else(|| Problem::bad_request("input.character").member(name.clone()))?;
            upload.texts.push((name, text));
        }
        Ok(upload)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(text) => ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], text).into_response(),
            Err(error) => Problem::internal(error).into_response(),
        }
    }
}

/// Reads a JSON text as [`Json`] does, for bodies that come in other ways.
pub fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let value = json::read(bytes, usize::MAX).map_err(|error| match error {
        JsonError::Duplicate => Problem::bad_request("input.duplicate_member"),
        other => Problem::bad_request("input.malformed").cause(other),
    })?;
    if let Some(path) = path_to_nul(&value) {
        return Err(Problem::unprocessable("input.character").member(path));
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let inside = |name: &str| if path == "." { name.to_owned() } else { format!("{path}.{name}") };
        let text = error.into_inner().to_string();
        if let Some(name) = quoted_after(&text, "unknown field") {
            // the path of an unknown member already ends in its name
            let path = if path == name || path.ends_with(&format!(".{name}")) { path.clone() } else { inside(&name) };
            Problem::bad_request("input.unknown_member").member(path)
        } else if let Some(name) = quoted_after(&text, "missing field") {
            Problem::unprocessable("input.missing_member").member(inside(&name))
        } else if path == "." {
            Problem::bad_request("input.malformed")
        } else {
            Problem::unprocessable("input.invalid_member").member(path)
        }
    })
}

/// The path to the first string or name that holds NUL (KF-31: one database refuses it, the other keeps it silently).
fn path_to_nul(value: &Value) -> Option<String> {
    fn walk(value: &Value, path: &mut Vec<String>) -> bool {
        match value {
            Value::String(text) => text.contains('\0'),
            Value::Array(items) => items.iter().enumerate().any(|(at, item)| step(item, at.to_string(), path)),
            Value::Object(members) => {
                members.iter().any(|(name, item)| name.contains('\0') || step(item, name.clone(), path))
            }
            _ => false,
        }
    }
    fn step(item: &Value, name: String, path: &mut Vec<String>) -> bool {
        path.push(name);
        let found = walk(item, path);
        if !found {
            path.pop();
        }
        found
    }
    let mut path = Vec::new();
    walk(value, &mut path).then(|| path.join("."))
}

/// Reads a body whole, within its route's bound.
async fn body(request: Request) -> Result<Bytes, Problem> {
    let limit = limit(request.extensions());
    let too_large = || too_large(limit);
    if declares_more(&request, limit) {
        return Err(too_large());
    }
    match Limited::new(request.into_body(), limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(error) => Err(body_problem(error.as_ref())),
    }
}

/// A layer that holds every body under it to its bound, also where a handler takes the bytes themselves. What declares more
/// is refused before it is sent.
pub async fn bounded(request: Request, next: Next) -> Response {
    let limit = limit(request.extensions());
    if declares_more(&request, limit) {
        return too_large(limit).into_response();
    }
    next.run(request.map(|body| Body::new(Limited::new(body, limit)))).await
}

fn declares_more(request: &Request, limit: usize) -> bool {
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    declared.is_some_and(|length| length > limit as u64)
}

fn limit(extensions: &http::Extensions) -> usize {
    extensions.get::<MaxBodyBytes>().map_or(DEFAULT_MAX_BODY_BYTES, |limit| limit.0)
}

fn too_large(limit: usize) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "input.too_large").with("limit", limit.to_string())
}

/// A body that broke off or came too slowly.
fn body_problem(error: &(dyn std::error::Error + 'static)) -> Problem {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<crate::serve::TooSlow>() {
            return Problem::new(StatusCode::REQUEST_TIMEOUT, "http.timeout");
        }
        cause = error.source();
    }
    Problem::bad_request("input.malformed").cause(error)
}

fn multipart_problem(error: &MultipartError, limit: usize) -> Problem {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return too_large(limit);
        }
        cause = error.source();
    }
    body_problem(error)
}

fn media_type(headers: &HeaderMap) -> (String, String) {
    let text = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (name, parameters) = text.split_once(';').unwrap_or((text, ""));
    (name.trim().to_ascii_lowercase(), parameters.trim().to_ascii_lowercase())
}

fn expect_type(headers: &HeaderMap, expected: &'static str) -> Result<(), Problem> {
    let (name, parameters) = media_type(headers);
    let json = expected == "application/json" && name.starts_with("application/") && name.ends_with("+json");
    let charset = parameters.split(';').find_map(|p| p.trim().strip_prefix("charset="));
    let utf8 = charset.is_none_or(|c| matches!(c.trim_matches('"'), "utf-8" | "utf8" | "us-ascii"));
    if (name == expected || json) && utf8 { Ok(()) } else { Err(media_type_problem(expected)) }
}

fn media_type_problem(expected: &'static str) -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "input.media_type").with("expected", expected)
}

impl From<FormError> for Problem {
    fn from(error: FormError) -> Self {
        match error {
            FormError::Character(name) => Self::bad_request("input.character").member(name),
            FormError::TooMany => Self::bad_request("input.malformed").cause("too many parameters"),
            FormError::Twice(name) => Self::bad_request("input.duplicate_member").member(name),
            FormError::Unknown(name) => Self::bad_request("input.unknown_member").member(name),
            FormError::Missing(name) => Self::bad_request("input.missing_member").member(name),
            FormError::Invalid(name) => Self::bad_request("input.invalid_member").member(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether it reads is looked at")]
    struct Sample {
        number: String,
        holder: Option<Holder>,
        count: Option<u8>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether it reads is looked at")]
    struct Holder {
        name: String,
    }

    /// KF-31 and KF-34: a NUL is refused with its member's name; a mark is dropped at the start and refused further on.
    #[test]
    fn json_is_strict_and_names_what_is_wrong() {
        for (text, expected) in [
            (r#"{"number": "1"}"#, None),
            ("\u{feff}{\"number\": \"1\"}", None),
            (r#"{"number": "1", "holder": {"name": "赵㛃"}}"#, None),
            ("\u{feff}\u{feff}{\"number\": \"1\"}", Some(("input.malformed", None))),
            ("{\u{feff}\"number\": \"1\"}", Some(("input.malformed", None))),
            ("{\"number\": \"1\"}\u{feff}", Some(("input.malformed", None))),
            ("{\"\u{feff}number\": \"1\"}", Some(("input.unknown_member", Some("\u{feff}number")))),
            (r#"{"number": "1", "holder": {"name": "\u0000"}}"#, Some(("input.character", Some("holder.name")))),
            (r#"{"number": "1", "nunber": "2"}"#, Some(("input.unknown_member", Some("nunber")))),
            (
                r#"{"number": "1", "holder": {"name": "", "age": 1}}"#,
                Some(("input.unknown_member", Some("holder.age"))),
            ),
            (r#"{"number": "1", "holder": {}}"#, Some(("input.missing_member", Some("holder.name")))),
            (r"{}", Some(("input.missing_member", Some("number")))),
            (r#"{"number": 1}"#, Some(("input.invalid_member", Some("number")))),
            (r#"{"number": "1", "count": 300}"#, Some(("input.invalid_member", Some("count")))),
            (r#"{"number": "1", "number": "2"}"#, Some(("input.duplicate_member", None))),
            (r#"{"number": "a\u0000b"}"#, Some(("input.character", Some("number")))),
            (r#"{"number": "1""#, Some(("input.malformed", None))),
            (r#"{"number": "1"} x"#, Some(("input.malformed", None))),
            (r"[]", Some(("input.malformed", None))),
            ("", Some(("input.malformed", None))),
        ] {
            let read = read_json::<Sample>(text.as_bytes());
            let got = read.as_ref().err().map(|problem| (problem.code(), problem.named_member()));
            assert_eq!(got, expected, "{text}");
        }
    }
}
