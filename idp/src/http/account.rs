//! `/account`: what a person sees and changes of his own account.

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use keys::field::FieldKeys;
use serde::Deserialize;
use store::{Tx, audit};
use verifier::time::Timestamp;
use web::{Asker, Form, Page, Problem, Query, Words};

use crate::Idp;
use crate::account::Password;
use crate::account::evidence::{Factor, acr};
use crate::account::passkey::PasskeyError;
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
use crate::session::{self, FRESH_SECONDS, Session};
use crate::storage::{accounts, passkeys};

/// Where a passkey is added.
pub(crate) const NEW_PASSKEY: &str = "/account/passkey";
/// Where a password is set.
pub(crate) const NEW_PASSWORD: &str = "/account/password";

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

/// What the forms for a new means send.
#[derive(Default, Deserialize)]
pub(crate) struct MeansForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    again: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    answer: String,
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

/// `GET /account/password`.
pub(crate) async fn password(State(idp): State<Idp>, asker: Asker, browser: Browser) -> Result<Response, Problem> {
    let Some(session) = fresh(&idp, &browser).await? else {
        return sign_in_again(&idp, &asker, &browser, NEW_PASSWORD).await;
    };
    if !may_set_password(&idp, &session).await? {
        return prove(&idp, &asker, &browser, &session, NEW_PASSWORD).await;
    }
    Ok(password_page(&idp, &asker, &session, &Errors::default()).await?.into_response())
}

/// `POST /account/password`.
pub(crate) async fn password_answer(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Form(form): Form<MeansForm>,
) -> Result<Response, Problem> {
    let session = signed_in(&idp, &asker, &browser, &form.form_token).await?;
    if !is_fresh(&idp, &session) {
        return sign_in_again(&idp, &asker, &browser, NEW_PASSWORD).await;
    }
    if !may_set_password(&idp, &session).await? {
        return prove(&idp, &asker, &browser, &session, NEW_PASSWORD).await;
    }
    let words = asker.words();
    let fields = idp.field_keys(idp.sources().now())?;
    let mut tx = idp.db().reader().await.map_err(problem::of_storage)?;
    let shown = accounts::shown(&mut tx, &fields, &session.person).await?;
    drop(tx);
    let known: Vec<&str> = shown
        .iter()
        .flat_map(|shown| [shown.number.as_deref(), shown.phone.as_deref()])
        .flatten()
        .map(String::as_str)
        .collect();
    let (password, again) = (Password::new(form.password), Password::new(form.again));
    let errors = match password.weakness(&known) {
        Some(weakness) => Errors::one("password", people::weakness_words(words, weakness)),
        None if !password.same(&again) => Errors::one("again", words.get("register-error-again")),
        None => Errors::default(),
    };
    if !errors.is_empty() {
        let page = password_page(&idp, &asker, &session, &errors).await?;
        return Ok(people::refused(page, None));
    }
    let incident = asker.incident().as_str();
    match account::set_password(&idp, &session.person, Some(&session.id), &password, incident).await? {
        Ok(()) => {
            tell::holder(&idp, &session.person, Change::PasswordSet, browser.device()).await;
            Ok(steps::see_other("/account?done=password"))
        }
        Err(_) => Err(Problem::unavailable(2)),
    }
}

/// `GET /account/passkey`.
pub(crate) async fn passkey(State(idp): State<Idp>, asker: Asker, browser: Browser) -> Result<Response, Problem> {
    let Some(session) = fresh(&idp, &browser).await? else {
        return sign_in_again(&idp, &asker, &browser, NEW_PASSKEY).await;
    };
    if !session.may_change_passkeys(idp.sources().now()) {
        return prove(&idp, &asker, &browser, &session, NEW_PASSKEY).await;
    }
    Ok(passkey_page(&idp, &asker, &browser, &session, &Errors::default()).await?.into_response())
}

/// `POST /account/passkey/options`: the options for `navigator.credentials`.
pub(crate) async fn passkey_options(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Form(form): Form<MeansForm>,
) -> Result<Response, Problem> {
    let session = signed_in(&idp, &asker, &browser, &form.form_token).await?;
    if idp.people().passkeys.is_none() {
        return Err(Problem::bad_request("passkey.refused"));
    }
    if !session.may_change_passkeys(idp.sources().now()) {
        return Err(Problem::forbidden("account.fresh_sign_in_required"));
    }
    let display = people::name_of(&idp, &session.person).await?;
    Ok(Json(account::begin_passkey(&idp, &session.person, &display, &ceremony(&session)).await?).into_response())
}

/// `POST /account/passkey`.
pub(crate) async fn passkey_answer(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Form(form): Form<MeansForm>,
) -> Result<Response, Problem> {
    let session = signed_in(&idp, &asker, &browser, &form.form_token).await?;
    if !session.may_change_passkeys(idp.sources().now()) {
        return prove(&idp, &asker, &browser, &session, NEW_PASSKEY).await;
    }
    let words = asker.words();
    if form.answer.is_empty() {
        let errors = Errors::one("passkey", words.get("signin-passkey-script"));
        return Ok(people::refused(passkey_page(&idp, &asker, &browser, &session, &errors).await?, None));
    }
    let title = people::title(&form.title, &words.get("account-passkey-unnamed"));
    let mut tx = idp.db().begin().await.map_err(problem::of_storage)?;
    let incident = asker.incident().as_str();
    let id = ceremony(&session);
    let kept = account::keep_passkey(&idp, &mut tx, &session.person, &id, &form.answer, &title, incident).await?;
    tx.commit().await.map_err(problem::of_storage)?;
    match kept {
        Ok(()) => {
            tell::holder(&idp, &session.person, Change::PasskeyAdded, browser.device()).await;
            Ok(steps::see_other("/account?done=passkey"))
        }
        Err(error) => {
            let text = match error {
                PasskeyError::Refused => words.get("account-passkey-taken").into_owned(),
                other => people::passkey_words(words, other),
            };
            let errors = Errors::one("passkey", text);
            Ok(people::refused(passkey_page(&idp, &asker, &browser, &session, &errors).await?, None))
        }
    }
}

