//! What the registers answer. Callers prove themselves by a short-lived JWT signed with their own key.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use verifier::algorithm::Algorithm;
use verifier::jws::Jws;

use verifier::subject::mask;

use super::{Fault, Simulators, world};

/// Longest bearer token read.
const MAX_TOKEN_BYTES: usize = 4096;
/// Identifiers of tokens remembered against replay; a token lives a minute.
const REMEMBERED: usize = 4096;

/// `POST /v1/persons/match`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MatchPerson {
    id_number: String,
    name: String,
}

pub(super) async fn match_person(
    State(simulators): State<Simulators>,
    headers: HeaderMap,
    Json(request): Json<MatchPerson>,
) -> Response {
    if let Some(refusal) = unauthenticated(&simulators, &headers) {
        return refusal;
    }
    let other = simulators.take_fault(Fault::OtherOwner);
    let found = world::person(&request.id_number).filter(|person| !other && same_name(person.name, &request.name));
    Json(json!({ "match": found.is_some(), "status": found.map(|_| "alive") })).into_response()
}

/// `POST /v1/organisations/read`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadOrganisation {
    code: String,
}

pub(super) async fn read_organisation(
    State(simulators): State<Simulators>,
    headers: HeaderMap,
    Json(request): Json<ReadOrganisation>,
) -> Response {
    if let Some(refusal) = unauthenticated(&simulators, &headers) {
        return refusal;
    }
    let Some(organisation) = world::organisation(&request.code) else {
        return refuse(StatusCode::NOT_FOUND, "unknown_organisation");
    };
    let representative = organisation.legal_representative.and_then(world::person);
    Json(json!({
        "code": organisation.code,
        "name": organisation.name,
        "status": "registered",
        "legal_representative": representative.map(|p| json!({ "name": p.name, "id_number": p.id_number })),
    }))
    .into_response()
}

/// `POST /v1/messages`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MessageByNumber {
    id_number: String,
    text: String,
    /// A phone to compare with the one held.
    phone: Option<String>,
}

pub(super) async fn message_by_number(
    State(simulators): State<Simulators>,
    headers: HeaderMap,
    Json(request): Json<MessageByNumber>,
) -> Response {
    if let Some(refusal) = unauthenticated(&simulators, &headers) {
        return refusal;
    }
    if simulators.take_fault(Fault::Timeout) {
        tokio::time::sleep(Duration::from_secs(10)).await;
        return refuse(StatusCode::GATEWAY_TIMEOUT, "no_answer");
    }
    let Some(person) = world::person(&request.id_number) else {
        return refuse(StatusCode::NOT_FOUND, "no_phone");
    };
    simulators.deliver(person.name, person.phone, &request.text);
    let mut answer = json!({ "phone_masked": mask::phone(person.phone) });
    if let Some(phone) = &request.phone {
        answer["phone_matches"] = (phone == person.phone).into();
    }
    (StatusCode::ACCEPTED, Json(answer)).into_response()
}

/// `POST /v1/messages/direct`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MessageDirect {
    phone: String,
    text: String,
}

pub(super) async fn message_direct(
    State(simulators): State<Simulators>,
    headers: HeaderMap,
    Json(request): Json<MessageDirect>,
) -> Response {
    if let Some(refusal) = unauthenticated(&simulators, &headers) {
        return refusal;
    }
    let name = world::PERSONS.iter().find(|person| person.phone == request.phone).map_or("", |person| person.name);
    simulators.deliver(name, &request.phone, &request.text);
    StatusCode::ACCEPTED.into_response()
}

/// Names agree if their letters do; every middle dot counts as the same one.
fn same_name(left: &str, right: &str) -> bool {
    let plain = |name: &str| -> String {
        name.chars()
            .filter(|c| !c.is_whitespace())
            .map(|c| if matches!(c, '·' | '•' | '・' | '．' | '‧') { '·' } else { c })
            .collect()
    };
    plain(left) == plain(right)
}

/// The refusal of a caller who did not prove himself.
fn unauthenticated(simulators: &Simulators, headers: &HeaderMap) -> Option<Response> {
    check(simulators, headers).is_none().then(|| refuse(StatusCode::UNAUTHORIZED, "unauthenticated"))
}

fn check(simulators: &Simulators, headers: &HeaderMap) -> Option<()> {
    let token = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
    let jws = Jws::parse(token, MAX_TOKEN_BYTES).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&jws.payload).ok()?;
    let text = |name: &str| claims.get(name).and_then(serde_json::Value::as_str);
    let (issuer, id) = (text("iss")?, text("jti")?);
    let (_, key) = simulators.inner.callers.iter().find(|(client_id, _)| client_id == issuer)?;
    jws.verify(key, &[Algorithm::Es256, Algorithm::EdDsa]).ok()?;
    let now = simulators.inner.sources.now().seconds();
    let (issued, until) = (claims.get("iat")?.as_i64()?, claims.get("exp")?.as_i64()?);
    let fits = text("sub")? == issuer
        && text("aud")?.trim_end_matches('/') == simulators.inner.url
        && issued <= now.saturating_add(30)
        && now < until
        && until.saturating_sub(issued) <= 60;
    let mut state = simulators.state();
    let fresh = !state.seen.iter().any(|seen| seen == id);
    if fits && fresh {
        state.seen.push_front(id.to_owned());
        state.seen.truncate(REMEMBERED);
        return Some(());
    }
    None
}

fn refuse(status: StatusCode, code: &str) -> Response {
    (status, Json(json!({ "code": code }))).into_response()
}
