//! `GET` and `POST /consent/{id}`: what a client asks for, and the person's answer.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use url::Url;
use web::{Asker, Form, Page, Problem, Words};

use crate::client::Client;
use crate::flow::authorize::{AT, asked_scopes};
use crate::http::browser::Browser;
use crate::http::problem;
use crate::http::steps::{self, Opened};
use crate::interaction::{Acting, Asker as Who};
use crate::session::Session;
use crate::storage::people::{self, LiveMandate};
use crate::storage::subjects;
use crate::token::claims;
use crate::{Idp, digest};

/// What a consent form sends.
#[derive(Deserialize)]
pub(crate) struct Answer {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    cancel: Option<String>,
    /// Lines that are ticked one by one.
    #[serde(default)]
    scope: Vec<String>,
}

/// Everything that both halves need.
struct Question {
    client: Arc<Client>,
    session: Session,
    mandate: Option<LiveMandate>,
    scopes: Vec<String>,
}

impl Question {
    fn asks(&self, scope: &str) -> bool {
        self.scopes.iter().any(|asked| asked == scope)
    }
}

/// What is to be asked; `None` if the session has ended meanwhile, or the mandate to act by.
async fn question(at: &mut Opened<'_>) -> Result<Option<Question>, Problem> {
    let Who::Client(client) = &at.interaction.asker else { return Err(problem::no_interaction()) };
    let client = client.clone();
    let Some(session) = at.session().await? else { return Ok(None) };
    let mandate = match at.interaction.acting() {
        Some(Acting::Mandate(id)) => {
            let now = at.idp.sources().now();
            let mandates = people::mandates(&mut at.tx, &session.person, now).await.map_err(problem::of_storage)?;
            let Some(live) = mandates.into_iter().find(|mandate| mandate.id == *id) else { return Ok(None) };
            Some(live)
        }
        _ => None,
    };
    let scopes = asked_scopes(&at.interaction.request, &client);
    Ok(Some(Question { client, session, mandate, scopes }))
}

/// `GET /consent/{id}`.
pub(crate) async fn show(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let mut at = Opened::look(&idp, &asker, &browser, &id).await?;
    let Some(question) = question(&mut at).await? else { return Ok(steps::back(&id)) };
    let sealed = people::sealed(&mut at.tx, &question.session.person).await.map_err(problem::of_storage)?;
    let sealed = sealed.ok_or_else(problem::no_interaction)?;
    let keys = idp.field_keys(idp.sources().now())?;
    let person = claims::Person::open(&keys, &question.session.person, &sealed)?;
    Ok(page(&at, &question, &person).into_response())
}

/// `POST /consent/{id}`.
pub(crate) async fn answer(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Path(id): Path<String>,
    Form(form): Form<Answer>,
) -> Result<Response, Problem> {
    let (seen, token) = form.form_token.split_once('.').unwrap_or_default();
    let mut at = Opened::answered_as(&idp, &asker, &browser, &id, token, &binding(&id, seen)).await?;
    if form.cancel.is_some() {
        return at.cancel().await;
    }
    let Some(question) = question(&mut at).await? else { return at.go_on().await };
    if seen != who_agrees(&at, &question) {
        return Ok(steps::back(&id)); // another tab chose somebody else meanwhile: that one is asked anew
    }
    let kept: Vec<String> = question
        .scopes
        .iter()
        .map(|scope| {
            let refused = scope == "id_number" && !form.scope.iter().any(|ticked| ticked == scope);
            if refused { format!("-{scope}") } else { scope.clone() }
        })
        .collect();
    let now = idp.sources().now();
    let organisation = question.mandate.as_ref().map(|mandate| &mandate.organisation);
    let (person, client) = (&question.session.person, &question.client.client_id);
    subjects::put_consent(&mut at.tx, person, client, organisation, &kept, now).await.map_err(problem::of_storage)?;
    at.interaction.consented_at = Some(now);
    at.go_on().await
}

/// Who agrees, and for whom: the form is good for these alone.
fn who_agrees(at: &Opened<'_>, question: &Question) -> String {
    let acting = match at.interaction.acting() {
        Some(Acting::Mandate(id)) => id.as_str(),
        _ => "",
    };
    digest::parts(&["consent", question.session.id.as_str(), acting])
}

fn binding(id: &str, seen: &str) -> String {
    format!("{id}/{seen}")
}

/// One line of what is asked for.
struct Line {
    name: String,
    value: String,
}

fn page(at: &Opened<'_>, question: &Question, person: &claims::Person) -> Page {
    let (asker, id) = (&at.asker, at.interaction.id.as_str());
    let host = at.interaction.request.redirect_uri.parse::<Url>().ok();
    let seen = who_agrees(at, question);
    let main = Consent {
        w: asker.words(),
        name: question.client.name.get(asker.lang()),
        operator: question.client.operator.get(asker.lang()),
        host: host.as_ref().and_then(Url::host_str).unwrap_or_default(),
        path: format!("/consent/{id}"),
        form_token: format!("{seen}.{}", asker.form_token(&binding(id, &seen))),
        lines: lines(asker.words(), question, person),
        number: question.asks("id_number") && person.document.is_some(),
        purpose: question.client.number_purpose.get(asker.lang()),
    };
    Page::of(asker, asker.words().get("consent-title"), &main).who(&person.name).bound_to(question.session.id.as_str())
}

/// What the client will learn and may do, line by line; the whole number apart.
fn lines(words: &Words, question: &Question, person: &claims::Person) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut line = |key: &str, value: String| lines.push(Line { name: words.get(key).into_owned(), value });
    if let Some(mandate) = &question.mandate {
        line("consent-organisation", format!("{} {}", mandate.name, mandate.code));
    }
    if question.asks("profile") {
        line("consent-name", person.name.clone());
        if let Some((kind, number)) = &person.document {
            line("consent-number-masked", claims::masked(kind, number));
        }
    }
    if question.asks("phone")
        && let Some((number, _)) = &person.phone
    {
        line("consent-phone", claims::masked("111", number));
    }
    line("consent-level", words.get(&format!("consent-level-{}", question.session.acr.level())).into_owned());
    if question.asks("offline_access") {
        line("consent-offline", words.get("consent-offline-what").into_owned());
    }
    for scope in question.scopes.iter().filter(|scope| claims::scope_of_scope(scope).is_none()) {
        if let Some(resource) = scope.strip_prefix(AT) {
            line("consent-at", resource.to_owned());
            continue;
        }
        let key = format!("consent-scope-{}", scope.replace(['.', ':'], "-"));
        let what = if words.has(&key) { words.get(&key).into_owned() } else { scope.clone() };
        line("consent-may", what);
    }
    lines
}

#[derive(Template)]
#[template(path = "consent.html")]
struct Consent<'a> {
    w: &'a Words,
    name: &'a str,
    operator: &'a str,
    host: &'a str,
    path: String,
    form_token: String,
    lines: Vec<Line>,
    number: bool,
    purpose: &'a str,
}
