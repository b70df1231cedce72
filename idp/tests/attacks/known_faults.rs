//! Faults that other providers have had, each a row of the table in `docs/security.md`.

use http::{Request, StatusCode, header};
use idp::assurance::Acr;

use crate::NUMBER;
use crate::world::{CALLBACK, ISSUER, Reply, SECRET, VERIFIER, Visitor, World, basic, claims, form};

const STATE: &str = "s1=s2&s2 =?#é";

/// A request of a browser that sends these `Cookie` headers, byte for byte.
async fn with_cookies(world: &World, method: &str, path: &str, cookies: &[&[u8]]) -> Reply {
    let mut request = Request::builder().method(method).uri(path).header(header::HOST, "localhost:8080");
    request = request.header(header::ACCEPT, "text/html").header(header::USER_AGENT, "LinkPreview/1.0");
    for line in cookies {
        request = request.header(header::COOKIE, *line);
    }
    world.send(request.body(String::new()).unwrap()).await
}

/// KF-02: the parameters belong to the interaction once its page was opened: neither a slow sign-in nor a reload asks for them
/// anew, and the second completed use is refused. What could expire on the way, a pushed or a signed request, is refused by name.
#[tokio::test]
async fn a_request_outlasts_a_slow_sign_in_and_counts_once() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    for by_post in [false, true] {
        let mut browser = Visitor::default();
        let mut url = world.authorize("portal", &[]);
        if by_post {
            let fields = url.split_once('?').unwrap().1.to_owned();
            let pairs: Vec<_> = url::form_urlencoded::parse(fields.as_bytes()).into_owned().collect();
            let pairs: Vec<_> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            url = world.submit(&mut Visitor::default(), "/authorize", &pairs).await.location().to_owned();
            assert!(url.starts_with("/authorize/"), "{url}");
        }
        let path = world.get(&mut browser, &url).await.location().to_owned();
        assert_eq!(world.get(&mut browser, &path).await.status, StatusCode::OK);
        world.advance(300);
        assert_eq!(world.get(&mut browser, &path).await.status, StatusCode::OK, "a reload of the page");
        let reloaded = world.get(&mut browser, &url).await.location().to_owned();
        assert!(reloaded.starts_with("/sign-in/"), "and of the address: {reloaded}");
        world.advance(300);
        let reply = world.sign_in(&mut browser, &path, &alice, Acr::Two).await;
        assert_eq!(world.redeem(&reply.answer(CALLBACK)["code"]).await.status, StatusCode::OK);
        for page in ["sign-in", "interaction"] {
            let reply = world.get(&mut browser, &path.replace("/sign-in/", &format!("/{page}/"))).await;
            assert!(reply.status.is_client_error() && !reply.text.contains("code="), "{page}: {}", reply.text);
        }
    }
    let mut browser = Visitor::default();
    for (name, value, error) in [
        ("request", "x.y.z", "request_not_supported"),
        ("request_uri", "urn:ietf:params:oauth:request_uri:x", "request_uri_not_supported"),
    ] {
        let reply = world.get(&mut browser, &world.authorize("portal", &[(name, value)])).await;
        assert_eq!(reply.answer(CALLBACK)["error"], error);
    }
}

/// KF-03: a fresh sign-in of this very interaction fulfils `max_age=0` and `prompt=login`, in the same second and later.
#[tokio::test]
async fn a_demand_for_a_fresh_sign_in_asks_once() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    let mut browser = Visitor::default();
    world.code(&mut browser, &alice, &[]).await;
    for wait in [0, 2] {
        for change in [
            &[("max_age", "0")][..],
            &[("prompt", "login")],
            &[("prompt", "login"), ("max_age", "0")],
            &[("prompt", "login"), ("max_age", "1")],
        ] {
            world.advance(10);
            let path = world.get(&mut browser, &world.authorize("portal", change)).await.location().to_owned();
            world.advance(wait);
            let reply = world.sign_in(&mut browser, &path, &alice, Acr::Two).await;
            let token = world.redeem(&reply.answer(CALLBACK)["code"]).await.json();
            let auth_time = claims(token["id_token"].as_str().unwrap())["auth_time"].clone();
            assert_eq!(auth_time, world.now(), "one sign-in: {change:?} after {wait} s");
        }
    }
    let silent = [("prompt", "none"), ("max_age", "0")];
    let reply = world.get(&mut browser, &world.authorize("portal", &silent)).await;
    assert_eq!((reply.status, reply.answer(CALLBACK)["error"].as_str()), (StatusCode::SEE_OTHER, "login_required"));
}

