//! `GET` and `POST /consent/{id}`: what a client asks for, and the person's answer.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use url::Url;
use web::{Asker, Form, Page, Problem, Words};

use crate::Idp;
use crate::client::Client;
use crate::flow::authorize::{AT, asked_scopes};
use crate::http::browser::Browser;
use crate::http::sign_in::spoken;
use crate::http::{problem, steps};
use crate::interaction::{Acting, Interaction};
use crate::session::{self, Session};
use crate::storage::people::{self, LiveMandate};
use crate::storage::subjects;
use crate::token::claims;

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
    interaction: Interaction,
    client: std::sync::Arc<Client>,
    session: Session,
    mandate: Option<LiveMandate>,
    scopes: Vec<String>,
}

async fn question(
    idp: &Idp,
    tx: &mut store::Tx,
    id: &str,
    browser: &Browser,
) -> Result<Result<Question, Interaction>, Problem> {
    let now = idp.sources().now();
    let interaction = steps::load(idp, tx, id, browser).await?;
    let crate::interaction::Asker::Client(client) = &interaction.asker else { return Err(problem::no_interaction()) };
    let client = client.clone();
    let sessions = session::of_browser(tx, browser, now).await?;
    let Some(session) = sessions.into_iter().find(|session| interaction.session() == Some(&session.id)) else {
        return Ok(Err(interaction));
    };
    let mandate = match interaction.acting() {
        Some(Acting::Mandate(id)) => {
            let mandates = people::mandates(tx, &session.person, now).await.map_err(problem::of_storage)?;
            mandates.into_iter().find(|mandate| mandate.id == *id)
        }
        _ => None,
    };
    let scopes = asked_scopes(&interaction.request, &client);
    Ok(Ok(Question { interaction, client, session, mandate, scopes }))
}

/// `GET /consent/{id}`.
pub(crate) async fn show(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let mut tx = idp.db().begin().await.map_err(problem::of_storage)?;
    let question = match question(&idp, &mut tx, &id, &browser).await? {
        Ok(question) => question,
        Err(interaction) => return steps::go_on(&idp, &asker, &browser, tx, interaction, None).await,
    };
    let sealed = people::sealed(&mut tx, &question.session.person).await.map_err(problem::of_storage)?;
    let sealed = sealed.ok_or_else(problem::no_interaction)?;
    drop(tx);
    let keys = idp.field_keys(idp.sources().now())?;
    let person = claims::Person::open(&keys, &question.session.person, &sealed)?;
    Ok(page(&spoken(&asker, &question.interaction), &id, &question, &person).into_response())
}

/// `POST /consent/{id}`.
pub(crate) async fn answer(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Path(id): Path<String>,
    Form(form): Form<Answer>,
) -> Result<Response, Problem> {
    asker.check_form(&form.form_token, &id)?;
    let now = idp.sources().now();
    let mut tx = idp.db().begin().await.map_err(problem::of_storage)?;
    let mut question = match question(&idp, &mut tx, &id, &browser).await? {
        Ok(question) => question,
        Err(interaction) => return steps::go_on(&idp, &asker, &browser, tx, interaction, None).await,
    };
    if form.cancel.is_some() {
        return steps::cancel(&idp, &asker, &browser, tx, question.interaction).await;
    }
    let kept: Vec<String> = question
        .scopes
        .iter()
        .map(|scope| {
            let refused = scope == "id_number" && !form.scope.iter().any(|ticked| ticked == scope);
            if refused { format!("-{scope}") } else { scope.clone() }
        })
        .collect();
    let organisation = question.mandate.as_ref().map(|mandate| &mandate.organisation);
    let (person, client) = (&question.session.person, &question.client.client_id);
    subjects::put_consent(&mut tx, person, client, organisation, &kept, now).await.map_err(problem::of_storage)?;
    question.interaction.consented_at = Some(now);
    steps::go_on(&idp, &asker, &browser, tx, question.interaction, None).await
}

/// One line of what is asked for.
struct Line {
    name: String,
    value: String,
}

fn page(asker: &Asker, id: &str, question: &Question, person: &claims::Person) -> Page {
    let words = asker.words();
    let has = |scope: &str| question.scopes.iter().any(|s| s == scope);
    let mut lines = Vec::new();
    let mut line = |key: &str, value: String| lines.push(Line { name: words.get(key).into_owned(), value });
    if let Some(mandate) = &question.mandate {
        line("consent-organisation", format!("{} {}", mandate.name, mandate.code));
    }
    if has("profile") {
        line("consent-name", person.name.clone());
        if let Some((kind, number)) = &person.document {
            line("consent-number-masked", claims::masked(kind, number));
        }
    }
    if has("phone")
        && let Some((number, _)) = &person.phone
    {
        line("consent-phone", claims::masked("111", number));
    }
    line("consent-level", words.get(&format!("consent-level-{}", question.session.acr.level())).into_owned());
    if has("offline_access") {
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
    let host = question.interaction.request.redirect_uri.parse::<Url>().ok();
    let main = Consent {
        w: words,
        name: question.client.name.get(asker.lang()),
        operator: question.client.operator.get(asker.lang()),
        host: host.as_ref().and_then(Url::host_str).unwrap_or_default(),
        path: format!("/consent/{id}"),
        form_token: asker.form_token(id),
        lines,
        number: has("id_number") && person.document.is_some(),
        purpose: question.client.number_purpose.get(asker.lang()),
    };
    Page::of(asker, words.get("consent-title"), &main).who(&person.name).bound_to(question.session.id.as_str())
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
