//! Who stands behind a `sub` in our sector.

use store::{StorageError, Tx, on};
use verifier::time::Timestamp;

use super::digests::{Digests, with_digests};

const SAVE: &str = "INSERT INTO subjects (sub, kind, code_digest, department, seen_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (sub) DO UPDATE SET kind = excluded.kind, code_digest = excluded.code_digest,
    department = excluded.department, seen_at = excluded.seen_at";
const DEPARTMENT: &str = "SELECT department FROM subjects WHERE sub = $1";
const FORGET: &str = "DELETE FROM subject_digests WHERE sub = $1";
const ADD_DIGESTS: &str = "INSERT INTO subject_digests (sub, digest) VALUES ($1, $2), ($1, $3), ($1, $4), ($1, $5),
    ($1, $6), ($1, $7), ($1, $8), ($1, $9) ON CONFLICT (sub, digest) DO NOTHING";
const DIGESTS: &str = "SELECT digest FROM subject_digests WHERE sub = $1
    UNION SELECT code_digest FROM subjects WHERE sub = $1 LIMIT 8";
const LINK: &str = "INSERT INTO subject_digests (sub, digest) SELECT sub, $1 FROM subject_digests
    WHERE digest IN ($2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (sub, digest) DO NOTHING";

/// What userinfo said of a `sub`.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// `person` or `organisation`.
    pub(crate) kind: &'static str,
    /// Keyed digests of its number.
    pub(crate) digests: Digests,
    /// The credit code, of an organisation.
    pub(crate) department: Option<String>,
}

/// Keeps what userinfo said, in place of what it said before.
pub(crate) async fn save(tx: &mut Tx, sub: &str, subject: &Subject, now: Timestamp) -> Result<(), StorageError> {
    on!(&mut *tx, c => sqlx::query(SAVE).bind(sub).bind(subject.kind).bind(subject.digests.current())
        .bind(&subject.department).bind(now.seconds()).execute(c).await.map(drop))?;
    on!(&mut *tx, c => sqlx::query(FORGET).bind(sub).execute(c).await.map(drop))?;
    on!(tx, c => with_digests!(sqlx::query(ADD_DIGESTS).bind(sub), subject.digests)
        .execute(c).await.map(drop))
}

/// The digests of the number behind a `sub`; `None` for one that is not known.
pub(crate) async fn digests(tx: &mut Tx, sub: &str) -> Result<Option<Digests>, StorageError> {
    let rows: Vec<(Vec<u8>,)> = on!(tx, c => sqlx::query_as(DIGESTS).bind(sub).fetch_all(c).await)?;
    Ok(Digests::new(rows.into_iter().map(|(digest,)| digest).collect()))
}

/// The credit code of the organisation behind a `sub`.
pub(crate) async fn department(tx: &mut Tx, sub: &str) -> Result<Option<String>, StorageError> {
    let row: Option<(Option<String>,)> = on!(tx, c => sqlx::query_as(DEPARTMENT).bind(sub).fetch_optional(c).await)?;
    Ok(row.and_then(|(department,)| department))
}

/// Whoever is known by an older digest of a number is known by the one in use too.
pub(crate) async fn link(tx: &mut Tx, number: &Digests) -> Result<(), StorageError> {
    on!(tx, c => with_digests!(sqlx::query(LINK).bind(number.current()), number)
        .execute(c).await.map(drop))
}
