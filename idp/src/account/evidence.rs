//! What an identity rests on, and the level that follows.

use verifier::time::Timestamp;

use crate::assurance::Acr;

/// How an identity was proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// What was entered was compared with the population register.
    RegisterMatch,
    /// A code reached the phone that an operator holds for the number.
    PhoneCode,
    /// Somebody looked at person and card at a counter.
    Counter,
    /// The operator of the platform loaded the person from a source of his own.
    Provisioned,
}

impl Means {
    const ALL: [Self; 4] = [Self::RegisterMatch, Self::PhoneCode, Self::Counter, Self::Provisioned];

    /// Its name in a row.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RegisterMatch => "register_match",
            Self::PhoneCode => "phone_code",
            Self::Counter => "counter",
            Self::Provisioned => "provisioned",
        }
    }

    /// Reads a name in a row.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|means| means.as_str() == text)
    }
}

/// One piece of evidence.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// How.
    pub means: Means,
    /// By whom: the register's host, the counter, the file.
    pub source: String,
    /// What came out: `matched`, `received` …
    pub result: &'static str,
    /// The identity level that it gives, 1 or 2.
    pub level: i64,
    /// When.
    pub at: Timestamp,
}

/// How somebody was recognised this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Factor {
    /// A password.
    Password,
    /// A code to the person's phone.
    Code,
    /// A passkey that verified its user; holds whether it is kept in software that syncs it.
    Passkey {
        /// Whether it may be backed up.
        synced: bool,
    },
}

/// `acr`: the lower of identity and authentication level. Level 3 is level 2 with a phishing-resistant authenticator.
pub fn acr(identity: i64, factor: Factor) -> Acr {
    match (identity, factor) {
        (..=1, _) => Acr::One,
        (_, Factor::Password | Factor::Code) => Acr::Two,
        (_, Factor::Passkey { .. }) => Acr::Three,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acr_is_the_lower_level() {
        let passkey = Factor::Passkey { synced: true };
        for (identity, factor, expected) in [
            (0, Factor::Password, Acr::One),
            (1, Factor::Password, Acr::One),
            (1, passkey, Acr::One),
            (2, Factor::Password, Acr::Two),
            (2, Factor::Code, Acr::Two),
            (2, passkey, Acr::Three),
        ] {
            assert_eq!(acr(identity, factor), expected, "{identity} {factor:?}");
        }
    }
}
