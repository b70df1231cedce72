//! Token Status List (draft-ietf-oauth-status-list), 2^20 entries of two bits (formats §4).

mod list;
mod read;
pub mod write;

pub(crate) use list::may_be_fetched;
pub use list::{Behind, StatusList};

/// Entries of a list.
pub const ENTRIES: u64 = 1 << 20;
/// Bytes of a list, inflated.
pub const BYTES: usize = 1 << 18;
/// The longest life of a list, in seconds.
pub const MAX_LIFE: i64 = 86_400;
/// The media type of a list as JWT.
pub const MEDIA_TYPE_JWT: &str = "application/statuslist+jwt";
/// The media type of a list as CWT.
pub const MEDIA_TYPE_CWT: &str = "application/statuslist+cwt";

/// The media type without parameters, in small letters, as an answer's `Content-Type` may not have it.
pub(crate) fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// What a position says. The cause behind it is for authorised callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// 0.
    Valid,
    /// 1: ended, superseded.
    Invalid,
    /// 2.
    Suspended,
}

impl Value {
    /// The two bits.
    pub const fn bits(self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::Invalid => 1,
            Self::Suspended => 2,
        }
    }
}
