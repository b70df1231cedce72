//! Finding rows, and carrying them out of the house.

use std::io::Write;

use verifier::time::Timestamp;

use super::{Row, Stored};
use crate::{Db, StorageError, Tx, on};

/// Which rows; what is `None` does not narrow.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Done by this actor.
    pub actor: Option<String>,
    /// For this department.
    pub department: Option<String>,
    /// This action, or all that begin with it and a dot (`licence` finds `licence.issue`).
    pub action: Option<String>,
    /// Concerning this object.
    pub object: Option<String>,
    /// In this case.
    pub case: Option<String>,
    /// With this incident number.
    pub incident: Option<String>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
}

/// Where a page ended: the next one begins behind it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Cursor {
    at: Timestamp,
    id: String,
}

/// A row that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its id.
    pub id: String,
    /// Its place in the chain, once it has one.
    pub place: Option<i64>,
    /// Its digest, once it has one.
    pub digest: Option<String>,
    /// What it says.
    pub row: Row,
}

impl Found {
    /// Where a next page would begin.
    pub fn cursor(&self) -> Cursor {
        Cursor { at: self.row.at, id: self.id.clone() }
    }

    /// One line of JSON, without the line's end.
    pub fn to_json(&self) -> String {
        let row = &self.row;
        serde_json::json!({
            "id": self.id, "place": self.place, "digest": self.digest, "at": row.at.to_string(), "actor": row.actor,
            "department": row.department, "action": row.action, "matter": row.matter, "case": row.case,
            "object": row.object, "result": row.result, "incident": row.incident,
        })
        .to_string()
    }
}

impl From<Stored> for Found {
    fn from(stored: Stored) -> Self {
        Self { id: stored.id.clone(), place: stored.place, digest: stored.digest.clone(), row: Row::from(stored) }
    }
}

/// The longest page.
const MOST: i64 = 200;

/// The newest rows first.
pub(crate) const SEARCH: &str =
    "SELECT id, at, actor, department, action, matter, case_number, object, result, incident,
    place, digest FROM audit
    WHERE (cast($1 AS TEXT) IS NULL OR actor = $1)
      AND (cast($2 AS TEXT) IS NULL OR department = $2)
      AND (cast($3 AS TEXT) IS NULL OR action = $3 OR substr(action, 1, length($3) + 1) = $3 || '.')
      AND (cast($4 AS TEXT) IS NULL OR object = $4)
      AND (cast($5 AS TEXT) IS NULL OR case_number = $5)
      AND (cast($6 AS TEXT) IS NULL OR incident = $6)
      AND at >= $7 AND at < $8
      AND (at < $9 OR (at = $9 AND id < $10))
    ORDER BY at DESC, id DESC LIMIT $11";

/// The newest rows first, at most `limit` (200 are the most), behind `after`.
///
/// # Errors
///
/// What the database answers.
pub async fn search(
    tx: &mut Tx,
    filter: &Filter,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<Found>, StorageError> {
    let (at, id) = after.map_or((i64::MAX, ""), |cursor| (cursor.at.seconds(), cursor.id.as_str()));
    let rows: Vec<Stored> = on!(tx, c => sqlx::query_as(SEARCH)
        .bind(filter.actor.as_deref()).bind(filter.department.as_deref()).bind(filter.action.as_deref())
        .bind(filter.object.as_deref()).bind(filter.case.as_deref()).bind(filter.incident.as_deref())
        .bind(filter.from.map_or(i64::MIN, Timestamp::seconds))
        .bind(filter.until.map_or(i64::MAX, Timestamp::seconds))
        .bind(at).bind(id).bind(limit.clamp(1, MOST)).fetch_all(c).await)?;
    Ok(rows.into_iter().map(Found::from).collect())
}

/// Writes all rows that `filter` finds to `out`, one JSON object a line, newest first; answers how many.
///
/// # Errors
///
/// `Export` if `out` takes no more; else what the database answers.
pub async fn export(db: &Db, filter: &Filter, out: &mut (dyn Write + Send)) -> Result<u64, StorageError> {
    let mut written = 0;
    let mut after = None;
    loop {
        let mut reader = db.reader().await?;
        let page = search(&mut reader, filter, after.as_ref(), MOST).await?;
        drop(reader);
        for found in &page {
            writeln!(out, "{}", found.to_json()).map_err(StorageError::Export)?;
            written += 1;
        }
        match page.last() {
            Some(last) if page.len() as u64 == MOST.unsigned_abs() => after = Some(last.cursor()),
            _ => return Ok(written),
        }
    }
}
