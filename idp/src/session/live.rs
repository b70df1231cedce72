//! A session, and what a sign-in leaves to be sent.

use verifier::time::Timestamp;

use crate::assurance::{Acr, Amr};
use crate::digest;
use crate::ids::{ClientId, PersonId, SessionId};

/// The most persons that stay signed in side by side in one browser; the oldest sign-in ends first.
pub const MAX_PER_BROWSER: usize = 5;

/// A live session, as it was stored.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub person: PersonId,
    /// How surely the person was recognised.
    pub acr: Acr,
    /// By what means.
    pub amr: Vec<Amr>,
    /// When: `auth_time`.
    pub auth_time: Timestamp,
    /// When the session began.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// The browser in a few words, for the person's own list.
    pub device: String,
    /// What `sid`s are made from.
    pub(crate) sid_salt: String,
}

/// For how long a sign-in is fresh enough to change the means to sign in.
pub(crate) const FRESH_SECONDS: i64 = 300;

impl Session {
    /// Whether its sign-in is fresh enough to change the means to sign in.
    pub(crate) fn is_fresh(&self, now: Timestamp) -> bool {
        now.since(self.auth_time) <= FRESH_SECONDS
    }

    /// Whether a passkey may be made or removed in it: its fresh sign-in rests on a passkey or on a code to the phone that a register
    /// holds for the person. A password alone must not become level 3, nor take it away (decision 6).
    pub(crate) fn may_change_passkeys(&self, now: Timestamp) -> bool {
        let proves = |amr: &Amr| matches!(amr, Amr::Sms | Amr::Hwk | Amr::Swk);
        self.is_fresh(now) && self.amr.iter().any(proves)
    }

    /// `sid` for a client and subject (Back-Channel Logout 1.0 §2.1): another one for each, never seen again after the
    /// session's end.
    pub fn sid(&self, client: &ClientId, sub: &str) -> String {
        digest::parts(&["sid", &self.sid_salt, client.as_str(), sub])[..22].to_owned()
    }
}

/// What a sign-in leaves to be sent: the browser's new secret.
#[must_use = "the browser must be sent its new cookie"]
pub struct SignedIn {
    /// The session.
    pub session: SessionId,
    /// The browser's new secret, for its cookie.
    pub(crate) secret: String,
    /// How long the cookie lives.
    pub(crate) life_seconds: i64,
}

impl std::fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SignedIn({})", self.session)
    }
}

/// What stands of a person at a client, as long as he acts for nobody else; read together with who he is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Here {
    /// The `sub`, if one was made already.
    pub(crate) sub: Option<String>,
    /// The scopes that were consented to, as they are stored.
    pub(crate) consented: Option<String>,
    /// Whether there is anyone to act for.
    pub(crate) has_mandates: bool,
}

/// A session, with what stands of its person at the client that asks, where that was read.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) session: Session,
    pub(crate) here: Option<Here>,
}
