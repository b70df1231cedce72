//! Issuing on both databases: whose an `Idempotency-Key` is, how often a number is given, what a change of keys leaves found,
//! and what an issue costs.

use std::sync::Arc;

use keys::Purpose;
use licence_signer::issuance::HolderCode;
use serde_json::{Value, json};
use verifier::time::Date;
use xinyin_tests::backend::on_both;
use xinyin_tests::signer::{MATTER, SignerWorld};
use xinyin_tests::{Logs, numbers};

fn event() -> Value {
    json!({"legal_ground": "食品安全法第一百二十四条", "reason": "已查实"})
}

/// The market's clerk under a mandate with these matters.
fn clerk(world: &SignerWorld, mandate: &str, matters: &[String], scope: &str) -> String {
    let mut claims = world.issuer.person(&world.url, "the-department");
    claims["sub_type"] = json!("organisation");
    claims["act"] = json!({"sub": mandate});
    claims["mandate"] = json!({"id": mandate, "role": "operator", "matters": matters});
    claims["organisation"] = json!({"code": world.market});
    claims["scope"] = json!(scope);
    format!("Bearer {}", world.issuer.token(&claims))
}

/// KF-33: another department, and another client, with the same key.
#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_is_its_callers_own() {
    Logs::capture();
    on_both(async |backend| {
        let world = SignerWorld::start(backend).await;
        let system = world.bearer(&world.market, "licence.issue licence.end licence.read");
        let matters = |acts: &[&str]| -> Vec<String> {
            acts.iter().map(|act| format!("licence:{}:{act}", world.type_code)).collect()
        };
        let all = matters(&["issue", "end", "read"]);
        let scope = "licence.issue licence.end licence.read";
        let (li, wang) = (clerk(&world, "m-li", &all, scope), clerk(&world, "m-wang", &all, scope));
        let (status, issued) = world.post("/v1/licences", &system, "k", &world.draft("JY-1")).await;
        assert_eq!(status, 201, "{issued}");

        // the same key by a clerk of the same department neither reveals nor replays
        let (status, taken) = world.post("/v1/licences", &li, "k", &world.draft("JY-1")).await;
        assert_eq!((status, taken["code"].as_str()), (409, Some("licence.number_taken")), "{taken}");
        assert!(!taken.to_string().contains(issued["id"].as_str().expect("an id")), "{taken}");
        let (status, his) = world.post("/v1/licences", &li, "k", &world.draft("JY-2")).await;
        assert_eq!(status, 201, "his key is free, his request runs: {his}");
        assert_ne!(his["id"], issued["id"]);

        let path = format!("/v1/licences/{}/suspension", issued["id"].as_str().expect("an id"));
        let (status, done) = world.post(&path, &li, "e", &event()).await;
        assert_eq!(status, 200, "{done}");
        let (status, again) = world.post(&path, &li, "e", &event()).await;
        assert_eq!((status, &again["id"]), (200, &done["id"]), "the same caller gets the same answer");
        let (status, other) = world.post(&path, &wang, "e", &event()).await;
        assert_eq!((status, other["code"].as_str()), (409, Some("licence.state")), "a colleague's runs anew: {other}");
        for (who, bearer, status, code) in [
            (
                "his mandate lost the matter",
                clerk(&world, "m-li", &matters(&["read"]), scope),
                403,
                "access.not_granted",
            ),
            (
                "his token lacks the scope",
                clerk(&world, "m-li", &all, "licence.read"),
                403,
                "access.scope_insufficient",
            ),
            ("another department", world.bearer(&world.window, "licence.end licence.read"), 404, "licence.unknown"),
        ] {
            let (found, refused) = world.post(&path, &bearer, "e", &event()).await;
            assert_eq!((found, refused["code"].as_str()), (status, Some(code)), "{who}: {refused}");
        }
        world.check().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_given_once_until_its_licence_is_over() {
    Logs::capture();
    on_both(async |backend| {
        let world = Arc::new(SignerWorld::start(backend).await);
        let bearer = world.bearer(&world.market, "licence.issue licence.end");
        let mut running = Vec::new();
        for _ in 0..24 {
            let (world, bearer) = (world.clone(), bearer.clone());
            running
                .push(tokio::spawn(async move { world.post("/v1/licences", &bearer, "", &world.draft("JY-7")).await }));
        }
        let mut issued = Vec::new();
        for one in running {
            let (status, body) = one.await.expect("ends");
            match status {
                201 => issued.push(body),
                _ => assert_eq!(
                    (status, body["code"].as_str(), body["member"].as_str()),
                    (409, Some("licence.number_taken"), Some("number")),
                    "{body}"
                ),
            }
        }
        assert_eq!(issued.len(), 1, "of 24 at once one has the number");
        let path = |body: &Value, event: &str| format!("/v1/licences/{}/{event}", body["id"].as_str().expect("an id"));
        let again = async || world.post("/v1/licences", &bearer, "", &world.draft("JY-7")).await;
        assert_eq!(world.post(&path(&issued[0], "suspension"), &bearer, "", &event()).await.0, 200);
        assert_eq!(again().await.0, 409, "a suspended licence keeps its number");
        assert_eq!(world.post(&path(&issued[0], "revocation"), &bearer, "", &event()).await.0, 200);
        let (status, second) = again().await;
        assert_eq!(status, 201, "an ended one gives it back: {second}");
        assert_eq!(again().await.0, 409);
        let day = |ahead: i32| {
            let today = Date::of(world.signer.sources().now()).expect("a day");
            today.plus_days(ahead).expect("a day").to_string()
        };
        let short = || {
            let mut draft = world.draft("JY-8");
            for (name, ahead) in [("issue_date", 0), ("valid_from", 0), ("valid_until", 1)] {
                draft[name] = json!(day(ahead));
            }
            draft
        };
        assert_eq!(world.post("/v1/licences", &bearer, "", &short()).await.0, 201);
        assert_eq!(world.post("/v1/licences", &bearer, "", &short()).await.0, 409);
        world.clock.advance(3 * 86_400);
        let bearer = world.bearer(&world.market, "licence.issue");
        let (status, after) = world.post("/v1/licences", &bearer, "", &short()).await;
        assert_eq!(status, 201, "an expired one gives it back: {after}");
        world.check().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_change_of_the_digest_key_everything_is_found() {
    Logs::capture();
    on_both(async |backend| {
        let world = SignerWorld::start(backend).await;
        let holder = || {
            let mut claims = world.issuer.person(&world.url, "zhang");
            claims["scope"] = json!("licence.own presentation.make");
            format!("Bearer {}", world.issuer.token(&claims))
        };
        let code = HolderCode::of_type("111", &numbers::id_number(1)).expect("a number");
        world.signer.remember_subject("zhang", &code).await.expect("is kept");
        let issue = async |number: &str, key: &str| {
            let bearer = world.bearer(&world.market, "licence.issue");
            world.post("/v1/licences", &bearer, key, &world.draft(number)).await
        };
        let (status, first) = issue("JY-1", "k").await;
        assert_eq!(status, 201, "{first}");
        let lookup = json!({"holder": {"code_type": "111", "code": numbers::id_number(1)}, "type": world.type_code,
            "matter": MATTER, "case": "C-1", "purpose": "核对经营项目"});
        let look_up = async || {
            let (status, found) =
                world.post("/v1/lookups", &world.bearer(&world.window, "licence.lookup"), "", &lookup).await;
            assert_eq!(status, 200, "{found}");
            found["licences"].as_array().expect("a list").len()
        };
        assert_eq!(look_up().await, 1);

        for round in 1..=2 {
            let ring = world.signer.key_store().ring(&Purpose::FieldDigest).expect("a ring");
            ring.rotate(world.signer.sources().now(), 30).expect("rotates"); // as `keys rotate field_digest` does
            world.clock.advance(90_000);
            let (status, again) = issue("JY-1", "k").await;
            assert_eq!((status, &again["id"]), (201, &first["id"]), "the key is known still: {again}");
            let (status, taken) = issue("JY-1", "another").await;
            assert_eq!((status, taken["code"].as_str()), (409, Some("licence.number_taken")), "{taken}");
            let (status, new) = issue(&format!("JY-1{round}"), "").await;
            assert_eq!(status, 201, "{new}");
            assert_eq!(look_up().await, round + 1, "old and new");
            for licence in [&first, &new] {
                let path = format!("/v1/licences/{}", licence["id"].as_str().expect("an id"));
                let (status, own) = world.get(&path, &holder()).await;
                assert_eq!(status, 200, "whoever signed in before the change finds both: {own}");
                let show = json!({"licence": licence["id"], "items": ["scope"]});
                let (status, made) = world.post("/v1/presentations", &holder(), "", &show).await;
                assert_eq!(status, 201, "{made}");
            }
            let (status, looks) = world.get("/v1/looks", &holder()).await;
            let seen = looks["looks"].as_array().expect("a list").len();
            assert_eq!((status, seen), (200, if round == 1 { 3 } else { 6 }), "{looks}");
        }
        world.check().await;
    })
    .await;
}

/// The budget: 12 statements an issue, what the sequencer does in its one transaction a batch apart.
#[tokio::test(flavor = "multi_thread")]
async fn an_issue_takes_twelve_statements_at_most() {
    Logs::capture();
    on_both(async |backend| {
        let world = Arc::new(SignerWorld::start(backend).await);
        let bearer = world.bearer(&world.market, "licence.issue");
        assert_eq!(world.post("/v1/licences", &bearer, "warm", &world.draft("JY-0")).await.0, 201);
        let mut number = 0;
        for (name, at_once, with_key) in
            [("alone", 1, false), ("alone, with a key", 1, true), ("sixteen at once", 16, true)]
        {
            let before = world.signer.db().statements();
            let mut issued = 0;
            for _ in 0..(16 / at_once) {
                let mut running = Vec::new();
                for _ in 0..at_once {
                    number += 1;
                    let (world, bearer, number) = (world.clone(), bearer.clone(), format!("JY-{number}"));
                    let key = if with_key { number.clone() } else { String::new() };
                    running.push(tokio::spawn(async move {
                        world.post("/v1/licences", &bearer, &key, &world.draft(&number)).await
                    }));
                }
                for one in running {
                    assert_eq!(one.await.expect("ends").0, 201);
                    issued += 1;
                }
            }
            let spent = world.signer.db().statements() - before;
            println!("{backend:?}, {name}: {spent} statements for {issued} licences");
            assert!(spent <= 12 * issued, "{name}: {spent} statements for {issued} licences");
        }
        world.check().await;
    })
    .await;
}
