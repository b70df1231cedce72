//! What anyone can check with public data alone: numbers, licences, signatures, paths to a trust anchor, status, log.
//!
//! Nothing here reads a clock, a file or the network, and nothing here can sign: whoever verifies links no secret.

pub mod algorithm;
pub mod encoding;
pub mod jws;
pub mod time;
