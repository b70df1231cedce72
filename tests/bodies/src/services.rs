//! The services' readers of bytes, compiled here from their own files: parameters, Basic credentials, cookies, configuration.

use std::path::Path;

use http::{HeaderMap, HeaderValue, header};

#[path = "../../../idp/src/client/basic.rs"]
#[allow(dead_code, reason = "idp's own file")]
mod basic_header;
#[path = "../../../src/config/mod.rs"]
#[allow(dead_code, unused_imports, clippy::struct_excessive_bools, reason = "the program's own files")]
mod config;
#[path = "../../../web/src/cookie/read.rs"]
#[allow(dead_code, unreachable_pub, reason = "web's own file")]
mod cookie;
#[path = "../../../idp/src/oauth/parameters.rs"]
#[allow(dead_code, reason = "idp's own file")]
mod parameters;

use parameters::{ParameterError, Parameters};

/// What an authorization request may say.
const AUTHORIZATION: &[&str] = &[
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "prompt",
    "max_age",
    "acr_values",
    "ui_locales",
    "code_challenge",
    "code_challenge_method",
    "claims",
    "id_token_hint",
    "login_hint",
    "request",
    "request_uri",
];
/// What a token request may say.
const TOKEN: &[&str] = &[
    "grant_type",
    "code",
    "redirect_uri",
    "code_verifier",
    "refresh_token",
    "scope",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "subject_token",
    "subject_token_type",
    "audience",
];

/// Every parameter of `names`: one value or a refusal, the same that a plain reader of the form sees.
fn read(data: &[u8], names: &[&'static str]) {
    let Ok(read) = Parameters::read(data) else {
        assert!(data.len() > 32 * 1024 || url::form_urlencoded::parse(data).count() > 64);
        return;
    };
    let plain: Vec<(String, String)> = url::form_urlencoded::parse(data).into_owned().collect();
    for name in names.iter().copied() {
        let values: Vec<&str> = plain.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str()).collect();
        match read.one(name) {
            Err(ParameterError::Twice(found)) => assert!(found == name && values.len() > 1),
            Err(ParameterError::Characters(_)) => assert!(values[0].chars().any(|c| c.is_control() || c == '\u{fffd}')),
            Err(ParameterError::TooLarge) => panic!("too large only as a whole"),
            Ok(None) => assert!(values.is_empty() || values == [""]),
            Ok(Some(value)) => {
                assert_eq!(values, [value]);
                assert!(!value.chars().any(char::is_control));
                // Written and read again it is the same.
                let text: String =
                    url::form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
                assert_eq!(Parameters::read(text.as_bytes()).unwrap().one(name), Ok(Some(value)));
            }
        }
    }
    if let Ok(resources) = read.all("resource") {
        assert!(resources.iter().all(|value| !value.is_empty() && !value.chars().any(char::is_control)));
    }
}

pub(crate) fn authorization_request(data: &[u8]) {
    read(data, AUTHORIZATION);
}

pub(crate) fn authorization_seeds() -> Vec<Vec<u8>> {
    vec![
        b"response_type=code&client_id=citizen-portal&redirect_uri=http%3A%2F%2Flocalhost%3A8083%2Fcallback&scope=openid+profile\
          &state=a%26b&nonce=n&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&prompt=login\
          &max_age=60&claims=%7B%22id_token%22%3A%7B%7D%7D&resource=http%3A%2F%2Fa&resource=http%3A%2F%2Fb"
            .to_vec(),
        b"state=1&state=2&nonce=%00&scope=%FF&login_hint=".to_vec(),
    ]
}

pub(crate) fn token_request(data: &[u8]) {
    read(data, TOKEN);
}

pub(crate) fn token_seeds() -> Vec<Vec<u8>> {
    vec![
        b"grant_type=authorization_code&code=c&redirect_uri=http%3A%2F%2Flocalhost%3A8083%2Fcallback&code_verifier=v".to_vec(),
        b"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=t&scope=a+b&client_id=x\
          &client_assertion=a.b.c&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
            .to_vec(),
    ]
}

pub(crate) fn basic(data: &[u8]) {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    if let Ok(text) = std::str::from_utf8(data)
        && let Some((id, secret)) = basic_header::read(text)
    {
        again(&id, &secret);
    }
    // The same bytes inside the header.
    let inside = format!("Basic {}", STANDARD.encode(data));
    if let Some((id, secret)) = basic_header::read(&inside) {
        assert!(data.contains(&b':'));
        again(&id, &secret);
    }
}

