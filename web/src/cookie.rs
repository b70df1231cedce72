//! Cookies: all values of a name in, one kind of cookie out.

use axum::response::{IntoResponseParts, ResponseParts};
use http::{HeaderMap, HeaderValue, header};

use crate::site::Site;

/// Names and values that a request brought, in the order sent, bounded.
#[derive(Clone, Default)]
pub struct Cookies(Vec<(String, String)>);

/// How many cookies of a request are looked at.
const MOST: usize = 128;

impl Cookies {
    /// Reads all `Cookie` headers (HTTP/2 may split them). A pair that cannot be read is passed over, the rest counts.
    pub fn read(headers: &HeaderMap) -> Self {
        let pairs = headers.get_all(header::COOKIE).iter().flat_map(|header| header.as_bytes().split(|b| *b == b';'));
        let read = pairs.take(MOST).filter_map(|pair| {
            let (name, value) = std::str::from_utf8(pair).ok()?.trim().split_once('=')?;
            let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
            Some((name.to_owned(), value.to_owned()))
        });
        Self(read.collect())
    }

    /// All values of `name`, in the order sent: which of them is live only the store knows.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.values_of(name.to_owned())
    }

    pub(crate) fn values_of(&self, name: String) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(n, _)| *n == name).map(|(_, value)| value.as_str())
    }

    /// The names, each once.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl std::fmt::Debug for Cookies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

/// A cookie to set: `HttpOnly`, `SameSite=Lax`, for the whole host and no other, with a lifetime; over TLS `Secure` and
/// `__Host-` too. Goes into an answer as a part: `(SetCookie::new(..), page)`.
pub struct SetCookie(HeaderValue);

impl SetCookie {
    /// Sets `xy_{service}{suffix}`. `value` must be made of cookie characters (RFC 6265 §4.1.1), as base64url is; anything else
    /// clears the cookie instead of writing a broken header.
    pub fn new(site: &Site, suffix: &str, value: &str, lifetime_seconds: u32) -> Self {
        Self::named(&site.cookie_name(suffix), value, lifetime_seconds, site.secure())
    }

    /// Clears `xy_{service}{suffix}`.
    pub fn clear(site: &Site, suffix: &str) -> Self {
        Self::new(site, suffix, "", 0)
    }

    /// A cookie that lives as long as the browser is open (no `Max-Age`); the server holds its end.
    pub fn for_browser_session(site: &Site, suffix: &str, value: &str) -> Self {
        let text = attributes(&site.cookie_name(suffix), value, site.secure());
        Self(HeaderValue::from_str(&text).unwrap_or_else(|_| Self::clear(site, suffix).0))
    }

    pub(crate) fn named(name: &str, value: &str, lifetime_seconds: u32, secure: bool) -> Self {
        let good = |b: u8| matches!(b, 0x21 | 0x23..=0x2B | 0x2D..=0x3A | 0x3C..=0x5B | 0x5D..=0x7E);
        let (value, lifetime_seconds) =
            if value.bytes().all(good) && value.len() <= 3_500 { (value, lifetime_seconds) } else { ("", 0) };
        let text = format!("{}; Max-Age={lifetime_seconds}", attributes(name, value, secure));
        Self(HeaderValue::from_str(&text).expect("cookie characters are header characters"))
    }

    /// The `Set-Cookie` header's value.
    pub fn into_header(self) -> HeaderValue {
        self.0
    }
}

fn attributes(name: &str, value: &str, secure: bool) -> String {
    let secure = if secure { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}")
}

impl std::fmt::Debug for SetCookie {
    /// The name alone.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.0.to_str().unwrap_or_default();
        write!(f, "SetCookie({})", text.split('=').next().unwrap_or_default())
    }
}

impl IntoResponseParts for SetCookie {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        parts.headers_mut().append(header::SET_COOKIE, self.0);
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&'static str]) -> Cookies {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_static(line));
        }
        Cookies::read(&headers)
    }

    #[test]
    fn all_values_of_a_name_are_found() {
        for (lines, expected) in [
            (&["s=STALE; s=LIVE"][..], &["STALE", "LIVE"][..]),
            (&["s=LIVE; a=1; s=STALE"], &["LIVE", "STALE"]),
            (&["s=LIVE", "s=OTHER"], &["LIVE", "OTHER"]),
            (&["s=\"quoted\""], &["quoted"]),
            (&["nonsense; =; s=a=b"], &["a=b"]),
            (&["t=1"], &[]),
            (&["S=1"], &[]),
        ] {
            assert_eq!(read(lines).all("s").collect::<Vec<_>>(), expected, "{lines:?}");
        }
    }

    #[test]
    fn a_cookie_says_where_it_may_go() {
        assert_eq!(
            SetCookie::named("xy_idp", "abc", 60, false).into_header(),
            "xy_idp=abc; Path=/; HttpOnly; SameSite=Lax; Max-Age=60"
        );
        assert_eq!(
            SetCookie::named("__Host-xy_idp", "abc", 60, true).into_header(),
            "__Host-xy_idp=abc; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=60"
        );
        for bad in ["a;b", "a b", "a\r\nb", "名"] {
            assert_eq!(
                SetCookie::named("c", bad, 60, false).into_header(),
                "c=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0",
                "{bad:?}"
            );
        }
    }
}
