//! The portals' pages.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use verifier::time::Timestamp;
use web::claims::Identity;
use web::page::{Acting, dates};
use web::{Asker, Html, Page, Query, Words};

use super::lookup::{LicenceView, absent};
use super::sessions::Session;
use super::steps::{Step, Way};
use super::trace::{Parameter, Trace};
use super::{Kind, Portal, plain};

#[derive(Template)]
#[template(path = "portal_signed_out.html")]
struct SignedOut<'a> {
    w: &'a Words,
    title: &'static str,
    lead: &'static str,
    notice: String,
}

#[derive(Template)]
#[template(path = "portal.html")]
struct Citizen<'a> {
    w: &'a Words,
    name: String,
    facts: Vec<Fact>,
    summary: String,
    steps: Vec<Step>,
    project_url: &'a str,
    form_token: String,
}

#[derive(Template)]
#[template(path = "project.html")]
struct Project<'a> {
    w: &'a Words,
    case: String,
    licence: Option<LicenceView>,
    absent: String,
    can_look_up: bool,
    form_token: String,
}

struct Fact {
    name: String,
    value: String,
    note: String,
    code: bool,
}

/// A parameter with what it is for.
pub(super) struct Row {
    pub name: String,
    pub value: String,
    pub note: String,
}

/// What the address of the first page may tell.
#[derive(Deserialize)]
pub(super) struct HomeQuery {
    notice: Option<String>,
}

/// `GET /`
pub(super) async fn home(State(portal): State<Portal>, asker: Asker, Query(query): Query<HomeQuery>) -> Response {
    let Some((id, session)) = portal.session(&asker) else {
        let notice = query
            .notice
            .map(|code| asker.words().with("portal-not-completed", &[("code", &plain(&code))]).into_owned());
        // The second portal's visitor is signed in already, somewhere: ask, without a page, before showing a button.
        if portal.settings().kind == Kind::Project && notice.is_none() {
            return Redirect::to("/login").into_response();
        }
        return welcome(&portal, &asker, notice.unwrap_or_default());
    };
    let page = match portal.settings().kind {
        Kind::Citizen => citizen(&portal, &asker, &id, &session),
        Kind::Project => project(&portal, &asker, &id, &session),
    };
    let mut page = page.who(&display_name(&session.userinfo)).bound_to(id);
    if let (Some(mandate), Some(organisation)) = (&session.login.identity.mandate, organisation(&session)) {
        page = page.acting(&Acting {
            name: organisation,
            role: mandate.role.clone(),
            until: mandate.exp.map(Timestamp::from_seconds),
            change: Some("/login?for=organisation".into()),
        });
    }
    page.into_response()
}

/// `GET /signed-out`
pub(super) async fn signed_out(State(portal): State<Portal>, asker: Asker) -> Response {
    let notice = asker.words().get("portal-signed-out").into_owned();
    welcome(&portal, &asker, notice)
}

/// A page that answers the last form and moves on by itself.
pub(super) fn moving_on(asker: &Asker, to: &str) -> Page {
    let w = asker.words();
    let main = Html::already_escaped(format!(
        "<div class=\"title\"><h1>{}</h1></div><p><a class=\"btn\" href=\"{}\">{}</a></p>",
        web::html::escape(&w.get("portal-sign-out")),
        web::html::escape(to),
        web::html::escape(&w.get("portal-sign-out")),
    ));
    Page::new(asker, w.get("portal-sign-out"), main).moves_on_to(to)
}

fn welcome(portal: &Portal, asker: &Asker, notice: String) -> Response {
    let (title, lead) = match portal.settings().kind {
        Kind::Citizen => ("portal-home", "portal-home-lead"),
        Kind::Project => ("project-home", "project-home-lead"),
    };
    let page = SignedOut { w: asker.words(), title, lead, notice };
    Page::of(asker, asker.words().get(title), &page).view_to("/").into_response()
}

