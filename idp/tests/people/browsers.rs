//! What another site, another port or a planted cookie can make a browser do: nothing (RFC 9700 §4.7, §4.16).

use http::StatusCode;
use idp::http::router::{Credential, ROUTES};

use crate::house::{Answer, Browser, House};
use crate::{PASSWORD, numbers};

const AUTHORIZE: &str = "/authorize?client_id=portal&response_type=code&scope=openid%20profile&state=s&nonce=n\
    &redirect_uri=http%3A%2F%2Flocalhost%3A8083%2Fcallback\
    &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

/// What a browser says of a form that comes from elsewhere.
const ELSEWHERE: [&[(&str, &str)]; 8] = [
    &[("origin", "http://localhost:8083")], // a sibling port shares our cookies
    &[("origin", "http://127.0.0.1:8080")],
    &[("origin", "https://localhost:8080")],
    &[("origin", "http://localhost:8080.evil.example")],
    &[("origin", "null")],
    &[("sec-fetch-site", "same-site")],
    &[("sec-fetch-site", "cross-site")],
    &[("origin", "http://localhost:8080"), ("sec-fetch-site", "same-site")],
];

fn token(page: &Answer) -> String {
    let at = page.text.rfind("name=\"form_token\"").expect("a form");
    page.text[at..].split('"').nth(3).expect("its token").to_owned()
}

#[tokio::test]
async fn no_form_is_sent_from_elsewhere() {
    let house = House::new().await;
    let (number, other, _) = numbers();
    house.person(&number, "欧阳测试", "10000000012", PASSWORD).await;
    house.person(&other, "张三", "10000000013", PASSWORD).await;
    let mut browser = Browser::new(&house);
    browser.sign_in(&number, PASSWORD).await;
    let mut forms = 0;
    for route in ROUTES.iter().filter(|route| route.method == "POST") {
        let is_form = matches!(route.credential, Credential::Interaction | Credential::Session);
        if !is_form && !route.path.starts_with("/register") {
            continue; // by clients, or looked at below
        }
        forms += 1;
        let path = route.path.replace("{id}", "AAAAAAAAAAAAAAAAAAAAAA").replace("{code}", "91110000MA000000XX");
        for headers in ELSEWHERE {
            let answer = browser.call("POST", &path, headers, Some(&[("form_token", "x")])).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {headers:?}: {}", answer.text);
        }
        for fields in [&[][..], &[("form_token", "")], &[("form_token", "x")]] {
            let answer = browser.call("POST", &path, &[("origin", "http://localhost:8080")], Some(fields)).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {fields:?}: {}", answer.text);
        }
    }
    assert!(forms >= 12, "{forms}");
    assert_eq!(browser.get("/account").await.status, StatusCode::OK, "nothing has happened");
}

