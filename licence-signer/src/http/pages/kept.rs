//! A form whose session ended meanwhile: nothing is done, and what was typed stays on the page until its clerk has signed in
//! again. The form that it sends then is redrawn, not obeyed, since its token belongs to the session that ended.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use web::{Asker, Page, Words};

#[derive(Template)]
#[template(path = "kept.html")]
struct Kept<'a> {
    w: &'a Words,
    action: &'a str,
    fields: &'a [(String, String)],
}

/// The page with the fields that were sent to `action`.
pub(super) fn kept(asker: &Asker, action: &str, fields: &[(String, String)]) -> Response {
    let w = asker.words();
    let page = Page::of(asker, w.get("signer-kept"), &Kept { w, action, fields }).view_to("/department");
    (StatusCode::FORBIDDEN, page).into_response()
}
