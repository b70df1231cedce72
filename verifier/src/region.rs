//! Administrative regions and the subtree that each stands for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The code of a province, city, county (6 digits, GB/T 2260), township (9) or village (12, GB/T 10114).
///
/// Written as received; two codes are the same region if they stand for the same subtree.
#[derive(Clone)]
pub struct Region(String);

/// A text that is no region code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a region code has 6, 9 or 12 digits")]
pub struct RegionError;

impl Region {
    /// The code as received.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digits that every code of the subtree begins with: trailing `000` groups beyond six digits are struck, of
    /// six digits trailing `00` pairs. Of `000000` nothing remains, and it covers all.
    pub fn prefix(&self) -> &str {
        let mut prefix = self.0.as_str();
        while prefix.len() > 6 && prefix.ends_with("000") {
            prefix = &prefix[..prefix.len() - 3];
        }
        while matches!(prefix.len(), 2 | 4 | 6) && prefix.ends_with("00") {
            prefix = &prefix[..prefix.len() - 2];
        }
        prefix
    }

    /// Whether `other` is this region or lies within it.
    pub fn contains(&self, other: &Self) -> bool {
        other.prefix().starts_with(self.prefix())
    }
}

impl FromStr for Region {
    type Err = RegionError;

    fn from_str(text: &str) -> Result<Self, RegionError> {
        let digits = text.bytes().all(|c| c.is_ascii_digit());
        if !digits || !matches!(text.len(), 6 | 9 | 12) {
            return Err(RegionError);
        }
        Ok(Self(text.to_owned()))
    }
}

impl PartialEq for Region {
    fn eq(&self, other: &Self) -> bool {
        self.prefix() == other.prefix()
    }
}

impl Eq for Region {}

impl std::hash::Hash for Region {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.prefix().hash(state);
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Region {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Region {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_stands_for_its_subtree() {
        for (region, prefix) in [
            ("000000", ""), // all is covered
            ("990000", "99"),
            ("990100", "9901"),
            ("990101", "990101"),
            ("990110", "990110"),
            ("990101001", "990101001"),
            ("990101000", "990101"),
            ("990100000000", "9901"),
            ("990101001000", "990101001"),
            ("990101001002", "990101001002"),
            ("990101000001", "990101000001"),
            ("990101100", "990101100"),
            ("990101100000", "990101100"),
        ] {
            assert_eq!(region.parse::<Region>().unwrap().prefix(), prefix, "{region}");
        }
        for (whole, part, within) in [
            ("990000", "990101001002", true),
            ("990100", "990100", true),
            ("990100", "990100000000", true),
            ("990100000", "990101", true),
            ("990101", "990100", false),
            ("990100", "990201", false),
            ("990101001", "990101", false),
            ("990110", "990101", false),
        ] {
            let (whole, part): (Region, Region) = (whole.parse().unwrap(), part.parse().unwrap());
            assert_eq!(whole.contains(&part), within, "{whole} {part}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "99", "9901000", "99010000000", "99010A", "９９０１", "-90100", " 990100"] {
            assert_eq!(text.parse::<Region>(), Err(RegionError), "{text}");
        }
    }
}
