//! Faults that others have had, where only real processes, sockets or a browser show them; and that the table in
//! `docs/security.md` names tests that there are.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::response::{Html, Redirect};
use axum::routing::get;
use idp::client::Names;
use idp::provision::{NewAuth, NewClient};
use serde_json::{Value, json};
use store::{on, sqlx};
use xinyin_tests::backend::on_both;
use xinyin_tests::journey::{go_on, sign_in};
use xinyin_tests::world::{CITIZENS, Person, SECRET, World};
use xinyin_tests::{Backend, Browser, Logs, Visitor, network};

const ORGANISATION: &str = "示范清和食品有限公司";
const ORGANISATION_CODE: &str = "91640104MA0000015Y";
const CODE_VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// What ends tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ending {
    Revocation,
    SignOut,
    Password,
    Mandate,
    Lock,
}

const ENDINGS: [Ending; 5] = [Ending::Revocation, Ending::SignOut, Ending::Password, Ending::Mandate, Ending::Lock];

/// A client's POST at the first or second process of idp.
async fn post(world: &World, at: &str, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
    let host = world.idp_url.trim_start_matches("http://");
    let request = network::client().post(format!("{at}{path}")).header("Host", host);
    let response = request.basic_auth(CITIZENS.client_id, Some(SECRET)).form(form).send().await.expect("idp answers");
    let status = response.status().as_u16();
    (status, response.json().await.unwrap_or_default())
}

async fn is_dead(world: &World, tokens: &Value, what: &str) {
    let Some(access) = tokens["access_token"].as_str() else { return };
    let (status, body) = CITIZENS.userinfo(world, access).await;
    assert_eq!(status, 401, "{what}: an access token lives: {body}");
    if let Some(refresh) = tokens["refresh_token"].as_str() {
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
        let (status, body) = post(world, &world.idp_url, "/token", &form).await;
        assert_eq!((status, &body["error"]), (400, &json!("invalid_grant")), "{what}: {body}");
    }
}

async fn run(world: &World, sql: &'static str) {
    let mut tx = world.idp.db().begin().await.expect("begins");
    on!(&mut tx, c => sqlx::query(sql).execute(c).await.map(drop)).expect(sql);
    tx.commit().await.expect("commits");
}

/// KF-04: a revocation, a sign-out, a new password, the end of a mandate, a lock: whatever refresh or redemption runs at the same
/// moment, at the same or another process, no token of it is worth anything when both have answered.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_ended_is_not_overtaken() {
    Logs::capture();
    let rounds = if std::env::var("CI").as_deref() == Ok("true") { 50 } else { 15 };
    on_both(async |backend| {
        let world = World::start(backend).await;
        let second = world.second_idp().await;
        let mut person = Person::citizen();
        let passwords = [person.password, "words of another day"];
        let mut raced = 0;
        for round in 0..rounds {
            let ending = ENDINGS[round % ENDINGS.len()];
            let what = format!("{backend:?} {round} {ending:?}");
            let visitor = Visitor::new();
            let scope = if ending == Ending::SignOut { "openid profile" } else { "openid profile offline_access" };
            let (acting, more) = (Some(ORGANISATION), [("scope", scope)]);
            let first = CITIZENS.log_in(&world, &visitor, &person, acting, &more).await;
            let called = |url: &url::Url| CITIZENS.is_called(url);
            let page = world.go(&visitor, &CITIZENS.request(&world, &more), &person, acting, called).await;
            let code = page.parameter("code").unwrap_or_else(|| panic!("{what}: {} {}", page.url, page.body));
            let form = visitor.get(&format!("{}/account/password", world.idp_url)).await;

            let end = async {
                match ending {
                    Ending::Revocation => {
                        let at = if round % 2 == 0 { &world.idp_url } else { &second };
                        let (status, _) = post(&world, at, "/revoke", &[("token", first.refresh())]).await;
                        assert_eq!(status, 200, "{what}");
                    }
                    Ending::SignOut => {
                        let url = format!("{}/logout?id_token_hint={}", world.idp_url, first.id_token());
                        let page = visitor.look(&url).await;
                        assert_eq!(page.status, 200, "{what}: {}", page.body);
                    }
                    Ending::Password => {
                        let new = passwords[usize::from(person.password == passwords[0])];
                        let page = visitor.submit(&form.form("again"), &[("password", new), ("again", new)]).await;
                        assert!(page.redirect().is_some(), "{what}: {} {}", page.status, page.body);
                    }
                    Ending::Mandate => world.end_mandate(&person, ORGANISATION_CODE).await,
                    Ending::Lock => run(&world, "UPDATE persons SET state = 'locked'").await,
                }
            };
            let refresh = async {
                let Some(token) = first.answer["refresh_token"].as_str() else { return (0, Value::Null) };
                let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
                post(&world, &second, "/token", &form).await
            };
            let redeem = async {
                let form = [
                    ("grant_type", "authorization_code"),
                    ("code", code.as_str()),
                    ("redirect_uri", CITIZENS.callback),
                    ("code_verifier", CODE_VERIFIER),
                ];
                post(&world, &second, "/token", &form).await
            };
            let ((), refreshed, redeemed) = if round % 3 == 0 {
                tokio::join!(end, refresh, redeem)
            } else {
                let (refreshed, redeemed, ended) = tokio::join!(refresh, redeem, end);
                (ended, refreshed, redeemed)
            };
            raced += usize::from(refreshed.0 == 200) + usize::from(redeemed.0 == 200);
            is_dead(&world, &first.answer, &what).await;
            is_dead(&world, &refreshed.1, &what).await;
            if ending != Ending::Revocation {
                is_dead(&world, &redeemed.1, &what).await; // the code stands for another grant than the token
            }
            match ending {
                Ending::Password => person.password = passwords[usize::from(person.password == passwords[0])],
                Ending::Mandate => world.set_mandate(&person, ORGANISATION_CODE, None).await,
                Ending::Lock => run(&world, "UPDATE persons SET state = 'active' WHERE state = 'locked'").await,
                Ending::Revocation | Ending::SignOut => {}
            }
        }
        println!("{backend:?}: {raced} of {} got through before the end", 2 * rounds);
        world.check().await;
    })
    .await;
}