/// KF-04: a service of the house renews no longer than the session lives, whoever is faster. (The other endings, on both databases
/// and with two processes: `stories known_faults`.)
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_is_not_overtaken_by_a_renewal() {
    let world = World::start().await;
    let clerk = world.person("clerk", "李四", NUMBER).await;
    let callback = "http://localhost:8082/callback";
    let desk = basic("desk", SECRET);
    for round in 0..50 {
        let mut browser = Visitor::default();
        let ask = world.authorize("desk", &[("scope", "openid offline_access")]);
        let path = world.get(&mut browser, &ask).await.location().to_owned();
        let code = world.sign_in(&mut browser, &path, &clerk, Acr::Two).await.answer(callback)["code"].clone();
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", callback),
            ("code_verifier", VERIFIER),
        ];
        let first = world.post("/token", &desk, &fields).await.json();
        let fields = [("grant_type", "refresh_token"), ("refresh_token", first["refresh_token"].as_str().unwrap())];
        let out = format!("/logout?{}", form(&[("id_token_hint", first["id_token"].as_str().unwrap())]));
        let (ended, renewed) = if round % 2 == 0 {
            tokio::join!(world.get(&mut browser, &out), world.post("/token", &desk, &fields))
        } else {
            let (renewed, ended) = tokio::join!(world.post("/token", &desk, &fields), world.get(&mut browser, &out));
            (ended, renewed)
        };
        assert_eq!(ended.status, StatusCode::OK, "{}", ended.text);
        for body in [first, renewed.json()] {
            let Some(access) = body["access_token"].as_str() else { continue };
            assert_eq!(world.userinfo(access).await.status, StatusCode::UNAUTHORIZED, "{round}");
            let fields = [("grant_type", "refresh_token"), ("refresh_token", body["refresh_token"].as_str().unwrap())];
            assert_eq!(world.post("/token", &desk, &fields).await.error(), "invalid_grant", "{round}");
        }
    }
}

/// KF-05: whatever ended a session, its `sid` never comes back, and what was issued in it stays dead.
#[tokio::test]
async fn a_sid_that_ended_is_never_used_again() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    let bob = world.person("bob", "李四", "110101199001010029").await;
    let mut browser = Visitor::default();
    let mut seen = std::collections::BTreeSet::new();
    let mut dead: Vec<String> = Vec::new();
    for (what, person, change, ended) in [
        ("the first", &alice, &[][..], false),
        ("ended at the server, the same person", &alice, &[], true),
        ("ended, another person", &bob, &[], true),
        ("ended, as somebody else on purpose", &alice, &[("prompt", "login")], true),
        ("ended, to a higher level", &alice, &[("acr_values", "urn:xinyin:acr:3")], true),
        ("alive, as somebody else", &bob, &[("prompt", "login")], false),
        ("ended, back again", &alice, &[("max_age", "0")], true),
    ] {
        if ended {
            world.run("UPDATE sessions SET ended_at = 1 WHERE ended_at IS NULL").await;
        }
        let code = world.code(&mut browser, person, change).await;
        let body = world.redeem(&code).await.json();
        let sid = claims(body["id_token"].as_str().unwrap())["sid"].as_str().unwrap().to_owned();
        assert!(seen.insert(sid), "{what}");
        if ended {
            for token in &dead {
                assert_eq!(world.userinfo(token).await.status, StatusCode::UNAUTHORIZED, "{what}: the old stay dead");
            }
        }
        dead.push(body["access_token"].as_str().unwrap().to_owned());
    }
}

