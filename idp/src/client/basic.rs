//! The `Authorization` header of `client_secret_basic`. A reader of bytes alone, which the fuzz targets compile for themselves.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Name and secret of a Basic header, each form-encoded inside (RFC 6749 §2.3.1).
pub(crate) fn read(header: &str) -> Option<(String, String)> {
    let (_, encoded) = header.split_once(' ')?;
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    let plain = |text: &str| -> Option<String> {
        let pair = format!("v={}", text.replace('&', "%26"));
        let value = url::form_urlencoded::parse(pair.as_bytes()).next()?.1.into_owned();
        (!value.chars().any(|c| c.is_control() || c == '\u{FFFD}')).then_some(value)
    };
    Some((plain(id)?, plain(secret)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_basic_header_is_read_as_rfc_6749_says() {
        let header = |text: &str| format!("Basic {}", STANDARD.encode(text));
        for (text, expected) in [
            ("portal:secret", Some(("portal", "secret"))),
            ("a%2Db:s%3Ae%2Bc+r", Some(("a-b", "s:e+c r"))),
            ("a:b&c=d", Some(("a", "b&c=d"))),
            ("admin%00:x", None),
            ("no colon", None),
            ("a:%FF", None),
        ] {
            let expected = expected.map(|(a, b)| (a.to_owned(), b.to_owned()));
            assert_eq!(read(&header(text)), expected, "{text}");
        }
        assert_eq!(read("Basic ***"), None);
    }
}
