//! Sessions at the services end with the session at idp, the mandate, the sign-out; and what the desk answers to whom.

use verifier_desk::http::router::{Access, ROUTES};
use xinyin_tests::backend::on_both;
use xinyin_tests::world::{CITIZENS, Person, World};
use xinyin_tests::{Logs, Visitor, network};

const MARKET: &str = "示例县市场监督管理局";
const MARKET_CODE: &str = "11640104MB0000019M";

/// Whether a page lets somebody in rather than sending him to sign in.
async fn is_in(visitor: &Visitor, url: &str) -> bool {
    let page = visitor.look(url).await;
    assert!(page.status == 200 || page.redirect().is_some(), "{url}: {} {}", page.status, page.body);
    page.status == 200
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_mandate_ends_the_clerks_sessions_within_five_minutes() {
    Logs::capture();
    on_both(async |backend| {
        let world = World::start(backend).await;
        let clerk = Visitor::new();
        world.at_signer(&clerk, &Person::market_clerk(), Some(MARKET)).await;
        world.at_desk(&clerk, &Person::market_clerk(), Some(MARKET)).await;
        let places = [format!("{}/department", world.signer_url), format!("{}/today", world.desk_url)];
        for place in &places {
            assert!(is_in(&clerk, place).await, "{place}");
        }
        world.clock.advance(290);
        for place in &places {
            assert!(is_in(&clerk, place).await, "{place}: idp still vouches");
        }
        world.end_mandate(&Person::market_clerk(), MARKET_CODE).await;
        world.clock.advance(300);
        for place in &places {
            assert!(!is_in(&clerk, place).await, "{place} goes on without a mandate");
        }
        world.check().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_signs_out_at_one_place_is_out_everywhere_within_five_minutes() {
    Logs::capture();
    on_both(async |backend| {
        let world = World::start(backend).await;
        let clerk = Visitor::new();
        world.at_signer(&clerk, &Person::market_clerk(), Some(MARKET)).await;
        let page = world.at_desk(&clerk, &Person::market_clerk(), Some(MARKET)).await;
        let (issue, today) = (format!("{}/department", world.signer_url), format!("{}/today", world.desk_url));
        let out = clerk.submit_and_follow(&page.form("/sign-out"), &[]).await;
        assert!(out.url.as_str().starts_with(&world.desk_url), "back at the desk: {} {}", out.url, out.body);
        assert!(!is_in(&clerk, &today).await, "at once where the button was");
        let silent = CITIZENS.request(&world, &[("prompt", "none")]);
        let page = clerk.get_until(&silent, |url| CITIZENS.is_called(url)).await;
        assert_eq!(page.parameter("error").as_deref(), Some("login_required"), "at once at idp");
        world.clock.advance(300);
        assert!(!is_in(&clerk, &issue).await, "within five minutes at the other service");
        world.check().await;
    })
    .await;
}

/// A citizen, and a clerk without the matter `verify`, get no session at the desk.
#[tokio::test(flavor = "multi_thread")]
async fn only_a_departments_clerk_gets_a_session_at_the_desk() {
    Logs::capture();
    let world = World::start(xinyin_tests::Backend::Sqlite).await;
    for (person, acting) in
        [(Person::neighbour(), None), (Person::citizen(), None), (Person::citizen(), Some("示范清和食品有限公司"))]
    {
        let visitor = Visitor::new();
        world.at_desk(&visitor, &person, acting).await;
        assert!(!is_in(&visitor, &format!("{}/today", world.desk_url)).await, "{person:?} as {acting:?}");
    }
    world.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_of_the_desk_answers_to_whom_it_does_not_serve() {
    Logs::capture();
    let world = World::start(xinyin_tests::Backend::Sqlite).await;
    let client = network::client();
    let mut guarded = 0;
    for route in ROUTES.iter().filter(|route| route.access == Access::Clerk) {
        for cookie in ["", "xy_desk=nobody", "xy_desk=; xy_desk=a; xy_desk=b; xy_desk=c; xy_desk=d; xy_desk=e"] {
            guarded += 1;
            let url = format!("{}{}", world.desk_url, route.path);
            let mut request = client.request(route.method.parse().expect("a method"), url).header("Cookie", cookie);
            if route.method == "POST" {
                request = request.header("Origin", &world.desk_url).form(&[("form_token", "x"), ("matter", "x")]);
            }
            let answer = request.send().await.expect("answers");
            let location = answer.headers().get("location").and_then(|value| value.to_str().ok()).unwrap_or_default();
            assert!(location.starts_with("/login"), "{route:?} {cookie}: {} {location}", answer.status());
        }
    }
    assert!(guarded >= 12, "only {guarded} questions");

    // A bearer token is good or refused: never passed over.
    let own = world.system_for("market-system", "verify", &world.desk_url).await;
    let foreign = world.system("market-system", "licence.read").await;
    let mut turned = own.clone();
    turned.replace_range(turned.len() - 3.., if turned.ends_with("AAA") { "BBB" } else { "AAA" });
    for (what, token, expected) in [
        ("own", &own, 200),
        ("for another service", &foreign, 401),
        ("altered", &turned, 401),
        ("no token", &"x".into(), 401),
    ] {
        let request = client.post(format!("{}/v1/verifications", world.desk_url)).bearer_auth(token);
        let status =
            request.header("Content-Type", "text/plain").body("nothing").send().await.expect("answers").status();
        assert_eq!(status, expected, "{what}");
    }
    world.check().await;
}
