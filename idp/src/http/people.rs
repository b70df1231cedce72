//! What the pages of sign-in, registration and account share.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use url::Url;
use web::cookie::SetCookie;
use web::page::dates;
use web::{Asker, Lang, Page, Words};

use crate::account::LoginError;
use crate::account::attempts::Wait;
use crate::account::evidence::Means;
use crate::account::passkey::PasskeyError;
use crate::account::password::Weakness;
use crate::error::Error;
use crate::flow::sign_in::DEVICE_SECONDS;
use crate::http::browser::Browser;
use crate::ids::{PersonId, random_text};
use crate::interaction::Interaction;
use crate::session::{self, Session};
use crate::storage::accounts;
use crate::{Idp, digest};
use store::Tx;
use verifier::time::Timestamp;

/// What the name of the cookie of a known device ends in.
const DEVICE: &str = "_device";
/// The length of its value: base64url of 32 bytes.
const DEVICE_LENGTH: usize = 43;

/// One thing to put right.
pub(crate) struct FieldError {
    /// The field's id; empty where none is meant.
    pub(crate) field: &'static str,
    /// What to do, in the asker's words.
    pub(crate) text: String,
}

/// What a refused form says: the summary and the messages at the fields.
#[derive(Default)]
pub(crate) struct Errors(Vec<FieldError>);

impl Errors {
    pub(crate) fn add(&mut self, field: &'static str, text: impl Into<String>) {
        self.0.push(FieldError { field, text: text.into() });
    }

    pub(crate) fn one(field: &'static str, text: impl Into<String>) -> Self {
        let mut errors = Self::default();
        errors.add(field, text);
        errors
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &FieldError> {
        self.0.iter()
    }

    pub(crate) fn has(&self, field: &str) -> bool {
        self.at(field).is_some()
    }

    pub(crate) fn at(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|error| error.field == field).map(|error| error.text.as_str())
    }

    pub(crate) fn title(&self, words: &Words) -> String {
        let count = i64::try_from(self.0.len()).unwrap_or(i64::MAX);
        words.count("signin-errors", count, &[]).into_owned()
    }
}

/// The asker in the language that the client asked for, where nobody chose one.
pub(crate) fn spoken(asker: &Asker, interaction: &Interaction) -> Asker {
    let lang = interaction.request.ui_locales.as_deref().and_then(web::Lang::from_ui_locales);
    lang.map_or_else(|| asker.clone(), |lang| asker.speaking(lang))
}

/// Who asks for the sign-in, as the page's head says.
pub(crate) struct Portal {
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) host: String,
}

impl Portal {
    /// Of an interaction's client; none for a page of our own.
    pub(crate) fn of(interaction: &Interaction, words: &Words) -> Option<Self> {
        let client = interaction.client()?;
        let lang = words.lang();
        let operator = client.operator.get(lang);
        let about = if operator.is_empty() {
            String::new()
        } else {
            words.with("signin-checked", &[("operator", operator)]).into_owned()
        };
        let host = Url::parse(&interaction.request.redirect_uri).ok();
        let host = host.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
        Some(Self { name: client.name.get(lang).to_owned(), about, host })
    }
}

/// A form's answer that asks to put something right: 422, or 429 with the time to wait.
pub(crate) fn refused(page: Page, wait: Option<Wait>) -> Response {
    let page = page.refused();
    match wait {
        None => (StatusCode::UNPROCESSABLE_ENTITY, page).into_response(),
        Some(wait) => {
            let mut response = (StatusCode::TOO_MANY_REQUESTS, page).into_response();
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.seconds));
            response
        }
    }
}

/// Words for a login that cannot be read.
pub(crate) fn login_words(words: &Words, error: LoginError) -> String {
    let count = |key: &str, n: usize| words.with(key, &[("count", &n.to_string())]).into_owned();
    match error {
        LoginError::Empty => words.get("signin-error-empty-login").into_owned(),
        LoginError::PhoneLength(n) => count("signin-error-phone-length", n),
        LoginError::NumberLength(n) => count("signin-error-number-length", n),
        LoginError::NumberDigits => words.get("signin-error-number-digits").into_owned(),
        LoginError::Form => words.get("signin-error-form").into_owned(),
    }
}

/// Words for a password that is not taken.
pub(crate) fn weakness_words(words: &Words, weakness: Weakness) -> String {
    match weakness {
        Weakness::Empty => words.get("register-error-password-empty").into_owned(),
        Weakness::Short(n) => words.with("register-error-password-short", &[("count", &n.to_string())]).into_owned(),
        Weakness::Long => words.get("register-error-password-long").into_owned(),
        Weakness::Common => words.get("register-error-password-common").into_owned(),
        Weakness::Known => words.get("register-error-password-known").into_owned(),
    }
}

/// Words for a passkey that did not do.
pub(crate) fn passkey_words(words: &Words, error: PasskeyError) -> String {
    words.get(passkey_key(error)).into_owned()
}

fn passkey_key(error: PasskeyError) -> &'static str {
    match error {
        PasskeyError::Unreadable => "signin-passkey-unreadable",
        PasskeyError::Foreign => "signin-passkey-foreign",
        PasskeyError::NotVerified => "signin-passkey-notverified",
        PasskeyError::BackupFlag => "signin-passkey-backup",
        PasskeyError::Counter => "signin-passkey-counter",
        PasskeyError::Refused => "signin-passkey-refused",
        PasskeyError::Unsupported => "signin-passkey-unsupported",
        PasskeyError::Failed => "signin-passkey-failed",
    }
}

