//! Redirect URIs: what may be registered, and how an answer is put behind one.

use url::Url;

/// Whether a client may register `text` as a redirect URI: absolute, no fragment (RFC 6749 §3.1.2), no wildcard, no user,
/// plain characters; https, http on loopback, or a private-use scheme with a dot in it (RFC 8252 §7).
pub(crate) fn may_be_registered(text: &str) -> bool {
    if text.len() > 2_000 || text.contains(['#', '*', '\\', ' ']) || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return false;
    }
    let Ok(url) = Url::parse(text) else { return false };
    if !url.username().is_empty() || url.password().is_some() {
        return false;
    }
    match url.scheme() {
        "https" => url.host_str().is_some_and(|host| !host.is_empty()),
        "http" => matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")),
        other => other.contains('.'),
    }
}

/// `uri` byte for byte, with `parameters` behind its own query (RFC 6749 §3.1.2, Appendix B).
pub(crate) fn with(uri: &str, parameters: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(uri.len() + 64);
    out.push_str(uri);
    for (name, value) in parameters {
        match (out.contains('?'), out.chars().next_back()) {
            (false, _) => out.push('?'),
            (true, Some('?' | '&')) => {}
            (true, _) => out.push('&'),
        }
        out.extend(url::form_urlencoded::byte_serialize(name.as_bytes()));
        out.push('=');
        out.extend(url::form_urlencoded::byte_serialize(value.as_bytes()));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registered_bytes_stay() {
        let odd = "https://rp.example/cb?next=a%3Db%26c&x=1+2&e=";
        for (uri, expected) in [
            ("https://rp.example/cb", "https://rp.example/cb?code=a&state=s1%3Ds2%26s2+%3D%3F%23%C3%A9"),
            (odd, &format!("{odd}&code=a&state=s1%3Ds2%26s2+%3D%3F%23%C3%A9")),
            ("https://rp.example/cb?", "https://rp.example/cb?code=a&state=s1%3Ds2%26s2+%3D%3F%23%C3%A9"),
            ("com.example.app:/done", "com.example.app:/done?code=a&state=s1%3Ds2%26s2+%3D%3F%23%C3%A9"),
        ] {
            assert_eq!(with(uri, &[("code", "a"), ("state", "s1=s2&s2 =?#é")]), expected);
        }
    }

    #[test]
    fn only_plain_absolute_uris_are_registered() {
        for (text, good) in [
            ("https://rp.example/cb", true),
            ("https://rp.example/cb?a=b%26c", true),
            ("http://localhost:8083/callback", true),
            ("http://127.0.0.1/cb", true),
            ("com.example.app:/done", true),
            ("http://rp.example/cb", false),
            ("https://rp.example/cb#x", false),
            ("https://*.rp.example/cb", false),
            ("https://u:p@rp.example/", false),
            ("javascript:alert(1)", false),
            ("data:text/html,x", false),
            ("/cb", false),
            ("", false),
            ("https://rp.example/a b", false),
            ("https://rp.example/信", false),
            ("https:\\\\rp.example", false),
        ] {
            assert_eq!(may_be_registered(text), good, "{text}");
        }
    }
}
