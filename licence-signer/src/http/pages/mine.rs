//! A holder's pages: own licences, one of them, who looked.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use serde::Deserialize;
use verifier::time::Timestamp;
use web::page::dates;
use web::{Asker, Page, Problem, Query, Words};

use super::Pages;
use super::face::{Content, Face, face};
use super::own::find;
use super::parts::{self, Fact, LookLine, Tag};
use super::qr::qr;
use super::sign_in::{first, welcome};
use crate::flow::licence::{Licence, Standing};
use crate::flow::rendition::{Rendition, Wanted};
use crate::life_cycle::State as LegalState;
use crate::officer::HolderSession;

/// Looks on one page.
const LOOKS: i64 = 50;
/// Looks under one licence.
const FEW_LOOKS: i64 = 5;

struct Card {
    class: &'static str,
    title: String,
    tag: Tag,
    authority: String,
    number: String,
    until: String,
    note: String,
    can_show: bool,
    show_href: String,
    href: String,
}

struct OrganisationPart {
    name: String,
    mandate: String,
    licences: Vec<Card>,
}

#[derive(Template)]
#[template(path = "my_licences.html")]
struct MyLicences<'a> {
    w: &'a Words,
    summary: String,
    own_shown: bool,
    own: Vec<Card>,
    organisation: Option<OrganisationPart>,
}

#[derive(Template)]
#[template(path = "licence.html")]
struct LicencePage<'a> {
    w: &'a Words,
    id: &'a str,
    title: String,
    tag: Tag,
    subtitle: String,
    face: Face,
    can_show: bool,
    cannot_show: String,
    facts: Vec<Fact>,
    looks: Vec<LookLine>,
}

#[derive(Template)]
#[template(path = "who_looked.html")]
struct WhoLooked<'a> {
    w: &'a Words,
    lead: String,
    count: String,
    looks: Vec<LookLine>,
    more: String,
}

/// `GET /`
pub(super) async fn licences(State(pages): State<Pages>, asker: Asker) -> Result<Response, Problem> {
    let Some(session) = pages.session(&asker).await? else {
        return Ok(welcome(&asker, String::new()).into_response());
    };
    let w = asker.words();
    let signer = pages.signer();
    let now = signer.sources().now();
    let holder = pages.holder(&session).await?;
    let licences = signer.own_licences(&holder).await?;
    let mut counted: Vec<(bool, bool)> = licences.iter().map(|licence| state_marks(licence, now)).collect();
    let mut own_shown = true;
    let (own, organisation) = match (session.organisation(), &session.contents.mandate) {
        (Some(name), Some(mandate)) => {
            let own = if let Some(person) = pages.person(&session).await {
                signer.own_licences(&person).await?
            } else {
                own_shown = false;
                Vec::new()
            };
            counted.extend(own.iter().map(|licence| state_marks(licence, now)));
            let role = w.get(&format!("signer-role-{}", mandate.role)).into_owned();
            let mandate = match mandate.exp {
                Some(exp) => {
                    let until = dates::day(w.lang(), Timestamp::from_seconds(exp - 1));
                    w.with("signer-organisation-mandate-until", &[("role", &role), ("until", &until)]).into_owned()
                }
                None => w.with("signer-organisation-mandate", &[("role", &role)]).into_owned(),
            };
            let cards = licences.iter().map(|licence| card(&pages, w, licence, now, true)).collect();
            // Of his own licences the person shows none while acting for another.
            let own = own.iter().map(|licence| card(&pages, w, licence, now, false)).collect();
            (own, Some(OrganisationPart { name, mandate, licences: cards }))
        }
        _ => (licences.iter().map(|licence| card(&pages, w, licence, now, true)).collect(), None),
    };
    let page = MyLicences { w, summary: summary(w, &counted, now), own_shown, own, organisation };
    let page = Page::of(&asker, w.get("signer-my-licences"), &page);
    Ok(pages.dress(&asker, page, &session, "/").into_response())
}