/// What stands behind the registered bytes: `&` and the parameters, encoded once.
fn kept(url: &str, registered: &str) {
    let rest = url.strip_prefix(registered).unwrap_or_else(|| panic!("{url} does not begin with {registered}"));
    let rest = rest.strip_prefix('&').unwrap_or_else(|| panic!("{url}: a query that was there goes on with &"));
    assert!(!rest.contains(['?', '#', ' ']), "{url}");
    let states: Vec<_> = url::form_urlencoded::parse(rest.as_bytes()).filter(|(name, _)| name == "state").collect();
    assert_eq!((states.len(), states[0].1.as_ref()), (1, STATE), "{url}");
}

/// KF-06: the query of a redirect URI stays byte for byte, and `state` comes back as the same characters.
#[tokio::test]
async fn a_redirect_uri_keeps_its_own_query() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    let mut browser = Visitor::default();
    let moved = |reply: &Reply| {
        let at = reply.text.find("url=").unwrap_or_else(|| panic!("no answer: {}", reply.text)) + 4;
        reply.text[at..].split("\">").next().unwrap().replace("&#38;", "&").replace("&amp;", "&")
    };
    let silent = world.get(&mut browser, &world.authorize("portal", &[("prompt", "none")])).await;
    assert!(silent.location().contains("error=login_required"));
    kept(silent.location(), CALLBACK);
    let path = world.get(&mut browser, &world.authorize("portal", &[])).await.location().to_owned();
    let denied = world.fill(&mut browser, &path, &[("cancel", "1")]).await;
    assert!(moved(&denied).contains("error=access_denied"));
    kept(&moved(&denied), CALLBACK);
    let path = world.get(&mut browser, &world.authorize("portal", &[])).await.location().to_owned();
    let done = world.sign_in(&mut browser, &path, &alice, Acr::Two).await;
    kept(&moved(&done), CALLBACK);
    let body = world.redeem(&done.answer(CALLBACK)["code"]).await.json();
    for mode in ["", "query"] {
        let reply = world.get(&mut browser, &world.authorize("portal", &[("response_mode", mode)])).await;
        assert!(reply.location().contains("&code="), "{mode}");
        kept(reply.location(), CALLBACK);
    }
    // a mode that is not offered is answered in the query; the form has the address as its action
    let reply = world.get(&mut browser, &world.authorize("portal", &[("response_mode", "fragment")])).await;
    assert!(reply.location().contains("error=invalid_request"));
    kept(reply.location(), CALLBACK);
    let page = world.get(&mut browser, &world.authorize("portal", &[("response_mode", "form_post")])).await;
    let text = page.text.replace("&#38;", "&").replace("&amp;", "&").replace("&#61;", "=");
    assert!(text.contains(&format!("action=\"{CALLBACK}\"")), "{text}");
    assert!(text.contains(&format!("name=\"state\" value=\"{STATE}\"")), "{text}");
    let fields = [
        ("id_token_hint", body["id_token"].as_str().unwrap()),
        ("post_logout_redirect_uri", "http://localhost:8083/out?a=%3D"),
        ("state", STATE),
    ];
    let out = world.get(&mut browser, &format!("/logout?{}", form(&fields))).await;
    kept(out.location(), "http://localhost:8083/out?a=%3D");
}

