//! What anyone can check with public data alone: numbers, licences, signatures, paths to a trust anchor, status, log.
//!
//! Nothing here reads a clock, a file or the network, and nothing here can sign: whoever verifies links no secret.

pub mod algorithm;
pub mod certificate;
pub mod cose;
mod deflate;
mod digest;
pub mod encoding;
pub mod evidence;
pub mod facts;
pub mod jws;
pub mod licence;
pub mod log;
pub mod region;
pub mod rendition;
pub mod report;
pub mod status;
pub mod subject;
pub mod time;
pub mod trust;
pub mod verify;
