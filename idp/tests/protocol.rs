//! The protocol, over the real router.

#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod attacks;
mod world;

use http::{Request, StatusCode, header};
use idp::assurance::Acr;
use idp::client::Names;
use idp::provision::{NewAuth, NewClient};
use keys::signer::Signer as _;
use keys::software::SoftwareKey;
use serde_json::json;
use verifier::algorithm::Algorithm;
use world::{CALLBACK, DESK, ISSUER, SECRET, SIGNER, VERIFIER, Visitor, World, basic, claims, header_of};

const NUMBER: &str = "110101199001010010";

#[tokio::test]
async fn a_code_becomes_tokens_once() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    let mut browser = Visitor::default();
    let code = world.code(&mut browser, &alice, &[("nonce", "n-0"), ("scope", "openid profile id_number phone")]).await;

    let reply = world.redeem(&code).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
    assert_eq!(reply.headers[header::CACHE_CONTROL], "no-store");
    let body = reply.json();
    let (id, access) = (claims(body["id_token"].as_str().unwrap()), body["access_token"].as_str().unwrap());
    assert_eq!((&id["iss"], &id["aud"], &id["nonce"]), (&json!(ISSUER), &json!("portal"), &json!("n-0")));
    assert_eq!(
        (&id["acr"], &id["amr"], &id["sub_type"]),
        (&json!("urn:xinyin:acr:2"), &json!(["pwd"]), &json!("person"))
    );
    assert_eq!(id.get("name"), None);
    assert_eq!(header_of(access)["typ"], "at+jwt");
    let at = claims(access);
    assert_eq!((&at["sub"], &at["aud"], &at["sid"]), (&id["sub"], &json!(ISSUER), &id["sid"]));
    assert!(at["exp"].as_i64().unwrap() - at["iat"].as_i64().unwrap() <= 300);

    let info = world.userinfo(access).await.json();
    assert_eq!((&info["sub"], &info["name"], &info["id_number"]), (&id["sub"], &json!("张三"), &json!(NUMBER)));
    assert_eq!(
        (&info["id_number_masked"], &info["phone_number_verified"]),
        (&json!("**************0010"), &json!(true))
    );

    // the second use: refused, and the first use's token is dead
    assert_eq!(world.redeem(&code).await.error(), "invalid_grant");
    assert_eq!(world.userinfo(access).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_code_is_bound_to_client_redirect_uri_verifier_and_time() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    let good = basic("portal", SECRET);
    for (what, authorization, change, late, expected) in [
        ("nothing", good.as_str(), ("", ""), 59, "ok"),
        ("late", &good, ("", ""), 60, "invalid_grant"),
        ("verifier", &good, ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl"), 0, "invalid_grant"),
        ("no verifier", &good, ("code_verifier", ""), 0, "invalid_grant"),
        ("redirect", &good, ("redirect_uri", "http://localhost:8083/callback"), 0, "invalid_grant"),
        ("no redirect", &good, ("redirect_uri", ""), 0, "invalid_grant"),
        ("client", &basic("desk", SECRET), ("", ""), 0, "invalid_grant"),
        ("secret", &basic("portal", "wrong"), ("", ""), 0, "invalid_client"),
        ("two ways", &good, ("client_secret", SECRET), 0, "invalid_request"),
        ("grant", &good, ("grant_type", "password"), 0, "unsupported_grant_type"),
        ("other grant", &good, ("grant_type", "client_credentials"), 0, "unauthorized_client"),
    ] {
        let code = world.code(&mut Visitor::default(), &alice, &[]).await;
        world.advance(late);
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        let mut fields: Vec<_> = fields.into_iter().filter(|(name, _)| *name != change.0).collect();
        if !change.1.is_empty() {
            fields.push(change);
        }
        let reply = world.post("/token", authorization, &fields).await;
        let got = if reply.status == StatusCode::OK { "ok".into() } else { reply.error() };
        assert_eq!(got, expected, "{what}: {}", reply.text);
    }
}

#[tokio::test]
async fn an_unknown_client_or_uri_gets_a_page_and_errors_keep_the_registered_bytes() {
    let world = World::start().await;
    let mut browser = Visitor::default();
    for (name, value) in [
        ("client_id", "nobody"),
        ("client_id", "admin\0"),
        ("redirect_uri", "http://localhost:8083/callback"),
        ("redirect_uri", "http://localhost:8083/callback?next=a=b%26c&x=1+2&e="),
        ("redirect_uri", "https://evil.example/"),
    ] {
        let mut pairs = vec![("response_type", "code"), ("scope", "openid")];
        for (n, v) in [("client_id", "portal"), ("redirect_uri", CALLBACK)] {
            pairs.push((n, if n == name { value } else { v }));
        }
        let reply = world.get(&mut browser, &format!("/authorize?{}", world::form(&pairs))).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{name} {value:?}");
        assert_eq!(reply.location(), "");
    }
    for (change, error) in [
        (("response_type", ""), "invalid_request"),
        (("response_type", "token"), "unsupported_response_type"),
        (("request", "x.y.z"), "request_not_supported"),
        (("request_uri", "urn:x"), "request_uri_not_supported"),
        (("prompt", "none"), "login_required"),
        (("prompt", "none login"), "invalid_request"),
        (("prompt", "quietly"), "invalid_request"),
        (("max_age", "-1"), "invalid_request"),
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("code_challenge_method", ""), "invalid_request"),
        (("claims", "{"), "invalid_request"),
        (("id_token_hint", "a.b.c"), "invalid_request"),
        (("resource", "https://else.example"), "invalid_target"),
        (("nonce", "a\0"), "invalid_request"),
        (("response_mode", "fragment"), "invalid_request"),
    ] {
        let mut url = world.authorize("portal", &[change]);
        if change.0 == "response_type" {
            url = url.replacen("response_type=code&", "", 1);
        }
        let reply = world.get(&mut browser, &url).await;
        let answer = reply.answer(CALLBACK);
        assert_eq!(answer["error"], error, "{change:?}");
        assert_eq!(answer["state"], "s1=s2&s2 =?#é", "{change:?}");
        assert_eq!(answer["iss"], ISSUER, "{change:?}");
    }
    // what is unknown is passed over
    let reply = world
        .get(
            &mut browser,
            &world.authorize("portal", &[("unknown", "x"), ("display", "popup"), ("scope", "openid email address")]),
        )
        .await;
    assert!(reply.location().starts_with("/sign-in/"), "{}", reply.location());
}

