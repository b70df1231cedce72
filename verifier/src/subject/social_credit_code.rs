//! Unified social credit codes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::normalised;

/// A unified social credit code (统一社会信用代码): both of its check characters fit.
///
/// Position 1 department, 2 category, 3 to 8 region, 9 to 17 organisation code, 18 check character.
/// Source: GB 32100—2015; the organisation code inside: GB 11714.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocialCreditCode([u8; 18]);

/// Why a text is no such code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SocialCreditCodeError {
    /// Not eighteen characters of ASCII.
    #[error("the code has the wrong length")]
    Length,
    /// A character outside the alphabet (I, O, S, V and Z are not in it), or a letter in the region.
    #[error("the code holds a character that does not belong there")]
    Character,
    /// The last character does not fit the others.
    #[error("the check character does not fit")]
    CheckCharacter,
    /// The check character of the organisation code inside does not fit; in old data a matter for review.
    #[error("the check character of the organisation code inside does not fit")]
    OrganisationCode,
}

const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

impl SocialCreditCode {
    /// Reads a code as people type it: full-width characters, blanks, small letters.
    pub fn read(text: &str) -> Result<Self, SocialCreditCodeError> {
        normalised(text).parse()
    }

    /// The eighteen characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("the alphabet is ASCII")
    }

    /// The region of the registering authority: six digits of GB/T 2260.
    pub fn region(&self) -> &str {
        &self.as_str()[2..8]
    }

    /// The organisation code (组织机构代码) inside, with its check character.
    pub fn organisation_code(&self) -> &str {
        &self.as_str()[8..17]
    }
}

impl FromStr for SocialCreditCode {
    type Err = SocialCreditCodeError;

    /// Reads the standard form only.
    fn from_str(text: &str) -> Result<Self, SocialCreditCodeError> {
        let chars: [u8; 18] = text.as_bytes().try_into().map_err(|_| SocialCreditCodeError::Length)?;
        let mut sum = 0;
        let mut weight = 1;
        for character in &chars[..17] {
            sum += value(*character)? * weight;
            weight = weight * 3 % 31;
        }
        value(chars[17])?;
        if !chars[2..8].iter().all(u8::is_ascii_digit) {
            return Err(SocialCreditCodeError::Character);
        }
        if chars[17] != ALPHABET[(31 - sum % 31) % 31] {
            return Err(SocialCreditCodeError::CheckCharacter);
        }
        if chars[16] != organisation_check(&chars[8..16]) {
            return Err(SocialCreditCodeError::OrganisationCode);
        }
        Ok(Self(chars))
    }
}

fn value(character: u8) -> Result<usize, SocialCreditCodeError> {
    ALPHABET.iter().position(|c| *c == character).ok_or(SocialCreditCodeError::Character)
}

/// The check character of an organisation code's first eight (GB 11714).
fn organisation_check(characters: &[u8]) -> u8 {
    let weighed = characters.iter().zip([3, 7, 9, 10, 5, 8, 4, 2]).map(|(character, weight)| {
        let value = if character.is_ascii_digit() { character - b'0' } else { character - b'A' + 10 };
        usize::from(value) * weight
    });
    b"0X987654321"[weighed.sum::<usize>() % 11]
}

impl fmt::Display for SocialCreditCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for SocialCreditCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for SocialCreditCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for SocialCreditCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::SocialCreditCodeError::{Character, CheckCharacter, Length, OrganisationCode};
    use super::*;

    #[test]
    fn codes_pass_both_checks() {
        for text in [
            "91110000600037341L", // published
            "91350100M000100Y43",
            "91440300708461136T",
            "91330100799655058B",
            "91110108551385082Q",
            "914403001922038216",
            "91310000132149237G",
            "11100000000013338W",
            "11100000000013127D",
            "11100000MB03271699",
            "11220000013544541J",
            "11430000006122244L",
            "11110000000021135M",
            "12110000400777687U",
            "52410221MJ0000018Q",
            "91640100MA00TE5T2G", // made up
            "92440703MA00ABCD49",
            "11640000MB00XY126D",
            "12410600MB0000T13R",
            "93640104MA7600AB93",
            "11990100001000010R",
        ] {
            let code: SocialCreditCode = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(code.to_string(), text);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for (text, expected) in [
            ("91110000600037341N", CheckCharacter),
            ("A1110000600037341L", CheckCharacter), // A is a department
            ("911100001000013428", CheckCharacter),
            ("9111000060003734IL", Character),
            ("9111000060003734OL", Character),
            ("9111000060003734SL", Character),
            ("9111000060003734VL", Character),
            ("9111000060003734ZL", Character),
            ("91110000600037341l", Character),
            ("91A10000600037341L", Character),
            ("91110000600037341", Length),
            ("91110000600037341L ", Length),
            ("张三李四王五", Character), // eighteen bytes
            ("", Length),
        ] {
            assert_eq!(text.parse::<SocialCreditCode>(), Err(expected), "{text}");
        }
        let inner_alone = (0..31).find_map(|last| {
            let text = format!("9111000060003734{}{}", 2, char::from(ALPHABET[last]));
            (text.parse::<SocialCreditCode>() == Err(OrganisationCode)).then_some(text)
        });
        assert!(inner_alone.is_some());
        assert_eq!(SocialCreditCode::read(" ９１１１００００ 600037341l").unwrap().as_str(), "91110000600037341L");
    }
}