fn citizen(portal: &Portal, asker: &Asker, id: &str, session: &Session) -> Page {
    let w = asker.words();
    let trace = &session.trace;
    let page = Citizen {
        w,
        name: display_name(&session.userinfo),
        facts: facts(w, session),
        summary: w
            .with(
                "portal-summary",
                &[
                    ("from", &dates::time(trace.began)),
                    ("to", &dates::time(trace.ended)),
                    ("checks", &Trace::CHECKS.to_string()),
                ],
            )
            .into_owned(),
        steps: Way {
            w,
            issuer: &portal.settings().relying_party.settings().issuer,
            own: &portal.settings().url,
            trace,
        }
        .steps(),
        project_url: &portal.settings().project_url,
        form_token: asker.form_token(id),
    };
    Page::of(asker, w.get("portal-home"), &page)
}

fn project(portal: &Portal, asker: &Asker, id: &str, session: &Session) -> Page {
    let w = asker.words();
    let acting = session.login.identity.organisation.is_some();
    let looked_up = session.looked_up.as_ref();
    let page = Project {
        w,
        case: super::lookup::CASE.to_owned(),
        licence: looked_up.and_then(|found| found.view(w, &portal.settings().signer_url)),
        absent: absent(w, organisation(session).as_deref(), looked_up),
        can_look_up: acting,
        form_token: asker.form_token(id),
    };
    Page::of(asker, w.get("project-title"), &page)
}

/// The name of the person, or of the organisation where no person is named.
fn display_name(identity: &Identity) -> String {
    identity.name.clone().or_else(|| identity.organisation.as_ref()?.name.clone()).unwrap_or_default()
}

/// The name of the organisation acted for.
pub(super) fn organisation(session: &Session) -> Option<String> {
    let found = session.userinfo.organisation.as_ref().or(session.login.identity.organisation.as_ref())?;
    Some(found.name.clone().unwrap_or_else(|| found.code.clone()))
}

fn facts(w: &Words, session: &Session) -> Vec<Fact> {
    let (identity, userinfo) = (&session.login.identity, &session.userinfo);
    let fact =
        |key: &str, value: String| Fact { name: w.get(key).into_owned(), value, note: String::new(), code: false };
    let mut facts = Vec::new();
    if let Some(name) = &userinfo.name {
        facts.push(fact("fact-name", name.clone()));
    }
    if let Some(number) = &userinfo.id_number_masked {
        facts.push(fact("fact-number", number.clone()));
    }
    let time = identity.auth_time.map(|at| dates::time(Timestamp::from_seconds(at))).unwrap_or_default();
    let level = identity.level().to_string();
    facts.push(fact("fact-level", w.with("fact-level-value", &[("level", &level), ("time", &time)]).into_owned()));
    let acting_for = match (&identity.mandate, organisation(session)) {
        (Some(mandate), Some(name)) => {
            let role = w.get(&format!("role-{}", mandate.role)).into_owned();
            w.with("fact-for-organisation", &[("organisation", &name), ("role", &role)]).into_owned()
        }
        _ => w.get("fact-for-self").into_owned(),
    };
    facts.push(fact("fact-for", acting_for));
    facts.push(Fact {
        note: w.get("fact-sub-note").into_owned(),
        code: true,
        ..fact("fact-sub", identity.sub.clone())
    });
    facts
}

/// A parameter with its note, where there is one to give.
pub(super) fn row(w: &Words, parameter: &Parameter) -> Row {
    let note = match parameter.name.as_str() {
        "response_type" => "note-code",
        "redirect_uri" => "note-redirect",
        "state" => "note-state",
        "nonce" => "note-nonce",
        "code_challenge" => "note-challenge",
        "code_verifier" => "note-verifier",
        "acr_values" => "note-acr",
        _ => "",
    };
    Row {
        name: parameter.name.clone(),
        value: parameter.value.clone(),
        note: if note.is_empty() { String::new() } else { w.get(note).into_owned() },
    }
}
