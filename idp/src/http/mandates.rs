//! `/account/mandates/{code}`: who of an organisation's people may act for it, given and ended by those above them.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use store::{Tx, audit};
use verifier::subject::IdNumber;
use verifier::time::{Date, Timestamp};
use web::page::dates;
use web::{Asker, Form, Page, Problem, Query, Words};

use crate::Idp;
use crate::account::{Login, Name};
use crate::assurance::Acr;
use crate::error::Error;
use crate::http::account::holder::{of_holder, signed_in};
use crate::http::act_for::may_words;
use crate::http::browser::Browser;
use crate::http::people::{self, Errors};
use crate::http::{problem, steps};
use crate::ids::{MandateId, PersonId};
use crate::mandate::storage::{self, Held};
use crate::mandate::{ALL_MATTERS, MAX_MATTERS, Mandate, Role, is_matter};
use crate::session::Session;
use crate::storage::accounts;

/// What was done before the page is shown again.
#[derive(Default, Deserialize)]
pub(crate) struct MandatesQuery {
    #[serde(default)]
    done: String,
}

/// What the forms send.
#[derive(Default, Deserialize)]
pub(crate) struct MandateForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    end: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    number: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    matters: String,
    #[serde(default)]
    until: String,
}

/// `GET /account/mandates/{code}`.
pub(crate) async fn show(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Path(code): Path<String>,
    Query(query): Query<MandatesQuery>,
) -> Result<Response, Problem> {
    let mut tx = idp.db().reader().await.map_err(problem::of_storage)?;
    let Some(session) = people::current(&idp, &mut tx, &browser).await? else {
        drop(tx);
        return steps::begin_for_page(&idp, &asker, &browser, "/account").await;
    };
    let own = own(&idp, &mut tx, &session, &code).await?;
    let done = match query.done.as_str() {
        "given" => asker.words().get("account-mandates-done").into_owned(),
        "ended" => asker.words().get("account-mandates-ended").into_owned(),
        _ => String::new(),
    };
    let page = page(&idp, &mut tx, &asker, &session, &own, &MandateForm::default(), done, &Errors::default()).await?;
    Ok(page.into_response())
}

/// `GET /account/mandates/{code}/level`: lets the person sign in with a passkey and come back.
pub(crate) async fn level(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Path(code): Path<String>,
) -> Result<Response, Problem> {
    let code: verifier::subject::SocialCreditCode =
        code.parse().map_err(|_| Problem::not_found("mandate.not_found"))?;
    let path = format!("/account/mandates/{}", code.as_str());
    let mut interaction = crate::interaction::for_page(&idp, &path, idp.sources().now())?;
    interaction.request.acr_values = vec![Acr::Three.as_str().to_owned()];
    steps::begin(&idp, &asker, &browser, interaction).await
}

/// `POST /account/mandates/{code}`.
pub(crate) async fn answer(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Path(code): Path<String>,
    Form(form): Form<MandateForm>,
) -> Result<Response, Problem> {
    let session = signed_in(&idp, &asker, &browser, &form.form_token).await?;
    let mut tx = idp.db().begin().await.map_err(problem::of_storage)?;
    let own = own(&idp, &mut tx, &session, &code).await?;
    let code = own.organisation_code.clone();
    if !form.end.is_empty() {
        end(&idp, &mut tx, &session, &own, &form.end, asker.incident().as_str()).await?;
        tx.commit().await.map_err(problem::of_storage)?;
        return Ok(steps::see_other(&format!("/account/mandates/{code}?done=ended")));
    }
    if session.acr < Acr::Three {
        return Err(Problem::forbidden("access.level_insufficient"));
    }
    match give(&idp, &mut tx, &asker, &session, &own, &form).await? {
        Ok(()) => {
            tx.commit().await.map_err(problem::of_storage)?;
            Ok(steps::see_other(&format!("/account/mandates/{code}?done=given")))
        }
        Err(errors) => {
            let page = page(&idp, &mut tx, &asker, &session, &own, &form, String::new(), &errors).await?;
            Ok(people::refused(page, None))
        }
    }
}

/// The live mandate by which the person may manage those of the organisation.
async fn own(idp: &Idp, tx: &mut Tx, session: &Session, code: &str) -> Result<Held, Problem> {
    let now = idp.sources().now();
    let held = storage::of_person(tx, &session.person, now).await.map_err(problem::of_storage)?;
    let mut own = held.into_iter().filter(|held| {
        held.organisation_code == code
            && held.organisation_is_registered
            && held.mandate.is_live(now)
            && held.mandate.role != Role::Operator
    });
    own.next().ok_or_else(|| Problem::not_found("mandate.not_found"))
}