/// The session of whoever sends a form; the form must have been made for it.
pub(crate) async fn signed_in(
    idp: &Idp,
    asker: &Asker,
    browser: &Browser,
    form_token: &str,
) -> Result<Session, Problem> {
    asker.check_origin()?;
    let mut tx = idp.db().reader().await.map_err(problem::of_storage)?;
    let session = people::current(idp, &mut tx, browser).await?;
    let session = session.ok_or_else(|| Problem::new(http::StatusCode::UNAUTHORIZED, "access.sign_in_required"))?;
    asker.check_form(form_token, session.id.as_str())?;
    Ok(session)
}

fn is_fresh(idp: &Idp, session: &Session) -> bool {
    session.is_fresh(idp.sources().now())
}

async fn fresh(idp: &Idp, browser: &Browser) -> Result<Option<Session>, Problem> {
    let mut tx = idp.db().reader().await.map_err(problem::of_storage)?;
    let session = people::current(idp, &mut tx, browser).await?;
    Ok(session.filter(|session| is_fresh(idp, session)))
}

/// Lets the person sign in once more and come back to `path`.
pub(crate) async fn sign_in_again(
    idp: &Idp,
    asker: &Asker,
    browser: &Browser,
    path: &str,
) -> Result<Response, Problem> {
    let mut interaction = crate::interaction::for_page(idp, path, idp.sources().now())?;
    interaction.request.max_age = Some(FRESH_SECONDS);
    steps::begin(idp, asker, browser, interaction).await
}

/// Whether a new password may be set: where there is a passkey, a password alone sets none (decision 6).
async fn may_set_password(idp: &Idp, session: &Session) -> Result<bool, Problem> {
    if session.may_change_passkeys(idp.sources().now()) {
        return Ok(true);
    }
    let mut tx = idp.db().reader().await.map_err(problem::of_storage)?;
    Ok(passkeys::allowed(&mut tx, &session.person).await.map_err(problem::of_storage)?.is_empty())
}

/// Lets a person who signed in by password alone prove by a passkey, or by a code, who he is, and come back to `path`.
async fn prove(
    idp: &Idp,
    asker: &Asker,
    browser: &Browser,
    session: &Session,
    path: &str,
) -> Result<Response, Problem> {
    let mut tx = idp.db().reader().await.map_err(problem::of_storage)?;
    let has_passkey = !passkeys::allowed(&mut tx, &session.person).await.map_err(problem::of_storage)?.is_empty();
    drop(tx);
    let mut interaction = crate::interaction::for_page(idp, path, idp.sources().now())?;
    if has_passkey {
        interaction.request.acr_values = vec![crate::assurance::Acr::Three.as_str().to_owned()];
        return steps::begin(idp, asker, browser, interaction).await;
    }
    steps::begin_at(idp, browser, interaction, "/register/confirm").await
}

fn ceremony(session: &Session) -> String {
    format!("account/{}", session.id)
}

async fn password_page(idp: &Idp, asker: &Asker, session: &Session, errors: &Errors) -> Result<Page, Error> {
    let words = asker.words();
    let fields = idp.field_keys(idp.sources().now())?;
    let shown = accounts::shown(&mut idp.db().reader().await?, &fields, &session.person).await?;
    let shown = shown.ok_or(Error::Damaged("a session without a person"))?;
    let has_password = shown.password_changed_at.is_some();
    let main = PasswordPage { w: words, errors, form_token: asker.form_token(session.id.as_str()), has_password };
    let title = if has_password { "account-password-change-title" } else { "account-password-set-title" };
    Ok(of_holder(Page::of(asker, words.get(title), &main).view_to(NEW_PASSWORD), session, &shown.name))
}

/// A page of somebody's account: its head has the name and the way to sign out.
pub(crate) fn of_holder(page: Page, session: &Session, name: &str) -> Page {
    page.who(name).bound_to(session.id.as_str())
}

async fn passkey_page(
    idp: &Idp,
    asker: &Asker,
    browser: &Browser,
    session: &Session,
    errors: &Errors,
) -> Result<Page, Error> {
    let words = asker.words();
    let main = PasskeyPage {
        w: words,
        errors,
        form_token: asker.form_token(session.id.as_str()),
        title: people::title(browser.device(), ""),
    };
    let page = Page::of(asker, words.get("account-passkey-title"), &main).view_to("/account/passkey");
    let name = people::name_of(idp, &session.person).await?;
    Ok(of_holder(page.script("/static/passkey.js"), session, &name))
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

#[derive(Template)]
#[template(path = "people/account_password.html")]
struct PasswordPage<'a> {
    w: &'a Words,
    errors: &'a Errors,
    form_token: String,
    has_password: bool,
}

#[derive(Template)]
#[template(path = "people/account_passkey.html")]
struct PasskeyPage<'a> {
    w: &'a Words,
    errors: &'a Errors,
    form_token: String,
    title: String,
}
