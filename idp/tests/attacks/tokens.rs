//! Tokens where they do not belong, and signatures that are none (RFC 8725; RFC 9700 §4.9, §4.10).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD as B64U};
use http::StatusCode;
use idp::client::Names;
use idp::provision::{NewAuth, NewClient, client};
use keys::signer::Signer;
use keys::software::SoftwareKey;
use ring::hmac;
use serde_json::{Value, json};
use verifier::algorithm::{Algorithm, PublicKey};

use crate::world::{CALLBACK, ISSUER, SECRET, SIGNER, VERIFIER, Visitor, World, basic, claims, form, header_of};
use crate::{NUMBER, assertion};

fn key(algorithm: Algorithm) -> SoftwareKey {
    SoftwareKey::from_pkcs8(algorithm, &SoftwareKey::generate(algorithm).unwrap()).unwrap()
}

fn join(header: &Value, payload: &Value) -> String {
    format!("{}.{}", B64U.encode(header.to_string()), B64U.encode(payload.to_string()))
}

/// Forgeries of a genuine token: what each is called, and its text. `genuine` is the key that is published for it.
fn forgeries(token: &str, genuine: &PublicKey) -> Vec<(String, String)> {
    let (header, payload) = (header_of(token), claims(token));
    let signature = token.rsplit('.').next().unwrap();
    let with = |changes: &[(&str, Value)]| {
        let mut header = header.clone();
        for (name, value) in changes {
            header[*name] = value.clone();
        }
        header
    };
    let mut all = Vec::new();
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let input = join(&with(&[("alg", json!(alg))]), &payload);
        all.push((format!("alg {alg:?}, no signature"), format!("{input}.")));
        all.push((format!("alg {alg:?}, the old signature"), format!("{input}.{signature}")));
    }
    // the public key, in whatever clothes, as an HMAC secret
    let spki = genuine.spki_der().to_vec();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&spki));
    let jwk = Value::Object(genuine.to_jwk()).to_string();
    for (what, secret) in
        [("SPKI", spki), ("PEM", pem.into_bytes()), ("JWK", jwk.into_bytes()), ("nothing", Vec::new())]
    {
        let input = join(&with(&[("alg", json!("HS256"))]), &payload);
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), input.as_bytes());
        all.push((format!("HS256 by {what}"), format!("{input}.{}", B64U.encode(tag))));
    }
    for alg in ["ES384", "ES256K", "PS256", "RS512", "EdDSA", "RS256", "ES256 ", "es256"] {
        if alg != header["alg"] {
            all.push((format!("alg {alg}"), format!("{}.{signature}", join(&with(&[("alg", json!(alg))]), &payload))));
        }
    }
    // a stranger's key, which the header brings along or names
    let strangers = key(Algorithm::Es256);
    let jwk = Value::Object(strangers.public_key().to_jwk());
    let by_stranger = |changes: &[(&str, Value)]| {
        let input = join(&with(&[&[("alg", json!("ES256"))], changes].concat()), &payload);
        format!("{input}.{}", B64U.encode(strangers.sign(input.as_bytes()).unwrap()))
    };
    for (what, changes) in [
        ("stranger", vec![]),
        ("jwk", vec![("jwk", jwk.clone())]),
        ("jwk and its kid", vec![("jwk", jwk.clone()), ("kid", json!(strangers.kid()))]),
        ("jku", vec![("jku", json!("https://evil.example/jwks")), ("kid", json!(strangers.kid()))]),
        ("x5u", vec![("x5u", json!("https://evil.example/cert"))]),
        ("x5c", vec![("x5c", json!([STANDARD.encode(b"no certificate")]))]),
        ("kid of a path", vec![("kid", json!("../../jwks/0"))]),
        ("kid of a file", vec![("kid", json!("/dev/null"))]),
        ("kid of SQL", vec![("kid", json!("' OR 1=1 --"))]),
        ("kid of nothing", vec![("kid", json!(""))]),
        ("kid of a list", vec![("kid", json!([]))]),
        ("kid null", vec![("kid", Value::Null)]),
    ] {
        all.push((what.to_owned(), by_stranger(&changes)));
    }
    for (what, changes) in [
        ("crit", vec![("crit", json!(["exp"])), ("exp", json!(1))]),
        ("b64", vec![("crit", json!(["b64"])), ("b64", json!(false))]),
    ] {
        all.push((what.to_owned(), format!("{}.{signature}", join(&with(&changes), &payload))));
    }
    // the text
    let mut parts: Vec<&str> = token.split('.').collect();
    all.push(("no signature".into(), format!("{}.{}.", parts[0], parts[1])));
    all.push(("two parts".into(), format!("{}.{}", parts[0], parts[1])));
    all.push(("padded".into(), format!("{token}=")));
    all.push(("four parts".into(), format!("{token}.{}", parts[2])));
    all.push(("cut".into(), token[..token.len() - 4].to_owned()));
    let changed = B64U.encode(claims(token).to_string().replacen("urn:xinyin:acr:2", "urn:xinyin:acr:3", 1) + " ");
    parts[1] = &changed;
    all.push(("another payload".into(), parts.join(".")));
    all
}

