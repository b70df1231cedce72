//! A department's pages: its licences, and one of them with all that happened to it.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use verifier::time::Timestamp;
use web::page::dates;
use web::{Asker, Form, Html, Page, Problem, Query, Words, icons};

use super::Pages;
use super::parts::{self, Choice, Fact, Tag};
use super::session::Session;
use super::sign_in::first;
use crate::flow::licence::{HistoryEvent, Licence};
use crate::flow::read::Filter;
use crate::issuance::HolderCode;
use crate::life_cycle::{Event, State as LegalState};
use crate::officer::Officer;

/// Licences on a page.
const ROWS: i64 = 20;

struct Count {
    href: String,
    icon: &'static str,
    word: String,
    count: i64,
    current: bool,
}

struct Row {
    href: String,
    number: String,
    holder: String,
    code: String,
    kind: String,
    until: String,
    tag: Tag,
}

#[derive(Template)]
#[template(path = "department.html")]
struct Department<'a> {
    w: &'a Words,
    can_issue: bool,
    counts: Vec<Count>,
    form_token: String,
    types: Vec<Choice>,
    rows: Vec<Row>,
    more: String,
}

struct EventLine {
    icon: &'static str,
    title: String,
    time: String,
    reason: String,
    details: String,
}

struct Action {
    event: &'static str,
    href: String,
    label: String,
}

#[derive(Template)]
#[template(path = "department_licence.html")]
struct DepartmentLicence<'a> {
    w: &'a Words,
    title: String,
    tag: Tag,
    holder: String,
    holder_code: String,
    number: String,
    notice: String,
    events: Vec<EventLine>,
    facts: Vec<Fact>,
    looked: String,
    actions: Vec<Action>,
}

/// The clerk's session and rights, or the page that says why there are none.
pub(super) async fn clerk(
    pages: &Pages,
    asker: &Asker,
    back: &str,
) -> Result<Result<(Session, Officer), Response>, Problem> {
    let Some(session) = pages.session(asker).await? else { return Ok(Err(first(back))) };
    match pages.officer(&session) {
        Some(officer) => Ok(Ok((session, officer))),
        None => Ok(Err(no_power(pages, asker, &session))),
    }
}

fn no_power(pages: &Pages, asker: &Asker, session: &Session) -> Response {
    let w = asker.words();
    let main = Html::already_escaped(format!(
        "<div class=\"title\"><h1>{}</h1></div><div class=\"read stack\"><p>{}</p><div class=\"actions\">\
         <a class=\"btn\" href=\"/login?to=/department&amp;switch=1\">{}</a></div></div>",
        web::html::escape(&w.get("signer-nav-department")),
        web::html::escape(&w.get("signer-no-power")),
        web::html::escape(&w.get("signer-switch")),
    ));
    let page = Page::new(asker, w.get("signer-nav-department"), main).view_to("/department");
    pages.dress(asker, page, session, "/department").into_response()
}

/// Which licences.
#[derive(Deserialize)]
pub(super) struct ListQuery {
    state: Option<String>,
    r#type: Option<String>,
    at: Option<i64>,
    id: Option<String>,
}

/// `GET /department`
pub(super) async fn list(
    State(pages): State<Pages>,
    asker: Asker,
    Query(query): Query<ListQuery>,
) -> Result<Response, Problem> {
    let (session, officer) = match clerk(&pages, &asker, "/department").await? {
        Ok(found) => found,
        Err(answer) => return Ok(answer),
    };
    let filter = Filter {
        type_code: query.r#type.clone().filter(|code| !code.is_empty()),
        state: query.state.as_deref().and_then(LegalState::from_word),
        after: query.at.zip(query.id),
    };
    let found = pages.signer().list(&officer, &filter, ROWS).await?;
    let more = found.next.map(|(at, id)| {
        let state = filter.state.map(|state| format!("&state={}", state.as_str())).unwrap_or_default();
        let kind = filter.type_code.as_ref().map(|code| format!("&type={code}")).unwrap_or_default();
        format!("/department?at={at}&id={id}{state}{kind}")
    });
    show(&pages, &asker, &session, &officer, &filter, found.licences, more.unwrap_or_default()).await
}

/// The search. Numbers of persons are typed here, so it is a POST.
#[derive(Deserialize)]
pub(super) struct SearchForm {
    form_token: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    r#type: String,
}

