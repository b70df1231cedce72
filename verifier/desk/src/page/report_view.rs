//! A report as a page shows it. Works on the report's JSON (`formats.md` §7), so that a report of our own and one that
//! licence-signer answered look the same.

use serde_json::Value;
use verifier::time::{Date, Timestamp};
use web::page::dates;
use web::words::Lang;
use web::{Words, icons};

/// What the result page shows.
pub(crate) struct ResultView {
    pub class: &'static str,
    pub icon: &'static str,
    pub word: String,
    pub lead: String,
    pub meta: String,
    pub next: String,
    pub actions: Vec<Action>,
    pub binding_title: String,
    pub binding: String,
    pub facts_title: String,
    pub facts_note: String,
    pub facts: Vec<Fact>,
    pub counts: String,
    pub checks: Vec<Check>,
    pub code_line: String,
}

/// A button.
pub(crate) struct Action {
    pub href: &'static str,
    pub label: String,
    /// The one filled button.
    pub main: bool,
}

/// A name and a value.
pub(crate) struct Fact {
    pub name: String,
    pub value: String,
    /// Whether it is a number, which stays in one piece.
    pub num: bool,
}

/// A line of what was checked.
pub(crate) struct Check {
    pub li_class: &'static str,
    pub icon: &'static str,
    pub title: String,
    pub class: &'static str,
    pub result: String,
    pub text: String,
    pub basis: String,
}

/// What the page knows beside the report.
pub(crate) struct Context<'a> {
    /// The report's number.
    pub id: &'a str,
    /// The case under which it was done.
    pub case: Option<&'a str>,
    /// Whether a licence was looked up rather than brought.
    pub looked_up: bool,
    /// Who showed it, where the holder showed it signed in.
    pub shown_by: Option<&'a str>,
}

/// Reads a report.
pub(crate) fn view(w: &Words, report: &Value, context: &Context<'_>) -> ResultView {
    let lang = w.lang();
    let verdict = text(report, "/verdict");
    let at = instant(report, "/at");
    let title = title(w, report);
    let cause = cause_sentence(w, report);
    let lead = lead(w, verdict, &title, &cause, context);
    let time = at.map(dates::time).unwrap_or_default();
    let meta_key = if context.looked_up { "desk-lookup-meta" } else { "desk-meta" };
    let cause_code = text(report, "/cause");
    let (class, icon) = look(verdict, cause_code);
    let facts = facts(w, report);
    let (facts_title, facts_note) = facts_heading(w, report, &title, facts.len(), context);
    let (binding_title, binding) = binding(w, report, verdict, context);
    let code = match text(report, "/cause") {
        "" => verdict.to_owned(),
        cause => format!("{verdict} / {cause}"),
    };
    ResultView {
        class,
        icon,
        word: w.get(&format!("desk-word-{verdict}")).into_owned(),
        lead,
        meta: w.with(meta_key, &[("time", &time), ("id", context.id)]).into_owned(),
        next: next(w, report, context),
        actions: actions(w, verdict),
        binding_title,
        binding,
        facts_title,
        facts_note,
        facts,
        counts: counts(w, report),
        checks: checks(w, report),
        code_line: w
            .with(
                "desk-code-line",
                &[("time", &at.map(|at| dates::instant(lang, at)).unwrap_or_default()), ("code", &code)],
            )
            .into_owned(),
    }
}

/// The title of the licence's type, or a word for a document of which nothing is believed.
pub(crate) fn title(w: &Words, report: &Value) -> String {
    let found = in_lang(report.pointer("/licence/type/title"), w.lang());
    if found.is_empty() { w.get("desk-document").into_owned() } else { found }
}

/// The word and drawing of a verdict for a list: class of the tag, icon, word.
pub(crate) fn tag(w: &Words, verdict: &str) -> (&'static str, &'static str, String) {
    let (class, icon) = match verdict {
        "valid" => ("tag-ok", icons::TICK),
        "not_in_force" => ("tag-wait", icons::BARS),
        "invalid" => ("tag-open", icons::CROSS),
        _ => ("tag-open", icons::QUESTION),
    };
    let key = if verdict == "none" { "desk-none".to_owned() } else { format!("desk-word-{verdict}") };
    (class, icon, w.get(&key).into_owned())
}

fn look(verdict: &str, cause: &str) -> (&'static str, &'static str) {
    match verdict {
        "valid" => ("verdict-valid", icons::TICK),
        "not_in_force" if cause.starts_with("validity.") => ("verdict-past", icons::CALENDAR),
        "not_in_force" if cause == "status.suspended" => ("verdict-past", icons::BARS),
        "not_in_force" => ("verdict-past", icons::DASH),
        "invalid" => ("verdict-invalid", icons::CROSS),
        _ => ("verdict-open", icons::QUESTION),
    }
}