/// The key that is published under a token's `kid`.
async fn published(world: &World, token: &str) -> PublicKey {
    let keys = world.get(&mut Visitor::default(), "/jwks").await.json();
    let found = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header_of(token)["kid"]);
    PublicKey::from_jwk(found.unwrap()).unwrap()
}

#[tokio::test]
async fn a_forged_access_token_opens_nothing() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    let body = world.redeem(&world.code(&mut Visitor::default(), &alice, &[]).await).await.json();
    let access = body["access_token"].as_str().unwrap();
    let portal = basic("portal", SECRET);
    for (what, forged) in forgeries(access, &published(&world, access).await) {
        assert_eq!(world.userinfo(&forged).await.status, StatusCode::UNAUTHORIZED, "{what}");
        let about = world.post("/introspect", &portal, &[("token", &forged)]).await.json();
        assert_eq!(about, json!({ "active": false }), "{what}");
        assert_eq!(world.post("/revoke", &portal, &[("token", &forged)]).await.status, StatusCode::OK, "{what}");
    }
    assert_eq!(world.userinfo(access).await.status, StatusCode::OK, "the original, which no forgery has revoked");
}

#[tokio::test]
async fn a_forged_hint_signs_nobody_out_and_chooses_nobody() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    let mut browser = Visitor::default();
    let body = world.redeem(&world.code(&mut browser, &alice, &[]).await).await.json();
    let (hint, access) = (body["id_token"].as_str().unwrap(), body["access_token"].as_str().unwrap());
    let mut bad = forgeries(hint, &published(&world, hint).await);
    bad.push(("an access token".into(), access.to_owned()));
    for (what, forged) in bad {
        let ask = world.authorize("portal", &[("prompt", "none"), ("id_token_hint", &forged)]);
        assert_eq!(world.get(&mut browser, &ask).await.answer(CALLBACK)["error"], "invalid_request", "{what}");
        let reply = world.get(&mut browser, &format!("/logout?{}", form(&[("id_token_hint", &forged)]))).await;
        assert!(reply.text.contains("action=\"/logout\""), "{what}: {}", reply.text);
    }
    let foreign = world.authorize("desk", &[("prompt", "none"), ("id_token_hint", hint)]);
    let reply = world.get(&mut browser, &foreign).await;
    assert_eq!(reply.answer("http://localhost:8082/callback")["error"], "invalid_request", "another client's");
    // the original counts when it has long expired (OpenID Connect Core §3.1.2.1)
    world.advance(7_200);
    assert!(claims(hint)["exp"].as_i64().unwrap() < world.now());
    let ask = world.authorize("portal", &[("prompt", "none"), ("id_token_hint", hint)]);
    assert!(world.get(&mut browser, &ask).await.answer(CALLBACK).contains_key("code"));
    world.get(&mut browser, &format!("/logout?{}", form(&[("id_token_hint", hint)]))).await;
    assert_eq!(world.get(&mut browser, &ask).await.answer(CALLBACK)["error"], "login_required", "signed out at once");
}

