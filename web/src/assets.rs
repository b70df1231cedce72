//! The style sheet, under an address that changes with it.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use verifier::encoding::hex;

use crate::problem::Problem;

const STYLE: &str = include_str!("../static/style.css");
const ICON: &str = include_str!("../static/icon.svg");

struct Asset {
    name: String,
    tag: HeaderValue,
    text: &'static str,
    media_type: &'static str,
}

static STYLE_SHEET: LazyLock<Asset> = LazyLock::new(|| Asset::new("style", "css", STYLE, "text/css; charset=utf-8"));
static SITE_ICON: LazyLock<Asset> = LazyLock::new(|| Asset::new("icon", "svg", ICON, "image/svg+xml"));

impl Asset {
    fn new(stem: &str, extension: &str, text: &'static str, media_type: &'static str) -> Self {
        let digest = short_digest(text.as_bytes());
        let tag = HeaderValue::try_from(format!("\"{digest}\"")).expect("hex in quotes is a header value");
        Self { name: format!("{stem}.{digest}.{extension}"), tag, text, media_type }
    }
}

/// The first 16 hex digits of SHA-256: what an asset's address and `ETag` hold.
pub(crate) fn short_digest(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    hex::encode(&digest.as_ref()[..8])
}

/// Where the style sheet is.
pub(crate) fn style_path() -> String {
    format!("/static/{}", STYLE_SHEET.name)
}

/// Where the icon is.
pub(crate) fn icon_path() -> String {
    format!("/static/{}", SITE_ICON.name)
}

/// `GET /static/{name}`. Under the name with the digest it never changes; under the plain name it is asked for again each time.
pub(crate) async fn get(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let (asset, for_ever) = match name.as_str() {
        "style.css" => (&*STYLE_SHEET, false),
        "icon.svg" => (&*SITE_ICON, false),
        name if name == STYLE_SHEET.name => (&*STYLE_SHEET, true),
        name if name == SITE_ICON.name => (&*SITE_ICON, true),
        _ => return Err(Problem::not_found("http.not_found")),
    };
    Ok(answer(&headers, asset.text, asset.media_type, &asset.tag, for_ever))
}

/// Answers with text of ours that rarely changes: 304 where the browser holds it already.
pub(crate) fn answer(
    asked: &HeaderMap,
    text: &'static str,
    media_type: &'static str,
    tag: &HeaderValue,
    for_ever: bool,
) -> Response {
    let known = asked.get(header::IF_NONE_MATCH).is_some_and(|held| {
        let held = held.to_str().unwrap_or_default();
        held.split(',').any(|t| tag.to_str().is_ok_and(|tag| t.trim().trim_start_matches("W/") == tag))
    });
    let mut response = if known { StatusCode::NOT_MODIFIED.into_response() } else { text.into_response() };
    let cache = if for_ever { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::ETAG, tag.clone());
    response
}
