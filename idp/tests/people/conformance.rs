//! What the OpenID Foundation's conformance suite checks, each story under the name of its module, through the pages that a
//! person sees. `docs/conformance.md` has the suite's own results.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderMap, StatusCode};
use idp::client::Names;
use idp::provision::{self, NewAuth, NewClient};
use serde_json::{Value, json};
use verifier::algorithm::Algorithm;

use crate::house::{Answer, Browser, House};
use crate::{PASSWORD, numbers};

const CALLBACK: &str = "https://localhost:18443/test/a/xinyin/callback";
const AFTER: &str = "https://localhost:18443/test/a/xinyin/post_logout_redirect";
const SECRET: &str = "a secret of thirty-two characters";
const ISSUER: &str = "http://localhost:8080";

/// The house with the suite's three clients and one person.
pub struct Suite {
    pub house: House,
    pub number: String,
}

/// Where a request led.
struct Led {
    /// The pages on the way.
    pages: Vec<String>,
    /// The parameters of the answer; empty where there was none.
    answer: BTreeMap<String, String>,
    last: Answer,
}

impl Suite {
    pub async fn start() -> Self {
        let house = House::new().await;
        let (number, ..) = numbers();
        house.person(&number, "阿依古丽·买买提", "10000000012", PASSWORD).await;
        let basic = || NewAuth::SecretBasic(SECRET.into());
        for (id, auth) in [("one", basic()), ("two", basic()), ("post", NewAuth::SecretPost(SECRET.into()))] {
            let client = NewClient {
                sector: "suite".into(),
                post_logout_redirect_uris: vec![AFTER.into()],
                danger_pkce_optional: true,
                id_token_alg: Algorithm::Rs256,
                ..NewClient::portal(id, Names::same(id), auth, CALLBACK)
            };
            provision::client(&house.idp, client).await.expect("registers");
        }
        Self { house, number }
    }

    fn browser(&self) -> Browser<'_> {
        Browser::new(&self.house)
    }

    /// An authorization request of the suite's kind, through whatever pages come: the person signs in and agrees.
    async fn authorize(&self, browser: &mut Browser<'_>, more: &[(&str, &str)]) -> Led {
        let first = browser.get(&format!("/authorize?{}", request(more))).await;
        self.walk(browser, first).await
    }

    async fn walk(&self, browser: &mut Browser<'_>, first: Answer) -> Led {
        let (mut pages, mut at) = (Vec::new(), first);
        loop {
            if !at.location.starts_with('/') {
                return Led { pages, answer: answer(&at), last: at };
            }
            let path = at.location.clone();
            at = browser.get(&path).await;
            let fields: &[(&str, &str)] = match path.split('/').nth(1) {
                Some("sign-in") => &[("login", &self.number), ("password", PASSWORD)],
                Some("consent") => &[],
                _ => continue,
            };
            assert!(pages.len() < 4, "round and round: {pages:?}");
            pages.push(path.split('/').nth(1).unwrap_or_default().to_owned());
            at = browser.fill(&at, &path, fields).await;
        }
    }

    async fn token(&self, client: &str, fields: &[(&str, &str)]) -> Answer {
        let basic = format!("Basic {}", STANDARD.encode(format!("{client}:{SECRET}").replace(' ', "+")));
        self.browser().call("POST", "/token", &[("authorization", &basic)], Some(fields)).await
    }

    /// The tokens for a request by client one.
    pub async fn tokens(&self, browser: &mut Browser<'_>, more: &[(&str, &str)]) -> Value {
        let led = self.authorize(browser, more).await;
        json_of(&self.redeem("one", &led.answer["code"]).await)
    }

    async fn redeem(&self, client: &str, code: &str) -> Answer {
        let fields = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK)];
        self.token(client, &fields).await
    }

    pub async fn userinfo(&self, token: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        self.browser().call("GET", "/userinfo", &[("authorization", &bearer)], None).await
    }
}