/// KF-07: of several cookies of one name the live one counts, wherever it stands; stale ones alone cost one sign-in.
#[tokio::test]
async fn a_live_session_is_found_beside_stale_cookies() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    let mut browser = Visitor::default();
    world.code(&mut browser, &alice, &[]).await;
    let ended = browser.cookies["xy_idp"].clone();
    world.run("UPDATE sessions SET ended_at = 1").await;
    world.code(&mut browser, &alice, &[]).await;
    let (live, mark) = (browser.cookies["xy_idp"].clone(), browser.cookies["xy_idp_b"].clone());
    let silent = world.authorize("portal", &[("prompt", "none")]);
    let planted = "A".repeat(43);
    for stale in [
        ended.as_bytes(),
        planted.as_bytes(),
        b"",
        b"1.previous-release.of-another.form",
        b"%ff%00",
        b"\xff\xfe",
        b"\"",
        &[b'x'; 3_000],
    ] {
        let [stale, live]: [Vec<u8>; 2] = [stale, live.as_bytes()].map(|value| [b"xy_idp=".as_slice(), value].concat());
        let both = [live.as_slice(), stale.as_slice()].join(b"; ".as_slice());
        let reversed = [stale.as_slice(), live.as_slice()].join(b"; ".as_slice());
        for lines in [&[both.as_slice()][..], &[&reversed], &[&stale, &live], &[&live, &stale]] {
            let reply = with_cookies(&world, "GET", &silent, lines).await;
            assert!(reply.answer(CALLBACK).contains_key("code"), "{:?}", String::from_utf8_lossy(lines[0]));
        }
        // stale alone: one sign-in, and the browser has the live one afterwards
        let silent = with_cookies(&world, "GET", &silent, &[&stale]).await;
        assert_eq!(silent.answer(CALLBACK)["error"], "login_required");
    }
    let mut stale = Visitor::default();
    stale.cookies.insert("xy_idp".into(), ended.clone());
    stale.cookies.insert("xy_idp_b".into(), mark);
    world.code(&mut stale, &alice, &[]).await;
    assert_ne!(stale.cookies["xy_idp"], ended, "the stale one is replaced");
    assert!(world.get(&mut stale, &silent).await.answer(CALLBACK).contains_key("code"), "no loop");
}

/// KF-08: sign-ins that nobody finishes leave a bounded number of cookies of bounded size, each with an end.
#[tokio::test]
async fn eighty_tabs_of_two_clients_leave_little() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    let mut browser = Visitor::default();
    let mut paths = Vec::new();
    for n in 0..80 {
        let state = format!("{n}-{}", "s".repeat(200));
        let client = if n % 2 == 0 { "portal" } else { "public" };
        let reply = world.get(&mut browser, &world.authorize(client, &[("state", &state)])).await;
        for line in reply.headers.get_all(header::SET_COOKIE) {
            assert!(line.to_str().unwrap().contains("Max-Age="), "{line:?}");
        }
        paths.push((client, state, reply.location().to_owned()));
    }
    let bytes: usize = browser.cookies.iter().map(|(name, value)| name.len() + value.len() + 3).sum();
    assert!(browser.cookies.len() <= 2 && bytes < 2_000, "{bytes} bytes: {:?}", browser.cookies.keys());
    let callback = |client: &str| if client == "portal" { CALLBACK } else { "http://127.0.0.1/cb" };
    let (client, state, path) = &paths[79];
    let reply = world.sign_in(&mut browser, path, &alice, Acr::Two).await;
    assert_eq!(&reply.answer(callback(client))["state"], state);
    for (client, state, path) in [&paths[0], &paths[40], &paths[41]] {
        let reply = world.get(&mut browser, &path.replace("/sign-in/", "/interaction/")).await;
        assert_eq!(&reply.answer(callback(client))["state"], state, "a tab from the middle");
    }
}

