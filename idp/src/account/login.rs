//! What people type to say who they are: an ID-card number or a phone.

use std::fmt;

use verifier::subject::IdNumber;

use super::digits;
use super::phone::{Phone, PhoneError};

/// A number by which somebody may be known here.
#[derive(Clone, PartialEq, Eq)]
pub enum Login {
    /// A resident identity card's number.
    Number(IdNumber),
    /// A mobile number.
    Phone(Phone),
}

/// Why a text is neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// Nothing typed.
    #[error("nothing typed")]
    Empty,
    /// A phone of another length than 11; holds how many digits.
    #[error("{0} digits instead of 11")]
    PhoneLength(usize),
    /// An ID number of another length than 18; holds how many characters.
    #[error("{0} characters instead of 18")]
    NumberLength(usize),
    /// An ID number of the right length that is none: a digit is wrong.
    #[error("a digit is wrong")]
    NumberDigits,
    /// Anything else.
    #[error("neither an ID number nor a phone")]
    Form,
}

impl Login {
    /// Reads what somebody typed: full-width digits, blanks, a small x, a country code.
    ///
    /// # Errors
    ///
    /// Says what to look at again.
    pub fn read(text: &str) -> Result<Self, LoginError> {
        let plain = digits::plain(text);
        if plain.is_empty() {
            return Err(LoginError::Empty);
        }
        match Phone::read(&plain) {
            Ok(phone) => return Ok(Self::Phone(phone)),
            Err(PhoneError::Length(digits @ 8..=14)) if plain.starts_with('1') || plain.starts_with('+') => {
                return Err(LoginError::PhoneLength(digits));
            }
            Err(_) => {}
        }
        let digits = plain.strip_suffix('X').unwrap_or(&plain);
        if !digits.bytes().all(|b| b.is_ascii_digit()) || plain.len() < 6 || plain.len() > 24 {
            return Err(LoginError::Form);
        }
        match (IdNumber::read(&plain), plain.len()) {
            (Ok(number), _) => Ok(Self::Number(number)),
            (Err(_), 15 | 18) => Err(LoginError::NumberDigits),
            (Err(_), characters) => Err(LoginError::NumberLength(characters)),
        }
    }

    /// The kind under which its digest is made.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Number(_) => NUMBER,
            Self::Phone(_) => PHONE,
        }
    }

    /// The canonical text that is digested.
    pub fn canonical(&self) -> String {
        match self {
            Self::Number(number) => number.as_str().to_owned(),
            Self::Phone(phone) => phone.as_str().to_owned(),
        }
    }
}

/// The digest kind of resident identity card numbers: GB/T 36903 code 111.
pub const NUMBER: &str = "id_number/111";
/// The digest kind of phones.
pub const PHONE: &str = "phone";

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({})", self.kind())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_read_as_people_type_it() {
        for (text, expected) in [
            ("11010519491231002X", Ok("id_number/111")),
            ("11010519491231002x", Ok("id_number/111")),
            ("110105 19491231 002x", Ok("id_number/111")),
            ("１１０１０５１９４９１２３１００２Ｘ", Ok("id_number/111")),
            ("10000000012", Ok("phone")),
            ("+86 100-0000-0012", Ok("phone")),
            ("1000000001", Err(LoginError::PhoneLength(10))),
            ("110105194912310021", Err(LoginError::NumberDigits)),
            ("4401051949123100", Err(LoginError::NumberLength(16))),
            ("alice", Err(LoginError::Form)),
            ("a@b.cn", Err(LoginError::Form)),
            ("", Err(LoginError::Empty)),
            ("  ", Err(LoginError::Empty)),
            ("123\0", Err(LoginError::Form)),
        ] {
            assert_eq!(Login::read(text).as_ref().map(Login::kind), expected.as_ref().copied(), "{text}");
        }
        let long = "1".repeat(1_000);
        assert_eq!(Login::read(&long), Err(LoginError::Form));
    }
}
