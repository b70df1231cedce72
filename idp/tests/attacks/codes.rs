//! Codes and refresh tokens in the wrong hands (RFC 9700 §4.5, §4.8, §4.14).

use http::StatusCode;
use idp::assurance::Acr;

use crate::NUMBER;
use crate::world::{CALLBACK, CHALLENGE, Reply, SECRET, VERIFIER, Visitor, World, basic, claims};

/// Another verifier of the right form.
const FOREIGN: &str = "M25iVXpKU3puUjFaYWg3T1NDTDQtcW1ROUY5YXlwalNoc0hhakxifmZHag";

#[tokio::test]
async fn a_code_injected_into_another_session_is_worth_nothing() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    let redeem = async |verifier: &str, code: &str| {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", verifier),
        ];
        world.post("/token", &basic("portal", SECRET), &fields).await
    };
    // the thief's browser at the portal has a verifier of its own
    let stolen = world.code(&mut Visitor::default(), &alice, &[("nonce", "alices")]).await;
    assert_eq!(redeem(FOREIGN, &stolen).await.error(), "invalid_grant");
    assert_eq!(redeem(VERIFIER, &stolen).await.error(), "invalid_grant", "one guess, and it is spent");
    let original = world.code(&mut Visitor::default(), &alice, &[("nonce", "alices")]).await;
    let good = redeem(VERIFIER, &original).await;
    assert_eq!(good.status, StatusCode::OK, "{}", good.text);
    assert_eq!(claims(good.json()["id_token"].as_str().unwrap())["nonce"], "alices", "the nonce of its own request");
    // another client's hands leave it untouched
    let stolen = world.code(&mut Visitor::default(), &alice, &[]).await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", stolen.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    assert_eq!(world.post("/token", &basic("desk", SECRET), &fields).await.error(), "invalid_grant");
    let as_public = [&fields[..], &[("client_id", "public")]].concat();
    assert_eq!(world.post("/token", "", &as_public).await.error(), "invalid_grant");
    assert_eq!(redeem(VERIFIER, &stolen).await.status, StatusCode::OK);
}

#[tokio::test]
async fn pkce_is_not_talked_away() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    let mut browser = Visitor::default();
    let s256 = [("code_challenge", CHALLENGE), ("code_challenge_method", "S256")];
    let bare = [("code_challenge", ""), ("code_challenge_method", "")];
    // at the authorization endpoint; only `other` may leave it out at all
    for (client, uri, change, expected) in [
        ("portal", CALLBACK, s256, "/sign-in"),
        ("portal", CALLBACK, bare, "invalid_request"),
        ("portal", CALLBACK, [("code_challenge", CHALLENGE), ("code_challenge_method", "")], "invalid_request"),
        ("portal", CALLBACK, [("code_challenge", CHALLENGE), ("code_challenge_method", "plain")], "invalid_request"),
        ("portal", CALLBACK, [("code_challenge", CHALLENGE), ("code_challenge_method", "s256")], "invalid_request"),
        ("portal", CALLBACK, [("code_challenge", ""), ("code_challenge_method", "S256")], "invalid_request"),
        ("portal", CALLBACK, [("code_challenge", "short"), ("code_challenge_method", "S256")], "invalid_request"),
        ("public", "http://127.0.0.1/cb", s256, "/sign-in"),
        ("public", "http://127.0.0.1/cb", bare, "invalid_request"),
        ("other", "https://rp.example/cb", bare, "/sign-in"),
        (
            "other",
            "https://rp.example/cb",
            [("code_challenge", VERIFIER), ("code_challenge_method", "plain")],
            "invalid_request",
        ),
        (
            "other",
            "https://rp.example/cb",
            [("code_challenge", CHALLENGE), ("code_challenge_method", "")],
            "invalid_request",
        ),
    ] {
        let reply = world.get(&mut browser, &world.authorize(client, &change)).await;
        let got = if reply.location().starts_with("/sign-in/") {
            "/sign-in".to_owned()
        } else {
            reply.answer(uri)["error"].clone()
        };
        assert_eq!(got, expected, "{client} {change:?}");
    }
    // at the token endpoint of the client that may leave it out
    for (change, verifier, expected) in [
        (s256, VERIFIER, "ok"),
        (s256, "", "invalid_grant"),
        (s256, FOREIGN, "invalid_grant"),
        (s256, CHALLENGE, "invalid_grant"), // what `plain` would take
        (bare, "", "ok"),
        (bare, VERIFIER, "invalid_grant"), // the challenge was stripped on the way
    ] {
        let mut browser = Visitor::default();
        let path = world.get(&mut browser, &world.authorize("other", &change)).await.location().to_owned();
        let mut reply = world.sign_in(&mut browser, &path, &alice, Acr::Two).await;
        if reply.location().starts_with("/consent/") {
            let path = reply.location().to_owned();
            reply = world.fill(&mut browser, &path, &[]).await;
        }
        let code = reply.answer("https://rp.example/cb")["code"].clone();
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", "https://rp.example/cb"),
            ("client_id", "other"),
            ("client_secret", SECRET),
        ];
        if !verifier.is_empty() {
            fields.push(("code_verifier", verifier));
        }
        let reply = world.post("/token", "", &fields).await;
        let got = if reply.status == StatusCode::OK { "ok".to_owned() } else { reply.error() };
        assert_eq!(got, expected, "{change:?} {verifier}");
    }
}

