//! What others need to know of our keys: the JWK Set and the trust bundle.

use serde_json::{Value, json};
use verifier::time::Timestamp;

use crate::key_ring::{KeyRing, jwk};
use crate::purpose::KeyKind;

/// The published keys of several rings as one JWK Set (RFC 7517 §5), each with `alg`, `use` and `kid`; active ones first.
pub fn jwk_set(rings: &[KeyRing], now: Timestamp) -> Value {
    let mut keys: Vec<Value> = Vec::new();
    for ring in rings {
        let KeyKind::Signing(algorithm) = ring.kind() else { continue };
        keys.extend(ring.published(now).iter().filter_map(|key| key.public.as_ref()).map(|key| jwk(key, algorithm)));
    }
    json!({ "keys": keys })
}
