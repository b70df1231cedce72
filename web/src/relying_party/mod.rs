//! A service or portal as a relying party of idp, over the `openidconnect` crate: code flow with PKCE, `state`, `nonce`, the
//! issuer in the answer (RFC 9207), refresh, userinfo, logout; and the token endpoint's other uses (RFC 8693, client
//! credentials).

mod door;
mod logout;
mod pending;
mod provider;
mod token;
mod types;

use std::sync::Arc;

use keys::sources::Sources;
use openidconnect::core::{CoreAuthPrompt, CoreJwsSigningAlgorithm, CoreResponseType};
use openidconnect::{
    AccessToken, AuthType, AuthenticationContextClass, AuthenticationFlow, AuthorizationCode, ClaimsVerificationError,
    CsrfToken, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, RefreshToken, Scope,
    SignatureVerificationError, SubjectIdentifier, TokenResponse,
};
use url::Url;
use zeroize::Zeroizing;

use crate::claims::Identity;
use crate::csrf::same;
use crate::issuer_keys::IssuerKeys;
use crate::outbound::Outbound;
use door::Door;
use provider::{IdToken, Provider, Providers, Tokens};

pub use logout::LogoutToken;
pub use pending::{LoginCookie, PendingLogin};
pub use token::{Grant, TokenAnswer};
pub use types::{Callback, ClientAuthentication, Login, LoginError, LoginRequest, RelyingPartySettings};

/// A relying party. Cheap to clone; asks nothing of the network before the first login.
#[derive(Clone)]
pub struct RelyingParty(Arc<Inner>);

struct Inner {
    settings: RelyingPartySettings,
    door: Door,
    outbound: Outbound,
    sources: Sources,
    providers: Providers,
    keys: IssuerKeys,
}

impl RelyingParty {
    /// A relying party with these settings.
    pub fn new(settings: RelyingPartySettings, outbound: Outbound, sources: Sources) -> Self {
        let providers = Providers::new(settings.issuer.clone());
        let keys = IssuerKeys::new(settings.issuer.clone(), outbound.clone(), sources.clone());
        Self(Arc::new(Inner { settings, door: Door(outbound.clone()), outbound, sources, providers, keys }))
    }

    /// Its settings.
    pub fn settings(&self) -> &RelyingPartySettings {
        &self.0.settings
    }

