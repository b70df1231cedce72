//! What a certificate of this house lets its key do (formats §6): usages and power, under the authority's own arc.

use crate::algorithm::der;
use crate::region::Region;

const SEQUENCE: u8 = 0x30;
const UTF8_STRING: u8 = 0x0C;

/// The usages under `{oid_arc}.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Usage {
    /// Signs credentials.
    Credential,
    /// Signs codes.
    Code,
    /// Stamps documents.
    Stamping,
    /// Signs purpose-limited copies.
    Copies,
    /// Signs status lists.
    Status,
    /// Signs timestamps.
    Timestamps,
}

impl Usage {
    /// All of them, in the order of their numbers from 1.
    pub const ALL: [Self; 6] =
        [Self::Credential, Self::Code, Self::Stamping, Self::Copies, Self::Status, Self::Timestamps];

    /// The name of the purpose in the register.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::Code => "code",
            Self::Stamping => "stamping",
            Self::Copies => "copies",
            Self::Status => "status",
            Self::Timestamps => "timestamps",
        }
    }

    /// The usage of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|usage| usage.name() == name)
    }

    /// The extended key usage under the authority's arc.
    pub fn oid(self, oid_arc: &str) -> String {
        format!("{oid_arc}.1.{}", 1 + self as u8)
    }

    /// The usage that the object identifier names under the arc.
    pub fn from_oid(oid: &str, oid_arc: &str) -> Option<Self> {
        let number = oid.strip_prefix(oid_arc)?.strip_prefix(".1.")?;
        let place = number.parse::<usize>().ok()?.checked_sub(1)?;
        Self::ALL.get(place).copied()
    }
}

/// The types and regions of the extension `{oid_arc}.2`. Empty means none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Power {
    /// Codes of licence types.
    pub types: Vec<String>,
    /// Codes of regions; each stands for its subtree.
    pub regions: Vec<String>,
}

impl Power {
    /// Reads `SEQUENCE { types SEQUENCE OF UTF8String, regions SEQUENCE OF UTF8String }`; none if it is another thing.
    pub fn read(der: &[u8]) -> Option<Self> {
        let (outer, rest) = der::read(der, SEQUENCE)?;
        let (types, content) = texts(outer)?;
        let (regions, end) = texts(content)?;
        (rest.is_empty() && end.is_empty()).then_some(Self { types, regions })
    }

    /// Whether the licence type is among the types.
    pub fn has_type(&self, code: &str) -> bool {
        self.types.iter().any(|one| one == code)
    }

    /// Whether one of the regions has `region` in its subtree; a text that is no region code has nothing.
    pub fn has_region(&self, region: &Region) -> bool {
        covers(&self.regions, region)
    }
}

pub(crate) fn covers(regions: &[String], region: &Region) -> bool {
    regions.iter().filter_map(|one| one.parse::<Region>().ok()).any(|one| one.contains(region))
}

/// One list of texts at the start of `input`, and what follows.
fn texts(input: &[u8]) -> Option<(Vec<String>, &[u8])> {
    let (mut content, rest) = der::read(input, SEQUENCE)?;
    let mut list = Vec::new();
    while !content.is_empty() {
        let (text, after) = der::read(content, UTF8_STRING)?;
        list.push(std::str::from_utf8(text).ok()?.to_owned());
        content = after;
    }
    Some((list, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn power_is_two_lists_of_texts() {
        let both = [&[0x30, 0x0A][..], &[0x30, 3, 0x0C, 1, b'T'], &[0x30, 3, 0x0C, 1, b'9']].concat();
        assert_eq!(Power::read(&both), Some(Power { types: vec!["T".into()], regions: vec!["9".into()] }));
        assert_eq!(Power::read(&[0x30, 4, 0x30, 0, 0x30, 0]), Some(Power::default()));
        for wrong in [
            &[0x30, 2, 0x30, 0][..],
            &[0x30, 4, 0x30, 0, 0x30, 0, 0],
            &[0x30, 5, 0x30, 3, 2, 1, 1],
            &[0x70, 4, 0x30, 0, 0x30, 0],       // a class of its own
            &[0x30, 4, 0x70, 0, 0x30, 0],       // and inside
            &[0x10, 4, 0x30, 0, 0x30, 0],       // a sequence that has no parts
            &[0x30, 0x81, 4, 0x30, 0, 0x30, 0], // a longer length
            &[0x30, 0x80, 0x30, 0, 0x30, 0, 0, 0],
            &[0x30, 7, 0x30, 3, 0x2C, 1, b'T', 0x30, 0],
            &[0x30, 7, 0x30, 3, 0x0C, 1, 0xFF, 0x30, 0],
            &[],
        ] {
            assert_eq!(Power::read(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn usages_have_their_numbers() {
        for (number, usage) in (1..).zip(Usage::ALL) {
            assert_eq!(usage.oid("1.2.3"), format!("1.2.3.1.{number}"));
            assert_eq!(Usage::from_oid(&usage.oid("1.2.3"), "1.2.3"), Some(usage));
            assert_eq!(Usage::from_name(usage.name()), Some(usage));
        }
        for oid in ["1.2.3.1.0", "1.2.3.1.7", "1.2.3.2", "1.2.31.1.1", "1.2.4.1.1", "1.2.3.1.1.1"] {
            assert_eq!(Usage::from_oid(oid, "1.2.3"), None);
        }
    }
}
