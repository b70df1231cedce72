//! Known answers of formats §2-§5, §7 and other people's vectors, each read by the product's own door.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod documents;
mod facts;
mod log;
mod others;
mod sd_jwt;
mod vectors;
