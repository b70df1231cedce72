//! What a clerk has verified today.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use verifier::time::Timestamp;
use web::page::dates;
use web::words::Lang;
use web::{Asker, Page, Problem};

use super::home::{day_start, sign_in_first, summary};
use crate::desk::{Desk, storage_problem};
use crate::page::report_view;
use crate::page::templates::{Today, TodayRow};
use crate::storage::reports;

/// `GET /today`
pub(super) async fn page(State(desk): State<Desk>, asker: Asker) -> Result<Response, Problem> {
    let Some(session) = desk.session(&asker).await? else { return Ok(sign_in_first("/today")) };
    let w = asker.words();
    let from = day_start(desk.sources().now());
    let lines = {
        let mut reader = desk.db().reader().await.map_err(storage_problem)?;
        reports::since(&mut reader, &session.1, from).await.map_err(storage_problem)?
    };
    let rows = lines
        .into_iter()
        .map(|line| {
            let (tag, icon, word) = report_view::tag(w, &line.verdict);
            let title = if asker.lang() == Lang::En { line.title_en } else { line.title_zh };
            TodayRow {
                time: dates::time(Timestamp::from_seconds(line.at)),
                what: if title.is_empty() { w.get("desk-document").into_owned() } else { title },
                case: line.case_number.unwrap_or_default(),
                tag,
                icon,
                word,
                id: line.id,
            }
        })
        .collect();
    let page = Today { w, summary: summary(&desk, &asker, &session.1).await?, rows };
    let page = Page::of(&asker, w.get("desk-today"), &page);
    Ok(Desk::dress(&asker, page, Some(&session), "/today").into_response())
}