    /// Begins a login: the address to send the browser to (303), and what to keep until it comes back.
    pub async fn begin(&self, request: &LoginRequest) -> Result<(Url, PendingLogin), LoginError> {
        let i = &self.0;
        let provider = i.providers.current(&i.door, &i.sources).await?;
        let client = provider.client(&i.settings)?;
        let pending = PendingLogin::new(&i.sources, request)?;
        let (state, nonce) = (pending.state.clone(), pending.nonce.clone());
        let code_verifier = PkceCodeVerifier::new(pending.code_verifier.to_string());
        let mut asked = client
            .authorize_url(
                AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
                move || CsrfToken::new(state),
                move || Nonce::new(nonce),
            )
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&code_verifier));
        for scope in i.settings.scopes.iter().filter(|scope| *scope != "openid") {
            asked = asked.add_scope(Scope::new(scope.clone()));
        }
        for acr in &request.acr_values {
            asked = asked.add_auth_context_value(AuthenticationContextClass::new(acr.clone()));
        }
        for prompt in &request.prompt {
            asked = asked.add_prompt(read_prompt(prompt)?);
        }
        if let Some(seconds) = request.max_age_seconds {
            asked = asked.set_max_age(std::time::Duration::from_secs(seconds.into()));
        }
        let named = [("resource", &request.resource), ("ui_locales", &request.ui_locales)];
        for (name, value) in named.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
            asked = asked.add_extra_param(name, value.clone());
        }
        for (name, value) in &request.extra {
            asked = asked.add_extra_param(name.clone(), value.clone());
        }
        let (url, _, _) = asked.url();
        Ok((url, pending))
    }

    /// Completes a login: checks the answer against what was kept, trades the code, checks the ID token.
    ///
    /// The caller finds `pending` by the answer's `state` and forgets it in any case: an answer counts once.
    pub async fn finish(&self, pending: &PendingLogin, callback: &Callback) -> Result<Login, LoginError> {
        let i = &self.0;
        if !same(&pending.state, &callback.state) || pending.is_over(i.sources.now()) {
            return Err(LoginError::State);
        }
        let provider = i.providers.current(&i.door, &i.sources).await?;
        // before the error, too: a foreign issuer's refusal says nothing about ours
        match &callback.iss {
            Some(iss) if *iss != i.settings.issuer => return Err(LoginError::Issuer),
            None if provider.names_itself() => return Err(LoginError::Issuer),
            _ => {}
        }
        if let Some(code) = &callback.error {
            return Err(refused(code, callback.error_description.clone()));
        }
        let code = callback.code.clone().ok_or_else(|| refused("invalid_response", None))?;
        let client = provider.client(&i.settings)?;
        let request =
            client.exchange_code(AuthorizationCode::new(code)).map_err(|e| LoginError::Client(e.to_string()))?;
        let mut request = request.set_pkce_verifier(PkceCodeVerifier::new(pending.code_verifier.to_string()));
        for (name, value) in self.assertion_parameters()? {
            request = request.add_extra_param(name, value);
        }
        let tokens = request.request_async(&i.door).await.map_err(door::token_error)?;
        let nonce = Nonce::new(pending.nonce.clone());
        let identity = self.identity(&provider, &tokens, move |found| match found {
            Some(found) if same(found.secret(), nonce.secret()) => Ok(()),
            _ => Err("the nonce differs".to_owned()),
        });
        let identity = identity.await?;
        pending.suits(&identity, i.sources.now())?;
        Ok(login(&tokens, identity, &pending.return_to, &i.settings))
    }

    /// Renews tokens. The new ID token, where one comes, must speak of the same subject (OpenID Connect Core §12.2).
    pub async fn refresh(&self, login_before: &Login) -> Result<Login, LoginError> {
        self.refresh_for(login_before, None).await
    }

    /// As [`RelyingParty::refresh`], with the access token for `resource` (RFC 8707 §2.2): the issuer itself, for userinfo, or
    /// one of those that the login named.
    pub async fn refresh_for(&self, login_before: &Login, resource: Option<&str>) -> Result<Login, LoginError> {
        let i = &self.0;
        let provider = i.providers.current(&i.door, &i.sources).await?;
        let client = provider.client(&i.settings)?;
        let held = login_before.refresh_token.as_ref().ok_or_else(|| refused("invalid_grant", None))?;
        let token = RefreshToken::new(held.to_string());
        let mut request = client.exchange_refresh_token(&token).map_err(|e| LoginError::Client(e.to_string()))?;
        if let Some(resource) = resource {
            request = request.add_extra_param("resource", resource.to_owned());
        }
        for (name, value) in self.assertion_parameters()? {
            request = request.add_extra_param(name, value);
        }
        let tokens = request.request_async(&i.door).await.map_err(door::token_error)?;
        let identity = match tokens.id_token() {
            Some(_) => self.identity(&provider, &tokens, |_| Ok(())).await?,
            None => login_before.identity.clone(),
        };
        if identity.sub != login_before.identity.sub {
            return Err(LoginError::IdToken("another subject".into()));
        }
        let mut renewed = login(&tokens, identity, &login_before.return_to, &i.settings);
        if renewed.refresh_token.is_none() {
            renewed.refresh_token.clone_from(&login_before.refresh_token);
        }
        if renewed.id_token.is_empty() {
            renewed.id_token.clone_from(&login_before.id_token);
        }
        Ok(renewed)
    }

    /// Reads userinfo; its `sub` must be the ID token's (OpenID Connect Core §5.3.2).
    pub async fn userinfo(&self, access_token: &str, sub: &str) -> Result<Identity, LoginError> {
        let i = &self.0;
        let provider = i.providers.current(&i.door, &i.sources).await?;
        let client = provider.client(&i.settings)?;
        let subject = SubjectIdentifier::new(sub.to_owned());
        let request = client.user_info(AccessToken::new(access_token.to_owned()), Some(subject));
        let request = request.map_err(|error| LoginError::Client(error.to_string()))?;
        let claims: provider::UserInfo = request.request_async(&i.door).await.map_err(door::userinfo_error)?;
        read_identity(&claims)
    }

    /// Where to send the browser to sign out at idp as well (RP-Initiated Logout §2); `None` where idp has no such endpoint.
    pub async fn logout_url(
        &self,
        id_token: &str,
        post_logout_redirect_uri: Option<&str>,
        state: Option<&str>,
    ) -> Result<Option<Url>, LoginError> {
        let provider = self.0.providers.current(&self.0.door, &self.0.sources).await?;
        let Some(mut url) = provider.end_session_endpoint() else { return Ok(None) };
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("id_token_hint", id_token).append_pair("client_id", &self.0.settings.client_id);
            if let Some(address) = post_logout_redirect_uri {
                query.append_pair("post_logout_redirect_uri", address);
            }
            if let Some(state) = state {
                query.append_pair("state", state);
            }
        }
        Ok(Some(url))
    }

    /// Checks the ID token, once more with fresh keys if it names one that is not known: the issuer may have rotated.
    async fn identity<N>(&self, provider: &Arc<Provider>, tokens: &Tokens, nonce: N) -> Result<Identity, LoginError>
    where
        N: FnOnce(Option<&Nonce>) -> Result<(), String> + Clone,
    {
        let i = &self.0;
        let id_token = tokens.id_token().ok_or_else(|| LoginError::IdToken("there is none".into()))?;
        let checked = self.checked(provider, id_token, tokens, nonce.clone());
        let unknown_key = ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey);
        match checked {
            Err(Unaccepted::Claims(error)) if error == unknown_key => {
                let provider = i.providers.fetch_again(&i.door, &i.sources).await?;
                self.checked(&provider, id_token, tokens, nonce).map_err(LoginError::from)
            }
            other => other.map_err(LoginError::from),
        }
    }

    fn checked<N>(
        &self,
        provider: &Provider,
        id_token: &IdToken,
        tokens: &Tokens,
        nonce: N,
    ) -> Result<Identity, Unaccepted>
    where
        N: FnOnce(Option<&Nonce>) -> Result<(), String>,
    {
        let i = &self.0;
        let client = provider.client(&i.settings).map_err(|error| Unaccepted::Other(error.to_string()))?;
        let sources = i.sources.clone();
        let verifier = client
            .id_token_verifier()
            .set_allowed_algs([
                CoreJwsSigningAlgorithm::EcdsaP256Sha256,
                CoreJwsSigningAlgorithm::EdDsa,
                CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
            ])
            .set_time_fn(move || chrono::DateTime::from_timestamp(sources.now().seconds(), 0).unwrap_or_default());
        let claims = id_token.claims(&verifier, nonce).map_err(Unaccepted::Claims)?;
        if let Some(expected) = claims.access_token_hash() {
            let algorithm = id_token.signing_alg().map_err(|error| Unaccepted::Other(error.to_string()))?;
            let key = id_token.signing_key(&verifier).map_err(|error| Unaccepted::Other(error.to_string()))?;
            let actual = openidconnect::AccessTokenHash::from_token(tokens.access_token(), algorithm, key);
            if !actual.is_ok_and(|actual| actual == *expected) {
                return Err(Unaccepted::Other("at_hash differs".into()));
            }
        }
        read_identity(claims).map_err(|error| Unaccepted::Other(error.to_string()))
    }

    /// What `private_key_jwt` adds to a request of the token endpoint.
    fn assertion_parameters(&self) -> Result<Vec<(&'static str, String)>, LoginError> {
        let ClientAuthentication::PrivateKeyJwt(signer) = &self.0.settings.authentication else {
            return Ok(Vec::new());
        };
        let assertion = token::client_assertion(&self.0.settings, signer.as_ref(), &self.0.sources)?;
        Ok(vec![("client_assertion_type", token::ASSERTION_TYPE.into()), ("client_assertion", assertion)])
    }
}

