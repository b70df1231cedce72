//! One line for each verification or look-up that a clerk has done: no number, no name of a holder.

use store::{StorageError, Tx, on};
use verifier::time::Timestamp;

use crate::session::Session;

/// A line of 今天的记录.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct ReportLine {
    /// The report's number, as the page shows it.
    pub id: String,
    /// When, seconds.
    pub at: i64,
    /// Title of the licence's type, or empty.
    pub title_zh: String,
    /// The same in English.
    pub title_en: String,
    /// The verdict's code, or `none` of a look-up without result.
    pub verdict: String,
    /// Case number.
    pub case_number: Option<String>,
}

/// A line to be stored.
pub(crate) struct NewReport<'a> {
    pub id: &'a str,
    pub clerk: &'a str,
    pub department: &'a str,
    pub at: Timestamp,
    pub titles: (&'a str, &'a str),
    pub verdict: &'a str,
    pub cause: Option<&'a str>,
    pub matter: Option<&'a str>,
    pub case: Option<&'a str>,
}

pub(crate) const INSERT: &str = "INSERT INTO reports
    (id, clerk, department, at, title_zh, title_en, verdict, cause, matter, case_number)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING";
pub(crate) const SINCE: &str = "SELECT id, at, title_zh, title_en, verdict, case_number FROM reports
    WHERE clerk = $1 AND department = $2 AND at >= $3 ORDER BY at DESC LIMIT 200";
pub(crate) const COUNT: &str = "SELECT verdict, count(*) FROM reports
    WHERE clerk = $1 AND department = $2 AND at >= $3 GROUP BY verdict";

/// Stores a line.
pub(crate) async fn insert(tx: &mut Tx, report: &NewReport<'_>) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(INSERT).bind(report.id).bind(report.clerk).bind(report.department).bind(report.at.seconds())
        .bind(report.titles.0).bind(report.titles.1).bind(report.verdict).bind(report.cause).bind(report.matter)
        .bind(report.case).execute(c).await.map(drop))
}

/// The newest 200 lines of a clerk for the department acted for, since an instant, newest first. What he did for another
/// department is that one's.
pub(crate) async fn since(tx: &mut Tx, session: &Session, from: Timestamp) -> Result<Vec<ReportLine>, StorageError> {
    on!(tx, c => sqlx::query_as(SINCE).bind(&session.clerk).bind(&session.department).bind(from.seconds())
        .fetch_all(c).await)
}

/// How many of each verdict a clerk has had for the department acted for, since an instant.
pub(crate) async fn count(tx: &mut Tx, session: &Session, from: Timestamp) -> Result<Vec<(String, i64)>, StorageError> {
    on!(tx, c => sqlx::query_as(COUNT).bind(&session.clerk).bind(&session.department).bind(from.seconds())
        .fetch_all(c).await)
}
