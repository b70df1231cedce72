//! That a form came from a page of ours: what the browser says of its origin, and a token that only our pages hold.
//!
//! The token is HMAC-SHA-256 under a random secret in a cookie of the browser, over a binding to the session. So it needs no
//! key that processes share, works before anyone has signed in, and there is one cookie a browser however many forms are open.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, header};
use keys::sources::Sources;
use ring::hmac;

/// How long the cookie lives: a form open for a day still goes through.
pub(crate) const LIFETIME_SECONDS: u32 = 86_400;

const SECRET_CHARACTERS: usize = 43;

/// What a browser says of where a request comes from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fetch {
    site: Option<String>,
    origin: Option<String>,
}

impl Fetch {
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let text = |name: header::HeaderName| Some(headers.get(name)?.to_str().unwrap_or("unreadable").to_owned());
        Self { site: text(header::HeaderName::from_static("sec-fetch-site")), origin: text(header::ORIGIN) }
    }

    /// Whether it says that the request comes from elsewhere. Ports and sibling hosts are elsewhere. An opaque origin (`null`)
    /// is elsewhere, too: our pages send `Referrer-Policy: same-origin`, under which a form carries the true one.
    pub(crate) fn is_foreign(&self, own_origin: &str) -> bool {
        let other_site = self.site.as_deref().is_some_and(|site| !matches!(site, "same-origin" | "none"));
        let other_origin = self.origin.as_deref().is_some_and(|origin| origin != own_origin);
        other_site || other_origin
    }
}

/// A new secret for a browser. Where the random source has failed it is empty, and no token made from it is accepted.
pub(crate) fn new_secret(sources: &Sources) -> String {
    sources.bytes::<32>().map(|bytes| URL_SAFE_NO_PAD.encode(bytes)).unwrap_or_default()
}

/// Whether a cookie's value can be a secret of ours.
pub(crate) fn is_secret(value: &str) -> bool {
    value.len() == SECRET_CHARACTERS && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// The token for a form.
pub(crate) fn token(secret: &str, binding: &str) -> String {
    URL_SAFE_NO_PAD.encode(hmac::sign(&key(secret), &message(binding)))
}

/// Whether a token is that of `secret` and `binding`; compared in constant time.
pub(crate) fn token_fits(secret: &str, binding: &str, token: &str) -> bool {
    let Ok(tag) = URL_SAFE_NO_PAD.decode(token) else { return false };
    is_secret(secret) && hmac::verify(&key(secret), &message(binding), &tag).is_ok()
}

/// Whether two secrets are the same, in a time that depends on their lengths alone.
pub(crate) fn same(a: &str, b: &str) -> bool {
    let differing = a.bytes().zip(b.bytes()).fold(0, |found, (a, b)| std::hint::black_box(found | (a ^ b)));
    a.len() == b.len() && differing == 0
}

fn key(secret: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())
}

fn message(binding: &str) -> Vec<u8> {
    [b"xinyin/form/1\0", binding.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_fits_its_browser_and_session_only() {
        let (a, b) = (new_secret(&Sources::system()), new_secret(&Sources::system()));
        let good = token(&a, "session");
        assert!(token_fits(&a, "session", &good));
        for (secret, binding, token) in [
            (a.as_str(), "other", good.as_str()),
            (&b, "session", &good),
            (&a, "session", ""),
            (&a, "session", &good[1..]),
            ("", "session", &token("", "session")),
            ("short", "", &token("short", "")),
        ] {
            assert!(!token_fits(secret, binding, token), "{binding} {token}");
        }
    }

    #[test]
    fn a_browser_tells_where_a_form_comes_from() {
        let own = "http://localhost:8080";
        for (site, origin, foreign) in [
            (None, None, false),
            (Some("same-origin"), Some(own), false),
            (Some("none"), None, false),
            (Some("same-site"), Some("http://localhost:8083"), true),
            (Some("cross-site"), Some("http://127.0.0.1:8080"), true),
            (None, Some("null"), true),
            (None, Some("http://localhost"), true),
            (Some("same-origin"), Some("https://localhost:8080"), true),
        ] {
            let fetch = Fetch { site: site.map(str::to_owned), origin: origin.map(str::to_owned) };
            assert_eq!(fetch.is_foreign(own), foreign, "{site:?} {origin:?}");
        }
    }
}
