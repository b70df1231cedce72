//! What anyone may fetch: status lists, the log, the trust bundle. None of it names a person.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use verifier::encoding::hex;
use web::Problem;

use crate::LicenceSigner;
use crate::catalogue::Titles;

const JWT: &str = "application/statuslist+jwt";
const CWT: &str = "application/statuslist+cwt";

/// `GET /status/{list}`.
pub(super) async fn status(
    State(signer): State<LicenceSigner>,
    headers: HeaderMap,
    Path(list): Path<String>,
) -> Result<Response, Problem> {
    if list == "unavailable" {
        return Err(Problem::unavailable(60)); // by promise: a sample's list that can never be had
    }
    let Some(form) = preferred(&headers, &[JWT, CWT]) else {
        return Err(Problem::new(StatusCode::NOT_ACCEPTABLE, "http.not_acceptable"));
    };
    let fits = (1..=32).contains(&list.len()) && list.bytes().all(|b| b.is_ascii_alphanumeric());
    let found = if fits { signer.status_list(&list).await? } else { None };
    let found = found.ok_or_else(|| Problem::not_found("status.unknown"))?;
    let (media_type, body) = if form == CWT { (CWT, found.cwt.clone()) } else { (JWT, found.jwt.clone().into_bytes()) };
    Ok(typed(media_type, "public, max-age=10", body))
}

/// `GET /log/checkpoint`.
pub(super) async fn checkpoint(State(signer): State<LicenceSigner>) -> Result<Response, Problem> {
    let note = signer.checkpoint().await?;
    Ok(typed("text/plain; charset=utf-8", "no-cache", note.into_bytes()))
}

/// `GET /log/tile/{*path}`.
pub(super) async fn tile(State(signer): State<LicenceSigner>, Path(path): Path<String>) -> Result<Response, Problem> {
    let found = if path.len() <= 64 { signer.log_tile(&path).await? } else { None };
    let found = found.ok_or_else(|| Problem::not_found("log.no_tile"))?;
    Ok(typed("application/octet-stream", "public, max-age=31536000, immutable", found))
}

/// `GET /v1/trust-bundle`, with an `ETag`: who asks every half minute is told mostly that nothing changed.
pub(super) async fn trust_bundle(State(signer): State<LicenceSigner>, headers: HeaderMap) -> Result<Response, Problem> {
    let bundle = signer.trust_bundle().await?.ok_or_else(|| Problem::unavailable(60))?;
    let tag = format!("\"{}\"", hex::encode(digest(&SHA256, bundle.as_bytes()).as_ref()));
    let held = headers.get_all(header::IF_NONE_MATCH).iter().any(|value| value.as_bytes() == tag.as_bytes());
    let mut response = typed("application/json", "no-cache", if held { Vec::new() } else { bundle.into_bytes() });
    if held {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response.headers_mut().remove(header::CONTENT_TYPE);
    }
    let tag = HeaderValue::try_from(tag).map_err(Problem::internal)?;
    response.headers_mut().insert(header::ETAG, tag);
    Ok(response)
}

/// `GET /types/{code}/{version}`: what the type and its items are called (SD-JWT VC, Type Metadata). The address is a
/// credential's `vct`; nothing in it decides a verdict.
pub(super) async fn type_metadata(
    State(signer): State<LicenceSigner>,
    Path((code, version)): Path<(String, u32)>,
) -> Result<Response, Problem> {
    let known = signer.licence_type(&code, Some(version)).ok_or_else(|| Problem::not_found("licence_type.unknown"))?;
    let definition = known.definition();
    let display = |titles: &Titles, member: &str| json!([{ "locale": "zh-CN", member: titles.zh }, { "locale": "en", member: titles.en }]);
    let claims: Vec<Value> = definition
        .items
        .iter()
        .map(|item| json!({ "path": ["items", item.name], "display": display(&item.titles, "label") }))
        .collect();
    let metadata = json!({
        "vct": format!("{}/types/{code}/{version}", signer.external_url()),
        "name": definition.name.en,
        "display": display(&definition.name, "name"),
        "claims": claims,
    });
    Ok(typed("application/json", "public, max-age=600", metadata.to_string().into_bytes()))
}

/// `GET /v1/matters`: public, as matters of the administration are.
pub(super) async fn matters(State(signer): State<LicenceSigner>) -> Response {
    let world = signer.world();
    let matters: Vec<Value> = world
        .matters()
        .map(|matter| {
            let types: Vec<Value> = matter
                .types
                .iter()
                .filter_map(|code| world.licence_type(code, None))
                .map(|known| {
                    let items = &known.definition().items;
                    json!({ "code": known.code(), "name": known.definition().name, "items": items })
                })
                .collect();
            json!({
                "code": matter.code, "name": matter.name, "department": matter.department,
                "region": matter.region, "types": types,
            })
        })
        .collect();
    typed("application/json", "public, max-age=60", json!({ "matters": matters }).to_string().into_bytes())
}

fn typed(media_type: &'static str, cache: &'static str, body: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
        (header::VARY, HeaderValue::from_static("accept")),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    ];
    (headers, body).into_response()
}

/// The form among `ours` that `Accept` likes best (RFC 9110 §12.5.1), the first without such a header; `None` if it likes
/// none of them.
pub(super) fn preferred(headers: &HeaderMap, ours: &[&'static str]) -> Option<&'static str> {
    let texts: Vec<&str> = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    if texts.is_empty() {
        return ours.first().copied();
    }
    let ranges: Vec<(&str, f32)> = texts.iter().flat_map(|text| text.split(',')).map(range).collect();
    let mut best: Option<(&'static str, f32)> = None;
    for form in ours {
        let quality = quality(&ranges, form);
        if quality > 0.0 && best.is_none_or(|(_, so_far)| quality > so_far) {
            best = Some((form, quality));
        }
    }
    best.map(|(form, _)| form)
}

fn range(text: &str) -> (&str, f32) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let quality = parts.find_map(|part| part.strip_prefix("q=")).and_then(|q| q.parse().ok()).unwrap_or(1.0);
    (name, quality)
}

/// The quality that the most particular range gives to a form.
fn quality(ranges: &[(&str, f32)], form: &str) -> f32 {
    let major = form.split('/').next().unwrap_or_default();
    let any_of_major = format!("{major}/*");
    [form, any_of_major.as_str(), "*/*"]
        .iter()
        .find_map(|wanted| ranges.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)))
        .map_or(0.0, |(_, quality)| *quality)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_decides_the_form() {
        for (accept, expected) in [
            (None, Some(JWT)),
            (Some("*/*"), Some(JWT)),
            (Some(CWT), Some(CWT)),
            (Some("application/statuslist+cwt;q=0.5, application/statuslist+jwt;q=0.4"), Some(CWT)),
            (Some("application/*"), Some(JWT)),
            (Some("text/html"), None),
            (Some("application/statuslist+jwt;q=0"), None),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(accept) = accept {
                headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            }
            assert_eq!(preferred(&headers, &[JWT, CWT]), expected, "{accept:?}");
        }
    }
}