#[tokio::test]
async fn the_second_portal_needs_no_sign_in_and_prompts_are_obeyed() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    let mut browser = Visitor::default();
    let first =
        claims(world.redeem(&world.code(&mut browser, &alice, &[]).await).await.json()["id_token"].as_str().unwrap());
    world.advance(5);
    for (change, expected) in [
        (&[("prompt", "none")][..], "code"),
        (&[("max_age", "10000")], "code"),
        (&[("max_age", "5")], "code"),
        (&[("prompt", "none"), ("max_age", "4")], "login_required"),
        (&[("prompt", "none"), ("max_age", "0")], "login_required"),
        (&[("prompt", "none"), ("acr_values", "urn:xinyin:acr:2")], "code"),
        (&[("prompt", "none"), ("acr_values", "urn:xinyin:acr:3")], "login_required"),
        (&[("max_age", "4")], "/sign-in"),
        (&[("max_age", "0")], "/sign-in"),
        (&[("prompt", "login")], "/sign-in"),
        (&[("acr_values", "urn:xinyin:acr:3")], "/sign-in"),
        (&[("prompt", "select_account")], "/select-account"),
        (&[("prompt", "consent")], "/consent"),
        (&[("prompt", "none"), ("claims", r#"{"id_token":{"sub":{"value":"someone-else"}}}"#)], "login_required"),
        (&[("claims", r#"{"id_token":{"sub":{"value":"someone-else"}}}"#)], "/sign-in"),
    ] {
        let reply = world.get(&mut browser, &world.authorize("portal", change)).await;
        let got = if reply.location().starts_with('/') {
            reply.location()[..=reply.location()[1..].find('/').unwrap()].to_owned()
        } else {
            let answer = reply.answer(CALLBACK);
            answer.get("error").cloned().unwrap_or_else(|| "code".into())
        };
        assert_eq!(got, expected, "{change:?}");
    }
    // a hint of the same person at another portal: the subject differs by sector, the sign-in is the same
    let reply = world.get(&mut browser, &world.authorize("public", &[])).await;
    let code = reply.answer("http://127.0.0.1/cb")["code"].clone();
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", "http://127.0.0.1/cb"),
        ("code_verifier", VERIFIER),
        ("client_id", "public"),
    ];
    let second = world.post("/token", "", &fields).await.json();
    let second = claims(second["id_token"].as_str().unwrap());
    assert_eq!(first["auth_time"], second["auth_time"]);
    assert_ne!(first["sub"], second["sub"]);
    assert_ne!(first["sid"], second["sid"]);
}

#[tokio::test]
async fn max_age_zero_and_prompt_login_ask_once() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    let mut browser = Visitor::default();
    world.code(&mut browser, &alice, &[]).await;
    for change in [
        &[("max_age", "0")][..],
        &[("prompt", "login")],
        &[("prompt", "login"), ("max_age", "0")],
        &[("acr_values", "urn:xinyin:acr:3")],
    ] {
        let reply = world.get(&mut browser, &world.authorize("portal", change)).await;
        world.advance(2);
        let path = reply.location().to_owned();
        let reply = world.sign_in(&mut browser, &path, &alice, Acr::Two).await;
        let token = world.redeem(&reply.answer(CALLBACK)["code"]).await.json();
        assert_eq!(claims(token["id_token"].as_str().unwrap())["auth_time"], world.now(), "{change:?}");
    }
    // an essential level that the sign-in does not reach is an error, not a loop
    let wanted = r#"{"id_token":{"acr":{"essential":true,"value":"urn:xinyin:acr:3"}}}"#;
    let reply = world.get(&mut browser, &world.authorize("portal", &[("claims", wanted)])).await;
    let path = reply.location().to_owned();
    let reply = world.sign_in(&mut browser, &path, &alice, Acr::Two).await;
    assert_eq!(reply.answer(CALLBACK)["error"], "unmet_authentication_requirements");
}

#[tokio::test]
async fn refresh_tokens_rotate_and_reuse_ends_the_family() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    let token = |reply: &world::Reply| {
        reply.json()["refresh_token"].as_str().unwrap_or_else(|| panic!("{}", reply.text)).to_owned()
    };
    let offline = [("scope", "openid profile offline_access"), ("nonce", "n")];
    let first = world.redeem(&world.code(&mut Visitor::default(), &alice, &offline).await).await;
    let id = claims(first.json()["id_token"].as_str().unwrap());
    let one = token(&first);
    // another client's is unknown and stays untouched
    let fields =
        [("grant_type", "refresh_token"), ("refresh_token", &one), ("client_id", "other"), ("client_secret", SECRET)];
    assert_eq!(world.post("/token", "", &fields).await.error(), "invalid_grant");
    let second = world.refresh(&one).await;
    let two = token(&second);
    let again = claims(second.json()["id_token"].as_str().unwrap());
    assert_eq!((&again["sub"], &again["auth_time"], again.get("nonce")), (&id["sub"], &id["auth_time"], None));
    assert_eq!(world.refresh(&one).await.error(), "invalid_grant");
    assert_eq!(world.refresh(&two).await.error(), "invalid_grant");
}

#[tokio::test]
async fn a_lost_answer_does_not_end_a_session_at_a_service_of_the_house() {
    let world = World::start().await;
    let clerk = world.person("clerk", "李四", NUMBER).await;
    let (callback, desk) = ("http://localhost:8082/callback", basic("desk", SECRET));
    let token = |reply: &world::Reply| reply.json()["refresh_token"].as_str().expect("a refresh token").to_owned();
    let refresh = async |token: &str| {
        world.post("/token", &desk, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    };
    let first = async || {
        let mut browser = Visitor::default();
        let path = world
            .get(&mut browser, &world.authorize("desk", &[("scope", "openid offline_access")]))
            .await
            .location()
            .to_owned();
        let code = world.sign_in(&mut browser, &path, &clerk, Acr::Two).await.answer(callback)["code"].clone();
        let grant = [("grant_type", "authorization_code"), ("code", code.as_str())];
        let fields = [&grant[..], &[("redirect_uri", callback), ("code_verifier", VERIFIER)]].concat();
        token(&world.post("/token", &desk, &fields).await)
    };

    let one = first().await;
    let two = token(&refresh(&one).await);
    // the answer was lost: the old one serves once more, the unused heir ends by that
    let three = token(&refresh(&one).await);
    let four = token(&refresh(&three).await);
    assert_eq!(refresh(&two).await.error(), "invalid_grant");
    // and by the reuse of an ended one the family
    assert_eq!(refresh(&four).await.error(), "invalid_grant");

    // beyond the grace it is reuse
    let one = first().await;
    let two = token(&refresh(&one).await);
    world.advance(31);
    assert_eq!(refresh(&one).await.error(), "invalid_grant");
    assert_eq!(refresh(&two).await.error(), "invalid_grant");
}

#[tokio::test]
async fn without_a_grace_a_used_refresh_token_answers_by_no_clock() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    let code = world.code(&mut Visitor::default(), &alice, &[("scope", "openid offline_access")]).await;
    let token = |body: serde_json::Value| body["refresh_token"].as_str().unwrap_or_default().to_owned();
    let one = token(world.redeem(&code).await.json());
    let two = token(world.refresh(&one).await.json());
    world.run("UPDATE refresh_tokens SET used_at = used_at + 1").await; // by a clock that is ahead
    assert_eq!(world.refresh(&one).await.error(), "invalid_grant");
    assert_eq!(world.refresh(&two).await.error(), "invalid_grant", "the family has ended");
}

#[tokio::test]
async fn tokens_end_with_revocation_session_account_and_client() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    for (what, offline_survives) in
        [("revoke refresh", false), ("revoke access", true), ("logout", true), ("locked", false)]
    {
        let mut browser = Visitor::default();
        let body =
            world.redeem(&world.code(&mut browser, &alice, &[("scope", "openid offline_access")]).await).await.json();
        let plain = world
            .redeem(&world.code(&mut Visitor { ..browser.clone() }, &alice, &[("prompt", "login")]).await)
            .await
            .json();
        let (access, refresh) = (body["access_token"].as_str().unwrap(), body["refresh_token"].as_str().unwrap());
        assert_eq!(world.userinfo(access).await.status, StatusCode::OK, "{what}");
        let portal = basic("portal", SECRET);
        match what {
            "revoke refresh" => {
                assert_eq!(world.post("/revoke", &portal, &[("token", refresh)]).await.status, StatusCode::OK);
            }
            "revoke access" => {
                assert_eq!(world.post("/revoke", &portal, &[("token", access)]).await.status, StatusCode::OK);
            }
            "logout" => world.run("UPDATE sessions SET ended_at = 1").await,
            _ => world.run("UPDATE persons SET state = 'locked'").await,
        }
        let refreshed = world.refresh(refresh).await;
        assert_eq!(refreshed.status == StatusCode::OK, offline_survives, "{what}: {}", refreshed.text);
        let lives = world.userinfo(access).await.status == StatusCode::OK;
        assert_eq!(lives, what == "logout", "{what}");
        let plain_lives = world.userinfo(plain["access_token"].as_str().unwrap()).await.status == StatusCode::OK;
        assert_eq!(plain_lives, what.starts_with("revoke"), "{what}");
    }
}

#[tokio::test]
async fn whoever_is_registered_under_an_ended_clients_name_inherits_nothing() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    let mut browser = Visitor::default();
    let under_way = world.authorize("portal", &[]);
    let sign_in = world.get(&mut browser, &under_way).await.location().to_owned();
    let mut other = Visitor::default();
    let body = world.redeem(&world.code(&mut other, &alice, &[("scope", "openid offline_access")]).await).await.json();
    let (access, refresh) = (body["access_token"].as_str().unwrap(), body["refresh_token"].as_str().unwrap());
    let ended = idp::provision::end_client(&world.idp, "portal").await.unwrap().unwrap();
    assert_eq!(ended.grants, 2, "the sign-in under way and the family");
    assert_eq!(idp::provision::end_client(&world.idp, "portal").await.unwrap(), None);
    assert_eq!(world.refresh(refresh).await.error(), "invalid_client");
    assert_eq!(world.get(&mut browser, &under_way).await.status, StatusCode::BAD_REQUEST);
    let mut again =
        NewClient::portal("portal", Names::same("另一个门户"), NewAuth::SecretBasic(SECRET.into()), CALLBACK);
    again.trusted = true;
    idp::provision::client(&world.idp, again).await.unwrap();
    assert_eq!(world.refresh(refresh).await.error(), "invalid_grant");
    assert_eq!(world.userinfo(access).await.status, StatusCode::UNAUTHORIZED);
    assert!(!world.get(&mut browser, &sign_in).await.status.is_success(), "nor does the sign-in go on");
    let code = world.code(&mut Visitor::default(), &alice, &[("scope", "openid offline_access")]).await;
    assert_eq!(world.redeem(&code).await.status, StatusCode::OK, "the new one stands on its own");
}