async fn end(idp: &Idp, tx: &mut Tx, session: &Session, own: &Held, id: &str, incident: &str) -> Result<(), Problem> {
    let now = idp.sources().now();
    let missing = || Problem::not_found("mandate.not_found");
    let id = MandateId::parse(id).ok_or_else(missing)?;
    let mandate = storage::in_force(tx, &id, now).await.map_err(problem::of_storage)?.ok_or_else(missing)?;
    if mandate.organisation != own.mandate.organisation || !own.mandate.role.may_give(mandate.role) {
        return Err(missing());
    }
    storage::end(tx, &mandate.organisation, &id, &session.person, now).await.map_err(problem::of_storage)?;
    let row = audit::Row::new(session.person.as_str(), "mandate.end", "done", now)
        .department(own.organisation_code.clone())
        .object(format!("mandate:{id}"))
        .incident(incident);
    audit::append(tx, &row).await.map_err(problem::of_storage)
}

async fn give(
    idp: &Idp,
    tx: &mut Tx,
    asker: &Asker,
    session: &Session,
    own: &Held,
    form: &MandateForm,
) -> Result<Result<(), Errors>, Error> {
    let words = asker.words();
    let now = idp.sources().now();
    let mut errors = Errors::default();
    let matters = matters(&form.matters).filter(|matters| matters.iter().all(|matter| own.mandate.may_pass_on(matter)));
    if matters.is_none() {
        errors.add("matters", words.get("account-mandates-matters-bad"));
    }
    let until = end_of(&form.until).filter(|until| *until > now);
    if until.is_none() {
        errors.add("until", words.get("account-mandates-until-bad"));
    }
    let role = Role::parse(&form.role).filter(|role| own.mandate.role.may_give(*role));
    let person = match (Name::read(&form.name), IdNumber::read(&form.number)) {
        (Ok(name), Ok(number)) => confirmed(idp, tx, &name, number, now).await?,
        _ => None,
    };
    if person.is_none() {
        errors.add("number", words.get("account-mandates-not-found"));
    }
    let (Some(matters), Some(until), Some(role), Some(person), true) =
        (matters, until, role, person, errors.is_empty())
    else {
        return Ok(Err(errors));
    };
    let id = MandateId::random(idp.sources())?;
    let mandate = Mandate {
        id: id.clone(),
        person,
        organisation: own.mandate.organisation.clone(),
        role,
        matters,
        starts_at: now,
        until: Some(own.mandate.until.map_or(until, |own| own.min(until))), // nobody gives more than he has
        ended_at: None,
        given_by: Some(session.person.clone()),
    };
    storage::set(tx, &mandate, now).await?;
    let row = audit::Row::new(session.person.as_str(), "mandate.give", "done", now)
        .department(own.organisation_code.clone())
        .object(format!("mandate:{id}"))
        .incident(asker.incident().as_str());
    audit::append(tx, &row).await?;
    Ok(Ok(()))
}

/// The confirmed person of that name and number.
async fn confirmed(
    idp: &Idp,
    tx: &mut Tx,
    name: &Name,
    number: IdNumber,
    now: Timestamp,
) -> Result<Option<PersonId>, Error> {
    let fields = idp.field_keys(now)?;
    let found = accounts::find(tx, &fields, &Login::Number(number)).await?;
    let Some(found) = found.filter(|found| found.level >= 2) else { return Ok(None) };
    let shown = accounts::shown(tx, &fields, &found.person).await?;
    let same = shown.and_then(|shown| Name::read(&shown.name).ok()).is_some_and(|known| known.matches(name));
    Ok(same.then_some(found.person))
}

fn matters(text: &str) -> Option<Vec<String>> {
    let matters: Vec<String> = text
        .split(|c: char| c.is_whitespace() || c == ',' || c == '，' || c == '、')
        .filter(|m| !m.is_empty())
        .map(str::to_owned)
        .take(MAX_MATTERS + 1)
        .collect();
    let good = (1..=MAX_MATTERS).contains(&matters.len()) && matters.iter().all(|matter| is_matter(matter));
    if good && matters.iter().any(|matter| matter == ALL_MATTERS) {
        return Some(vec![ALL_MATTERS.to_owned()]);
    }
    good.then_some(matters)
}

