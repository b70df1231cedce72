//! The templates, each with what it shows.

use askama::Template;
use web::Words;

use super::report_view::ResultView;

/// The case in force, as its line shows it.
pub(crate) struct CaseLine {
    pub name: String,
    pub case: String,
    pub purpose: String,
}

/// A sample to try.
pub(crate) struct Sample {
    pub href: String,
    pub icon: &'static str,
    pub word: String,
    pub what: String,
}

/// The desk's first page.
#[derive(Template)]
#[template(path = "desk.html")]
pub(crate) struct Desk<'a> {
    pub w: &'a Words,
    pub form_token: String,
    /// What was scanned into a page that had been open too long.
    pub kept: String,
    pub matter: Option<CaseLine>,
    pub notice: String,
    pub samples: Vec<Sample>,
    pub signed_in: bool,
    pub today: String,
}

/// A report.
#[derive(Template)]
#[template(path = "result.html")]
pub(crate) struct Result<'a> {
    pub w: &'a Words,
    pub form_token: String,
    pub matter: Option<CaseLine>,
    pub v: ResultView,
}

/// An error beside a field.
pub(crate) struct FieldError {
    pub field: &'static str,
    pub text: String,
}

/// What a refused form is told, each at its field.
#[derive(Default)]
pub(crate) struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    pub(crate) fn add(&mut self, field: &'static str, text: impl Into<String>) {
        self.0.push(FieldError { field, text: text.into() });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, FieldError> {
        self.0.iter()
    }

    /// What is told at a field.
    pub(crate) fn at(&self, field: &str) -> Option<&str> {
        self.iter().find(|error| error.field == field).map(|error| error.text.as_str())
    }
}

/// A choice in a list.
pub(crate) struct Choice {
    pub code: String,
    pub name: String,
    pub selected: bool,
}

/// The choice of a case.
#[derive(Template)]
#[template(path = "matter.html")]
pub(crate) struct Matter<'a> {
    pub w: &'a Words,
    pub form_token: String,
    pub matters: Vec<Choice>,
    pub case: String,
    pub purpose: String,
    pub errors: FieldErrors,
}

/// The form to look a licence up.
#[derive(Template)]
#[template(path = "lookup.html")]
pub(crate) struct Lookup<'a> {
    pub w: &'a Words,
    pub form_token: String,
    pub matter: Option<CaseLine>,
    pub types: Vec<Choice>,
    pub types_hint: String,
    pub purpose: String,
    pub errors: FieldErrors,
}

/// What was found.
#[derive(Template)]
#[template(path = "lookup_result.html")]
pub(crate) struct LookupResult<'a> {
    pub w: &'a Words,
    pub matter: Option<CaseLine>,
    pub found: Vec<ResultView>,
}

/// Nothing was found.
#[derive(Template)]
#[template(path = "lookup_empty.html")]
pub(crate) struct LookupEmpty<'a> {
    pub w: &'a Words,
    pub matter: Option<CaseLine>,
    pub lead: String,
    pub meta: String,
    pub code_line: String,
}

/// A line of today's records.
pub(crate) struct TodayRow {
    pub time: String,
    pub what: String,
    pub case: String,
    pub tag: &'static str,
    pub icon: &'static str,
    pub word: String,
    pub id: String,
}

/// Today's records.
#[derive(Template)]
#[template(path = "today.html")]
pub(crate) struct Today<'a> {
    pub w: &'a Words,
    pub summary: String,
    pub rows: Vec<TodayRow>,
}
