//! People: who they are, how they are recognised.
//!
//! The seam with the protocol: sign-in pages find their interaction by `interaction::find`, recognise somebody, call
//! `session::sign_in`, then let the interaction go on. The protocol reads the tables `persons`, `identity_documents` and
//! `phones` (migration 10) for claims and for whether an account is active.

pub mod attempts;
pub(crate) mod digits;
pub mod evidence;
pub mod login;
pub mod name;
pub mod passkey;
pub mod password;
pub mod phone;
pub mod provision;
pub mod registers;

use keys::sources::RandomError;

pub use login::{Login, LoginError};
pub use name::Name;
pub use passkey::Passkeys;
pub use password::{Password, Passwords};
pub use phone::Phone;

use crate::settings::Settings;

/// What the people's half of the service holds beside the database.
#[derive(Debug)]
pub struct People {
    /// Password hashing.
    pub passwords: Passwords,
    /// Passkeys, unless the issuer's host is an address.
    pub passkeys: Option<Passkeys>,
}

/// Why [`People`] cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// The random source.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The hash function.
    #[error(transparent)]
    Password(#[from] password::PasswordFailure),
}

impl People {
    /// For an installation.
    ///
    /// # Errors
    ///
    /// If randomness or hashing fails.
    pub fn new(settings: &Settings, sources: &keys::sources::Sources) -> Result<Self, PeopleError> {
        Ok(Self {
            passwords: Passwords::new(sources.bytes::<16>()?)?,
            passkeys: Passkeys::new(&settings.issuer, "信印 Xinyin"),
        })
    }
}
