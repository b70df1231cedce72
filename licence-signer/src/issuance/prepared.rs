//! A draft that passed every rule. It is made here alone and sealed by value, so once.

use std::sync::Arc;

use serde_json::{Map, Value};
use verifier::time::{Date, Timestamp};

use super::{Draft, Holder, HolderFault};
use crate::catalogue::{EndRule, LicenceType};

/// One thing that is wrong with a draft: the member's name and a stable code, never its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// `holder.code`, `items.address` …
    pub member: String,
    /// `format`, `required`, `maxLength`, `range` …
    pub code: String,
}

/// All that is wrong with a draft, at most 40 faults.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the draft has {} faults", .0.len())]
pub struct Rejection(pub Vec<Fault>);

/// What may be recorded and sealed.
#[derive(Debug)]
pub struct Prepared {
    licence_type: Arc<LicenceType>,
    holder: Holder,
    number: String,
    issue_date: Date,
    valid_from: Date,
    valid_until: Option<Date>,
    items: Map<String, Value>,
    matter: Option<String>,
    case: Option<String>,
}

impl Prepared {
    /// Asks every rule about `draft`: the holder's kind and number, the dates, the number, the items, matter and case.
    /// With `enters_past` the last day may be over already: what was issued on paper is entered (补录).
    ///
    /// # Errors
    ///
    /// All faults together, so that a caller mends them in one go.
    pub fn new(
        draft: Draft,
        licence_type: Arc<LicenceType>,
        enters_past: bool,
        now: Timestamp,
    ) -> Result<Self, Rejection> {
        let mut faults = Vec::new();
        let holder = holder(&draft, &licence_type, &mut faults);
        if !is_number(&draft.number) {
            faults.push(fault("number", "format"));
        }
        let dates = dates(&draft, &licence_type, enters_past, now, &mut faults);
        for found in licence_type.faults(&draft.items) {
            let member = if found.item.is_empty() { "items".to_owned() } else { format!("items.{}", found.item) };
            faults.push(Fault { member, code: found.keyword });
        }
        for (member, text) in [("matter", &draft.matter), ("case", &draft.case)] {
            if text.as_ref().is_some_and(|text| !is_number(text)) {
                faults.push(fault(member, "format"));
            }
        }
        match (holder, dates) {
            (Some(holder), Some((issue_date, valid_from, valid_until))) if faults.is_empty() => Ok(Self {
                licence_type,
                holder,
                number: draft.number,
                issue_date,
                valid_from,
                valid_until,
                items: draft.items,
                matter: draft.matter,
                case: draft.case,
            }),
            _ => {
                faults.truncate(40);
                Err(Rejection(faults))
            }
        }
    }

    /// The type.
    pub fn licence_type(&self) -> &Arc<LicenceType> {
        &self.licence_type
    }

    /// The holder.
    pub fn holder(&self) -> &Holder {
        &self.holder
    }

    /// The printed number.
    pub fn number(&self) -> &str {
        &self.number
    }

    /// The day of the decision.
    pub fn issue_date(&self) -> Date {
        self.issue_date
    }

    /// The first day.
    pub fn valid_from(&self) -> Date {
        self.valid_from
    }

    /// The last day.
    pub fn valid_until(&self) -> Option<Date> {
        self.valid_until
    }

    /// The items.
    pub fn items(&self) -> &Map<String, Value> {
        &self.items
    }

    /// The matter.
    pub fn matter(&self) -> Option<&str> {
        self.matter.as_deref()
    }

    /// The case.
    pub fn case(&self) -> Option<&str> {
        self.case.as_deref()
    }
}

fn fault(member: &str, code: &str) -> Fault {
    Fault { member: member.to_owned(), code: code.to_owned() }
}

/// 1 to 64 printable characters, no blank at an end.
fn is_number(text: &str) -> bool {
    (1..=64).contains(&text.chars().count()) && !text.chars().any(char::is_control) && text.trim() == text
}

fn holder(draft: &Draft, licence_type: &LicenceType, faults: &mut Vec<Fault>) -> Option<Holder> {
    if draft.holder.kind != licence_type.holder_kind() {
        faults.push(fault("holder.kind", "type"));
        return None;
    }
    match Holder::new(draft.holder.kind, &draft.holder.code_type, &draft.holder.code, &draft.holder.name) {
        Ok(holder) => Some(holder),
        Err(HolderFault::CodeType) => {
            faults.push(fault("holder.code_type", "enum"));
            None
        }
        Err(HolderFault::Code) => {
            faults.push(fault("holder.code", "format"));
            None
        }
        Err(HolderFault::Name) => {
            faults.push(fault("holder.name", "format"));
            None
        }
    }
}

type Dates = (Date, Date, Option<Date>);

fn dates(
    draft: &Draft,
    licence_type: &LicenceType,
    enters_past: bool,
    now: Timestamp,
    faults: &mut Vec<Fault>,
) -> Option<Dates> {
    let before = faults.len();
    let mut read = |member: &str, text: &str| {
        let date = text.parse::<Date>().ok();
        if date.is_none() {
            faults.push(fault(member, "format"));
        }
        date
    };
    let issue_date = read("issue_date", &draft.issue_date);
    let valid_from = read("valid_from", &draft.valid_from);
    let valid_until = draft.valid_until.as_ref().map(|text| read("valid_until", text));
    if faults.len() > before {
        return None;
    }
    let (issue_date, valid_from) = (issue_date?, valid_from?);
    let valid_until = match valid_until {
        None => None,
        Some(read) => Some(read?),
    };
    if Date::of(now).is_none_or(|today| issue_date > today) {
        faults.push(fault("issue_date", "future"));
    }
    let rule = licence_type.definition().validity;
    match (rule.end, valid_until) {
        (EndRule::Required, None) => faults.push(fault("valid_until", "required")),
        (EndRule::Never, Some(_)) => faults.push(fault("valid_until", "not_allowed")),
        (_, Some(until)) if until < valid_from => faults.push(fault("valid_until", "before_valid_from")),
        (_, Some(until)) => {
            let years = i32::try_from(rule.most_years.unwrap_or(30)).unwrap_or(30);
            if valid_from.plus_years(years).is_some_and(|most| until > most) {
                faults.push(fault("valid_until", "too_long"));
            } else if until.end() <= now && !enters_past {
                faults.push(fault("valid_until", "past"));
            }
        }
        (_, None) => {}
    }
    (faults.len() == before).then_some((issue_date, valid_from, valid_until))
}
