//! Who did what to whose data, in a record from which nothing can be taken unseen.
//!
//! Each flow that reads or changes somebody's data writes one [`Row`] in its own transaction ([`append`]). Rows come in
//! unordered; under a lease one process gives them places and chains them ([`sequence`]): each row's digest covers its
//! content and its predecessor's digest. [`verify`] walks the chain. No identity number, phone number or name
//! stands in a row: people and things are named by their ids.

mod chain;
mod search;
mod verify;

pub use chain::{Head, SEQUENCER, head, run, sequence};
pub use search::{Cursor, Filter, Found, export, search};
pub use verify::{Break, Verification, verify};

use verifier::time::Timestamp;

use crate::{StorageError, Tx, on};

/// The tables of the audit record and of the leases; serves both databases. A step of each service's migrations.
pub const MIGRATION_SQL: &str = "
CREATE TABLE leases (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    held_until BIGINT NOT NULL,
    token BIGINT NOT NULL
);
CREATE TABLE audit (
    id TEXT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    department TEXT,
    action TEXT NOT NULL,
    matter TEXT,
    case_number TEXT,
    object TEXT,
    result TEXT NOT NULL,
    incident TEXT,
    place BIGINT,
    digest TEXT
);
CREATE UNIQUE INDEX audit_place ON audit (place);
CREATE INDEX audit_open ON audit (at, id) WHERE place IS NULL;
CREATE INDEX audit_at ON audit (at, id);
CREATE INDEX audit_actor ON audit (actor, at);
CREATE INDEX audit_object ON audit (object, at);
CREATE TABLE audit_head (
    chain TEXT NOT NULL PRIMARY KEY,
    size BIGINT NOT NULL,
    digest TEXT NOT NULL,
    token BIGINT NOT NULL
);
INSERT INTO audit_head (chain, size, digest, token) VALUES ('audit', 0, '', 0);
";

/// The longest text that one member may hold.
const MOST_CHARACTERS: usize = 300;

/// What one flow did, to be written in its transaction.
///
/// ```
/// # use store::audit::Row; use verifier::time::Timestamp;
/// let row = Row::new("person:9f2c", "licence.read", "done", Timestamp::from_seconds(1_767_225_600))
///     .department("11110000MB0000000X")
///     .object("licence:5d10");
/// assert_eq!(row.object.as_deref(), Some("licence:5d10"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Who: the id of a person, a client or the operator's account; `anonymous` where nobody is known.
    pub actor: String,
    /// For which organisation or department (its code or id), when the actor acts for one.
    pub department: Option<String>,
    /// What, as a stable word: `session.sign_in`, `licence.issue`, `licence.lookup`.
    pub action: String,
    /// The code of the matter (事项) in whose name it was done.
    pub matter: Option<String>,
    /// The case number (办件编号).
    pub case: Option<String>,
    /// The thing or person concerned, by id.
    pub object: Option<String>,
    /// How it ended: `done`, or the stable code of the refusal.
    pub result: String,
    /// When.
    pub at: Timestamp,
    /// The incident number that page and log show.
    pub incident: Option<String>,
}

impl Row {
    /// A row with what every one has.
    pub fn new(actor: impl Into<String>, action: impl Into<String>, result: impl Into<String>, at: Timestamp) -> Self {
        Self {
            actor: actor.into(),
            department: None,
            action: action.into(),
            matter: None,
            case: None,
            object: None,
            result: result.into(),
            at,
            incident: None,
        }
    }

    /// With the department or organisation acted for.
    #[must_use]
    pub fn department(mut self, department: impl Into<String>) -> Self {
        self.department = Some(department.into());
        self
    }

    /// With the matter's code.
    #[must_use]
    pub fn matter(mut self, matter: impl Into<String>) -> Self {
        self.matter = Some(matter.into());
        self
    }

    /// With the case number.
    #[must_use]
    pub fn case(mut self, case: impl Into<String>) -> Self {
        self.case = Some(case.into());
        self
    }

    /// With the object's id.
    #[must_use]
    pub fn object(mut self, object: impl Into<String>) -> Self {
        self.object = Some(object.into());
        self
    }

    /// With the incident number.
    #[must_use]
    pub fn incident(mut self, incident: impl Into<String>) -> Self {
        self.incident = Some(incident.into());
        self
    }

    /// Its texts in the order in which columns and digest hold them.
    fn texts(&self) -> [Option<&str>; 8] {
        [
            Some(&self.actor),
            self.department.as_deref(),
            Some(&self.action),
            self.matter.as_deref(),
            self.case.as_deref(),
            self.object.as_deref(),
            Some(&self.result),
            self.incident.as_deref(),
        ]
    }
}

/// Writes a row; the database makes its id.
pub(crate) const APPEND_SQLITE: &str = "INSERT INTO audit
    (id, at, actor, department, action, matter, case_number, object, result, incident)
    VALUES (lower(hex(randomblob(16))), $1, $2, $3, $4, $5, $6, $7, $8, $9)";
/// As [`APPEND_SQLITE`], for PostgreSQL.
pub(crate) const APPEND_POSTGRES: &str = "INSERT INTO audit
    (id, at, actor, department, action, matter, case_number, object, result, incident)
    VALUES (replace(cast(gen_random_uuid() AS TEXT), '-', ''), $1, $2, $3, $4, $5, $6, $7, $8, $9)";

/// Writes `row` in the transaction of what it tells of, so that neither is there without the other.
///
/// # Errors
///
/// `Damaged` if a text is longer than 300 characters or holds NUL (flows bound what they take); else what the
/// database answers.
pub async fn append(tx: &mut Tx, row: &Row) -> Result<(), StorageError> {
    let texts = row.texts();
    if texts.iter().flatten().any(|text| text.contains('\0') || text.chars().count() > MOST_CHARACTERS) {
        return Err(StorageError::Damaged("an audit row's text is too long or holds NUL"));
    }
    let sql = if tx.is_postgres() { APPEND_POSTGRES } else { APPEND_SQLITE };
    let [actor, department, action, matter, case, object, result, incident] = texts;
    on!(tx, c => sqlx::query(sql).bind(row.at.seconds()).bind(actor).bind(department).bind(action).bind(matter)
        .bind(case).bind(object).bind(result).bind(incident).execute(c).await.map(drop))
}

/// The statements of this module's files, for [`crate::statements`].
pub(crate) const STATEMENTS: [(&str, &str); 8] = [
    ("audit.head", chain::HEAD),
    ("audit.open", chain::OPEN),
    ("audit.place", chain::PLACE),
    ("audit.move", chain::MOVE),
    ("audit.walk", verify::WALK),
    ("audit.window", verify::WINDOW),
    ("audit.beyond", verify::BEYOND),
    ("audit.search", search::SEARCH),
];

/// A row as it is stored.
#[derive(Clone, sqlx::FromRow)]
struct Stored {
    id: String,
    at: i64,
    actor: String,
    department: Option<String>,
    action: String,
    matter: Option<String>,
    case_number: Option<String>,
    object: Option<String>,
    result: String,
    incident: Option<String>,
    place: Option<i64>,
    digest: Option<String>,
}

impl From<Stored> for Row {
    fn from(stored: Stored) -> Self {
        Self {
            actor: stored.actor,
            department: stored.department,
            action: stored.action,
            matter: stored.matter,
            case: stored.case_number,
            object: stored.object,
            result: stored.result,
            at: Timestamp::from_seconds(stored.at),
            incident: stored.incident,
        }
    }
}