/// The first instant after a day at UTC+08:00, as people write the day: 2026-12-31, 2026/12/31, 2026年12月31日.
fn end_of(text: &str) -> Option<Timestamp> {
    let plain: String =
        text.trim().chars().map(|c| if matches!(c, '/' | '.' | '年' | '月') { '-' } else { c }).collect();
    let parts: Vec<&str> = plain.trim_end_matches('日').split('-').map(str::trim).collect();
    let [year, month, day] = parts[..] else { return None };
    if year.len() != 4 || month.len() > 2 || day.len() > 2 {
        return None;
    }
    let date: Date = format!("{year}-{month:0>2}-{day:0>2}").parse().ok()?;
    Some(date.end())
}

#[expect(clippy::too_many_arguments, reason = "everything that the page shows")]
async fn page(
    idp: &Idp,
    tx: &mut Tx,
    asker: &Asker,
    session: &Session,
    own: &Held,
    form: &MandateForm,
    done: String,
    errors: &Errors,
) -> Result<Page, Error> {
    let now = idp.sources().now();
    let words = asker.words();
    let fields = idp.field_keys(now)?;
    let given = storage::of_organisation(tx, &own.mandate.organisation, now).await?;
    let rows = given
        .into_iter()
        .filter(|(mandate, _)| mandate.is_live(now))
        .filter_map(|(mandate, sealed)| {
            let name = fields.open("persons", "name", mandate.person.as_str(), &sealed).ok()?;
            Some(Row {
                id: mandate.id.as_str().to_owned(),
                name: String::from_utf8(name.to_vec()).ok()?,
                may: may_words(idp, words, mandate.role, &mandate.matters),
                until: mandate
                    .until
                    .map(|until| {
                        let day = dates::day(words.lang(), until.plus(-1));
                        words.with("actfor-until", &[("day", &day)]).into_owned()
                    })
                    .unwrap_or_default(),
                may_end: own.mandate.role.may_give(mandate.role),
            })
        })
        .collect();
    let roles = Role::ALL.into_iter().filter(|role| own.mandate.role.may_give(*role));
    let title = words.with("account-mandates-title", &[("organisation", &own.organisation_name)]).into_owned();
    let cut = |text: &str| text.chars().take(400).collect::<String>();
    let main = MandatesPage {
        w: words,
        errors,
        title: &title,
        done,
        action: format!("/account/mandates/{}", own.organisation_code),
        form_token: asker.form_token(session.id.as_str()),
        rows,
        roles: roles.map(|role| (role.as_str(), words.get(&format!("role-{}", role.as_str())).into_owned())).collect(),
        may_give: session.acr >= Acr::Three,
        name: cut(&form.name),
        number: cut(&form.number),
        matters: cut(&form.matters),
        until: cut(&form.until),
    };
    let path = main.action.clone();
    let shown = accounts::shown(tx, &fields, &session.person).await?;
    let shown = shown.ok_or(Error::Damaged("a session without a person"))?;
    Ok(of_holder(Page::of(asker, words.get("account-mandates-page"), &main).view_to(path), session, &shown.name))
}

struct Row {
    id: String,
    name: String,
    may: String,
    until: String,
    may_end: bool,
}

#[derive(Template)]
#[template(path = "people/mandates.html")]
struct MandatesPage<'a> {
    w: &'a Words,
    errors: &'a Errors,
    title: &'a str,
    done: String,
    action: String,
    form_token: String,
    rows: Vec<Row>,
    roles: Vec<(&'static str, String)>,
    may_give: bool,
    name: String,
    number: String,
    matters: String,
    until: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_matters_are_read_as_people_write_them() {
        let end = |text| end_of(text).map(Timestamp::seconds);
        assert_eq!(end("2026-12-31"), Some(1_798_732_800)); // 2026-12-31T16:00:00Z
        assert_eq!(end("2026年12月31日"), end("2026-12-31"));
        assert_eq!(end("2026/1/5"), end("2026-01-05"));
        for bad in ["", "31.12.2026", "2026-13-01", "2026-02-30", "soon"] {
            assert_eq!(end(bad), None, "{bad}");
        }
        assert_eq!(matters("a.b，c"), Some(vec!["a.b".to_owned(), "c".to_owned()]));
        assert_eq!(matters("* x"), Some(vec!["*".to_owned()]));
        for bad in ["", "食品", "a<b"] {
            assert_eq!(matters(bad), None, "{bad}");
        }
    }
}