/// KF-01: Chromium, which holds a form's whole chain of redirects to `form-action`, arrives where a client that redirects on leads,
/// at another host or an app's scheme; with a fresh sign-in and with a session.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_redirects_on_is_reached() {
    Logs::capture();
    let world = World::start(Backend::Sqlite).await;
    let (end_listener, end) = network::listen().await;
    network::serve(end_listener, Router::new().route("/done", get(|| async { Html("<title>done</title><p>arrived") })));
    let (listener, address) = network::listen().await;
    let to_apps = Arc::new(AtomicUsize::new(0));
    let counted = to_apps.clone();
    let on = format!("http://127.0.0.1:{}/done", end.port());
    let app = get(move || async move {
        counted.fetch_add(1, Ordering::Relaxed);
        Redirect::to("com.example.app:/done")
    });
    network::serve(
        listener,
        Router::new().route("/cb", get(move || async move { Redirect::to(&on) })).route("/app", app),
    );
    for path in ["cb", "app"] {
        let callback = format!("http://localhost:{}/{path}", address.port());
        let auth = NewAuth::SecretBasic(SECRET.to_owned());
        let mut client = NewClient::portal(&format!("wanderer-{path}"), Names::same("转走的门户"), auth, &callback);
        client.trusted = true;
        idp::provision::client(&world.idp, client).await.expect("registers");
    }
    let request = |path: &str| {
        format!(
            "{}/authorize?response_type=code&client_id=wanderer-{path}&scope=openid&state=s&code_challenge_method=S256\
             &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&redirect_uri=http://localhost:{}/{path}",
            world.idp_url,
            address.port()
        )
    };
    let person = Person::neighbour();
    let arrived = format!("http://127.0.0.1:{}/done", end.port());
    let browser = Browser::start().await;
    for fresh in [true, false] {
        browser.open(&request("cb")).await;
        if fresh {
            sign_in(&browser, person.id_number, person.password).await;
        }
        go_on(&browser, "本人", &arrived, async |_: &str| ()).await;
        assert_eq!(browser.title().await, "done", "fresh: {fresh}");
    }
    let other = Browser::start().await;
    for fresh in [true, false] {
        other.open(&request("app")).await;
        if fresh {
            sign_in(&other, person.id_number, person.password).await;
        }
        for _ in 0..100 {
            if to_apps.load(Ordering::Relaxed) > usize::from(!fresh) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert_eq!(to_apps.load(Ordering::Relaxed), 1 + usize::from(!fresh), "the client was reached, fresh: {fresh}");
    }
    world.check().await;
}

