//! `/account`: what a person sees and changes of his own account.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use keys::field::FieldKeys;
use serde::Deserialize;
use store::{Tx, audit};
use verifier::time::Timestamp;
use web::{Asker, Form, Page, Problem, Query, Words};

use crate::Idp;
use crate::account::evidence::{Factor, acr};
use crate::error::Error;
use crate::flow::account;
use crate::flow::authorize::AT;
use crate::flow::tell::{self, Change};
use crate::http::act_for::{basis_words, may_words};
use crate::http::browser::Browser;
use crate::http::people::{self, Errors, Levels};
use crate::http::{problem, steps};
use crate::ids::{ClientId, PersonId, SessionId};
use crate::mandate::Role;
use crate::mandate::storage::{self as mandates, Held};
use crate::session::{self, Session};
use crate::storage::{accounts, passkeys};

pub(crate) mod holder;
pub(crate) mod means;

use holder::{is_fresh, of_holder, prove, sign_in_again, signed_in};

/// What was done before the page is shown again.
#[derive(Default, Deserialize)]
pub(crate) struct AccountQuery {
    #[serde(default)]
    done: String,
}

/// What the page's forms send.
#[derive(Default, Deserialize)]
pub(crate) struct AccountForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    remove_passkey: String,
    #[serde(default)]
    end_session: String,
    #[serde(default)]
    withdraw: String,
}

/// `GET /account`.
pub(crate) async fn show(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Query(query): Query<AccountQuery>,
) -> Result<Response, Problem> {
    let mut tx = idp.db().reader().await.map_err(problem::of_storage)?;
    let Some(session) = people::current(&idp, &mut tx, &browser).await? else {
        drop(tx);
        return steps::begin_for_page(&idp, &asker, &browser, "/account").await;
    };
    let done = match query.done.as_str() {
        done @ ("password" | "passkey" | "removed" | "ended" | "withdrawn" | "confirmed") => {
            asker.words().get(&format!("account-done-{done}")).into_owned()
        }
        _ => String::new(),
    };
    Ok(page(&idp, &mut tx, &asker, &session, done, &Errors::default()).await?.into_response())
}

/// `POST /account`.
pub(crate) async fn answer(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Form(form): Form<AccountForm>,
) -> Result<Response, Problem> {
    let session = signed_in(&idp, &asker, &browser, &form.form_token).await?;
    let incident = asker.incident().as_str();
    if !form.remove_passkey.is_empty() && !is_fresh(&idp, &session) {
        return sign_in_again(&idp, &asker, &browser, "/account").await;
    }
    if !form.remove_passkey.is_empty() && !session.may_change_passkeys(idp.sources().now()) {
        return prove(&idp, &asker, &browser, &session, "/account").await;
    }
    let done = if !form.remove_passkey.is_empty() {
        if account::remove_passkey(&idp, &session.person, &form.remove_passkey, incident).await?.is_err() {
            let errors = Errors::one("", asker.words().get("account-last-means"));
            let mut tx = idp.db().reader().await.map_err(problem::of_storage)?;
            let page = page(&idp, &mut tx, &asker, &session, String::new(), &errors).await?;
            return Ok(people::refused(page, None));
        }
        tell::holder(&idp, &session.person, Change::PasskeyRemoved, browser.device()).await;
        "removed"
    } else if !form.end_session.is_empty() {
        end_session(&idp, &session, &form.end_session, incident).await?;
        "ended"
    } else if let Some(client) = ClientId::parse(&form.withdraw) {
        withdraw(&idp, &session, &client, incident).await?;
        "withdrawn"
    } else {
        ""
    };
    Ok(steps::see_other(&format!("/account?done={done}")))
}

async fn end_session(idp: &Idp, session: &Session, which: &str, incident: &str) -> Result<(), Error> {
    let now = idp.sources().now();
    let mut tx = idp.db().begin().await?;
    if which == "others" {
        session::end_all(&mut tx, &session.person, Some(&session.id), now).await?;
    } else if let Some(id) = SessionId::parse(which) {
        session::end(&mut tx, &session.person, &id, now).await?;
    }
    let row = audit::Row::new(session.person.as_str(), "session.end", "done", now).incident(incident);
    audit::append(&mut tx, &row).await?;
    Ok(tx.commit().await?)
}

