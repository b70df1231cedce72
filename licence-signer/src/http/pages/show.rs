//! Showing (亮证): the code for a clerk who is signed in, and the code that is checked offline.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use web::page::dates;
use web::{Asker, Form, Page, Problem, Words};

use super::Pages;
use super::own::find;
use super::parts::{self, Choice, Fact, Tag};
use super::qr::qr;
use super::session::Session;
use super::sign_in::first;
use crate::flow::licence::Licence;
use crate::flow::present::{Showing, Stage};

#[derive(Template)]
#[template(path = "show_ask.html")]
struct ShowAsk<'a> {
    w: &'a Words,
    back_href: String,
    title: String,
    heading: String,
    lead: String,
    action: String,
    form_token: String,
    choices: Vec<Choice>,
}

#[derive(Template)]
#[template(path = "show_code.html")]
struct ShowCode<'a> {
    w: &'a Words,
    back_href: String,
    title: String,
    heading: String,
    lead: String,
    qr: String,
    life: String,
    made: String,
    action: String,
    form_token: String,
    code: String,
    digits: Option<web::Html>,
    stage_href: String,
    tag: Tag,
    facts: Vec<Fact>,
    note: String,
}

#[derive(Template)]
#[template(path = "agree.html")]
struct Agree<'a> {
    w: &'a Words,
    heading: String,
    lead: String,
    facts: Vec<Fact>,
    action: String,
    form_token: String,
    asks: bool,
    waiting: bool,
}

/// The item boxes of the form. A form that names one field several times is read as a list.
#[derive(Deserialize)]
pub(super) struct ShowForm {
    form_token: String,
    #[serde(default)]
    item: Vec<String>,
}

/// `GET /licences/{id}/show`
pub(super) async fn ask(State(pages): State<Pages>, asker: Asker, Path(id): Path<String>) -> Result<Response, Problem> {
    let Some(session) = pages.session(&asker).await? else { return Ok(first(&format!("/licences/{id}/show"))) };
    let (_, licence) = find(&pages, &session, &id).await?;
    let known = pages.signer().licence_type(&licence.facts.type_code, Some(licence.facts.type_version));
    let w = asker.words();
    let choices = known
        .iter()
        .flat_map(|known| known.definition().items.iter())
        .filter(|item| licence.facts.items.contains_key(&item.name))
        .map(|item| Choice { code: item.name.clone(), name: parts::title(w, &item.titles).to_owned(), selected: true })
        .collect();
    Ok(asking(&pages, &asker, &session, &licence, "show", choices))
}

/// `GET /licences/{id}/offline-code`
pub(super) async fn ask_offline(
    State(pages): State<Pages>,
    asker: Asker,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let Some(session) = pages.session(&asker).await? else { return Ok(first(&format!("/licences/{id}"))) };
    let (_, licence) = find(&pages, &session, &id).await?;
    Ok(asking(&pages, &asker, &session, &licence, "offline-code", Vec::new()))
}

fn asking(
    pages: &Pages,
    asker: &Asker,
    session: &Session,
    licence: &Licence,
    kind: &str,
    choices: Vec<Choice>,
) -> Response {
    let w = asker.words();
    let title = parts::type_title(w, pages.signer(), licence);
    let heading = w.with("signer-show-heading", &[("title", &title)]).into_owned();
    let page = ShowAsk {
        w,
        back_href: format!("/licences/{}", licence.id),
        title,
        heading: heading.clone(),
        lead: w.get(if kind == "show" { "signer-show-ask-lead" } else { "signer-offline-ask-lead" }).into_owned(),
        action: format!("/licences/{}/{kind}", licence.id),
        form_token: asker.form_token(&session.cookie),
        choices,
    };
    Pages::undressed(Page::of(asker, heading, &page).slim(), session).into_response()
}

/// `POST /licences/{id}/show`: makes the code; each press makes a new one.
pub(super) async fn present(
    State(pages): State<Pages>,
    asker: Asker,
    Path(id): Path<String>,
    Form(form): Form<ShowForm>,
) -> Result<Response, Problem> {
    let Some(session) = pages.session(&asker).await? else { return Ok(first(&format!("/licences/{id}/show"))) };
    asker.check_form(&form.form_token, &session.cookie)?;
    let (holder, licence) = find(&pages, &session, &id).await?;
    let w = asker.words();
    let signer = pages.signer();
    let items: Vec<String> =
        form.item.into_iter().filter(|item| licence.facts.items.contains_key(item)).take(64).collect();
    let showing = Showing { licence: id.clone(), items: items.clone(), verifier: None, purpose: None };
    let made = signer.present(&holder, &showing).await?;
    let title = parts::type_title(w, signer, &licence);
    let heading = w.with("signer-show-heading", &[("title", &title)]).into_owned();
    let half = made.digits.len() / 2;
    let digits = made.digits.split_at_checked(half).map(|(a, b)| web::html::digits(&[a, b]));
    let page = ShowCode {
        w,
        back_href: format!("/licences/{id}"),
        title,
        heading: heading.clone(),
        lead: w.get("signer-show-lead").into_owned(),
        qr: qr(&made.code, "qr", &w.get("signer-qr"))
            .ok_or_else(|| Problem::internal("a presentation code fits a QR code"))?,
        life: w.get("signer-life-presentation").into_owned(),
        made: w.with("signer-made", &[("time", &dates::instant(w.lang(), asker.now()))]).into_owned(),
        action: format!("/licences/{id}/show"),
        form_token: asker.form_token(&session.cookie),
        code: made.code,
        digits,
        stage_href: format!("/presentations/{}", made.id),
        tag: parts::tag(w, &licence, signer.sources().now(), false),
        facts: shown(&pages, w, &session, &licence, &items),
        note: w.get("signer-note-presentation").into_owned(),
    };
    let page = Page::of(&asker, heading, &page).slim().view_to(format!("/licences/{id}/show"));
    Ok(Pages::undressed(page, &session).into_response())
}

