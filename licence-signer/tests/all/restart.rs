//! A restart between any two steps: what was recorded is finished, once.

use http::Method;
use licence_signer::Stop;

use crate::world::{BUREAU, World, request};

#[tokio::test(flavor = "multi_thread")]
async fn whatever_step_it_ended_at_the_licence_is_finished_once() {
    for step in [Stop::Recorded, Stop::Logged, Stop::Sealed, Stop::Checked] {
        let world = World::start_with(|settings| settings.danger_stop_after = Some(step)).await;
        let key = [("idempotency-key", "k-1")];
        let token = world.client(BUREAU);
        let first = world.call(Method::POST, "/v1/licences", Some(&token), Some(&request()), &key).await;
        assert_eq!(first.status, 202, "{step:?}: {}", first.text());
        assert!(first.headers.contains_key("retry-after"));
        let path = first.headers["location"].to_str().unwrap().to_owned();
        let early = world.get(&path, Some(&token), Some("application/dc+sd-jwt")).await;
        assert_eq!((early.status.as_u16(), early.code()), (409, "licence.not_released".to_owned()), "{step:?}");
        let world = world.restart().await;
        let again = world.call(Method::POST, "/v1/licences", Some(&token), Some(&request()), &key).await;
        assert_eq!(again.status, 201, "{step:?}: {}", again.text());
        assert_eq!(again.json()["id"], first.json()["id"]);
        let credential = world.get(&path, Some(&token), Some("application/dc+sd-jwt")).await;
        assert_eq!(credential.status, 200, "{step:?}: {}", credential.text());
        let checkpoint = world.get("/log/checkpoint", None, None).await.text();
        assert_eq!(checkpoint.lines().nth(1), Some("1"), "one leaf, whatever happened: {step:?}");
    }
}