/// Whether anything of the answers still counts: access tokens at userinfo and introspection, refresh tokens at the end.
async fn is_dead(world: &World, answers: &[&Reply]) -> bool {
    for answer in answers {
        let body = answer.json();
        let access = body["access_token"].as_str().unwrap();
        let live = world.userinfo(access).await.status == StatusCode::OK;
        let about = world.post("/introspect", &basic("portal", SECRET), &[("token", access)]).await.json();
        assert_eq!(about["active"], live);
        if live {
            return false;
        }
    }
    for answer in answers {
        if let Some(refresh) = answer.json()["refresh_token"].as_str() {
            assert_eq!(world.refresh(refresh).await.error(), "invalid_grant");
        }
    }
    true
}

#[tokio::test]
async fn after_a_reuse_the_whole_family_is_dead_and_no_other() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    let offline = [("scope", "openid profile offline_access")];
    let refresh_of = |reply: &Reply| reply.json()["refresh_token"].as_str().unwrap().to_owned();
    for reused in ["code", "first refresh token", "second refresh token"] {
        let mut browser = Visitor::default();
        let bystander = world.redeem(&world.code(&mut browser, &alice, &offline).await).await;
        let code = world.code(&mut Visitor::default(), &alice, &offline).await;
        let first = world.redeem(&code).await;
        let second = world.refresh(&refresh_of(&first)).await;
        let third = world.refresh(&refresh_of(&second)).await;
        for reply in [&first, &second, &third] {
            let access = reply.json()["access_token"].as_str().unwrap().to_owned();
            assert_eq!(world.userinfo(&access).await.status, StatusCode::OK, "{reused}: lives before");
        }
        let replayed = match reused {
            "code" => world.redeem(&code).await,
            "first refresh token" => world.refresh(&refresh_of(&first)).await,
            _ => world.refresh(&refresh_of(&second)).await,
        };
        assert_eq!(
            (replayed.status, replayed.error().as_str()),
            (StatusCode::BAD_REQUEST, "invalid_grant"),
            "{reused}"
        );
        assert!(is_dead(&world, &[&first, &second, &third]).await, "{reused}");
        assert!(!is_dead(&world, &[&bystander]).await, "{reused}: another family of the same person and client lives");
    }
    let rows =
        world.count("SELECT count(*) FROM audit WHERE action IN ('token.code_replayed', 'token.refresh_reused')");
    assert!(rows.await >= 3, "each stands in the record");
}

#[tokio::test]
async fn a_refresh_token_is_its_clients_alone() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    let body =
        world.redeem(&world.code(&mut Visitor::default(), &alice, &[("scope", "openid offline_access")]).await).await;
    let token = body.json()["refresh_token"].as_str().unwrap().to_owned();
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
    let access = body.json()["access_token"].as_str().unwrap().to_owned();
    for (authorization, more, expected) in [
        (basic("desk", SECRET), vec![], "invalid_grant"),
        (String::new(), vec![("client_id", "public")], "invalid_grant"),
        (String::new(), vec![("client_id", "portal")], "invalid_client"),
        (basic("portal", SECRET), vec![("client_id", "desk")], "invalid_client"),
        (basic("desk", SECRET), vec![("client_id", "portal")], "invalid_client"),
        (basic("portal", SECRET), vec![("scope", "openid id_number")], "invalid_scope"),
        (basic("portal", SECRET), vec![("resource", "https://else.example")], "invalid_target"),
    ] {
        let fields = [&fields[..], &more].concat();
        assert_eq!(world.post("/token", &authorization, &fields).await.error(), expected, "{more:?}");
    }
    // another's wish to revoke it, or to refresh with an access token, changes nothing
    assert_eq!(world.post("/revoke", &basic("desk", SECRET), &[("token", &token)]).await.status, StatusCode::OK);
    assert_eq!(world.refresh(&access).await.error(), "invalid_grant");
    assert_eq!(world.refresh(&token).await.status, StatusCode::OK, "the original");
}