fn lead(w: &Words, verdict: &str, title: &str, cause: &str, context: &Context<'_>) -> String {
    let key = match verdict {
        "valid" if context.looked_up => "desk-lookup-lead-valid",
        "valid" => "desk-lead-valid",
        "not_in_force" => "desk-lead-not_in_force",
        "invalid" => "desk-lead-invalid",
        _ => "desk-lead-undetermined",
    };
    w.with(key, &[("title", title), ("cause", cause)]).into_owned()
}

/// What a clerk should read as the cause: a sentence of ours for the everyday ones, else that of the check that decides,
/// without its full stop.
fn cause_sentence(w: &Words, report: &Value) -> String {
    let lang = w.lang();
    let cause = text(report, "/cause");
    match cause {
        "status.invalid" => return w.get("desk-cause-ended").into_owned(),
        "status.suspended" => return w.get("desk-cause-suspended").into_owned(),
        "validity.expired" => {
            let until = date(w, text(report, "/licence/valid_until"));
            if !until.is_empty() {
                return w.with("desk-cause-expired", &[("until", &until)]).into_owned();
            }
        }
        _ => {}
    }
    list(report, "/checks")
        .find(|check| check.get("reason").and_then(Value::as_str) == Some(cause))
        .map(|check| in_lang(check.get("text"), lang))
        .unwrap_or_default()
        .trim_end_matches(['。', '.'])
        .to_owned()
}

fn next(w: &Words, report: &Value, context: &Context<'_>) -> String {
    let mut next = in_lang(report.get("next"), w.lang());
    if let Some(case) = context.case {
        if w.lang() == Lang::En {
            next.push(' ');
        }
        next.push_str(&w.with("desk-recorded-in-case", &[("case", case)]));
    }
    next
}

fn actions(w: &Words, verdict: &str) -> Vec<Action> {
    let action = |href, key: &str, main| Action { href, label: w.get(key).into_owned(), main };
    match verdict {
        "valid" => vec![action("/", "desk-use-next", true)],
        "not_in_force" => vec![action("/", "desk-reject-next", true)],
        "invalid" => vec![action("/lookup", "desk-look-up-instead", true), action("/", "desk-next-one", false)],
        _ => vec![action("/", "desk-again", true)],
    }
}

fn binding(w: &Words, report: &Value, verdict: &str, context: &Context<'_>) -> (String, String) {
    if let Some(name) = context.shown_by {
        return (
            w.with("desk-presenter-shown", &[("name", name)]).into_owned(),
            w.get("desk-presenter-shown-text").into_owned(),
        );
    }
    let screen = text(report, "/rendition") == "cwt" && text(report, "/licence/number").is_empty();
    let key = match verdict {
        "invalid" => "desk-presenter-unsigned",
        _ if screen => "desk-presenter-screen",
        _ => "desk-presenter-file",
    };
    (w.get("desk-presenter-unchecked").into_owned(), w.get(key).into_owned())
}

fn facts_heading(w: &Words, report: &Value, title: &str, count: usize, context: &Context<'_>) -> (String, String) {
    if report.get("licence").is_some_and(Value::is_object) {
        if context.looked_up {
            return (
                w.with("desk-lookup-facts", &[("title", title), ("count", &count.to_string())]).into_owned(),
                String::new(),
            );
        }
        return (title.to_owned(), String::new());
    }
    if text(report, "/verdict") == "invalid" {
        return (w.get("desk-facts-hidden").into_owned(), w.get("desk-facts-hidden-text").into_owned());
    }
    (w.get("desk-facts-none").into_owned(), String::new())
}

fn facts(w: &Words, report: &Value) -> Vec<Fact> {
    let Some(licence) = report.get("licence").filter(|licence| licence.is_object()) else { return Vec::new() };
    let mut facts = Vec::new();
    let mut push = |name: String, value: String, num: bool| {
        if !value.is_empty() {
            facts.push(Fact { name, value, num });
        }
    };
    let organisation = text(licence, "/holder/kind") == "organisation";
    let holder = if organisation { "desk-fact-holder-organisation" } else { "desk-fact-holder-person" };
    push(w.get(holder).into_owned(), text(licence, "/holder/name").to_owned(), false);
    let code = text(licence, "/holder/code");
    let code_key = if organisation { "desk-fact-credit-code" } else { "desk-fact-code" };
    push(w.get(code_key).into_owned(), if organisation { code.to_owned() } else { masked(code) }, true);
    let number = text(licence, "/number");
    if number != code {
        push(w.get("desk-fact-number").into_owned(), number.to_owned(), true);
    }
    let mut add = |name: String, value: String| push(name, value, false);
    if let Some(Value::Object(items)) = licence.get("items") {
        for (name, value) in items.iter().take(64) {
            add(item_title(w.lang(), licence, name), scalar(value));
        }
    }
    add(w.get("desk-fact-validity").into_owned(), validity(w, licence));
    add(w.get("desk-fact-issued").into_owned(), date(w, text(licence, "/issue_date")));
    add(w.get("desk-fact-authority").into_owned(), text(licence, "/issuing_authority/name").to_owned());
    add(w.get("desk-fact-recipient").into_owned(), text(licence, "/copy/recipient/name").to_owned());
    add(w.get("desk-fact-purpose").into_owned(), text(licence, "/copy/purpose").to_owned());
    facts
}

