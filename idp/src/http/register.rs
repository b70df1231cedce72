//! `/register`: self-registration in three steps, the way back for who lost his means to sign in, and the way to level 2.

use askama::Template;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use store::Tx;
use verifier::subject::IdNumber;
use web::page::dates;
use web::{Asker, Form, Page, Problem, Query, Words};

use crate::Idp;
use crate::account::evidence::{Factor, acr};
use crate::account::name::NameError;
use crate::account::phone::PhoneError;
use crate::account::{LoginError, Name, Password, Phone};
use crate::assurance::{Amr, Authentication};
use crate::error::Error;
use crate::flow::register::{self, Beginning, NewMeans, NotBegun, Said};
use crate::flow::tell::{self, Change};
use crate::flow::{account, sign_in};
use crate::http::browser::{self, Browser};
use crate::http::people::{self, Errors, Levels};
use crate::http::sign_in::{Way, from, go_on_or_rise};
use crate::http::{problem, steps};
use crate::ids::{InteractionId, PersonId};
use crate::interaction::{self, Interaction};
use crate::session;
use crate::storage::accounts;
use crate::storage::registrations::{self, BETWEEN_SENDS, Purpose, Registration, SENDS, Tried};

/// What the addresses carry.
#[derive(Default, Deserialize)]
pub(crate) struct RegisterQuery {
    /// The interaction that waits.
    #[serde(default)]
    i: String,
    /// `password`: the means to sign in are lost.
    #[serde(default, rename = "for")]
    purpose: String,
}

impl RegisterQuery {
    fn interaction(&self) -> Option<InteractionId> {
        InteractionId::parse(&self.i)
    }

    fn purpose(&self) -> Purpose {
        if self.purpose == "password" { Purpose::Anew } else { Purpose::Register }
    }

    /// The query that leads back here.
    fn text(&self) -> String {
        let mut parts = Vec::new();
        if let Some(id) = self.interaction() {
            parts.push(format!("i={id}"));
        }
        if self.purpose() == Purpose::Anew {
            parts.push("for=password".to_owned());
        }
        if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) }
    }
}

/// What the first form sends.
#[derive(Default, Deserialize)]
pub(crate) struct WhoForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    number: String,
    #[serde(default)]
    phone: String,
}

/// `GET /register`.
pub(crate) async fn who(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Query(query): Query<RegisterQuery>,
) -> Result<Response, Problem> {
    let page = who_page(&asker, &query, &WhoForm::default(), &Errors::default());
    if browser.mark_digests().is_empty() {
        let (_, cookie) = browser::new_mark(&idp)?;
        return Ok((cookie, page).into_response());
    }
    Ok(page.into_response())
}

/// `POST /register`.
pub(crate) async fn who_answer(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Query(query): Query<RegisterQuery>,
    Form(form): Form<WhoForm>,
) -> Result<Response, Problem> {
    asker.check_form(&form.form_token, "register")?;
    let Some(mark) = browser.mark_digests().first() else { return Err(Problem::forbidden("form.expired")) };
    let words = asker.words();
    let said = match read(words, &form) {
        Ok(said) => said,
        Err(errors) => return Ok(people::refused(who_page(&asker, &query, &form, &errors), None)),
    };
    let interaction = query.interaction();
    let beginning = Beginning {
        purpose: query.purpose(),
        person: None,
        browser: mark,
        interaction: interaction.as_ref().map(InteractionId::as_str),
        message: &|code| words.with("register-code-message", &[("code", code)]).into_owned(),
    };
    match register::begin(&idp, &said, &beginning, from(&asker, "")).await? {
        Ok(id) => Ok(steps::see_other(&format!("/register/{id}/code"))),
        Err(not_begun) => {
            let (errors, wait) = not_begun_words(words, &not_begun, "name", "number");
            Ok(people::refused(who_page(&asker, &query, &form, &errors), wait))
        }
    }
}

/// `GET /register/confirm`: a signed-in person raises the level.
pub(crate) async fn confirm(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Query(query): Query<RegisterQuery>,
) -> Result<Response, Problem> {
    match confirm_page(&idp, &asker, &browser, &query, &Errors::default()).await? {
        Some(page) => Ok(page.into_response()),
        None => steps::begin_for_page(&idp, &asker, &browser, "/register/confirm").await,
    }
}

