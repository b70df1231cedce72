//! Strict readers and writers of the encodings that anything signed here uses.

pub mod b45;
pub mod b64;
pub mod b64u;
pub mod cbor;
pub(crate) mod emit;
pub mod hex;
pub mod json;

/// The most arrays, objects, maps and tags within each other that any reader here takes; the outermost is 1.
pub const MAX_DEPTH: usize = 16;

/// A text that is not the canonical form of its encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not in the canonical form of its encoding")]
pub struct NotCanonical;
