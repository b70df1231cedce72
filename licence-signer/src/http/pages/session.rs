//! Who is signed in at the pages, and the frame that shows it.

use keys::sources::Sources;
use store::audit;
use store::page_sessions::{self, PageSessionError};
use verifier::time::Timestamp;
use web::page::{Acting, NavItem};
use web::page_session::{Rows, SignedIn};
use web::relying_party::Login;
use web::{Asker, Page, Problem};

use super::Pages;
use crate::LicenceSigner;
use crate::officer::{HolderSession, Officer, Rights};

/// The sessions' rows, in the service's own database and record.
pub(super) struct SessionRows {
    kept: page_sessions::PageSessions,
    sources: Sources,
}

impl SessionRows {
    pub(super) fn of(signer: &LicenceSigner) -> Self {
        let sources = signer.sources().clone();
        let kept = page_sessions::PageSessions::new(signer.db().clone(), signer.key_store().clone(), sources.clone());
        Self { kept, sources }
    }

    fn row(&self, who: &SignedIn, action: &str, incident: &str) -> audit::Row {
        let mut row = audit::Row::new(actor(who), action, "done", self.sources.now()).incident(incident);
        row.department = who.organisation.as_ref().map(|organisation| organisation.code.clone());
        row
    }
}

impl Rows for SessionRows {
    fn key_of(&self, cookie: &str) -> Vec<u8> {
        page_sessions::key_of(cookie)
    }

    async fn begin(&self, who: &SignedIn, expires_at: Timestamp, incident: &str) -> Result<String, Problem> {
        self.kept.begin(who, expires_at, &self.row(who, "session.sign_in", incident)).await.map_err(problem)
    }

    async fn find(&self, key: &[u8]) -> Result<Option<(SignedIn, Timestamp)>, Problem> {
        self.kept.find(key).await.map_err(problem)
    }

    async fn renew(&self, key: &[u8], who: &SignedIn, before: Timestamp) -> Result<bool, Problem> {
        self.kept.renew(key, who, before).await.map_err(problem)
    }

    async fn end(&self, key: &[u8], who: &SignedIn, action: &'static str, incident: &str) -> Result<(), Problem> {
        self.kept.end(key, &self.row(who, action, incident)).await.map_err(problem)
    }
}

fn problem(error: PageSessionError) -> Problem {
    if error.is_transient() { Problem::unavailable(2).cause(error) } else { Problem::internal(error) }
}

/// For the audit record: the mandate under which somebody acts, else the person's `sub` here.
fn actor(who: &SignedIn) -> String {
    match &who.mandate {
        Some(mandate) => format!("mandate:{}", mandate.id),
        None => format!("person:{}", who.person),
    }
}

/// Whether a renewed login is still the same person's, at a level that sees anything.
pub(super) fn still_may(login: &Login, who: &SignedIn) -> bool {
    login.identity.level() >= 2 && login.identity.person() == who.person
}

/// A live session with its cookie's value.
pub(super) struct Session {
    pub cookie: String,
    pub contents: SignedIn,
}

impl Session {
    /// As the audit record names who acts.
    pub(super) fn actor(&self) -> String {
        actor(&self.contents)
    }

    /// The name of the organisation acted for.
    pub(super) fn organisation(&self) -> Option<String> {
        self.contents.organisation_name().map(str::to_owned)
    }
}

impl Pages {
    /// The live session of this browser; idp is asked again where its word is old.
    pub(super) async fn session(&self, asker: &Asker) -> Result<Option<Session>, Problem> {
        let live = self.0.sessions.live(asker).await?;
        Ok(live.map(|live| Session { cookie: live.cookie, contents: live.signed_in }))
    }

    /// The holder whom the session stands for: the person, or the organisation acted for.
    pub(super) async fn holder(&self, session: &Session) -> Result<HolderSession, Problem> {
        Ok(self.signer().holder_session(&session.contents.sub, &session.actor()).await?)
    }

    /// The person behind a session that acts for an organisation, if he has signed in here as himself before.
    pub(super) async fn person(&self, session: &Session) -> Option<HolderSession> {
        if session.contents.person == session.contents.sub {
            return None;
        }
        self.signer().holder_session(&session.contents.person, &session.actor()).await.ok()
    }

    /// The clerk of a department; `None` where the session acts for nobody, or for no department of ours.
    pub(super) fn officer(&self, session: &Session) -> Option<Officer> {
        let mandate = session.contents.mandate.as_ref()?;
        let code = &session.contents.organisation.as_ref()?.code;
        let department = self.signer().department(code)?;
        let rights = Rights::of_mandate(mandate.matters.iter().cloned());
        Some(Officer::new(department, session.actor(), mandate.id.clone(), rights))
    }

    /// Puts head, navigation and the bar of whom one acts for around a page.
    pub(super) fn dress(&self, asker: &Asker, page: Page, session: &Session, here: &str) -> Page {
        let w = asker.words();
        let item = |href: &str, key: &str| NavItem::new(href, w.get(key), href == here);
        let items = if self.officer(session).is_some() {
            vec![item("/department", "signer-nav-department"), item("/", "signer-nav-mine")]
        } else {
            vec![
                item("/", "signer-nav-mine"),
                item("/who-looked", "signer-nav-looked"),
                NavItem::new(
                    format!("{}/account", self.signer().settings().issuer),
                    w.get("signer-nav-account"),
                    false,
                ),
            ]
        };
        let page = page.nav(items);
        Self::undressed(page, session)
    }

    /// As [`Pages::dress`] without navigation, for showing a code.
    pub(super) fn undressed(page: Page, session: &Session) -> Page {
        let page = page.who(&session.contents.name).bound_to(session.cookie.clone());
        match (&session.contents.mandate, session.organisation()) {
            (Some(mandate), Some(name)) => page.acting(&Acting {
                name,
                role: mandate.role.clone(),
                until: mandate.exp.map(Timestamp::from_seconds),
                change: Some("/login?switch=1".into()),
            }),
            _ => page,
        }
    }
}
