//! X.509 paths against x509-limbo and NIST PKITS. What differs from a suite is a row with its reason.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use std::collections::BTreeSet;
use std::path::Path as File;

use serde_json::Value;
use verifier::certificate::{Certificate, Crl, PathReason, Pool, Revocation, Rules};
use verifier::encoding::b64;
use verifier::time::Timestamp;

fn der(pem: &Value) -> Vec<u8> {
    let lines = pem.as_str().unwrap().lines().filter(|line| !line.starts_with("-----"));
    b64::decode(&lines.collect::<String>()).unwrap()
}

fn readable(list: &Value) -> Vec<Certificate> {
    list.as_array().unwrap().iter().filter_map(|pem| Certificate::parse(&der(pem)).ok()).collect()
}

fn limbo_path(case: &Value) -> Result<(), String> {
    let crls: Vec<_> = case["crls"].as_array().unwrap().iter().filter_map(|pem| Crl::parse(&der(pem)).ok()).collect();
    let revocation = if crls.is_empty() { Revocation::Known } else { Revocation::Required };
    let pool = Pool::new(readable(&case["trusted_certs"]), Vec::new(), crls);
    let at = case["validation_time"].as_str().unwrap_or("2026-11-25T06:00:00Z").parse().unwrap();
    let leaf = Certificate::parse(&der(&case["peer_certificate"])).map_err(|error| error.to_string())?;
    let rules = Rules::at(at).with_revocation(revocation).for_any_use();
    let path = pool.path(&leaf, &readable(&case["untrusted_intermediates"]), &rules);
    path.map(drop).map_err(|reason| reason.code().to_owned())
}

fn names(list: &Value) -> BTreeSet<String> {
    list.as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

/// Cases outside limbo's core that differ, and why.
const LIMBO_DIFFERS: &[(&str, &str)] = &[
    ("webpki::cn::ipv4-hex-mismatch", HOST),
    ("webpki::cn::ipv4-leading-zeros-mismatch", HOST),
    ("webpki::cn::ipv6-uncompressed-mismatch", HOST),
    ("webpki::cn::punycode-not-in-san", HOST),
    ("webpki::san::mismatch-domain-san", HOST),
    ("webpki::san::mismatch-subdomain-san", HOST),
    ("webpki::san::mismatch-subdomain-apex-san", HOST),
    ("webpki::san::public-suffix-multi-label-wildcard-san", HOST),
    ("webpki::san::public-suffix-private-namespace-wildcard-san", HOST),
    ("webpki::san::wildcard-embedded-leftmost-san", HOST),
    ("webpki::san::san-critical-with-nonempty-subject", WEB),
    ("webpki::ee-basicconstraints-ca", "a CA may be asked about here; signers of documents are held to more"),
    ("webpki::eku::ee-anyeku", WEB),
    ("webpki::eku::ee-critical-eku", WEB),
];

const HOST: &str = "documents have no host: the name that a path is asked for is not this module's matter";
const WEB: &str = "a rule of the browsers' forum for servers, not of RFC 5280";

#[test]
fn limbo_is_judged_as_expected() {
    let Some(folder) = common::folder("x509-limbo") else { return };
    let core = names(&common::json(folder.join("core.json"))["core"]);
    let file = common::json(folder.join("limbo.json"));
    let cases = file["testcases"].as_array().unwrap();
    let (mut ran, mut wrong) = (0, Vec::new());
    for case in cases {
        let id = common::text(case, "id");
        let result = limbo_path(case);
        let is_as_expected = result.is_ok() == (case["expected_result"] == "SUCCESS");
        let excused = LIMBO_DIFFERS.iter().find(|(name, _)| *name == id);
        if core.contains(id) {
            ran += 1;
        }
        if is_as_expected == (excused.is_some() && !core.contains(id)) {
            wrong.push(format!(
                "{}{id}: {result:?}, excused: {excused:?}",
                if core.contains(id) { "CORE " } else { "" }
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    common::ran("x509-limbo core", ran, 56);
    println!("x509-limbo: {} cases in all, {} differ for a reason", cases.len(), LIMBO_DIFFERS.len());
}

fn every(folder: &File, ending: &str) -> Vec<Vec<u8>> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.retain(|path| path.extension().is_some_and(|extension| extension == ending));
    files.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

#[test]
fn pkits_is_judged_as_expected() {
    let Some(folder) = common::folder("pkits") else { return };
    let core = names(&common::json(folder.join("core.json"))["core"]);
    let parse = |bytes: &Vec<u8>| Certificate::parse(bytes).ok();
    let all: Vec<_> = every(&folder.join("pool"), "crt").iter().filter_map(parse).collect();
    let anchor = Certificate::parse(&std::fs::read(anchor_file(&folder)).unwrap()).unwrap();
    let others = all.into_iter().filter(|one| *one != anchor).collect();
    let mut lists = every(&folder.join("crls"), "crl");
    lists.extend(every(&folder.join("pool"), "crl"));
    let crls = lists.iter().filter_map(|bytes| Crl::parse(bytes).ok()).collect();
    let pool = Pool::new(vec![anchor], others, crls);
    let at: Timestamp = "2026-11-25T06:00:00Z".parse().unwrap();
    let (mut ran, mut wrong, mut other) = (0, Vec::new(), 0);
    for case in common::json(folder.join("cases.json")).as_array().unwrap() {
        let (id, expect) = (common::text(case, "id"), common::text(case, "expect"));
        let rules = Rules::at(at).with_revocation(Revocation::Required).for_any_use();
        let leaf = Certificate::parse(&std::fs::read(folder.join(common::text(case, "ee"))).unwrap());
        let result = leaf.map_err(|_| PathReason::Weak).and_then(|leaf| pool.path(&leaf, &[], &rules).map(drop));
        if core.contains(id) {
            ran += 1;
            if result.is_ok() != (expect == "valid") {
                wrong.push(format!("{id}: {result:?}, expected {expect}"));
            }
        } else {
            other += 1;
            println!("outside the core: {id}: {result:?}, expected {expect}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    common::ran("pkits core", ran, 93);
    println!("pkits: {other} cases outside the core");
}

fn anchor_file(folder: &File) -> std::path::PathBuf {
    let name = "TrustAnchorRootCertificate.crt";
    let places = [folder.join("pool").join(name), folder.join(name), folder.join("certs").join(name)];
    places.into_iter().find(|path| path.is_file()).expect("the suite has its anchor")
}
