//! The code: a CWT in `COSE_Sign1`, as text for a QR code that is checked offline (formats §3).

pub mod write;

pub use write::{Bound, CodeError, Draft, HolderKind, Item, Profile};

/// What stands before the base45 text.
pub const PREFIX: &str = "XY1:";
/// The longest text that is read.
pub const MAX_CHARACTERS: usize = 6_148;
/// The largest `COSE_Sign1`, inflated or raw.
pub const MAX_BYTES: usize = 4_096;
/// How long a code on a screen holds, in seconds.
pub const SCREEN_SECONDS: i64 = 300;
