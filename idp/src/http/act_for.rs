//! `/act-for/{id}`: for whom the person acts this time.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use keys::field::FieldKeys;
use serde::Deserialize;
use verifier::time::Timestamp;
use web::page::dates;
use web::{Asker, Form, Page, Problem, Words};

use crate::Idp;
use crate::error::Error;
use crate::http::browser::Browser;
use crate::http::people::{self, Errors};
use crate::http::problem;
use crate::http::steps::{self, Opened};
use crate::ids::PersonId;
use crate::interaction::Acting;
use crate::mandate::storage::{self, Held};
use crate::mandate::{ALL_MATTERS, Role};
use crate::storage::people::last_choice;
use crate::storage::{accounts, authorizations};

/// For how long a mandate that has lapsed is still spoken of.
const LAPSED_SECONDS: i64 = 90 * 86_400;

/// What the form sends.
#[derive(Default, Deserialize)]
pub(crate) struct ActForForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    subject: String,
    #[serde(default)]
    cancel: String,
}

/// `GET /act-for/{id}`.
pub(crate) async fn show(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let mut at = Opened::look(&idp, &asker, &browser, &id).await?;
    let Some(session) = at.session().await? else { return Ok(steps::back(&id)) };
    Ok(page(&mut at, &session.person, &Errors::default()).await?.into_response())
}

/// `POST /act-for/{id}`.
pub(crate) async fn answer(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Path(id): Path<String>,
    Form(form): Form<ActForForm>,
) -> Result<Response, Problem> {
    let mut at = Opened::answered(&idp, &asker, &browser, &id, &form.form_token).await?;
    if !form.cancel.is_empty() {
        return at.cancel().await;
    }
    let Some(session) = at.session().await? else { return at.go_on().await };
    let now = idp.sources().now();
    let held = storage::of_person(&mut at.tx, &session.person, now).await.map_err(problem::of_storage)?;
    let chosen = held.into_iter().find(|held| held.mandate.id.as_str() == form.subject && is_live(held, now));
    match chosen {
        Some(held) => at.interaction.choose_acting(Acting::Mandate(held.mandate.id)),
        None if form.subject == "self" => at.interaction.choose_acting(Acting::Self_),
        None => {
            let errors = Errors::one("self", at.asker.words().get("actfor-choose"));
            let page = page(&mut at, &session.person, &errors).await?;
            return Ok(people::refused(page, None));
        }
    }
    at.go_on().await
}

fn is_live(held: &Held, now: Timestamp) -> bool {
    held.organisation_is_registered && held.mandate.is_live(now)
}

async fn page(at: &mut Opened<'_>, person: &PersonId, errors: &Errors) -> Result<Page, Error> {
    let Opened { idp, asker, tx, interaction, .. } = at;
    let now = idp.sources().now();
    let fields = idp.field_keys(now)?;
    let words = asker.words();
    let shown = accounts::shown(tx, &fields, person).await?;
    let held = storage::of_person(tx, person, now.plus(-LAPSED_SECONDS)).await?;
    let mut rows = Vec::new();
    let mut lapsed = Vec::new();
    for one in &held {
        if is_live(one, now) {
            rows.push(Row {
                mandate: one.mandate.id.as_str().to_owned(),
                organisation: one.organisation_name.clone(),
                may: may_words(idp, words, one.mandate.role, &one.mandate.matters),
                basis: basis_words(words, &fields, one),
            });
        } else if let Some(line) = lapsed_words(words, one, now) {
            lapsed.push(line);
        }
    }
    let id = interaction.id.as_str();
    let last = match (interaction.acting(), interaction.client()) {
        (None, Some(client)) => {
            let last = last_choice(tx, person, &client.client_id).await?;
            last.as_deref().map(authorizations::acting)
        }
        (acting, _) => acting.cloned(),
    };
    let main = ActFor {
        w: words,
        action: format!("/act-for/{id}"),
        form_token: asker.form_token(id),
        own: shown.as_ref().map(|shown| Own { name: shown.name.clone(), number: shown.number_masked.clone() }),
        chosen: preselected(last.as_ref(), shown.is_some(), &rows),
        rows: &rows,
        lapsed: &lapsed,
        errors,
    };
    Ok(Page::of(asker, words.get("actfor-title"), &main).view_to(format!("/act-for/{id}")))
}