/// `POST /register/confirm`.
pub(crate) async fn confirm_answer(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Query(query): Query<RegisterQuery>,
    Form(form): Form<WhoForm>,
) -> Result<Response, Problem> {
    let words = asker.words();
    let now = idp.sources().now();
    let mut tx = idp.db().reader().await.map_err(problem::of_storage)?;
    let session = people::current(&idp, &mut tx, &browser).await?;
    let (Some(session), Some(mark)) = (session, browser.mark_digests().first()) else {
        return Err(Problem::forbidden("form.expired"));
    };
    asker.check_form(&form.form_token, session.id.as_str())?;
    let fields = idp.field_keys(now)?;
    let shown = accounts::shown(&mut tx, &fields, &session.person).await?;
    drop(tx);
    let shown = shown.ok_or_else(|| Problem::forbidden("form.expired"))?;
    let typed =
        if form.phone.trim().is_empty() { shown.phone.as_deref().map_or("", String::as_str) } else { &form.phone };
    let phone = match Phone::read(typed) {
        Ok(phone) => phone,
        Err(error) => {
            let errors = Errors::one("phone", phone_words(words, error));
            let page = confirm_page(&idp, &asker, &browser, &query, &errors).await?;
            return page.map(|page| people::refused(page, None)).ok_or_else(|| Problem::forbidden("form.expired"));
        }
    };
    let number = shown.number.as_deref().and_then(|number| number.parse().ok());
    let (Some(number), Ok(name)) = (number, Name::read(&shown.name)) else {
        return Err(Error::Damaged("a person without name or number").into());
    };
    let interaction = query.interaction();
    let beginning = Beginning {
        purpose: Purpose::Confirm,
        person: Some(&session.person),
        browser: mark,
        interaction: interaction.as_ref().map(InteractionId::as_str),
        message: &|code| words.with("register-code-message", &[("code", code)]).into_owned(),
    };
    match register::begin(&idp, &Said { name, number, phone }, &beginning, from(&asker, "")).await? {
        Ok(id) => Ok(steps::see_other(&format!("/register/{id}/code"))),
        Err(not_begun) => {
            let (errors, wait) = not_begun_words(words, &not_begun, "phone", "phone");
            let page = confirm_page(&idp, &asker, &browser, &query, &errors).await?;
            page.map(|page| people::refused(page, wait)).ok_or_else(|| Problem::forbidden("form.expired"))
        }
    }
}

/// What the second form sends.
#[derive(Default, Deserialize)]
pub(crate) struct CodeForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    resend: String,
    #[serde(default)]
    change: String,
    #[serde(default)]
    later: String,
}

/// `GET /register/{id}/code`.
pub(crate) async fn code(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let registration = load(&idp, &id, &browser).await?;
    if registration.is_ready {
        return Ok(steps::see_other(&format!("/register/{id}/means")));
    }
    Ok(code_page(&idp, &asker, &id, &registration, &Errors::default()).into_response())
}

/// `POST /register/{id}/code`.
pub(crate) async fn code_answer(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Path(id): Path<String>,
    Form(form): Form<CodeForm>,
) -> Result<Response, Problem> {
    asker.check_form(&form.form_token, &id)?;
    let words = asker.words();
    let registration = load(&idp, &id, &browser).await?;
    if registration.is_ready {
        return Ok(steps::see_other(&format!("/register/{id}/means")));
    }
    if !form.change.is_empty() {
        return change(&idp, &asker, &id, &registration).await;
    }
    if !form.later.is_empty() && registration.purpose == Purpose::Register {
        let mut tx = idp.db().begin().await.map_err(problem::of_storage)?;
        registrations::later(&mut tx, &id, idp.sources().now()).await.map_err(problem::of_storage)?;
        tx.commit().await.map_err(problem::of_storage)?;
        return Ok(steps::see_other(&format!("/register/{id}/means")));
    }
    if !form.resend.is_empty() {
        let message = |code: &str| words.with("register-code-message", &[("code", code)]).into_owned();
        register::resend(&idp, &id, &registration, &message).await?;
        return Ok(steps::see_other(&format!("/register/{id}/code")));
    }
    let code = crate::account::digits::plain(&form.code);
    if code.len() != 6 || !code.bytes().all(|b| b.is_ascii_digit()) {
        let errors = Errors::one("code", words.get("register-code-empty"));
        return Ok(people::refused(code_page(&idp, &asker, &id, &registration, &errors), None));
    }
    let device = people::device(&asker);
    let (errors, wait) = match register::confirm(&idp, &id, &registration, &code, from(&asker, &device)).await? {
        Ok(Tried::Confirmed) => return confirmed(&idp, &asker, &browser, &id).await,
        Ok(Tried::Differs(0) | Tried::Closed) => (Errors::one("code", words.get("register-code-spent")), None),
        Ok(Tried::Differs(left)) => {
            (Errors::one("code", words.with("register-code-differs", &[("tries", &left.to_string())])), None)
        }
        Err(wait) => (Errors::one("code", people::wait_words(words, wait)), Some(wait)),
    };
    let registration = load(&idp, &id, &browser).await?;
    if registration.is_ready {
        return Ok(steps::see_other(&format!("/register/{id}/means"))); // a second click: the first one was right
    }
    Ok(people::refused(code_page(&idp, &asker, &id, &registration, &errors), wait))
}

