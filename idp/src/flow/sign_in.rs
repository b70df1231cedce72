//! Recognising a person: by password, by passkey.

use std::net::IpAddr;

use store::audit;
use verifier::time::Timestamp;

use crate::Idp;
use crate::account::attempts::{self, PasswordTry, Tried, Wait};
use crate::account::evidence::{Factor, acr};
use crate::account::passkey::{PasskeyError, Passkeys};
use crate::account::password::PasswordFailure;
use crate::account::{Login, Password};
use crate::assurance::{Amr, Authentication};
use crate::error::Error;
use crate::ids::PersonId;
use crate::session::live::Here;
use crate::storage::recognition::{self, At};
use crate::storage::{accounts, attempts as attempts_store, passkeys};

/// How long a device stays known.
pub(crate) const DEVICE_SECONDS: i64 = 400 * 86_400;

/// From where somebody tries.
#[derive(Clone, Copy)]
pub(crate) struct From<'a> {
    /// The client's address.
    pub(crate) source: Option<IpAddr>,
    /// The digest of the device that the browser says it is, or empty.
    pub(crate) device: &'a str,
    /// The request's number.
    pub(crate) incident: &'a str,
}

/// Somebody was recognised; nothing is written of it yet.
pub(crate) struct Recognised {
    pub(crate) person: PersonId,
    /// The identity level.
    pub(crate) level: i64,
    pub(crate) factor: Factor,
    /// What the try was counted in, unless at the person's own device alone.
    pub(crate) tried: Option<PasswordTry>,
    /// The hash of the password, where it was one: a session may come of it only as long as it is the person's.
    pub(crate) judged: Option<String>,
    /// What stands of the person at the client, where it was read: before the means was judged, so as old as that takes.
    pub(crate) here: Option<Here>,
    pub(crate) at: Timestamp,
}

impl Recognised {
    /// What the session is made of.
    pub(crate) fn authentication(&self, remember: bool) -> Authentication {
        Authentication {
            person: self.person.clone(),
            acr: acr(self.level, self.factor),
            amr: amr(self.factor),
            at: self.at,
            remember,
        }
    }
}

/// `amr` of a factor (RFC 8176 §2).
pub(crate) fn amr(factor: Factor) -> Vec<Amr> {
    match factor {
        Factor::Password => vec![Amr::Pwd],
        Factor::Code => vec![Amr::Sms],
        Factor::Passkey { synced } => vec![if synced { Amr::Swk } else { Amr::Hwk }, Amr::User, Amr::Mfa],
    }
}

/// Why nobody was recognised.
pub(crate) enum NotRecognised {
    /// Number and password do not match, or nobody has that number: nobody can tell which.
    Wrong,
    /// Tried too often.
    Wait(Wait),
    /// Too many passwords are being computed.
    Busy,
}

/// Recognises a person by number or phone and password. Known and unknown numbers take the same steps: one statement to
/// count and look, one hash, one row in the record.
pub(crate) async fn by_password(
    idp: &Idp,
    login: &Login,
    password: &Password,
    at: At<'_>,
    from: From<'_>,
) -> Result<Result<Recognised, NotRecognised>, Error> {
    let now = idp.sources().now();
    let fields = idp.field_keys(now)?;
    let mut tx = idp.db().begin().await?;
    let account = account_key(&fields.digest(login.kind(), &login.canonical()));
    let tried = PasswordTry::new(&account, from.source, from.device);
    let found = recognition::try_password(&mut tx, &fields, login, &tried, at, now).await?;
    tx.commit().await?;
    let found = match found {
        Ok(found) => found,
        Err(wait) => return Ok(Err(NotRecognised::Wait(wait))),
    };
    let kept = found.as_ref().and_then(|found| found.password.as_deref());
    match idp.people().passwords.fits(password, kept).await {
        Ok(true) => {}
        Ok(false) => {
            let mut tx = idp.db().begin().await?;
            let object = found.map(|found| format!("person:{}", found.person));
            refused(&mut tx, object, "signin.wrong", now, from.incident).await?;
            tx.commit().await?;
            return Ok(Err(NotRecognised::Wrong));
        }
        Err(PasswordFailure::Busy) => return Ok(Err(NotRecognised::Busy)),
        Err(PasswordFailure::Failed) => return Err(Error::Damaged("a password could not be hashed")),
    }
    let Some(found) = found else { return Ok(Err(NotRecognised::Wrong)) };
    Ok(Ok(Recognised {
        person: found.person,
        level: found.level,
        factor: Factor::Password,
        tried: (!found.on_device).then_some(tried),
        judged: found.password,
        here: Some(found.here),
        at: now,
    }))
}