/// `POST /department`
pub(super) async fn search(
    State(pages): State<Pages>,
    asker: Asker,
    Form(form): Form<SearchForm>,
) -> Result<Response, Problem> {
    let (session, officer) = match clerk(&pages, &asker, "/department").await? {
        Ok(found) => found,
        Err(answer) => return Ok(answer),
    };
    asker.check_form(&form.form_token, &session.cookie)?;
    let type_code = Some(form.r#type.clone()).filter(|code| !code.is_empty());
    let filter = Filter { type_code, ..Filter::default() };
    let q = form.q.trim();
    let found = if q.is_empty() {
        pages.signer().list(&officer, &filter, ROWS).await?.licences
    } else {
        search_licences(&pages, &officer, &filter, q).await?
    };
    show(&pages, &asker, &session, &officer, &filter, found, String::new()).await
}

/// By the holder's number, else by the printed one among the newest.
async fn search_licences(pages: &Pages, officer: &Officer, filter: &Filter, q: &str) -> Result<Vec<Licence>, Problem> {
    let signer = pages.signer();
    let fits = |licence: &Licence| filter.type_code.as_ref().is_none_or(|code| *code == licence.facts.type_code);
    let mut found = Vec::new();
    for code_type in ["111", "001"] {
        if let Ok(holder) = HolderCode::of_type(code_type, q) {
            found.extend(signer.list_of_holder(officer, &holder).await?.into_iter().filter(fits));
        }
    }
    if found.is_empty() {
        let newest = signer.list(officer, filter, 100).await?.licences;
        found.extend(newest.into_iter().filter(|licence| licence.facts.number.contains(q)));
    }
    found.truncate(usize::try_from(ROWS).unwrap_or(20));
    Ok(found)
}

async fn show(
    pages: &Pages,
    asker: &Asker,
    session: &Session,
    officer: &Officer,
    filter: &Filter,
    licences: Vec<Licence>,
    more: String,
) -> Result<Response, Problem> {
    let w = asker.words();
    let signer = pages.signer();
    let now = signer.sources().now();
    let world = signer.world();
    let types: Vec<Choice> = world
        .types()
        .filter(|known| known.may_be_issued_by(&officer.department().code))
        .map(|known| Choice {
            code: known.code().to_owned(),
            name: parts::title(w, &known.definition().name).to_owned(),
            selected: filter.type_code.as_deref() == Some(known.code()),
        })
        .collect();
    let can_issue = types.iter().any(|choice| officer.may_issue(&choice.code));
    let counts = counts(w, &signer.counts(officer).await?, filter.state);
    let rows = licences
        .iter()
        .map(|licence| Row {
            href: format!("/department/licences/{}", licence.id),
            number: parts::number(licence),
            holder: licence.facts.holder.name().to_owned(),
            code: parts::holder_code(licence),
            kind: parts::type_title(w, signer, licence),
            until: licence
                .facts
                .valid_until
                .as_deref()
                .map_or_else(|| w.get("signer-until-long").into_owned(), |day| parts::day(w, day)),
            tag: parts::tag(w, licence, now, true),
        })
        .collect();
    let page = Department { w, can_issue, counts, form_token: asker.form_token(&session.cookie), types, rows, more };
    let page = Page::of(asker, w.get("signer-department"), &page).view_to("/department");
    Ok(pages.dress(asker, page, session, "/department").into_response())
}

fn counts(w: &Words, found: &[(LegalState, i64)], current: Option<LegalState>) -> Vec<Count> {
    let all = found.iter().map(|(_, count)| count).sum();
    let of = |state: LegalState| found.iter().find(|(s, _)| *s == state).map_or(0, |(_, count)| *count);
    let mut counts = vec![Count {
        href: "/department".into(),
        icon: "",
        word: w.get("signer-all").into_owned(),
        count: all,
        current: current.is_none(),
    }];
    for (state, icon, key) in [
        (LegalState::InForce, icons::TICK, "signer-state-valid"),
        (LegalState::Suspended, icons::BARS, "signer-state-suspended-exact"),
        (LegalState::Revoked, icons::DASH, "signer-happened-revocation"),
        (LegalState::Cancelled, icons::DASH, "signer-happened-cancellation"),
    ] {
        counts.push(Count {
            href: format!("/department?state={}", state.as_str()),
            icon,
            word: w.get(key).into_owned(),
            count: of(state),
            current: current == Some(state),
        });
    }
    counts
}

/// What was just done.
#[derive(Deserialize)]
pub(super) struct DoneQuery {
    done: Option<String>,
}

/// `GET /department/licences/{id}`
pub(super) async fn licence(
    State(pages): State<Pages>,
    asker: Asker,
    Path(id): Path<String>,
    Query(query): Query<DoneQuery>,
) -> Result<Response, Problem> {
    let (session, officer) = match clerk(&pages, &asker, &format!("/department/licences/{id}")).await? {
        Ok(found) => found,
        Err(answer) => return Ok(answer),
    };
    let w = asker.words();
    let signer = pages.signer();
    let now = signer.sources().now();
    let (licence, history) = signer.read(&officer, &id).await?;
    let known = signer.licence_type(&licence.facts.type_code, Some(licence.facts.type_version));
    let notice = match query.done.as_deref() {
        Some("issue") => w.get("signer-issued").into_owned(),
        Some(word) if Event::from_word(word).is_some() => {
            let event = w.get(&format!("signer-event-{word}")).into_owned();
            w.with("signer-done", &[("event", &event)]).into_owned()
        }
        _ => String::new(),
    };
    let mut facts = vec![
        Fact { name: w.get("signer-holder").into_owned(), value: licence.facts.holder.name().to_owned(), small: false },
        Fact { name: w.get("signer-holder-code").into_owned(), value: parts::holder_code(&licence), small: false },
    ];
    facts.extend(parts::items(w, &licence, known.as_deref()));
    let validity = parts::validity(w, &licence.facts.valid_from, licence.facts.valid_until.as_deref());
    facts.push(Fact { name: w.get("signer-validity").into_owned(), value: validity, small: false });
    let identifier = licence.facts.identifier.clone();
    facts.push(Fact { name: w.get("signer-identifier").into_owned(), value: identifier, small: true });
    let title = parts::type_title(w, signer, &licence);
    let looked = signer.looks_count(&officer, &id).await?;
    let page = DepartmentLicence {
        w,
        title: title.clone(),
        tag: parts::tag(w, &licence, now, true),
        holder: licence.facts.holder.name().to_owned(),
        holder_code: parts::holder_code(&licence),
        number: parts::number(&licence),
        notice,
        events: history.iter().rev().map(|event| line(w, event)).chain([issuance(w, &licence)]).collect(),
        facts,
        looked: w.with("signer-looked-count", &[("n", &looked.to_string())]).into_owned(),
        actions: actions(w, &officer, &licence),
    };
    let page = Page::of(&asker, title, &page).view_to(format!("/department/licences/{id}"));
    Ok(pages.dress(&asker, page, &session, "/department").into_response())
}

/// The first line of every licence's history.
fn issuance(w: &Words, licence: &Licence) -> EventLine {
    let case = licence.facts.case.as_deref();
    EventLine {
        icon: icons::TICK,
        title: w.with("signer-event-issue", &[("n", "1")]).into_owned(),
        time: dates::instant(w.lang(), licence.recorded_at),
        reason: String::new(),
        details: case.map(|case| w.with("signer-event-case", &[("case", case)]).into_owned()).unwrap_or_default(),
    }
}

/// Who acted, without a number that means nothing to a reader.
fn actor(w: &Words, actor: &str) -> String {
    let (kind, id) = actor.split_once(':').unwrap_or(("", actor));
    let count = id.chars().count();
    let end: String = id.chars().skip(count.saturating_sub(6)).collect();
    match kind {
        "client" => w.with("signer-actor-system", &[("id", id)]).into_owned(),
        "operator" => w.get("signer-actor-operator").into_owned(),
        _ => w.with("signer-actor-clerk", &[("id", &end)]).into_owned(),
    }
}

fn line(w: &Words, event: &HistoryEvent) -> EventLine {
    let (icon, title) = match Event::from_word(&event.event) {
        Some(known) => {
            let icon = match known {
                Event::Suspension => icons::BARS,
                Event::Resumption => icons::TICK,
                _ => icons::DASH,
            };
            (icon, w.get(&format!("signer-happened-{}", known.as_str())).into_owned())
        }
        None => (icons::TICK, event.event.clone()),
    };
    EventLine {
        icon,
        title,
        time: dates::instant(w.lang(), event.at),
        reason: event.reason.clone(),
        details: w
            .with(
                "signer-event-details",
                &[("ground", ground(w, &event.legal_ground)), ("actor", &actor(w, &event.actor))],
            )
            .into_owned(),
    }
}

fn ground<'a>(_: &Words, ground: &'a str) -> &'a str {
    if ground.is_empty() { "—" } else { ground }
}

fn actions(w: &Words, officer: &Officer, licence: &Licence) -> Vec<Action> {
    if !licence.is_released || !officer.may_end(&licence.facts.type_code) {
        return Vec::new();
    }
    Event::ALL
        .into_iter()
        .filter(|event| event.after(licence.state).is_ok())
        .map(|event| Action {
            event: event.as_str(),
            href: format!("/department/licences/{}/{}", licence.id, event.as_str()),
            label: w.get(&format!("signer-event-{}", event.as_str())).into_owned(),
        })
        .collect()
}

/// The day and time of an instant, for forms.
pub(super) fn today(now: Timestamp) -> String {
    verifier::time::Date::of(now).map(|date| date.to_string()).unwrap_or_default()
}
