//! What is set up from configuration, by `up` and by the command line. Everything may be done again: the second time changes
//! what differs and nothing else.

pub use crate::account::provision::{LoadError, NewMandate, NewOrganisation, NewPerson, mandate, organisation, person};

use std::collections::BTreeSet;

use crate::Idp;
use crate::client::{AuthMethod, Client, ExchangeRule, GrantType, Names, OWN_SCOPES, Origin, Resource, redirect};
use crate::error::Error;
use crate::ids::ClientId;
use crate::storage::{clients, families, subjects};
use store::{Db, StorageError, audit};
use verifier::algorithm::{Algorithm, PublicKey};
use web::Problem;

/// Whoever sets the service up: who that is, this machine knows.
const OPERATOR: &str = "operator";

/// How a client is to authenticate; secrets in the clear, kept as digests.
pub enum NewAuth {
    /// `client_secret_basic`.
    SecretBasic(String),
    /// `client_secret_post`.
    SecretPost(String),
    /// `private_key_jwt`, with its JWK set (public parts).
    PrivateKeyJwt(serde_json::Value),
    /// A public client.
    None,
}

impl std::fmt::Debug for NewAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::SecretBasic(_) => "SecretBasic(***)",
            Self::SecretPost(_) => "SecretPost(***)",
            Self::PrivateKeyJwt(_) => "PrivateKeyJwt",
            Self::None => "None",
        })
    }
}

/// A client to be registered.
#[derive(Debug)]
pub struct NewClient {
    /// `client_id`.
    pub client_id: String,
    /// What people read on the consent page.
    pub name: Names,
    /// Who runs it.
    pub operator: Names,
    /// How it authenticates.
    pub auth: NewAuth,
    /// Redirect URIs.
    pub redirect_uris: Vec<String>,
    /// Where to go after a logout.
    pub post_logout_redirect_uris: Vec<String>,
    /// The sector of its `sub`; cannot be changed later.
    pub sector: String,
    /// Grant types.
    pub grants: BTreeSet<GrantType>,
    /// Scopes.
    pub scopes: BTreeSet<String>,
    /// Resources.
    pub resources: BTreeSet<String>,
    /// Its one exchange.
    pub exchange: Option<ExchangeRule>,
    /// The credit code of the department or company whose system it is.
    pub organisation: Option<String>,
    /// The resource that it is itself.
    pub is_resource: Option<String>,
    /// Its region.
    pub region: String,
    /// Whether people may act for organisations there.
    pub acts_for_organisations: bool,
    /// Whether this confidential client may leave PKCE out.
    pub danger_pkce_optional: bool,
    /// The algorithm of its ID tokens.
    pub id_token_alg: Algorithm,
    /// Whether it is the house's own: people are asked for consent to whole numbers alone.
    pub trusted: bool,
    /// Why whole numbers are needed.
    pub number_purpose: Names,
    /// Who says so.
    pub origin: Origin,
}

impl NewClient {
    /// A portal: authorization code with refresh, `openid profile phone`, its own sector, ES256.
    pub fn portal(client_id: &str, name: Names, auth: NewAuth, redirect_uri: &str) -> Self {
        let scopes = ["openid", "profile", "phone", "offline_access"].map(str::to_owned);
        Self {
            client_id: client_id.to_owned(),
            name,
            operator: Names::default(),
            auth,
            redirect_uris: vec![redirect_uri.to_owned()],
            post_logout_redirect_uris: Vec::new(),
            sector: client_id.to_owned(),
            grants: BTreeSet::from([GrantType::AuthorizationCode, GrantType::RefreshToken]),
            scopes: BTreeSet::from(scopes),
            resources: BTreeSet::new(),
            exchange: None,
            organisation: None,
            is_resource: None,
            region: String::new(),
            acts_for_organisations: false,
            danger_pkce_optional: false,
            id_token_alg: Algorithm::Es256,
            trusted: false,
            number_purpose: Names::default(),
            origin: Origin::Added,
        }
    }

    /// A department's system: client credentials for one resource.
    pub fn system(
        client_id: &str,
        name: Names,
        secret: &str,
        organisation: &str,
        resource: &str,
        scopes: &[&str],
    ) -> Self {
        Self {
            redirect_uris: Vec::new(),
            grants: BTreeSet::from([GrantType::ClientCredentials]),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            resources: BTreeSet::from([resource.to_owned()]),
            organisation: Some(organisation.to_owned()),
            ..Self::portal(client_id, name, NewAuth::SecretBasic(secret.to_owned()), "")
        }
    }
}

