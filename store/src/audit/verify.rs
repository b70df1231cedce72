//! Whether the record is whole.

use verifier::time::Timestamp;

use super::Stored;
use super::chain::{Head, digest, head};
use crate::{Db, StorageError, on};

/// The first place at which the record is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Break {
    /// No row stands at this place, though later ones do or the head says so: taken away, or moved.
    Missing {
        /// The place.
        place: i64,
    },
    /// The row at this place, or one that its digest rests on, is not the one that was chained.
    Changed {
        /// The place.
        place: i64,
    },
    /// Rows are chained behind the stored head: the head was set back.
    BeyondHead {
        /// Rows that the stored head tells of.
        size: i64,
    },
    /// The stored head does not belong to the last row.
    Head,
    /// The head that the caller had written down is not in this chain: cut off, or written anew.
    Known {
        /// Rows that the caller's head tells of.
        size: i64,
    },
}

impl std::fmt::Display for Break {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing { place } => write!(f, "the row at place {place} is missing"),
            Self::Changed { place } => write!(f, "the row at place {place} is not the one that was chained"),
            Self::BeyondHead { size } => write!(f, "rows stand behind place {size}, where the stored head ends"),
            Self::Head => f.write_str("the stored head does not belong to the last row"),
            Self::Known { size } => write!(f, "the head that was given for {size} rows is not in this chain"),
        }
    }
}

/// What a walk over the whole record found.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Verification {
    /// The head up to which was walked: to be written down elsewhere.
    pub head: Head,
    /// Rows whose digest was recomputed and agrees.
    pub checked: i64,
    /// The first break, or none.
    pub first_break: Option<Break>,
    /// Rows that no place covers yet, so that their absence could not be noticed.
    pub open_rows: i64,
    /// When the oldest of those was written.
    pub open_since: Option<Timestamp>,
}

impl Verification {
    /// Whether nothing is broken; rows in the open window are no break.
    pub fn is_whole(&self) -> bool {
        self.first_break.is_none()
    }
}

const PAGE: i64 = 500;

/// A page of the chain.
pub(crate) const WALK: &str =
    "SELECT id, at, actor, department, action, matter, case_number, object, result, incident, place,
    digest FROM audit WHERE place > $1 AND place <= $2 ORDER BY place LIMIT $3";
/// The open window.
pub(crate) const WINDOW: &str = "SELECT count(*), min(at) FROM audit WHERE place IS NULL";
/// Rows behind the head, in one look at both.
pub(crate) const BEYOND: &str = "SELECT count(*) FROM audit
    WHERE place > (SELECT size FROM audit_head WHERE chain = 'audit')";

/// Walks the chain in pages and reports the first break and the window still open; `known` is a head that the caller
/// kept elsewhere, without which cutting off the end *and* setting the head back stays unseen.
///
/// # Errors
///
/// What the database answers. A break is no error.
pub async fn verify(db: &Db, known: Option<&Head>) -> Result<Verification, StorageError> {
    let mut reader = db.reader().await?;
    let head = head(&mut reader).await?;
    let mut walk = Walk { at: Head::default(), known, known_seen: known.is_none_or(|known| known.size == 0) };
    let mut first_break = None;
    while first_break.is_none() && walk.at.size < head.size {
        let rows: Vec<Stored> = on!(&mut reader, c => sqlx::query_as(WALK)
            .bind(walk.at.size).bind(head.size).bind(PAGE).fetch_all(c).await)?;
        first_break = if rows.is_empty() {
            Some(Break::Missing { place: walk.at.size + 1 })
        } else {
            rows.iter().find_map(|row| walk.step(row))
        };
    }
    let (beyond,): (i64,) = on!(&mut reader, c => sqlx::query_as(BEYOND).fetch_one(c).await)?;
    let (open_rows, since): (i64, Option<i64>) = on!(&mut reader, c => sqlx::query_as(WINDOW).fetch_one(c).await)?;
    let first_break = first_break
        .or_else(|| (head != walk.at).then_some(Break::Head))
        .or_else(|| (beyond > 0).then_some(Break::BeyondHead { size: head.size }))
        .or_else(|| known.filter(|_| !walk.known_seen).map(|known| Break::Known { size: known.size }));
    Ok(Verification {
        head,
        checked: walk.at.size,
        first_break,
        open_rows,
        open_since: since.map(Timestamp::from_seconds),
    })
}

struct Walk<'a> {
    at: Head,
    known: Option<&'a Head>,
    known_seen: bool,
}

impl Walk<'_> {
    fn step(&mut self, row: &Stored) -> Option<Break> {
        let place = self.at.size + 1;
        if row.place != Some(place) {
            return Some(Break::Missing { place });
        }
        let digest = digest(&self.at.digest, place, row);
        if row.digest.as_deref() != Some(&digest) {
            return Some(Break::Changed { place });
        }
        self.at = Head { size: place, digest };
        if self.known == Some(&self.at) {
            self.known_seen = true;
        } else if self.known.is_some_and(|known| known.size == place) {
            return Some(Break::Known { size: place });
        }
        None
    }
}
