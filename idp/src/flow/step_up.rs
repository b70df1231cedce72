//! How somebody who is signed in reaches a higher level: which way is open to him.

use store::Tx;

use crate::Idp;
use crate::account::evidence::{Factor, acr};
use crate::assurance::Acr;
use crate::browser::Browser;
use crate::error::Error;
use crate::interaction::{Interaction, Prompt};
use crate::session::{self, Session};
use crate::storage::{accounts, passkeys};

/// How a signed-in person reaches the level that was asked for.
pub(crate) struct Lift {
    pub(crate) session: Session,
    pub(crate) wanted: Acr,
    pub(crate) way: Way,
}

/// The next step to a higher level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// By a code to the phone, which raises to level 2.
    Confirm,
    /// By a code to the phone, since a passkey is to be made and the sign-in rests on a password alone.
    Prove,
    /// By signing in with a passkey that there is.
    Use,
    /// By making a passkey: the sign-in is fresh and rests on more than a password.
    Make,
}

impl Way {
    /// `None` where no way leads there, or an ordinary sign-in does.
    pub(crate) async fn of(idp: &Idp, tx: &mut Tx, session: &Session, wanted: Acr) -> Result<Option<Self>, Error> {
        if session.acr >= wanted {
            return Ok(None);
        }
        let has_codes = idp.settings().registers.phone.is_some();
        let level = accounts::level(tx, &session.person).await?;
        if level < 2 {
            return Ok(has_codes.then_some(Self::Confirm));
        }
        if acr(level, Factor::Password) >= wanted || idp.people().passkeys.is_none() {
            return Ok(None);
        }
        if !passkeys::allowed(tx, &session.person).await?.is_empty() {
            return Ok(Some(Self::Use));
        }
        let may_make = session.may_change_passkeys(idp.sources().now());
        Ok(if may_make { Some(Self::Make) } else { has_codes.then_some(Self::Prove) })
    }

    /// Whether the next step is a code.
    pub(crate) const fn is_a_code(self) -> bool {
        matches!(self, Self::Confirm | Self::Prove)
    }
}

impl Lift {
    /// `None` where the person signs in (again) as usual.
    pub(crate) async fn of(
        idp: &Idp,
        tx: &mut Tx,
        interaction: &Interaction,
        browser: &Browser,
    ) -> Result<Option<Self>, Error> {
        let now = idp.sources().now();
        let (Some(wanted), Some(id)) = (interaction.wanted_acr(), interaction.session()) else { return Ok(None) };
        let forced = interaction.request.prompt.contains(&Prompt::Login) || interaction.request.max_age.is_some();
        if forced && !interaction.is_signed_in() {
            return Ok(None);
        }
        let sessions = session::of_browser(tx, browser, now).await?;
        let Some(session) = sessions.into_iter().find(|session| session.id == *id && session.acr < wanted) else {
            return Ok(None);
        };
        let way = Way::of(idp, tx, &session, wanted).await?;
        Ok(way.map(|way| Self { session, wanted, way }))
    }
}