/// The code was right: to the means, or, for an account that has some, back to where the person came from.
async fn confirmed(idp: &Idp, asker: &Asker, browser: &Browser, id: &str) -> Result<Response, Problem> {
    let registration = load(idp, id, browser).await?;
    if registration.purpose != Purpose::Confirm {
        return Ok(steps::see_other(&format!("/register/{id}/means")));
    }
    let tx = idp.db().begin().await.map_err(problem::of_storage)?;
    finish(idp, asker, browser, tx, id, &registration, &NewMeans::AsBefore, None).await
}

/// "Wrong number": the first page again, with what was typed before.
async fn change(idp: &Idp, asker: &Asker, id: &str, registration: &Registration) -> Result<Response, Problem> {
    let mut tx = idp.db().begin().await.map_err(problem::of_storage)?;
    registrations::forget(&mut tx, id).await.map_err(problem::of_storage)?;
    tx.commit().await.map_err(problem::of_storage)?;
    let query = RegisterQuery {
        i: registration.interaction.clone().unwrap_or_default(),
        purpose: if registration.purpose == Purpose::Anew { "password".to_owned() } else { String::new() },
    };
    let form =
        WhoForm { name: registration.name.to_string(), number: registration.number.to_string(), ..WhoForm::default() };
    Ok(who_page(asker, &query, &form, &Errors::default()).into_response())
}

/// What the third forms send.
#[derive(Default, Deserialize)]
pub(crate) struct MeansForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    again: String,
    #[serde(default)]
    passkey: String,
    #[serde(default)]
    answer: String,
}

/// `GET /register/{id}/means`.
pub(crate) async fn means(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let registration = load(&idp, &id, &browser).await?;
    if !registration.is_ready {
        return Ok(steps::see_other(&format!("/register/{id}/code")));
    }
    Ok(means_page(&idp, &asker, &id, &registration, &Errors::default()).into_response())
}

/// `POST /register/{id}/means`.
pub(crate) async fn means_answer(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Path(id): Path<String>,
    Form(form): Form<MeansForm>,
) -> Result<Response, Problem> {
    asker.check_form(&form.form_token, &id)?;
    let words = asker.words();
    let registration = load(&idp, &id, &browser).await?;
    if !registration.is_ready {
        return Ok(steps::see_other(&format!("/register/{id}/code")));
    }
    if !form.passkey.is_empty() {
        if form.answer.is_empty() {
            let errors = Errors::one("passkey", words.get("signin-passkey-script"));
            return Ok(people::refused(means_page(&idp, &asker, &id, &registration, &errors), None));
        }
        let tx = idp.db().begin().await.map_err(problem::of_storage)?;
        return finish(&idp, &asker, &browser, tx, &id, &registration, &NewMeans::Passkey, Some(&form.answer)).await;
    }
    let (password, again) = (Password::new(form.password), Password::new(form.again));
    let known = [registration.number.as_str(), registration.phone.as_str()];
    let errors = match password.weakness(&known) {
        Some(weakness) => Errors::one("password", people::weakness_words(words, weakness)),
        None if !password.same(&again) => Errors::one("again", words.get("register-error-again")),
        None => Errors::default(),
    };
    if !errors.is_empty() {
        return Ok(people::refused(means_page(&idp, &asker, &id, &registration, &errors), None));
    }
    let Ok(hash) = account::hash(&idp, &password).await? else { return Err(Problem::unavailable(2)) };
    let tx = idp.db().begin().await.map_err(problem::of_storage)?;
    finish(&idp, &asker, &browser, tx, &id, &registration, &NewMeans::Password(&hash), None).await
}

