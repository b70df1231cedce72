//! Each route without a credential, with a foreign one, with an ended one.

use http::Method;
use licence_signer::http::{Guard, ROUTES};
use serde_json::json;

use crate::world::{BUREAU, World};

#[tokio::test(flavor = "multi_thread")]
async fn every_route_asks_for_what_its_row_says() {
    let world = World::start().await;
    let now = world.signer.sources().now().seconds();
    let all = json!("licence.issue licence.end licence.read licence.lookup presentation.resolve");
    let client = |change: serde_json::Value| {
        let mut claims = json!({"sub": "c", "sub_type": "client", "organisation": {"code": BUREAU}, "scope": all});
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        world.token(&claims)
    };
    let foreign = client(json!({"aud": "http://localhost:8082"}));
    let ended = client(json!({"iat": now - 400, "exp": now - 100}));
    let without = client(json!({"scope": "openid"}));
    let stranger = client(json!({"organisation": {"code": "11110000000021135M"}}));
    let mut count = 0;
    for route in ROUTES.iter().filter(|route| !matches!(route.guard, Guard::Public | Guard::Session)) {
        count += 1;
        let path = route.path.replace("{id}", "0").replace("{event}", "revocation").replace("{rendition}", "sdjwt");
        let method: Method = route.method.to_uppercase().parse().unwrap();
        let body = (method == Method::POST).then(|| json!({}));
        for (token, expected) in [(None, 401), (Some(&foreign), 401), (Some(&ended), 401)] {
            let answer = world.call(method.clone(), &path, token.map(String::as_str), body.as_ref(), &[]).await;
            assert_eq!(answer.status.as_u16(), expected, "{route:?} {}", answer.text());
            assert!(answer.headers.contains_key("www-authenticate"), "{route:?}");
            assert_eq!(answer.headers["content-type"], "application/problem+json");
        }
        if matches!(route.guard, Guard::Scope(_)) {
            for token in [&without, &stranger] {
                let answer = world.call(method.clone(), &path, Some(token), body.as_ref(), &[]).await;
                assert_eq!(answer.status.as_u16(), 403, "{route:?} {}", answer.text());
            }
        }
    }
    println!("{count} guarded routes");
    assert!(count >= 9);
    assert_eq!(world.get("/openapi.json", None, None).await.json()["openapi"], "3.1.0");
    assert_eq!(world.get("/status/unavailable", None, None).await.status, 503);
    assert_eq!(world.get("/status/nothere", None, None).await.status, 404);
    assert_eq!(world.get("/v1/trust-bundle", None, None).await.status, 200);
}