pub fn request(more: &[(&str, &str)]) -> String {
    let usual = [
        ("client_id", "one"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid"),
        ("state", "VgRYfi8xH5"),
        ("nonce", "kYqIFBeDh6"),
        ("response_type", "code"),
    ];
    let usual = usual.into_iter().filter(|(name, _)| !more.iter().any(|(other, _)| other == name));
    let more = more.iter().copied().filter(|(_, value)| !value.is_empty());
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(usual.chain(more)).finish()
}

/// What stands on the way back to the callback, whichever way it goes: redirect, the page that moves on, the form.
fn answer(at: &Answer) -> BTreeMap<String, String> {
    if at.text.contains("data-submit") {
        assert!(at.text.contains(&format!("action=\"{CALLBACK}\"")), "{}", at.text);
        let inputs = at.text.split("<input type=\"hidden\" name=\"").skip(1);
        let pairs = inputs.filter_map(|input| input.split_once("\" value=\""));
        return pairs
            .map(|(name, rest)| (name.to_owned(), rest.split('"').next().unwrap_or_default().to_owned()))
            .collect();
    }
    let url = match at.text.split_once("url=") {
        Some((_, rest)) => rest.split('"').next().unwrap_or_default().replace("&#38;", "&").replace("&amp;", "&"),
        None => at.location.clone(),
    };
    let Some(query) = url.strip_prefix(CALLBACK).and_then(|rest| rest.strip_prefix('?')) else {
        return BTreeMap::new();
    };
    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

fn json_of(answer: &Answer) -> Value {
    serde_json::from_str(&answer.text).unwrap_or_else(|_| panic!("{} {}", answer.status, answer.text))
}

fn part(token: &Value, at: usize) -> Value {
    let text = token.as_str().and_then(|text| text.split('.').nth(at)).expect("a token");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).expect("base64url")).expect("JSON")
}

fn names(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

fn content_type(headers: &HeaderMap) -> &str {
    headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[tokio::test]
async fn oidcc_server() {
    let suite = Suite::start().await;
    for client in ["one", "two"] {
        let mut browser = suite.browser();
        let led = suite.authorize(&mut browser, &[("client_id", client)]).await;
        assert_eq!(led.pages, ["sign-in", "consent"]);
        assert_eq!((led.answer["state"].as_str(), led.answer["iss"].as_str()), ("VgRYfi8xH5", ISSUER));
        let tokens = suite.redeem(client, &led.answer["code"]).await;
        assert_eq!((tokens.status, content_type(&tokens.headers)), (StatusCode::OK, "application/json"));
        let tokens = json_of(&tokens);
        assert_eq!(tokens["token_type"], "Bearer");
        let (head, id) = (part(&tokens["id_token"], 0), part(&tokens["id_token"], 1));
        assert_eq!(head["alg"], "RS256");
        let keys = json_of(&browser.get("/jwks").await);
        let has = |key: &Value| key["kid"] == head["kid"] && key["kty"] == "RSA" && key.get("d").is_none();
        assert!(keys["keys"].as_array().expect("keys").iter().any(has));
        // nothing beyond what the standard lists and nobody asked for
        let mut known =
            ["acr", "amr", "at_hash", "aud", "auth_time", "exp", "iat", "iss", "nonce", "sid", "sub"].to_vec();
        known.sort_unstable();
        assert_eq!(names(&id), known);
        assert_eq!((&id["iss"], &id["aud"], &id["nonce"]), (&json!(ISSUER), &json!(client), &json!("kYqIFBeDh6")));
        let info = json_of(&suite.userinfo(tokens["access_token"].as_str().expect("a token")).await);
        assert_eq!(info["sub"], id["sub"]);
    }
}

#[tokio::test]
async fn oidcc_response_type_missing_and_request_objects() {
    let suite = Suite::start().await;
    for mode in ["", "form_post"] {
        for (change, error) in [
            (("response_type", ""), "invalid_request"),
            (("response_type", "id_token token"), "unsupported_response_type"),
            (("request", "eyJhbGciOiJub25lIn0.e30."), "request_not_supported"),
            (("request_uri", "https://localhost:18443/test/a/xinyin/requests/1"), "request_uri_not_supported"),
            (("prompt", "none"), "login_required"),
        ] {
            let led = suite.authorize(&mut suite.browser(), &[change, ("response_mode", mode)]).await;
            assert_eq!(
                (led.answer["error"].as_str(), led.answer["state"].as_str()),
                (error, "VgRYfi8xH5"),
                "{change:?}"
            );
            assert_eq!(led.last.text.contains("data-submit"), mode == "form_post");
            assert!(led.pages.is_empty() && !led.last.text.contains("登录好了"), "{}", led.last.text);
        }
    }
}

#[tokio::test]
async fn oidcc_unsigned_request_object_and_ensure_request_object_with_redirect_uri() {
    let suite = Suite::start().await;
    let inside = json!({ "state": "inside", "response_mode": "form_post", "redirect_uri": CALLBACK }).to_string();
    let object = format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), URL_SAFE_NO_PAD.encode(inside));
    let led = suite.authorize(&mut suite.browser(), &[("request", &object), ("state", "")]).await;
    let error = led.answer.get("error").map(String::as_str);
    assert_eq!((error, led.answer["state"].as_str()), (Some("request_not_supported"), "inside"));
    assert!(led.last.text.contains("data-submit"), "in the mode that the object asks for: {}", led.last.text);
    let wrong = "https://localhost:18443/test/a/xinyin/callback_invalid";
    let led = suite.authorize(&mut suite.browser(), &[("request", &object), ("redirect_uri", wrong)]).await;
    assert_eq!((led.last.status, led.last.location.as_str()), (StatusCode::BAD_REQUEST, ""));
}

