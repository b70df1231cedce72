//! Known answers of formats §2-§5, §7 and other people's vectors, each read by the product's own door.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so")]
#![allow(clippy::print_stderr, reason = "a suite of vectors says how many cases ran")]

mod documents;
mod facts;
mod log;
mod maker;
mod mutations;
mod others;
mod sd_jwt;
mod signers;
mod vectors;
mod writers;
