//! Bodies of the API (formats §11). Unknown members of requests are refused by name.

use serde::Deserialize;
use serde_json::{Value, json};
use verifier::time::Timestamp;

use crate::LicenceSigner;
use crate::flow::licence::{HistoryEvent, Licence};

/// `POST /v1/licences/{id}/{event}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventRequest {
    pub(super) legal_ground: String,
    pub(super) reason: String,
    #[serde(default)]
    pub(super) effective_at: Option<String>,
}

/// The holder of a lookup.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LookupHolder {
    pub(super) code_type: String,
    pub(super) code: String,
}

/// `POST /v1/lookups`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LookupRequest {
    pub(super) holder: LookupHolder,
    #[serde(rename = "type")]
    pub(super) type_code: String,
    pub(super) matter: String,
    pub(super) case: String,
    pub(super) purpose: String,
}

/// `POST /v1/presentations`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PresentationRequest {
    pub(super) licence: String,
    pub(super) items: Vec<String>,
    #[serde(default)]
    pub(super) verifier: Option<String>,
    #[serde(default)]
    pub(super) purpose: Option<String>,
}

/// `POST /v1/presentations/resolutions`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ResolutionRequest {
    pub(super) code: String,
    pub(super) matter: String,
    pub(super) case: String,
    pub(super) purpose: String,
}

/// The query of a list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    #[serde(default, rename = "type")]
    pub(super) type_code: Option<String>,
    #[serde(default)]
    pub(super) state: Option<String>,
    #[serde(default)]
    pub(super) licence: Option<String>,
    #[serde(default)]
    pub(super) cursor: Option<String>,
    #[serde(default)]
    pub(super) limit: Option<i64>,
}

/// The path of a licence.
pub(super) fn licence_url(signer: &LicenceSigner, id: &str) -> String {
    format!("{}/v1/licences/{id}", signer.external_url())
}

/// The links to a licence's renditions.
pub(super) fn renditions(signer: &LicenceSigner, licence: &Licence) -> Value {
    let url = licence_url(signer, &licence.id);
    let mut links = json!({"sdjwt": format!("{url}/renditions/sdjwt")});
    if licence.has_code {
        links["cwt"] = format!("{url}/renditions/cwt").into();
    }
    links
}

/// The body of a 201.
pub(super) fn issued(signer: &LicenceSigner, licence: &Licence, now: Timestamp) -> Value {
    let mut body = json!({
        "id": licence.id,
        "identifier": licence.facts.identifier,
        "state": licence.standing(now).as_str(),
        "renditions": renditions(signer, licence),
    });
    if let Some(name) = obstacle(signer, licence) {
        body["not_made"] = json!({"cwt": {"code": "code.too_long", "member": name}});
    }
    body
}

/// What is too long for a code, by name.
fn obstacle(signer: &LicenceSigner, licence: &Licence) -> Option<String> {
    if licence.has_code {
        return None;
    }
    let known = signer.licence_type(&licence.facts.type_code, Some(licence.facts.type_version))?;
    crate::flow::seal::code_obstacle(&licence.facts, &known)
}

/// A licence with its facts; the holder's number is whole for whoever issued it and for the holder.
pub(super) fn licence(
    signer: &LicenceSigner,
    licence: &Licence,
    events: Option<&[HistoryEvent]>,
    now: Timestamp,
) -> Value {
    let known = signer.licence_type(&licence.facts.type_code, Some(licence.facts.type_version));
    let mut body = licence.facts.to_json(known.as_ref().map(|t| t.definition()), None, true);
    body["id"] = licence.id.clone().into();
    body["state"] = licence.standing(now).as_str().into();
    body["state_since"] = licence.state_since.to_string().into();
    body["version"] = licence.version.into();
    body["recorded_at"] = licence.recorded_at.to_string().into();
    body["renditions"] = renditions(signer, licence);
    if let Some(matter) = &licence.facts.matter {
        body["matter"] = matter.clone().into();
    }
    if let Some(case) = &licence.facts.case {
        body["case"] = case.clone().into();
    }
    if let Some(events) = events {
        body["events"] = events.iter().map(event).collect();
    }
    body
}

/// An event.
pub(super) fn event(event: &HistoryEvent) -> Value {
    json!({
        "id": event.id,
        "event": event.event,
        "state": event.state,
        "legal_ground": event.legal_ground,
        "reason": event.reason,
        "at": event.at.to_string(),
        "effective_at": event.effective_at.to_string(),
    })
}

/// A cursor as text.
pub(super) fn cursor(next: Option<(i64, String)>) -> Value {
    next.map_or(Value::Null, |(at, id)| format!("{at}.{id}").into())
}

/// Reads a cursor.
pub(super) fn read_cursor(text: &str) -> Option<(i64, String)> {
    let (at, id) = text.split_once('.')?;
    let fits = id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric());
    Some((at.parse().ok()?, fits.then(|| id.to_owned())?))
}