#[tokio::test]
async fn oidcc_userinfo_get_post_header_post_body() {
    let suite = Suite::start().await;
    let tokens = suite.tokens(&mut suite.browser(), &[]).await;
    let (token, sub) = (tokens["access_token"].as_str().expect("a token"), part(&tokens["id_token"], 1)["sub"].clone());
    let bearer = format!("Bearer {token}");
    let header: &[(&str, &str)] = &[("authorization", &bearer)];
    for (method, headers, body) in [
        ("GET", header, None),
        ("POST", header, None),
        ("POST", header, Some(&[][..])),
        ("POST", &[], Some(&[("access_token", token)][..])),
    ] {
        let answer = suite.browser().call(method, "/userinfo", headers, body).await;
        assert_eq!((answer.status, content_type(&answer.headers)), (StatusCode::OK, "application/json"), "{method}");
        assert_eq!(json_of(&answer)["sub"], sub, "{method}");
    }
}

#[tokio::test]
async fn oidcc_scope_profile_email_address_phone_all() {
    let suite = Suite::start().await;
    for (scope, granted, claims) in [
        ("openid profile", "openid profile", &["id_number_masked", "name", "sub", "sub_type", "updated_at"][..]),
        ("openid phone", "openid phone", &["phone_number", "phone_number_verified", "sub", "sub_type"]),
        ("openid email", "openid", &["sub", "sub_type"]),
        ("openid address", "openid", &["sub", "sub_type"]),
        (
            "openid profile email address phone offline_access",
            "openid profile phone offline_access",
            &["id_number_masked", "name", "phone_number", "phone_number_verified", "sub", "sub_type", "updated_at"],
        ),
        ("phone openid unknown:thing", "phone openid", &["phone_number", "phone_number_verified", "sub", "sub_type"]),
    ] {
        let tokens = suite.tokens(&mut suite.browser(), &[("scope", scope)]).await;
        assert_eq!(tokens["scope"], granted, "{scope}");
        assert_eq!(tokens.get("refresh_token").is_some(), scope.contains("offline_access"), "{scope}");
        let info = json_of(&suite.userinfo(tokens["access_token"].as_str().expect("a token")).await);
        assert_eq!(names(&info), claims, "{scope}");
        assert!(info.get("updated_at").is_none_or(Value::is_i64) && info.get("name").is_none_or(Value::is_string));
    }
}