/// Whether it ends soon; whether it is suspended.
fn state_marks(licence: &Licence, now: Timestamp) -> (bool, bool) {
    let suspended = licence.standing(now) == Standing::Not(LegalState::Suspended);
    (parts::ends_soon(licence, now).is_some(), suspended)
}

fn summary(w: &Words, marks: &[(bool, bool)], now: Timestamp) -> String {
    let mut text = w.with("signer-my-summary", &[("day", &dates::day(w.lang(), now))]).into_owned();
    let soon = marks.iter().filter(|(soon, _)| *soon).count();
    let suspended = marks.iter().filter(|(_, suspended)| *suspended).count();
    for (key, count) in [("signer-my-summary-soon", soon), ("signer-my-summary-suspended", suspended)] {
        if count > 0 {
            if w.lang() == web::Lang::En {
                text.push(' ');
            }
            text.push_str(&w.with(key, &[("n", &count.to_string())]));
        }
    }
    text
}

fn card(pages: &Pages, w: &Words, licence: &Licence, now: Timestamp, may_show: bool) -> Card {
    let tag = parts::tag(w, licence, now, false);
    let standing = licence.standing(now);
    let facts = &licence.facts;
    let until = match (&facts.valid_until, standing) {
        (None, _) => w.get("signer-long").into_owned(),
        (Some(day), Standing::Expired) => w.with("signer-ended-on", &[("until", &parts::day(w, day))]).into_owned(),
        (Some(day), _) => w.with("signer-valid-to", &[("until", &parts::day(w, day))]).into_owned(),
    };
    let note = match standing {
        Standing::Not(LegalState::Suspended) => w.get("signer-suspended-note").into_owned(),
        Standing::Not(_) => w.get("signer-ended-note").into_owned(),
        Standing::Expired => w.get("signer-expired-note").into_owned(),
        Standing::NotYet => w.with("signer-not-yet-note", &[("from", &parts::day(w, &facts.valid_from))]).into_owned(),
        Standing::InForce | Standing::InPreparation => String::new(),
    };
    let class = match tag.class {
        "tag-wait" => "lic-wait",
        "tag-open" => "lic-open",
        _ => "",
    };
    Card {
        class,
        title: parts::type_title(w, pages.signer(), licence),
        tag,
        authority: facts.authority.name.clone(),
        number: parts::number(licence),
        until,
        note,
        can_show: may_show && standing == Standing::InForce,
        show_href: format!("/licences/{}/show", licence.id),
        href: format!("/licences/{}", licence.id),
    }
}

/// `GET /licences/{id}`
pub(super) async fn licence(
    State(pages): State<Pages>,
    asker: Asker,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let Some(session) = pages.session(&asker).await? else { return Ok(first(&format!("/licences/{id}"))) };
    let w = asker.words();
    let signer = pages.signer();
    let now = signer.sources().now();
    let (holder, licence) = find(&pages, &session, &id).await?;
    let known = signer.licence_type(&licence.facts.type_code, Some(licence.facts.type_version));
    let known = known.ok_or_else(|| Problem::internal("a licence of an unknown type"))?;
    let title = parts::type_title(w, signer, &licence);
    let tag = parts::tag(w, &licence, now, false);
    let standing = licence.standing(now);
    let qr = printed_qr(w, signer, &holder, &licence).await;
    let (number, code) = (parts::number(&licence), parts::holder_code(&licence));
    let content = Content::of(&licence.facts, &number, &code, qr);
    let looks = signer.looks(&holder, Some(&id), None, FEW_LOOKS).await?.looks;
    let state = w.with("signer-state-now", &[("state", &tag.word), ("time", &dates::time(now))]).into_owned();
    let page = LicencePage {
        w,
        id: &id,
        subtitle: format!(
            "{} · {}",
            licence.facts.holder.name(),
            parts::validity(w, &licence.facts.valid_from, licence.facts.valid_until.as_deref())
        ),
        face: face(w, &known, content, ""),
        can_show: standing == Standing::InForce && holder.sub == session.contents.sub,
        cannot_show: w.get("signer-cannot-show").into_owned(),
        facts: facts(w, &licence, state),
        looks: looks.into_iter().map(|look| parts::look(w, signer, look, String::new())).collect(),
        tag,
        title: title.clone(),
    };
    let page = Page::of(&asker, title, &page);
    Ok(pages.dress(&asker, page, &session, "/licences").into_response())
}

