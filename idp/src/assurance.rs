//! How surely somebody was recognised, and by what means.

use serde::{Deserialize, Serialize};
use verifier::time::Timestamp;

use crate::ids::PersonId;

/// The level of a sign-in: the lower of identity and authentication level (formats §1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Acr {
    /// Entered, or matched by data alone.
    One,
    /// A means bound to the person.
    Two,
    /// Level two and a phishing-resistant authenticator.
    Three,
}

impl Acr {
    /// All of them, lowest first.
    pub const ALL: [Self; 3] = [Self::One, Self::Two, Self::Three];

    /// The value of `acr`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::One => "urn:xinyin:acr:1",
            Self::Two => "urn:xinyin:acr:2",
            Self::Three => "urn:xinyin:acr:3",
        }
    }

    /// Reads a value of `acr`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|acr| acr.as_str() == text)
    }

    /// 1, 2 or 3.
    pub const fn level(self) -> i64 {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Three => 3,
        }
    }

    /// From 1, 2 or 3.
    pub const fn from_level(level: i64) -> Option<Self> {
        match level {
            1 => Some(Self::One),
            2 => Some(Self::Two),
            3 => Some(Self::Three),
            _ => None,
        }
    }
}

/// A means of authentication (RFC 8176 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Amr {
    /// Password.
    Pwd,
    /// One-time password.
    Otp,
    /// A code sent to a phone.
    Sms,
    /// A key in hardware.
    Hwk,
    /// A key in software (or synced).
    Swk,
    /// The user was present and confirmed.
    User,
    /// The authenticator's PIN or pattern.
    Pin,
    /// Several factors.
    Mfa,
}

impl Amr {
    const ALL: [Self; 8] = [Self::Pwd, Self::Otp, Self::Sms, Self::Hwk, Self::Swk, Self::User, Self::Pin, Self::Mfa];

    /// The registered value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pwd => "pwd",
            Self::Otp => "otp",
            Self::Sms => "sms",
            Self::Hwk => "hwk",
            Self::Swk => "swk",
            Self::User => "user",
            Self::Pin => "pin",
            Self::Mfa => "mfa",
        }
    }

    /// Reads a registered value.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|amr| amr.as_str() == text)
    }
}

/// Somebody was just recognised: what sign-in hands to [`crate::session::sign_in`].
#[derive(Clone, Debug)]
pub struct Authentication {
    /// Who.
    pub person: PersonId,
    /// How surely.
    pub acr: Acr,
    /// By what.
    pub amr: Vec<Amr>,
    /// When: `auth_time`.
    pub at: Timestamp,
    /// Whether the browser may be remembered beyond this working session.
    pub remember: bool,
}
