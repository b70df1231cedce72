//! What OAuth requests and refusals are made of (RFC 6749 §3.1, §5.2).

pub(crate) mod error;
pub(crate) mod parameters;
