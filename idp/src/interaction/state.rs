//! An authorization request and where it stands.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use verifier::time::Timestamp;

use crate::Idp;
use crate::assurance::Acr;
use crate::client::Client;
use crate::ids::{InteractionId, MandateId, SessionId};
use crate::session::live::{Here, Seen};

/// How long the pages of one sign-in stay usable.
pub const LIFE_SECONDS: i64 = 3_600;

/// A value of `prompt` (OpenID Connect Core §3.1.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// No page may be shown.
    None,
    /// Sign in again.
    Login,
    /// Ask for consent again.
    Consent,
    /// Let the person choose an account.
    SelectAccount,
}

/// How the answer reaches the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    #[default]
    Query,
    /// By a form that posts itself (OAuth 2.0 Form Post Response Mode).
    FormPost,
}

/// Single claims asked for by the parameter `claims` (OpenID Connect Core §5.5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimsAsked {
    /// Wanted from userinfo.
    #[serde(default)]
    pub userinfo: BTreeSet<String>,
    /// Wanted in the ID token.
    #[serde(default)]
    pub id_token: BTreeSet<String>,
    /// `acr` values one of which is essential.
    #[serde(default)]
    pub essential_acr: Vec<String>,
}

/// A checked authorization request; redirect URI and client have been proven to belong together.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Request {
    /// `redirect_uri`, the registered bytes.
    pub redirect_uri: String,
    /// Whether the request named it (it must then come back at the token endpoint).
    pub redirect_uri_sent: bool,
    /// `response_mode`.
    pub response_mode: ResponseMode,
    /// `state`.
    pub state: Option<String>,
    /// `nonce`.
    pub nonce: Option<String>,
    /// `scope`, those that the client may ask for.
    pub scope: Vec<String>,
    /// `prompt`.
    pub prompt: BTreeSet<Prompt>,
    /// `max_age` in seconds.
    pub max_age: Option<i64>,
    /// `acr_values`.
    pub acr_values: Vec<String>,
    /// `claims`.
    pub claims: ClaimsAsked,
    /// `ui_locales`.
    pub ui_locales: Option<String>,
    /// `code_challenge` of S256.
    pub code_challenge: Option<String>,
    /// `resource` (RFC 8707).
    pub resources: Vec<String>,
    /// The subject that must come out: of `id_token_hint` or of `claims`.
    pub subject: Option<String>,
}

/// For whom the person acts in this interaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acting {
    /// For nobody else.
    Self_,
    /// For an organisation, by this mandate.
    Mandate(MandateId),
}

/// Who asked.
#[derive(Clone, Debug)]
pub enum Asker {
    /// A client, by an authorization request.
    Client(Arc<Client>),
    /// One of our own pages, which wants a signed-in person and lies at this path.
    Page(String),
}

/// A pending interaction of one browser.
#[derive(Clone, Debug)]
pub struct Interaction {
    /// Its id, in the path of its pages.
    pub id: InteractionId,
    /// Who asked.
    pub asker: Asker,
    /// What was asked.
    pub request: Request,
    /// `login_hint`, whatever it is; never in a log or URL of ours.
    pub login_hint: Option<String>,
    /// When the request came.
    pub created_at: Timestamp,
    /// The session that it goes on with, once one is chosen or made.
    pub(crate) session: Option<SessionId>,
    /// The session that a sign-in of this very request made: no need to read it again.
    pub(crate) fresh: Option<Seen>,
    /// When somebody signed in within this interaction.
    pub(crate) authenticated_at: Option<Timestamp>,
    /// For whom to act, once chosen.
    pub(crate) acting: Option<Acting>,
    /// When consent was given within this interaction.
    pub(crate) consented_at: Option<Timestamp>,
    /// Whether the row is in the database already.
    pub(crate) stored: bool,
}

impl Interaction {
    /// The client that asked, if it was one.
    pub fn client(&self) -> Option<&Client> {
        match &self.asker {
            Asker::Client(client) => Some(client),
            Asker::Page(_) => None,
        }
    }

    /// The lowest level that the request would be content with, if it named any that is known.
    pub fn wanted_acr(&self) -> Option<Acr> {
        let essential = self.request.claims.essential_acr.iter();
        essential.chain(&self.request.acr_values).filter_map(|value| Acr::parse(value)).min()
    }

    /// Whether somebody has signed in within this interaction already.
    pub fn is_signed_in(&self) -> bool {
        self.authenticated_at.is_some()
    }

    /// The session that it goes on with, once one is chosen or made.
    pub fn session(&self) -> Option<&SessionId> {
        self.session.as_ref()
    }

    /// For whom to act, once chosen.
    pub fn acting(&self) -> Option<&Acting> {
        self.acting.as_ref()
    }

    /// Somebody signed in ([`crate::session::sign_in`] calls this).
    pub(crate) fn signed_in(&mut self, seen: Seen, at: Timestamp) {
        if self.session.as_ref() != Some(&seen.session.id) {
            self.acting = None;
            self.consented_at = None;
        }
        self.session = Some(seen.session.id.clone());
        self.fresh = Some(seen);
        self.authenticated_at = Some(at);
    }

    /// What stands of the person who has just signed in at the client, where the sign-in has read it.
    pub(crate) fn stands(&mut self, here: Option<Here>) {
        if let Some(fresh) = &mut self.fresh {
            fresh.here = here;
        }
    }

    /// The person chose a live session of this browser in the picker. Whether it is one is checked when it goes on. A sign-in
    /// of another one within this interaction says nothing of it.
    pub fn choose_session(&mut self, session: SessionId) {
        if self.session.as_ref() != Some(&session) {
            self.authenticated_at = None;
        }
        self.session = Some(session);
        self.acting = None;
        self.consented_at = None;
    }

    /// The person chose for whom to act. Whether the mandate is the person's and live is checked when it goes on.
    pub fn choose_acting(&mut self, acting: Acting) {
        self.acting = Some(acting);
        self.consented_at = None;
    }

    /// Starts over without a session: the picker's "another account".
    pub fn forget_session(&mut self) {
        self.session = None;
        self.fresh = None;
        self.authenticated_at = None;
        self.acting = None;
        self.consented_at = None;
        self.request.prompt.insert(Prompt::Login);
    }
}

impl Interaction {
    pub(crate) fn new(
        idp: &Idp,
        asker: Asker,
        request: Request,
        login_hint: Option<String>,
        now: Timestamp,
    ) -> Result<Self, keys::sources::RandomError> {
        Ok(Self {
            id: InteractionId::random(idp.sources())?,
            asker,
            request,
            login_hint,
            created_at: now,
            session: None,
            fresh: None,
            authenticated_at: None,
            acting: None,
            consented_at: None,
            stored: false,
        })
    }
}