#[tokio::test]
async fn a_client_gets_tokens_for_itself() {
    let world = World::start().await;
    let police = basic("police", SECRET);
    let before = world.idp.db().statements();
    let reply =
        world.post("/token", &police, &[("grant_type", "client_credentials"), ("scope", "licence.issue")]).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
    let cold = world.idp.db().statements() - before;
    let before = world.idp.db().statements();
    world.post("/token", &police, &[("grant_type", "client_credentials")]).await;
    assert_eq!(
        (cold, world.idp.db().statements() - before),
        (3, 1),
        "client and resource are read once, the audit row each time"
    );
    let token = claims(reply.json()["access_token"].as_str().unwrap());
    assert_eq!(
        (&token["aud"], &token["sub"], &token["client_id"]),
        (&json!(SIGNER), &json!("police"), &json!("police"))
    );
    assert_eq!((&token["sub_type"], &token["scope"]), (&json!("client"), &json!("licence.issue")));
    assert_eq!(token["organisation"], json!({ "code": "11990100001000010R" }));
    for (fields, error) in [
        (&[("scope", "licence.lookup")][..], "invalid_scope"),
        (&[("scope", "openid")], "invalid_scope"),
        (&[("resource", DESK)], "invalid_target"),
    ] {
        let fields = [&[("grant_type", "client_credentials")], fields].concat();
        assert_eq!(world.post("/token", &police, &fields).await.error(), error);
    }
    assert_eq!(
        world.post("/token", "", &[("grant_type", "client_credentials")]).await.status,
        StatusCode::UNAUTHORIZED
    );
    let nul = world.post("/token", "Basic YWRtaW4lMDA6eA==", &[("grant_type", "client_credentials")]).await;
    assert_eq!((nul.status, nul.error().as_str()), (StatusCode::BAD_REQUEST, "invalid_request"));
}

