//! The end of a registration: the account, its means, and the session of whoever registered.

use axum::response::Response;
use store::Tx;
use web::{Asker, Problem};

use super::shared::{ceremony, over};
use crate::Idp;
use crate::account::evidence::{Factor, acr};
use crate::account::passkey::PasskeyError;
use crate::assurance::{Amr, Authentication};
use crate::error::Error;
use crate::flow::register::{self, NewMeans};
use crate::flow::step_up::Way;
use crate::flow::tell::{self, Change};
use crate::flow::{account, sign_in};
use crate::http::browser::Browser;
use crate::http::people;
use crate::http::problem;
use crate::http::step_up::go_on_or_rise;
use crate::ids::{InteractionId, PersonId};
use crate::interaction::{self, Interaction};
use crate::session;
use crate::storage::accounts;
use crate::storage::registrations::Registration;

/// Ends a registration, signs the person in and goes on. The inner error is of the passkey in `answer`: nothing of the registration
/// was kept then, it can be ended in another way.
pub(super) async fn finish(
    idp: &Idp,
    asker: &Asker,
    browser: &Browser,
    id: &str,
    registration: &Registration,
    means: &NewMeans<'_>,
    answer: Option<&str>,
) -> Result<Result<Response, PasskeyError>, Problem> {
    let mut tx = idp.db().begin().await.map_err(problem::of_storage)?;
    let incident = asker.incident().as_str();
    let locale = asker.lang().tag();
    let person = register::complete(idp, &mut tx, id, registration, means, locale, incident).await?.ok_or_else(over)?;
    if let Some(answer) = answer {
        let title = people::title(browser.device(), &asker.words().get("account-passkey-unnamed"));
        let kept = account::keep_passkey(idp, &mut tx, &person, &ceremony(id), answer, &title, incident).await?;
        if let Err(error) = kept {
            return Ok(Err(error));
        }
    }
    enter(idp, asker, browser, tx, registration, person, means).await.map(Ok)
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
        judged: None,
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
