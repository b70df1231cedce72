//! idp by itself, on both databases.

use std::time::{Duration, Instant};

use idp::http::router::{Credential, ROUTES};
use xinyin_tests::backend::on_both;
use xinyin_tests::foreign::ForeignClient;
use xinyin_tests::idp::{CALLBACK, IdpWorld, PORTAL, RESOURCE, SECRET, SYSTEM};
use xinyin_tests::postgres::Postgres;
use xinyin_tests::{Backend, Logs, Visitor, hostile, network};

const CLIENT_CREDENTIALS: (&str, &str) = ("grant_type", "client_credentials");

#[tokio::test(flavor = "multi_thread")]
async fn a_departments_system_gets_what_it_is_registered_for_and_no_more() {
    Logs::capture();
    on_both(async |backend| {
        let world = IdpWorld::start(backend).await;
        let asked = [CLIENT_CREDENTIALS, ("resource", RESOURCE), ("scope", "licence.read")];
        let (status, given) = world.token(SYSTEM, SECRET, &asked).await;
        assert_eq!((status, given["token_type"].as_str()), (200, Some("Bearer")), "{given}");
        for (client, secret, form, expected) in [
            (SYSTEM, "wrong", asked.to_vec(), "invalid_client"),
            ("nobody", SECRET, asked.to_vec(), "invalid_client"),
            (PORTAL, SECRET, asked.to_vec(), "unauthorized_client"),
            (SYSTEM, SECRET, vec![CLIENT_CREDENTIALS, ("resource", "http://localhost:3")], "invalid_target"),
            (
                SYSTEM,
                SECRET,
                vec![CLIENT_CREDENTIALS, ("resource", RESOURCE), ("scope", "licence.issue")],
                "invalid_scope",
            ),
            (SYSTEM, SECRET, vec![("grant_type", "password")], "unsupported_grant_type"),
            (SYSTEM, SECRET, vec![], "invalid_request"),
            (PORTAL, SECRET, vec![("grant_type", "authorization_code"), ("code", "x")], "invalid_grant"),
        ] {
            let (status, refused) = world.token(client, secret, &form).await;
            assert_eq!(refused["error"], expected, "{client} {form:?}: {status} {refused}");
            assert!((400..=401).contains(&status), "{client} {form:?}: {status}");
        }
        world.check().await;
    })
    .await;
}

/// By discovery and a client alone a relying party of another make comes to our sign-in page.
#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_client_discovers_and_arrives_at_the_sign_in_page() {
    let world = IdpWorld::start(Backend::Sqlite).await;
    let scope = "openid profile offline_access";
    let client = ForeignClient::begin(&world.url, PORTAL, SECRET, CALLBACK, scope).await;
    assert!(client.authorization_url.starts_with(&format!("{}/authorize?", world.url)));
    let page = Visitor::new().get_until(&client.authorization_url, |next| next.port() == Some(1)).await;
    assert!(page.url.as_str().starts_with(&world.url), "the browser stays at idp: {}", page.url);
}

/// An unknown client or redirect URI gives a page, never a redirect.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_sent_to_an_address_that_is_not_registered() {
    let world = IdpWorld::start(Backend::Sqlite).await;
    let visitor = Visitor::new();
    let challenge = "code_challenge_method=S256&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let request = |client: &str, uri: &str| {
        let base = &world.url;
        format!(
            "{base}/authorize?response_type=code&scope=openid&state=s&client_id={client}&redirect_uri={uri}&{challenge}"
        )
    };
    let good = visitor.look(&request(PORTAL, CALLBACK)).await;
    assert!(good.status.is_redirection() || good.status.is_success(), "the original passes: {}", good.status);
    for (client, uri) in [
        ("nobody", CALLBACK),
        (PORTAL, "http://localhost:1/callback/"),
        (PORTAL, "http://localhost:1/callback%3Fx=1"),
        (PORTAL, "http://localhost:1/CALLBACK"),
        (PORTAL, "http://localhost:1@evil.example/callback"),
        (PORTAL, "http://127.0.0.1:1/callback"),
        (PORTAL, "https://evil.example/callback"),
        (PORTAL, "javascript:alert(1)"),
        (PORTAL, ""),
    ] {
        let page = visitor.look(&request(client, uri)).await;
        assert!(page.status.is_client_error() && page.redirect().is_none(), "{client} {uri}: {}", page.status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_answers_to_whom_it_does_not_serve() {
    let world = IdpWorld::start(Backend::Sqlite).await;
    let client = network::client();
    let mut guarded = 0;
    for route in ROUTES.iter().filter(|route| route.credential != Credential::Nothing) {
        guarded += 1;
        let url = format!("{}{}", world.url, route.path.replace("{id}", "0123456789abcdef0123456789abcdef"));
        for token in [None, Some("a.b.c"), Some("eyJhbGciOiJub25lIn0.e30.")] {
            let mut request = client.request(route.method.parse().expect("a method"), &url);
            if route.method == "POST" {
                request = request.form(&[("token", "x"), ("grant_type", "client_credentials")]);
            }
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            let answer = request.send().await.expect("answers");
            let status = answer.status();
            let to_sign_in = status.is_redirection() && matches!(route.credential, Credential::Session);
            assert!(status.is_client_error() || to_sign_in, "{route:?} with {token:?}: {status}");
        }
    }
    assert!(guarded >= 6, "only {guarded} routes ask for a credential");
}

/// A database that answers nothing: a clear 503 within the limits, and recovery by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_database_is_a_503_and_no_restart_is_needed() {
    let server = Postgres::start().await;
    let world = IdpWorld::start_on(server.fresh("idp").await.into()).await;
    let asked = [CLIENT_CREDENTIALS, ("resource", RESOURCE), ("scope", "licence.read")];
    let ready = || async { network::client().get(format!("{}/readyz", world.url)).send().await.map(|r| r.status()) };
    assert_eq!(world.token(SYSTEM, SECRET, &asked).await.0, 200);
    assert_eq!(ready().await.expect("answers"), 200);
    server.freeze();
    let begun = Instant::now();
    assert_eq!(ready().await.expect("answers"), 503);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let (status, refused) = world.token(SYSTEM, SECRET, &asked).await;
    assert_eq!(status, 503, "{refused}");
    assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
    server.thaw();
    assert_eq!(world.token(SYSTEM, SECRET, &asked).await.0, 200);
    assert_eq!(ready().await.expect("answers"), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_refused_at_every_route() {
    Logs::capture();
    on_both(async |backend| {
        let world = IdpWorld::start(backend).await;
        for route in ROUTES {
            hostile::torment(&world.url, route.method, route.path, None).await;
        }
        world.check().await;
    })
    .await;
}
