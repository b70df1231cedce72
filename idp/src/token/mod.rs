//! Tokens: what stands in them, how ours are recognised.

pub(crate) mod access;
pub(crate) mod claims;
pub(crate) mod id_token;