/// KF-13: in a browser without WebAuthn, or with a part of it, there is no dead button and no error, the page says where a passkey
/// can be used, and the password works.
#[tokio::test(flavor = "multi_thread")]
async fn a_browser_without_passkeys_has_no_dead_button() {
    const WATCH: &str = "window.wrong = []; addEventListener('error', e => wrong.push(e.message)); \
        addEventListener('unhandledrejection', e => wrong.push(String(e.reason)));";
    Logs::capture();
    let world = World::start(Backend::Sqlite).await;
    let person = Person::neighbour();
    let browser = Browser::start().await;
    let wechat = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/116.0 Mobile MicroMessenger/8.0.47";
    for (what, source, agent, works) in [
        ("whole", "", "", true),
        ("no PublicKeyCredential", "delete window.PublicKeyCredential;", "", false),
        ("no credentials", "Object.defineProperty(navigator, 'credentials', {value: undefined});", "", false),
        ("no conditional mediation", "delete PublicKeyCredential.isConditionalMediationAvailable;", "", true),
        ("WeChat", "delete window.PublicKeyCredential;", wechat, false),
    ] {
        browser.forget_cookies().await;
        let source = format!("{WATCH} try {{ {source} }} catch (e) {{ wrong.push(String(e)); }}");
        let added = browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": source})).await;
        browser.devtools("Network.setUserAgentOverride", json!({"userAgent": agent})).await;
        browser.open(&format!("{}/account", world.idp_url)).await;
        browser.find("#password").await;
        let hidden = browser.execute("return document.getElementById('passkey').hidden", &json!([])).await;
        assert_eq!(hidden, json!(!works), "{what}");
        let hint = browser.find("#passkey-hint").await;
        let hint = browser.text_of(&hint).await;
        assert_eq!(hint.contains("自带的浏览器打开本页"), !works, "{what}: {hint}");
        let wrong = browser.execute("return window.wrong", &json!([])).await;
        assert_eq!(wrong, json!([]), "{what}");
        sign_in(&browser, person.id_number, person.password).await;
        browser.read("身份等级").await;
        let wrong = browser.execute("return window.wrong", &json!([])).await;
        assert_eq!(wrong, json!([]), "{what}: on the account page");
        let id = json!({"identifier": added["identifier"]});
        browser.devtools("Page.removeScriptToEvaluateOnNewDocument", id).await;
    }
    world.check().await;
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the tree").to_owned()
}

/// The table of known faults names each of the 38 rows once; every test that it names is there and says whose row it is.
#[test]
fn the_table_of_known_faults_names_tests_that_there_are() {
    let page = std::fs::read_to_string(root().join("docs/security.md")).expect("docs/security.md");
    let (mut rows, mut wrong) = (0, Vec::new());
    for line in page.lines().filter(|line| line.starts_with("| KF-")) {
        rows += 1;
        let cells: Vec<&str> = line.split(" | ").map(|cell| cell.trim_matches(['|', ' '])).collect();
        let [id, _, _, tests] = cells[..] else { panic!("four columns: {line}") };
        assert_eq!(id, format!("KF-{rows:02}"), "in order, none left out");
        if tests == "not built yet" {
            continue;
        }
        let mut names = 0;
        for named in tests.split("; ") {
            let words: Vec<&str> = named.split('`').skip(1).step_by(2).collect();
            let Some((file, functions)) = words.split_first() else { panic!("{id}: {named}") };
            let Ok(text) = std::fs::read_to_string(root().join(file)) else {
                wrong.push(format!("{id}: there is no {file}"));
                continue;
            };
            for function in functions {
                names += 1;
                if !text.contains(&format!("fn {function}(")) {
                    wrong.push(format!("{id}: {file} has no {function}"));
                }
            }
            if !text.contains(id) {
                wrong.push(format!("{id}: {file} does not name it"));
            }
        }
        assert!(names > 0, "{id} names no test");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(rows, 38);
}
