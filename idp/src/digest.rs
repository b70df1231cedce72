//! Digests under which secrets, codes and opaque tokens are stored. They are long and random, so no key is needed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{Context, SHA256};
use ring::hmac;

/// The name of the algorithm that every digest begins with.
const PREFIX: &str = "s256.";

/// The stored form of a random secret of ours: `s256.` and base64url of SHA-256 over kind, 0 and the secret.
pub(crate) fn of(kind: &str, secret: &str) -> String {
    let mut context = Context::new(&SHA256);
    context.update(kind.as_bytes());
    context.update(&[0]);
    context.update(secret.as_bytes());
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(context.finish()))
}

/// Base64url of SHA-256 over the parts, each closed by a 0 byte.
pub(crate) fn parts(parts: &[&str]) -> String {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part.as_bytes());
        context.update(&[0]);
    }
    URL_SAFE_NO_PAD.encode(context.finish())
}

/// Whether two texts are the same, in a time that does not tell where they differ: their MACs are compared, by ring.
pub(crate) fn same(one: &str, other: &str) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"xinyin/compare");
    hmac::verify(&key, other.as_bytes(), hmac::sign(&key, one.as_bytes()).as_ref()).is_ok()
}
