//! What several pages show alike: states, days, facts, looks.

use serde_json::Value;
use verifier::time::Timestamp;
use web::page::dates;
use web::words::Lang;
use web::{Words, icons};

use crate::LicenceSigner;
use crate::catalogue::{HolderKind, LicenceType, Titles};
use crate::flow::history::Look;
use crate::flow::licence::{Licence, Standing};
use crate::life_cycle::State;

/// When "expires soon" begins.
pub(super) const SOON_DAYS: i64 = 30;
const DAY: i64 = 86_400;

/// A state with its word, drawing and class.
#[derive(Clone)]
pub(super) struct Tag {
    pub class: &'static str,
    pub icon: &'static str,
    pub word: String,
}

/// A name and a value.
pub(super) struct Fact {
    pub name: String,
    pub value: String,
    pub small: bool,
}

/// A field that was refused.
pub(super) struct FieldError {
    pub field: String,
    pub text: String,
}

/// A choice in a list.
pub(super) struct Choice {
    pub code: String,
    pub name: String,
    pub selected: bool,
}

/// A line of who looked.
pub(super) struct LookLine {
    pub time: String,
    pub licence: String,
    pub who: String,
    pub matter: String,
    pub case: String,
    pub purpose: String,
    pub seen: String,
}

/// A title in the words' language.
pub(super) fn title<'a>(w: &Words, titles: &'a Titles) -> &'a str {
    if w.lang() == Lang::En { &titles.en } else { &titles.zh }
}

/// The type's name.
pub(super) fn type_title(w: &Words, signer: &LicenceSigner, licence: &Licence) -> String {
    signer
        .licence_type(&licence.facts.type_code, Some(licence.facts.type_version))
        .map_or_else(|| licence.facts.type_code.clone(), |known| title(w, &known.definition().name).to_owned())
}

/// Days left, where a licence in force ends within [`SOON_DAYS`].
pub(super) fn ends_soon(licence: &Licence, now: Timestamp) -> Option<i64> {
    let left = licence.valid_end?.since(now);
    (licence.standing(now) == Standing::InForce && left <= SOON_DAYS * DAY).then_some(left / DAY)
}

/// The tag of a licence. `exact`: for the department, which sees the cause.
pub(super) fn tag(w: &Words, licence: &Licence, now: Timestamp, exact: bool) -> Tag {
    let say = |key: &str| w.get(key).into_owned();
    if let Some(days) = ends_soon(licence, now) {
        let word = w.with("signer-state-soon", &[("n", &days.to_string())]).into_owned();
        return Tag { class: "tag-wait", icon: icons::CLOCK, word };
    }
    match licence.standing(now) {
        Standing::InForce => Tag { class: "tag-ok", icon: icons::TICK, word: say("signer-state-valid") },
        Standing::InPreparation => Tag { class: "tag-open", icon: icons::CLOCK, word: say("signer-state-pending") },
        Standing::NotYet => Tag { class: "tag-wait", icon: icons::CLOCK, word: say("signer-state-not-yet") },
        Standing::Expired => Tag { class: "tag-open", icon: icons::CALENDAR, word: say("signer-state-expired") },
        Standing::Not(State::Suspended) => Tag {
            class: "tag-wait",
            icon: icons::BARS,
            word: say(if exact { "signer-state-suspended-exact" } else { "signer-state-suspended" }),
        },
        Standing::Not(state) => {
            let exact_word = match state {
                State::Annulled => "signer-happened-annulment",
                State::Recalled => "signer-happened-recall",
                State::Revoked => "signer-happened-revocation",
                _ => "signer-happened-cancellation",
            };
            Tag {
                class: "tag-open",
                icon: icons::DASH,
                word: say(if exact { exact_word } else { "signer-state-ended" }),
            }
        }
    }
}

/// `YYYY-MM-DD` as pages write days.
pub(super) fn day(w: &Words, text: &str) -> String {
    text.parse::<verifier::time::Date>()
        .map_or_else(|_| text.to_owned(), |date| dates::day(w.lang(), date.first_second()))
}

/// From when to when a licence holds.
pub(super) fn validity(w: &Words, from: &str, until: Option<&str>) -> String {
    match until {
        Some(until) => w.with("signer-from-to", &[("from", &day(w, from)), ("until", &day(w, until))]).into_owned(),
        None => w.with("signer-from-long", &[("from", &day(w, from))]).into_owned(),
    }
}

/// An item's value as text.
pub(super) fn value_text(w: &Words, value: &Value) -> String {
    match value {
        Value::String(text) if text.len() == 10 && text.parse::<verifier::time::Date>().is_ok() => day(w, text),
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// The items with their titles, in the type's order.
pub(super) fn items(w: &Words, licence: &Licence, known: Option<&LicenceType>) -> Vec<Fact> {
    let definition = known.map(LicenceType::definition);
    let names: Vec<String> = definition.map_or_else(
        || licence.facts.items.keys().cloned().collect(),
        |definition| definition.items.iter().map(|item| item.name.clone()).collect(),
    );
    names
        .into_iter()
        .filter_map(|name| {
            let value = value_text(w, licence.facts.items.get(&name)?);
            let titles = definition.and_then(|definition| definition.item_titles(&name));
            Some(Fact { name: titles.map_or_else(|| name.clone(), |t| title(w, t).to_owned()), value, small: false })
        })
        .collect()
}

/// A number as a page shows it: a person's masked, an organisation's whole.
pub(super) fn holder_code(licence: &Licence) -> String {
    match licence.facts.holder.kind() {
        HolderKind::Person => licence.facts.holder.code().masked(),
        HolderKind::Organisation => licence.facts.holder.code().code().to_owned(),
    }
}

/// The printed number, masked where it is the holder's own.
pub(super) fn number(licence: &Licence) -> String {
    let holder = &licence.facts.holder;
    if holder.kind() == HolderKind::Person && licence.facts.number == holder.code().code() {
        holder.code().masked()
    } else {
        licence.facts.number.clone()
    }
}

/// A look as the holder reads it.
pub(super) fn look(w: &Words, signer: &LicenceSigner, look: Look, licence_title: String) -> LookLine {
    let world = signer.world();
    let matter = world.matter(&look.matter).map_or_else(
        || look.matter.clone(),
        |matter| if w.lang() == Lang::En { matter.name.en.clone() } else { matter.name.zh.clone() },
    );
    let items: Vec<String> = look
        .items
        .iter()
        .map(|name| {
            let titled = world.types().find_map(|t| t.definition().item_titles(name).map(|titles| title(w, titles)));
            titled.map_or_else(|| fixed_title(w, name), str::to_owned)
        })
        .collect();
    let joined = items.join(if w.lang() == Lang::En { ", " } else { "、" });
    let seen = match (joined.is_empty(), look.way.as_str()) {
        (true, "lookup") => w.get("signer-seen-nothing").into_owned(),
        (_, "presentation") => w.with("signer-seen-shown", &[("items", &joined)]).into_owned(),
        _ => joined,
    };
    LookLine {
        time: dates::instant(w.lang(), look.at),
        licence: licence_title,
        who: look.department_name,
        matter,
        case: look.case,
        purpose: w.with("signer-purpose", &[("purpose", &look.purpose)]).into_owned(),
        seen,
    }
}

/// Titles of what is no item of a type.
fn fixed_title(w: &Words, name: &str) -> String {
    let key = match name {
        "number" => "signer-number",
        "holder_name" => "signer-holder-name",
        "holder_code" => "signer-holder-code",
        "validity" => "signer-validity",
        _ => return name.to_owned(),
    };
    w.get(key).into_owned()
}