/// Why an ID token is not taken, kept apart until it is known whether fresh keys may help.
enum Unaccepted {
    Claims(ClaimsVerificationError),
    Other(String),
}

impl From<Unaccepted> for LoginError {
    fn from(error: Unaccepted) -> Self {
        match error {
            // its words may hold what the token said
            Unaccepted::Claims(ClaimsVerificationError::Expired(_)) => Self::IdToken("it has expired".into()),
            Unaccepted::Claims(ClaimsVerificationError::InvalidNonce(_)) => Self::IdToken("the nonce differs".into()),
            Unaccepted::Claims(ClaimsVerificationError::InvalidIssuer(_)) => Self::IdToken("another issuer".into()),
            Unaccepted::Claims(ClaimsVerificationError::InvalidAudience(_)) => Self::IdToken("another audience".into()),
            Unaccepted::Claims(ClaimsVerificationError::SignatureVerification(error)) => {
                Self::IdToken(format!("signature: {error}"))
            }
            Unaccepted::Claims(_) => Self::IdToken("a claim is not as it should be".into()),
            Unaccepted::Other(what) => Self::IdToken(what),
        }
    }
}

fn login(tokens: &Tokens, identity: Identity, return_to: &str, settings: &RelyingPartySettings) -> Login {
    let scopes = tokens.scopes().map(|scopes| join(scopes));
    Login {
        identity,
        id_token: tokens.id_token().map(ToString::to_string).unwrap_or_default(),
        access_token: Zeroizing::new(tokens.access_token().secret().clone()),
        refresh_token: tokens.refresh_token().map(|token| Zeroizing::new(token.secret().clone())),
        expires_in_seconds: tokens.expires_in().map_or(0, |time| time.as_secs()),
        // left out where all that was asked is granted (RFC 6749 §5.1)
        scope: scopes.unwrap_or_else(|| settings.scopes.join(" ")),
        return_to: return_to.to_owned(),
    }
}

