//! Issuing through the API.

use http::Method;
use serde_json::{Value, json};

use crate::world::{BUREAU, HALL, NUMBER, SHOP_TYPE, World, another_request, payload_of, request};

#[tokio::test(flavor = "multi_thread")]
async fn a_licence_is_issued_and_read_in_every_form() {
    let world = World::start().await;
    let issued = world.issue().await;
    assert_eq!(issued["state"], "in_force", "{issued}");
    let token = world.client(BUREAU);
    let path = format!("/v1/licences/{}", issued["id"].as_str().unwrap());
    let licence = world.get(&path, Some(&token), None).await.json();
    assert_eq!(licence["identifier"], issued["identifier"]);
    assert_eq!(licence["holder"]["name"], "阿卜杜拉·买买提");
    assert_eq!(licence["items"]["level"], "二级");
    let credential = world.get(&path, Some(&token), Some("application/dc+sd-jwt")).await;
    assert_eq!(credential.headers["content-type"], "application/dc+sd-jwt");
    let payload = payload_of(&credential.text());
    assert_eq!(payload["iss"], format!("{}/departments/{BUREAU}", world.url));
    assert_eq!(payload["nbf"], 1_795_536_000);
    assert_eq!(payload["log"]["event"], "issue");
    assert!(credential.text().ends_with('~'));
    let again = world.get(&path, Some(&token), Some("application/dc+sd-jwt")).await;
    assert_eq!(again.body, credential.body, "disclosures are handed on byte for byte");
    let code = world.get(&path, Some(&token), Some("text/plain")).await.text();
    assert!(code.starts_with("XY1:"), "{code}");
    let binary = world.get(issued["renditions"]["cwt"].as_str().unwrap(), Some(&token), None).await;
    assert_eq!((binary.headers["content-type"].as_bytes(), binary.body[0]), (b"application/cwt".as_slice(), 0xd2));
    assert_eq!(world.status_of(&credential.text()).await, 0);
    let list = world.get("/v1/licences?limit=1", Some(&token), None).await.json();
    assert_eq!(list["licences"][0]["id"], issued["id"]);
    assert!(list["next"].is_string());
}

/// KF-33: the key counts for a caller, a method, a path and a body, and only for what was done.
#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_remembers_what_was_done_and_nothing_else() {
    let world = World::start().await;
    let token = world.client(BUREAU);
    let send = async |path: &str, token: &str, body: &Value| {
        world.call(Method::POST, path, Some(token), Some(body), &[("idempotency-key", "k-1")]).await
    };
    let mut faulty = request();
    faulty["holder"]["code"] = json!("110105194912310021");
    let refused = send("/v1/licences", &token, &faulty).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (422, "licence.rejected".to_owned()), "{}", refused.text());
    assert!(!refused.text().contains("110105194912310021"));
    let first = send("/v1/licences", &token, &request()).await;
    assert_eq!(first.status, 201, "a refusal is not kept: {}", first.text());
    let second = send("/v1/licences", &token, &request()).await;
    assert_eq!((second.status.as_u16(), second.json()), (201, first.json()));
    let mut other = request();
    other["number"] = json!("资2026-000002");
    assert_eq!(send("/v1/licences", &token, &other).await.code(), "idempotency.reused");
    let event = json!({"legal_ground": "《行政许可法》第七十条", "reason": "核查"});
    let path = format!("/v1/licences/{}/suspension", first.json()["id"].as_str().unwrap());
    let done = send(&path, &token, &event).await;
    assert_eq!(done.status, 200, "the same key at another path runs: {}", done.text());
    assert_eq!(send(&path, &token, &event).await.json(), done.json());
    let third = send("/v1/licences", &token, &request()).await;
    assert_eq!((third.status.as_u16(), &third.json()["state"]), (201, &json!("suspended")), "as it stands now");
    assert_eq!((&third.json()["id"], &third.json()["renditions"]), (&first.json()["id"], &first.json()["renditions"]));
    let without = world.post("/v1/licences", &token, &another_request()).await;
    assert_ne!(without.json()["id"], first.json()["id"]);
    let (body, key) = (another_request(), [("idempotency-key", "k-2")]);
    let both = tokio::join!(
        world.call(Method::POST, "/v1/licences", Some(&token), Some(&body), &key),
        world.call(Method::POST, "/v1/licences", Some(&token), Some(&body), &key),
    );
    assert_eq!((both.0.status.as_u16(), both.0.json()), (201, both.1.json()), "two at once make one");
}

