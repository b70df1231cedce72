//! State events.

use serde_json::{Value, json};

use crate::world::{BUREAU, HALL, World};

fn order() -> Value {
    json!({"legal_ground": "《行政许可法》第六十九条", "reason": "经查不符合条件"})
}

#[tokio::test(flavor = "multi_thread")]
async fn events_change_the_status_at_once_and_stand_in_the_history() {
    let world = World::start().await;
    let token = world.client(BUREAU);
    let issued = world.issue().await;
    let path = format!("/v1/licences/{}", issued["id"].as_str().unwrap());
    let credential = world.get(&path, Some(&token), Some("application/dc+sd-jwt")).await.text();
    for (event, status, state, value) in [
        ("resumption", 409, "", 0),
        ("suspension", 200, "suspended", 2),
        ("suspension", 409, "", 2),
        ("resumption", 200, "in_force", 0),
        ("revocation", 200, "revoked", 1),
        ("suspension", 409, "", 1),
        ("annulment", 409, "", 1),
        ("cancellation", 200, "cancelled", 1),
        ("cancellation", 409, "", 1),
    ] {
        let answer = world.post(&format!("{path}/{event}"), &token, &order()).await;
        assert_eq!(answer.status.as_u16(), status, "{event}: {}", answer.text());
        if status == 200 {
            assert_eq!(answer.json()["state"], state);
        } else {
            assert_eq!(answer.code(), "licence.state");
        }
        assert_eq!(world.status_of(&credential).await, value, "after {event}");
    }
    let licence = world.get(&path, Some(&token), None).await.json();
    assert_eq!(licence["state"], "cancelled");
    assert_eq!(licence["events"].as_array().unwrap().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_do_not_fit_are_refused() {
    let world = World::start().await;
    let token = world.client(BUREAU);
    let issued = world.issue().await;
    let path = format!("/v1/licences/{}", issued["id"].as_str().unwrap());
    for (event, change, status, code) in [
        ("revocation", json!({"reason": ""}), 422, "input.invalid_member"),
        ("revocation", json!({"reason": "长".repeat(501)}), 422, "input.invalid_member"),
        ("revocation", json!({"legal_ground": " "}), 422, "input.invalid_member"),
        ("revocation", json!({"effective_at": "2099-01-01T00:00:00Z"}), 422, "event.future"),
        ("revocation", json!({"effective_at": "2020-01-01T00:00:00Z"}), 422, "event.back_dated"),
        ("revocation", json!({"effective_at": "soon"}), 422, "input.invalid_member"),
        ("revocation", json!({"colour": "red"}), 400, "input.unknown_member"),
        ("destruction", json!({}), 404, "http.not_found"),
        ("change", json!({}), 404, "http.not_found"),
    ] {
        let mut body = order();
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let answer = world.post(&format!("{path}/{event}"), &token, &body).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{event} {change}");
    }
    let other = world.post(&format!("{path}/revocation"), &world.client(HALL), &order()).await;
    assert_eq!((other.status.as_u16(), other.code()), (404, "licence.unknown".to_owned()));
    let mut annulled = order();
    annulled["effective_at"] = json!("2020-01-01T00:00:00Z");
    let answer = world.post(&format!("{path}/annulment"), &token, &annulled).await;
    assert_eq!(answer.status, 200, "an annulment may reach back: {}", answer.text());
    assert_eq!(answer.json()["effective_at"], "2020-01-01T00:00:00Z");
}
