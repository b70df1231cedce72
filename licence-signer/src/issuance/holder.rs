//! Holders: their kind, their number, their name.

use serde::{Deserialize, Serialize};
use verifier::subject::{IdNumber, SocialCreditCode};

use crate::catalogue::HolderKind;

/// A number that fits its kind (GB/T 36903 holder code types). Its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HolderCode {
    code_type: String,
    code: String,
}

impl std::fmt::Debug for HolderCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HolderCode({}, …)", self.code_type)
    }
}

/// What is wrong with a holder; holds no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HolderFault {
    /// The kind of number is unknown or of the other kind of holder.
    CodeType,
    /// The number does not fit its kind.
    Code,
    /// The name is empty, too long or holds control characters.
    Name,
}

/// Documents of persons other than the resident identity card (GB/T 36903; GA/T 517 neighbours).
const OTHER_DOCUMENTS: [&str; 14] =
    ["114", "115", "118", "119", "120", "122", "411", "412", "413", "414", "511", "516", "553", "999"];

impl HolderCode {
    /// Checks the number by its kind: `111` a resident identity number, `001` a unified social credit code, the others
    /// 4 to 30 letters and digits.
    ///
    /// # Errors
    ///
    /// `CodeType` or `Code`.
    pub fn new(kind: HolderKind, code_type: &str, code: &str) -> Result<Self, HolderFault> {
        let fits = match (kind, code_type) {
            (HolderKind::Person, "111") => code.parse::<IdNumber>().is_ok(),
            (HolderKind::Organisation, "001") => code.parse::<SocialCreditCode>().is_ok(),
            (HolderKind::Person, other) if OTHER_DOCUMENTS.contains(&other) => is_plain(code),
            (HolderKind::Organisation, "099") => is_plain(code),
            _ => return Err(HolderFault::CodeType),
        };
        if fits { Ok(Self { code_type: code_type.to_owned(), code: code.to_owned() }) } else { Err(HolderFault::Code) }
    }

    /// As [`Self::new`], the kind of holder taken from the kind of number.
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub fn of_type(code_type: &str, code: &str) -> Result<Self, HolderFault> {
        let kind = if matches!(code_type, "001" | "099") { HolderKind::Organisation } else { HolderKind::Person };
        Self::new(kind, code_type, code)
    }

    /// The kind of number.
    pub fn code_type(&self) -> &str {
        &self.code_type
    }

    /// The number itself: for sealing and for the keyed digest, never for a log or a path.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What the keyed digest is taken over: kind and canonical number.
    pub fn canonical(&self) -> String {
        format!("{}:{}", self.code_type, self.code)
    }

    /// The number but for its last four characters (of documents other than `111` and `001`: two).
    pub fn masked(&self) -> String {
        let open = if matches!(self.code_type.as_str(), "111" | "001") { 4 } else { 2 };
        let count = self.code.chars().count();
        self.code.chars().enumerate().map(|(place, c)| if place + open < count { '*' } else { c }).collect()
    }
}

fn is_plain(code: &str) -> bool {
    (4..=30).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
}

/// A holder whose number and name were checked. Its `Debug` shows the kind alone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    kind: HolderKind,
    code: HolderCode,
    name: String,
}

impl std::fmt::Debug for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Holder({})", self.kind.as_str())
    }
}

impl Holder {
    /// Checks number and name. A person's name keeps every character that people have; the dots inside it are all
    /// written U+00B7.
    ///
    /// # Errors
    ///
    /// The first fault.
    pub fn new(kind: HolderKind, code_type: &str, code: &str, name: &str) -> Result<Self, HolderFault> {
        let code = HolderCode::new(kind, code_type, code)?;
        let most = if kind == HolderKind::Person { 100 } else { 200 };
        let name = name.trim();
        if name.is_empty() || name.chars().count() > most || name.chars().any(unprintable) {
            return Err(HolderFault::Name);
        }
        let name = if kind == HolderKind::Person { one_dot(name) } else { name.to_owned() };
        Ok(Self { kind, code, name })
    }

    /// Person or organisation.
    pub fn kind(&self) -> HolderKind {
        self.kind
    }

    /// The number.
    pub fn code(&self) -> &HolderCode {
        &self.code
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Control characters, and the invisible ones that turn the direction of what stands beside them.
fn unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn one_dot(name: &str) -> String {
    name.chars()
        .map(|c| if matches!(c, '\u{2022}' | '\u{30fb}' | '\u{ff0e}' | '\u{2027}' | '\u{ff65}') { '\u{b7}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_fit_their_kind() {
        use HolderKind::{Organisation, Person};
        for (kind, code_type, code, expected) in [
            (Person, "111", "11010519491231002X", None),
            (Person, "111", "110105194912310021", Some(HolderFault::Code)),
            (Person, "001", "11100000000013338W", Some(HolderFault::CodeType)),
            (Organisation, "001", "11100000000013338W", None),
            (Organisation, "001", "91110000600037341N", Some(HolderFault::Code)),
            (Organisation, "111", "11010519491231002X", Some(HolderFault::CodeType)),
            (Person, "414", "E12345678", None),
            (Person, "414", "E1234 5678", Some(HolderFault::Code)),
            (Person, "777", "E12345678", Some(HolderFault::CodeType)),
        ] {
            assert_eq!(HolderCode::new(kind, code_type, code).err(), expected, "{code_type}");
        }
    }

    #[test]
    fn names_are_what_people_have() {
        let code = "11010519491231002X";
        for (name, expected) in [
            ("䮌", Some("䮌")),
            ("𠮷", Some("𠮷")),
            ("〇", Some("〇")),
            ("阿卜杜拉•买买提", Some("阿卜杜拉·买买提")),
            ("卡西・木", Some("卡西·木")),
            ("卡西．木", Some("卡西·木")),
            ("卡西‧木", Some("卡西·木")),
            ("Anna Maria de la Cruz", Some("Anna Maria de la Cruz")),
            (
                "二十五个字的名字二十五个字的名字二十五个字的名字十",
                Some("二十五个字的名字二十五个字的名字二十五个字的名字十"),
            ),
            (" ", None),
            ("张\u{0}三", None),
            ("张\u{202e}三", None),
        ] {
            let holder = Holder::new(HolderKind::Person, "111", code, name).ok();
            assert_eq!(holder.as_ref().map(Holder::name), expected, "{name}");
        }
        let masked = HolderCode::new(HolderKind::Person, "111", code).expect("fits").masked();
        assert_eq!(masked, "**************002X");
    }
}
