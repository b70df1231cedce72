//! The holder of an account hears by message when its means to sign in change: whoever did not do it can act at once.

use verifier::subject::IdNumber;
use verifier::time::Timestamp;
use web::Lang;
use web::page::dates;

use crate::Idp;
use crate::account::registers;
use crate::error::Error;
use crate::ids::PersonId;
use crate::storage::{accounts, people};
use crate::token::claims;

/// What has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// A passkey was added.
    PasskeyAdded,
    /// A passkey was removed.
    PasskeyRemoved,
    /// A password was set.
    PasswordSet,
    /// The means to sign in were replaced after a code.
    NewMeans,
}

impl Change {
    const fn key(self) -> &'static str {
        match self {
            Self::PasskeyAdded => "notice-passkey-added",
            Self::PasskeyRemoved => "notice-passkey-removed",
            Self::PasswordSet => "notice-password-set",
            Self::NewMeans => "notice-new-means",
        }
    }
}

/// Tells the holder of the number, after the commit. Where no operator of phones answers, the change stands all the same: the account
/// page lists each means with its time. `device` comes from a fixed list of words, so that nobody writes the message but we. A task of its own sends it: whoever hangs up silences nothing.
pub(crate) async fn holder(idp: &Idp, person: &PersonId, change: Change, device: &str) {
    if idp.settings().registers.phone.is_none() {
        return;
    }
    let (idp, person, device) = (idp.clone(), person.clone(), device.to_owned());
    let sent = tokio::spawn(async move {
        if let Err(error) = send(&idp, &person, change, &device, idp.sources().now()).await {
            tracing::warn!(%error, person = person.as_str(), "a notice was not sent");
        }
    });
    if sent.await.is_err() {
        tracing::warn!("a notice was not sent: its task has ended");
    }
}

async fn send(idp: &Idp, person: &PersonId, change: Change, device: &str, now: Timestamp) -> Result<(), Error> {
    let mut tx = idp.db().reader().await?;
    // Below level 2 the account is no proven holder's, and the number's holder has nothing to do with it.
    if accounts::level(&mut tx, person).await? < 2 {
        return Ok(());
    }
    let Some(sealed) = people::sealed(&mut tx, person).await? else { return Ok(()) };
    drop(tx);
    let known = claims::Person::open(&idp.field_keys(now)?, person, &sealed)?;
    let number = known.document.and_then(|(_, number)| number.parse::<IdNumber>().ok());
    let Some(number) = number else { return Ok(()) };
    let lang = known.locale.as_deref().and_then(Lang::from_tag).unwrap_or_default();
    let words = idp.site().vocabulary.words(lang);
    let time = dates::instant(lang, now);
    let device = if device.is_empty() { words.get("notice-device-unknown").into_owned() } else { device.to_owned() };
    let text = words.with(change.key(), &[("time", &time), ("device", &device)]).into_owned();
    if let Err(error) = registers::notify_holder(idp, &number, &text, now).await {
        tracing::warn!(%error, "the operator of phones took no notice");
    }
    Ok(())
}
