//! Lookups, presentations, and the holder's history.

use licence_signer::flow::present::{Showing, Stage};
use serde_json::{Value, json};

use crate::world::{BUREAU, HALL, NUMBER, PERSON_TYPE, World};

fn lookup() -> Value {
    json!({"holder": {"code_type": "111", "code": NUMBER}, "type": PERSON_TYPE, "matter": "M-1", "case": "办件1",
        "purpose": "核对从业资格"})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lookup_shows_what_the_matter_needs_and_the_holder_sees_it() {
    let world = World::start().await;
    let issued = world.issue().await;
    let hall = world.client(HALL);
    let answer = world.post("/v1/lookups", &hall, &lookup()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let found = answer.json();
    assert_eq!(found["licences"].as_array().unwrap().len(), 1);
    let facts = &found["licences"][0]["facts"];
    assert_eq!(facts["identifier"], issued["identifier"]);
    assert_eq!(facts["items"], json!({"level": "二级"}));
    assert_eq!(found["licences"][0]["report"]["verdict"], "valid", "{found}");
    assert_eq!(found["licences"][0]["report"]["licence"]["items"], json!({"level": "二级"}));
    assert!(found["licences"][0].get("credential").is_none());
    let holder = world.holder().await;
    let looks = world.get("/v1/looks", Some(&holder), None).await.json();
    assert_eq!(looks["looks"][0]["department"]["name"], "示范市政务服务中心", "{looks}");
    assert_eq!(looks["looks"][0]["purpose"], "核对从业资格");
    for (change, status, code) in [
        (json!({"matter": "M-2"}), 403, "matter.not_for_type"),
        (json!({"matter": "M-9"}), 403, "matter.unknown"),
        (json!({"purpose": ""}), 422, "input.invalid_member"),
        (json!({"purpose": "字".repeat(201)}), 422, "input.invalid_member"),
        (json!({"type": "x"}), 422, "licence_type.unknown"),
        (json!({"holder": {"code_type": "111", "code": "1"}}), 422, "input.invalid_member"),
        (json!({"why": 1}), 400, "input.unknown_member"),
    ] {
        let mut body = lookup();
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let answer = world.post("/v1/lookups", &hall, &body).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{change}");
    }
    let looks = world.get("/v1/looks", Some(&holder), None).await.json();
    assert_eq!(looks["looks"].as_array().unwrap().len(), 1, "refusals are no looks");
    let mut tx = world.signer.db().reader().await.unwrap();
    let (refused,): (i64,) = store::on!(&mut tx, c => store::sqlx::query_as("SELECT count(*) FROM audit
        WHERE action = 'licence.lookup' AND result IN ('matter.not_for_type', 'matter.unknown')").fetch_one(c).await)
    .unwrap();
    assert_eq!(refused, 2, "but they stand in the record");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_presentation_is_resolved_once_and_repeated_by_the_same_caller_alone() {
    let world = World::start().await;
    let issued = world.issue().await;
    let (holder, hall) = (world.holder().await, world.client(HALL));
    let show = json!({"licence": issued["id"], "items": ["level"]});
    let made = world.post("/v1/presentations", &holder, &show).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let code = made.json()["code"].as_str().unwrap().to_owned();
    assert!(code.starts_with("XYP:") && code.len() == 30);
    let resolve = |code: &str| json!({"code": code, "matter": "M-1", "case": "办件2", "purpose": "窗口核验"});
    let path = "/v1/presentations/resolutions";
    assert_eq!(world.call(http::Method::POST, path, None, Some(&resolve(&code)), &[]).await.status, 401);
    let mut without_matter = resolve(&code);
    without_matter["matter"] = json!("M-9");
    assert_eq!(world.post(path, &hall, &without_matter).await.code(), "matter.unknown");
    let seen = world.post(path, &hall, &resolve(&code)).await;
    assert_eq!(seen.status, 200, "nothing was spent before: {}", seen.text());
    assert_eq!(seen.json()["facts"]["items"], json!({"level": "二级"}));
    assert_eq!(seen.json()["report"]["verdict"], "valid");
    assert!(!seen.text().contains(NUMBER));
    assert_eq!(world.post(path, &hall, &resolve(&code)).await.status, 200, "the same caller repeats");
    let other = world.post(path, &world.client(BUREAU), &resolve(&code)).await;
    assert_eq!((other.status.as_u16(), other.code()), (409, "presentation.used".to_owned()));
    let looks = world.get("/v1/looks", Some(&holder), None).await.json();
    assert_eq!(looks["looks"].as_array().unwrap().len(), 1);
    assert_eq!(looks["looks"][0]["way"], "presentation");
    world.later(61);
    let (holder, hall) = (world.holder().await, world.client(HALL));
    assert_eq!(world.post(path, &hall, &resolve(&code)).await.code(), "presentation.expired");
    let made = world.post("/v1/presentations", &holder, &show).await.json();
    world.later(61);
    let hall = world.client(HALL);
    let late = world.post(path, &hall, &resolve(made["code"].as_str().unwrap())).await;
    assert_eq!((late.status.as_u16(), late.code()), (410, "presentation.expired".to_owned()));
    assert_eq!(
        world.post(path, &hall, &resolve("XYP:00000000000000000000000000")).await.code(),
        "presentation.unknown"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn digits_only_find_it_and_the_holder_agrees() {
    let world = World::start().await;
    let issued = world.issue().await;
    let (holder, hall) = (world.holder().await, world.client(HALL));
    let session = world.signer.holder_session("person-1", "person:person-1").await.unwrap();
    let showing = Showing {
        licence: issued["id"].as_str().unwrap().to_owned(),
        items: vec!["level".to_owned()],
        ..Default::default()
    };
    let made = world.signer.present(&session, &showing).await.unwrap();
    let body = json!({"code": made.digits, "matter": "M-1", "case": "办件3", "purpose": "窗口核验"});
    let path = "/v1/presentations/resolutions";
    assert_eq!(world.post(path, &hall, &body).await.code(), "presentation.awaiting_holder");
    assert_eq!(world.post(path, &world.client(BUREAU), &body).await.code(), "presentation.used");
    let stage = world.signer.stage(&session, &made.id).await.unwrap();
    assert!(matches!(stage, Stage::Asked(asked) if asked.department == "示范市政务服务中心"));
    world.signer.agree(&session, &made.id).await.unwrap();
    let seen = world.post(path, &hall, &body).await;
    assert_eq!(seen.status, 200, "{}", seen.text());
    let code = world.signer.screen_code(&session, &showing.licence).await.unwrap();
    assert!(code.text.starts_with("XY1:") && code.text.len() <= 483);
    let looks = world.get("/v1/looks", Some(&holder), None).await.json();
    assert_eq!(looks["looks"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_who_does_not_agree_ends_the_asking() {
    let world = World::start().await;
    let issued = world.issue().await;
    world.holder().await;
    let hall = world.client(HALL);
    let session = world.signer.holder_session("person-1", "person:person-1").await.unwrap();
    let licence = issued["id"].as_str().unwrap().to_owned();
    let showing = Showing { licence, items: vec!["level".to_owned()], ..Showing::default() };
    let path = "/v1/presentations/resolutions";
    for agreed_before in [false, true] {
        let made = world.signer.present(&session, &showing).await.unwrap();
        let body = |code: &str| json!({"code": code, "matter": "M-1", "case": "办件3", "purpose": "窗口核验"});
        assert_eq!(world.post(path, &hall, &body(&made.digits)).await.code(), "presentation.awaiting_holder");
        if agreed_before {
            world.signer.agree(&session, &made.id).await.unwrap();
        }
        assert!(world.signer.withdraw(&session, &made.id).await.unwrap());
        assert_eq!(world.signer.stage(&session, &made.id).await.unwrap(), Stage::Over);
        assert_eq!(world.signer.agree(&session, &made.id).await.unwrap_err().code(), "presentation.expired");
        for code in [&made.digits, &made.code] {
            let refused = world.post(path, &hall, &body(code)).await;
            assert_eq!((refused.status.as_u16(), refused.code()), (410, "presentation.expired".to_owned()));
        }
        assert_eq!(world.signer.stage(&session, &made.id).await.unwrap(), Stage::Over);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_agreed_to_one_department_agreed_to_no_other() {
    let world = World::start().await;
    let issued = world.issue().await;
    world.holder().await;
    let session = world.signer.holder_session("person-1", "person:person-1").await.unwrap();
    let licence = issued["id"].as_str().unwrap().to_owned();
    let showing = Showing { licence, items: vec!["level".to_owned()], ..Showing::default() };
    let made = world.signer.present(&session, &showing).await.unwrap();
    let path = "/v1/presentations/resolutions";
    let body = |code: &str| json!({"code": code, "matter": "M-1", "case": "办件3", "purpose": "窗口核验"});
    world.later(50);
    let asked = world.post(path, &world.client(HALL), &body(&made.digits)).await;
    assert_eq!(asked.code(), "presentation.awaiting_holder");
    world.later(30);
    world.signer.agree(&session, &made.id).await.unwrap();
    world.later(20);
    let other = world.post(path, &world.client(BUREAU), &body(&made.code)).await;
    assert_eq!((other.status.as_u16(), other.code()), (410, "presentation.expired".to_owned()));
    let seen = world.post(path, &world.client(HALL), &body(&made.digits)).await;
    assert_eq!(seen.status, 200, "{}", seen.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn digits_are_not_guessed_and_only_the_guesser_waits() {
    let world = World::start().await;
    let issued = world.issue().await;
    world.holder().await;
    let session = world.signer.holder_session("person-1", "person:person-1").await.unwrap();
    let showing = Showing {
        licence: issued["id"].as_str().unwrap().to_owned(),
        items: vec!["level".to_owned()],
        ..Default::default()
    };
    let made = world.signer.present(&session, &showing).await.unwrap();
    let path = "/v1/presentations/resolutions";
    let body = |code: &str| json!({"code": code, "matter": "M-1", "case": "办件3", "purpose": "窗口核验"});
    let wrong = |n: usize| {
        let text = format!("{n:08}");
        if text == made.digits { "99999999".to_owned() } else { text }
    };
    let (guesser, hall) = (world.client(BUREAU), world.client(HALL));
    for n in 0..20 {
        assert_eq!(world.post(path, &guesser, &body(&wrong(n))).await.code(), "presentation.unknown", "{n}");
    }
    let waits = world.post(path, &guesser, &body(&made.digits)).await;
    assert_eq!((waits.status.as_u16(), waits.code()), (429, "rate.limited".to_owned()), "the right ones neither");
    assert!(waits.headers.contains_key("retry-after"));
    let mut tx = world.signer.db().reader().await.unwrap();
    let (waited,): (i64,) = store::on!(&mut tx, c => store::sqlx::query_as("SELECT count(*) FROM audit
        WHERE action = 'presentation.resolve' AND result = 'rate.limited'").fetch_one(c).await)
    .unwrap();
    assert_eq!(waited, 1, "who guesses stands in the record");
    drop(tx);
    // asking again and again while the holder thinks is no guess, and the hall is another caller
    for _ in 0..25 {
        assert_eq!(world.post(path, &hall, &body(&made.digits)).await.code(), "presentation.awaiting_holder");
    }
    world.signer.agree(&session, &made.id).await.unwrap();
    assert_eq!(world.post(path, &hall, &body(&made.digits)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_sees_his_own_from_level_two_on() {
    let world = World::start().await;
    let issued = world.issue().await;
    let holder = world.holder().await;
    let path = format!("/v1/licences/{}", issued["id"].as_str().unwrap());
    assert_eq!(world.get(&path, Some(&holder), None).await.status, 200);
    let one = world.token(&json!({"sub": "person-1", "sub_type": "person", "acr": "urn:xinyin:acr:1",
        "scope": "licence.own"}));
    let answer = world.get(&path, Some(&one), None).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (401, "access.level_insufficient".to_owned()));
    let stranger = world.token(&json!({"sub": "person-9", "sub_type": "person", "acr": "urn:xinyin:acr:2",
        "scope": "licence.own"}));
    assert_eq!(world.get(&path, Some(&stranger), None).await.code(), "holder.unknown");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_holds_reads_his_own_with_a_departments_scope_too_and_under_a_mandate_that_lasts() {
    let world = World::start().await;
    let issued = world.issue().await;
    world.holder().await;
    let path = format!("/v1/licences/{}", issued["id"].as_str().unwrap());
    let now = world.signer.sources().now().seconds();
    let shop = "91640100MA00TE5T2G";
    let body = json!({"type": crate::world::SHOP_TYPE, "number": "店1", "holder": {"kind": "organisation",
        "code_type": "001", "code": shop, "name": "示范商店"}, "issue_date": "2026-11-25", "valid_from": "2026-11-25",
        "valid_until": "2031-11-24", "items": {"level": "二级"}});
    let shops = world.post("/v1/licences", &world.client(BUREAU), &body).await;
    assert_eq!(shops.status, 201, "{}", shops.text());
    let shops = format!("/v1/licences/{}", shops.json()["id"].as_str().unwrap());
    let code = licence_signer::issuance::HolderCode::of_type("001", shop).unwrap();
    world.signer.remember_subject("shop-1", &code).await.unwrap();
    let person = |scope: &str| {
        world.token(&json!({"sub": "person-1", "sub_type": "person", "acr": "urn:xinyin:acr:2", "scope": scope}))
    };
    let acting = |organisation: &str, sub: &str, scope: &str, exp: i64| {
        world.token(&json!({"sub": sub, "sub_type": "organisation", "acr": "urn:xinyin:acr:2", "scope": scope,
            "act": {"sub": "person-1"}, "organisation": {"code": organisation}, "mandate": {"id": "m-1",
            "role": "operator", "matters": [format!("licence:{PERSON_TYPE}:read")], "exp": exp}}))
    };
    let both = "licence.own licence.read";
    for (path, token, status, code) in [
        (&path, person(both), 200, ""),
        (&path, person("licence.read"), 403, "caller.no_department"),
        (&path, acting(BUREAU, "bureau-1", both, now + 1_000), 200, ""),
        (&path, acting(BUREAU, "bureau-1", both, now), 403, "caller.mandate_ended"),
        (&path, acting(shop, "shop-1", both, now + 1_000), 404, "licence.unknown"),
        (&shops, acting(shop, "shop-1", both, now + 1_000), 200, ""),
        (&shops, acting(shop, "shop-1", "licence.own", now), 403, "caller.mandate_ended"),
    ] {
        let answer = world.get(path, Some(&token), None).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{}", answer.text());
    }
}
