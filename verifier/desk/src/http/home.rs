//! The desk's page: one field, a verdict, the next one.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Map, Value, json};
use verifier::time::Timestamp;
use web::input::Upload;
use web::{Asker, Page, Problem, icons};

use crate::desk::{Desk, storage_problem};
use crate::flow::Who;
use crate::page::report_view::{self, Context};
use crate::page::templates::{CaseLine, Desk as DeskPage, Result as ResultPage, Sample};
use crate::session::Session;
use crate::signer::SignerError;
use crate::storage::cases::Case;
use crate::storage::reports;

/// Longest text of a field: what readers of codes take.
const MAX_TEXT_CHARACTERS: usize = 64 * 1024;
/// The five samples to try, as their files are named.
const SAMPLES: [&str; 5] = ["valid", "expired", "suspended", "altered", "status-unavailable"];

/// `GET /`
pub(super) async fn page(State(desk): State<Desk>, asker: Asker) -> Result<Response, Problem> {
    first_page(&desk, &asker, String::new()).await
}

/// The first page with a notice.
pub(super) async fn first_page(desk: &Desk, asker: &Asker, notice: String) -> Result<Response, Problem> {
    first_page_with(desk, asker, notice, "").await
}

/// What the form on a page is bound to: the session, where there is one.
fn binding(session: Option<&(String, Session)>) -> &str {
    session.map_or("", |(cookie, _)| cookie)
}

async fn first_page_with(desk: &Desk, asker: &Asker, notice: String, kept: &str) -> Result<Response, Problem> {
    let session = desk.session(asker).await?;
    let w = asker.words();
    let today = match &session {
        Some((_, session)) => summary(desk, asker, session).await?,
        None => String::new(),
    };
    let page = DeskPage {
        w,
        form_token: asker.form_token(binding(session.as_ref())),
        kept: kept.to_owned(),
        matter: case_line(desk, asker, session.as_ref().and_then(|(_, session)| session.case.as_ref())).await,
        notice,
        samples: samples(desk, asker),
        signed_in: session.is_some(),
        today,
    };
    let page = Page::of(asker, w.get("desk-title"), &page).view_to("/");
    Ok(Desk::dress(asker, page, session.as_ref(), "/").into_response())
}

/// The sentence of how many of each verdict a clerk has had today.
pub(super) async fn summary(desk: &Desk, asker: &Asker, session: &Session) -> Result<String, Problem> {
    let mut reader = desk.db().reader().await.map_err(storage_problem)?;
    let from = day_start(desk.sources().now());
    let counts = reports::count(&mut reader, session, from).await.map_err(storage_problem)?;
    let count = |verdict: &str| counts.iter().find(|(v, _)| v == verdict).map_or(0, |(_, n)| *n);
    let all: i64 = counts.iter().map(|(_, n)| n).sum();
    let values = [
        ("count", all),
        ("valid", count("valid")),
        ("past", count("not_in_force")),
        ("invalid", count("invalid")),
        ("open", count("undetermined") + count("none")),
    ]
    .map(|(name, n)| (name, n.to_string()));
    let values: Vec<(&str, &str)> = values.iter().map(|(name, n)| (*name, n.as_str())).collect();
    Ok(asker.words().with("desk-today-summary", &values).into_owned())
}

/// 00:00 of the day at UTC+08:00.
pub(super) fn day_start(now: Timestamp) -> Timestamp {
    const ZONE: i64 = 8 * 3_600;
    let local = now.seconds() + ZONE;
    Timestamp::from_seconds(local - local.rem_euclid(86_400) - ZONE)
}

/// The line that says which case is worked on.
pub(super) async fn case_line(desk: &Desk, asker: &Asker, case: Option<&Case>) -> Option<CaseLine> {
    let case = case?;
    let matters = desk.signer().matters().await.ok();
    let name = matters
        .and_then(|all| all.iter().find(|m| m.code == case.matter).map(|m| m.name.get(asker.lang()).to_owned()))
        .unwrap_or_else(|| case.matter.clone());
    Some(CaseLine { name, case: case.number.clone(), purpose: case.purpose.clone() })
}

fn samples(desk: &Desk, asker: &Asker) -> Vec<Sample> {
    if desk.samples().is_none() {
        return Vec::new();
    }
    let w = asker.words();
    SAMPLES
        .iter()
        .map(|state| Sample {
            href: format!("/samples/{state}"),
            icon: match *state {
                "valid" => icons::TICK,
                "expired" => icons::CALENDAR,
                "suspended" => icons::BARS,
                "altered" => icons::CROSS,
                _ => icons::QUESTION,
            },
            word: w.get(&format!("desk-sample-{state}")).into_owned(),
            what: w.get("desk-sample-what").into_owned(),
        })
        .collect()
}