/// Why a registration is refused; the sentence names what to mend.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// The registration breaks a rule.
    #[error("{0}")]
    Refused(String),
    /// It could not be stored.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<store::StorageError> for ProvisionError {
    fn from(error: store::StorageError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<ProvisionError> for Problem {
    fn from(error: ProvisionError) -> Self {
        match error {
            ProvisionError::Refused(why) => Self::unprocessable("input.invalid_member").detail(why),
            ProvisionError::Failed(error) => error.into(),
        }
    }
}

/// Registers a client, or changes it to what is said here. Its sector cannot be changed: every `sub` would.
///
/// # Errors
///
/// `Refused` with a sentence; `Failed`.
pub async fn client(idp: &Idp, new: NewClient) -> Result<(), ProvisionError> {
    let client = checked(new)?;
    let mut tx = idp.db().begin().await?;
    if let Some(known) = clients::find(&mut tx, client.client_id.as_str()).await? {
        if known.sector != client.sector {
            return Err(refused(&client.client_id, "its sector cannot be changed, because every sub would"));
        }
        if known == client {
            return Ok(());
        }
    }
    let now = idp.sources().now();
    clients::put(&mut tx, &client, now).await?;
    let row = audit::Row::new(OPERATOR, "client.register", "done", now).object(format!("client:{}", client.client_id));
    audit::append(&mut tx, &row).await?;
    tx.commit().await?;
    idp.forget_registrations();
    Ok(())
}

/// Registers a resource, or changes it; its sector stays.
///
/// # Errors
///
/// As [`client`].
pub async fn resource(idp: &Idp, new: Resource) -> Result<(), ProvisionError> {
    let is_uri = url::Url::parse(&new.resource).is_ok_and(|url| url.fragment().is_none());
    if !is_uri || new.sector.is_empty() {
        return Err(ProvisionError::Refused(format!(
            "resource {}: an absolute URI without fragment, and a sector",
            new.resource
        )));
    }
    if new.scopes.iter().any(|scope| !is_scope(scope) || OWN_SCOPES.contains(&scope.as_str())) {
        return Err(ProvisionError::Refused(format!("resource {}: scopes do not read or are idp's own", new.resource)));
    }
    let mut tx = idp.db().begin().await?;
    if let Some(known) = clients::find_resource(&mut tx, &new.resource).await? {
        if known.sector != new.sector {
            return Err(ProvisionError::Refused(format!("resource {}: its sector cannot be changed", new.resource)));
        }
        if known == new {
            return Ok(());
        }
    }
    clients::put_resource(&mut tx, &new, idp.sources().now()).await?;
    tx.commit().await?;
    idp.forget_registrations();
    Ok(())
}

/// The clients, by id, at most 200 behind `after`.
///
/// # Errors
///
/// `Failed`.
pub async fn clients(idp: &Idp, after: &str) -> Result<Vec<Client>, ProvisionError> {
    Ok(clients::list(&mut idp.db().reader().await?, after).await?)
}

/// The ids of clients that a configuration file once named and that `named` lacks. They count until they are ended: a file
/// that lost a line must not take the tokens of everyone who uses a portal along.
///
/// # Errors
///
/// The database.
pub async fn left_over(db: &Db, named: &BTreeSet<&str>) -> Result<Vec<String>, StorageError> {
    let mut tx = db.reader().await?;
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let page = clients::list(&mut tx, &after).await?;
        let Some(last) = page.last() else { return Ok(found) };
        last.client_id.as_str().clone_into(&mut after);
        let left = page
            .iter()
            .filter(|client| client.origin == Origin::Configuration && !named.contains(client.client_id.as_str()));
        found.extend(left.map(|client| client.client_id.to_string()));
    }
}

/// What ended with a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndedClient {
    /// Sign-ins under way, and grants with their tokens, that were revoked.
    pub grants: u64,
    /// Consents of people that were forgotten.
    pub consents: u64,
}

