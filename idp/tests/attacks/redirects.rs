//! Where a browser may be sent: the registered bytes and nothing that merely looks like them (RFC 9700 §4.1, §4.11).

use http::StatusCode;
use idp::assurance::Acr;

use crate::NUMBER;
use crate::world::{CALLBACK, Visitor, World, form};

/// What is not `https://rp.example/cb`.
const LOOKALIKES: &[&str] = &[
    "https://rp.example/cb/",
    "https://rp.example/CB",
    "https://RP.example/cb",
    "HTTPS://rp.example/cb",
    "https://rp.example:443/cb",
    "https://rp.example:8443/cb",
    "https://rp.example./cb",
    "https://rp.example/cb?",
    "https://rp.example/cb?x=1",
    "https://rp.example/cb#",
    "https://rp.example/cb#x",
    "https://rp.example/cb;x",
    "https://rp.example/cb,x",
    "https://user@rp.example/cb",
    "https://rp.example@evil.example/cb",
    "https://rp.example:x@evil.example/cb",
    "https://rp.example%40evil.example/cb",
    "https://rp.example.evil.example/cb",
    "https://evil.example/rp.example/cb",
    "https://evil.example#rp.example/cb",
    "https://evil.example?rp.example/cb",
    "https://evil.example\\@rp.example/cb",
    "https:\\\\rp.example\\cb",
    "https:/rp.example/cb",
    "https:rp.example/cb",
    "https://rp.example/x/../cb",
    "https://rp.example/./cb",
    "https://rp.example//cb",
    "https://rp.example/%2e%2e/cb",
    "https://rp.example/%63b",
    "https://rp.example/cb%2F",
    "https://rp.example/cb%2f..",
    "https://rp.example/cb%00",
    "https://rp.example/cb%0d%0aSet-Cookie:x=1",
    "https://rp.example/cb\r\nLocation: https://evil.example",
    "https://rp.example/cb\0",
    "https://rp.example/cb\t",
    "https://rp.example/cb ",
    " https://rp.example/cb",
    "https://rp.example/cb\u{200b}",
    "https://rp.exampl\u{435}/cb",
    "https://rp．example/cb",
    "https://xn--rp-xample-example/cb",
    "//rp.example/cb",
    "/cb",
    "http://rp.example/cb",
    "ftp://rp.example/cb",
    "javascript:alert(1)//https://rp.example/cb",
    "data:text/html,https://rp.example/cb",
    "https://evil.example/",
    "",
];

fn request(redirect_uris: &[&str], more: &[(&str, &str)]) -> String {
    let mut pairs = vec![("response_type", "code"), ("client_id", "other"), ("scope", "openid"), ("state", "s")];
    pairs.extend(redirect_uris.iter().map(|uri| ("redirect_uri", *uri)));
    pairs.extend(more);
    form(&pairs)
}

#[tokio::test]
async fn a_redirect_uri_that_merely_looks_registered_is_a_page() {
    let world = World::start().await;
    let good = "https://rp.example/cb";
    let mut browser = Visitor::default();
    let original = world.get(&mut browser, &format!("/authorize?{}", request(&[good], &[]))).await;
    assert!(original.location().starts_with("/sign-in/"), "{}", original.text);
    let lower =
        "/authorize?response_type=code&client_id=other&scope=openid&redirect_uri=https%3a%2f%2frp.example%2fc%62";
    assert!(world.get(&mut browser, lower).await.location().starts_with("/sign-in/"), "encoded once, however");
    let once_more =
        "/authorize?response_type=code&client_id=other&scope=openid&redirect_uri=https%253A%252F%252Frp.example%252Fcb";
    assert_eq!(world.get(&mut browser, once_more).await.status, StatusCode::BAD_REQUEST, "encoded twice");
    for uri in LOOKALIKES {
        // with an error in the request, too: nobody is sent there to hear of it
        for more in [&[][..], &[("prompt", "none")], &[("response_type", "token")], &[("response_mode", "form_post")]] {
            let reply = world.get(&mut browser, &format!("/authorize?{}", request(&[uri], more))).await;
            assert_eq!((reply.status, reply.location()), (StatusCode::BAD_REQUEST, ""), "{uri:?} {more:?}");
            // links to our own page in the other language carry its address, encoded; nothing else does
            let leads = ["//evil.example", "@evil.example", "//rp.example"].iter().any(|to| reply.text.contains(to));
            assert!(!leads, "{uri:?}: {}", reply.text);
            assert!(!reply.headers.contains_key("refresh"));
        }
    }
}

#[tokio::test]
async fn a_parameter_that_stands_twice_decides_nothing() {
    let world = World::start().await;
    let (good, evil) = ("https://rp.example/cb", "https://evil.example/cb");
    let mut browser = Visitor::default();
    for uris in [&[good, evil][..], &[evil, good], &[good, good]] {
        let reply = world.get(&mut browser, &format!("/authorize?{}", request(uris, &[]))).await;
        assert_eq!((reply.status, reply.location()), (StatusCode::BAD_REQUEST, ""), "{uris:?}");
    }
    let two = format!("/authorize?{}&client_id=portal", request(&[good], &[]));
    assert_eq!(world.get(&mut browser, &two).await.status, StatusCode::BAD_REQUEST);
    for name in ["response_type", "scope", "code_challenge", "nonce", "prompt", "max_age", "state"] {
        let value = if name == "response_type" { "code" } else { "1" };
        let more = [(name, value), (name, value)];
        let reply = world.get(&mut browser, &format!("/authorize?{}", request(&[good], &more))).await;
        assert_eq!(reply.answer(good)["error"], "invalid_request", "{name}");
    }
}

