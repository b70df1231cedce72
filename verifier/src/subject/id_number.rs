//! Citizen identification numbers and the permits that share their form.

use std::fmt;
use std::str::FromStr;

use super::normalised;
use crate::time::Date;

/// A citizen identification number (公民身份号码), or the number of a permit of the same form: 17 digits and the check
/// character that fits them.
///
/// The date inside is a real calendar day and the province exists; that anyone holds the number is not claimed.
/// Sequence 000 is accepted. Not shown by `Debug`, and there is no `Display`: whoever needs the number asks for it.
/// Source: GB 11643—1999; ISO 7064 MOD 11-2.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdNumber([u8; 18]);

/// What kind of document has a number of this form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdNumberKind {
    /// Resident identity card (居民身份证).
    Resident,
    /// Residence permit for residents of Hong Kong, Macao and Taiwan (港澳台居民居住证).
    ResidencePermit,
    /// Foreign permanent resident ID card (外国人永久居留身份证) in the form of 2023.
    ForeignPermanentResident,
}

/// Why a text is no such number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdNumberError {
    /// Not eighteen (when reading old forms: or fifteen) characters of ASCII.
    #[error("the number has the wrong length")]
    Length,
    /// A character where a digit belongs, or a last one that is neither digit nor X.
    #[error("the number holds a character that does not belong there")]
    Character,
    /// The last character does not fit the others.
    #[error("the check character does not fit")]
    CheckCharacter,
    /// No province has these first digits.
    #[error("no province has this code")]
    Region,
    /// The calendar has no such day.
    #[error("the date of birth does not exist")]
    Date,
    /// A 15-digit number of the range once kept for centenarians: its century is for a person to decide.
    #[error("the century of this old number must be reviewed")]
    Review,
}

impl IdNumber {
    /// Reads a number as people type it: full-width characters, blanks, a small x, and the old form of 15 digits.
    pub fn read(text: &str) -> Result<Self, IdNumberError> {
        let text = normalised(text);
        if text.len() == 15 { Self::from_fifteen(&text) } else { text.parse() }
    }

    /// The number of 18 characters that replaced one of 15 digits: the century is 19.
    ///
    /// Sequences 996 to 999 were kept for persons born in the century before, so they are `Review`.
    pub fn from_fifteen(text: &str) -> Result<Self, IdNumberError> {
        let old: [u8; 15] = text.as_bytes().try_into().map_err(|_| IdNumberError::Length)?;
        if !old.iter().all(u8::is_ascii_digit) {
            return Err(IdNumberError::Character);
        }
        if (*b"996"..=*b"999").contains(&[old[12], old[13], old[14]]) {
            return Err(IdNumberError::Review);
        }
        let mut number = [0; 18];
        number[..6].copy_from_slice(&old[..6]);
        number[6..8].copy_from_slice(b"19");
        number[8..17].copy_from_slice(&old[6..]);
        number[17] = check_character(&number[..17]);
        checked(number)
    }

    /// The number itself. Whoever asks sees that it reaches no log, URL or error.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("digits and X are ASCII")
    }

    /// Fourteen `*` and the last four characters.
    pub fn masked(&self) -> String {
        super::mask::id_number(self.as_str())
    }

    /// The kind of document that the first digits tell.
    pub fn kind(&self) -> IdNumberKind {
        match &self.0[..2] {
            [b'9', _] => IdNumberKind::ForeignPermanentResident,
            b"81" | b"82" | b"83" => IdNumberKind::ResidencePermit,
            _ => IdNumberKind::Resident,
        }
    }

    /// The date of birth inside the number.
    pub fn born(&self) -> Date {
        birth_date(&self.0).expect("checked when the number was read")
    }
}

impl FromStr for IdNumber {
    type Err = IdNumberError;

    /// Reads the standard form only.
    fn from_str(text: &str) -> Result<Self, IdNumberError> {
        let chars: [u8; 18] = text.as_bytes().try_into().map_err(|_| IdNumberError::Length)?;
        let (check, digits) = chars.split_last().expect("eighteen characters have a last one");
        if !digits.iter().all(u8::is_ascii_digit) || !(check.is_ascii_digit() || *check == b'X') {
            return Err(IdNumberError::Character);
        }
        if *check != check_character(digits) {
            return Err(IdNumberError::CheckCharacter);
        }
        checked(chars)
    }
}

impl fmt::Debug for IdNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdNumber(******************)")
    }
}

fn checked(number: [u8; 18]) -> Result<IdNumber, IdNumberError> {
    let province = if number[0] == b'9' { &number[1..3] } else { &number[..2] };
    let permit = province == b"83" && number[0] != b'9';
    if !permit && !PROVINCES.contains(&[province[0], province[1]]) {
        return Err(IdNumberError::Region);
    }
    birth_date(&number).ok_or(IdNumberError::Date)?;
    Ok(IdNumber(number))
}