#[tokio::test]
async fn oidcc_requests_that_succeed_with_more_or_less_than_usual() {
    let suite = Suite::start().await;
    let mut browser = suite.browser();
    let first = part(&suite.tokens(&mut browser, &[]).await["id_token"], 1);
    let again = suite.tokens(&mut browser, &[("nonce", "")]).await;
    assert_eq!(part(&again["id_token"], 1).get("nonce"), None, "ensure-request-without-nonce");
    suite.house.wait(2);
    for more in [
        &[("display", "page")][..],
        &[("display", "popup")],
        &[("prompt", "none")],
        &[("max_age", "10000")],
        &[("extra", "foobar")],
        &[("prompt", "none"), ("id_token_hint", again["id_token"].as_str().expect("a token"))],
        &[("login_hint", "buffy@localhost")],
        &[("ui_locales", "se")],
        &[("claims_locales", "se")],
        &[("acr_values", "urn:xinyin:acr:1 urn:xinyin:acr:2")],
        &[("scope", ""), ("scope", "openid")],
    ] {
        let led = suite.authorize(&mut browser, more).await;
        assert_eq!(led.pages, Vec::<String>::new(), "{more:?}: one sign-in serves");
        let id = part(&json_of(&suite.redeem("one", &led.answer["code"]).await)["id_token"], 1);
        assert_eq!((&id["sub"], &id["auth_time"]), (&first["sub"], &first["auth_time"]), "{more:?}");
        assert_eq!(id["acr"], "urn:xinyin:acr:2");
    }
}

#[tokio::test]
async fn oidcc_prompt_login_and_max_age_1() {
    let suite = Suite::start().await;
    for more in [("prompt", "login"), ("max_age", "1")] {
        let mut browser = suite.browser();
        let first = part(&suite.tokens(&mut browser, &[]).await["id_token"], 1);
        suite.house.wait(2);
        let led = suite.authorize(&mut browser, &[more]).await;
        assert_eq!(led.pages, ["sign-in"], "{more:?}");
        let id = part(&json_of(&suite.redeem("one", &led.answer["code"]).await)["id_token"], 1);
        assert_eq!(id["sub"], first["sub"]);
        assert!(id["auth_time"].as_i64() > first["auth_time"].as_i64(), "{more:?}");
    }
}

#[tokio::test]
async fn oidcc_codereuse_and_codereuse_30seconds() {
    let suite = Suite::start().await;
    for seconds in [0, 30] {
        let led = suite.authorize(&mut suite.browser(), &[("scope", "openid offline_access")]).await;
        let tokens = json_of(&suite.redeem("one", &led.answer["code"]).await);
        suite.house.wait(seconds);
        let second = suite.redeem("one", &led.answer["code"]).await;
        assert_eq!((second.status, &json_of(&second)["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")));
        let token = |name: &str| tokens[name].as_str().expect("a token").to_owned();
        assert_eq!(suite.userinfo(&token("access_token")).await.status, StatusCode::UNAUTHORIZED, "{seconds}");
        let fields = [("grant_type", "refresh_token"), ("refresh_token", &token("refresh_token"))];
        assert_eq!(json_of(&suite.token("one", &fields).await)["error"], "invalid_grant");
    }
}

#[tokio::test]
async fn oidcc_ensure_registered_redirect_uri() {
    let suite = Suite::start().await;
    let mut titles = std::collections::BTreeSet::new();
    for uri in ["https://localhost:18443/test/a/xinyin/callback?x=1", "https://example.org/callback"] {
        let led = suite.authorize(&mut suite.browser(), &[("redirect_uri", uri)]).await;
        assert_eq!((led.last.status, led.last.location.as_str()), (StatusCode::BAD_REQUEST, ""));
        assert!(!led.last.text.contains("http-equiv=\"refresh\""));
        titles.insert(title(&led.last));
    }
    let mut browser = suite.browser();
    titles.insert(title(&browser.open(&format!("/authorize?{}", request(&[]))).await.1));
    suite.authorize(&mut browser, &[]).await;
    titles.insert(title(&browser.get("/logout").await));
    titles.insert(title(&browser.get("/logout?client_id=one").await));
    titles.insert(title(&browser.get("/signed-out").await));
    assert_eq!(titles.len(), 4, "error, sign-in, question, signed out: each page has words of its own: {titles:?}");
}

