//! `/select-account/{id}`: which of the persons of this browser goes on.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use store::audit;
use web::{Asker, Form, Page, Problem, Words};

use crate::Idp;
use crate::error::Error;
use crate::http::browser::Browser;
use crate::http::people::{self, Errors, Portal};
use crate::http::steps::{self, Opened};
use crate::session::{self, Session};
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
    let mut at = Opened::look(&idp, &asker, &browser, &id).await?;
    Ok(page(&mut at, &Errors::default()).await?.into_response())
}

/// `POST /select-account/{id}`.
pub(crate) async fn answer(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Path(id): Path<String>,
    Form(form): Form<PickerForm>,
) -> Result<Response, Problem> {
    let mut at = Opened::answered(&idp, &asker, &browser, &id, &form.form_token).await?;
    if !form.cancel.is_empty() {
        return at.cancel().await;
    }
    let sessions = session::of_browser(&mut at.tx, &browser, idp.sources().now()).await?;
    let chosen = sessions.into_iter().find(|session| session.id.as_str() == form.account);
    if !form.forget.is_empty() {
        if let Some(chosen) = chosen {
            forget(at, &chosen).await?;
        }
        return Ok(steps::see_other(&format!("/select-account/{id}")));
    }
    match chosen {
        Some(chosen) => at.interaction.choose_session(chosen.id),
        None if form.account == "other" => at.interaction.forget_session(),
        None => {
            let errors = Errors::one("other", at.asker.words().get("actfor-choose"));
            let page = page(&mut at, &errors).await?;
            return Ok(people::refused(page, None));
        }
    }
    at.go_on().await
}

/// Ends a session at the wish of whoever sits at the browser.
async fn forget(mut at: Opened<'_>, session: &Session) -> Result<(), Error> {
    let now = at.idp.sources().now();
    session::end(&mut at.tx, &session.person, &session.id, now).await?;
    let row = audit::Row::new(session.person.as_str(), "session.end", "done", now);
    audit::append(&mut at.tx, &row.incident(at.asker.incident().as_str())).await?;
    Ok(at.tx.commit().await?)
}

async fn page(at: &mut Opened<'_>, errors: &Errors) -> Result<Page, Error> {
    let Opened { idp, asker, browser, tx, interaction } = at;
    let now = idp.sources().now();
    let fields = idp.field_keys(now)?;
    let words = asker.words();
    let mut accounts = Vec::new();
    for session in session::of_browser(tx, browser, now).await?.into_iter().take(session::MAX_PER_BROWSER) {
        if let Some(shown) = accounts::shown(tx, &fields, &session.person).await? {
            let at = people::when_before(words, session.auth_time, now);
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