#[tokio::test]
async fn a_good_token_from_elsewhere_is_refused_and_from_here_taken() {
    let house = House::new().await;
    let (number, ..) = numbers();
    house.person(&number, "欧阳测试", "10000000012", PASSWORD).await;
    house.portal(|client| client.trusted = false).await;
    let own: &[(&str, &str)] = &[("origin", "http://localhost:8080"), ("sec-fetch-site", "same-origin")];

    // signing in
    let mut browser = Browser::new(&house);
    let (path, page) = browser.open(AUTHORIZE).await;
    let good = token(&page);
    let fields = [("form_token", good.as_str()), ("login", number.as_str()), ("password", PASSWORD)];
    for headers in ELSEWHERE {
        let answer = browser.call("POST", &path, headers, Some(&fields)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{headers:?}");
    }
    let mut strangers = Browser::new(&house);
    let (_, strangers_page) = strangers.open(AUTHORIZE).await;
    let foreign = token(&strangers_page);
    let swapped = [("form_token", foreign.as_str()), fields[1], fields[2]];
    assert_eq!(
        browser.call("POST", &path, own, Some(&swapped)).await.status,
        StatusCode::FORBIDDEN,
        "another browser's"
    );
    let answer = browser.call("POST", &path, own, Some(&fields)).await;
    assert!(answer.location.starts_with("/consent/"), "the original: {} {}", answer.status, answer.text);

    // agreeing
    let path = answer.location;
    let page = browser.get(&path).await;
    let (good, of_sign_in) = (token(&page), good);
    for headers in ELSEWHERE {
        let answer = browser.call("POST", &path, headers, Some(&[("form_token", good.as_str())])).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{headers:?}");
    }
    let _ = of_sign_in;
    let answer = browser.call("POST", &path, own, Some(&[("form_token", good.as_str())])).await;
    assert!(answer.text.contains("callback?code="), "the original: {} {}", answer.status, answer.text);

    // signing out
    let page = browser.get("/logout").await;
    let good = token(&page);
    for headers in ELSEWHERE {
        let answer = browser.call("POST", "/logout", headers, Some(&[("form_token", good.as_str())])).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{headers:?}");
    }
    let without = browser.call("POST", "/logout", &[("origin", "https://evil.example")], Some(&[])).await;
    assert_eq!(
        (without.status, without.location.as_str()),
        (StatusCode::SEE_OTHER, "/logout?"),
        "asked, not signed out"
    );
    assert_eq!(browser.get("/account").await.status, StatusCode::OK);
    let answer = browser.call("POST", "/logout", own, Some(&[("form_token", good.as_str())])).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(browser.get("/account").await.status, StatusCode::SEE_OTHER, "the original");
}

#[tokio::test]
async fn no_page_is_framed_and_none_tells_where_somebody_was() {
    let house = House::new().await;
    let (number, ..) = numbers();
    house.person(&number, "欧阳测试", "10000000012", PASSWORD).await;
    house.portal(|client| client.trusted = false).await;
    let mut signed_in = Browser::new(&house);
    signed_in.sign_in(&number, PASSWORD).await;
    for browser in [&mut Browser::new(&house), &mut signed_in] {
        let (sign_in, _) = Browser::new(&house).open(AUTHORIZE).await;
        let mut paths: Vec<String> =
            ROUTES.iter().filter(|route| route.method == "GET").map(|route| route.path.to_owned()).collect();
        paths.extend([
            AUTHORIZE.to_owned(),
            sign_in,
            "/authorize?client_id=nobody".to_owned(),
            "/no-such-page".to_owned(),
        ]);
        for path in paths {
            let answer = browser.get(&path).await;
            let header =
                |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
            if header("content-type").starts_with("text/html") {
                assert_eq!(header("x-frame-options"), "DENY", "{path}");
            }
            let policy = header("content-security-policy");
            assert!(
                policy.contains("frame-ancestors 'none'") && policy.contains("default-src 'none'"),
                "{path}: {policy}"
            );
            assert!(!policy.contains("unsafe"), "{path}: {policy}");
            assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(header("referrer-policy"), "same-origin", "{path}");
        }
    }
}

#[tokio::test]
async fn a_planted_session_or_mark_leads_to_nobody() {
    let house = House::new().await;
    let (number, other, _) = numbers();
    house.person(&number, "欧阳测试", "10000000012", PASSWORD).await;
    house.person(&other, "张三", "10000000013", PASSWORD).await;
    house.portal(|_| {}).await;

    // a secret of the attacker's making, and his own live session, in the victim's browser
    let mut attacker = Browser::new(&house);
    attacker.sign_in(&other, PASSWORD).await;
    let live = attacker.cookies["xy_idp"].clone();
    for planted in ["A".repeat(43), live] {
        let mut victim = Browser::new(&house);
        let (path, page) = victim.open("/account/level").await;
        victim.cookies.insert("xy_idp".to_owned(), planted.clone());
        let answer = victim.fill(&page, &path, &[("login", &number), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        assert_ne!(victim.cookies["xy_idp"], planted, "a new secret at each sign-in");
        let mut thief = Browser::new(&house);
        thief.cookies.insert("xy_idp".to_owned(), planted);
        let account = thief.get("/account").await;
        assert!(account.status == StatusCode::SEE_OTHER && !account.text.contains("欧阳测试"), "{}", account.text);
        let first = victim.cookies["xy_idp"].clone();
        let (path, page) = victim.open(&format!("{AUTHORIZE}&prompt=login")).await;
        let done = victim.fill(&page, &path, &[("login", &number), ("password", PASSWORD)]).await;
        assert!(done.text.contains("callback?code="), "{} {}", done.location, done.text);
        assert_ne!(victim.cookies["xy_idp"], first);
        thief.cookies.insert("xy_idp".to_owned(), first);
        assert_eq!(thief.get("/account").await.status, StatusCode::SEE_OTHER, "the secret before is worth nothing");
    }

    // his mark, so that both browsers know his interaction
    let mut attacker = Browser::new(&house);
    let (path, _) = attacker.open(AUTHORIZE).await;
    let mut victim = Browser::new(&house);
    victim.cookies.insert("xy_idp_b".to_owned(), attacker.cookies["xy_idp_b"].clone());
    let page = victim.get(&path).await;
    let done = victim.fill(&page, &path, &[("login", &number), ("password", PASSWORD)]).await;
    assert!(done.text.contains("callback?code="), "the victim's own browser: {}", done.text);
    let id = path.trim_start_matches("/sign-in/");
    for page in ["sign-in", "interaction", "consent", "select-account", "act-for"] {
        let answer = attacker.get(&format!("/{page}/{id}")).await;
        assert!(!answer.text.contains("code=") && !answer.location.contains("code="), "{page}: {}", answer.text);
        assert!(!answer.text.contains("欧阳测试"), "{page}");
    }
}
