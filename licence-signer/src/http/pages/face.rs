//! The face of a licence: the layout of its type, with a picture of a seal that is labelled as a picture.

use serde_json::{Map, Value};
use web::Words;

use super::parts::{day, title, validity, value_text};
use crate::catalogue::{FaceForm, LicenceType};
use crate::facts::Facts;

/// What the template draws.
pub(super) struct Face {
    pub card: bool,
    pub title: String,
    pub place: String,
    pub rows: Vec<Row>,
    pub portrait: bool,
    pub portrait_label: String,
    pub authority: String,
    pub authority_label: String,
    pub issue_date: String,
    pub seal_label: String,
    pub seal_size: u32,
    pub seal_length: u32,
    pub arc_id: &'static str,
    pub qr: String,
    pub qr_label: String,
}

/// A line.
pub(super) struct Row {
    pub name: String,
    pub value: String,
    pub wide: bool,
    pub num: bool,
}

/// What stands on a face before and after issuing.
pub(super) struct Content<'a> {
    pub number: &'a str,
    pub holder_name: &'a str,
    pub holder_code: &'a str,
    pub authority: &'a str,
    pub issue_date: &'a str,
    pub valid_from: &'a str,
    pub valid_until: Option<&'a str>,
    pub items: &'a Map<String, Value>,
    pub qr: String,
}

impl<'a> Content<'a> {
    /// The content of an issued licence.
    pub(super) fn of(facts: &'a Facts, number: &'a str, holder_code: &'a str, qr: String) -> Self {
        Self {
            number,
            holder_name: facts.holder.name(),
            holder_code,
            authority: &facts.authority.name,
            issue_date: &facts.issue_date,
            valid_from: &facts.valid_from,
            valid_until: facts.valid_until.as_deref(),
            items: &facts.items,
            qr,
        }
    }
}

/// Draws `content` as `known` lays it out.
pub(super) fn face(w: &Words, known: &LicenceType, content: Content<'_>, place: &str) -> Face {
    let definition = known.definition();
    let organisation = matches!(known.holder_kind(), crate::catalogue::HolderKind::Organisation);
    let rows = definition
        .face
        .layout
        .iter()
        .filter_map(|field| {
            let (name, value, num) = row(w, known, &content, &field.field, organisation)?;
            Some(Row { name, value, wide: field.wide, num })
        })
        .collect();
    // The longer the name, the smaller its letters and the more of the circle they take.
    let letters = u32::try_from(content.authority.chars().count()).unwrap_or(20).clamp(4, 24);
    Face {
        card: definition.face.form == FaceForm::Card,
        title: definition.face.title.clone(),
        place: place.to_owned(),
        rows,
        portrait: definition.face.portrait,
        portrait_label: w.with("signer-portrait-label", &[("name", content.holder_name)]).into_owned(),
        authority: content.authority.to_owned(),
        authority_label: w.get("signer-authority").into_owned(),
        issue_date: day(w, content.issue_date),
        seal_label: w.with("signer-seal-label", &[("authority", content.authority)]).into_owned(),
        seal_size: if letters <= 10 { 20 } else { 17 },
        seal_length: (letters * 22).min(if letters <= 10 { 225 } else { 238 }),
        arc_id: "arc",
        qr: content.qr,
        qr_label: w.get("signer-scan-to-verify").into_owned(),
    }
}

fn row(
    w: &Words,
    known: &LicenceType,
    content: &Content<'_>,
    field: &str,
    organisation: bool,
) -> Option<(String, String, bool)> {
    let say = |key: &str| w.get(key).into_owned();
    Some(match field {
        "number" if organisation && content.number == content.holder_code => {
            (say("signer-credit-code"), content.number.to_owned(), true)
        }
        "number" => (say("signer-number"), content.number.to_owned(), true),
        "holder_name" => {
            let key = if organisation { "signer-organisation-name" } else { "signer-holder-name" };
            (say(key), content.holder_name.to_owned(), false)
        }
        "holder_code" => {
            let key = if organisation { "signer-credit-code" } else { "signer-holder-code" };
            (say(key), content.holder_code.to_owned(), true)
        }
        "issuing_authority" => (say("signer-authority"), content.authority.to_owned(), false),
        "issue_date" => (say("signer-issue-date"), day(w, content.issue_date), true),
        "validity" => (say("signer-validity"), validity(w, content.valid_from, content.valid_until), true),
        item => {
            let name = title(w, known.definition().item_titles(item)?).to_owned();
            (name, value_text(w, content.items.get(item)?), false)
        }
    })
}
