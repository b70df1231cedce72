//! What a login takes and gives.

use std::sync::Arc;

use keys::signer::Signer;
use keys::sources::RandomError;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::claims::Identity;
use crate::outbound::OutboundError;
use crate::problem::Problem;

/// How a client shows that it is itself at the token endpoint.
#[derive(Clone)]
pub enum ClientAuthentication {
    /// `client_secret_basic`.
    SecretBasic(Zeroizing<String>),
    /// `private_key_jwt` (RFC 7523; OpenID Connect Core §9), signed by this key.
    PrivateKeyJwt(Arc<dyn Signer>),
    /// A public client.
    None,
}

/// What a relying party is registered with.
#[derive(Clone)]
pub struct RelyingPartySettings {
    /// The issuer, exactly as it calls itself.
    pub issuer: String,
    /// Our name there.
    pub client_id: String,
    /// How we authenticate.
    pub authentication: ClientAuthentication,
    /// Where the browser comes back, exactly as registered.
    pub redirect_uri: String,
    /// The scopes asked for, `openid` included by itself.
    pub scopes: Vec<String>,
}

/// What one login asks beyond the settings.
#[derive(Clone, Debug, Default)]
pub struct LoginRequest {
    /// The levels that would do (`urn:xinyin:acr:2`).
    pub acr_values: Vec<String>,
    /// `login`, `consent`, `select_account`, `none`.
    pub prompt: Vec<String>,
    /// How long ago the person may have signed in, in seconds.
    pub max_age_seconds: Option<u32>,
    /// The service whose access token is wanted (RFC 8707).
    pub resource: Option<String>,
    /// The language of the sign-in pages (`ui_locales`).
    pub ui_locales: Option<String>,
    /// Further parameters.
    pub extra: Vec<(String, String)>,
    /// Where to go after the login, a local path.
    pub return_to: String,
}

/// What the browser brings back to the redirect URI.
#[derive(Clone, Deserialize)]
pub struct Callback {
    /// Which login it answers.
    #[serde(default)]
    pub state: String,
    /// The code, or
    pub code: Option<String>,
    /// why there is none,
    pub error: Option<String>,
    /// in words for developers.
    pub error_description: Option<String>,
    /// Who answers (RFC 9207).
    pub iss: Option<String>,
}

/// A login that was completed and checked.
#[derive(Clone)]
pub struct Login {
    /// What the ID token says.
    pub identity: Identity,
    /// The ID token itself, for `id_token_hint`.
    pub id_token: String,
    /// The access token.
    pub access_token: Zeroizing<String>,
    /// The refresh token, if one was given.
    pub refresh_token: Option<Zeroizing<String>>,
    /// How long the access token holds, in seconds.
    pub expires_in_seconds: u64,
    /// The scopes granted.
    pub scope: String,
    /// Where the login was to lead.
    pub return_to: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// Why a login or a token came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// idp does not answer or its discovery document does not read.
    #[error("idp is not available: {0}")]
    Unavailable(String),
    /// idp refused, with its error code (`access_denied`, `login_required`, `invalid_grant` …).
    #[error("idp refused: {code}")]
    Refused {
        /// The code of the RFC.
        code: String,
        /// Its words for developers.
        description: Option<String>,
    },
    /// The answer belongs to no login that this browser began, or to one begun too long ago.
    #[error("no such login under way")]
    State,
    /// The answer came from another issuer than was asked (RFC 9207 §2.4).
    #[error("another issuer answered")]
    Issuer,
    /// The ID token is not what was asked for.
    #[error("the ID token is not accepted: {0}")]
    IdToken(String),
    /// The client's own settings, key or random source.
    #[error("this client cannot ask: {0}")]
    Client(String),
}

impl From<RandomError> for LoginError {
    fn from(error: RandomError) -> Self {
        Self::Client(error.to_string())
    }
}

impl From<OutboundError> for LoginError {
    fn from(error: OutboundError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<LoginError> for Problem {
    fn from(error: LoginError) -> Self {
        let problem = match &error {
            LoginError::Unavailable(_) => {
                Self::new(http::StatusCode::SERVICE_UNAVAILABLE, "login.unavailable").retry_after(5)
            }
            LoginError::State => Self::bad_request("login.expired"),
            LoginError::Client(_) => Self::internal(&error),
            LoginError::Refused { .. } | LoginError::Issuer | LoginError::IdToken(_) => {
                Self::bad_request("login.failed")
            }
        };
        problem.cause(error)
    }
}
