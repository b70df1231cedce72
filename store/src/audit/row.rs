//! A row of the record, and the statement that writes the rows of one transaction.

use std::fmt::Write as _;
use std::sync::LazyLock;

use verifier::time::Timestamp;

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
    pub(crate) fn texts(&self) -> [Option<&str>; 8] {
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

    /// Whether its texts are short enough and hold no NUL, which PostgreSQL takes in no text.
    pub(super) fn is_sound(&self) -> bool {
        !self.texts().iter().flatten().any(|text| text.contains('\0') || text.chars().count() > MOST_CHARACTERS)
    }
}

/// The most rows that one statement writes; a transaction with more of them takes more statements.
pub(crate) const AT_ONCE: usize = 4;

/// The statement that writes so many rows; the database makes their ids. There are only [`AT_ONCE`] of them for a database, so
/// that each stays prepared.
pub(crate) fn insert(postgres: bool, rows: usize) -> &'static str {
    static TEXTS: LazyLock<[[String; AT_ONCE]; 2]> =
        LazyLock::new(|| [false, true].map(|postgres| std::array::from_fn(|at| text(postgres, at + 1))));
    &TEXTS[usize::from(postgres)][rows.clamp(1, AT_ONCE) - 1]
}

fn text(postgres: bool, rows: usize) -> String {
    let id = if postgres { "replace(cast(gen_random_uuid() AS TEXT), '-', '')" } else { "lower(hex(randomblob(16)))" };
    let mut sql =
        "INSERT INTO audit (id, at, actor, department, action, matter, case_number, object, result, incident) VALUES"
            .to_owned();
    for row in 0..rows {
        let comma = if row == 0 { "" } else { "," };
        write!(sql, "{comma} ({id}").expect("a String takes all");
        for column in 1..=9 {
            write!(sql, ", ${}", row * 9 + column).expect("a String takes all");
        }
        sql.push(')');
    }
    sql
}

/// `query` with the values of `rows` bound, in the order of [`insert`].
macro_rules! bind_rows {
    ($query:expr, $rows:expr) => {
        $rows.iter().fold($query, |query, row| {
            let [actor, department, action, matter, case, object, result, incident] = row.texts();
            query
                .bind(row.at.seconds())
                .bind(actor)
                .bind(department)
                .bind(action)
                .bind(matter)
                .bind(case)
                .bind(object)
                .bind(result)
                .bind(incident)
        })
    };
}
pub(crate) use bind_rows;