/// Ends a client: its registration, whatever it holds for people, and their consents; `None` if there was none. Under the
/// same identifier another may be registered afterwards, and inherits nothing.
///
/// # Errors
///
/// `Failed`.
pub async fn end_client(idp: &Idp, client_id: &str) -> Result<Option<EndedClient>, ProvisionError> {
    let now = idp.sources().now();
    let mut tx = idp.db().begin().await?;
    if !clients::end(&mut tx, client_id, now).await? {
        return Ok(None);
    }
    let grants = families::revoke_of_ended_client(&mut tx, client_id, now).await?;
    let consents = subjects::forget_consents(&mut tx, client_id).await?;
    let row = audit::Row::new(OPERATOR, "client.end", "done", now).object(format!("client:{client_id}"));
    audit::append(&mut tx, &row).await?;
    tx.commit().await?;
    idp.forget_registrations();
    Ok(Some(EndedClient { grants, consents }))
}

fn refused(client_id: &ClientId, why: &str) -> ProvisionError {
    ProvisionError::Refused(format!("client {client_id}: {why}"))
}

/// The characters of RFC 6749 §3.3.
fn is_scope(text: &str) -> bool {
    !text.is_empty() && text.len() <= 100 && text.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

fn checked(new: NewClient) -> Result<Client, ProvisionError> {
    let client_id = ClientId::parse(&new.client_id)
        .ok_or_else(|| ProvisionError::Refused("client_id: 1 to 64 of A-Z a-z 0-9 - _ . :".into()))?;
    if let Some(why) = contradiction(&new) {
        return Err(refused(&client_id, why));
    }
    let auth = auth_method(new.auth).map_err(|why| refused(&client_id, why))?;
    Ok(Client {
        client_id,
        name: new.name,
        operator: new.operator,
        auth,
        redirect_uris: new.redirect_uris,
        post_logout_redirect_uris: new.post_logout_redirect_uris,
        sector: new.sector,
        grants: new.grants,
        scopes: new.scopes,
        resources: new.resources,
        exchange: new.exchange,
        organisation: new.organisation,
        is_resource: new.is_resource,
        region: new.region,
        acts_for_organisations: new.acts_for_organisations,
        danger_pkce_optional: new.danger_pkce_optional,
        id_token_alg: new.id_token_alg,
        trusted: new.trusted,
        number_purpose: new.number_purpose,
        origin: new.origin,
    })
}

/// How a client proves itself, as it is kept: secrets by their digests.
fn auth_method(auth: NewAuth) -> Result<AuthMethod, &'static str> {
    let digests = |secret: &str| {
        if secret.len() < 32 {
            return Err("its secret has fewer than 32 characters");
        }
        Ok(vec![crate::digest::of("client", secret)])
    };
    Ok(match auth {
        NewAuth::SecretBasic(secret) => AuthMethod::ClientSecretBasic { secrets: digests(&secret)? },
        NewAuth::SecretPost(secret) => AuthMethod::ClientSecretPost { secrets: digests(&secret)? },
        NewAuth::PrivateKeyJwt(jwks) => {
            let keys = jwks.get("keys").and_then(serde_json::Value::as_array);
            if keys.is_none_or(|keys| keys.is_empty() || keys.iter().any(|key| PublicKey::from_jwk(key).is_err())) {
                return Err("jwks is not a JWK set of public keys");
            }
            AuthMethod::PrivateKeyJwt { jwks }
        }
        NewAuth::None => AuthMethod::None,
    })
}

/// What in a registration does not read, or does not go together.
fn contradiction(new: &NewClient) -> Option<&'static str> {
    let is_public = matches!(new.auth, NewAuth::None);
    let mut uris = new.redirect_uris.iter().chain(&new.post_logout_redirect_uris);
    let rules = [
        (new.sector.is_empty(), "sector is missing"),
        (
            uris.any(|uri| !redirect::may_be_registered(uri)),
            "a redirect URI is not absolute, has a fragment or wildcard, or is plain http beyond loopback",
        ),
        (
            new.grants.contains(&GrantType::AuthorizationCode) == new.redirect_uris.is_empty(),
            "redirect_uris belong to authorization_code, and it needs one",
        ),
        (
            is_public && (new.grants.contains(&GrantType::ClientCredentials) || new.exchange.is_some()),
            "a public client has no client_credentials and no exchange",
        ),
        (is_public && new.danger_pkce_optional, "a public client needs PKCE"),
        (
            new.exchange.is_some() != new.grants.contains(&GrantType::TokenExchange),
            "exchange and its grant type belong together",
        ),
        (new.scopes.iter().any(|scope| !is_scope(scope)), "a scope does not read"),
    ];
    rules.into_iter().find(|(broken, _)| *broken).map(|(_, why)| why)
}