/// What the other side will see.
fn shown(pages: &Pages, w: &Words, session: &Session, licence: &Licence, items: &[String]) -> Vec<Fact> {
    let fact = |name: String, value: String| Fact { name, value, small: false };
    let known = pages.signer().licence_type(&licence.facts.type_code, Some(licence.facts.type_version));
    let mut facts = vec![
        fact(w.get("signer-holder-name").into_owned(), licence.facts.holder.name().to_owned()),
        fact(w.get("signer-authority").into_owned(), licence.facts.authority.name.clone()),
    ];
    for name in items {
        let titles = known.as_ref().and_then(|known| known.definition().item_titles(name));
        let title = titles.map_or_else(|| name.clone(), |titles| parts::title(w, titles).to_owned());
        if let Some(value) = licence.facts.items.get(name) {
            facts.push(fact(title, parts::value_text(w, value)));
        }
    }
    facts.push(fact(w.get("signer-shown-by").into_owned(), session.contents.name.clone()));
    facts
}

/// The button of the offline code.
#[derive(Deserialize)]
pub(super) struct OfflineForm {
    form_token: String,
}

/// `POST /licences/{id}/offline-code`: signs a code for the screen.
pub(super) async fn offline(
    State(pages): State<Pages>,
    asker: Asker,
    Path(id): Path<String>,
    Form(form): Form<OfflineForm>,
) -> Result<Response, Problem> {
    let Some(session) = pages.session(&asker).await? else { return Ok(first(&format!("/licences/{id}"))) };
    asker.check_form(&form.form_token, &session.cookie)?;
    let (holder, licence) = find(&pages, &session, &id).await?;
    let w = asker.words();
    let signer = pages.signer();
    let code = signer.screen_code(&holder, &id).await?;
    let title = parts::type_title(w, signer, &licence);
    let heading = w.with("signer-show-heading", &[("title", &title)]).into_owned();
    let page = ShowCode {
        w,
        back_href: format!("/licences/{id}"),
        title,
        heading: heading.clone(),
        lead: w.get("signer-offline-lead").into_owned(),
        qr: qr(&code.text, "qr", &w.get("signer-qr"))
            .ok_or_else(|| Problem::internal("an offline code fits a QR code"))?,
        life: w.get("signer-life-offline").into_owned(),
        made: w.with("signer-made", &[("time", &dates::instant(w.lang(), asker.now()))]).into_owned(),
        action: format!("/licences/{id}/offline-code"),
        form_token: asker.form_token(&session.cookie),
        code: code.text,
        digits: None,
        stage_href: String::new(),
        tag: parts::tag(w, &licence, signer.sources().now(), false),
        facts: shown(&pages, w, &session, &licence, &[]),
        note: w.get("signer-note-offline").into_owned(),
    };
    let page = Page::of(&asker, heading, &page).slim().view_to(format!("/licences/{id}/offline-code"));
    Ok(Pages::undressed(page, &session).into_response())
}

/// `GET /presentations/{id}`: who asks after the digits were typed.
pub(super) async fn stage(
    State(pages): State<Pages>,
    asker: Asker,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let Some(session) = pages.session(&asker).await? else { return Ok(first(&format!("/presentations/{id}"))) };
    let holder = pages.holder(&session).await?;
    let stage = pages.signer().stage(&holder, &id).await?;
    let w = asker.words();
    let fact = |key: &str, value: String| Fact { name: w.get(key).into_owned(), value, small: false };
    let (key, facts) = match &stage {
        Stage::Waiting => ("signer-stage-waiting", Vec::new()),
        Stage::Asked(asked) => (
            "signer-stage-asked",
            vec![
                fact("signer-who", asked.department.clone()),
                fact("signer-what-for", asked.matter.clone()),
                fact("signer-purpose-label", asked.purpose.clone()),
            ],
        ),
        Stage::Agreed => ("signer-stage-agreed", Vec::new()),
        Stage::Resolved => ("signer-stage-resolved", Vec::new()),
        Stage::Over => ("signer-stage-over", Vec::new()),
    };
    let page = Agree {
        w,
        heading: w.get(key).into_owned(),
        lead: w.get(&format!("{key}-text")).into_owned(),
        facts,
        action: format!("/presentations/{id}"),
        form_token: asker.form_token(&session.cookie),
        asks: matches!(stage, Stage::Asked(_)),
        waiting: matches!(stage, Stage::Waiting),
    };
    Ok(Pages::undressed(Page::of(&asker, w.get(key), &page).slim(), &session).into_response())
}

/// The holder's answer.
#[derive(Deserialize)]
pub(super) struct AnswerForm {
    form_token: String,
    answer: String,
}

/// `POST /presentations/{id}`
pub(super) async fn answer(
    State(pages): State<Pages>,
    asker: Asker,
    Path(id): Path<String>,
    Form(form): Form<AnswerForm>,
) -> Result<Response, Problem> {
    let Some(session) = pages.session(&asker).await? else { return Ok(first(&format!("/presentations/{id}"))) };
    asker.check_form(&form.form_token, &session.cookie)?;
    let holder = pages.holder(&session).await?;
    if form.answer == "agree" {
        pages.signer().agree(&holder, &id).await?;
    } else {
        pages.signer().withdraw(&holder, &id).await?;
    }
    Ok(Redirect::to(&format!("/presentations/{id}")).into_response())
}
