//! The inbox: what the simulated operator was asked to send, and buttons that make the next call fail.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use web::page::dates;
use web::words::Bilingual;
use web::{Asker, Form, Html, Page, Site, Words};

use super::{Fault, Simulators};
use crate::demo::words::vocabulary;

/// The simulators as a site.
pub(super) fn site(simulators: &Simulators) -> Arc<Site> {
    let url = simulators.inner.url.parse().expect("the demonstration's own address");
    let brand = Bilingual::new("模拟登记库", "Simulated registers");
    let mut site = Site::new("simulators", url, brand, vocabulary(), simulators.inner.sources.clone())
        .expect("the demonstration's own address");
    site.look = Some("simulator");
    site.mark = Some("仿");
    site.place = Bilingual::new("只在本机，localhost:8084", "On this machine only, localhost:8084");
    site.notice = Some(Bilingual::new(
        "演示环境，人物、机构、证照均为虚构",
        "Demonstration; all people, organisations and licences are invented",
    ));
    Arc::new(site)
}

#[derive(Template)]
#[template(path = "inbox.html")]
struct Inbox<'a> {
    w: &'a Words,
    count: String,
    messages: Vec<Line>,
    armed: String,
    form_token: String,
}

struct Line {
    name: &'static str,
    phone: String,
    time: String,
    code: String,
    digits: Html,
    text: String,
}

pub(super) async fn page(State(simulators): State<Simulators>, asker: Asker) -> Response {
    let w = asker.words();
    let (messages, armed) = {
        let state = simulators.state();
        let messages: Vec<Line> = state
            .messages
            .iter()
            .map(|message| Line {
                name: message.name,
                phone: verifier::subject::mask::phone(&message.phone),
                time: dates::time(message.at),
                digits: web::html::digits(&[&code_in(&message.text)]),
                code: code_in(&message.text),
                text: message.text.clone(),
            })
            .collect();
        (messages, state.fault)
    };
    let armed = match armed {
        Some(Fault::Timeout) => w.get("inbox-armed-timeout").into_owned(),
        Some(Fault::OtherOwner) => w.get("inbox-armed-other").into_owned(),
        None => String::new(),
    };
    let page = Inbox { w, count: messages.len().to_string(), messages, armed, form_token: asker.form_token("") };
    Page::of(&asker, w.get("inbox-title"), &page).simulator(&Html::text(&w.get("inbox-simulator"))).into_response()
}

/// The first run of six digits: what a person would look for.
fn code_in(text: &str) -> String {
    text.split(|c: char| !c.is_ascii_digit()).find(|run| run.len() == 6).unwrap_or_default().to_owned()
}

#[derive(Deserialize)]
pub(super) struct FaultForm {
    form_token: String,
    fault: String,
}

pub(super) async fn fault(
    State(simulators): State<Simulators>,
    asker: Asker,
    Form(form): Form<FaultForm>,
) -> Result<Redirect, web::Problem> {
    asker.check_form(&form.form_token, "")?;
    let fault = match form.fault.as_str() {
        "timeout" => Some(Fault::Timeout),
        "other-owner" => Some(Fault::OtherOwner),
        _ => None,
    };
    simulators.state().fault = fault;
    Ok(Redirect::to("/"))
}
