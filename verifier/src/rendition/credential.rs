//! The credential: an SD-JWT (RFC 9901) for machines and wallets (formats §2).

pub mod write;

pub use write::{Draft, DraftError, LogClaim};

/// The largest credential that is read.
pub const MAX_BYTES: usize = 64 * 1024;
/// The media subtype in `typ`.
pub const TYP: &str = "dc+sd-jwt";
/// The hidden members at the top that a licence always has.
pub const HIDDEN: [&str; 5] = ["number", "holder_name", "holder_kind", "holder_code_type", "holder_code"];
/// The hidden member at the top that a licence may have: the digest of the portrait.
pub const PORTRAIT: &str = "portrait_digest";
