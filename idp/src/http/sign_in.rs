//! `/sign-in/{id}`: the page on which a person signs in.

use askama::Template;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use store::Tx;
use web::{Asker, Form, Page, Problem, Words};

use crate::Idp;
use crate::account::attempts::Wait;
use crate::account::passkey::PasskeyError;
use crate::account::{Login, Password};
use crate::assurance::Acr;
use crate::flow::sign_in::{self, From, NotRecognised, Recognised};
use crate::flow::step_up::{Lift, Way};
use crate::flow::tell::{self, Change};
use crate::http::browser::Browser;
use crate::http::people::{self, Errors, Portal};
use crate::http::steps::{self, Opened};
use crate::http::{problem, step_up};
use crate::interaction::{Interaction, Prompt};
use crate::session;
use crate::storage::recognition::At;

/// What the form sends.
#[derive(Default, Deserialize)]
pub(crate) struct SignInForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    login: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    remember: String,
    #[serde(default)]
    passkey: String,
    #[serde(default)]
    make: String,
    #[serde(default)]
    skip: String,
    #[serde(default)]
    answer: String,
    #[serde(default)]
    cancel: String,
}

impl SignInForm {
    /// Whether none of the other ways was taken.
    fn is_password(&self) -> bool {
        [&self.cancel, &self.skip, &self.make, &self.passkey, &self.answer].iter().all(|way| way.is_empty())
    }
}

/// What the page shows beside its fixed words.
#[derive(Default)]
struct Shown {
    login: String,
    remember: bool,
    errors: Errors,
}

/// `GET /sign-in/{id}`.
pub(crate) async fn show(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let mut at = Opened::look_at_begun(&idp, &asker, &browser, &id).await?;
    if let Some(lift) = Lift::of(&idp, &mut at.tx, &at.interaction, &browser).await? {
        return Ok(step_up::page(&lift, &at.asker, &at.interaction, &Errors::default()).into_response());
    }
    let shown = Shown { login: at.interaction.login_hint.clone().unwrap_or_default(), ..Shown::default() };
    Ok(page(&idp, &at.asker, &at.interaction, &shown).into_response())
}

/// `POST /sign-in/{id}`.
pub(crate) async fn answer(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Path(id): Path<String>,
    Form(form): Form<SignInForm>,
) -> Result<Response, Problem> {
    if form.is_password() {
        asker.check_form(&form.form_token, &id)?;
        let Opened { asker, tx, interaction, .. } = Opened::look_at_begun(&idp, &asker, &browser, &id).await?;
        drop(tx); // hashing takes its time, and there are few connections
        return with_password(&idp, &asker, &browser, interaction, form).await;
    }
    let at = Opened::answered(&idp, &asker, &browser, &id, &form.form_token).await?;
    if !form.cancel.is_empty() {
        return at.cancel().await;
    }
    if !form.skip.is_empty() {
        if at.interaction.is_signed_in() {
            return at.go_on().await;
        }
        return Ok(steps::see_other(&format!("/sign-in/{id}"))); // there is nothing to skip
    }
    let Opened { asker, tx, interaction, .. } = at;
    if !form.make.is_empty() {
        return make_passkey(&idp, &asker, &browser, tx, interaction, &form).await;
    }
    with_passkey(&idp, &asker, &browser, tx, interaction, form).await
}

/// `POST /sign-in/{id}/passkey`: the options for `navigator.credentials`.
pub(crate) async fn options(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Path(id): Path<String>,
    Form(form): Form<SignInForm>,
) -> Result<Response, Problem> {
    asker.check_form(&form.form_token, &id)?;
    let Some(passkeys_of) = &idp.people().passkeys else { return Err(Problem::bad_request("passkey.refused")) };
    let mut tx = idp.db().reader().await.map_err(problem::of_storage)?;
    let interaction = steps::load(&idp, &mut tx, &id, &browser).await?;
    let lift = Lift::of(&idp, &mut tx, &interaction, &browser).await?;
    drop(tx);
    if let Some(lift) = &lift
        && lift.way == Way::Make
    {
        let person = &lift.session.person;
        let display = people::name_of(&idp, person).await?;
        let options = crate::flow::account::begin_passkey(&idp, person, &display, &ceremony(&id)).await?;
        return Ok(Json(options).into_response());
    }
    let login = Login::read(&form.login).ok().filter(|_| lift.is_none());
    let person = lift.as_ref().map(|lift| &lift.session.person);
    let from = from(&asker, "");
    let begun = sign_in::begin_passkey(&idp, passkeys_of, &ceremony(&id), login.as_ref(), person, from).await?;
    match begun {
        Ok(options) => Ok(Json(options).into_response()),
        Err(wait) => Err(Problem::too_many(wait.seconds)),
    }
}

