//! What every parser is asked with any bytes at all: one plain function a target, called by the fuzz targets of `fuzz/` and by
//! the test beside this file.
//!
//! A body asks more than that nothing panics: what is read, written and read again is the same; a strict reader and a lenient
//! one agree on what both take; and of all bytes only those of a good signed object verify (the fixtures in `fuzz/fixtures`).
#![allow(clippy::unwrap_used, reason = "a body that fails says where")]

mod documents;
mod encodings;
mod fixtures;
pub mod mutations;
mod services;
mod texts;
mod x509;

/// A target: its name, its body, the fixtures that are its first inputs, and how dear one run of it is.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name of the fuzz target and of its corpus.
    pub name: &'static str,
    /// What is asked.
    pub body: fn(&[u8]),
    /// Inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// How many mutations of each input the stable test makes.
    pub rounds: usize,
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "identifiers", body: texts::identifiers, seeds: texts::seeds, rounds: 3_000 },
    Target { name: "json", body: encodings::json, seeds: encodings::json_seeds, rounds: 1_500 },
    Target { name: "cbor", body: encodings::cbor, seeds: encodings::cbor_seeds, rounds: 1_000 },
    Target { name: "base", body: encodings::base, seeds: encodings::base_seeds, rounds: 3_000 },
    Target { name: "jws", body: documents::jws, seeds: documents::jws_seeds, rounds: 400 },
    Target { name: "jwk", body: encodings::jwk, seeds: encodings::jwk_seeds, rounds: 1_500 },
    Target { name: "cose", body: documents::cose, seeds: documents::cose_seeds, rounds: 500 },
    Target { name: "sd_jwt", body: documents::sd_jwt, seeds: documents::sd_jwt_seeds, rounds: 300 },
    Target { name: "disclosures", body: documents::disclosures, seeds: documents::disclosure_seeds, rounds: 60 },
    Target { name: "code", body: documents::code, seeds: documents::code_seeds, rounds: 300 },
    Target { name: "status_list", body: documents::status_list, seeds: documents::status_seeds, rounds: 200 },
    Target { name: "tlog_proof", body: documents::tlog_proof, seeds: documents::proof_seeds, rounds: 1_000 },
    Target { name: "note", body: documents::note, seeds: documents::note_seeds, rounds: 1_000 },
    Target { name: "trust_bundle", body: documents::trust_bundle, seeds: documents::bundle_seeds, rounds: 100 },
    Target { name: "evidence", body: documents::evidence, seeds: documents::evidence_seeds, rounds: 500 },
    Target { name: "certificate", body: x509::certificate, seeds: x509::certificate_seeds, rounds: 200 },
    Target { name: "crl", body: x509::crl, seeds: x509::crl_seeds, rounds: 500 },
    Target { name: "extensions", body: x509::extensions, seeds: x509::extension_seeds, rounds: 2_000 },
    Target {
        name: "authorization_request",
        body: services::authorization_request,
        seeds: services::authorization_seeds,
        rounds: 500,
    },
    Target { name: "token_request", body: services::token_request, seeds: services::token_seeds, rounds: 500 },
    Target { name: "basic", body: services::basic, seeds: services::basic_seeds, rounds: 2_000 },
    Target { name: "cookies", body: services::cookies, seeds: services::cookie_seeds, rounds: 1_000 },
    Target { name: "configuration", body: services::configuration, seeds: services::configuration_seeds, rounds: 300 },
];

/// The body of a target by its name.
///
/// # Panics
///
/// Where there is no such target.
pub fn body(name: &str) -> fn(&[u8]) {
    TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| panic!("no target {name}")).body
}
