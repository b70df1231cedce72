//! One person's session in one browser: remembered between clients, ended once and for good.
//!
//! The seam with sign-in: whoever has recognised a person calls [`sign_in`] in the transaction that recorded the
//! proof, then lets the interaction go on ([`crate::http::steps::go_on`]).

pub(crate) mod live;

use store::Tx;
use verifier::time::Timestamp;

use crate::assurance::Authentication;
use crate::browser::Browser;
use crate::client::Client;
use crate::error::Error;
use crate::ids::{ClientId, PersonId, SessionId, random_text};
use crate::interaction::state::Interaction;
pub(crate) use crate::session::live::FRESH_SECONDS;
use crate::session::live::Seen;
pub use crate::session::live::{MAX_PER_BROWSER, Session, SignedIn};
pub use crate::storage::subjects::Consent;
use crate::storage::{families, sessions, subjects};
use crate::{Idp, digest};

/// Opens a session for who was just recognised, or renews the one that this person has in this browser, and binds the
/// interaction to it. The browser gets a new secret every time; the old one is worth nothing after the commit.
///
/// # Errors
///
/// `Error` of storage or randomness; then the transaction must be dropped.
pub async fn sign_in(
    tx: &mut Tx,
    idp: &Idp,
    interaction: &mut Interaction,
    browser: &Browser,
    authentication: &Authentication,
) -> Result<SignedIn, Error> {
    let settings = idp.settings();
    let secret = random_text::<32>(idp.sources())?;
    let new = digest::of("session", &secret);
    let known = of_browser(tx, browser, authentication.at).await?;
    let life = if authentication.remember { settings.remembered_seconds } else { settings.session_seconds };
    let expires_at = authentication.at.plus(life);
    for old in known.iter().filter(|s| s.person != authentication.person).skip(MAX_PER_BROWSER - 1) {
        sessions::end(tx, &old.id, authentication.at).await?;
    }
    let same = known.iter().find(|s| s.person == authentication.person);
    if !known.is_empty() {
        sessions::move_browser(tx, browser.session_digests(), &new, authentication.at).await?;
    }
    let session = if let Some(same) = same {
        sessions::renew(tx, &same.id, authentication, expires_at).await?;
        Session {
            acr: authentication.acr,
            amr: authentication.amr.clone(),
            auth_time: authentication.at,
            expires_at,
            ..same.clone()
        }
    } else {
        let session = Session {
            id: SessionId::random(idp.sources())?,
            person: authentication.person.clone(),
            acr: authentication.acr,
            amr: authentication.amr.clone(),
            auth_time: authentication.at,
            created_at: authentication.at,
            expires_at,
            device: browser.device().to_owned(),
            sid_salt: random_text::<16>(idp.sources())?,
        };
        sessions::insert(tx, &session, &new).await?;
        session
    };
    let id = session.id.clone();
    interaction.signed_in(Seen { session, here: None }, authentication.at);
    Ok(SignedIn { session: id, secret, life_seconds: life })
}

/// The live sessions of a browser, the newest sign-in first; at most [`MAX_PER_BROWSER`] and a few.
///
/// # Errors
///
/// `Error` of storage.
pub async fn of_browser(tx: &mut Tx, browser: &Browser, now: Timestamp) -> Result<Vec<Session>, Error> {
    let digests = browser.session_digests();
    if digests.is_empty() {
        return Ok(Vec::new());
    }
    Ok(sessions::of_browser(tx, digests, now).await?)
}

/// As [`of_browser`], with what stands of their persons at the client that asks, if it is one: one statement.
pub(crate) async fn at_client(
    tx: &mut Tx,
    browser: &Browser,
    client: Option<&Client>,
    now: Timestamp,
) -> Result<Vec<Seen>, Error> {
    let Some(client) = client else {
        let sessions = of_browser(tx, browser, now).await?;
        return Ok(sessions.into_iter().map(|session| Seen { session, here: None }).collect());
    };
    let digests = browser.session_digests();
    if digests.is_empty() {
        return Ok(Vec::new());
    }
    Ok(sessions::at_client(tx, digests, &client.client_id, &client.sector, now).await?)
}

/// The live sessions of a person in all browsers, the newest sign-in first, at most 50.
///
/// # Errors
///
/// `Error` of storage.
pub async fn of_person(tx: &mut Tx, person: &PersonId, now: Timestamp) -> Result<Vec<Session>, Error> {
    Ok(sessions::of_person(tx, person, now).await?)
}

/// Ends one session of a person; whether it was live. Tokens made in it end with it, offline ones aside.
///
/// # Errors
///
/// `Error` of storage.
pub async fn end(tx: &mut Tx, person: &PersonId, session: &SessionId, now: Timestamp) -> Result<bool, Error> {
    Ok(sessions::end_of_person(tx, person, session, now).await?)
}

/// Ends all sessions of a person but `kept`; how many there were.
///
/// # Errors
///
/// `Error` of storage.
pub async fn end_all(tx: &mut Tx, person: &PersonId, kept: Option<&SessionId>, now: Timestamp) -> Result<u64, Error> {
    Ok(sessions::end_all(tx, person, kept, now).await?)
}

/// What a person lets clients have, newest first, for the account page.
///
/// # Errors
///
/// `Error` of storage.
pub async fn consents(tx: &mut Tx, person: &PersonId) -> Result<Vec<Consent>, Error> {
    Ok(subjects::consents(tx, person).await?)
}

/// Takes back what a client was let have: the consent goes, and every token that the client holds for the person ends.
/// Whether there was anything.
///
/// # Errors
///
/// `Error` of storage.
pub async fn withdraw(tx: &mut Tx, person: &PersonId, client: &ClientId, now: Timestamp) -> Result<bool, Error> {
    let had = subjects::delete_consents(tx, person, client).await?;
    let revoked = families::revoke_of_client(tx, person, client, now).await?;
    Ok(had || revoked > 0)
}

/// Ends every token that anyone holds for a person, offline access too: for a changed password or a locked account.
///
/// # Errors
///
/// `Error` of storage.
pub async fn revoke_all(tx: &mut Tx, person: &PersonId, now: Timestamp) -> Result<u64, Error> {
    Ok(families::revoke_of_person(tx, person, now).await?)
}