#[tokio::test]
async fn a_departments_client_is_carried_to_the_signer_by_exchange() {
    let world = World::start().await;
    let code = "11990100001000010R";
    let system = |id: &'static str, scopes: &[&str]| {
        let name = idp::client::Names::same(id);
        let mut client = idp::provision::NewClient::system(id, name, SECRET, code, SIGNER, scopes);
        client.resources.insert(DESK.into());
        client.scopes.insert("verify".into());
        client
    };
    let mut stray = system("stray", &["presentation.resolve"]);
    stray.organisation = None;
    for client in [
        system("bureau", &["licence.issue", "licence.read", "presentation.resolve"]),
        system("issuer", &["licence.issue"]),
        stray,
    ] {
        idp::provision::client(&world.idp, client).await.unwrap();
    }
    let own = async |client: &str, resource: &str| {
        let fields = [("grant_type", "client_credentials"), ("resource", resource)];
        let reply = world.post("/token", &basic(client, SECRET), &fields).await;
        reply.json()["access_token"].as_str().unwrap_or_else(|| panic!("{}", reply.text)).to_owned()
    };
    let exchange = async |subject: &str, scope: &str| {
        let mut fields = vec![
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("subject_token", subject),
            ("resource", SIGNER),
        ];
        fields.extend(Some(("scope", scope)).filter(|(_, scope)| !scope.is_empty()));
        world.post("/token", &basic("desk", SECRET), &fields).await
    };
    let brought = own("bureau", DESK).await;
    let reply = exchange(&brought, "").await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
    let given = reply.json()["access_token"].as_str().unwrap().to_owned();
    let out = claims(&given);
    for (name, expected) in [
        ("aud", json!(SIGNER)),
        ("sub", json!("bureau")),
        ("sub_type", json!("client")),
        ("client_id", json!("desk")),
        ("act", json!({ "sub": "desk" })),
        ("organisation", json!({ "code": code })),
        ("scope", json!("licence.read presentation.resolve")),
    ] {
        assert_eq!(out[name], expected, "{name}");
    }
    assert!(out["exp"].as_i64() <= claims(&brought)["exp"].as_i64());
    for (what, subject, scope, error) in [
        ("what was exchanged", given.clone(), "", "invalid_request"),
        ("for another audience", own("bureau", SIGNER).await, "", "invalid_request"),
        ("of no department", own("stray", DESK).await, "", "invalid_request"),
        ("more than reading", brought.clone(), "licence.issue", "invalid_scope"),
        ("more than it may itself", own("issuer", DESK).await, "presentation.resolve", "invalid_scope"),
    ] {
        assert_eq!(exchange(&subject, scope).await.error(), error, "{what}");
    }
    world.post("/revoke", &basic("bureau", SECRET), &[("token", brought.as_str())]).await;
    assert_eq!(exchange(&brought, "").await.error(), "invalid_request", "given back");
}

#[tokio::test]
async fn a_clerk_is_carried_to_the_signer_by_exchange() {
    let world = World::start().await;
    let clerk = world.person("clerk", "李四", NUMBER).await;
    world.mandate("m1", &clerk, "11990100001000010R", "verify licence:food:issue").await;
    let mut browser = Visitor::default();
    let reply =
        world.get(&mut browser, &world.authorize("desk", &[("resource", DESK), ("scope", "openid verify")])).await;
    let path = reply.location().to_owned();
    let reply = world.sign_in(&mut browser, &path, &clerk, Acr::Two).await;
    let path = reply.location().to_owned();
    let id = path.strip_prefix("/act-for/").unwrap_or_else(|| panic!("{path}"));
    // as the picker's form does
    let mut tx = world.idp.db().begin().await.unwrap();
    let mut interaction = idp::http::steps::load(&world.idp, &mut tx, id, &browser.browser()).await.unwrap();
    interaction.choose_acting(idp::interaction::Acting::Mandate(idp::ids::MandateId::parse("m1").unwrap()));
    let asker = world.asker_for(&browser);
    let response =
        idp::http::steps::go_on(&world.idp, &asker, &browser.browser(), tx, interaction, None).await.unwrap();
    let code = world::reply(response).await.answer("http://localhost:8082/callback")["code"].clone();
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", "http://localhost:8082/callback"),
        ("code_verifier", VERIFIER),
    ];
    let body = world.post("/token", &basic("desk", SECRET), &fields).await.json();
    let (id, access) = (claims(body["id_token"].as_str().unwrap()), body["access_token"].as_str().unwrap());
    assert_eq!(
        (&id["sub_type"], &id["mandate"]["id"], &id["mandate"]["role"]),
        (&json!("organisation"), &json!("m1"), &json!("operator"))
    );
    assert_ne!(id["act"]["sub"], id["sub"]);
    let token = claims(access);
    assert_eq!((&token["aud"], &token["scope"]), (&json!(DESK), &json!("verify")));
    assert_ne!(token["sub"], id["sub"], "the desk's resource has a sector of its own");

    let exchange = |subject: String, more: Vec<(&'static str, &'static str)>| {
        let world = &world;
        async move {
            let mut fields = vec![
                ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
                ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
                ("subject_token", subject.as_str()),
            ];
            fields.extend(more);
            world.post("/token", &basic("desk", SECRET), &fields).await
        }
    };
    let reply = exchange(access.to_owned(), vec![("resource", SIGNER)]).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
    let given = reply.json()["access_token"].as_str().unwrap().to_owned();
    let out = claims(&given);
    assert_eq!(
        (&out["aud"], &out["act"]["sub"], &out["mandate"]["id"]),
        (&json!(SIGNER), &json!("desk"), &json!("m1"))
    );
    assert_ne!(out["act"]["act"]["sub"], token["act"]["sub"]);
    assert_eq!(out["organisation"], json!({ "code": "11990100001000010R" }));
    assert_eq!(out["scope"], "licence.lookup licence.read presentation.resolve");
    assert!(out["exp"].as_i64() <= token["exp"].as_i64());
    for (subject, more, error) in [
        (given.clone(), vec![], "invalid_request"),
        (access.to_owned(), vec![("resource", DESK)], "invalid_target"),
        (access.to_owned(), vec![("scope", "licence.issue")], "invalid_scope"),
        ("a.b.c".to_owned(), vec![], "invalid_request"),
    ] {
        assert_eq!(exchange(subject, more).await.error(), error);
    }
    // what was taken out of the mandate since is gone
    world.run("UPDATE mandates SET matters = 'licence:food:issue'").await;
    assert_eq!(exchange(access.to_owned(), vec![]).await.error(), "invalid_scope");
    world.run("UPDATE mandates SET matters = 'verify'").await;
    assert_eq!(exchange(access.to_owned(), vec![]).await.status, StatusCode::OK);
    // without a page the subject that was asked for comes out, not the organisation last acted for
    let wanted = json!({ "id_token": { "sub": { "value": id["act"]["sub"] } } }).to_string();
    let reply =
        world.get(&mut browser, &world.authorize("desk", &[("prompt", "none"), ("claims", wanted.as_str())])).await;
    let code = reply.answer("http://localhost:8082/callback")["code"].clone();
    let fields = [fields[0], ("code", &code), fields[2], fields[3]];
    let own = world.post("/token", &basic("desk", SECRET), &fields).await.json();
    let own = claims(own["id_token"].as_str().unwrap());
    assert_eq!((&own["sub"], &own["sub_type"]), (&id["act"]["sub"], &json!("person")));
    // the second time nobody is asked, and with the mandate it ends
    let reply = world.get(&mut browser, &world.authorize("desk", &[("prompt", "none")])).await;
    assert!(reply.answer("http://localhost:8082/callback").contains_key("code"));
    world.run("UPDATE mandates SET ended_at = 1").await;
    assert_eq!(exchange(access.to_owned(), vec![]).await.error(), "invalid_request");
}

