//! What is known of the provider: its metadata and keys, fetched at first use, fetched again when old or when a key is missing.

use std::sync::{Arc, RwLock};

use keys::sources::Sources;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreErrorResponseType,
    CoreGenderClaim, CoreGrantType, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm,
    CoreJwsSigningAlgorithm, CoreResponseMode, CoreResponseType, CoreRevocableToken, CoreRevocationErrorResponse,
    CoreSubjectIdentifierType, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AdditionalClaims, AdditionalProviderMetadata, Client, ClientId, ClientSecret, EmptyExtraTokenFields,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, IdTokenFields, IssuerUrl, ProviderMetadata, RedirectUrl,
    StandardErrorResponse, StandardTokenResponse, UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use url::Url;
use verifier::time::Timestamp;

use super::door::{Door, discovery_error};
use super::{ClientAuthentication, LoginError, RelyingPartySettings, auth_type};

/// How long metadata and keys count without another look.
const FRESH_SECONDS: i64 = 600;
/// How long they still count while the provider does not answer.
const KEPT_SECONDS: i64 = 86_400;
/// How soon after a fetch a missing key may cause the next.
const AGAIN_SECONDS: i64 = 5;

/// All claims that the library does not know by name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Extra {
    #[serde(flatten)]
    members: Map<String, Value>,
}

impl AdditionalClaims for Extra {}

/// What we read of the metadata beyond discovery's own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct MoreMetadata {
    end_session_endpoint: Option<Url>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for MoreMetadata {}

type Fields = IdTokenFields<
    Extra,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

pub(super) type Tokens = StandardTokenResponse<Fields, CoreTokenType>;
pub(super) type IdToken =
    openidconnect::IdToken<Extra, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;
pub(super) type UserInfo = UserInfoClaims<Extra, CoreGenderClaim>;

type Metadata = ProviderMetadata<
    MoreMetadata,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

type OurClient = Client<
    Extra,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// A provider as it was when last asked.
pub(super) struct Provider {
    metadata: Metadata,
    fetched_at: Timestamp,
}

impl Provider {
    /// The library's client for our registration there.
    pub(super) fn client(&self, settings: &RelyingPartySettings) -> Result<OurClient, LoginError> {
        let secret = match &settings.authentication {
            ClientAuthentication::SecretBasic(secret) => Some(ClientSecret::new(secret.to_string())),
            ClientAuthentication::PrivateKeyJwt(_) | ClientAuthentication::None => None,
        };
        let redirect = RedirectUrl::new(settings.redirect_uri.clone());
        let redirect = redirect.map_err(|_| LoginError::Client("the redirect URI is no URL".into()))?;
        let client =
            Client::from_provider_metadata(self.metadata.clone(), ClientId::new(settings.client_id.clone()), secret);
        Ok(client.set_redirect_uri(redirect).set_auth_type(auth_type(&settings.authentication)))
    }

    /// Whether the provider says who it is in every answer (RFC 9207 §3).
    pub(super) fn names_itself(&self) -> bool {
        self.metadata.additional_metadata().authorization_response_iss_parameter_supported
    }

    pub(super) fn end_session_endpoint(&self) -> Option<Url> {
        self.metadata.additional_metadata().end_session_endpoint.clone()
    }

    pub(super) fn token_endpoint(&self) -> Option<Url> {
        self.metadata.token_endpoint().map(|endpoint| endpoint.url().clone())
    }
}

/// Keeps the provider between logins.
pub(super) struct Providers {
    issuer: String,
    kept: RwLock<Option<Arc<Provider>>>,
    fetching: Mutex<()>,
}

impl Providers {
    pub(super) fn new(issuer: String) -> Self {
        Self { issuer, kept: RwLock::new(None), fetching: Mutex::new(()) }
    }

    /// The provider, fetched if there is none or it is old.
    pub(super) async fn current(&self, door: &Door, sources: &Sources) -> Result<Arc<Provider>, LoginError> {
        self.younger_than(FRESH_SECONDS, door, sources).await
    }

    /// The provider after a look for new keys, unless the last was a moment ago.
    pub(super) async fn fetch_again(&self, door: &Door, sources: &Sources) -> Result<Arc<Provider>, LoginError> {
        self.younger_than(AGAIN_SECONDS, door, sources).await
    }

    async fn younger_than(&self, seconds: i64, door: &Door, sources: &Sources) -> Result<Arc<Provider>, LoginError> {
        if let Some(provider) = self.kept(seconds, sources) {
            return Ok(provider);
        }
        let _one = self.fetching.lock().await;
        if let Some(provider) = self.kept(seconds, sources) {
            return Ok(provider); // fetched while we waited
        }
        let issuer =
            IssuerUrl::new(self.issuer.clone()).map_err(|_| LoginError::Client("the issuer is no URL".into()))?;
        match Metadata::discover_async(issuer, door).await {
            Ok(metadata) => {
                let provider = Arc::new(Provider { metadata, fetched_at: sources.now() });
                *self.kept.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(provider.clone());
                Ok(provider)
            }
            Err(error) => self.kept(KEPT_SECONDS, sources).ok_or_else(|| discovery_error(error)),
        }
    }

    fn kept(&self, seconds: i64, sources: &Sources) -> Option<Arc<Provider>> {
        let kept = self.kept.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()?;
        (0..seconds).contains(&sources.now().since(kept.fetched_at)).then_some(kept)
    }
}
