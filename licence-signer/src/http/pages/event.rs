//! A state event by hand: suspend, resume, annul, recall, revoke, cancel.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::json;
use verifier::encoding::b64u;
use web::{Asker, Form, Page, Problem, Words, icons};

use super::Pages;
use super::department::clerk;
use super::kept::kept;
use super::parts::{self, FieldError, Tag};
use super::session::Session;
use crate::flow::claim::IdempotencyKey;
use crate::flow::error::FlowError;
use crate::flow::event::Order;
use crate::flow::licence::Licence;
use crate::life_cycle::Event;

/// Longest ground and reason, in characters.
const MAX_TEXT: usize = 200;

struct Then {
    icon: &'static str,
    text: String,
}

#[derive(Template)]
#[template(path = "department_event.html")]
struct EventPage<'a> {
    w: &'a Words,
    back_href: String,
    number: String,
    heading: String,
    tag: Tag,
    holder: String,
    holder_code: String,
    action: String,
    form_token: String,
    request_id: String,
    legal_ground: String,
    reason: String,
    errors: Vec<FieldError>,
    ground_error: String,
    reason_error: String,
    confirm_error: String,
    then: Vec<Then>,
    submit: String,
}

/// The form.
#[derive(Default, Deserialize)]
pub(super) struct EventForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    request_id: String,
    #[serde(default)]
    legal_ground: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    confirm: String,
}

impl EventForm {
    /// What was typed, for a form that has to be sent again.
    fn fields(&self) -> Vec<(String, String)> {
        let all = [
            ("request_id", &self.request_id),
            ("legal_ground", &self.legal_ground),
            ("reason", &self.reason),
            ("confirm", &self.confirm),
        ];
        all.into_iter().map(|(name, value)| (name.to_owned(), value.clone())).collect()
    }
}

/// `GET /department/licences/{id}/{event}`
pub(super) async fn form(
    State(pages): State<Pages>,
    asker: Asker,
    Path((id, word)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let event = Event::from_word(&word).ok_or_else(|| Problem::not_found("http.not_found"))?;
    let (session, officer) = match clerk(&pages, &asker, &format!("/department/licences/{id}/{word}")).await? {
        Ok(found) => found,
        Err(answer) => return Ok(answer),
    };
    let (licence, _) = pages.signer().read(&officer, &id).await?;
    event.after(licence.state).map_err(FlowError::from)?;
    let request_id = b64u::encode(pages.signer().sources().bytes::<16>().map_err(Problem::internal)?);
    let form = EventForm { request_id, ..EventForm::default() };
    Ok(show(&pages, &asker, &session, &licence, event, form, Vec::new()))
}

/// `POST /department/licences/{id}/{event}`
pub(super) async fn act(
    State(pages): State<Pages>,
    asker: Asker,
    Path((id, word)): Path<(String, String)>,
    Form(form): Form<EventForm>,
) -> Result<Response, Problem> {
    let event = Event::from_word(&word).ok_or_else(|| Problem::not_found("http.not_found"))?;
    let here = format!("/department/licences/{id}/{word}");
    let (session, officer) = match clerk(&pages, &asker, &here).await? {
        Ok(found) => found,
        Err(answer) if answer.status().is_redirection() => {
            asker.check_origin()?;
            return Ok(kept(&asker, &here, &form.fields()));
        }
        Err(answer) => return Ok(answer),
    };
    let (licence, _) = pages.signer().read(&officer, &id).await?;
    let w = asker.words();
    if asker.check_form(&form.form_token, &session.cookie).is_err() {
        asker.check_origin()?;
        let again = FieldError { field: "submit".to_owned(), text: w.get("signer-form-again").into_owned() };
        return Ok(show(&pages, &asker, &session, &licence, event, form, vec![again]));
    }
    let mut errors = Vec::new();
    let mut refuse = |field: &str, key: &str| {
        errors.push(FieldError { field: field.to_owned(), text: w.get(key).into_owned() });
    };
    let fits = |text: &str| (1..=MAX_TEXT).contains(&text.trim().chars().count());
    if !fits(&form.legal_ground) {
        refuse("legal_ground", "signer-error-ground");
    }
    if !fits(&form.reason) {
        refuse("reason", "signer-error-reason");
    }
    if form.confirm.trim().to_uppercase() != last_four(&licence.facts.number) {
        refuse("confirm", "signer-confirm-error");
    }
    if !errors.is_empty() {
        return Ok(show(&pages, &asker, &session, &licence, event, form, errors));
    }
    let key = (!form.request_id.is_empty()).then(|| IdempotencyKey {
        key: form.request_id.clone(),
        method: "POST".into(),
        path: here,
        body: json!({ "legal_ground": form.legal_ground.trim(), "reason": form.reason.trim() }),
    });
    let order = Order {
        event,
        legal_ground: form.legal_ground.trim().to_owned(),
        reason: form.reason.trim().to_owned(),
        effective_at: None,
    };
    pages.signer().act(&officer, &id, order, key).await?;
    Ok(Redirect::to(&format!("/department/licences/{id}?done={word}")).into_response())
}

/// The last four characters of a number, in capitals.
fn last_four(number: &str) -> String {
    let count = number.chars().count();
    number.chars().skip(count.saturating_sub(4)).collect::<String>().to_uppercase()
}

fn show(
    pages: &Pages,
    asker: &Asker,
    session: &Session,
    licence: &Licence,
    event: Event,
    form: EventForm,
    errors: Vec<FieldError>,
) -> Response {
    let w = asker.words();
    let word = event.as_str();
    let label = w.get(&format!("signer-event-{word}")).into_owned();
    let title = parts::type_title(w, pages.signer(), licence);
    let heading = w.with("signer-event-heading", &[("event", &label), ("title", &title)]).into_owned();
    let of = |field: &str| errors.iter().find(|e| e.field == field).map(|e| e.text.clone()).unwrap_or_default();
    let refused = !errors.is_empty();
    let page = EventPage {
        w,
        back_href: format!("/department/licences/{}", licence.id),
        number: parts::number(licence),
        heading: heading.clone(),
        tag: parts::tag(w, licence, pages.signer().sources().now(), true),
        holder: licence.facts.holder.name().to_owned(),
        holder_code: parts::holder_code(licence),
        action: format!("/department/licences/{}/{word}", licence.id),
        form_token: asker.form_token(&session.cookie),
        request_id: form.request_id,
        legal_ground: form.legal_ground,
        reason: form.reason,
        ground_error: of("legal_ground"),
        reason_error: of("reason"),
        confirm_error: of("confirm"),
        errors,
        then: then(w, event),
        submit: label,
    };
    let mut page = Page::of(asker, heading, &page).view_to(format!("/department/licences/{}/{word}", licence.id));
    if refused {
        page = page.refused();
    }
    pages.dress(asker, page, session, "/department").into_response()
}

fn then(w: &Words, event: Event) -> Vec<Then> {
    let line = |icon, key: &str| Then { icon, text: w.get(key).into_owned() };
    let (first, second) = match event {
        Event::Resumption => (line(icons::TICK, "signer-then-resumed"), None),
        Event::Suspension => (line(icons::BARS, "signer-then-ended"), Some(line(icons::TICK, "signer-then-resumable"))),
        _ => (line(icons::DASH, "signer-then-ended"), Some(line(icons::LOCK, "signer-then-final"))),
    };
    [Some(first), second, Some(line(icons::LIST, "signer-then-log"))].into_iter().flatten().collect()
}