/// Begins a sign-in by passkey: the options for the browser. With a login, the passkeys of whoever it leads to are named; for
/// one that leads to nobody, one that nobody has, always the same.
pub(crate) async fn begin_passkey(
    idp: &Idp,
    passkeys_of: &Passkeys,
    ceremony: &str,
    who: Option<&Login>,
    person: Option<&PersonId>,
    from: From<'_>,
) -> Result<Result<serde_json::Value, Wait>, Error> {
    let now = idp.sources().now();
    let fields = idp.field_keys(now)?;
    let mut tx = idp.db().begin().await?;
    let bucket = attempts::of_source(Tried::Passkey, from.source);
    if let Err(wait) = attempts_store::take(&mut tx, &[bucket], now).await? {
        tx.commit().await?;
        return Ok(Err(wait));
    }
    let mut allowed = Vec::new();
    let mut meant = person.cloned();
    if let Some(login) = who {
        let found = accounts::find(&mut tx, &fields, login).await?;
        meant = found.map(|found| found.person);
        let nobody = PersonId::stored(String::new());
        allowed = passkeys::allowed(&mut tx, meant.as_ref().unwrap_or(&nobody)).await?;
        if allowed.is_empty() {
            let digest = fields.digest("passkey_of_nobody", &login.canonical());
            let id = digest[digest.len() - 32..].to_vec();
            allowed.push((id, vec!["internal".to_owned(), "hybrid".to_owned()]));
        }
    } else if let Some(person) = person {
        allowed = passkeys::allowed(&mut tx, person).await?;
    }
    let begun = passkeys_of.begin_sign_in(&allowed).map_err(|_| Error::Damaged("a passkey ceremony"))?;
    passkeys::begin(&mut tx, ceremony, &begun.state, meant.as_ref(), now).await?;
    tx.commit().await?;
    Ok(Ok(begun.options))
}

/// Recognises a person by what a passkey answered, within `tx`. Commit whatever comes out: the challenge is spent.
pub(crate) async fn by_passkey(
    idp: &Idp,
    tx: &mut store::Tx,
    passkeys_of: &Passkeys,
    ceremony: &str,
    answer: &str,
    from: From<'_>,
) -> Result<Result<Recognised, PasskeyError>, Error> {
    let now = idp.sources().now();
    let Some((state, meant)) = passkeys::take(tx, ceremony, now).await? else {
        return Ok(Err(PasskeyError::Foreign));
    };
    let credential_id = match Passkeys::credential_id(answer) {
        Ok(id) => id,
        Err(error) => return Ok(Err(error)),
    };
    if meant.is_none() && !Passkeys::names_person(answer) {
        return Ok(Err(PasskeyError::Refused));
    }
    let Some((person, stored, level)) = passkeys::find(tx, &credential_id).await? else {
        refused(tx, None, "passkey.unknown", now, from.incident).await?;
        return Ok(Err(PasskeyError::Refused));
    };
    let judged = if meant.is_some_and(|meant| meant != person) {
        Err(PasskeyError::Refused)
    } else {
        passkeys_of.finish_sign_in(&state, answer, &stored)
    };
    let used = match judged {
        Ok(used) => used,
        Err(error) => {
            refused(tx, Some(format!("person:{person}")), passkey_code(error), now, from.incident).await?;
            return Ok(Err(error));
        }
    };
    if !passkeys::used(tx, &credential_id, &used, now).await? {
        refused(tx, Some(format!("person:{person}")), "passkey.counter", now, from.incident).await?;
        return Ok(Err(PasskeyError::Counter));
    }
    let factor = Factor::Passkey { synced: used.backup_eligible };
    Ok(Ok(Recognised { person, level, factor, tried: None, judged: None, here: None, at: now }))
}

/// Writes down a refused sign-in.
async fn refused(
    tx: &mut store::Tx,
    object: Option<String>,
    code: &str,
    now: Timestamp,
    incident: &str,
) -> Result<(), Error> {
    let mut row = audit::Row::new("anonymous", "session.sign_in", code, now).incident(incident);
    if let Some(object) = object {
        row = row.object(object);
    }
    Ok(audit::append(tx, &row).await?)
}

/// What of the sign-in is written down in its transaction: the tries given back, the device known, the row in the record. `false` if
/// the password was replaced while it was judged: then the transaction must be dropped, and [`replaced`] says so.
pub(crate) async fn settle(
    tx: &mut store::Tx,
    recognised: &Recognised,
    device: &str,
    action: &str,
    incident: &str,
) -> Result<bool, Error> {
    let known_until = recognised.at.plus(DEVICE_SECONDS);
    let Recognised { person, tried, judged, at, .. } = recognised;
    if !recognition::settle(tx, tried.as_ref(), judged.as_deref(), device, person, *at, known_until).await? {
        return Ok(false);
    }
    let row = audit::Row::new(recognised.person.as_str(), action, "done", recognised.at).incident(incident);
    audit::append(tx, &row).await?;
    Ok(true)
}

/// Writes down that a password was the wrong one, since it was replaced while it was judged.
pub(crate) async fn replaced(idp: &Idp, recognised: &Recognised, incident: &str) -> Result<(), Error> {
    let mut tx = idp.db().begin().await?;
    let object = Some(format!("person:{}", recognised.person));
    refused(&mut tx, object, "signin.wrong", recognised.at, incident).await?;
    Ok(tx.commit().await?)
}

/// The stable code of a refusal.
pub(crate) fn passkey_code(error: PasskeyError) -> &'static str {
    match error {
        PasskeyError::Unreadable => "passkey.unreadable",
        PasskeyError::Foreign => "passkey.foreign",
        PasskeyError::NotVerified => "passkey.not_verified",
        PasskeyError::BackupFlag => "passkey.backup_flag",
        PasskeyError::Counter => "passkey.counter",
        PasskeyError::Refused => "passkey.refused",
        PasskeyError::Unsupported => "passkey.unsupported",
        PasskeyError::Failed => "passkey.failed",
    }
}

/// A digest as text, for the key of a bucket.
pub(crate) fn account_key(digest: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest)
}
