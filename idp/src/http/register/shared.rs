//! What the steps of a registration share: the addresses' query, the registration itself, words for what did not do.

use serde::Deserialize;
use web::{Problem, Words};

use crate::Idp;
use crate::account::LoginError;
use crate::account::attempts::Wait;
use crate::account::phone::PhoneError;
use crate::flow::register::NotBegun;
use crate::http::browser::Browser;
use crate::http::people::{self, Errors};
use crate::http::problem;
use crate::ids::InteractionId;
use crate::storage::registrations::{self, Purpose, Registration};

/// What the addresses carry.
#[derive(Default, Deserialize)]
pub(crate) struct RegisterQuery {
    /// The interaction that waits.
    #[serde(default)]
    pub(super) i: String,
    /// `password`: the means to sign in are lost.
    #[serde(default, rename = "for")]
    pub(super) purpose: String,
}

impl RegisterQuery {
    pub(super) fn interaction(&self) -> Option<InteractionId> {
        InteractionId::parse(&self.i)
    }

    pub(super) fn purpose(&self) -> Purpose {
        if self.purpose == "password" { Purpose::Anew } else { Purpose::Register }
    }

    /// The query that leads back here.
    pub(super) fn text(&self) -> String {
        let mut parts = Vec::new();
        if let Some(id) = self.interaction() {
            parts.push(format!("i={id}"));
        }
        if self.purpose() == Purpose::Anew {
            parts.push("for=password".to_owned());
        }
        if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) }
    }
}

pub(super) async fn load(idp: &Idp, id: &str, browser: &Browser) -> Result<Registration, Problem> {
    let now = idp.sources().now();
    let fields = idp.field_keys(now)?;
    let marks = browser.mark_digests();
    if marks.is_empty() {
        return Err(over());
    }
    let mut tx = idp.db().reader().await.map_err(problem::of_storage)?;
    registrations::find(&mut tx, &fields, id, marks, now).await?.ok_or_else(over)
}

pub(super) fn over() -> Problem {
    Problem::bad_request("register.over")
}

pub(super) fn ceremony(id: &str) -> String {
    format!("register/{id}")
}

/// The text of a message with a code.
pub(super) fn message(words: &Words) -> impl Fn(&str) -> String {
    |code| words.with("register-code-message", &[("code", code)]).into_owned()
}

/// Where a page leads back to.
pub(super) fn back(query: &RegisterQuery) -> String {
    query.interaction().map_or_else(|| "/account".to_owned(), |id| format!("/sign-in/{id}"))
}

pub(super) fn phone_words(words: &Words, error: PhoneError) -> String {
    match error {
        PhoneError::Empty => words.get("register-error-phone-empty").into_owned(),
        PhoneError::Length(n) => people::login_words(words, LoginError::PhoneLength(n)),
        PhoneError::Form => words.get("register-error-phone-form").into_owned(),
    }
}

pub(super) fn not_begun_words(
    words: &Words,
    not_begun: &NotBegun,
    first: &'static str,
    second: &'static str,
) -> (Errors, Option<Wait>) {
    match not_begun {
        NotBegun::NoMatch => {
            let mut errors = Errors::one(first, words.get("register-no-match"));
            errors.add(second, words.get("register-no-match-hint"));
            (errors, None)
        }
        NotBegun::Wait(wait) => (Errors::one(first, people::wait_words(words, *wait)), Some(*wait)),
        NotBegun::Unavailable => (Errors::one(first, words.get("register-unavailable")), None),
    }
}
