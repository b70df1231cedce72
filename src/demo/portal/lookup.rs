//! The second portal's look-up: asks the licence library in a matter's name, with the platform's own token, for what the
//! matter needs.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use verifier::time::Timestamp;
use web::page::dates;
use web::relying_party::Grant;
use web::words::Lang;
use web::{Asker, Form, Problem, Words};

use super::pages::Row;
use super::{Kind, Portal};
use crate::demo::world::types;

/// The case that the form is about.
pub(super) const CASE: &str = "TZ-2026-3390";
/// The matter in whose name the platform asks.
const MATTER: &str = "enterprise-investment-filing";

/// A look-up that was answered.
#[derive(Clone)]
pub(super) struct LookedUp {
    at: Timestamp,
    asked: Value,
    /// The first licence found, or the code of a refusal.
    found: Result<Option<Value>, String>,
}

/// What the page shows of it.
pub(super) struct LicenceView {
    pub title: String,
    pub tag: &'static str,
    pub valid: bool,
    pub state: String,
    pub source: String,
    pub facts: Vec<NamedFact>,
    pub request: String,
    pub sent: Vec<Row>,
    pub received: Vec<Row>,
}

/// A name and a value.
pub(super) struct NamedFact {
    pub name: String,
    pub value: String,
}

/// The form of the button.
#[derive(Deserialize)]
pub(super) struct LookUpForm {
    form_token: String,
}

/// `POST /lookup`
pub(super) async fn look_up(
    State(portal): State<Portal>,
    asker: Asker,
    Form(form): Form<LookUpForm>,
) -> Result<Response, Problem> {
    if portal.settings().kind != Kind::Project {
        return Err(Problem::not_found("http.not_found"));
    }
    let Some((id, session)) = portal.session(&asker) else { return Ok(Redirect::to("/").into_response()) };
    asker.check_form(&form.form_token, &id)?;
    let Some(code) = session.login.identity.organisation.as_ref().map(|o| o.code.clone()) else {
        return Ok(Redirect::to("/login?for=organisation").into_response());
    };
    let asked = json!({
        "holder": { "code_type": "001", "code": code },
        "type": types::BUSINESS_LICENCE,
        "matter": MATTER,
        "case": CASE,
        "purpose": asker.site().vocabulary.words(Lang::ZhCn).get("project-purpose"),
    });
    let found = ask(&portal, &asked).await;
    portal.0.sessions.looked_up(&id, LookedUp { at: asker.now(), asked, found });
    Ok(Redirect::to("/").into_response())
}

async fn ask(portal: &Portal, asked: &Value) -> Result<Option<Value>, String> {
    let settings = portal.settings();
    let token =
        settings.relying_party.token(Grant::ClientCredentials, &settings.signer_url, "licence.lookup").await.map_err(
            |error| match error {
                web::relying_party::LoginError::Refused { code, .. } => code,
                _ => "idp.unavailable".to_owned(),
            },
        )?;
    let url = format!("{}/v1/lookups", settings.signer_url);
    let answer = settings
        .outbound
        .post_json(&url, asked, Some(token.access_token.as_str()))
        .await
        .map_err(|_| "signer.unavailable".to_owned())?;
    let body = answer.json().unwrap_or_default();
    if !answer.status.is_success() {
        return Err(body.get("code").and_then(Value::as_str).unwrap_or("signer.refused").to_owned());
    }
    Ok(body.pointer("/licences/0").cloned())
}

/// The sentence where there is no licence to show.
pub(super) fn absent(w: &Words, organisation: Option<&str>, looked_up: Option<&LookedUp>) -> String {
    let Some(name) = organisation else { return w.get("project-absent-person").into_owned() };
    match looked_up.map(|looked_up| &looked_up.found) {
        None => w.with("project-absent-unlooked", &[("organisation", name)]).into_owned(),
        Some(Ok(_)) => w.with("project-absent-none", &[("organisation", name)]).into_owned(),
        Some(Err(code)) => w.with("project-absent-failed", &[("code", code)]).into_owned(),
    }
}

impl LookedUp {
    /// What the page shows, if a licence was found.
    pub(super) fn view(&self, w: &Words, signer_url: &str) -> Option<LicenceView> {
        let licence = self.found.as_ref().ok()?.as_ref()?;
        let facts = licence.get("facts")?;
        let report = licence.get("report").cloned().unwrap_or_default();
        let verdict = report.get("verdict").and_then(Value::as_str).unwrap_or("undetermined").to_owned();
        let valid = verdict == "valid";
        let text = |value: &Value, pointer: &str| {
            value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let title = text(facts, &format!("/type/title/{}", w.lang().tag()));
        let authority = text(facts, "/issuing_authority/name");
        let checks = report.get("checks").and_then(Value::as_array).map_or(0, Vec::len);
        Some(LicenceView {
            title,
            tag: if valid { "tag-ok" } else { "tag-open" },
            valid,
            state: w.get(&format!("state-{verdict}")).into_owned(),
            source: w
                .with("project-source", &[("authority", &authority), ("time", &dates::time(self.at))])
                .into_owned(),
            facts: named(w, facts),
            request: format!("POST {signer_url}/v1/lookups"),
            sent: vec![
                self.sent("holder.code_type", "/holder/code_type"),
                self.sent("holder.code", "/holder/code"),
                self.sent("type", "/type"),
                self.sent("matter", "/matter"),
                self.sent("case", "/case"),
                self.sent("purpose", "/purpose"),
            ],
            received: vec![
                received("licences[0].report.verdict", verdict),
                received("licences[0].report.checks", checks.to_string()),
                received("licences[0].report.at", text(&report, "/at")),
            ],
        })
    }

    fn sent(&self, name: &str, pointer: &str) -> Row {
        let value = self.asked.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        Row { name: name.to_owned(), value: value.to_owned(), note: String::new() }
    }
}

fn received(name: &str, value: String) -> Row {
    Row { name: name.to_owned(), value, note: String::new() }
}

fn named(w: &Words, facts: &Value) -> Vec<NamedFact> {
    let text = |pointer: &str| facts.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut rows = vec![
        NamedFact { name: w.get("fact-organisation").into_owned(), value: text("/holder/name") },
        NamedFact { name: w.get("project-credit-code").into_owned(), value: text("/holder/code") },
    ];
    if let Some(Value::Object(items)) = facts.get("items") {
        for (name, value) in items {
            let title = text(&format!("/item_titles/{name}/{}", w.lang().tag()));
            rows.push(NamedFact {
                name: if title.is_empty() { name.clone() } else { title },
                value: value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned),
            });
        }
    }
    rows.retain(|row| !row.value.is_empty());
    rows
}