fn title(answer: &Answer) -> String {
    let (_, rest) = answer.text.split_once("<h1").expect("a heading");
    rest.split("</h1>").next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn oidcc_ensure_post_request_succeeds_and_client_secret_post() {
    let suite = Suite::start().await;
    let mut browser = suite.browser();
    let usual = request(&[("client_id", "post")]);
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(usual.as_bytes()).into_owned().collect();
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let first = browser.call("POST", "/authorize", &[("origin", "https://localhost:18443")], Some(&pairs)).await;
    let led = suite.walk(&mut browser, first).await;
    let code = &led.answer["code"];
    let fields = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK)];
    let own = [("client_id", "post"), ("client_secret", SECRET)];
    let wrong = [("client_id", "post"), ("client_secret", "something else of that length, as well")];
    let refused = browser.call("POST", "/token", &[], Some(&[&fields[..], &wrong].concat())).await;
    assert_eq!(json_of(&refused)["error"], "invalid_client");
    let tokens = browser.call("POST", "/token", &[], Some(&[&fields[..], &own].concat())).await;
    assert_eq!(part(&json_of(&tokens)["id_token"], 1)["aud"], "post");
}

#[tokio::test]
async fn oidcc_claims_essential() {
    let suite = Suite::start().await;
    let claims = r#"{"userinfo":{"name":{"essential":true}}}"#;
    let tokens = suite.tokens(&mut suite.browser(), &[("claims", claims)]).await;
    let info = json_of(&suite.userinfo(tokens["access_token"].as_str().expect("a token")).await);
    assert_eq!(info["name"], "阿依古丽·买买提");
}

#[tokio::test]
async fn oidcc_refresh_token() {
    let suite = Suite::start().await;
    let mut browser = suite.browser();
    let first = suite.tokens(&mut browser, &[("scope", "openid offline_access"), ("prompt", "consent")]).await;
    let token = first["refresh_token"].as_str().expect("a refresh token");
    assert!(token.len() >= 43 && token.bytes().all(|b| (0x20..0x7f).contains(&b)), "entropy, charset");
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
    assert_eq!(json_of(&suite.token("two", &fields).await)["error"], "invalid_grant", "bound to its client");
    suite.house.wait(1);
    let second = suite.token("one", &fields).await;
    assert_eq!(second.status, StatusCode::OK, "another client's try ends nothing: {}", second.text);
    let second = json_of(&second);
    let (one, two) = (part(&first["id_token"], 1), part(&second["id_token"], 1));
    for name in ["iss", "sub", "aud", "auth_time"] {
        assert_eq!(one[name], two[name], "{name}");
    }
    assert!(two["iat"].as_i64() > one["iat"].as_i64());
    assert_ne!(first["access_token"], second["access_token"]);
    let supported = json_of(&browser.get("/.well-known/openid-configuration").await);
    assert!(supported["grant_types_supported"].as_array().expect("a list").contains(&json!("refresh_token")));
}

#[tokio::test]
async fn oidcc_ensure_request_with_valid_pkce_succeeds() {
    let suite = Suite::start().await;
    let pkce = [("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"), ("code_challenge_method", "S256")];
    let led = suite.authorize(&mut suite.browser(), &pkce).await;
    let code = led.answer["code"].as_str();
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
    ];
    assert_eq!(suite.token("one", &fields).await.status, StatusCode::OK);
}