async fn with_password(
    idp: &Idp,
    asker: &Asker,
    browser: &Browser,
    interaction: Interaction,
    form: SignInForm,
) -> Result<Response, Problem> {
    let words = asker.words();
    let password = Password::new(form.password);
    let remember = !form.remember.is_empty();
    let mut errors = Errors::default();
    let login = Login::read(&form.login).map_err(|error| errors.add("login", people::login_words(words, error)));
    let shown = |errors| Shown { login: kept(&form.login), remember, errors };
    let login = match login {
        Ok(login) if !password.is_empty() => login,
        read => {
            let key = if password.is_empty() { "signin-error-empty-password" } else { "signin-error-again-password" };
            if password.is_empty() || read.is_err() {
                errors.add("password", words.get(key));
            }
            return Ok(people::refused(page(idp, asker, &interaction, &shown(errors)), None));
        }
    };
    let device = people::device(asker);
    let at = At(interaction.client().map(|client| (&client.client_id, client.sector.as_str())));
    let recognised = match sign_in::by_password(idp, &login, &password, at, from(asker, &device)).await? {
        Ok(recognised) => recognised,
        Err(NotRecognised::Wrong) => {
            return Ok(people::refused(page(idp, asker, &interaction, &shown(wrong(words))), None));
        }
        Err(NotRecognised::Wait(wait)) => return Ok(waiting(idp, asker, &interaction, shown(Errors::default()), wait)),
        Err(NotRecognised::Busy) => return Err(Problem::unavailable(2)),
    };
    let tx = idp.db().begin().await.map_err(problem::of_storage)?;
    let signed_in = signed_in(idp, asker, browser, tx, interaction, &recognised, remember).await?;
    Ok(signed_in
        .unwrap_or_else(|interaction| people::refused(page(idp, asker, &interaction, &shown(wrong(words))), None)))
}

fn wrong(words: &Words) -> Errors {
    let mut errors = Errors::one("login", words.get("signin-wrong"));
    errors.add("password", words.get("signin-error-again-password"));
    errors
}

async fn with_passkey(
    idp: &Idp,
    asker: &Asker,
    browser: &Browser,
    mut tx: Tx,
    interaction: Interaction,
    form: SignInForm,
) -> Result<Response, Problem> {
    let words = asker.words();
    let device = people::device(asker);
    let id = ceremony(interaction.id.as_str());
    let result = match &idp.people().passkeys {
        Some(passkeys_of) if !form.answer.is_empty() => {
            sign_in::by_passkey(idp, &mut tx, passkeys_of, &id, &form.answer, from(asker, &device)).await?
        }
        _ => Err(PasskeyError::Failed),
    };
    match result {
        Ok(recognised) => {
            let remember = !form.remember.is_empty();
            let signed_in = signed_in(idp, asker, browser, tx, interaction, &recognised, remember).await?;
            signed_in.map_err(|_| problem::no_interaction()) // a passkey is no password that could be replaced
        }
        Err(error) => {
            let lift = Lift::of(idp, &mut tx, &interaction, browser).await?;
            tx.commit().await.map_err(problem::of_storage)?;
            let text = if form.answer.is_empty() {
                words.get("signin-passkey-script").into_owned()
            } else {
                people::passkey_words(words, error)
            };
            let errors = Errors::one("passkey", text);
            let page = if let Some(lift) = lift {
                step_up::page(&lift, asker, &interaction, &errors)
            } else {
                let shown = Shown { login: kept(&form.login), remember: !form.remember.is_empty(), errors };
                page(idp, asker, &interaction, &shown)
            };
            Ok(people::refused(page, None))
        }
    }
}

/// Keeps a passkey made on the way to level 3; the person then signs in with it.
async fn make_passkey(
    idp: &Idp,
    asker: &Asker,
    browser: &Browser,
    mut tx: Tx,
    interaction: Interaction,
    form: &SignInForm,
) -> Result<Response, Problem> {
    let Some(lift) = Lift::of(idp, &mut tx, &interaction, browser).await? else {
        return Ok(steps::see_other(&format!("/sign-in/{}", interaction.id)));
    };
    if lift.way != Way::Make || form.answer.is_empty() {
        let errors = Errors::one("passkey", asker.words().get("signin-passkey-script"));
        return Ok(people::refused(step_up::page(&lift, asker, &interaction, &errors), None));
    }
    let title = people::title(browser.device(), &asker.words().get("account-passkey-unnamed"));
    let id = ceremony(interaction.id.as_str());
    let incident = asker.incident().as_str();
    let person = &lift.session.person;
    let kept = crate::flow::account::keep_passkey(idp, &mut tx, person, &id, &form.answer, &title, incident).await?;
    tx.commit().await.map_err(problem::of_storage)?;
    match kept {
        Ok(()) => {
            tell::holder(idp, person, Change::PasskeyAdded, browser.device()).await;
            Ok(steps::see_other(&format!("/sign-in/{}", interaction.id)))
        }
        Err(error) => {
            let errors = Errors::one("passkey", people::passkey_words(asker.words(), error));
            Ok(people::refused(step_up::page(&lift, asker, &interaction, &errors), None))
        }
    }
}