#[tokio::test]
async fn logout_asks_unless_the_hint_is_of_this_session() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    let target = "http://localhost:8083/out?a=%3D";
    let mut browser = Visitor::default();
    let body = world.redeem(&world.code(&mut browser, &alice, &[]).await).await.json();
    let hint = body["id_token"].as_str().unwrap().to_owned();
    let none = format!("{}.{}.", "eyJhbGciOiJub25lIn0", hint.split('.').nth(1).unwrap());
    for (fields, expected) in [
        (vec![], "asks"),
        (vec![("state", "x")], "asks"),
        (vec![("post_logout_redirect_uri", target)], "asks"),
        (vec![("id_token_hint", none.as_str()), ("post_logout_redirect_uri", target)], "asks"),
        (
            vec![("id_token_hint", &hint), ("post_logout_redirect_uri", "http://localhost:8083/out?a=%3D&b=1")],
            "refuses",
        ),
        (vec![("id_token_hint", &hint), ("client_id", "other")], "refuses"),
    ] {
        let reply = world.get(&mut browser, &format!("/logout?{}", world::form(&fields))).await;
        let got = match reply.status {
            StatusCode::OK if reply.text.contains("action=\"/logout\"") => "asks",
            StatusCode::BAD_REQUEST => "refuses",
            _ => "?",
        };
        assert_eq!(got, expected, "{fields:?}");
    }
    // a stale cookie beside the live one does no harm
    let mut stale = browser.clone();
    stale.cookies.insert("xy_idp".into(), format!("{}; xy_idp={}", "A".repeat(43), browser.cookies["xy_idp"]));
    let reply = world.get(&mut stale, &world.authorize("portal", &[("prompt", "none")])).await;
    assert!(reply.answer(CALLBACK).contains_key("code"));

    let before = browser.clone();
    let fields = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", target), ("state", "a b")];
    let reply = world.get(&mut browser, &format!("/logout?{}", world::form(&fields))).await;
    assert_eq!(reply.location(), "http://localhost:8083/out?a=%3D&state=a+b");
    for mut visitor in [browser, before] {
        let reply = world.get(&mut visitor, &world.authorize("portal", &[("prompt", "none")])).await;
        assert_eq!(reply.answer(CALLBACK)["error"], "login_required");
    }
    // by the confirmation page
    let mut browser = Visitor::default();
    world.code(&mut browser, &alice, &[]).await;
    let page = world.get(&mut browser, "/logout").await;
    let at = page.text.find("name=\"form_token\" value=\"").unwrap() + 25;
    let token = page.text[at..].split('"').next().unwrap().trim_start_matches('=').to_owned();
    assert_eq!(world.submit(&mut browser, "/logout", &[("form_token", "wrong")]).await.status, StatusCode::FORBIDDEN);
    let reply = world.submit(&mut browser, "/logout", &[("form_token", &token)]).await;
    assert!(reply.text.contains("您已经退出"), "{}", reply.text);
}

