//! Whose account it is, and how sure that is.

use axum::response::Response;
use web::{Asker, Page, Problem};

use crate::Idp;
use crate::http::browser::Browser;
use crate::http::{people, problem, steps};
use crate::session::{FRESH_SECONDS, Session};
use crate::storage::passkeys;

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

pub(super) fn is_fresh(idp: &Idp, session: &Session) -> bool {
    session.is_fresh(idp.sources().now())
}

pub(super) async fn fresh(idp: &Idp, browser: &Browser) -> Result<Option<Session>, Problem> {
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

/// Lets a person who signed in by password alone prove by a passkey, or by a code, who he is, and come back to `path`.
pub(super) async fn prove(
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

/// A page of somebody's account: its head has the name and the way to sign out.
pub(crate) fn of_holder(page: Page, session: &Session, name: &str) -> Page {
    page.who(name).bound_to(session.id.as_str())
}