/// The first two digits of GB/T 2260. Codes below the province come and go, so a number outlives them.
#[rustfmt::skip]
const PROVINCES: [[u8; 2]; 34] = [
    *b"11", *b"12", *b"13", *b"14", *b"15", *b"21", *b"22", *b"23", *b"31", *b"32", *b"33", *b"34", *b"35", *b"36",
    *b"37", *b"41", *b"42", *b"43", *b"44", *b"45", *b"46", *b"50", *b"51", *b"52", *b"53", *b"54", *b"61", *b"62",
    *b"63", *b"64", *b"65", *b"71", *b"81", *b"82",
];

fn birth_date(number: &[u8; 18]) -> Option<Date> {
    Date::from_compact(number[6..14].iter().fold(0, |sum, digit| sum * 10 + u64::from(digit.wrapping_sub(b'0'))))
}

/// The check character of seventeen digits (ISO 7064 MOD 11-2: the weight of position i is 2^(18−i) mod 11).
fn check_character(digits: &[u8]) -> u8 {
    let sum = digits.iter().fold(0, |sum, digit| (sum + u32::from(digit.wrapping_sub(b'0'))) * 2 % 11);
    b"10X98765432"[(sum % 11) as usize]
}

#[cfg(test)]
mod tests {
    use super::IdNumberError::{Character, CheckCharacter, Length, Region, Review};
    use super::*;

    #[test]
    fn id_number_reads_the_standard_form_only() {
        for (text, expected) in [
            ("11010519491231002X", Ok(())), // GB 11643—1999, annex A
            ("64010419920229001X", Ok(())),
            ("410621200001011236", Ok(())),
            ("440703198512310025", Ok(())),
            ("64010419880808008X", Ok(())),
            ("360426199101010071", Ok(())), // python-stdnum, as the next
            ("44011320141005001X", Ok(())),
            ("810000199001010027", Ok(())), // permits
            ("820000199001010037", Ok(())),
            ("830000199001010047", Ok(())),
            ("911840199001010018", Ok(())), // foreign permanent residents
            ("964643198512310026", Ok(())),
            ("911124198108030024", Ok(())),
            ("640000197901010101", Ok(())), // the code of a whole province
            ("11010118991231001X", Ok(())), // over 120 years old
            ("640104202612310014", Ok(())), // not yet born: for whoever knows the day
            ("640104199002290015", Err(IdNumberError::Date)),
            ("999999199001010016", Err(Region)),
            ("911640199001010010", Err(CheckCharacter)),
            ("36042619910102009X", Err(CheckCharacter)),
            ("360426199113010079", Err(IdNumberError::Date)),
            ("990426199112010074", Err(Region)),
            ("110105194912310021", Err(CheckCharacter)), // last character changed
            ("11010519491231002x", Err(Character)),
            ("1101051949123100２X", Err(Length)), // full-width digit
            ("11010519491231002Ｘ", Err(Length)), // full-width X: 20 bytes
            ("11010519491231002", Err(Length)),
            ("X1010519491231002X", Err(Character)),
            ("11010519491231002 ", Err(Character)),
            ("", Err(Length)),
            ("张三李四王五", Err(Character)), // eighteen bytes
        ] {
            assert_eq!(text.parse::<IdNumber>().map(drop), expected, "{text}");
        }
    }

    #[test]
    fn typed_and_old_forms_are_read() {
        for (text, expected) in [
            (" 110105 19491231 002x\u{3000}", Ok("11010519491231002X")),
            ("１１０１０５１９４９１２３１００２Ｘ", Ok("11010519491231002X")),
            ("11010519491231002ｘ\u{feff}", Ok("11010519491231002X")),
            ("640104880808001", Ok("640104198808080012")),
            ("110105491231002", Ok("11010519491231002X")),
            ("640104991231997", Err(Review)),
            ("640104991231995", Ok("640104199912319956")),
            ("64010499123199X", Err(Character)),
            ("64010488080800", Err(Length)),
            ("110105-194912310-2X", Err(Length)),
        ] {
            let read = IdNumber::read(text);
            assert_eq!(read.as_ref().map(IdNumber::as_str).map_err(|e| *e), expected, "{text}");
        }
    }

    #[test]
    fn one_wrong_digit_is_always_found() {
        let good = b"11010519491231002X";
        for place in 0..18 {
            for character in b"0123456789X" {
                let mut wrong = *good;
                wrong[place] = *character;
                let text = std::str::from_utf8(&wrong).unwrap();
                assert_eq!(text.parse::<IdNumber>().is_ok(), wrong == *good, "{text}");
            }
        }
    }

    #[test]
    fn a_number_tells_its_kind_and_date_but_not_itself() {
        for (text, kind) in [
            ("11010519491231002X", IdNumberKind::Resident),
            ("830000199001010047", IdNumberKind::ResidencePermit),
            ("911840199001010018", IdNumberKind::ForeignPermanentResident),
        ] {
            let number: IdNumber = text.parse().unwrap();
            assert_eq!(number.kind(), kind);
            assert!(!format!("{number:?}").contains(|c: char| c.is_ascii_digit()));
        }
        assert_eq!("11010519491231002X".parse::<IdNumber>().unwrap().born().to_string(), "1949-12-31");
        assert_eq!("11010519491231002X".parse::<IdNumber>().unwrap().masked(), "**************002X");
    }
}