fn join(scopes: &[Scope]) -> String {
    scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" ")
}

fn read_identity(claims: &impl serde::Serialize) -> Result<Identity, LoginError> {
    let unread = |error: serde_json::Error| LoginError::IdToken(format!("its claims do not read: {error}"));
    let mut value = serde_json::to_value(claims).map_err(unread)?;
    if let Some(members) = value.as_object_mut() {
        members.retain(|_, member| !member.is_null());
    }
    serde_json::from_value(value).map_err(|_| LoginError::IdToken("its claims do not read".into()))
}

fn refused(code: &str, description: Option<String>) -> LoginError {
    let code = code.chars().filter(char::is_ascii_graphic).take(64).collect();
    let description = description.map(|text| text.chars().filter(|c| !c.is_control()).take(256).collect());
    LoginError::Refused { code, description }
}

fn read_prompt(prompt: &str) -> Result<CoreAuthPrompt, LoginError> {
    match prompt {
        "none" => Ok(CoreAuthPrompt::None),
        "login" => Ok(CoreAuthPrompt::Login),
        "consent" => Ok(CoreAuthPrompt::Consent),
        "select_account" => Ok(CoreAuthPrompt::SelectAccount),
        _ => Err(LoginError::Client("no such prompt".into())),
    }
}

/// The library's way to authenticate that stands for ours.
fn auth_type(authentication: &ClientAuthentication) -> AuthType {
    match authentication {
        ClientAuthentication::SecretBasic(_) => AuthType::BasicAuth,
        ClientAuthentication::PrivateKeyJwt(_) | ClientAuthentication::None => AuthType::RequestBody,
    }
}

impl std::fmt::Debug for RelyingParty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RelyingParty({} at {})", self.0.settings.client_id, self.0.settings.issuer)
    }
}