/// `POST /register/{id}/passkey`: the options for `navigator.credentials`.
pub(crate) async fn options(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Path(id): Path<String>,
    Form(form): Form<MeansForm>,
) -> Result<Response, Problem> {
    asker.check_form(&form.form_token, &id)?;
    if idp.people().passkeys.is_none() {
        return Err(Problem::bad_request("passkey.refused"));
    }
    let registration = load(&idp, &id, &browser).await?;
    if !registration.is_ready {
        return Err(over());
    }
    let mut tx = idp.db().begin().await.map_err(problem::of_storage)?;
    let person = register::person_of(&idp, &mut tx, &id, &registration).await?.ok_or_else(over)?;
    tx.commit().await.map_err(problem::of_storage)?;
    let options = account::begin_passkey(&idp, &person, &registration.name, &ceremony(&id)).await?;
    Ok(Json(options).into_response())
}

/// Ends a registration, signs the person in and goes on.
#[expect(clippy::too_many_arguments, reason = "the end of three steps")]
async fn finish(
    idp: &Idp,
    asker: &Asker,
    browser: &Browser,
    mut tx: Tx,
    id: &str,
    registration: &Registration,
    means: &NewMeans<'_>,
    answer: Option<&str>,
) -> Result<Response, Problem> {
    let incident = asker.incident().as_str();
    let locale = asker.lang().tag();
    let person = register::complete(idp, &mut tx, id, registration, means, locale, incident).await?.ok_or_else(over)?;
    if let Some(answer) = answer {
        let title = people::title(browser.device(), &asker.words().get("account-passkey-unnamed"));
        let kept = account::keep_passkey(idp, &mut tx, &person, &ceremony(id), answer, &title, incident).await?;
        if let Err(error) = kept {
            drop(tx); // nothing of the registration is kept: it can be ended in another way
            let errors = Errors::one("passkey", people::passkey_words(asker.words(), error));
            return Ok(people::refused(means_page(idp, asker, id, registration, &errors), None));
        }
    }
    enter(idp, asker, browser, tx, registration, person, means).await
}

/// Opens the session of whoever registered.
async fn enter(
    idp: &Idp,
    asker: &Asker,
    browser: &Browser,
    mut tx: Tx,
    registration: &Registration,
    person: PersonId,
    means: &NewMeans<'_>,
) -> Result<Response, Problem> {
    let now = idp.sources().now();
    let mut interaction = waiting(idp, &mut tx, browser, registration).await?;
    let level = accounts::level(&mut tx, &person).await.map_err(problem::of_storage)?;
    let confirmed = registration.level >= 2;
    let mut amr = Vec::new();
    if confirmed {
        amr.push(Amr::Sms);
    }
    match means {
        NewMeans::Password(_) => amr.push(Amr::Pwd),
        NewMeans::Passkey => amr.push(Amr::User),
        NewMeans::AsBefore => {}
    }
    let acr = if confirmed { acr(level, Factor::Code) } else { acr(1, Factor::Password) };
    let authentication = Authentication { person, acr, amr, at: now, remember: false };
    let (device, cookie) = people::device_to_know(idp, asker)?;
    let recognised = sign_in::Recognised {
        person: authentication.person.clone(),
        level,
        factor: Factor::Code,
        tried: None,
        here: None,
        at: now,
    };
    sign_in::settle(&mut tx, &recognised, &device, "session.sign_in", asker.incident().as_str()).await?;
    let signed_in = session::sign_in(&mut tx, idp, &mut interaction, browser, &authentication).await?;
    // A code leads on to making a passkey where level 3 is wanted and there is none.
    let makes = |way| way == Way::Make;
    let response = go_on_or_rise(idp, asker, browser, tx, interaction, signed_in, makes).await?;
    if !matches!(means, NewMeans::AsBefore) {
        tell::holder(idp, &authentication.person, Change::NewMeans, browser.device()).await;
    }
    Ok(people::with_cookie(cookie, response))
}

/// The interaction that waits, or one of our own that leads to the account.
async fn waiting(idp: &Idp, tx: &mut Tx, browser: &Browser, registration: &Registration) -> Result<Interaction, Error> {
    let now = idp.sources().now();
    if let Some(id) = registration.interaction.as_deref().and_then(InteractionId::parse)
        && let Some(interaction) = interaction::find(tx, idp, &id, browser, now).await?
    {
        return Ok(interaction);
    }
    interaction::for_page(idp, "/account", now)
}

