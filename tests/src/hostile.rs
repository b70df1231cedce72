//! Requests that nobody should send, for every route alike.

use std::time::Duration;

use reqwest::header::HeaderValue;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::network;

/// One request that must be refused without harm.
struct Nonsense {
    name: &'static str,
    content_type: Option<&'static str>,
    body: Vec<u8>,
    /// A length that is announced in place of a body: the answer has to come before the body would.
    announced: usize,
    query: &'static str,
    header: Option<(&'static str, &'static [u8])>,
}

/// Sends everything malformed, oversized, truncated, of the wrong type or charset to `method path`, and fails the story
/// at a 5xx answer (503 aside), a hang, a connection closed without an answer, or an answer that shows our insides. Parameters `{…}` of the path are filled in.
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
            if nonsense.announced > 0 {
                wrong.extend(announced(&place, request, nonsense.announced).await);
                continue;
            }
            if !nonsense.body.is_empty() {
                request = request.body(nonsense.body);
            }
            wrong.extend(check(&place, request).await);
        }
    }
    let other = if method == Method::GET { Method::DELETE } else { Method::PUT };
    let path = paths(path).remove(0);
    let place = format!("{other} {path}");
    wrong.extend(check(&place, client.request(other, format!("{base}{path}"))).await);
    assert!(wrong.is_empty(), "{} answers are wrong:\n{}", wrong.len(), wrong.join("\n"));
    alive(&client, base).await;
}

/// What is wrong with the answer; whoever asks gets one, whatever he sent.
async fn check(place: &str, request: RequestBuilder) -> Option<String> {
    let place: String = place.chars().take(120).collect();
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) => return Some(format!("{place}: no answer: {error:?}")),
    };
    let status = response.status();
    let fine = !status.is_server_error() || status == StatusCode::SERVICE_UNAVAILABLE;
    let body = response.text().await.unwrap_or_default();
    if !fine {
        return Some(format!("{place}: {status} {body}"));
    }
    let inside = ["panicked", "SELECT ", "INSERT ", "sqlx", "src/", "stack backtrace"];
    let shown = inside.into_iter().find(|inside| body.contains(inside) && !body.contains("openapi"))?;
    Some(format!("{place}: the answer shows {shown}"))
}

/// What is wrong with the answer to a request that announces a body of `length` bytes and does not send it: it is refused at
/// once, with a stable code. (Whoever sends it all the same may find the connection closed.)
async fn announced(place: &str, request: RequestBuilder, length: usize) -> Option<String> {
    let request = request.build().expect("a request");
    let url = request.url();
    let authority = format!("{}:{}", url.host_str().expect("a host"), url.port().expect("a port"));
    let target = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let mut head =
        format!("{} {target} HTTP/1.1\r\nHost: {authority}\r\nContent-Length: {length}\r\n", request.method());
    for (name, value) in request.headers() {
        head.extend([name.as_str(), ": ", value.to_str().expect("ASCII"), "\r\n"]);
    }
    head.push_str("Connection: close\r\n\r\n");
    let mut stream = TcpStream::connect(&authority).await.expect("it listens");
    stream.write_all(head.as_bytes()).await.expect("the head is taken");
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(15), stream.read_to_end(&mut answer)).await;
    let answer = String::from_utf8_lossy(&answer);
    let place: String = place.chars().take(120).collect();
    if !matches!(read, Ok(Ok(_))) {
        return Some(format!("{place}: {read:?} after {answer}"));
    }
    let refused = answer.starts_with("HTTP/1.1 4");
    let code = ["\"code\":\"", "\"error\":\"", "<code>", "error="].iter().any(|mark| answer.contains(mark));
    let exact =
        !answer.starts_with("HTTP/1.1 413") || answer.contains("input.too_large") || answer.contains("invalid_request");
    (!(refused && code && exact)).then(|| format!("{place}: {answer}"))
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
    let plain =
        |name, query| Nonsense { name, content_type: None, body: Vec::new(), announced: 0, query, header: None };
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
            Nonsense { content_type: json, announced: 9 * 1024 * 1024, ..plain("too large", "") },
            body("wrong types", json, br#"{"code":[],"type":{},"holder":7,"items":"x","at":true}"#),
            body("numbers without end", json, br#"{"code":1e400,"at":-1e400,"limit":1e-400}"#),
            body("another type", Some("text/xml"), b"<a/>"),
            body("no type", None, b"abc"),
            body("a form with NUL", form, b"grant_type=%00&login=%00&password=%00&code=%00&token=%00"),
            body("a form without UTF-8", form, b"grant_type=%ff&login=%c3%28&password=%ff"),
            body("a form with a name twice", form, b"grant_type=a&grant_type=b&client_id=a&client_id=b"),
            Nonsense { content_type: form, announced: 9 * 1024 * 1024, ..plain("a form too large", "") },
            body("a broken multipart", Some("multipart/form-data; boundary=x"), b"--x\r\nContent-Disposition: form-d"),
        ]);
    }
    all
}