/// Written as RFC 6749 §2.3.1 says it is read as the same.
fn again(id: &str, secret: &str) {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    assert!(!id.chars().chain(secret.chars()).any(char::is_control));
    let form = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let header = format!("basic {}", STANDARD.encode(format!("{}:{}", form(id), form(secret))));
    assert_eq!(basic_header::read(&header), Some((id.to_owned(), secret.to_owned())));
}

pub(crate) fn basic_seeds() -> Vec<Vec<u8>> {
    vec![b"Basic cG9ydGFsOnNlY3JldA==".to_vec(), b"a%2Db:s%3Ae%2Bc+r&x=y".to_vec(), "张:三%00".as_bytes().to_vec()]
}

pub(crate) fn cookies(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n').take(8) {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(header::COOKIE, value);
        }
    }
    let read = cookie::Cookies::read(&headers);
    let names = read.names();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(names, sorted, "each name once");
    let mut found = 0;
    for name in &names {
        let values: Vec<&str> = read.all(name).collect();
        assert!(!values.is_empty() && !name.contains([';', '=']));
        found += values.len();
        for value in values.iter().filter(|value| !value.contains(['"', ';']) && value.trim() == **value) {
            // Sent back alone it is the same.
            if let Ok(line) = HeaderValue::from_bytes(format!("{name}={value}").as_bytes()) {
                let one = HeaderMap::from_iter([(header::COOKIE, line)]);
                assert_eq!(cookie::Cookies::read(&one).all(name).collect::<Vec<_>>(), [*value]);
            }
        }
    }
    assert!(found <= 128, "bounded");
    // Whatever else stands in the headers, a cookie at their beginning is found.
    let mut more = HeaderMap::new();
    more.append(header::COOKIE, HeaderValue::from_static("xy_idp=LIVE"));
    more.extend(headers.into_iter().filter_map(|(name, value)| Some((name?, value))));
    assert!(cookie::Cookies::read(&more).all("xy_idp").any(|value| value == "LIVE"));
}

pub(crate) fn cookie_seeds() -> Vec<Vec<u8>> {
    vec![
        b"xy_idp=abc; xy_view=\"zh-CN large\"; a=b=c".to_vec(),
        b"s=1;;=;x\ns=2; s=3".to_vec(),
        b"s=\xff; t=1".to_vec(),
    ]
}

pub(crate) fn configuration(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let read = |text: &str| config::Layers::of(text, Path::new("xinyin.toml"), std::iter::empty());
    let Ok(layers) = read(text) else { return };
    // Each row once, and of the secret ones no value.
    let listing = layers.listing();
    for (key, shown, source) in &listing {
        assert!(!source.is_empty() && !key.is_empty());
        assert!(key != "database.url" || shown == "***");
    }
    // Everything that the file says is among the rows: nothing is passed over.
    let table: toml::Table = text.strip_prefix('\u{feff}').unwrap_or(text).parse().unwrap();
    for (name, value) in &table {
        let is_there = listing.iter().any(|(key, _, _)| key.starts_with(name.as_str()));
        let is_empty = value.as_table().is_some_and(toml::Table::is_empty)
            || value
                .as_array()
                .is_some_and(|list| list.iter().all(|one| one.as_table().is_some_and(toml::Table::is_empty)));
        assert!(is_there || is_empty, "{name} is passed over");
    }
    // Written and read again it is the same.
    let again = read(&toml::to_string(&table).unwrap()).unwrap();
    let shown = |rows: &[(String, String, String)]| {
        rows.iter().map(|(key, shown, _)| format!("{key}={shown}")).collect::<Vec<_>>()
    };
    assert_eq!(shown(&again.listing()), shown(&listing));
    assert_eq!(again.config().is_ok(), layers.config().is_ok());
}

pub(crate) fn configuration_seeds() -> Vec<Vec<u8>> {
    const FILES: [&str; 3] = [
        include_str!("../../../docs/how-to/deploy/idp.toml"),
        include_str!("../../../docs/how-to/deploy/licence-signer.toml"),
        include_str!("../../../docs/how-to/deploy/desk.toml"),
    ];
    // without the comments, which are most of them
    let bare = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        lines.collect::<Vec<_>>().join("\n")
    };
    FILES.iter().map(|text| bare(text).into_bytes()).collect()
}