async fn load(idp: &Idp, id: &str, browser: &Browser) -> Result<Registration, Problem> {
    let now = idp.sources().now();
    let fields = idp.field_keys(now)?;
    let marks = browser.mark_digests();
    if marks.is_empty() {
        return Err(over());
    }
    let mut tx = idp.db().reader().await.map_err(problem::of_storage)?;
    registrations::find(&mut tx, &fields, id, marks, now).await?.ok_or_else(over)
}

fn over() -> Problem {
    Problem::bad_request("register.over")
}

fn ceremony(id: &str) -> String {
    format!("register/{id}")
}

fn read(words: &Words, form: &WhoForm) -> Result<Said, Errors> {
    let mut errors = Errors::default();
    let name = Name::read(&form.name).map_err(|error| errors.add("name", name_words(words, error)));
    let number = IdNumber::read(&form.number).map_err(|_| errors.add("number", number_words(words, &form.number)));
    let phone = Phone::read(&form.phone).map_err(|error| errors.add("phone", phone_words(words, error)));
    match (name, number, phone) {
        (Ok(name), Ok(number), Ok(phone)) => Ok(Said { name, number, phone }),
        _ => Err(errors),
    }
}

fn name_words(words: &Words, error: NameError) -> String {
    match error {
        NameError::Empty => words.get("register-error-name-empty").into_owned(),
        NameError::TooLong(n) => words.with("register-error-name-long", &[("count", &n.to_string())]).into_owned(),
        NameError::Unprintable(n) => {
            words.with("register-error-name-unprintable", &[("count", &n.to_string())]).into_owned()
        }
    }
}

fn number_words(words: &Words, text: &str) -> String {
    match crate::account::digits::plain(text).chars().count() {
        0 => words.get("register-error-number-empty").into_owned(),
        15 | 18 => people::login_words(words, LoginError::NumberDigits),
        n => people::login_words(words, LoginError::NumberLength(n)),
    }
}

fn phone_words(words: &Words, error: PhoneError) -> String {
    match error {
        PhoneError::Empty => words.get("register-error-phone-empty").into_owned(),
        PhoneError::Length(n) => people::login_words(words, LoginError::PhoneLength(n)),
        PhoneError::Form => words.get("register-error-phone-form").into_owned(),
    }
}

fn not_begun_words(
    words: &Words,
    not_begun: &NotBegun,
    first: &'static str,
    second: &'static str,
) -> (Errors, Option<crate::account::attempts::Wait>) {
    match not_begun {
        NotBegun::NoMatch => {
            let mut errors = Errors::one(first, words.get("register-no-match"));
            errors.add(second, words.get("register-no-match-hint"));
            (errors, None)
        }
        NotBegun::Wait(wait) => (Errors::one(first, people::wait_words(words, *wait)), Some(*wait)),
        NotBegun::Unavailable => (Errors::one(first, words.get("register-unavailable")), None),
    }
}

fn who_page(asker: &Asker, query: &RegisterQuery, form: &WhoForm, errors: &Errors) -> Page {
    let words = asker.words();
    let cut = |text: &str| text.chars().take(120).collect::<String>();
    let main = Who {
        w: words,
        errors,
        action: format!("/register{}", query.text()),
        form_token: asker.form_token("register"),
        anew: query.purpose() == Purpose::Anew,
        name: cut(&form.name),
        number: cut(&form.number),
        phone: cut(&form.phone),
        back: query.interaction().map_or_else(|| "/account".to_owned(), |id| format!("/sign-in/{id}")),
    };
    Page::of(asker, words.get("register-page-1"), &main).view_to(format!("/register{}", query.text()))
}

async fn confirm_page(
    idp: &Idp,
    asker: &Asker,
    browser: &Browser,
    query: &RegisterQuery,
    errors: &Errors,
) -> Result<Option<Page>, Error> {
    let words = asker.words();
    let fields = idp.field_keys(idp.sources().now())?;
    let mut tx = idp.db().reader().await?;
    let Some(session) = people::current(idp, &mut tx, browser).await? else { return Ok(None) };
    let Some(shown) = accounts::shown(&mut tx, &fields, &session.person).await? else { return Ok(None) };
    let main = Confirm {
        w: words,
        errors,
        action: format!("/register/confirm{}", query.text()),
        form_token: asker.form_token(session.id.as_str()),
        name: shown.name,
        number: shown.number_masked,
        phone: shown.phone_masked,
        back: query.interaction().map_or_else(|| "/account".to_owned(), |id| format!("/sign-in/{id}")),
    };
    Ok(Some(Page::of(asker, words.get("register-confirm-title"), &main)))
}

