//! Clients: relying parties and departments' systems, as they were registered.

pub(crate) mod authentication;
mod basic;
pub(crate) mod failures;
pub(crate) mod redirect;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use verifier::algorithm::Algorithm;

use crate::ids::ClientId;

/// The scopes that this provider knows of itself; scopes of resources stand in their registrations.
pub const OWN_SCOPES: [&str; 6] = ["openid", "profile", "id_number", "phone", "organisation", "offline_access"];

/// A name in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// In Chinese.
    #[serde(rename = "zh-CN")]
    pub zh_cn: String,
    /// In English; empty means that the Chinese one serves.
    #[serde(default)]
    pub en: String,
}

/// How a client proves who it is at the token endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "method")]
pub enum AuthMethod {
    /// HTTP Basic (RFC 6749 §2.3.1).
    ClientSecretBasic {
        /// Digests of its secrets: two while one replaces the other.
        secrets: Vec<String>,
    },
    /// In the body (RFC 6749 §2.3.1).
    ClientSecretPost {
        /// Digests of its secrets.
        secrets: Vec<String>,
    },
    /// A signed assertion (RFC 7523; OpenID Connect Core §9).
    PrivateKeyJwt {
        /// Its JWK set, public parts.
        jwks: serde_json::Value,
    },
    /// A public client: PKCE alone.
    None,
}

/// What a client may exchange tokens for (RFC 8693; formats §1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeRule {
    /// The audience of the tokens that it may bring: its own resource.
    pub aud: String,
    /// The resource that the result is for.
    pub resource: String,
    /// The scopes that the result may have.
    pub scopes: BTreeSet<String>,
}

/// A grant type that a client may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum GrantType {
    /// RFC 6749 §4.1.
    #[serde(rename = "authorization_code")]
    AuthorizationCode,
    /// RFC 6749 §6.
    #[serde(rename = "refresh_token")]
    RefreshToken,
    /// RFC 6749 §4.4.
    #[serde(rename = "client_credentials")]
    ClientCredentials,
    /// RFC 8693.
    #[serde(rename = "urn:ietf:params:oauth:grant-type:token-exchange")]
    TokenExchange,
}

impl GrantType {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::AuthorizationCode, Self::RefreshToken, Self::ClientCredentials, Self::TokenExchange];

    /// The value of `grant_type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::TokenExchange => "urn:ietf:params:oauth:grant-type:token-exchange",
        }
    }

    /// Reads a `grant_type`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.as_str() == text)
    }
}

/// A registered client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Client {
    /// `client_id`.
    pub client_id: ClientId,
    /// What people read on the consent page.
    pub name: Names,
    /// Who runs it (示范市数据局).
    #[serde(default)]
    pub operator: Names,
    /// How it authenticates.
    pub auth: AuthMethod,
    /// Redirect URIs, compared byte for byte (RFC 9700 §2.1).
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// Where to go after a logout, byte for byte.
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<String>,
    /// The sector that `sub` belongs to; never changes.
    pub sector: String,
    /// Grant types.
    pub grants: BTreeSet<GrantType>,
    /// Scopes that it may ask for. `id_number` here is the approval to ask for whole numbers.
    pub scopes: BTreeSet<String>,
    /// Resources (audiences) that it may ask tokens for.
    #[serde(default)]
    pub resources: BTreeSet<String>,
    /// Its one exchange, if it has any.
    #[serde(default)]
    pub exchange: Option<ExchangeRule>,
    /// The credit code of the department or company whose system it is.
    #[serde(default)]
    pub organisation: Option<String>,
    /// The resource that this client itself is, if it is one: it may ask about tokens for it (RFC 7662).
    #[serde(default)]
    pub is_resource: Option<String>,
    /// Its region (GB/T 2260).
    #[serde(default)]
    pub region: String,
    /// Whether people may act for organisations there.
    #[serde(default)]
    pub acts_for_organisations: bool,
    /// Whether this confidential client may leave PKCE out (an old portal).
    #[serde(default)]
    pub danger_pkce_optional: bool,
    /// `id_token_signed_response_alg`.
    #[serde(default = "es256", with = "algorithm_name")]
    pub id_token_alg: Algorithm,
    /// Whether it is the house's own: people are asked for consent to whole numbers alone.
    #[serde(default)]
    pub trusted: bool,
    /// Why whole numbers are needed, on which ground, kept for how long: stands beside that line of the consent page.
    #[serde(default)]
    pub number_purpose: Names,
    /// Who said so.
    #[serde(default)]
    pub origin: Origin,
}

/// Where a registration comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A command, or whatever provides the demonstration and tests.
    #[default]
    Added,
    /// A configuration file: the client is named as left over once the file no longer does.
    Configuration,
}

/// A resource (RFC 8707): a service that takes our access tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// Its identifier, the `aud` of its tokens: an absolute URI.
    pub resource: String,
    /// The sector of `sub` in its tokens; never changes.
    pub sector: String,
    /// The scopes that it knows.
    pub scopes: BTreeSet<String>,
}

impl Client {
    /// Whether it has a secret or key of its own.
    pub const fn is_confidential(&self) -> bool {
        !matches!(self.auth, AuthMethod::None)
    }

    /// Whether PKCE must be there.
    pub const fn needs_pkce(&self) -> bool {
        !(self.danger_pkce_optional && self.is_confidential())
    }

    /// The resource that it is itself.
    pub(crate) const fn audience(&self) -> Option<&String> {
        self.is_resource.as_ref()
    }

    /// Whether it may use a grant type.
    pub fn may(&self, grant: GrantType) -> bool {
        self.grants.contains(&grant)
    }
}

impl Names {
    /// The same name in both.
    pub fn same(text: &str) -> Self {
        Self { zh_cn: text.to_owned(), en: String::new() }
    }

    /// The name for a language; the Chinese one where there is no other.
    pub fn get(&self, lang: web::Lang) -> &str {
        match lang {
            web::Lang::En if !self.en.is_empty() => &self.en,
            _ => &self.zh_cn,
        }
    }
}

const fn es256() -> Algorithm {
    Algorithm::Es256
}

mod algorithm_name {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};
    use verifier::algorithm::Algorithm;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
    pub(super) fn serialize<S: Serializer>(value: &Algorithm, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(value.name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Algorithm, D::Error> {
        let name = String::deserialize(deserializer)?;
        Algorithm::from_name(&name).ok_or_else(|| D::Error::custom("unknown algorithm"))
    }
}
