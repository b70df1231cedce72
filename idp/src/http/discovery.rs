//! Discovery (OpenID Connect Discovery 1.0 §3, RFC 8414) and keys.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use keys::purpose::Purpose;
use serde_json::{Value, json};

use crate::Idp;
use crate::assurance::Acr;
use crate::client::{GrantType, OWN_SCOPES};
use crate::token::claims;

/// `GET /.well-known/openid-configuration`: what this provider can do, and nothing else.
pub(crate) async fn openid_configuration(State(idp): State<Idp>) -> Response {
    let at = |path: &str| idp.settings().at(path);
    let mut claims: Vec<&str> = vec![
        "sub",
        "iss",
        "aud",
        "exp",
        "iat",
        "auth_time",
        "acr",
        "amr",
        "sid",
        "nonce",
        "sub_type",
        "act",
        "mandate",
    ];
    claims.extend(claims::NAMES);
    let auth = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];
    let algorithms = ["ES256", "RS256", "EdDSA"];
    public(&json!({
        "issuer": idp.settings().issuer_text(),
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"),
        "userinfo_endpoint": at("/userinfo"),
        "jwks_uri": at("/jwks"),
        "end_session_endpoint": at("/logout"),
        "revocation_endpoint": at("/revoke"),
        "introspection_endpoint": at("/introspect"),
        "scopes_supported": OWN_SCOPES,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "grant_types_supported": GrantType::ALL.map(GrantType::as_str),
        "acr_values_supported": Acr::ALL.map(Acr::as_str),
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": algorithms,
        "token_endpoint_auth_methods_supported": auth,
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint_auth_methods_supported": auth,
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        "display_values_supported": ["page"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claim_types_supported": ["normal"],
        "claims_supported": claims,
        "claims_parameter_supported": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "require_request_uri_registration": false,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "ui_locales_supported": ["zh-CN", "en"],
    }))
}

/// `GET /jwks`: the published keys of ID tokens and access tokens.
pub(crate) async fn jwks(State(idp): State<Idp>) -> Response {
    let now = idp.sources().now();
    let rings = idp.keys().rings();
    let ours = rings.iter().filter(|ring| matches!(ring.purpose(), Purpose::IdToken | Purpose::AccessToken));
    let keys: Vec<Value> = ours
        .filter_map(|ring| match ring.jwk_set(now).get_mut("keys").map(Value::take) {
            Some(Value::Array(keys)) => Some(keys),
            _ => None,
        })
        .flatten()
        .collect();
    public(&json!({ "keys": keys }))
}

fn public(body: &Value) -> Response {
    let mut response = (
        [
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300")),
        ],
        body.to_string(),
    )
        .into_response();
    web::headers::readable_by_all(response.headers_mut());
    response
}