async fn withdraw(idp: &Idp, session: &Session, client: &ClientId, incident: &str) -> Result<(), Error> {
    let now = idp.sources().now();
    let mut tx = idp.db().begin().await?;
    session::withdraw(&mut tx, &session.person, client, now).await?;
    let row = audit::Row::new(session.person.as_str(), "consent.withdraw", "done", now);
    audit::append(&mut tx, &row.object(format!("client:{client}")).incident(incident)).await?;
    Ok(tx.commit().await?)
}

async fn page(
    idp: &Idp,
    tx: &mut Tx,
    asker: &Asker,
    session: &Session,
    done: String,
    errors: &Errors,
) -> Result<Page, Error> {
    let now = idp.sources().now();
    let fields = idp.field_keys(now)?;
    let words = asker.words();
    let person = &session.person;
    let shown = accounts::shown(tx, &fields, person).await?.ok_or(Error::Damaged("a session without a person"))?;
    let level = accounts::level(tx, person).await?;
    let basis = accounts::strongest_evidence(tx, person).await?;
    let basis = basis.map(|(means, _, _, at)| people::basis_words(words, means, at, now)).unwrap_or_default();
    let passkeys = passkey_rows(words, passkeys::list(tx, person).await?, now);
    let sessions = session_rows(words, session::of_person(tx, person, now).await?, session, now);
    let grants = grant_rows(idp, tx, words, person, now).await?;
    let mandates = mandate_rows(idp, words, &fields, &mandates::of_person(tx, person, now).await?, now);
    let reached = session.acr.level();
    let main = AccountPage {
        w: words,
        errors,
        done,
        form_token: asker.form_token(session.id.as_str()),
        name: &shown.name,
        number: &shown.number_masked,
        phone: phone_words(words, &shown),
        password: password_words(words, &shown, now),
        has_password: shown.password_changed_at.is_some(),
        passkeys_possible: idp.people().passkeys.is_some(),
        next: next(words, idp, level, reached, !passkeys.is_empty()),
        levels: Levels::new(reached, basis),
        passkeys,
        sessions,
        grants,
        mandates,
    };
    let title = words.get("account-title");
    Ok(of_holder(Page::of(asker, title, &main).view_to("/account"), session, &shown.name))
}

async fn grant_rows(
    idp: &Idp,
    tx: &mut Tx,
    words: &Words,
    person: &PersonId,
    now: Timestamp,
) -> Result<Vec<Row>, Error> {
    let mut rows = Vec::new();
    for consent in session::consents(tx, person).await? {
        let Some(client) = idp.client(tx, consent.client.as_str()).await? else { continue };
        let when = people::when_before(words, consent.granted_at, now);
        rows.push(Row {
            title: client.name.get(words.lang()).to_owned(),
            what: scope_words(words, &consent.scope),
            detail: words.with("account-grant-since", &[("when", &when)]).into_owned(),
            value: consent.client.as_str().to_owned(),
            ..Row::default()
        });
    }
    Ok(rows)
}

fn mandate_rows(idp: &Idp, words: &Words, fields: &FieldKeys, held: &[Held], now: Timestamp) -> Vec<Row> {
    let live = held.iter().filter(|held| held.organisation_is_registered && held.mandate.is_live(now));
    live.map(|held| Row {
        title: held.organisation_name.clone(),
        what: may_words(idp, words, held.mandate.role, &held.mandate.matters),
        detail: basis_words(words, fields, held),
        value: if held.mandate.role == Role::Operator { String::new() } else { held.organisation_code.clone() },
        ..Row::default()
    })
    .collect()
}

fn password_words(words: &Words, shown: &accounts::Shown, now: Timestamp) -> String {
    shown.password_changed_at.map_or_else(
        || words.get("account-password-none").into_owned(),
        |at| words.with("account-password-changed", &[("when", &people::when_before(words, at, now))]).into_owned(),
    )
}

