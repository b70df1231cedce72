//! Refusals of OAuth endpoints, in the form of RFC 6749 §5.2.

use std::borrow::Cow;

use http::StatusCode;

use crate::account::attempts::Wait;
use crate::error::{Causes, Error};
use crate::oauth::parameters::ParameterError;

/// An error answer of a token, revocation or introspection endpoint.
#[derive(Debug)]
pub(crate) struct OAuthError {
    pub(crate) status: StatusCode,
    pub(crate) error: &'static str,
    pub(crate) description: Cow<'static, str>,
    /// Whether the client is asked for its credentials.
    pub(crate) challenge: bool,
    /// After how long it may come back.
    pub(crate) wait_seconds: Option<u32>,
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
