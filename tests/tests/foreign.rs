//! A relying party that others wrote logs in, from discovery to the renewed token.

use xinyin_tests::foreign::ForeignClient;
use xinyin_tests::world::{CITIZENS, Person, SECRET, World};
use xinyin_tests::{Backend, Logs, Visitor};

#[tokio::test(flavor = "multi_thread")]
async fn openid_client_logs_in_by_discovery_and_a_client_alone() {
    Logs::capture();
    // The client looks at its own clock, so the world's stands where that is.
    let world = World::start_now(Backend::Sqlite).await;
    for (acting, scope) in [
        (None, "openid profile offline_access"),
        (Some("示范清和食品有限公司"), "openid profile organisation offline_access"),
    ] {
        let client = ForeignClient::begin(&world.idp_url, CITIZENS.client_id, SECRET, CITIZENS.callback, scope).await;
        let stop = |url: &url::Url| CITIZENS.is_called(url);
        let page = world.go(&Visitor::new(), &client.authorization_url, &Person::citizen(), acting, stop).await;
        let callback = page.redirect().unwrap_or_else(|| panic!("{} {}\n{}", page.url, page.status, page.body));
        let got = client.finish(callback.as_str()).await;
        let (claims, userinfo) = (&got["claims"], &got["userinfo"]);
        assert_eq!((&claims["sub"], &claims["acr"]), (&userinfo["sub"], &"urn:xinyin:acr:2".into()), "{got}");
        assert_eq!(userinfo["name"], Person::citizen().name);
        let organisation = claims["organisation"]["name"].as_str();
        assert_eq!(organisation, acting, "{got}");
        assert_eq!((&got["refreshed"], &got["expires_in"]), (&true.into(), &300.into()), "{got}");
    }
    world.check().await;
}
