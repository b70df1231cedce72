//! Whoever is not the client: guesses, replays, floods.

use http::{StatusCode, header};
use idp::client::Names;
use idp::provision::{NewAuth, NewClient, client};
use keys::signer::Signer as _;
use keys::software::SoftwareKey;
use serde_json::json;
use verifier::algorithm::Algorithm;

use crate::assertion;
use crate::world::{SECRET, SIGNER, World, basic};

const ASKS: [(&str, &str); 1] = [("grant_type", "client_credentials")];
const FAILURES: &str = "SELECT count(*) FROM audit WHERE action = 'client.authenticate'";

#[tokio::test]
async fn guesses_of_a_secret_wait_and_keep_nobody_else_out() {
    let world = World::start().await;
    let (here, there) = ([203, 0, 113, 7], [198, 51, 100, 9]);
    let (good, wrong) = (basic("police", SECRET), basic("police", "not the secret of this client, though long"));
    for path in ["/token", "/revoke", "/introspect"] {
        for n in 0..3 {
            let reply = world.post_from(here, path, &wrong, &ASKS).await;
            assert_eq!((reply.status, reply.error().as_str()), (StatusCode::UNAUTHORIZED, "invalid_client"), "{n}");
            assert!(reply.headers.contains_key(header::WWW_AUTHENTICATE));
        }
    }
    assert_eq!(world.post_from(here, "/token", &good, &ASKS).await.status, StatusCode::OK, "nine failures are no harm");
    world.post_from(here, "/token", &wrong, &ASKS).await;
    for credential in [&wrong, &good] {
        let reply = world.post_from(here, "/token", credential, &ASKS).await;
        assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS, "the right one is not looked at either");
        assert_eq!(
            (reply.error().as_str(), &reply.headers[header::RETRY_AFTER]),
            ("temporarily_unavailable", &"30".parse().unwrap())
        );
    }
    assert_eq!(world.post_from(there, "/token", &good, &ASKS).await.status, StatusCode::OK, "the client elsewhere");
    let desk = [("token", "x")];
    assert_eq!(world.post_from(here, "/introspect", &basic("desk", SECRET), &desk).await.status, StatusCode::OK);
    assert_eq!(world.count(FAILURES).await, 10, "each stands in the record, and what was not looked at does not");
    world.advance(30);
    assert_eq!(world.post_from(here, "/token", &good, &ASKS).await.status, StatusCode::OK, "after the wait, here too");
}

#[tokio::test]
async fn a_flood_of_wrong_clients_fills_no_record() {
    let world = World::start().await;
    for n in 0..300_u16 {
        let [a, b] = n.to_be_bytes();
        let id = format!("invented-{n}");
        let reply = world.post_from([198, 51, a, b], "/token", &basic(&id, SECRET), &ASKS).await;
        assert_eq!(reply.error(), "invalid_client");
    }
    assert_eq!(world.count(FAILURES).await, 200);
    assert_eq!(
        world.post_from([198, 51, 0, 1], "/token", &basic("police", SECRET), &ASKS).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn an_assertion_is_used_up_whatever_becomes_of_its_request() {
    let world = World::start().await;
    let key = SoftwareKey::from_pkcs8(Algorithm::Es256, &SoftwareKey::generate(Algorithm::Es256).unwrap()).unwrap();
    let mut new =
        NewClient::system("keyed", Names::same("系统"), SECRET, "11990100001000010R", SIGNER, &["licence.read"]);
    new.auth = NewAuth::PrivateKeyJwt(json!({ "keys": [key.public_key().to_jwk()] }));
    client(&world.idp, new).await.unwrap();
    let send = async |assertion: &str, path: &str, change: (&str, &str)| {
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion),
        ];
        let mut fields: Vec<_> = fields.into_iter().filter(|(name, _)| *name != change.0).collect();
        fields.push(change);
        let reply = world.post(path, "", &fields).await;
        if reply.status == StatusCode::OK { "ok".to_owned() } else { reply.error() }
    };
    let whole = ("", "");
    for (path, change, expected) in [
        ("/token", whole, "ok"),
        ("/token", ("scope", "licence.issue"), "invalid_scope"),
        ("/token", ("resource", "https://else.example"), "invalid_target"),
        ("/token", ("grant_type", "password"), "unsupported_grant_type"),
        ("/token", ("grant_type", "refresh_token"), "unauthorized_client"),
        ("/revoke", whole, "invalid_request"),
        ("/revoke", ("token", "x"), "ok"),
        ("/introspect", whole, "invalid_request"),
    ] {
        world.advance(1);
        let once = assertion(&world, &key, |_| {});
        assert_eq!(send(&once, path, change).await, expected, "{path} {change:?}");
        assert_eq!(send(&once, "/token", whole).await, "invalid_client", "{path} {change:?}: replayed");
    }
    assert_eq!(world.count("SELECT count(*) FROM audit WHERE result = 'client.assertion_replayed'").await, 8);
    world.advance(1);
    let fresh = assertion(&world, &key, |_| {});
    let before = world.idp.db().statements();
    assert_eq!(send(&fresh, "/token", whole).await, "ok");
    let spent = world.idp.db().statements() - before;
    assert!(
        (2..=4).contains(&spent),
        "the assertion and the audit row; client and resource may be read again: {spent}"
    );
}

#[tokio::test]
async fn a_credential_that_contradicts_itself_is_recorded_too() {
    let world = World::start().await;
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    for (authorization, fields) in [
        (basic("police", SECRET), &[ASKS[0], ("client_id", "desk")][..]),
        (String::new(), &[ASKS[0], ("client_assertion", "nonsense"), ("client_assertion_type", kind)][..]),
    ] {
        let reply = world.post("/token", &authorization, fields).await;
        assert_eq!(reply.error(), "invalid_client", "{}", reply.text);
    }
    assert_eq!(world.count(FAILURES).await, 2);
}