#[tokio::test]
async fn consent_is_asked_once_and_the_whole_number_by_a_line_of_its_own() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    let mut browser = Visitor::default();
    let ask = world.authorize("other", &[("scope", "openid profile id_number")]);
    let reply = world.get(&mut browser, &ask).await;
    let path = reply.location().to_owned();
    let reply = world.sign_in(&mut browser, &path, &alice, Acr::Two).await;
    let path = reply.location().to_owned();
    assert!(path.starts_with("/consent/"), "{path}");
    let page = world.get(&mut browser, &path).await;
    assert!(page.text.contains("张三") && page.text.contains("**************0010") && !page.text.contains(NUMBER));
    let at = page.text.rfind("name=\"form_token\" value=\"").unwrap() + 25;
    let token = page.text[at..].split('"').next().unwrap().to_owned();
    // another browser cannot use it
    assert_eq!(world.get(&mut Visitor::default(), &path).await.status, StatusCode::BAD_REQUEST);
    let reply = world.submit(&mut browser, &path, &[("form_token", &token)]).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
    let code = reply.answer("https://rp.example/cb")["code"].clone();
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", "https://rp.example/cb"),
        ("code_verifier", VERIFIER),
        ("client_id", "other"),
        ("client_secret", SECRET),
    ];
    let body = world.post("/token", "", &fields).await.json();
    assert_eq!(header_of(body["id_token"].as_str().unwrap())["alg"], "RS256");
    assert_eq!(body["scope"], "openid profile");
    let info = world.userinfo(body["access_token"].as_str().unwrap()).await.json();
    assert_eq!((&info["name"], info.get("id_number")), (&json!("张三"), None));
    // used up, and not asked again
    assert_eq!(world.submit(&mut browser, &path, &[("form_token", &token)]).await.status, StatusCode::BAD_REQUEST);
    let reply = world.get(&mut browser, &ask).await;
    assert!(reply.answer("https://rp.example/cb").contains_key("code"));
    // PKCE may be left out by this client alone; form_post answers by a form
    let ask = world
        .authorize("other", &[("code_challenge", ""), ("code_challenge_method", ""), ("response_mode", "form_post")]);
    let reply = world.get(&mut browser, &ask).await;
    assert!(
        reply.text.contains("action=\"https://rp.example/cb\"") && reply.text.contains("name=\"code\""),
        "{}",
        reply.text
    );
    assert!(!reply.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains("form-action"));
    // cancelled
    let reply = world.get(&mut browser, &world.authorize("other", &[("prompt", "consent")])).await;
    let path = reply.location().to_owned();
    let page = world.get(&mut browser, &path).await;
    let at = page.text.rfind("name=\"form_token\" value=\"").unwrap() + 25;
    let token = page.text[at..].split('"').next().unwrap().to_owned();
    let reply = world.submit(&mut browser, &path, &[("form_token", &token), ("cancel", "1")]).await;
    assert_eq!(reply.answer("https://rp.example/cb")["error"], "access_denied");
}

#[tokio::test]
async fn a_fresh_sign_in_is_no_word_for_another_person_of_the_browser() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    let bob = world.person("bob", "李四", "110101199001010029").await;
    for demand in [("prompt", "login"), ("max_age", "60")] {
        let mut browser = Visitor::default();
        world.code(&mut browser, &bob, &[]).await;
        world.advance(3_600);
        let path = world.get(&mut browser, &world.authorize("other", &[demand])).await.location().to_owned();
        let path = world.sign_in(&mut browser, &path, &alice, Acr::Two).await.location().to_owned();
        let id = path.strip_prefix("/consent/").unwrap_or_else(|| panic!("{path}"));
        let picker = format!("/select-account/{id}");
        let page = world.get(&mut browser, &picker).await;
        let at = page.text.rfind("name=\"form_token\" value=\"").unwrap() + 25;
        let token = page.text[at..].split('"').next().unwrap().to_owned();
        let sessions: Vec<&str> =
            page.text.split("name=\"account\" value=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let (own, others) = (sessions[0], sessions[1]);
        let answer = async |browser: &mut Visitor, account: &str| {
            let fields = [("form_token", token.as_str()), ("account", account)];
            world.submit(browser, &picker, &fields).await.location().to_owned()
        };
        assert_eq!(answer(&mut browser, own).await, path, "{demand:?}: who has just signed in goes on");
        let back = answer(&mut browser, others).await;
        assert_eq!(back, format!("/sign-in/{id}"), "{demand:?}: the other one has to sign in");
    }
}

#[tokio::test]
async fn a_service_of_the_house_renews_as_long_as_the_session_lives() {
    let world = World::start().await;
    let clerk = world.person("clerk", "李四", NUMBER).await;
    let mut browser = Visitor::default();
    let ask = world.authorize("desk", &[("scope", "openid offline_access")]);
    let path = world.get(&mut browser, &ask).await.location().to_owned();
    let reply = world.sign_in(&mut browser, &path, &clerk, Acr::Two).await;
    let callback = "http://localhost:8082/callback";
    let code = reply.answer(callback)["code"].clone();
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", callback),
        ("code_verifier", VERIFIER),
    ];
    let body = world.post("/token", &basic("desk", SECRET), &fields).await.json();
    let renew = async |token: &str| {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
        world.post("/token", &basic("desk", SECRET), &fields).await
    };
    let renewed = renew(body["refresh_token"].as_str().unwrap()).await.json();
    let next = renewed["refresh_token"].as_str().unwrap_or_else(|| panic!("{renewed}")).to_owned();
    world.run("UPDATE sessions SET ended_at = 1").await;
    assert_eq!(renew(&next).await.error(), "invalid_grant", "signed out at idp, nothing is renewed");
}

#[tokio::test]
async fn a_portal_acts_elsewhere_for_a_person_who_was_asked_alone() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    let mut browser = Visitor::default();
    let redirect = "https://rp.example/cb";
    let agree = async |browser: &mut Visitor, path: &str| {
        let page = world.get(browser, path).await;
        let at = page.text.rfind("name=\"form_token\" value=\"").unwrap() + 25;
        let token = page.text[at..].split('"').next().unwrap().to_owned();
        (page.text, world.submit(browser, path, &[("form_token", &token)]).await.answer(redirect)["code"].clone())
    };
    let trade = async |code: &str, resource: &str| {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect),
            ("code_verifier", VERIFIER),
            ("client_id", "other"),
            ("client_secret", SECRET),
            ("resource", resource),
        ];
        world.post("/token", "", &fields).await
    };
    let path = world.get(&mut browser, &world.authorize("other", &[])).await.location().to_owned();
    let path = world.sign_in(&mut browser, &path, &alice, Acr::Two).await.location().to_owned();
    let (page, code) = agree(&mut browser, &path).await;
    assert!(!page.contains(SIGNER));
    assert_eq!(trade(&code, SIGNER).await.error(), "invalid_target", "nobody was asked");
    assert_eq!(trade(&code, "").await.error(), "invalid_grant", "and the code is spent");
    let path = world.get(&mut browser, &world.authorize("other", &[("resource", SIGNER)])).await.location().to_owned();
    assert!(path.starts_with("/consent/"), "{path}");
    let (page, code) = agree(&mut browser, &path).await;
    assert!(page.contains(SIGNER), "{page}");
    let given = trade(&code, SIGNER).await.json();
    assert_eq!(claims(given["access_token"].as_str().unwrap())["aud"], SIGNER);
    let reply = world.get(&mut browser, &world.authorize("other", &[("resource", SIGNER)])).await;
    assert!(reply.answer(redirect).contains_key("code"), "asked once");
}

