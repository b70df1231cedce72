//! licence-signer by itself, on both databases.

use std::time::Duration;

use licence_signer::http::{Guard, ROUTES};
use serde_json::{Value, json};
use xinyin_tests::backend::on_both;
use xinyin_tests::signer::{MATTER, SignerWorld};
use xinyin_tests::{Logs, hostile, network, numbers};

/// The whole of a licence's life, and the right to read that follows from the matter.
#[tokio::test(flavor = "multi_thread")]
async fn a_licence_is_issued_looked_up_and_revoked() {
    Logs::capture();
    on_both(async |backend| {
        let world = SignerWorld::start(backend).await;
        let issue = world.bearer(&world.market, "licence.issue");
        let (status, issued) = world.post("/v1/licences", &issue, "k1", &world.draft("JY-1")).await;
        assert_eq!(status, 201, "{issued}");
        let (again, same) = world.post("/v1/licences", &issue, "k1", &world.draft("JY-1")).await;
        assert_eq!((again, &same["id"]), (201, &issued["id"]), "the same key gives the same licence");
        let (other, refusal) = world.post("/v1/licences", &issue, "k1", &world.draft("JY-2")).await;
        assert_eq!(other, 422, "the same key with another body: {refusal}");

        let id = issued["id"].as_str().expect("an id");
        let read = world.bearer(&world.market, "licence.read");
        let (status, licence) = world.get(&format!("/v1/licences/{id}"), &read).await;
        assert_eq!(status, 200, "{licence}");

        let lookup = json!({"holder": {"code_type": "111", "code": numbers::id_number(1)}, "type": world.type_code,
            "matter": MATTER, "case": "C-1", "purpose": "核对经营项目"});
        let by_office = world.bearer(&world.window, "licence.lookup");
        let (status, found) = world.post("/v1/lookups", &by_office, "", &lookup).await;
        assert_eq!(status, 200, "{found}");
        assert_eq!(found["licences"].as_array().map(Vec::len), Some(1), "{found}");
        assert!(!found.to_string().contains("示例镇"), "an item that the matter does not need: {found}");
        let (status, _) = world.post("/v1/lookups", &world.bearer(&world.market, "licence.lookup"), "", &lookup).await;
        assert_eq!(status, 403, "the matter is another department's");

        let event = json!({"legal_ground": "食品安全法第一百二十四条", "reason": "已查实"});
        let end = world.bearer(&world.market, "licence.end");
        let (status, ended) = world.post(&format!("/v1/licences/{id}/revocation"), &end, "k2", &event).await;
        assert_eq!(status, 200, "{ended}");
        let (status, _) = world.post(&format!("/v1/licences/{id}/resumption"), &end, "k3", &event).await;
        assert!((400..500).contains(&status), "what was revoked does not come back: {status}");
        chained(&world, 4).await;
        world.check().await;
    })
    .await;
}

/// Waits until the sequencer has chained at least `rows`.
async fn chained(world: &SignerWorld, rows: i64) {
    for _ in 0..60 {
        let found = store::audit::verify(world.signer.db(), None).await.expect("walks");
        if found.checked >= rows && found.open_rows == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the audit record was not chained within six seconds");
}

/// Each route without a credential, with a foreign one, an expired one, one for another audience, one without the scope.
#[tokio::test(flavor = "multi_thread")]
async fn no_route_answers_to_whom_it_does_not_serve() {
    Logs::capture();
    let world = SignerWorld::start(xinyin_tests::Backend::Sqlite).await;
    let issuer = &world.issuer;
    let all = "licence.issue licence.end licence.read licence.lookup presentation.resolve";
    let good = issuer.department(&world.url, &world.market, all);
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        issuer.token(&claims)
    };
    let now = good["iat"].as_i64().expect("seconds");
    let foreign = [
        ("no token", None),
        ("a stranger's", Some(issuer.forged(&good))),
        ("expired", Some(with("exp", json!(now - 61)))),
        ("for another service", Some(with("aud", json!("http://localhost:1")))),
        ("of another issuer", Some(with("iss", json!("http://localhost:1")))),
        ("too long a life", Some(with("exp", json!(now + 86_400)))),
        ("not yet", Some(with("iat", json!(now + 3_600)))),
    ];
    let client = network::client();
    let mut guarded = 0;
    for route in ROUTES.iter().filter(|route| route.guard != Guard::Public) {
        guarded += 1;
        let path = route.path.replace("{id}", "0123456789abcdef0123456789abcdef").replace("{event}", "revocation");
        let url = format!("{}{}", world.url, path.replace("{rendition}", "sdjwt"));
        for (name, token) in &foreign {
            let method = route.method.to_uppercase().parse().expect("a method");
            let mut request = client.request(method, &url).json(&json!({}));
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            let answer = request.send().await.expect("answers");
            assert_eq!(answer.status(), 401, "{route:?} {name}");
            assert!(answer.headers().contains_key("www-authenticate"), "{route:?} {name}");
        }
        let none = with("scope", json!(""));
        let method = route.method.to_uppercase().parse().expect("a method");
        let answer = client.request(method, &url).bearer_auth(none).json(&json!({})).send().await.expect("answers");
        assert!([401, 403].contains(&answer.status().as_u16()), "{route:?} without a scope: {}", answer.status());
    }
    assert!(guarded >= 8, "only {guarded} routes ask for a credential");
    let (status, page) = world.get("/v1/licences", &format!("Bearer {}", issuer.token(&good))).await;
    assert_eq!(status, 200, "the original passes: {page}");
    world.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_refused_at_every_route() {
    Logs::capture();
    on_both(async |backend| {
        let world = SignerWorld::start(backend).await;
        let all = "licence.issue licence.end licence.read licence.lookup presentation.resolve";
        let bearer = world.bearer(&world.market, all);
        for route in ROUTES {
            hostile::torment(&world.url, route.method, route.path, None).await;
            hostile::torment(&world.url, route.method, route.path, Some(&bearer)).await;
        }
        world.check().await;
    })
    .await;
}
