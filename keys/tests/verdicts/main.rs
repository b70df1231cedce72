//! What our keys sign, `verifier` calls valid; what others sign, ours outside their power, or anyone alters, it does not.
#![allow(missing_docs, clippy::unwrap_used)]
#![allow(clippy::print_stdout, reason = "a table says how many attacks ran")]

#[path = "../common/mod.rs"]
mod common;

mod attacks;
mod by_key;