#[tokio::test]
async fn a_request_by_post_is_stored_and_goes_on() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    let url = world.authorize("portal", &[]);
    let query = url.split_once('?').unwrap().1;
    let body = format!("{query}&login_hint={NUMBER}");
    let request = Request::post("/authorize")
        .header(header::HOST, "localhost:8080")
        .header(header::ORIGIN, "https://rp.example")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(body)
        .unwrap();
    let reply = world.send(request).await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER);
    let path = reply.location().to_owned();
    assert!(path.starts_with("/authorize/") && !path.contains(NUMBER));
    let mut browser = Visitor::default();
    world.get(&mut Visitor::default(), &path).await; // a look from elsewhere spends nothing
    let reply = world.get(&mut browser, &path).await;
    let path = reply.location().to_owned();
    let mut tx = world.idp.db().begin().await.unwrap();
    let interaction =
        idp::http::steps::load(&world.idp, &mut tx, path.strip_prefix("/sign-in/").unwrap(), &browser.browser())
            .await
            .unwrap();
    assert_eq!(interaction.login_hint.as_deref(), Some(NUMBER));
    drop(tx);
    let reply = world.sign_in(&mut browser, &path, &alice, Acr::Two).await;
    assert_eq!(world.redeem(&reply.answer(CALLBACK)["code"]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn eighty_tabs_leave_two_cookies_and_each_still_works() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    let mut browser = Visitor::default();
    let mut paths = Vec::new();
    for n in 0..80 {
        let state = n.to_string();
        paths.push(
            world.get(&mut browser, &world.authorize("portal", &[("state", &state)])).await.location().to_owned(),
        );
    }
    assert!(browser.cookies.len() <= 2, "{:?}", browser.cookies.keys());
    let reply = world.sign_in(&mut browser, &paths[79], &alice, Acr::Two).await;
    assert_eq!(reply.answer(CALLBACK)["state"], "79");
    let reply = world.get(&mut browser, &paths[40].replace("/sign-in/", "/interaction/")).await;
    assert_eq!(reply.answer(CALLBACK)["state"], "40");
}

#[tokio::test]
async fn discovery_and_keys_agree() {
    let world = World::start().await;
    let mut browser = Visitor::default();
    let document = world.get(&mut browser, "/.well-known/openid-configuration").await.json();
    assert_eq!(document["issuer"], ISSUER);
    let keys = world.get(&mut browser, "/jwks").await.json();
    let keys = keys["keys"].as_array().unwrap();
    let kids: std::collections::BTreeSet<_> = keys.iter().map(|key| key["kid"].as_str().unwrap()).collect();
    assert_eq!(kids.len(), 4);
    assert!(keys.iter().all(|key| key.get("d").is_none()));
}

/// An assertion of a client by its key (RFC 7523 §3).
fn assertion(world: &World, key: &SoftwareKey, change: impl FnOnce(&mut serde_json::Value)) -> String {
    let mut claims = json!({
        "iss": "keyed", "sub": "keyed", "aud": ISSUER, "jti": world.now().to_string(), "iat": world.now(), "exp": world.now() + 60,
    });
    change(&mut claims);
    keys::jws::sign_json(key, "JWT", &claims).unwrap()
}

#[tokio::test]
async fn a_client_proves_itself_by_its_key_once_an_assertion() {
    let world = World::start().await;
    let key = |algorithm| SoftwareKey::from_pkcs8(algorithm, &SoftwareKey::generate(algorithm).unwrap()).unwrap();
    let (own, foreign) = (key(Algorithm::Es256), key(Algorithm::Es256));
    let mut new =
        NewClient::system("keyed", Names::same("系统"), SECRET, "11990100001000010R", SIGNER, &["licence.read"]);
    new.auth = NewAuth::PrivateKeyJwt(json!({ "keys": [own.public_key().to_jwk()] }));
    idp::provision::client(&world.idp, new).await.unwrap();
    let ask = async |assertion: String| {
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion.as_str()),
        ];
        let reply = world.post("/token", "", &fields).await;
        world.advance(1);
        if reply.status == StatusCode::OK { "ok".to_owned() } else { reply.error() }
    };
    let good = assertion(&world, &own, |_| {});
    assert_eq!(ask(good.clone()).await, "ok");
    assert_eq!(ask(good).await, "invalid_client", "used twice");
    let now = world.now();
    let rows: [(&str, serde_json::Value, &str); 16] = [
        ("aud", json!("http://localhost:8080/token"), "ok"),
        ("aud", json!([ISSUER]), "ok"),
        ("aud", json!([ISSUER, "https://else.example"]), "invalid_client"),
        ("aud", json!("https://else.example"), "invalid_client"),
        ("aud", json!(null), "invalid_client"),
        ("iss", json!("portal"), "invalid_client"),
        ("sub", json!("portal"), "invalid_client"),
        ("exp", json!(now - 300), "invalid_client"),
        ("exp", json!(now + 86_400), "invalid_client"),
        ("exp", json!(null), "invalid_client"),
        ("exp", json!("soon"), "invalid_client"),
        ("nbf", json!(now + 8 + 8), "ok"),
        ("nbf", json!(now + 300), "invalid_client"),
        ("iat", json!(now + 300), "invalid_client"),
        ("jti", json!(null), "invalid_client"),
        ("extra", json!({ "a": 1 }), "ok"),
    ];
    for (member, value, expected) in rows {
        let text = assertion(&world, &own, |claims| claims[member] = value.clone());
        assert_eq!(ask(text).await, expected, "{member} {value}");
    }
    let stranger = assertion(&world, &foreign, |_| {});
    assert_eq!(ask(stranger).await, "invalid_client");
    let by_secret = world.post("/token", &basic("keyed", SECRET), &[("grant_type", "client_credentials")]).await;
    assert_eq!(by_secret.error(), "invalid_client");
}

