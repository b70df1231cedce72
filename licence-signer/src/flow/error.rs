//! Why a flow did not do what it was asked to.

use keys::sources::RandomError;
use keys::{KeyStoreError, SignerError};
use store::StorageError;

use crate::issuance::Rejection;
use crate::life_cycle::EventRefused;

/// A refusal or a failure of a flow. Holds no number, name or secret.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// The draft breaks rules.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// There is no such licence type.
    #[error("there is no such licence type")]
    TypeUnknown,
    /// The department may not issue the type.
    #[error("the department may not issue this type")]
    DepartmentMayNotIssue,
    /// The caller lacks a scope, or its mandate the matter.
    #[error("{0} is not granted")]
    NotGranted(String),
    /// There is no such licence, or not for this caller.
    #[error("there is no such licence")]
    LicenceUnknown,
    /// The licence is recorded and not yet released.
    #[error("the licence is not released yet")]
    NotReleased,
    /// The rendition is not made: a value is too long for it.
    #[error("the licence has no such rendition: {0}")]
    RenditionAbsent(String),
    /// The event may not happen.
    #[error(transparent)]
    Event(#[from] EventRefused),
    /// A member of the request does not fit.
    #[error("{0} does not fit")]
    Member(&'static str),
    /// Another licence of the department and type has the number.
    #[error("another licence of this type has the number")]
    NumberTaken,
    /// The `Idempotency-Key` stands for another request.
    #[error("the Idempotency-Key was used for another request")]
    IdempotencyReused,
    /// The matter is not in the register, or the caller does not work on it.
    #[error("the matter is unknown or not worked on by the caller")]
    Matter,
    /// The type's rule does not let this matter read it.
    #[error("this matter does not read licences of this type")]
    MatterMayNotRead,
    /// The `sub` was never seen at a sign-in of ours.
    #[error("nobody is known behind this sub")]
    SubjectUnknown,
    /// The presentation code is none, or was never given.
    #[error("the presentation code is unknown")]
    PresentationUnknown,
    /// Its time is over.
    #[error("the presentation code has expired")]
    PresentationExpired,
    /// Another has resolved it.
    #[error("the presentation code was used")]
    PresentationUsed,
    /// It is for another verifier.
    #[error("the presentation is for another verifier")]
    PresentationForAnother,
    /// The holder has not yet agreed to whoever typed the digits.
    #[error("the holder has yet to agree")]
    AwaitingHolder,
    /// The caller typed digits that found nothing too often; in so many seconds there is another try.
    #[error("too many digits were tried")]
    TooManyTries(u32),
    /// The licence is not in force: no code for a screen is signed.
    #[error("the licence is not in force")]
    NotInForce,
    /// What was signed did not read back as it was meant. Nothing left the house.
    #[error("the sealed licence did not read back: {0}")]
    ReadBack(String),
    /// The hook of debug builds stopped here.
    #[error("stopped for a test")]
    Stopped,
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The key store.
    #[error(transparent)]
    Keys(#[from] KeyStoreError),
    /// A key.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// Chance.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// What should not happen.
    #[error("{0}")]
    Internal(String),
}

impl FlowError {
    /// Whether somebody was kept from seeing what is not his to see, or from guessing at it: the record holds it.
    pub(crate) const fn is_refusal_to_look(&self) -> bool {
        matches!(
            self,
            Self::NotGranted(_)
                | Self::Matter
                | Self::MatterMayNotRead
                | Self::PresentationUnknown
                | Self::PresentationExpired
                | Self::PresentationUsed
                | Self::PresentationForAnother
                | Self::TooManyTries(_)
        )
    }

    /// Its stable code, as in `docs/errors.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Rejected(_) => "licence.rejected",
            Self::TypeUnknown => "licence_type.unknown",
            Self::DepartmentMayNotIssue => "licence_type.department",
            Self::NotGranted(_) => "access.not_granted",
            Self::LicenceUnknown => "licence.unknown",
            Self::NotReleased => "licence.not_released",
            Self::RenditionAbsent(_) => "licence.rendition_absent",
            Self::Event(EventRefused::State { .. }) => "licence.state",
            Self::Event(EventRefused::Future) => "event.future",
            Self::Event(EventRefused::BackDated) => "event.back_dated",
            Self::Member(_) => "input.invalid_member",
            Self::NumberTaken => "licence.number_taken",
            Self::IdempotencyReused => "idempotency.reused",
            Self::Matter => "matter.unknown",
            Self::MatterMayNotRead => "matter.not_for_type",
            Self::SubjectUnknown => "holder.unknown",
            Self::PresentationUnknown => "presentation.unknown",
            Self::PresentationExpired => "presentation.expired",
            Self::PresentationUsed => "presentation.used",
            Self::PresentationForAnother => "presentation.for_another",
            Self::AwaitingHolder => "presentation.awaiting_holder",
            Self::TooManyTries(_) => "rate.limited",
            Self::NotInForce => "licence.not_in_force",
            Self::ReadBack(_) => "licence.read_back",
            Self::Storage(error) if error.is_transient() => "service.unavailable",
            Self::Stopped
            | Self::Storage(_)
            | Self::Keys(_)
            | Self::Signer(_)
            | Self::Random(_)
            | Self::Internal(_) => "internal",
        }
    }
}
