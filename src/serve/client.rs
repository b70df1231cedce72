//! A client of the configuration or of the command line, as idp registers it.

use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use idp::client::{ExchangeRule, GrantType, Names};
use idp::provision::{NewAuth, NewClient};
use serde_json::{Value, json};
use verifier::algorithm::{Algorithm, PublicKey};
use zeroize::Zeroizing;

use super::open::read;
use crate::commands::Failure;
use crate::config::Client;

/// The methods by which a client proves itself.
const METHODS: &str = "client_secret_basic, client_secret_post, private_key_jwt or none";

/// Reads what a client's registration names; `secret` takes the place of its `secret_file`.
pub(crate) fn new(known: &Client, secret: Option<&str>) -> Result<NewClient, Failure> {
    let refused = |key: &str, why: &str| Failure::new(format!("clients[] {}: {key}: {why}", known.client_id));
    let name = known.name.as_deref().unwrap_or(&known.client_id);
    let algorithm = known.id_token_alg.as_deref().unwrap_or("ES256");
    let exchange = known.exchange.as_ref().map(|rule| ExchangeRule {
        aud: rule.aud.clone(),
        resource: rule.resource.clone(),
        scopes: rule.scopes.iter().cloned().collect(),
    });
    Ok(NewClient {
        operator: Names::same(known.operator.as_deref().unwrap_or_default()),
        redirect_uris: known.redirect_uris.clone(),
        post_logout_redirect_uris: known.post_logout_redirect_uris.clone(),
        sector: known.sector.clone(),
        grants: grants(known).map_err(|why| refused("grants", &why))?,
        scopes: known.scopes.iter().cloned().collect(),
        resources: known.resources.iter().cloned().collect(),
        exchange,
        organisation: known.organisation.clone(),
        is_resource: known.is_resource.clone(),
        region: known.region.clone(),
        acts_for_organisations: known.organisations,
        danger_pkce_optional: known.danger_pkce_optional,
        id_token_alg: Algorithm::from_name(algorithm)
            .ok_or_else(|| refused("id_token_alg", "ES256, RS256 or EdDSA"))?,
        trusted: known.trusted,
        number_purpose: Names::same(known.number_purpose.as_deref().unwrap_or_default()),
        ..NewClient::portal(&known.client_id, Names::same(name), auth(known, secret)?, "")
    })
}

/// The grants that are named, or those that the rest of the registration asks for.
fn grants(known: &Client) -> Result<BTreeSet<GrantType>, String> {
    if let Some(named) = &known.grants {
        let read = |name: &String| match name.as_str() {
            "token-exchange" => Ok(GrantType::TokenExchange),
            name => GrantType::parse(name).ok_or_else(|| format!("{name} is no grant type")),
        };
        return named.iter().map(read).collect();
    }
    let mut grants = BTreeSet::new();
    if !known.redirect_uris.is_empty() {
        grants.insert(GrantType::AuthorizationCode);
        if known.scopes.iter().any(|scope| scope == "offline_access") {
            grants.insert(GrantType::RefreshToken);
        }
    } else if known.exchange.is_none() {
        grants.insert(GrantType::ClientCredentials);
    }
    if known.exchange.is_some() {
        grants.insert(GrantType::TokenExchange);
    }
    Ok(grants)
}

fn auth(known: &Client, secret: Option<&str>) -> Result<NewAuth, Failure> {
    let refused = |key: &str, why: &str| Failure::new(format!("clients[] {}: {key}: {why}", known.client_id));
    let secret = || -> Result<String, Failure> {
        if let Some(secret) = secret {
            return Ok(secret.to_owned());
        }
        let file = known.secret_file.as_deref().ok_or_else(|| refused("secret_file", "is missing"))?;
        let bytes = read("clients[].secret_file", file)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| refused("secret_file", "holds no text"))?;
        Ok(text.trim_end_matches(['\n', '\r']).to_owned())
    };
    match known.auth_method.as_str() {
        "client_secret_basic" => Ok(NewAuth::SecretBasic(secret()?)),
        "client_secret_post" => Ok(NewAuth::SecretPost(secret()?)),
        "private_key_jwt" => {
            let file = known.jwks_file.as_deref().ok_or_else(|| refused("jwks_file", "is missing"))?;
            Ok(NewAuth::PrivateKeyJwt(public_keys(file).map_err(|why| refused("jwks_file", &why))?))
        }
        "none" => Ok(NewAuth::None),
        _ => Err(refused("auth_method", METHODS)),
    }
}

/// The JWK Set in a file that holds one, or public keys in PEM.
fn public_keys(file: &Path) -> Result<Value, String> {
    let bytes = read("clients[].jwks_file", file).map_err(|failure| failure.sentence)?;
    let nothing = || format!("{} holds neither a JWK Set nor public keys in PEM", file.display());
    let text = std::str::from_utf8(&bytes).map_err(|_| nothing())?;
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).map_err(|_| nothing());
    }
    let mut keys = Vec::new();
    for block in text.split("-----BEGIN PUBLIC KEY-----").skip(1) {
        let (body, _) = block.split_once("-----END PUBLIC KEY-----").ok_or_else(nothing)?;
        let body: Zeroizing<String> = Zeroizing::new(body.split_ascii_whitespace().collect());
        let der = STANDARD.decode(body.as_bytes()).map_err(|_| nothing())?;
        let key = PublicKey::from_spki_der(&der).map_err(|_| nothing())?;
        let mut jwk = key.to_jwk();
        jwk.insert("kid".into(), key.thumbprint().into());
        jwk.insert("use".into(), "sig".into());
        keys.push(Value::Object(jwk));
    }
    if keys.is_empty() { Err(nothing()) } else { Ok(json!({ "keys": keys })) }
}