/// An item's title where the report brings one, else its name.
fn item_title(lang: Lang, licence: &Value, name: &str) -> String {
    let titled = in_lang(licence.pointer("/item_titles").and_then(|titles| titles.get(name)), lang);
    if titled.is_empty() { name.to_owned() } else { titled }
}

fn validity(w: &Words, licence: &Value) -> String {
    let (from, until) = (text(licence, "/valid_from"), text(licence, "/valid_until"));
    match (from, until) {
        ("", "") => String::new(),
        ("", until) => w.with("desk-until", &[("until", &date(w, until))]).into_owned(),
        (from, "") => w.with("desk-from-long", &[("from", &date(w, from))]).into_owned(),
        (from, until) => w.with("desk-from-to", &[("from", &date(w, from)), ("until", &date(w, until))]).into_owned(),
    }
}

/// `YYYY-MM-DD` as the page writes days.
pub(crate) fn date(w: &Words, text: &str) -> String {
    text.parse::<Date>().map_or_else(|_| text.to_owned(), |date| dates::day(w.lang(), date.first_second()))
}

fn counts(w: &Words, report: &Value) -> String {
    let count =
        |result: &str| list(report, "/checks").filter(|check| text(check, "/result") == result).count().to_string();
    let all = list(report, "/checks").count().to_string();
    w.with(
        "desk-counts",
        &[("all", &all), ("passed", &count("passed")), ("failed", &count("failed")), ("undone", &count("not_done"))],
    )
    .into_owned()
}

fn checks(w: &Words, report: &Value) -> Vec<Check> {
    list(report, "/checks")
        .map(|check| {
            let (li_class, icon, class, result) = match text(check, "/result") {
                "passed" => ("", icons::TICK, "passed", "desk-passed"),
                "failed" => ("is-failed", icons::CROSS, "failed", "desk-failed"),
                _ => ("is-undone", icons::DASH, "undone", "desk-not-done"),
            };
            Check {
                li_class,
                icon,
                title: w.get(&format!("desk-check-{}", text(check, "/code"))).into_owned(),
                class,
                result: w.get(result).into_owned(),
                text: in_lang(check.get("text"), w.lang()),
                basis: basis(w, check),
            }
        })
        .collect()
}

fn basis(w: &Words, check: &Value) -> String {
    let (Some(as_of), Some(age)) = (instant(check, "/as_of"), check.get("age_seconds").and_then(Value::as_i64)) else {
        let key = if matches!(text(check, "/code"), "trust" | "path" | "power" | "algorithm") {
            "desk-basis-trust"
        } else {
            "desk-basis-itself"
        };
        return w.get(key).into_owned();
    };
    match text(check, "/code") {
        "form" | "signature" | "coverage" => return w.get("desk-basis-itself").into_owned(),
        "validity" => return w.get("desk-basis-now").into_owned(),
        _ => {}
    }
    let (key, n) = match age.max(0) {
        0..=1 => ("desk-age-now", 0),
        age @ 0..=119 => ("desk-age-seconds", age),
        age @ 120..=7199 => ("desk-age-minutes", age / 60),
        age @ 7200..=172_799 => ("desk-age-hours", age / 3600),
        age => ("desk-age-days", age / 86_400),
    };
    let age = w.with(key, &[("n", &n.to_string())]).into_owned();
    w.with("desk-basis-age", &[("time", &dates::instant(w.lang(), as_of)), ("age", &age)]).into_owned()
}

fn masked(code: &str) -> String {
    if code.is_empty() { String::new() } else { verifier::subject::mask::id_number(code) }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn instant(value: &Value, pointer: &str) -> Option<Timestamp> {
    value.pointer(pointer).and_then(Value::as_str).and_then(|text| text.parse().ok())
}

fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

fn in_lang(value: Option<&Value>, lang: Lang) -> String {
    value.and_then(|value| value.get(lang.tag())).and_then(Value::as_str).unwrap_or_default().to_owned()
}
