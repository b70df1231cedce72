//! Claims about a person or organisation (formats §1).

use std::collections::BTreeSet;

use keys::field::FieldKeys;
use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::grant::Granted;
use crate::ids::PersonId;
use crate::storage::people::SealedPerson;

/// The claims that this provider has beside those of every ID token.
pub(crate) const NAMES: [&str; 9] = [
    "name",
    "id_number_masked",
    "locale",
    "updated_at",
    "id_type",
    "id_number",
    "phone_number",
    "phone_number_verified",
    "organisation",
];

/// The scope that a claim belongs to.
pub(crate) fn scope_of(claim: &str) -> Option<&'static str> {
    match claim {
        "name" | "id_number_masked" | "locale" | "updated_at" => Some("profile"),
        "id_type" | "id_number" => Some("id_number"),
        "phone_number" | "phone_number_verified" => Some("phone"),
        "organisation" => Some("organisation"),
        _ => None,
    }
}

/// Whether a scope is one of our own, which have lines of their own on the consent page.
pub(crate) fn scope_of_scope(scope: &str) -> Option<&'static str> {
    crate::client::OWN_SCOPES.into_iter().find(|own| *own == scope)
}

/// Which claims go out: those of the granted scopes (at userinfo alone), and single ones asked for within what the person
/// released. Whole numbers go by their scope and at userinfo alone.
pub(crate) fn wanted(granted: &Granted, single: &BTreeSet<String>, at_userinfo: bool) -> BTreeSet<&'static str> {
    let has = |scope: &str| granted.scope.iter().any(|s| s == scope);
    NAMES
        .into_iter()
        .filter(|claim| {
            let Some(scope) = scope_of(claim) else { return false };
            let released = granted.released.iter().any(|s| s == scope);
            let by_scope = has(scope) && (at_userinfo || scope == "organisation");
            let alone = released && single.contains(*claim) && scope != "id_number";
            by_scope || alone
        })
        .collect()
}

/// Text of a number that shows its last characters alone: four of an identity card's, two of another document's.
pub(crate) fn masked(id_type: &str, number: &str) -> String {
    let shown = if id_type == "111" { 4 } else { 2 };
    let count = number.chars().count();
    number.chars().enumerate().map(|(at, c)| if at + shown < count { '*' } else { c }).collect()
}

/// A person's claims in the clear, only as long as an answer is made.
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) locale: Option<String>,
    pub(crate) updated_at: i64,
    pub(crate) document: Option<(String, String)>,
    pub(crate) phone: Option<(String, bool)>,
}

impl Person {
    /// Opens what was sealed.
    pub(crate) fn open(keys: &FieldKeys, id: &PersonId, sealed: &SealedPerson) -> Result<Self, Error> {
        let text = |table: &'static str, column: &str, row: &str, bytes: &[u8]| -> Result<String, Error> {
            let plain = keys.open(table, column, row, bytes).map_err(|_| Error::Damaged(table))?;
            String::from_utf8(plain.to_vec()).map_err(|_| Error::Damaged(table))
        };
        let document = match (&sealed.document_id, &sealed.id_type, &sealed.number) {
            (Some(row), Some(kind), Some(number)) => {
                Some((kind.clone(), text("identity_documents", "number", row, number)?))
            }
            _ => None,
        };
        let phone = match &sealed.phone {
            Some(number) => Some((text("phones", "number", id.as_str(), number)?, sealed.phone_verified == Some(1))),
            None => None,
        };
        Ok(Self {
            name: text("persons", "name", id.as_str(), &sealed.name)?,
            locale: sealed.locale.clone(),
            updated_at: sealed.updated_at,
            document,
            phone,
        })
    }

    /// Puts the wanted claims into `out`.
    pub(crate) fn write(&self, wanted: &BTreeSet<&'static str>, out: &mut Map<String, Value>) {
        let mut put = |name: &'static str, value: Option<Value>| {
            if let Some(value) = value.filter(|_| wanted.contains(name)) {
                out.insert(name.to_owned(), value);
            }
        };
        put("name", Some(json!(self.name)));
        put("locale", self.locale.as_ref().map(|locale| json!(locale)));
        put("updated_at", Some(json!(self.updated_at)));
        if let Some((kind, number)) = &self.document {
            put("id_number_masked", Some(json!(masked(kind, number))));
            put("id_type", Some(json!(kind)));
            put("id_number", Some(json!(number)));
        }
        if let Some((number, verified)) = &self.phone {
            put("phone_number", Some(json!(number)));
            put("phone_number_verified", Some(json!(verified)));
        }
    }
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Person(***)")
    }
}

/// Puts `sub_type` and, when acting, `act` and `mandate` (formats §1). `person_sub` is the person's own `sub` in the sector
/// of the token.
pub(crate) fn write_subject(granted: &Granted, sub: &str, person_sub: Option<&str>, out: &mut Map<String, Value>) {
    out.insert("sub".into(), json!(sub));
    let Some(acting) = &granted.acting else {
        out.insert("sub_type".into(), json!("person"));
        return;
    };
    out.insert("sub_type".into(), json!("organisation"));
    out.insert("act".into(), json!({ "sub": person_sub.unwrap_or(&acting.person_sub) }));
    out.insert("mandate".into(), json!(acting.mandate));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_number_shows_its_end_alone() {
        for (kind, number, expected) in [
            ("111", "110101199001010007", "**************0007"),
            ("414", "E12345678", "*******78"),
            ("414", "E1", "E1"),
            ("111", "", ""),
        ] {
            assert_eq!(masked(kind, number), expected);
        }
    }
}