#[tokio::test]
async fn userinfo_takes_a_token_in_one_place_and_names_what_is_wrong() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    let body = world.redeem(&world.code(&mut Visitor::default(), &alice, &[]).await).await.json();
    let access = body["access_token"].as_str().unwrap();
    let fields = [("grant_type", "client_credentials")];
    let foreign = world.post("/token", &basic("police", SECRET), &fields).await.json();
    let foreign = foreign["access_token"].as_str().unwrap();
    for (method, authorization, field, status) in [
        ("GET", format!("Bearer {access}"), "", 200),
        ("GET", format!("bearer {access}"), "", 200),
        ("POST", format!("Bearer {access}"), "", 200),
        ("POST", String::new(), access, 200),
        ("POST", format!("Bearer {access}"), access, 400),
        ("GET", String::new(), "", 401),
        ("GET", format!("Basic {access}"), "", 401),
        ("GET", format!("Bearer {access}x"), "", 401),
        ("GET", format!("Bearer {foreign}"), "", 401),
        ("GET", format!("Bearer {}", body["id_token"].as_str().unwrap()), "", 401),
        ("GET", "Bearer a.b.c".to_owned(), "", 401),
    ] {
        let mut request = Request::builder().method(method).uri("/userinfo").header(header::HOST, "localhost:8080");
        if !authorization.is_empty() {
            request = request.header(header::AUTHORIZATION, &authorization);
        }
        let mut text = String::new();
        if !field.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            text = world::form(&[("access_token", field)]);
        }
        let before = world.idp.db().statements();
        let reply = world.send(request.body(text).unwrap()).await;
        assert_eq!(reply.status.as_u16(), status, "{method} {}", &authorization[..authorization.len().min(12)]);
        if status == 200 {
            assert_eq!(world.idp.db().statements() - before, 2);
        }
        assert_eq!(reply.headers.contains_key(header::WWW_AUTHENTICATE), status != 200);
    }
    world.advance(299);
    assert_eq!(world.userinfo(access).await.status, StatusCode::OK);
    world.advance(1);
    assert_eq!(world.userinfo(access).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn introspection_tells_the_holder_and_the_resource_alone() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    let body = world.redeem(&world.code(&mut Visitor::default(), &alice, &[]).await).await.json();
    let token = body["access_token"].as_str().unwrap();
    let ask = async |client: &str| world.post("/introspect", &basic(client, SECRET), &[("token", token)]).await.json();
    assert_eq!(ask("portal").await["active"], true);
    assert_eq!(ask("desk").await, json!({ "active": false }));
    world.run("UPDATE sessions SET ended_at = 1").await;
    assert_eq!(ask("portal").await, json!({ "active": false }));
}

#[tokio::test]
async fn a_sid_never_comes_back() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    let bob = world.person("bob", "李四", "110101199001010029").await;
    let mut browser = Visitor::default();
    let mut seen = std::collections::BTreeSet::new();
    for (person, prompt) in [(&alice, ""), (&alice, ""), (&bob, ""), (&bob, "login"), (&alice, "login")] {
        world.run("UPDATE sessions SET ended_at = 1 WHERE ended_at IS NULL").await;
        let code = world.code(&mut browser, person, &[("prompt", prompt)]).await;
        let body = world.redeem(&code).await.json();
        let sid = claims(body["id_token"].as_str().unwrap())["sid"].as_str().unwrap().to_owned();
        assert!(seen.insert(sid));
    }
}

#[tokio::test]
async fn one_code_and_one_assertion_pass_once_in_a_race() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    for _ in 0..10 {
        let code = world.code(&mut Visitor::default(), &alice, &[]).await;
        let (a, b, c) = tokio::join!(world.redeem(&code), world.redeem(&code), world.redeem(&code));
        let good = [a, b, c].iter().filter(|reply| reply.status == StatusCode::OK).count();
        assert_eq!(good, 1);
    }
}

#[tokio::test]
async fn a_revocation_is_not_overtaken_by_a_refresh() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    let portal = basic("portal", SECRET);
    for round in 0..20 {
        let code = world.code(&mut Visitor::default(), &alice, &[("scope", "openid offline_access")]).await;
        let first = world.redeem(&code).await.json();
        let token = first["refresh_token"].as_str().unwrap();
        let fields = [("token", token)];
        let (refreshed, revoked) = if round % 2 == 0 {
            tokio::join!(world.refresh(token), world.post("/revoke", &portal, &fields))
        } else {
            let (revoked, refreshed) = tokio::join!(world.post("/revoke", &portal, &fields), world.refresh(token));
            (refreshed, revoked)
        };
        assert_eq!(revoked.status, StatusCode::OK);
        if refreshed.status == StatusCode::OK {
            let body = refreshed.json();
            assert_eq!(world.refresh(body["refresh_token"].as_str().unwrap()).await.error(), "invalid_grant");
            let info = world.userinfo(body["access_token"].as_str().unwrap()).await;
            assert_eq!(info.status, StatusCode::UNAUTHORIZED);
        }
    }
}

#[tokio::test]
async fn a_look_ends_no_session() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    let mut browser = Visitor::default();
    let body = world.redeem(&world.code(&mut browser, &alice, &[]).await).await.json();
    let path = format!("/logout?{}", world::form(&[("id_token_hint", body["id_token"].as_str().unwrap())]));
    let look = Request::head(&path)
        .header(header::HOST, "localhost:8080")
        .header(header::COOKIE, browser.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join("; "))
        .body(String::new())
        .unwrap();
    assert_eq!(world.send(look).await.status, StatusCode::OK);
    let reply = world.get(&mut browser, &world.authorize("portal", &[])).await;
    let tokens = world.redeem(&reply.answer(CALLBACK)["code"]).await;
    assert_eq!(tokens.status, StatusCode::OK, "{}", tokens.text);
}
