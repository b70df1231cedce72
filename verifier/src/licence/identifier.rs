//! The licence identifier (电子证照标识) of GB/T 36904.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::subject::SocialCreditCode;

/// The object identifier under which all licence identifiers stand.
pub const ROOT: &str = "1.2.156.3005.2";

/// The identifier of one version of a licence: `root.type.issuer.serial.version.check`.
///
/// The check character (ISO 7064 MOD 37,36) fits type, issuer, serial and version, without root and dots, and the
/// credit codes inside pass their own checks. It is text with dots, not an object identifier: letters stand in it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LicenceIdentifier {
    type_code: TypeCode,
    issuer: String,
    serial: String,
    version: u16,
}

/// The code of a licence type: the credit code of the authority that defined it, and three characters of its register.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeCode(String);

/// Why a text is no licence identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    /// Not the root and five parts behind it.
    #[error("a licence identifier has a root and five parts")]
    Form,
    /// The type is not a credit code and three of 0-9A-Z.
    #[error("the type of the licence identifier is not a type code")]
    Type,
    /// The issuer is neither a credit code nor the six digits of a region.
    #[error("the issuer of the licence identifier is not a credit code")]
    Issuer,
    /// The serial is not 7 to 32 of 0-9A-Z.
    #[error("the serial of the licence identifier is not 7 to 32 of 0-9A-Z")]
    Serial,
    /// The version is not 001 to 999.
    #[error("the version of the licence identifier is not 001 to 999")]
    Version,
    /// The check character does not fit.
    #[error("the check character of the licence identifier does not fit")]
    CheckCharacter,
}

impl LicenceIdentifier {
    /// The identifier of these parts; the check character follows from them.
    pub fn new(type_code: TypeCode, issuer: &str, serial: &str, version: u16) -> Result<Self, IdentifierError> {
        let region = issuer.len() == 6 && issuer.bytes().all(|c| c.is_ascii_digit());
        if !region && issuer.parse::<SocialCreditCode>().is_err() {
            return Err(IdentifierError::Issuer);
        }
        if !(7..=32).contains(&serial.len()) || !serial.bytes().all(is_character) {
            return Err(IdentifierError::Serial);
        }
        if !(1..=999).contains(&version) {
            return Err(IdentifierError::Version);
        }
        Ok(Self { type_code, issuer: issuer.to_owned(), serial: serial.to_owned(), version })
    }

    /// The code of the licence's type.
    pub fn type_code(&self) -> &TypeCode {
        &self.type_code
    }

    /// The issuer as it stands: a credit code, in old identifiers the six digits of a region.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The issuer's credit code; none where a region stands in its place.
    pub fn issuer_code(&self) -> Option<SocialCreditCode> {
        self.issuer.parse().ok()
    }

    /// The serial: 7 to 32 of 0-9A-Z.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// The version, 1 to 999.
    pub fn version(&self) -> u16 {
        self.version
    }

    /// The identifier of the version after this one; none after 999.
    pub fn next_version(&self) -> Option<Self> {
        (self.version < 999).then(|| Self { version: self.version + 1, ..self.clone() })
    }

    fn check_character(&self) -> char {
        let body = format!("{}{}{}{:03}", self.type_code, self.issuer, self.serial, self.version);
        let product = body.bytes().fold(36, |product, character| {
            let value = if character.is_ascii_digit() { character - b'0' } else { character - b'A' + 10 };
            let sum = match (product + u32::from(value)) % 36 {
                0 => 36,
                sum => sum,
            };
            2 * sum % 37
        });
        std::char::from_digit((37 - product) % 36, 36).map_or('0', |c| c.to_ascii_uppercase())
    }
}

fn is_character(c: u8) -> bool {
    c.is_ascii_digit() || c.is_ascii_uppercase()
}

impl FromStr for LicenceIdentifier {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        let parts = text.strip_prefix(ROOT).and_then(|rest| rest.strip_prefix('.')).ok_or(IdentifierError::Form)?;
        let parts: Vec<&str> = parts.split('.').take(6).collect();
        let [type_code, issuer, serial, version, check] = parts[..] else { return Err(IdentifierError::Form) };
        if version.len() != 3 || !version.bytes().all(|c| c.is_ascii_digit()) {
            return Err(IdentifierError::Version);
        }
        let version = version.parse().map_err(|_| IdentifierError::Version)?;
        let identifier = Self::new(type_code.parse()?, issuer, serial, version)?;
        let mut buffer = [0; 4];
        if check != identifier.check_character().encode_utf8(&mut buffer) {
            return Err(IdentifierError::CheckCharacter);
        }
        Ok(identifier)
    }
}

impl fmt::Display for LicenceIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { type_code, issuer, serial, version } = self;
        write!(f, "{ROOT}.{type_code}.{issuer}.{serial}.{version:03}.{}", self.check_character())
    }
}

impl fmt::Debug for LicenceIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TypeCode {
    /// The twenty-one characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The authority that defined the type.
    pub fn definer(&self) -> SocialCreditCode {
        self.0[..18].parse().expect("checked when the code was read")
    }
}

impl FromStr for TypeCode {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        let (definer, number) = text.split_at_checked(18).ok_or(IdentifierError::Type)?;
        if definer.parse::<SocialCreditCode>().is_err() || number.len() != 3 || !number.bytes().all(is_character) {
            return Err(IdentifierError::Type);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for TypeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TypeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text in JSON, parsed on the way in.
macro_rules! as_text {
    ($type:ty) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

as_text!(LicenceIdentifier);
as_text!(TypeCode);
