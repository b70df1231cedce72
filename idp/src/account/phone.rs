//! A mobile number of the mainland, and how people type it.

use std::fmt;

use super::digits;

/// An 11-digit mobile number that begins with 1.
#[derive(Clone, PartialEq, Eq)]
pub struct Phone(String);

/// Why a text is no mobile number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    /// Nothing typed.
    #[error("no number")]
    Empty,
    /// Another number of digits than 11; holds how many.
    #[error("{0} digits instead of 11")]
    Length(usize),
    /// Something that is no digit, or a first digit other than 1.
    #[error("no mobile number")]
    Form,
}

impl Phone {
    /// Reads what somebody typed: blanks, hyphens, full-width digits and the country code +86 are taken off.
    ///
    /// # Errors
    ///
    /// Says what is missing.
    pub fn read(text: &str) -> Result<Self, PhoneError> {
        let plain = digits::plain(text);
        if plain.is_empty() {
            return Err(PhoneError::Empty);
        }
        let number = plain
            .strip_prefix("+86")
            .or_else(|| plain.strip_prefix("0086"))
            .or_else(|| plain.strip_prefix("86").filter(|rest| rest.len() == 11))
            .unwrap_or(&plain);
        if !number.bytes().all(|b| b.is_ascii_digit()) {
            return Err(PhoneError::Form);
        }
        if number.len() != 11 {
            return Err(PhoneError::Length(number.len()));
        }
        if !number.starts_with('1') {
            return Err(PhoneError::Form);
        }
        Ok(Self(number.to_owned()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Seven stars and the last four digits.
    pub fn masked(&self) -> String {
        format!("*******{}", &self.0[7..])
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phone(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_is_read_as_people_type_it() {
        for (text, expected) in [
            ("10000000012", Ok("10000000012")),
            ("+86 100 0000 0012", Ok("10000000012")),
            ("0086-100-0000-0012", Ok("10000000012")),
            ("8610000000012", Ok("10000000012")),
            ("１００００００００１２", Ok("10000000012")),
            ("1000000001", Err(PhoneError::Length(10))),
            ("100000000123", Err(PhoneError::Length(12))),
            ("20000000012", Err(PhoneError::Form)),
            ("1000000001a", Err(PhoneError::Form)),
            ("", Err(PhoneError::Empty)),
        ] {
            assert_eq!(Phone::read(text).as_ref().map(Phone::as_str), expected.as_ref().copied(), "{text}");
        }
        assert_eq!(Phone::read("10000000012").expect("a phone").masked(), "*******0012");
    }
}
