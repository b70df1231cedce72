//! The step to a higher level, shown at `/sign-in/{id}` to whoever is signed in already.

use askama::Template;
use axum::response::{IntoResponse, Response};
use store::Tx;
use web::{Asker, Page, Problem, Words};

use crate::Idp;
use crate::flow::step_up::{Lift, Way};
use crate::http::account::means::{NEW_PASSKEY, NEW_PASSWORD};
use crate::http::browser::{self, Browser};
use crate::http::people::{self, Errors, Portal};
use crate::http::{problem, steps};
use crate::interaction::{Asker as Who, Interaction};
use crate::session::SignedIn;
use crate::storage::authorizations;

/// Goes on after a sign-in; where what was asked for is not reached and one of the ways that `may` be gone leads to it, to the page
/// that says how.
pub(crate) async fn go_on_or_rise(
    idp: &Idp,
    asker: &Asker,
    browser: &Browser,
    mut tx: Tx,
    mut interaction: Interaction,
    signed_in: SignedIn,
    may: fn(Way) -> bool,
) -> Result<Response, Problem> {
    let way = match (&interaction.fresh, interaction.wanted_acr()) {
        (Some(seen), Some(wanted)) => Way::of(idp, &mut tx, &seen.session, wanted).await?,
        _ => None,
    };
    if !way.is_some_and(may) {
        return steps::go_on(idp, asker, browser, tx, interaction, Some(signed_in)).await;
    }
    if !authorizations::save(&mut tx, idp, &mut interaction, None, None, idp.sources().now()).await? {
        return Err(problem::no_interaction());
    }
    tx.commit().await.map_err(problem::of_storage)?;
    let next = steps::see_other(&format!("/sign-in/{}", interaction.id));
    let next = people::with_cookie(browser::forget_begun(idp, browser), next);
    Ok((browser::session_cookie(idp, &signed_in), next).into_response())
}

/// The page that says how.
pub(crate) fn page(lift: &Lift, asker: &Asker, interaction: &Interaction, errors: &Errors) -> Page {
    let words = asker.words();
    let id = interaction.id.as_str();
    let level = lift.wanted.level().to_string();
    let title = words.with("signin-stepup-title", &[("level", &level)]).into_owned();
    let lead = match lift.way {
        Way::Confirm => "signin-stepup-lead-2",
        Way::Prove => "signin-stepup-lead-prove",
        Way::Use => "signin-stepup-lead-3",
        Way::Make => "signin-stepup-lead-make",
    };
    let portal = Portal::of(interaction, words);
    let confirm_at = format!("/register/confirm?i={id}");
    let changes = matches!(&interaction.asker, Who::Page(path) if path == NEW_PASSKEY || path == NEW_PASSWORD);
    let main = StepUp {
        w: words,
        title: &title,
        lead: words.get(lead).into_owned(),
        hint: words
            .get(if lift.way == Way::Make { "register-passkey-hint" } else { "signin-passkey-hint" })
            .into_owned(),
        action: format!("/sign-in/{id}"),
        options: format!("/sign-in/{id}/passkey"),
        other_at: (lift.way == Way::Use).then(|| if changes { confirm_at.clone() } else { NEW_PASSKEY.to_owned() }),
        confirm_at,
        form_token: asker.form_token(id),
        confirm: lift.way.is_a_code(),
        make: lift.way == Way::Make,
        may_skip: interaction.is_signed_in() && interaction.request.claims.essential_acr.is_empty(),
        errors,
        portal: portal.as_ref(),
    };
    let page = Page::of(asker, title.clone(), &main).view_to(format!("/sign-in/{id}"));
    if lift.way.is_a_code() { page } else { page.script("/static/passkey.js") }
}

#[derive(Template)]
#[template(path = "people/step_up.html")]
struct StepUp<'a> {
    w: &'a Words,
    portal: Option<&'a Portal>,
    errors: &'a Errors,
    title: &'a str,
    lead: String,
    hint: String,
    action: String,
    options: String,
    confirm_at: String,
    other_at: Option<String>,
    form_token: String,
    confirm: bool,
    make: bool,
    may_skip: bool,
}