/// `GET /samples/{state}`: verifies a sample; nothing is recorded.
pub(super) async fn sample(
    State(desk): State<Desk>,
    asker: Asker,
    Path(state): Path<String>,
) -> Result<Response, Problem> {
    let known = SAMPLES.iter().find(|known| **known == state);
    let (Some(folder), Some(state)) = (desk.samples(), known) else {
        return Err(Problem::not_found("http.not_found"));
    };
    let bytes = tokio::fs::read(folder.join(format!("{state}.sdjwt")))
        .await
        .map_err(|error| Problem::not_found("http.not_found").cause(error))?;
    let report = desk.verify(&bytes, desk.sources().now()).await;
    let report = serde_json::to_value(&report).map_err(Problem::internal)?;
    let session = desk.session(&asker).await?;
    let report = titled(&desk, report).await;
    render(&desk, &asker, session.as_ref(), None, &report, None).await
}

/// `POST /`. A page that was open too long, or over a sign-in or its end, loses nothing: what was scanned stands in the field of
/// a fresh one, where Enter verifies it.
pub(super) async fn verify(State(desk): State<Desk>, asker: Asker, upload: Upload) -> Result<Response, Problem> {
    asker.check_origin()?;
    let text = upload.text("code");
    if text.chars().count() > MAX_TEXT_CHARACTERS {
        return Err(Problem::new(http::StatusCode::PAYLOAD_TOO_LARGE, "input.too_large"));
    }
    let scanned = verifier::verify::normalise(text);
    let file = upload.file("file").map(|file| file.bytes.clone());
    if scanned.is_empty() && file.is_none() {
        let notice = asker.words().get("desk-empty-input").into_owned();
        return first_page(&desk, &asker, notice).await;
    }
    let session = desk.session(&asker).await?;
    if asker.check_form(upload.text("form_token"), binding(session.as_ref())).is_err() {
        let key = if scanned.is_empty() { "desk-page-old-file" } else { "desk-page-old" };
        return first_page_with(&desk, &asker, asker.words().get(key).into_owned(), scanned).await;
    }
    if scanned.starts_with("XYP:") {
        return presented(&desk, &asker, session.as_ref(), scanned).await;
    }
    if let Some(digits) = spoken(scanned) {
        return presented(&desk, &asker, session.as_ref(), &digits).await;
    }
    let input = if scanned.is_empty() { file.unwrap_or_default().to_vec() } else { scanned.as_bytes().to_vec() };
    let report = desk.verify(&input, desk.sources().now()).await;
    let report = serde_json::to_value(&report).map_err(Problem::internal)?;
    let who = session.as_ref().map_or(Who::Anyone, |(_, session)| Who::Clerk(session));
    let case = session.as_ref().and_then(|(_, session)| session.case.as_ref());
    desk.record(&asker, &who, "document.verify", Some(&report), case).await?;
    let report = titled(&desk, report).await;
    render(&desk, &asker, session.as_ref(), case, &report, None).await
}

/// The eight digits that a holder reads out where his code cannot be scanned, without the blanks and hyphens between them.
fn spoken(typed: &str) -> Option<String> {
    let mut digits = typed.chars().filter(|c| !c.is_whitespace() && *c != '-');
    let eight: String = digits.by_ref().take(8).collect();
    (eight.len() == 8 && eight.bytes().all(|b| b.is_ascii_digit()) && digits.next().is_none()).then_some(eight)
}

/// A code that a holder shows: resolved as the clerk, in the name of the case.
async fn presented(
    desk: &Desk,
    asker: &Asker,
    session: Option<&(String, Session)>,
    code: &str,
) -> Result<Response, Problem> {
    let w = asker.words();
    let Some((_, clerk)) = session else {
        return first_page(desk, asker, w.get("desk-need-sign-in").into_owned()).await;
    };
    let Some(case) = &clerk.case else {
        return first_page(desk, asker, w.get("desk-need-case").into_owned()).await;
    };
    let resolved = match desk.clerk_token(asker, clerk, "presentation.resolve").await {
        Ok(token) => desk.signer().resolve(&token, code, case).await,
        Err(error) => Err(error),
    };
    match resolved {
        Ok(answer) => {
            let report = merged(&answer);
            desk.record(asker, &Who::Clerk(clerk), "presentation.resolve", Some(&report), Some(case)).await?;
            render(desk, asker, session, Some(case), &report, shown_by(asker, &answer)).await
        }
        Err(error) => {
            let notice = match &error {
                SignerError::Refused { code: refused, .. } if refused == "presentation.awaiting_holder" => {
                    return first_page_with(desk, asker, w.get("desk-awaiting").into_owned(), code).await;
                }
                SignerError::Refused { code, .. } if code == "presentation.used" => {
                    w.get("desk-code-used").into_owned()
                }
                SignerError::Refused { code, .. }
                    if code == "presentation.unknown" || code == "presentation.expired" =>
                {
                    w.get("desk-code-unknown").into_owned()
                }
                SignerError::Refused { code, retry_after, .. } if code == "rate.limited" => {
                    w.with("desk-too-many", &[("seconds", &retry_after.unwrap_or(60).to_string())]).into_owned()
                }
                SignerError::Refused { code, .. } => w.with("desk-code-refused", &[("code", code)]).into_owned(),
                SignerError::Unavailable(cause) => {
                    tracing::warn!(cause, "licence-signer gave no answer");
                    w.with("desk-code-refused", &[("code", "signer.unavailable")]).into_owned()
                }
            };
            first_page(desk, asker, notice).await
        }
    }
}