/// The printed code as a picture, where there is one.
async fn printed_qr(w: &Words, signer: &crate::LicenceSigner, holder: &HolderSession, licence: &Licence) -> String {
    if !licence.has_code {
        return String::new();
    }
    match signer.own_rendition(holder, &licence.id, Wanted::CodeText).await {
        Ok(Rendition::CodeText(text)) => qr(&text, "face-qr", &w.get("signer-qr")).unwrap_or_default(),
        _ => String::new(),
    }
}

fn facts(w: &Words, licence: &Licence, state: String) -> Vec<Fact> {
    let fact = |key: &str, value: String| Fact { name: w.get(key).into_owned(), value, small: false };
    let version = w.with("signer-version-n", &[("n", &licence.version.to_string())]).into_owned();
    vec![
        fact("signer-state", state),
        fact("signer-authority", licence.facts.authority.name.clone()),
        fact("signer-issue-date", parts::day(w, &licence.facts.issue_date)),
        fact("signer-version", version),
        Fact { small: true, ..fact("signer-identifier", licence.facts.identifier.clone()) },
    ]
}

/// `GET /licences/{id}/credential`: the signed file.
pub(super) async fn credential(
    State(pages): State<Pages>,
    asker: Asker,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let Some(session) = pages.session(&asker).await? else { return Ok(first(&format!("/licences/{id}"))) };
    let (holder, licence) = find(&pages, &session, &id).await?;
    let Rendition::Credential(text) = pages.signer().own_rendition(&holder, &id, Wanted::Credential).await? else {
        return Err(Problem::internal("another rendition than asked"));
    };
    let name = licence.facts.identifier.rsplit('.').nth(2).unwrap_or("licence");
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}.sdjwt\""))
        .unwrap_or(HeaderValue::from_static("attachment"));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/dc+sd-jwt")),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, text).into_response())
}

/// The page of looks behind this one.
#[derive(Deserialize)]
pub(super) struct LooksQuery {
    at: Option<i64>,
    id: Option<String>,
}

/// `GET /who-looked`
pub(super) async fn who_looked(
    State(pages): State<Pages>,
    asker: Asker,
    Query(query): Query<LooksQuery>,
) -> Result<Response, Problem> {
    let Some(session) = pages.session(&asker).await? else { return Ok(first("/who-looked")) };
    let w = asker.words();
    let signer = pages.signer();
    let holder = pages.holder(&session).await?;
    let after = query.at.zip(query.id);
    let looks = signer.looks(&holder, None, after, LOOKS).await?;
    let licences = signer.own_licences(&holder).await?;
    let more = looks.next.map(|(at, id)| format!("/who-looked?at={at}&id={id}")).unwrap_or_default();
    let lines: Vec<LookLine> = looks
        .looks
        .into_iter()
        .map(|look| {
            let title = licences
                .iter()
                .find(|licence| licence.id == look.licence)
                .map(|licence| parts::type_title(w, signer, licence))
                .unwrap_or_default();
            parts::look(w, signer, look, title)
        })
        .collect();
    let lead = match session.organisation() {
        Some(name) => w.with("signer-who-looked-lead-organisation", &[("name", &name)]).into_owned(),
        None => w.get("signer-who-looked-lead").into_owned(),
    };
    let count = w.with("signer-looks-count", &[("n", &lines.len().to_string())]).into_owned();
    let page = WhoLooked { w, lead, count, looks: lines, more };
    let page = Page::of(&asker, w.get("signer-who-looked"), &page);
    Ok(pages.dress(&asker, page, &session, "/who-looked").into_response())
}
