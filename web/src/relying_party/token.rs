//! The token endpoint's uses that the library has no words for: token exchange and client credentials.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, header};
use keys::signer::Signer;
use keys::sources::Sources;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::{ClientAuthentication, LoginError, RelyingParty, RelyingPartySettings, refused};

pub(super) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const ACCESS_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:access_token";

/// What a token is asked on.
#[derive(Clone, Debug)]
pub enum Grant<'a> {
    /// The client's own right (RFC 6749 §4.4).
    ClientCredentials,
    /// A person's access token for us, traded for one for another service (RFC 8693).
    Exchange {
        /// The token that came with the person's request.
        subject_token: &'a str,
    },
}

/// A token that was given.
#[derive(Clone, Deserialize)]
pub struct TokenAnswer {
    /// The token.
    pub access_token: Zeroizing<String>,
    /// How long it holds, in seconds.
    #[serde(default)]
    pub expires_in: u64,
    /// The scopes given, where other than asked.
    #[serde(default)]
    pub scope: Option<String>,
}

impl std::fmt::Debug for TokenAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenAnswer").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
    error_description: Option<String>,
}

impl RelyingParty {
    /// Asks for an access token for `resource` (RFC 8707) with these scopes.
    pub async fn token(&self, grant: Grant<'_>, resource: &str, scope: &str) -> Result<TokenAnswer, LoginError> {
        let mut form = vec![("resource", resource.to_owned()), ("scope", scope.to_owned())];
        match grant {
            Grant::ClientCredentials => form.push(("grant_type", "client_credentials".into())),
            Grant::Exchange { subject_token } => form.extend([
                ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange".into()),
                ("subject_token", subject_token.to_owned()),
                ("subject_token_type", ACCESS_TOKEN_TYPE.into()),
                ("requested_token_type", ACCESS_TOKEN_TYPE.into()),
            ]),
        }
        form.retain(|(_, value)| !value.is_empty());
        let i = &self.0;
        let provider = i.providers.current(&i.door, &i.sources).await?;
        let endpoint = provider.token_endpoint();
        let endpoint = endpoint.ok_or_else(|| LoginError::Unavailable("idp has no token endpoint".into()))?;
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        match &i.settings.authentication {
            ClientAuthentication::SecretBasic(secret) => {
                headers.insert(header::AUTHORIZATION, basic(&i.settings.client_id, secret)?);
            }
            ClientAuthentication::PrivateKeyJwt(_) | ClientAuthentication::None => {
                form.push(("client_id", i.settings.client_id.clone()));
                form.extend(self.assertion_parameters()?);
            }
        }
        let pairs: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = i.outbound.post_form(endpoint.as_str(), &pairs, headers).await?;
        if answer.status.is_success() {
            let unread = |_| LoginError::Unavailable("the token endpoint's answer does not read".into());
            return serde_json::from_slice(&answer.body).map_err(unread);
        }
        match serde_json::from_slice::<Refusal>(&answer.body) {
            Ok(refusal) if answer.status.is_client_error() => Err(refused(&refusal.error, refusal.error_description)),
            _ => Err(LoginError::Unavailable(format!("the token endpoint answers {}", answer.status))),
        }
    }
}

/// `Authorization: Basic` of a client, both parts form-encoded first (RFC 6749 §2.3.1).
fn basic(client_id: &str, secret: &str) -> Result<HeaderValue, LoginError> {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pair = Zeroizing::new(format!("{}:{}", encode(client_id), encode(secret)));
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair.as_bytes())))
        .map_err(|_| LoginError::Client("the secret does not fit a header".into()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// A client assertion (RFC 7523 §3) for one request, good for a minute; its audience is the issuer.
pub(super) fn client_assertion(
    settings: &RelyingPartySettings,
    signer: &dyn Signer,
    sources: &Sources,
) -> Result<String, LoginError> {
    let now = sources.now().seconds();
    let claims = json!({
        "iss": settings.client_id, "sub": settings.client_id, "aud": settings.issuer,
        "iat": now, "exp": now.saturating_add(60), "jti": URL_SAFE_NO_PAD.encode(sources.bytes::<16>()?),
    });
    keys::jws::sign_json(signer, "JWT", &claims).map_err(|error| LoginError::Client(error.to_string()))
}
