//! What a licence is known by.

pub mod identifier;
