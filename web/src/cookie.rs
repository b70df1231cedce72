//! Cookies: all values of a name in, one kind of cookie out.

mod read;

use axum::response::{IntoResponseParts, ResponseParts};
use http::{HeaderValue, header};

use crate::site::Site;

pub use read::Cookies;

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
    use http::HeaderMap;

    use super::*;

    fn read(lines: &[&'static str]) -> Cookies {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_static(line));
        }
        Cookies::read(&headers)
    }

    /// KF-07: of several cookies of one name none is taken for the only one.
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