/// The value that is chosen already: the last choice here, or the only one there is. Else nobody's: who came to act for his
/// department must not go on as himself by a careless tap.
fn preselected(last: Option<&Acting>, own: bool, rows: &[Row]) -> String {
    match (last, own, rows) {
        (Some(Acting::Mandate(id)), ..) if rows.iter().any(|row| row.mandate == id.as_str()) => id.as_str().to_owned(),
        (Some(Acting::Self_), true, _) | (_, true, []) => "self".to_owned(),
        (_, false, [only]) => only.mandate.clone(),
        _ => String::new(),
    }
}

/// 经办人，可办…: matters by their names, a department's own rights in a word, and how many have no name here.
pub(crate) fn may_words(idp: &Idp, words: &Words, role: Role, matters: &[String]) -> String {
    let role = words.get(&format!("role-{}", role.as_str())).into_owned();
    if matters.iter().any(|matter| matter == ALL_MATTERS) {
        return words.with("actfor-may-all", &[("role", &role)]).into_owned();
    }
    let comma = if words.lang() == web::Lang::En { ", " } else { "、" };
    let mut named = Vec::new();
    let mut nameless = 0_usize;
    for matter in matters {
        let name = if matter.starts_with("licence:") {
            words.get("actfor-matter-licences").into_owned()
        } else if matter == "verify" {
            words.get("actfor-matter-verify").into_owned()
        } else if let Some(names) = idp.settings().matter_names.get(matter) {
            names.get(words.lang()).to_owned()
        } else {
            nameless += 1;
            continue;
        };
        if !named.contains(&name) {
            named.push(name);
        }
    }
    if nameless > 0 {
        named.push(words.with("actfor-matter-count", &[("n", &nameless.to_string())]).into_owned());
    }
    words.with("actfor-may", &[("role", &role), ("matters", &named.join(comma))]).into_owned()
}

/// Until when and by whom.
pub(crate) fn basis_words(words: &Words, fields: &FieldKeys, held: &Held) -> String {
    let day = held.mandate.until.map(|until| dates::day(words.lang(), until.plus(-1)));
    let giver = held.mandate.given_by.as_ref().zip(held.giver.as_ref()).and_then(|(id, sealed)| {
        let plain = fields.open("persons", "name", id.as_str(), sealed).ok()?;
        String::from_utf8(plain.to_vec()).ok()
    });
    match (day, giver) {
        (Some(day), Some(giver)) => words.with("actfor-until-given", &[("day", &day), ("giver", &giver)]).into_owned(),
        (Some(day), None) => words.with("actfor-until", &[("day", &day)]).into_owned(),
        (None, Some(giver)) => words.with("actfor-given", &[("giver", &giver)]).into_owned(),
        (None, None) => String::new(),
    }
}

fn lapsed_words(words: &Words, held: &Held, now: Timestamp) -> Option<String> {
    let organisation = held.organisation_name.as_str();
    if !held.organisation_is_registered {
        return Some(words.with("actfor-deregistered", &[("organisation", organisation)]).into_owned());
    }
    let until = held.mandate.until.filter(|until| *until <= now)?;
    let day = dates::day(words.lang(), until.plus(-1));
    Some(words.with("actfor-lapsed", &[("organisation", organisation), ("day", &day)]).into_owned())
}

struct Own {
    name: String,
    number: String,
}

struct Row {
    mandate: String,
    organisation: String,
    may: String,
    basis: String,
}

#[derive(Template)]
#[template(path = "people/act_for.html")]
struct ActFor<'a> {
    w: &'a Words,
    errors: &'a Errors,
    action: String,
    form_token: String,
    own: Option<Own>,
    rows: &'a [Row],
    lapsed: &'a [String],
    chosen: String,
}
