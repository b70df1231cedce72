//! `/v1/licences`.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use verifier::time::Timestamp;
use web::{Asker, Json, Problem, Query};

use super::bodies::{self, EventRequest, ListQuery};
use super::caller::{For, Reader, scope};
use crate::flow::claim::IdempotencyKey;
use crate::flow::event::Order;
use crate::flow::issue::Issued;
use crate::flow::read::Filter;
use crate::flow::rendition::{Rendition, Wanted};
use crate::issuance::Draft;
use crate::life_cycle::{Event, State as LegalState};
use crate::{LicenceSigner, within};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// `POST /v1/licences`.
pub(super) async fn issue(
    State(signer): State<LicenceSigner>,
    asker: Asker,
    For(officer, ..): For<scope::Issue>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Result<Response, Problem> {
    let key = idempotency_key(&headers, "/v1/licences", &body)?;
    let draft: Draft = web::input::read_json(body.to_string().as_bytes())?;
    let issued = within(asker.incident().as_str().to_owned(), signer.issue(&officer, draft, key)).await?;
    let now = signer.sources().now();
    match issued {
        Issued::Released(licence) => {
            let location = location(&bodies::licence_url(&signer, &licence.id))?;
            let body = Json(bodies::issued(&signer, &licence, now));
            Ok((StatusCode::CREATED, [(header::LOCATION, location)], body).into_response())
        }
        Issued::Recorded(id) => {
            let location = location(&bodies::licence_url(&signer, &id))?;
            let retry = HeaderValue::from_static("5");
            let headers = [(header::LOCATION, location), (header::RETRY_AFTER, retry)];
            let body = Json(json!({"id": id, "state": "in_preparation"}));
            Ok((StatusCode::ACCEPTED, headers, body).into_response())
        }
    }
}

/// `GET /v1/licences`.
pub(super) async fn list(
    State(signer): State<LicenceSigner>,
    asker: Asker,
    For(officer, ..): For<scope::Read>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Value>, Problem> {
    let invalid = |name: &'static str| Problem::bad_request("input.invalid_member").member(name);
    let state = query.state.map(|word| LegalState::from_word(&word).ok_or_else(|| invalid("state"))).transpose()?;
    let after = query.cursor.map(|text| bodies::read_cursor(&text).ok_or_else(|| invalid("cursor"))).transpose()?;
    let filter = Filter { type_code: query.type_code, state, after };
    let limit = query.limit.unwrap_or(50);
    let page = within(asker.incident().as_str().to_owned(), signer.list(&officer, &filter, limit)).await?;
    let now = signer.sources().now();
    let licences: Vec<Value> = page.licences.iter().map(|found| bodies::licence(&signer, found, None, now)).collect();
    Ok(Json(json!({"licences": licences, "next": bodies::cursor(page.next)})))
}

/// `GET /v1/licences/{id}`.
pub(super) async fn read(
    State(signer): State<LicenceSigner>,
    asker: Asker,
    reader: Reader,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let form = super::public::preferred(
        &headers,
        &["application/json", "application/dc+sd-jwt", "application/cwt", "text/plain"],
    );
    let wanted = match form {
        Some("application/json") => None,
        Some("application/dc+sd-jwt") => Some(Wanted::Credential),
        Some("application/cwt") => Some(Wanted::Code),
        Some("text/plain") => Some(Wanted::CodeText),
        _ => return Err(Problem::new(StatusCode::NOT_ACCEPTABLE, "http.not_acceptable")),
    };
    if let Some(wanted) = wanted {
        return answer(&signer, &asker, reader, &id, wanted).await;
    }
    let incident = asker.incident().as_str().to_owned();
    let (licence, events) = match &reader {
        Reader::Officer(officer) => within(incident, signer.read(officer, &id)).await?,
        Reader::Holder(holder) => within(incident, signer.own_licence(holder, &id)).await?,
    };
    let now = signer.sources().now();
    let body = bodies::licence(&signer, &licence, Some(&events), now);
    let vary = [(header::VARY, HeaderValue::from_static("accept"))];
    Ok((vary, Json(body)).into_response())
}

/// `GET /v1/licences/{id}/renditions/{rendition}`.
pub(super) async fn rendition(
    State(signer): State<LicenceSigner>,
    asker: Asker,
    reader: Reader,
    headers: HeaderMap,
    Path((id, rendition)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let wanted = match rendition.as_str() {
        "sdjwt" => Wanted::Credential,
        "cwt" => match super::public::preferred(&headers, &["application/cwt", "text/plain"]) {
            Some("text/plain") => Wanted::CodeText,
            _ => Wanted::Code,
        },
        _ => return Err(Problem::not_found("http.not_found")),
    };
    answer(&signer, &asker, reader, &id, wanted).await
}

async fn answer(
    signer: &LicenceSigner,
    asker: &Asker,
    reader: Reader,
    id: &str,
    wanted: Wanted,
) -> Result<Response, Problem> {
    let incident = asker.incident().as_str().to_owned();
    let rendition = match &reader {
        Reader::Officer(officer) => within(incident, signer.rendition(officer, id, wanted)).await?,
        Reader::Holder(holder) => within(incident, signer.own_rendition(holder, id, wanted)).await?,
    };
    let (media_type, body) = match rendition {
        Rendition::Credential(text) => ("application/dc+sd-jwt", text.into_bytes()),
        Rendition::Code(bytes) => ("application/cwt", bytes),
        Rendition::CodeText(text) => ("text/plain; charset=utf-8", text.into_bytes()),
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::VARY, HeaderValue::from_static("accept")),
    ];
    Ok((headers, body).into_response())
}

/// `POST /v1/licences/{id}/{event}`.
pub(super) async fn act(
    State(signer): State<LicenceSigner>,
    asker: Asker,
    For(officer, ..): For<scope::End>,
    headers: HeaderMap,
    Path((id, event)): Path<(String, String)>,
    Json(body): Json<Value>,
) -> Result<Json<Value>, Problem> {
    let event = Event::from_word(&event).ok_or_else(|| Problem::not_found("http.not_found"))?;
    let key = idempotency_key(&headers, &format!("/v1/licences/{id}/{}", event.as_str()), &body)?;
    let request: EventRequest = web::input::read_json(body.to_string().as_bytes())?;
    let effective_at = request
        .effective_at
        .map(|text| {
            text.parse::<Timestamp>().map_err(|_| Problem::unprocessable("input.invalid_member").member("effective_at"))
        })
        .transpose()?;
    let order = Order { event, legal_ground: request.legal_ground, reason: request.reason, effective_at };
    let done = within(asker.incident().as_str().to_owned(), signer.act(&officer, &id, order, key)).await?;
    let mut body = bodies::event(&done);
    body["licence"] = id.into();
    Ok(Json(body))
}

/// The `Idempotency-Key` header, if there is one.
fn idempotency_key(headers: &HeaderMap, path: &str, body: &Value) -> Result<Option<IdempotencyKey>, Problem> {
    let mut all = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = all.next() else { return Ok(None) };
    let invalid = || Problem::unprocessable("input.invalid_member").member("Idempotency-Key");
    if all.next().is_some() {
        return Err(invalid());
    }
    let key = value.to_str().map_err(|_| invalid())?.to_owned();
    Ok(Some(IdempotencyKey { key, method: "POST".to_owned(), path: path.to_owned(), body: body.clone() }))
}

fn location(url: &str) -> Result<HeaderValue, Problem> {
    HeaderValue::from_str(url).map_err(Problem::internal)
}