fn phone_words(words: &Words, shown: &accounts::Shown) -> String {
    match (&shown.phone, shown.phone_verified) {
        (None, _) => words.get("account-phone-none").into_owned(),
        (Some(_), true) => shown.phone_masked.clone(),
        (Some(_), false) => words.with("account-phone-unverified", &[("phone", &shown.phone_masked)]).into_owned(),
    }
}

fn passkey_rows(words: &Words, listed: Vec<passkeys::Listed>, now: Timestamp) -> Vec<Row> {
    let row = |one: passkeys::Listed| {
        let made = people::when_before(words, one.created_at, now);
        let detail = match one.used_at {
            Some(used) => {
                words.with("account-passkey-detail", &[("made", &made), ("used", &people::when(words, used, now))])
            }
            None => words.with("account-passkey-detail-unused", &[("made", &made)]),
        };
        Row { title: one.title, detail: detail.into_owned(), value: one.id, ..Row::default() }
    };
    listed.into_iter().map(row).collect()
}

fn session_rows(words: &Words, sessions: Vec<Session>, here: &Session, now: Timestamp) -> Vec<Row> {
    let row = |one: Session| {
        let is_here = one.id == here.id;
        let title = if one.device.is_empty() { words.get("account-session-unknown").into_owned() } else { one.device };
        let phone = ["Android", "iPhone", "iPad", "HarmonyOS", "WeChat"].iter().any(|mark| title.contains(mark));
        let detail = if is_here {
            words.get("account-session-using").into_owned()
        } else {
            people::when(words, one.auth_time, now)
        };
        Row { title, detail, value: one.id.as_str().to_owned(), phone, here: is_here, ..Row::default() }
    };
    let mut rows: Vec<Row> = sessions.into_iter().map(row).collect();
    rows.sort_by_key(|row| !row.here);
    rows
}

fn scope_words(words: &Words, scope: &[String]) -> String {
    let known = ["profile", "phone", "organisation", "id_number", "offline_access"];
    let given = known.iter().filter(|name| scope.iter().any(|s| s == *name));
    let mut texts: Vec<_> = given.map(|name| words.get(&format!("account-grant-scope-{name}")).into_owned()).collect();
    let at = scope.iter().filter_map(|name| name.strip_prefix(AT));
    texts.extend(at.map(|resource| words.with("account-grant-at", &[("resource", resource)]).into_owned()));
    texts.join(if words.lang() == web::Lang::En { ", " } else { "、" })
}

fn next(words: &Words, idp: &Idp, level: i64, reached: i64, has_passkey: bool) -> Option<NextStep> {
    let step = |text: &str, href, act: &str| {
        Some(NextStep { text: words.get(text).into_owned(), href, act: words.get(act).into_owned() })
    };
    if level < 2 {
        return step("account-next-2", "/register/confirm", "account-next-2-act");
    }
    if idp.people().passkeys.is_none() || reached >= acr(level, Factor::Passkey { synced: true }).level() {
        return None;
    }
    if has_passkey {
        return step("account-next-3", "/account/level", "account-next-3-act");
    }
    step("account-next-make", "/account/passkey", "account-passkey-add")
}

/// `GET /account/level`: lets the person sign in with a passkey and come back.
pub(crate) async fn level(State(idp): State<Idp>, asker: Asker, browser: Browser) -> Result<Response, Problem> {
    let mut interaction = crate::interaction::for_page(&idp, "/account", idp.sources().now())?;
    interaction.request.acr_values = vec![crate::assurance::Acr::Three.as_str().to_owned()];
    steps::begin(&idp, &asker, &browser, interaction).await
}

#[derive(Default)]
struct Row {
    title: String,
    what: String,
    detail: String,
    value: String,
    phone: bool,
    here: bool,
}

struct NextStep {
    text: String,
    href: &'static str,
    act: String,
}

#[derive(Template)]
#[template(path = "people/account.html")]
struct AccountPage<'a> {
    w: &'a Words,
    errors: &'a Errors,
    done: String,
    form_token: String,
    name: &'a str,
    number: &'a str,
    phone: String,
    password: String,
    has_password: bool,
    passkeys_possible: bool,
    passkeys: Vec<Row>,
    sessions: Vec<Row>,
    grants: Vec<Row>,
    mandates: Vec<Row>,
    levels: Levels,
    next: Option<NextStep>,
}
