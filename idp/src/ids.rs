//! Identifiers: random, opaque, made here. A number of a person never is one.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keys::sources::{RandomError, Sources};

/// The most characters that an identifier from outside may have.
pub const MAX_CHARS: usize = 64;

/// `N` random bytes as base64url.
///
/// # Errors
///
/// `RandomError` if the source has failed.
pub fn random_text<const N: usize>(sources: &Sources) -> Result<String, RandomError> {
    Ok(URL_SAFE_NO_PAD.encode(sources.bytes::<N>()?))
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// A new one: 128 random bits, base64url.
            ///
            /// # Errors
            ///
            /// `RandomError` if the random source has failed.
            pub fn random(sources: &Sources) -> Result<Self, RandomError> {
                random_text::<16>(sources).map(Self)
            }

            /// Takes text that may be one: 1 to 64 of `A-Z a-z 0-9 - _ . :`.
            pub fn parse(text: &str) -> Option<Self> {
                let fits = (1..=MAX_CHARS).contains(&text.len())
                    && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'));
                fits.then(|| Self(text.to_owned()))
            }

            /// Takes what stands in our own row.
            pub(crate) fn stored(text: String) -> Self {
                Self(text)
            }

            /// Its text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// A natural person's internal id; never leaves the house.
    PersonId
);
id!(
    /// An organisation's internal id; never leaves the house.
    OrganisationId
);
id!(
    /// A mandate's id; stands in tokens.
    MandateId
);
id!(
    /// `client_id` (RFC 6749 §2.2).
    ClientId
);
id!(
    /// One person's session in one browser; never leaves the house (a `sid` is made from it).
    SessionId
);
id!(
    /// A pending authorization, as it stands in the path of its pages.
    InteractionId
);

impl PersonId {
    /// Stands where nobody was found and the same must be done as for somebody; shorter than every random one.
    pub(crate) fn nobody() -> Self {
        Self("nobody".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_from_outside_is_short_plain_text() {
        for (text, fits) in [
            ("portal", true),
            ("a.b-c_d:e", true),
            ("", false),
            ("a b", false),
            ("admin\0", false),
            ("信", false),
            (&"x".repeat(64), true),
            (&"x".repeat(65), false),
        ] {
            assert_eq!(ClientId::parse(text).is_some(), fits, "{text:?}");
        }
    }
}
