//! Reading by office (用证): a matter, a case and a purpose stand behind every look, and the matter decides what is seen.

use serde::{Deserialize, Serialize};

use crate::catalogue::Titles;

/// A matter (事项) of the register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matter {
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: Titles,
    /// The credit code of the department that it belongs to.
    pub department: String,
    /// Others that take it in, a 综合窗口 for instance, by credit code.
    #[serde(default)]
    pub taken_in_by: Vec<String>,
    /// Its region.
    pub region: String,
    /// The licence types that it needs.
    #[serde(default)]
    pub types: Vec<String>,
}

impl Matter {
    /// Whether whoever acts for `department` works on this matter: the right to read comes from the matter.
    pub fn is_worked_on_by(&self, department: &str) -> bool {
        self.department == department || self.taken_in_by.iter().any(|code| code == department)
    }

    /// Whether its members have their shapes.
    pub fn is_well_formed(&self) -> bool {
        let word =
            |text: &str, most: usize| (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        word(&self.code, 64) && word(&self.name.zh, 100) && word(&self.name.en, 100) && word(&self.region, 12)
    }
}

/// Why somebody looks: kept, and shown to the holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The matter's code.
    pub matter: String,
    /// The case's number (办件编号).
    pub case: String,
    /// In words.
    pub purpose: String,
}

/// A member of a reason that does not fit; holds its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReasonFault(pub &'static str);

impl Reason {
    /// Checks the three: the matter's code, a case of at most 64 characters, a purpose of at most 200.
    ///
    /// # Errors
    ///
    /// The first that is empty, too long or holds control characters.
    pub fn new(matter: &str, case: &str, purpose: &str) -> Result<Self, ReasonFault> {
        for (name, text, most) in [("matter", matter, 64), ("case", case, 64), ("purpose", purpose, 200)] {
            let count = text.chars().count();
            if text.trim().is_empty() || count > most || text.chars().any(char::is_control) {
                return Err(ReasonFault(name));
            }
        }
        Ok(Self { matter: matter.to_owned(), case: case.to_owned(), purpose: purpose.trim().to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_whole_or_refused() {
        let long = "字".repeat(201);
        for (matter, case, purpose, fault) in [
            ("m1", "c1", "办理入户", None),
            ("", "c1", "p", Some("matter")),
            ("m1", " ", "p", Some("case")),
            ("m1", "c1", long.as_str(), Some("purpose")),
            ("m1", "c1", "a\u{0}b", Some("purpose")),
        ] {
            assert_eq!(Reason::new(matter, case, purpose).err().map(|f| f.0), fault);
        }
    }
}
