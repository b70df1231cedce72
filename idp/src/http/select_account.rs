//! `/select-account/{id}`: which of the persons of this browser goes on.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use store::{Tx, audit};
use web::{Asker, Form, Page, Problem, Words};

use crate::Idp;
use crate::error::Error;
use crate::http::browser::Browser;
use crate::http::people::{self, Errors, Portal};
use crate::http::sign_in::spoken;
use crate::http::{problem, steps};
use crate::interaction::Interaction;
use crate::session;
use crate::storage::accounts;

/// What the form sends.
#[derive(Default, Deserialize)]
pub(crate) struct PickerForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    account: String,
    #[serde(default)]
    forget: String,
    #[serde(default)]
    cancel: String,
}

/// `GET /select-account/{id}`.
pub(crate) async fn show(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let mut tx = idp.db().reader().await.map_err(problem::of_storage)?;
    let interaction = steps::load(&idp, &mut tx, &id, &browser).await?;
    let asker = spoken(&asker, &interaction);
    Ok(page(&idp, &mut tx, &asker, &browser, &interaction, &Errors::default()).await?.into_response())
}

/// `POST /select-account/{id}`.
pub(crate) async fn answer(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Path(id): Path<String>,
    Form(form): Form<PickerForm>,
) -> Result<Response, Problem> {
    asker.check_form(&form.form_token, &id)?;
    let mut tx = idp.db().begin().await.map_err(problem::of_storage)?;
    let mut interaction = steps::load(&idp, &mut tx, &id, &browser).await?;
    let asker = spoken(&asker, &interaction);
    if !form.cancel.is_empty() {
        return steps::cancel(&idp, &asker, &browser, tx, interaction).await;
    }
    let now = idp.sources().now();
    let sessions = session::of_browser(&mut tx, &browser, now).await?;
    let chosen = sessions.into_iter().find(|session| session.id.as_str() == form.account);
    if !form.forget.is_empty() {
        if let Some(chosen) = chosen {
            session::end(&mut tx, &chosen.person, &chosen.id, now).await?;
            let row =
                audit::Row::new(chosen.person.as_str(), "session.end", "done", now).incident(asker.incident().as_str());
            audit::append(&mut tx, &row).await.map_err(problem::of_storage)?;
            tx.commit().await.map_err(problem::of_storage)?;
        }
        return Ok(steps::see_other(&format!("/select-account/{id}")));
    }
    match chosen {
        Some(chosen) => interaction.choose_session(chosen.id),
        None if form.account == "other" => interaction.forget_session(),
        None => {
            let errors = Errors::one("other", asker.words().get("actfor-choose"));
            let page = page(&idp, &mut tx, &asker, &browser, &interaction, &errors).await?;
            return Ok(people::refused(page, None));
        }
    }
    steps::go_on(&idp, &asker, &browser, tx, interaction, None).await
}

async fn page(
    idp: &Idp,
    tx: &mut Tx,
    asker: &Asker,
    browser: &Browser,
    interaction: &Interaction,
    errors: &Errors,
) -> Result<Page, Error> {
    let now = idp.sources().now();
    let fields = idp.field_keys(now)?;
    let words = asker.words();
    let mut accounts = Vec::new();
    for session in session::of_browser(tx, browser, now).await?.into_iter().take(session::MAX_PER_BROWSER) {
        if let Some(shown) = accounts::shown(tx, &fields, &session.person).await? {
            let at = people::when(words, session.auth_time, now);
            accounts.push(Account {
                value: session.id.as_str().to_owned(),
                name: shown.name,
                number: shown.number_masked,
                state: words.with("signin-picker-live", &[("when", &at)]).into_owned(),
            });
        }
    }
    let portal = Portal::of(interaction, words);
    let id = interaction.id.as_str();
    let main = Picker {
        w: words,
        action: format!("/select-account/{id}"),
        form_token: asker.form_token(id),
        portal: portal.as_ref(),
        accounts: &accounts,
        errors,
    };
    let title = portal.as_ref().map_or_else(
        || words.get("signin-picker-title").into_owned(),
        |portal| words.with("signin-picker-page", &[("portal", &portal.name)]).into_owned(),
    );
    Ok(Page::of(asker, title, &main).view_to(format!("/select-account/{id}")))
}

struct Account {
    value: String,
    name: String,
    number: String,
    state: String,
}

#[derive(Template)]
#[template(path = "people/picker.html")]
struct Picker<'a> {
    w: &'a Words,
    portal: Option<&'a Portal>,
    errors: &'a Errors,
    action: String,
    form_token: String,
    accounts: &'a [Account],
}