/// The report with what its items are called: as the trust bundle says, and where it says nothing, the type's own metadata.
/// Nothing is believed of either: they only name what the report holds.
async fn titled(desk: &Desk, mut report: Value) -> Value {
    let Some(licence) = report.get_mut("licence").and_then(Value::as_object_mut) else { return report };
    let kind = licence.get("type");
    let code = kind.and_then(|kind| kind.get("code")).and_then(Value::as_str).unwrap_or_default().to_owned();
    let version = kind.and_then(|kind| kind.get("version")).and_then(Value::as_u64).unwrap_or_default();
    let mut titles = Map::new();
    if let Some(known) = desk.trust().current().as_ref().and_then(|current| current.trust.licence_type(&code, version))
    {
        titles.extend(known.code_items.iter().map(|item| (item.name.clone(), json!(item.titles))));
    }
    let items = licence.get("items").and_then(Value::as_object);
    if items.is_some_and(|items| items.keys().any(|name| !titles.contains_key(name)))
        && let Some(more) = desk.catalogue().titles(&code, version).await
    {
        for (name, titled) in more.iter() {
            titles.entry(name.clone()).or_insert_with(|| titled.clone());
        }
    }
    licence.entry("item_titles").or_insert(Value::Object(titles));
    report
}

/// The facts that licence-signer may show us, in the place of the report's own.
pub(super) fn merged(answer: &Value) -> Value {
    let mut report = answer.get("report").cloned().unwrap_or_default();
    if let (Some(facts), Some(report)) = (answer.get("facts"), report.as_object_mut()) {
        report.insert("licence".into(), facts.clone());
    }
    report
}

/// Who showed it: the holder himself, or whoever acts for the holder.
fn shown_by(asker: &Asker, answer: &Value) -> Option<String> {
    let name = answer.pointer("/facts/holder/name")?.as_str()?;
    let person = answer.pointer("/facts/holder/kind").and_then(Value::as_str) == Some("person");
    Some(if person {
        name.to_owned()
    } else {
        asker.words().with("desk-presenter-for", &[("holder", name)]).into_owned()
    })
}

async fn render(
    desk: &Desk,
    asker: &Asker,
    session: Option<&(String, Session)>,
    recorded_in: Option<&Case>,
    report: &Value,
    shown_by: Option<String>,
) -> Result<Response, Problem> {
    let w = asker.words();
    let case = session.and_then(|(_, session)| session.case.as_ref());
    let context = Context {
        id: asker.incident().as_str(),
        case: recorded_in.map(|case| case.number.as_str()),
        looked_up: false,
        shown_by: shown_by.as_deref(),
    };
    let view = report_view::view(w, report, &context);
    let of = report_view::title(w, report);
    let title = w.with("desk-page-title", &[("word", &view.word), ("title", &of)]).into_owned();
    let form_token = asker.form_token(binding(session));
    let page = ResultPage { w, form_token, matter: case_line(desk, asker, case).await, v: view };
    let page = Page::of(asker, title, &page).view_to("/");
    Ok(Desk::dress(asker, page, session, "/").into_response())
}

/// Sends to sign in and back to `to`.
pub(super) fn sign_in_first(to: &str) -> Response {
    Redirect::to(&format!("/login?to={to}")).into_response()
}

#[cfg(test)]
mod tests {
    use super::spoken;

    #[test]
    fn digits_are_sent_as_digits_alone() {
        for (typed, read) in [
            ("12345678", true),
            ("1234 5678", true),
            ("1234\t56-78\n", true),
            ("\u{3000}1234\u{a0}5678", true),
            ("1234567", false),
            ("123456789", false),
            ("1234567８", false),
            ("", false),
        ] {
            assert_eq!(spoken(typed).as_deref(), read.then_some("12345678"), "{typed:?}");
        }
    }
}
