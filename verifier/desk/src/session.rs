//! A clerk's session at the desk: for which department idp vouches for whom, and the case worked on.

use keys::sources::Sources;
use store::audit;
use store::page_sessions::{self, PageSessionError};
use verifier::time::Timestamp;
use web::Problem;
use web::page_session::{PageSession, Rows, SignedIn};
use web::relying_party::Login;

use crate::storage::cases::Case;

/// How long a clerk's session lives: a working day.
pub(crate) const SESSION_SECONDS: i64 = 10 * 3_600;

/// A session of a clerk who is signed in at our idp and acts for a department.
#[derive(Clone)]
pub(crate) struct Session {
    /// The key of its row.
    pub key: Vec<u8>,
    /// Credit code of the department that the clerk acts for.
    pub department: String,
    /// Its name.
    pub department_name: String,
    /// The clerk's own `sub` at the desk.
    pub clerk: String,
    /// Tokens and name.
    pub secrets: SignedIn,
    /// What the clerk works on.
    pub case: Option<Case>,
}

impl Session {
    /// Of what idp vouches for; `None` where it acts for nobody.
    pub(crate) fn of(found: PageSession, case: Option<Case>) -> Option<Self> {
        let PageSession { key, signed_in: secrets, .. } = found;
        let department = secrets.organisation.as_ref()?.code.clone();
        let department_name = secrets.organisation_name()?.to_owned();
        Some(Self { key, department, department_name, clerk: secrets.person.clone(), secrets, case })
    }
}

/// Whether a login acts for a department, at a level that may, and lets verify.
pub(crate) fn may_verify(login: &Login) -> bool {
    let identity = &login.identity;
    identity.level() >= 2
        && identity.act.is_some()
        && identity.organisation.is_some()
        && identity.mandate.as_ref().is_some_and(|mandate| mandate.matters.iter().any(|matter| matter == "verify"))
}

/// Whether a renewed login is still the clerk's, for the same department, and lets verify.
pub(crate) fn still_may(login: &Login, who: &SignedIn) -> bool {
    let code = |organisation: &Option<web::claims::Organisation>| organisation.as_ref().map(|o| o.code.clone());
    may_verify(login)
        && login.identity.person() == who.person
        && code(&login.identity.organisation) == code(&who.organisation)
}

/// The sessions' rows, in the desk's own database and record.
pub(crate) struct SessionRows {
    pub kept: page_sessions::PageSessions,
    pub sources: Sources,
}

impl SessionRows {
    fn row(&self, who: &SignedIn, action: &str, incident: &str) -> audit::Row {
        let actor = format!("clerk:{}", who.person);
        let mut row = audit::Row::new(actor, action, "done", self.sources.now()).incident(incident);
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