/// KF-31 among others: a NUL in any text is refused with its member's name.
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_named() {
    let world = World::start().await;
    let token = world.client(BUREAU);
    for (pointer, value, status, member) in [
        ("/holder/code", json!("1101051949123100"), 422, "holder.code"),
        ("/holder/code_type", json!("001"), 422, "holder.code_type"),
        ("/holder/kind", json!("organisation"), 422, "holder.kind"),
        ("/holder/name", json!(" "), 422, "holder.name"),
        ("/holder/name", json!("张\u{0}三"), 422, "holder.name"),
        ("/number", json!(""), 422, "number"),
        ("/issue_date", json!("2026-02-30"), 422, "issue_date"),
        ("/issue_date", json!("2099-01-01"), 422, "issue_date"),
        ("/valid_until", json!("2026-11-24"), 422, "valid_until"),
        ("/valid_until", json!("2046-11-24"), 422, "valid_until"),
        ("/items/level", json!("四级"), 422, "items.level"),
        ("/items/scope", json!("字".repeat(41)), 422, "items.scope"),
        ("/items/scope", json!("a\u{0}"), 422, "items.scope"),
        ("/items/first_issued", json!("yesterday"), 422, "items.first_issued"),
        ("/type", json!("11640000MB00XY126D009"), 422, "type"),
    ] {
        let mut body = request();
        *body.pointer_mut(pointer).unwrap() = value.clone();
        let answer = world.post("/v1/licences", &token, &body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["member"].as_str()),
            (status, Some(member)),
            "{pointer} {value}"
        );
    }
    let mut unknown = request();
    unknown["holder"]["gender"] = json!("x");
    let answer = world.post("/v1/licences", &token, &unknown).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (400, "input.unknown_member".to_owned()));
    assert_eq!(answer.json()["member"], "holder.gender");
    let hall = world.post("/v1/licences", &world.client(HALL), &request()).await;
    assert_eq!((hall.status.as_u16(), hall.code()), (403, "licence_type.department".to_owned()));
    assert!(!hall.text().contains(NUMBER));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_too_long_refuses_the_code_and_never_the_licence() {
    let world = World::start().await;
    let token = world.client(BUREAU);
    let mut body = request();
    body["type"] = json!(SHOP_TYPE);
    body["holder"] = json!({"kind": "organisation", "code_type": "001", "code": "91640100MA00TE5T2G",
        "name": "很".repeat(41)});
    let answer = world.post("/v1/licences", &token, &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert!(answer.json()["renditions"].get("cwt").is_none());
    assert_eq!(answer.json()["not_made"]["cwt"]["member"], "holder_name");
    let path = format!("/v1/licences/{}", answer.json()["id"].as_str().unwrap());
    let code = world.get(&path, Some(&token), Some("application/cwt")).await;
    assert_eq!((code.status.as_u16(), code.code()), (404, "licence.rendition_absent".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_change_of_digest_keys_what_was_kept_is_still_found() {
    let world = World::start().await;
    let key = [("idempotency-key", "k-1")];
    let send = async || {
        let token = world.client(BUREAU);
        world.call(Method::POST, "/v1/licences", Some(&token), Some(&request()), &key).await
    };
    let first = send().await;
    let ring = world.keys.ring(&keys::Purpose::FieldDigest).unwrap();
    ring.rotate(world.signer.sources().now(), 30).unwrap();
    world.later(90_000);
    let again = send().await;
    assert_eq!((again.status.as_u16(), again.json()), (201, first.json()), "{}", again.text());
    let lookup = json!({"holder": {"code_type": "111", "code": NUMBER}, "type": crate::world::PERSON_TYPE,
        "matter": "M-1", "case": "办件1", "purpose": "核对"});
    let found = world.post("/v1/lookups", &world.client(HALL), &lookup).await.json();
    assert_eq!(found["licences"][0]["facts"]["identifier"], first.json()["identifier"], "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_licence_entered_after_its_end_takes_no_number() {
    let world = World::start().await;
    let operator = licence_signer::provision::officer(&world.signer, BUREAU, "operator").unwrap();
    let past = || {
        let mut body = request();
        body["issue_date"] = json!("2020-01-01");
        body["valid_from"] = json!("2020-01-01");
        body["valid_until"] = json!("2022-12-31");
        serde_json::from_value::<licence_signer::issuance::Draft>(body).unwrap()
    };
    world.signer.issue(&operator, past(), None).await.unwrap();
    let now = world.post("/v1/licences", &world.client(BUREAU), &request()).await;
    assert_eq!(now.status, 201, "the number is free: {}", now.text());
    world.signer.issue(&operator, past(), None).await.unwrap();
    let again = world.post("/v1/licences", &world.client(BUREAU), &request()).await;
    assert_eq!(again.code(), "licence.number_taken", "and stays with the one in force");
}