#[tokio::test]
async fn after_a_sign_out_nobody_is_sent_elsewhere() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    let mut browser = Visitor::default();
    let body = world.redeem(&world.code(&mut browser, &alice, &[]).await).await.json();
    let hint = body["id_token"].as_str().unwrap();
    let good = "http://localhost:8083/out?a=%3D";
    for uri in [
        "http://localhost:8083/out",
        "http://localhost:8083/out?a==",
        "http://localhost:8083/out?a=%3d",
        "http://localhost:8083/out?a=%3D&b=1",
        "http://localhost:8083/out/?a=%3D",
        "http://LOCALHOST:8083/out?a=%3D",
        "http://localhost:8083/out?a=%3D#x",
        "http://localhost:8083@evil.example/out?a=%3D",
        "http://localhost:8083\\@evil.example/out?a=%3D",
        "http://evil.example/http://localhost:8083/out?a=%3D",
        "https://localhost:8083/out?a=%3D",
        "//evil.example",
        "javascript:alert(1)",
        CALLBACK, // registered, but for codes
    ] {
        let fields = [("id_token_hint", hint), ("post_logout_redirect_uri", uri)];
        let reply = world.get(&mut browser, &format!("/logout?{}", form(&fields))).await;
        assert_eq!((reply.status, reply.location()), (StatusCode::BAD_REQUEST, ""), "{uri}");
        let twice = format!("/logout?{}&post_logout_redirect_uri={good}", form(&fields));
        assert_eq!(world.get(&mut browser, &twice).await.status, StatusCode::BAD_REQUEST, "{uri}");
        // without a hint nobody vouches for the address, and the form keeps it as little
        let bare = [("post_logout_redirect_uri", uri), ("client_id", "portal")];
        let reply = world.get(&mut browser, &format!("/logout?{}", form(&bare))).await;
        assert_eq!((reply.status, reply.location()), (StatusCode::OK, ""), "{uri}");
    }
    let silent = world.get(&mut browser, &world.authorize("portal", &[("prompt", "none")])).await;
    assert!(silent.answer(CALLBACK).contains_key("code"), "still signed in");
    let fields = [("id_token_hint", hint), ("post_logout_redirect_uri", good), ("state", "s")];
    let reply = world.get(&mut browser, &format!("/logout?{}", form(&fields))).await;
    assert_eq!(reply.location(), format!("{good}&state=s"), "the original");
}

#[tokio::test]
async fn our_own_ways_back_stay_here() {
    let world = World::start().await;
    let mut browser = Visitor::default();
    let good = world.get(&mut browser, "/view?lang=en&to=/register").await;
    assert_eq!(good.location(), "/register");
    for to in [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "\\\\evil.example",
        "/a%0d%0ax",
        "/%09/evil.example",
        "",
    ] {
        let raw = format!("/view?lang=en&to={to}");
        let encoded = format!("/view?lang=en&{}", form(&[("to", to)]));
        for path in [raw, encoded] {
            let reply = world.get(&mut browser, &path).await;
            let to = reply.location();
            let local = to.starts_with('/') && !to.starts_with("//") && !to.contains(['\\', '\r', '\n', '\t']);
            assert!(local || reply.status.is_client_error(), "{path}: {to}");
        }
    }
    for path in ["/register?i=//evil.example", "/register?i=https://evil.example", "/register/confirm?i=//evil.example"]
    {
        let reply = world.get(&mut browser, path).await;
        assert!(!reply.text.contains("evil.example") && !reply.location().contains("evil"), "{path}");
    }
}

#[tokio::test]
async fn every_answer_names_its_issuer() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    let mut browser = Visitor::default();
    let document = world.get(&mut browser, "/.well-known/openid-configuration").await.json();
    assert_eq!(document["authorization_response_iss_parameter_supported"], true);
    let issuer = document["issuer"].as_str().unwrap().to_owned();
    let path = world.get(&mut browser, &world.authorize("portal", &[])).await.location().to_owned();
    let reply = world.sign_in(&mut browser, &path, &alice, Acr::Two).await;
    assert_eq!(reply.answer(CALLBACK)["iss"], issuer);
    for change in [
        &[][..],
        &[("prompt", "login"), ("prompt", "none")],
        &[("scope", "openid"), ("max_age", "x")],
        &[("prompt", "none"), ("max_age", "0")],
    ] {
        let reply = world.get(&mut browser, &world.authorize("portal", change)).await;
        assert_eq!(reply.answer(CALLBACK)["iss"], issuer, "{change:?}");
    }
    let by_form = world.get(&mut browser, &world.authorize("portal", &[("response_mode", "form_post")])).await;
    assert!(by_form.text.contains(&format!("name=\"iss\" value=\"{issuer}\"")), "{}", by_form.text);
}
