//! licence-signer from outside: its router on SQLite, with tokens of an idp that the test plays itself.
#![allow(unreachable_pub, clippy::unwrap_used, clippy::missing_panics_doc, reason = "a panic is how a test fails")]

mod events;
mod issuing;
mod log;
mod looking;
mod refusals;
mod restart;
mod samples;
mod world;