/// Opens the session and goes on; if what was asked for is not reached, to the page that says how to reach it. The interaction again
/// where the password was replaced meanwhile.
async fn signed_in(
    idp: &Idp,
    asker: &Asker,
    browser: &Browser,
    mut tx: Tx,
    mut interaction: Interaction,
    recognised: &Recognised,
    remember: bool,
) -> Result<Result<Response, Box<Interaction>>, Problem> {
    let (device, cookie) = people::device_to_know(idp, asker)?;
    let incident = asker.incident().as_str();
    if !sign_in::settle(&mut tx, recognised, &device, "session.sign_in", incident).await? {
        drop(tx);
        sign_in::replaced(idp, recognised, incident).await?;
        return Ok(Err(Box::new(interaction)));
    }
    let authentication = recognised.authentication(remember);
    let signed_in = session::sign_in(&mut tx, idp, &mut interaction, browser, &authentication).await?;
    interaction.stands(recognised.here.clone());
    let response = step_up::go_on_or_rise(idp, asker, browser, tx, interaction, signed_in, |_| true).await?;
    Ok(Ok(people::with_cookie(cookie, response)))
}

/// From where the asker tries.
pub(crate) fn from<'a>(asker: &'a Asker, device: &'a str) -> From<'a> {
    From { source: asker.client(), device, incident: asker.incident().as_str() }
}

fn ceremony(interaction: &str) -> String {
    format!("sign-in/{interaction}")
}

/// What somebody typed, back into the field, unless it is out of all proportion.
fn kept(text: &str) -> String {
    text.chars().take(64).collect()
}

fn waiting(idp: &Idp, asker: &Asker, interaction: &Interaction, shown: Shown, wait: Wait) -> Response {
    let words = asker.words();
    let mut errors = Errors::one("login", people::wait_words(words, wait));
    errors.add("password", words.get("signin-wait-hint"));
    people::refused(page(idp, asker, interaction, &Shown { errors, ..shown }), Some(wait))
}

fn page(idp: &Idp, asker: &Asker, interaction: &Interaction, shown: &Shown) -> Page {
    let words = asker.words();
    let id = interaction.id.as_str();
    let portal = Portal::of(interaction, words);
    let days = (idp.settings().remembered_seconds / 86_400).to_string();
    let main = SignIn {
        w: words,
        host: idp.settings().issuer.host_str().unwrap_or_default(),
        learns: learns(words, interaction),
        note: note(words, interaction),
        action: format!("/sign-in/{id}"),
        options: format!("/sign-in/{id}/passkey"),
        register: format!("/register?i={id}"),
        form_token: asker.form_token(id),
        login: &shown.login,
        remember: shown.remember,
        remember_hint: words.with("signin-remember-hint", &[("days", &days)]).into_owned(),
        passkeys: idp.people().passkeys.is_some(),
        errors: &shown.errors,
        portal: portal.as_ref(),
    };
    let title = portal.as_ref().map_or_else(
        || words.get("signin-title").into_owned(),
        |portal| words.with("signin-page", &[("portal", &portal.name)]).into_owned(),
    );
    let page = Page::of(asker, title, &main).view_to(format!("/sign-in/{id}"));
    if main.passkeys { page.script("/static/passkey.js") } else { page }
}

fn note(words: &Words, interaction: &Interaction) -> String {
    if interaction.client().is_none() {
        return words.get("signin-account-note").into_owned();
    }
    if let Some(wanted) = interaction.wanted_acr().filter(|wanted| *wanted > Acr::One) {
        return words.with("signin-level-note", &[("level", &wanted.level().to_string())]).into_owned();
    }
    let again = interaction.request.prompt.contains(&Prompt::Login) || interaction.request.max_age.is_some();
    if again && interaction.session().is_some() { words.get("signin-again-note").into_owned() } else { String::new() }
}

/// What the client will learn, by what it asks for.
fn learns(words: &Words, interaction: &Interaction) -> Vec<String> {
    let Some(client) = interaction.client() else { return Vec::new() };
    let asks = |scope: &str| interaction.request.scope.iter().any(|s| s == scope);
    let mut lines = Vec::new();
    let mut line = |key: &str| lines.push(words.get(key).into_owned());
    if asks("profile") {
        line("signin-learns-name");
        line("signin-learns-masked");
    }
    if asks("id_number") {
        line("signin-learns-number");
    }
    if asks("phone") {
        line("signin-learns-phone");
    }
    if client.acts_for_organisations {
        line("signin-learns-organisation");
    }
    line("signin-learns-level");
    lines
}

#[derive(Template)]
#[template(path = "people/sign_in.html")]
struct SignIn<'a> {
    w: &'a Words,
    portal: Option<&'a Portal>,
    errors: &'a Errors,
    note: String,
    action: String,
    options: String,
    register: String,
    form_token: String,
    login: &'a str,
    remember: bool,
    remember_hint: String,
    passkeys: bool,
    learns: Vec<String>,
    host: &'a str,
}