/// Words for having to wait.
pub(crate) fn wait_words(words: &Words, wait: Wait) -> String {
    words.with("signin-wait", &[("seconds", &wait.seconds.to_string())]).into_owned()
}

/// 今天 14:05, else the day.
pub(crate) fn when(words: &Words, at: Timestamp, now: Timestamp) -> String {
    let lang: Lang = words.lang();
    let day = dates::day(lang, at);
    if day == dates::day(lang, now) {
        let time = dates::time(at);
        return words.with("account-today", &[("time", time.get(..5).unwrap_or(&time))]).into_owned();
    }
    day
}

/// As [`when`], before a word: in Chinese a time of day is parted from it by a space, a day is not.
pub(crate) fn when_before(words: &Words, at: Timestamp, now: Timestamp) -> String {
    let mut text = when(words, at, now);
    if words.lang() == Lang::ZhCn && text.ends_with(|c: char| c.is_ascii_digit()) {
        text.push(' ');
    }
    text
}

/// The digests of the devices that the browser says it is; `""` where it says nothing.
pub(crate) fn device(asker: &Asker) -> String {
    let mut values = asker.cookie_values(DEVICE);
    values.find(|value| value.len() == DEVICE_LENGTH).map(|value| digest::of("device", value)).unwrap_or_default()
}

/// The device of a browser for the person who has just signed in: its digest, and the cookie if it is new.
pub(crate) fn device_to_know(idp: &Idp, asker: &Asker) -> Result<(String, Option<SetCookie>), Error> {
    let known = device(asker);
    if !known.is_empty() {
        return Ok((known, None));
    }
    let secret = random_text::<32>(idp.sources())?;
    let life = u32::try_from(DEVICE_SECONDS).unwrap_or(u32::MAX);
    Ok((digest::of("device", &secret), Some(SetCookie::new(idp.site(), DEVICE, &secret, life))))
}

/// An answer with a cookie, if there is one to set.
pub(crate) fn with_cookie(cookie: Option<SetCookie>, response: Response) -> Response {
    match cookie {
        Some(cookie) => (cookie, response).into_response(),
        None => response,
    }
}

/// The three levels as the card beside a page shows them.
pub(crate) struct Levels {
    level: i64,
    pub(crate) basis: String,
}

/// A step of [`Levels`].
pub(crate) struct LevelStep {
    pub(crate) here: bool,
    pub(crate) reached: bool,
    pub(crate) title: &'static str,
    pub(crate) gives: &'static str,
}

impl Levels {
    pub(crate) fn new(level: i64, basis: String) -> Self {
        Self { level: level.clamp(1, 3), basis }
    }

    pub(crate) fn title(&self, words: &Words) -> String {
        words.with("account-level-title", &[("level", &self.level.to_string())]).into_owned()
    }

    pub(crate) fn steps(&self) -> Vec<LevelStep> {
        let rows = [
            ("account-level-1", "account-level-1-gives"),
            ("account-level-2", "account-level-2-gives"),
            ("account-level-3", "account-level-3-gives"),
        ];
        let steps = (1..).zip(rows);
        steps
            .map(|(n, (title, gives))| LevelStep { here: n == self.level, reached: n <= self.level, title, gives })
            .collect()
    }
}

/// Words for what a level rests on.
pub(crate) fn basis_words(words: &Words, means: Means, at: Timestamp, now: Timestamp) -> String {
    let key = format!("account-basis-{}", means.as_str());
    words.with(&key, &[("when", &when(words, at, now))]).into_owned()
}

/// The person's name, as devices show it beside a passkey.
pub(crate) async fn name_of(idp: &Idp, person: &PersonId) -> Result<String, Error> {
    let fields = idp.field_keys(idp.sources().now())?;
    let shown = accounts::shown(&mut idp.db().reader().await?, &fields, person).await?;
    Ok(shown.map_or_else(|| "信印".to_owned(), |shown| shown.name))
}

/// The session that pages of the account go by: the newest sign-in of the browser.
pub(crate) async fn current(idp: &Idp, tx: &mut Tx, browser: &Browser) -> Result<Option<Session>, Error> {
    Ok(session::of_browser(tx, browser, idp.sources().now()).await?.into_iter().next())
}

/// The first characters of a title that somebody gave, without control characters; another where there is none.
pub(crate) fn title(text: &str, other: &str) -> String {
    let kept: String = text.trim().chars().filter(|c| !c.is_control()).take(40).collect();
    if kept.is_empty() { other.to_owned() } else { kept }
}

/// `GET /static/passkey.js`: the script of passkeys; all pages work without it.
pub(crate) async fn script() -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300")),
    ];
    (headers, include_str!("../../static/passkey.js")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// KF-37: whatever a title consists of, it is cut between characters.
    #[test]
    fn titles_are_cut_between_characters() {
        for (text, expected) in
            [("我的手机", "我的手机"), ("  ", "x"), ("a\u{7}b", "ab"), (&"𠮷".repeat(60), &"𠮷".repeat(40))]
        {
            assert_eq!(title(text, "x"), expected);
        }
        for piece in ["é", "长", "𠮷", "e\u{301}", "\u{200d}", "a\n"] {
            for count in 1..=60 {
                assert!(title(&piece.repeat(count), "x").chars().count() <= 40, "{piece:?} {count}");
            }
        }
    }

    #[test]
    fn both_languages_say_the_same_things() {
        assert_eq!(web::words::differing_keys(&crate::WORDS[1]), Vec::<String>::new());
    }
}
