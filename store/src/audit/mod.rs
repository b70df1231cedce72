//! Who did what to whose data, in a record from which nothing can be taken unseen.
//!
//! Each flow that reads or changes somebody's data writes one [`Row`] in its own transaction ([`append`]). Rows come in
//! unordered; under a lease one process gives them places and chains them ([`sequence`]): each row's digest covers its
//! content and its predecessor's digest. [`verify`] walks the chain. No identity number, phone number or name
//! stands in a row: people and things are named by their ids.

mod chain;
pub(crate) mod row;
mod search;
mod verify;

pub use chain::{Head, SEQUENCER, head, run, sequence};
pub use row::Row;
pub use search::{Cursor, Filter, Found, export, search};
pub use verify::{Break, Verification, verify};

use verifier::time::Timestamp;

use crate::{StorageError, Tx};

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

/// Gives `row` to the transaction of what it tells of, so that neither is there without the other: the commit writes all of
/// a transaction's rows at once, before anything is durable.
///
/// # Errors
///
/// `Damaged` if a text is longer than 300 characters or holds NUL (flows bound what they take).
#[expect(
    clippy::unused_async,
    reason = "it was a statement of its own, and who calls it need not know that it is none"
)]
pub async fn append(tx: &mut Tx, row: &Row) -> Result<(), StorageError> {
    if !row.is_sound() {
        return Err(StorageError::Damaged("an audit row's text is too long or holds NUL"));
    }
    tx.note(row.clone());
    Ok(())
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
