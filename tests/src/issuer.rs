//! An issuer of access tokens for stories of one service alone: discovery, keys, and whatever token a story wants.

use std::sync::Arc;

use axum::routing::get;
use axum::{Json, Router};
use keys::sources::Sources;
use keys::{KeyStore, Purpose, Signer};
use serde_json::{Value, json};

use crate::network;

/// The issuer.
pub struct Issuer {
    /// Its URL.
    pub url: String,
    signer: Arc<dyn Signer>,
    stranger: Arc<dyn Signer>,
    sources: Sources,
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Issuer({})", self.url)
    }
}

impl Issuer {
    /// Starts one that lives as long as the runtime.
    pub async fn start(sources: Sources) -> Self {
        let now = sources.now();
        let key = || KeyStore::in_memory().ensure(&Purpose::AccessToken, now).expect("a ring is made");
        let ring = key();
        let (listener, address) = network::listen().await;
        let url = format!("http://localhost:{}", address.port());
        let document = json!({"issuer": url, "jwks_uri": format!("{url}/jwks")});
        let set = ring.jwk_set(now);
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(|| async move { Json(document) }))
            .route("/jwks", get(|| async move { Json(set) }));
        network::serve(listener, router);
        let active = |ring: &keys::KeyRing| ring.active(now).expect("a first key is active at once");
        Self { url, signer: active(&ring), stranger: active(&key()), sources }
    }

    /// The claims of a department's system with `scope` at `audience`.
    pub fn department(&self, audience: &str, code: &str, scope: &str) -> Value {
        let now = self.sources.now().seconds();
        json!({"iss": self.url, "aud": audience, "sub": "a-system", "sub_type": "client", "client_id": "a-system",
            "organisation": {"code": code}, "scope": scope, "iat": now, "exp": now + 300, "jti": self.jti()})
    }

    /// The claims of a person at level 2.
    pub fn person(&self, audience: &str, sub: &str) -> Value {
        let now = self.sources.now().seconds();
        json!({"iss": self.url, "aud": audience, "sub": sub, "sub_type": "person", "client_id": "a-portal", "scope": "openid",
            "acr": "urn:xinyin:acr:2", "auth_time": now, "sid": "s", "iat": now, "exp": now + 300, "jti": self.jti()})
    }

    /// A token of claims.
    pub fn token(&self, claims: &Value) -> String {
        keys::jws::sign_json(self.signer.as_ref(), "at+jwt", claims).expect("signs")
    }

    /// A token of claims that a stranger signed, under the issuer's key identifier or its own.
    pub fn forged(&self, claims: &Value) -> String {
        keys::jws::sign_json(self.stranger.as_ref(), "at+jwt", claims).expect("signs")
    }

    fn jti(&self) -> String {
        let bytes = self.sources.bytes::<8>().expect("the seed gives bytes");
        u64::from_be_bytes(bytes).to_string()
    }
}