#[tokio::test]
async fn oidcc_formpost_basic() {
    let suite = Suite::start().await;
    let mut browser = suite.browser();
    for pages in [vec!["sign-in", "consent"], vec![]] {
        let led = suite.authorize(&mut browser, &[("response_mode", "form_post")]).await;
        assert_eq!(led.pages, pages);
        assert_eq!(led.answer.keys().map(String::as_str).collect::<Vec<_>>(), ["code", "iss", "state"]);
        assert!(led.last.text.contains("/static/submit.js"), "it goes on by itself");
        assert_eq!(suite.redeem("one", &led.answer["code"]).await.status, StatusCode::OK);
    }
    let script = browser.get("/static/submit.js").await;
    assert_eq!(content_type(&script.headers), "text/javascript; charset=utf-8");
}

#[tokio::test]
async fn oidcc_rp_initiated_logout() {
    let suite = Suite::start().await;
    for (module, with_hint, more, outcome) in [
        ("rp-initiated-logout", true, &[("post_logout_redirect_uri", AFTER), ("state", "s")][..], "back with state"),
        ("no-state", true, &[("post_logout_redirect_uri", AFTER)], "back"),
        ("no-post-logout-redirect-uri", true, &[("state", "s")], "out"),
        ("bad-post-logout-redirect-uri", true, &[("post_logout_redirect_uri", "https://localhost:18443/o")], "error"),
        (
            "query-added-to-post-logout-redirect-uri",
            true,
            &[("post_logout_redirect_uri", "https://localhost:18443/test/a/xinyin/post_logout_redirect?foo=bar")],
            "error",
        ),
        ("no-params", false, &[], "question"),
        ("only-state", false, &[("state", "s")], "question"),
        ("no-id-token-hint", false, &[("post_logout_redirect_uri", AFTER), ("state", "s")], "question"),
    ] {
        let mut browser = suite.browser();
        let tokens = suite.tokens(&mut browser, &[]).await;
        let hint = tokens["id_token"].as_str().expect("a token");
        let fields = if with_hint { [more, &[("id_token_hint", hint)]].concat() } else { more.to_vec() };
        check_logout(&suite, &mut browser, module, &fields, outcome).await;
    }
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_modified_and_bad_id_token_hint() {
    let suite = Suite::start().await;
    for module in ["modified-id-token-hint", "bad-id-token-hint"] {
        let mut browser = suite.browser();
        let tokens = suite.tokens(&mut browser, &[]).await;
        let parts: Vec<&str> = tokens["id_token"].as_str().expect("a token").split('.').collect();
        let hint = match module {
            "modified-id-token-hint" => format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), parts[1]),
            _ => format!("{}.{}.{}", parts[0], parts[1], "A".repeat(parts[2].len())),
        };
        let fields = [("post_logout_redirect_uri", AFTER), ("id_token_hint", &hint)];
        check_logout(&suite, &mut browser, module, &fields, "question").await;
    }
}

async fn check_logout(suite: &Suite, browser: &mut Browser<'_>, module: &str, fields: &[(&str, &str)], outcome: &str) {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let answer = browser.get(&format!("/logout?{query}")).await;
    let got = match (answer.status, answer.location.as_str()) {
        (StatusCode::SEE_OTHER, to) if to == format!("{AFTER}?state=s") => "back with state",
        (StatusCode::SEE_OTHER, AFTER) => "back",
        (StatusCode::BAD_REQUEST, "") => "error",
        (StatusCode::OK, "") if answer.text.contains("action=\"/logout\"") && answer.text.contains("id=\"submit\"") => {
            "question"
        }
        (StatusCode::OK, "") if answer.text.contains("您已经退出") => "out",
        _ => "?",
    };
    assert_eq!(got, outcome, "{module}: {} {}", answer.location, answer.text);
    if outcome == "question" {
        let out = browser.fill(&answer, "/logout", &[]).await;
        assert!(out.text.contains("您已经退出") && !out.text.contains(AFTER), "{module}: {}", out.text);
    }
    let led = suite.authorize(browser, &[("prompt", "none")]).await;
    let error = led.answer.get("error").map_or("", String::as_str);
    assert_eq!(error, if outcome == "error" { "" } else { "login_required" }, "{module}");
}
