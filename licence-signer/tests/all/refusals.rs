//! What clerks may do, and what of it is written down. Who is refused at which route stands in the stories.

use serde_json::json;

use crate::world::{BUREAU, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_clerk_may_do_what_scope_and_mandate_both_say() {
    let world = World::start().await;
    let now = world.signer.sources().now().seconds();
    let clerk = |matters: serde_json::Value, change: serde_json::Value| {
        let mut claims = json!({
            "sub": "department-sub", "sub_type": "organisation", "acr": "urn:xinyin:acr:2", "act": {"sub": "clerk-1"},
            "mandate": {"id": "mandate-1", "role": "operator", "matters": matters, "exp": now + 1_000},
            "organisation": {"code": BUREAU}, "scope": "licence.issue licence.read licence.lookup",
        });
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        world.token(&claims)
    };
    let issue = json!([format!("licence:{}:issue", crate::world::PERSON_TYPE)]);
    for (token, status, code) in [
        (clerk(issue.clone(), json!({})), 201, ""),
        (clerk(json!([]), json!({})), 403, "access.not_granted"),
        (clerk(json!([format!("licence:{}:issue", crate::world::SHOP_TYPE)]), json!({})), 403, "access.not_granted"),
        (clerk(issue.clone(), json!({"scope": "licence.read"})), 403, "access.scope_insufficient"),
        (clerk(issue.clone(), json!({"acr": "urn:xinyin:acr:1"})), 403, "caller.mandate_ended"),
        (clerk(issue.clone(), json!({"organisation": null})), 403, "caller.no_department"),
        (clerk(issue.clone(), json!({"sub_type": "person"})), 403, "caller.no_department"),
        (
            clerk(issue.clone(), json!({"mandate": {"id": "m", "role": "operator", "matters": issue, "exp": now}})),
            403,
            "caller.mandate_ended",
        ),
    ] {
        let answer = world.post("/v1/licences", &token, &crate::world::another_request()).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{}", answer.text());
    }
    let code = licence_signer::issuance::HolderCode::of_type("001", BUREAU).unwrap();
    world.signer.remember_subject("department-sub", &code).await.unwrap();
    let known = clerk(issue, json!({"organisation": null}));
    let answer = world.post("/v1/licences", &known, &crate::world::another_request()).await;
    assert_eq!(answer.status, 201, "the department behind the sub is known from the sign-in: {}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_act_stands_in_the_audit_record_and_no_number_does() {
    let world = World::start().await;
    let issued = world.issue().await;
    let path = format!("/v1/licences/{}", issued["id"].as_str().unwrap());
    let token = world.client(BUREAU);
    world.get(&path, Some(&token), None).await;
    let order = json!({"legal_ground": "法", "reason": "因"});
    world.post(&format!("{path}/suspension"), &token, &order).await;
    let mut reader = world.signer.db().reader().await.unwrap();
    let rows = store::audit::search(&mut reader, &store::audit::Filter::default(), None, 100).await.unwrap();
    let actions: Vec<&str> = rows.iter().map(|found| found.row.action.as_str()).collect();
    for action in ["licence.issue", "licence.read", "licence.suspension"] {
        assert!(actions.contains(&action), "{actions:?}");
    }
    for found in &rows {
        assert!(!found.to_json().contains(crate::world::NUMBER));
        assert!(found.row.incident.is_some(), "{}", found.to_json());
        assert_eq!(found.row.department.as_deref(), Some(BUREAU));
    }
}
