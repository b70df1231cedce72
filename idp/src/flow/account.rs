//! What a person changes about his own account.

use serde_json::Value;
use store::{Tx, audit};
use uuid::Uuid;

use crate::Idp;
use crate::account::Password;
use crate::account::passkey::PasskeyError;
use crate::account::password::PasswordFailure;
use crate::error::Error;
use crate::ids::{PersonId, SessionId, random_text};
use crate::session;
use crate::storage::{accounts, passkeys, recognition};

/// Begins the registration of a passkey: the options for the browser.
pub(crate) async fn begin_passkey(idp: &Idp, person: &PersonId, display: &str, ceremony: &str) -> Result<Value, Error> {
    let now = idp.sources().now();
    let Some(passkeys_of) = &idp.people().passkeys else { return Err(Error::Damaged("no passkeys at an address")) };
    let mut tx = idp.db().begin().await?;
    let handle = passkeys::handle(&mut tx, person, Uuid::from_bytes(idp.sources().bytes()?)).await?;
    let existing: Vec<Vec<u8>> = passkeys::allowed(&mut tx, person).await?.into_iter().map(|(id, _)| id).collect();
    let begun =
        passkeys_of.begin_registration(handle, display, &existing).map_err(|_| Error::Damaged("a passkey ceremony"))?;
    passkeys::begin(&mut tx, ceremony, &begun.state, Some(person), now).await?;
    tx.commit().await?;
    Ok(begun.options)
}

/// Keeps the passkey that a browser has made, within `tx`. Commit whatever comes out: the challenge is spent.
pub(crate) async fn keep_passkey(
    idp: &Idp,
    tx: &mut Tx,
    person: &PersonId,
    ceremony: &str,
    answer: &str,
    title: &str,
    incident: &str,
) -> Result<Result<(), PasskeyError>, Error> {
    let now = idp.sources().now();
    let Some(passkeys_of) = &idp.people().passkeys else { return Ok(Err(PasskeyError::Failed)) };
    let Some((state, meant)) = passkeys::take(tx, ceremony, now).await? else {
        return Ok(Err(PasskeyError::Foreign));
    };
    if meant.as_ref() != Some(person) {
        return Ok(Err(PasskeyError::Foreign));
    }
    if passkeys::allowed(tx, person).await?.len() >= passkeys::MOST {
        return Ok(Err(PasskeyError::Unsupported));
    }
    let new = match passkeys_of.finish_registration(&state, answer) {
        Ok(new) => new,
        Err(error) => return Ok(Err(error)),
    };
    let id = random_text::<16>(idp.sources())?;
    if !passkeys::insert(tx, &id, person, title, &new, now).await? {
        return Ok(Err(PasskeyError::Refused)); // the id is taken, by whomever
    }
    let row = audit::Row::new(person.as_str(), "passkey.add", "done", now).object(format!("passkey:{id}"));
    audit::append(tx, &row.incident(incident)).await?;
    Ok(Ok(()))
}

/// Removes a passkey, unless it is the only means to sign in; whether it did.
pub(crate) async fn remove_passkey(
    idp: &Idp,
    person: &PersonId,
    id: &str,
    incident: &str,
) -> Result<Result<bool, ()>, Error> {
    let now = idp.sources().now();
    let fields = idp.field_keys(now)?;
    let mut tx = idp.db().begin().await?;
    let has_password =
        accounts::shown(&mut tx, &fields, person).await?.is_some_and(|shown| shown.password_changed_at.is_some());
    if !has_password && passkeys::allowed(&mut tx, person).await?.len() <= 1 {
        return Ok(Err(()));
    }
    let removed = passkeys::remove(&mut tx, person, id, now).await?;
    if removed {
        let row = audit::Row::new(person.as_str(), "passkey.remove", "done", now).object(format!("passkey:{id}"));
        audit::append(&mut tx, &row.incident(incident)).await?;
    }
    tx.commit().await?;
    Ok(Ok(removed))
}

/// Sets a password; every other session ends, every other device is forgotten.
pub(crate) async fn set_password(
    idp: &Idp,
    person: &PersonId,
    kept: Option<&SessionId>,
    password: &Password,
    incident: &str,
) -> Result<Result<(), PasswordFailure>, Error> {
    let hash = match hash(idp, password).await? {
        Ok(hash) => hash,
        Err(failure) => return Ok(Err(failure)),
    };
    let now = idp.sources().now();
    let mut tx = idp.db().begin().await?;
    accounts::set_password(&mut tx, person, &hash, now).await?;
    session::end_all(&mut tx, person, kept, now).await?;
    session::revoke_all(&mut tx, person, now).await?;
    recognition::forget(&mut tx, person).await?;
    let row = audit::Row::new(person.as_str(), "password.set", "done", now).incident(incident);
    audit::append(&mut tx, &row).await?;
    tx.commit().await?;
    Ok(Ok(()))
}

/// The hash to keep.
pub(crate) async fn hash(idp: &Idp, password: &Password) -> Result<Result<String, PasswordFailure>, Error> {
    let salt = idp.sources().bytes::<16>()?;
    Ok(idp.people().passwords.hash(password, salt).await)
}
