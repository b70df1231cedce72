//! Refusals of OAuth endpoints, in the form of RFC 6749 §5.2.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use crate::account::attempts::Wait;
use crate::error::Error;
use crate::http::parameters::ParameterError;

/// An error answer of a token, revocation or introspection endpoint.
#[derive(Debug)]
pub(crate) struct OAuthError {
    status: StatusCode,
    error: &'static str,
    description: Cow<'static, str>,
    challenge: bool,
    wait_seconds: Option<u32>,
}

impl OAuthError {
    /// 400 with `error` and a sentence for the developer, which holds no value of the request.
    pub(crate) fn new(error: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error,
            description: description.into(),
            challenge: false,
            wait_seconds: None,
        }
    }

    /// `invalid_request`.
    pub(crate) fn request(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new("invalid_request", description)
    }

    /// `invalid_grant`.
    pub(crate) fn grant(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new("invalid_grant", description)
    }

    /// 401 `invalid_client`; with `WWW-Authenticate` (RFC 6749 §5.2).
    pub(crate) fn client(description: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            error: "invalid_client",
            description: description.into(),
            challenge: true,
            wait_seconds: None,
        }
    }

    /// 429 with `Retry-After` (RFC 6585 §4); RFC 6749 has no code of its own for it.
    pub(crate) fn too_many(wait: Wait) -> Self {
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            error: "temporarily_unavailable",
            description: "too many failed authentications of this client from here; wait as long as Retry-After says"
                .into(),
            challenge: false,
            wait_seconds: Some(wait.seconds),
        }
    }

    /// Whether the request is at fault, not we.
    pub(crate) fn is_the_askers(&self) -> bool {
        self.status.is_client_error()
    }

    /// The error's code.
    pub(crate) fn error(&self) -> &'static str {
        self.error
    }
}

impl From<ParameterError> for OAuthError {
    fn from(error: ParameterError) -> Self {
        Self::request(error.description())
    }
}

impl From<Error> for OAuthError {
    fn from(error: Error) -> Self {
        tracing::error!(cause = %Causes(&error), "an OAuth endpoint could not answer");
        let (status, error) = if error.is_transient() {
            (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable")
        } else {
            (StatusCode::INTERNAL_SERVER_ERROR, "server_error")
        };
        let wait_seconds = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(2);
        Self { status, error, description: "try again later".into(), challenge: false, wait_seconds }
    }
}

impl From<store::StorageError> for OAuthError {
    fn from(error: store::StorageError) -> Self {
        Error::from(error).into()
    }
}

impl From<keys::sources::RandomError> for OAuthError {
    fn from(error: keys::sources::RandomError) -> Self {
        Error::from(error).into()
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let body = serde_json::json!({ "error": self.error, "error_description": self.description });
        let mut response = json(self.status, &body);
        let headers = response.headers_mut();
        if self.challenge {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"xinyin\", charset=\"UTF-8\""),
            );
        }
        if let Some(seconds) = self.wait_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// A JSON answer that nobody keeps (RFC 6749 §5.1).
pub(crate) fn json(status: StatusCode, body: &serde_json::Value) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::PRAGMA, HeaderValue::from_static("no-cache")),
    ];
    (status, headers, body.to_string()).into_response()
}

/// An error with its sources, for the log.
pub(crate) struct Causes<'a>(pub(crate) &'a (dyn std::error::Error + 'static));

impl std::fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