fn code_page(idp: &Idp, asker: &Asker, id: &str, registration: &Registration, errors: &Errors) -> Page {
    let words = asker.words();
    let now = idp.sources().now();
    let left = if registration.tries > 0 && now < registration.code_expires_at {
        let (tries, time) = (registration.tries.to_string(), dates::time(registration.code_expires_at));
        words.with("register-code-left", &[("tries", &tries), ("time", &time)]).into_owned()
    } else {
        words.get("register-code-spent").into_owned()
    };
    let more = (SENDS - registration.sends).max(0);
    let from = registration.sent_at.plus(BETWEEN_SENDS);
    let may_resend = more > 0 && from <= now;
    let count = more.to_string();
    let resend = if more == 0 {
        words.get("register-resend-none").into_owned()
    } else if may_resend {
        words.with("register-resend-now", &[("count", &count)]).into_owned()
    } else {
        words.with("register-resend-from", &[("time", &dates::time(from)), ("count", &count)]).into_owned()
    };
    let inbox = idp.settings().registers.phone.as_ref().filter(|_| idp.settings().demonstration);
    let phone = Phone::read(&registration.phone).map(|phone| phone.masked()).unwrap_or_default();
    let main = Code {
        w: words,
        errors,
        action: format!("/register/{id}/code"),
        form_token: asker.form_token(id),
        sent: &dates::time(registration.sent_at),
        phone: &phone,
        left,
        resend,
        may_resend,
        may_later: registration.purpose == Purpose::Register,
        host: idp.settings().issuer.host_str().unwrap_or_default(),
        inbox: inbox.map(|register| register.url.origin().ascii_serialization()),
    };
    Page::of(asker, words.get("register-page-2"), &main).view_to(format!("/register/{id}/code"))
}

fn means_page(idp: &Idp, asker: &Asker, id: &str, registration: &Registration, errors: &Errors) -> Page {
    let words = asker.words();
    let confirmed = registration.level >= 2;
    let now = idp.sources().now();
    let means = if confirmed {
        crate::account::evidence::Means::PhoneCode
    } else {
        crate::account::evidence::Means::RegisterMatch
    };
    let main = MeansPage {
        w: words,
        errors,
        action: format!("/register/{id}/means"),
        options: format!("/register/{id}/passkey"),
        form_token: asker.form_token(id),
        found: if confirmed { "register-found-2" } else { "register-found-1" },
        name: &registration.name,
        passkeys: idp.people().passkeys.is_some(),
        levels: Levels::new(registration.level, people::basis_words(words, means, now, now)),
    };
    let page = Page::of(asker, words.get("register-page-3"), &main).view_to(format!("/register/{id}/means"));
    if main.passkeys { page.script("/static/passkey.js") } else { page }
}

#[derive(Template)]
#[template(path = "people/register_who.html")]
struct Who<'a> {
    w: &'a Words,
    errors: &'a Errors,
    action: String,
    form_token: String,
    anew: bool,
    name: String,
    number: String,
    phone: String,
    back: String,
}

#[derive(Template)]
#[template(path = "people/register_confirm.html")]
struct Confirm<'a> {
    w: &'a Words,
    errors: &'a Errors,
    action: String,
    form_token: String,
    name: String,
    number: String,
    phone: String,
    back: String,
}

#[derive(Template)]
#[template(path = "people/register_code.html")]
struct Code<'a> {
    w: &'a Words,
    errors: &'a Errors,
    action: String,
    form_token: String,
    sent: &'a str,
    phone: &'a str,
    left: String,
    resend: String,
    may_resend: bool,
    may_later: bool,
    host: &'a str,
    inbox: Option<String>,
}

#[derive(Template)]
#[template(path = "people/register_means.html")]
struct MeansPage<'a> {
    w: &'a Words,
    errors: &'a Errors,
    action: String,
    options: String,
    form_token: String,
    found: &'a str,
    name: &'a str,
    passkeys: bool,
    levels: Levels,
}