/// KF-09: a look at an address, HEAD or GET, from elsewhere or as a preview, spends nothing; the person comes through.
#[tokio::test]
async fn a_looked_at_address_is_not_spent() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    let mut browser = Visitor::default();
    let look = async |browser: &Visitor, path: &str| {
        let own = browser.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join("; ");
        for (method, cookies) in [("HEAD", ""), ("GET", ""), ("HEAD", own.as_str())] {
            with_cookies(&world, method, path, &[cookies.as_bytes()]).await;
        }
    };
    // a request by POST, its sign-in page, the step behind that, the consent page
    let redirect = "https://rp.example/cb";
    let request = world.authorize("other", &[]);
    let pairs: Vec<_> =
        url::form_urlencoded::parse(request.split_once('?').unwrap().1.as_bytes()).into_owned().collect();
    let pairs: Vec<_> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let stored = world.submit(&mut Visitor::default(), "/authorize", &pairs).await.location().to_owned();
    look(&browser, &stored).await;
    let path = world.get(&mut browser, &stored).await.location().to_owned();
    look(&browser, &path).await;
    assert_eq!(world.get(&mut browser, &path).await.status, StatusCode::OK);
    let path = world.sign_in(&mut browser, &path, &alice, Acr::Two).await.location().to_owned();
    assert!(path.starts_with("/consent/"), "{path}");
    look(&browser, &path).await;
    look(&browser, &path.replace("/consent/", "/interaction/")).await;
    let done = world.fill(&mut browser, &path, &[]).await;
    assert!(done.answer(redirect).contains_key("code"), "{}", done.text);
    // a second tab, whose person signed in in the first one meanwhile: only the step itself is left to do
    let mut other = Visitor { cookies: [("xy_idp_b".to_owned(), browser.cookies["xy_idp_b"].clone())].into() };
    let path = world.get(&mut other, &world.authorize("portal", &[])).await.location().to_owned();
    let step = path.replace("/sign-in/", "/interaction/");
    other.cookies.extend(browser.cookies.clone());
    look(&other, &step).await;
    let reply = world.get(&mut other, &step).await;
    assert!(reply.answer(CALLBACK).contains_key("code"), "{} {}", reply.status, reply.text);
    // a sign-out
    let body = world.redeem(&reply.answer(CALLBACK)["code"]).await.json();
    let out = format!("/logout?{}", form(&[("id_token_hint", body["id_token"].as_str().unwrap())]));
    look(&other, &out).await;
    assert_eq!(world.userinfo(body["access_token"].as_str().unwrap()).await.status, StatusCode::OK);
}

/// KF-31: a NUL is refused by name where it comes in, and no statement of ours is shown. (Both databases: `stories idp`.)
#[tokio::test]
async fn a_nul_is_refused_by_name() {
    let world = World::start().await;
    let mut browser = Visitor::default();
    let clean = |reply: &Reply| {
        for inside in ["SELECT", "INSERT", "sqlx", "0x00"] {
            assert!(!reply.text.contains(inside), "{}", reply.text);
        }
    };
    for basic_header in ["Basic YWRtaW4lMDA6eA==", "Basic YWRtaW46eCUwMA=="] {
        let reply = world.post("/token", basic_header, &[("grant_type", "client_credentials")]).await;
        assert_eq!((reply.status, reply.error().as_str()), (StatusCode::BAD_REQUEST, "invalid_request"));
        clean(&reply);
    }
    for name in ["state", "nonce", "login_hint", "scope", "resource", "acr_values", "ui_locales", "claims"] {
        let reply = world.get(&mut browser, &world.authorize("portal", &[(name, "a\0b")])).await;
        let location = reply.location();
        assert!(reply.status.is_client_error() || location.contains("error="), "{name}: {} {location}", reply.status);
        let named = reply.text.contains(name) || location.contains(name);
        assert!(named, "{name}: {location} {}", reply.text);
        clean(&reply);
    }
    let portal = basic("portal", SECRET);
    for (path, name) in [("/token", "code"), ("/revoke", "token"), ("/introspect", "token")] {
        let fields = [("grant_type", "authorization_code"), (name, "a\0b")];
        let reply = world.post(path, &portal, &fields).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{path} {name}: {}", reply.text);
        assert!(reply.text.contains(name), "{path} {name}: {}", reply.text);
        clean(&reply);
    }
    for path in ["/sign-in/%00", "/interaction/a%00b", "/consent/%00", "/authorize/%00"] {
        let reply = world.get(&mut browser, path).await;
        assert!(reply.status.is_client_error(), "{path}: {}", reply.status);
        clean(&reply);
    }
    assert_eq!(world.get(&mut browser, "/.well-known/openid-configuration").await.json()["issuer"], ISSUER);
}
