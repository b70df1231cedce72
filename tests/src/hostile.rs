//! Requests that nobody should send, for every route alike.

use std::time::Duration;

use reqwest::header::HeaderValue;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};

use crate::network;

/// One request that must be refused without harm.
struct Nonsense {
    name: &'static str,
    content_type: Option<&'static str>,
    body: Vec<u8>,
    query: &'static str,
    header: Option<(&'static str, &'static [u8])>,
}

/// Sends everything malformed, oversized, truncated, of the wrong type or charset to `method path`, and fails the story
/// at a 5xx answer (503 aside), a hang, or an answer that shows our insides. Parameters `{…}` of the path are filled in.
pub async fn torment(base: &str, method: &str, path: &str, authorization: Option<&str>) {
    let mut wrong = Vec::new();
    let client = network::client();
    let method: Method = method.to_ascii_uppercase().parse().expect("a method");
    for path in paths(path) {
        for nonsense in all(&method) {
            let url = format!("{base}{path}{}", nonsense.query);
            let place = format!("{method} {path} ({})", nonsense.name);
            let mut request = client.request(method.clone(), &url).timeout(Duration::from_secs(15));
            if let Some(value) = authorization {
                request = request.header("Authorization", value);
            }
            if let Some((name, value)) = nonsense.header {
                let value = HeaderValue::from_bytes(value).expect("bytes that may be sent");
                request = request.header(name, value);
            }
            if let Some(kind) = nonsense.content_type {
                request = request.header("Content-Type", kind);
            }
            if !nonsense.body.is_empty() {
                request = request.body(nonsense.body);
            }
            wrong.extend(check(&place, send(request).await).await);
        }
    }
    let other = if method == Method::GET { Method::DELETE } else { Method::PUT };
    let path = paths(path).remove(0);
    let place = format!("{other} {path}");
    wrong.extend(check(&place, send(client.request(other, format!("{base}{path}"))).await).await);
    assert!(wrong.is_empty(), "{} answers are wrong:\n{}", wrong.len(), wrong.join("\n"));
    alive(&client, base).await;
}

/// The answer, or `None` where the server closed the connection on an oversized body, as it may.
async fn send(request: RequestBuilder) -> Option<Response> {
    match request.send().await {
        Ok(response) => Some(response),
        Err(error) => {
            assert!(!error.is_timeout(), "no answer within fifteen seconds: {error}");
            None
        }
    }
}

/// What is wrong with an answer.
async fn check(place: &str, response: Option<Response>) -> Option<String> {
    let response = response?;
    let status = response.status();
    let fine = !status.is_server_error() || status == StatusCode::SERVICE_UNAVAILABLE;
    let body = response.text().await.unwrap_or_default();
    let place: String = place.chars().take(120).collect();
    if !fine {
        return Some(format!("{place}: {status} {body}"));
    }
    let inside = ["panicked", "SELECT ", "INSERT ", "sqlx", "src/", "stack backtrace"];
    let shown = inside.into_iter().find(|inside| body.contains(inside) && !body.contains("openapi"))?;
    Some(format!("{place}: the answer shows {shown}"))
}

async fn alive(client: &Client, base: &str) {
    let answer = client.get(format!("{base}/livez")).send().await;
    assert!(answer.is_ok_and(|answer| answer.status() == StatusCode::OK), "{base} does not live any more");
}

/// The path with its parameters filled in, decently and not.
fn paths(path: &str) -> Vec<String> {
    if !path.contains('{') {
        return vec![path.to_owned()];
    }
    ["0123456789abcdef0123456789abcdef", "%00", "%2e%2e%2f", "%ff%fe", "'%20OR%201=1--", &"a".repeat(4_000)]
        .iter()
        .map(|value| {
            let mut filled = String::new();
            let mut rest = path;
            while let Some((before, after)) = rest.split_once('{') {
                filled.push_str(before);
                filled.push_str(value);
                rest = after.split_once('}').map_or("", |(_, rest)| rest);
            }
            filled + rest
        })
        .collect()
}

fn all(method: &Method) -> Vec<Nonsense> {
    let plain = |name, query| Nonsense { name, content_type: None, body: Vec::new(), query, header: None };
    let mut all = vec![
        plain("as it is", ""),
        plain("NUL in the query", "?state=%00&client_id=a%00b&id=%00"),
        plain("no UTF-8 in the query", "?state=%ff%fe&client_id=%c3%28"),
        plain("a name twice", "?client_id=a&client_id=b&limit=1&limit=2&cursor=x&cursor=y"),
        plain(
            "huge numbers",
            "?limit=99999999999999999999&max_age=-99999999999999999999&cursor=%7B%22at%22%3A1e400%7D",
        ),
        Nonsense { header: Some(("Cookie", b"xy_view=\xff; xy_idp=%00; ; =; xy_signer=")), ..plain("odd cookies", "") },
        Nonsense { header: Some(("Accept", b"application/\xff;q=9,,,*")), ..plain("odd Accept", "") },
        Nonsense { header: Some(("Accept-Language", b"zz-ZZ-;q=a,\xfe")), ..plain("odd language", "") },
        Nonsense { header: Some(("Authorization", b"Basic YWRtaW4lMDA6eA==")), ..plain("NUL in a client id", "") }, // KF-31
        Nonsense { header: Some(("Authorization", b"Bearer ")), ..plain("an empty token", "") },
        Nonsense { header: Some(("Authorization", b"Bearer a.b.c")), ..plain("no token", "") },
        Nonsense { header: Some(("Host", b"evil.example")), ..plain("another host", "") },
    ];
    if method == Method::POST {
        let json = Some("application/json");
        let form = Some("application/x-www-form-urlencoded");
        let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
        let body = |name, content_type, body: &[u8]| Nonsense { content_type, body: body.to_vec(), ..plain(name, "") };
        all.extend([
            body("a broken object", json, br#"{"type": "#),
            body("a list", json, b"[]"),
            body("null", json, b"null"),
            body("a member twice", json, br#"{"type":"a","type":"b","code":"x","code":"y"}"#),
            body("an unknown member", json, br#"{"no_such_member":1}"#),
            body("NUL in a text", json, br#"{"code":"\u0000","type":"\u0000","purpose":"\u0000"}"#),
            body("half a surrogate", json, br#"{"code":"\ud800","type":"\ud800"}"#),
            body("no UTF-8", json, b"{\"code\":\"\xff\xfe\"}"),
            body("UTF-16", Some("application/json; charset=utf-16"), b"\xff\xfe{\0}\0"),
            body("too deep", json, deep.as_bytes()),
            body("too large", json, &vec![b' '; 9 * 1024 * 1024]),
            body("wrong types", json, br#"{"code":[],"type":{},"holder":7,"items":"x","at":true}"#),
            body("numbers without end", json, br#"{"code":1e400,"at":-1e400,"limit":1e-400}"#),
            body("another type", Some("text/xml"), b"<a/>"),
            body("no type", None, b"abc"),
            body("a form with NUL", form, b"grant_type=%00&login=%00&password=%00&code=%00&token=%00"),
            body("a form without UTF-8", form, b"grant_type=%ff&login=%c3%28&password=%ff"),
            body("a form with a name twice", form, b"grant_type=a&grant_type=b&client_id=a&client_id=b"),
            body("a form too large", form, &vec![b'a'; 9 * 1024 * 1024]),
            body("a broken multipart", Some("multipart/form-data; boundary=x"), b"--x\r\nContent-Disposition: form-d"),
        ]);
    }
    all
}
