//! The OpenAPI 3.1 text, made of the table of routes.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use serde_json::{Map, Value, json};

use super::{Guard, ROUTES, Route};
use crate::LicenceSigner;

/// `GET /openapi.json`.
pub(super) async fn text(State(signer): State<LicenceSigner>) -> Response {
    let text = document(signer.external_url()).to_string();
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], text).into_response()
}

/// The document.
fn document(url: &str) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES.iter().filter(|route| !route.summary.is_empty()) {
        let path = route.path.replace("{*", "{");
        let entry = paths.entry(path).or_insert_with(|| json!({}));
        entry[route.method] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Xinyin licence-signer", "version": env!("CARGO_PKG_VERSION")},
        "servers": [{"url": url}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "RFC 9068 access token of idp for this service"},
            },
            "schemas": schemas(),
        },
    })
}

fn operation(route: &Route) -> Value {
    let mut operation = json!({"summary": route.summary, "responses": responses(route)});
    match route.guard {
        Guard::Public | Guard::Session => operation["security"] = json!([]),
        Guard::Scope(scope) | Guard::Holder(scope) => operation["security"] = json!([{"token": [scope]}]),
        Guard::Reader => operation["security"] = json!([{"token": ["licence.read"]}, {"token": ["licence.own"]}]),
    }
    let mut parameters: Vec<Value> = route
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| {
            json!({"name": name.trim_start_matches('*'), "in": "path", "required": true, "schema": {"type": "string"}})
        })
        .collect();
    if route.method == "post" && route.path.starts_with("/v1/licences") {
        parameters.push(json!({"name": "Idempotency-Key", "in": "header", "required": false,
            "schema": {"type": "string", "maxLength": 255}}));
    }
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(name) = route.request {
        operation["requestBody"] = json!({"required": true,
            "content": {"application/json": {"schema": {"$ref": format!("#/components/schemas/{name}")}}}});
    }
    operation
}

fn responses(route: &Route) -> Value {
    let mut responses = Map::new();
    for (status, media_type, schema) in route.answers {
        let entry =
            responses.entry(status.to_string()).or_insert_with(|| json!({"description": "as asked", "content": {}}));
        entry["content"][*media_type] = json!({"schema": {"$ref": format!("#/components/schemas/{schema}")}});
    }
    responses.insert(
        "default".to_owned(),
        json!({"description": "a refusal with a stable code (docs/errors.md)",
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}),
    );
    Value::Object(responses)
}

fn schemas() -> Value {
    let text = json!({"type": "string"});
    let holder_code = json!({"code_type": text, "code": text});
    json!({
        "Text": {"type": "string"},
        "Bytes": {"type": "string", "contentMediaType": "application/octet-stream"},
        "OpenApi": {"type": "object"},
        "TrustBundle": {"type": "object", "required": ["root", "targets", "timestamp"]},
        "Matters": {"type": "object", "required": ["matters"]},
        "TypeMetadata": {"type": "object", "required": ["vct", "name", "display", "claims"]},
        "Problem": {"type": "object", "required": ["type", "title", "status", "code", "incident"], "properties": {
            "type": text, "title": text, "status": {"type": "integer"}, "detail": text, "code": text, "incident": text,
            "member": text}},
        "IssueRequest": closed(&json!({
            "type": text,
            "holder": closed(&json!({"kind": {"enum": ["person", "organisation"]}, "code_type": text, "code": text,
                "name": text}), &[]),
            "number": text, "issue_date": date(), "valid_from": date(), "valid_until": date(),
            "items": {"type": "object"}, "matter": text, "case": text,
        }), &["valid_until", "items", "matter", "case"]),
        "Issued": {"type": "object", "required": ["id", "identifier", "state", "renditions"], "properties": {
            "id": text, "identifier": text, "state": text,
            "renditions": {"type": "object", "properties": {"sdjwt": text, "cwt": text}}}},
        "Recorded": {"type": "object", "required": ["id", "state"], "properties": {"id": text, "state": text}},
        "Licence": {"type": "object", "required": ["id", "identifier", "state", "renditions"]},
        "LicencePage": {"type": "object", "required": ["licences", "next"], "properties": {
            "licences": {"type": "array", "items": {"$ref": "#/components/schemas/Licence"}},
            "next": {"type": ["string", "null"]}}},
        "EventRequest": closed(&json!({"legal_ground": {"type": "string", "maxLength": 200},
            "reason": {"type": "string", "maxLength": 500}, "effective_at": {"type": "string", "format": "date-time"}}),
            &["effective_at"]),
        "Event": {"type": "object", "required": ["id", "licence", "event", "state", "at", "effective_at"]},
        "LookupRequest": closed(&json!({"holder": closed(&holder_code, &[]), "type": text, "matter": text, "case": text,
            "purpose": {"type": "string", "maxLength": 200}}), &[]),
        "Seen": {"type": "object", "required": ["facts", "report"]},
        "LookupAnswer": {"type": "object", "required": ["licences"], "properties": {
            "licences": {"type": "array", "items": {"$ref": "#/components/schemas/Seen"}}}},
        "PresentationRequest": closed(&json!({"licence": text, "items": {"type": "array", "items": text},
            "verifier": text, "purpose": {"type": "string", "maxLength": 200}}), &["verifier", "purpose"]),
        "Presentation": {"type": "object", "required": ["code", "digits", "expires_at"]},
        "ResolutionRequest": closed(&json!({"code": text, "matter": text, "case": text,
            "purpose": {"type": "string", "maxLength": 200}}), &[]),
        "LookPage": {"type": "object", "required": ["looks", "next"]},
    })
}

fn date() -> Value {
    json!({"type": "string", "format": "date"})
}

/// An object with these properties and no others, all required but `optional`.
fn closed(properties: &Value, optional: &[&str]) -> Value {
    let required: Vec<&String> = properties
        .as_object()
        .into_iter()
        .flat_map(Map::keys)
        .filter(|name| !optional.contains(&name.as_str()))
        .collect();
    json!({"type": "object", "additionalProperties": false, "required": required, "properties": properties})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_of_the_text_leads_somewhere() {
        let document = document("https://signer.example");
        let known = document["components"]["schemas"].as_object().expect("schemas");
        for route in ROUTES.iter().filter(|route| !route.summary.is_empty()) {
            let schemas = route.answers.iter().map(|(.., schema)| *schema).chain(route.request);
            for schema in schemas {
                assert!(known.contains_key(schema), "{route:?} names {schema}");
            }
        }
    }
}
