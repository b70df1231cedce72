//! The library's HTTP client: the one door out.

use std::error::Error;
use std::pin::Pin;

use openidconnect::core::CoreErrorResponseType;
use openidconnect::{
    AsyncHttpClient, DiscoveryError, ErrorResponseType, HttpRequest, HttpResponse, RequestTokenError,
    StandardErrorResponse, UserInfoError,
};

use super::{LoginError, refused};
use crate::outbound::{Outbound, OutboundError};

pub(super) struct Door(pub(super) Outbound);

impl<'c> AsyncHttpClient<'c> for Door {
    type Error = OutboundError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, OutboundError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let answer = self.0.send(head.method, &head.uri.to_string(), head.headers, body).await?;
            let mut response = HttpResponse::new(answer.body.to_vec());
            *response.status_mut() = answer.status;
            *response.headers_mut() = answer.headers;
            Ok(response)
        })
    }
}

type TokenError = RequestTokenError<OutboundError, StandardErrorResponse<CoreErrorResponseType>>;

pub(super) fn token_error(error: TokenError) -> LoginError {
    match error {
        // these two say nothing of the grant (RFC 6749 §4.1.2.1): whoever holds one keeps it and asks again
        RequestTokenError::ServerResponse(answer)
            if matches!(code_of(answer.error()).as_str(), "temporarily_unavailable" | "server_error") =>
        {
            LoginError::Unavailable("the token endpoint cannot answer now".into())
        }
        RequestTokenError::ServerResponse(answer) => {
            refused(&code_of(answer.error()), answer.error_description().cloned())
        }
        RequestTokenError::Request(error) => LoginError::from(error),
        // what did not read may hold tokens and stays out of the message
        RequestTokenError::Parse(..) => LoginError::Unavailable("the token endpoint's answer does not read".into()),
        RequestTokenError::Other(_) => {
            LoginError::Unavailable("the token endpoint's answer is empty or untyped".into())
        }
    }
}

fn code_of<E: ErrorResponseType + serde::Serialize>(code: &E) -> String {
    serde_json::to_value(code).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

pub(super) fn userinfo_error(error: UserInfoError<OutboundError>) -> LoginError {
    match error {
        UserInfoError::Request(error) => LoginError::from(error),
        UserInfoError::ClaimsVerification(_) => LoginError::IdToken("userinfo speaks of another subject".into()),
        UserInfoError::Response(status, ..) if status.is_client_error() => refused("invalid_token", None),
        _ => LoginError::Unavailable("the userinfo endpoint's answer does not read".into()),
    }
}

pub(super) fn discovery_error(error: DiscoveryError<OutboundError>) -> LoginError {
    let inner = error.source().map(|source| format!(": {source}")).unwrap_or_default();
    match error {
        DiscoveryError::Response(status, ..) => LoginError::Unavailable(format!("discovery answers {status}")),
        other => LoginError::Unavailable(format!("discovery: {other}{inner}")),
    }
}