#[tokio::test]
async fn a_token_counts_for_its_own_use_and_audience_alone() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    let mut browser = Visitor::default();
    let own = world.redeem(&world.code(&mut browser, &alice, &[]).await).await.json();
    let code = world.code(&mut Visitor::default(), &alice, &[("resource", SIGNER)]).await;
    let at_signer = world.redeem(&code).await.json();
    let police = world.post("/token", &basic("police", SECRET), &[("grant_type", "client_credentials")]).await.json();
    let text = |body: &Value, name: &str| body[name].as_str().unwrap().to_owned();
    let (access, id_token) = (text(&own, "access_token"), text(&own, "id_token"));
    let (foreign, system) = (text(&at_signer, "access_token"), text(&police, "access_token"));
    assert_eq!((&claims(&access)["aud"], &claims(&foreign)["aud"]), (&json!(ISSUER), &json!(SIGNER)));
    for (what, token, status) in [
        ("its own", &access, StatusCode::OK),
        ("one for licence-signer", &foreign, StatusCode::UNAUTHORIZED),
        ("a client's own", &system, StatusCode::UNAUTHORIZED),
        ("an ID token", &id_token, StatusCode::UNAUTHORIZED),
    ] {
        assert_eq!(world.userinfo(token).await.status, status, "{what}");
    }
    let in_the_address = world.get(&mut browser, &format!("/userinfo?access_token={access}")).await;
    assert_eq!(
        in_the_address.status,
        StatusCode::UNAUTHORIZED,
        "a token in an address is not looked at (RFC 9700 §4.3.2)"
    );

    // as the subject of an exchange: only what is for the desk itself
    for token in [&access, &foreign, &system, &id_token] {
        let fields = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("subject_token", token.as_str()),
        ];
        assert_eq!(world.post("/token", &basic("desk", SECRET), &fields).await.error(), "invalid_request");
    }
    // as a code, a refresh token, a client's assertion, a secret
    for token in [&access, &foreign, &system, &id_token] {
        let code = [
            ("grant_type", "authorization_code"),
            ("code", token),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        assert_eq!(world.post("/token", &basic("portal", SECRET), &code).await.error(), "invalid_grant");
        assert_eq!(world.refresh(token).await.error(), "invalid_grant");
        for client_id in ["portal", "police", "public"] {
            let fields = [
                ("grant_type", "client_credentials"),
                ("client_id", client_id),
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                ("client_assertion", token),
            ];
            assert_eq!(world.post("/token", "", &fields).await.error(), "invalid_client", "{client_id}");
        }
        assert_eq!(world.post("/token", &basic("portal", token), &code).await.error(), "invalid_client");
    }
    // the resource asks about tokens for itself alone
    let about = async |token: &str| world.post("/introspect", &basic("desk", SECRET), &[("token", token)]).await.json();
    for token in [&access, &foreign, &system, &id_token] {
        assert_eq!(about(token).await, json!({ "active": false }));
    }
    assert_eq!(world.userinfo(&access).await.status, StatusCode::OK, "the original");
}

#[tokio::test]
async fn a_forged_assertion_proves_no_client() {
    let world = World::start().await;
    let own = key(Algorithm::Es256);
    let register = async |key: &SoftwareKey| {
        let mut new =
            NewClient::system("keyed", Names::same("系统"), SECRET, "11990100001000010R", SIGNER, &["licence.read"]);
        new.auth = NewAuth::PrivateKeyJwt(json!({ "keys": [key.public_key().to_jwk()] }));
        client(&world.idp, new).await.unwrap();
    };
    register(&own).await;
    let ask = async |assertion: &str| {
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion),
        ];
        let reply = world.post("/token", "", &fields).await;
        if reply.status == StatusCode::OK { "ok".to_owned() } else { reply.error() }
    };
    let original = assertion(&world, &own, |_| {});
    for (what, forged) in forgeries(&original, own.public_key()) {
        assert_eq!(ask(&forged).await, "invalid_client", "{what}");
    }
    assert_eq!(ask(&original).await, "ok", "the original, which no forgery has used up");
    assert_eq!(ask(&original).await, "invalid_client", "once");
    let now = world.now();
    for (member, value, expected) in [
        ("jti", json!("fresh"), "ok"),
        ("aud", json!("http://localhost:8081"), "invalid_client"), // meant for licence-signer
        ("aud", json!([ISSUER, SIGNER]), "invalid_client"),
        ("aud", json!("http://localhost:8080/"), "invalid_client"),
        ("aud", json!("http://localhost:8080/authorize"), "invalid_client"),
        ("aud", json!("http://127.0.0.1:8080"), "invalid_client"),
        ("aud", json!([]), "invalid_client"),
        ("aud", json!({}), "invalid_client"),
        ("sub", json!("police"), "invalid_client"),
        ("iss", json!(ISSUER), "invalid_client"),
        ("exp", json!(now + 3_700), "invalid_client"), // lives too long
        ("exp", json!(now - 60), "invalid_client"),
        ("exp", json!(1e300), "invalid_client"),
        ("iat", json!(now + 60), "invalid_client"),
        ("nbf", json!(now + 60), "invalid_client"),
        ("jti", json!(""), "invalid_client"),
        ("jti", json!(7), "invalid_client"),
    ] {
        let text = assertion(&world, &own, |claims| {
            claims["jti"] = json!(format!("{member}{value}"));
            claims[member] = value.clone();
        });
        assert_eq!(ask(&text).await, expected, "{member} {value}");
    }
    // a key that was taken out of the registration proves nothing any more
    let next = key(Algorithm::EdDsa);
    register(&next).await;
    world.advance(1);
    assert_eq!(ask(&assertion(&world, &own, |_| {})).await, "invalid_client");
    assert_eq!(ask(&assertion(&world, &next, |_| {})).await, "ok");
}
