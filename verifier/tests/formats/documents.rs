//! xinyin/credentials.json, codes.json and status.json: verdict, exit, cause and the check that decides.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::Value;
use verifier::evidence::Evidence;
use verifier::rendition::StatusReference;
use verifier::report::{CheckResult, Report};
use verifier::status::Behind;
use verifier::time::Timestamp;
use verifier::trust::Trust;
use verifier::verify::{check_status, open};

use crate::vectors::{hex, list, ran, read, text};

/// The bundles and evidence files of one file of cases, by name.
pub(crate) struct World {
    bundles: HashMap<String, Trust>,
    evidence: HashMap<String, Evidence>,
}

impl World {
    pub(crate) fn new(file: &Value) -> Self {
        let of = |name: &str| file[name].as_object().cloned().unwrap_or_default();
        let trust = |bundle: &Value| Trust::read_unexpired(bundle.to_string().as_bytes()).unwrap();
        let evidence = |file: &Value| Evidence::read(file.to_string().as_bytes()).unwrap();
        Self {
            bundles: of("bundles").iter().map(|(name, bundle)| (name.clone(), trust(bundle))).collect(),
            evidence: of("evidence").iter().map(|(name, file)| (name.clone(), evidence(file))).collect(),
        }
    }

    pub(crate) fn trust(&self, case: &Value) -> Option<&Trust> {
        case["bundle"].as_str().map(|name| &self.bundles[name])
    }

    pub(crate) fn evidence(&self, case: &Value) -> Evidence {
        case["evidence"].as_str().map(|name| self.evidence[name].clone()).unwrap_or_default()
    }
}

pub(crate) fn input(case: &Value) -> Vec<u8> {
    case["input"].as_str().map_or_else(|| hex(text(case, "input_hex")), |text| text.as_bytes().to_vec())
}

pub(crate) fn at(case: &Value) -> Timestamp {
    text(case, "at").parse().unwrap()
}

#[test]
fn credentials_are_judged_as_written() {
    documents("xinyin/credentials.json", 148);
}

#[test]
fn codes_are_judged_as_written() {
    documents("xinyin/codes.json", 79);
}

fn documents(name: &str, least: usize) {
    let Some(file) = read(name) else { return };
    let world = World::new(&file);
    let mut wrong = String::new();
    for case in list(&file, "cases") {
        let report = open(&input(case), world.trust(case), at(case)).conclude(&world.evidence(case));
        if let Err(difference) = compare(&report, &case["expect"]) {
            let _ = writeln!(wrong, "{}: {difference}; {}", text(case, "id"), text(case, "reason"));
        }
        invariants(&report, text(case, "id"));
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    ran(name, list(&file, "cases").len(), least);
}

fn compare(report: &Report, expect: &Value) -> Result<(), String> {
    let json: Value = serde_json::from_str(&report.to_json()).unwrap();
    let decides = json["checks"].as_array().unwrap().iter().find(|check| check["reason"] == json["cause"]);
    let check = decides.filter(|_| !json["cause"].is_null()).map_or(Value::Null, |check| check["code"].clone());
    let found = [json["verdict"].clone(), report.exit_code().into(), json["cause"].clone(), check];
    let wanted = ["verdict", "exit", "cause", "check"].map(|name| expect[name].clone());
    if found == wanted { Ok(()) } else { Err(format!("found {found:?}, expected {wanted:?}")) }
}

/// What holds for every report.
pub(crate) fn invariants(report: &Report, id: &str) {
    let result = |code: &str| {
        let check = report.checks.iter().find(|check| check.code.name() == code).unwrap();
        (check.result, check.reason)
    };
    assert_eq!(report.checks.len(), 10, "{id}");
    assert_ne!(result("trust").0, CheckResult::Failed, "{id}");
    if result("signature").0 != CheckResult::Passed {
        assert!(report.licence.is_none() && report.signer.is_none(), "{id}");
        assert_ne!(result("form").0, CheckResult::Failed, "{id}");
    }
    assert!(!report.next.zh.is_empty() && !report.next.en.is_empty());
    for sentence in report.checks.iter().map(|check| &check.text).chain([&report.next, &report.holder_binding.text]) {
        assert!(!sentence.zh.contains('！') && !sentence.en.contains('!'), "{id}: {sentence:?}");
    }
}

#[test]
fn status_lists_are_judged_as_written() {
    let Some(file) = read("xinyin/status.json") else { return };
    let world = World::new(&file);
    let mut wrong = String::new();
    for case in list(&file, "cases") {
        let reference = StatusReference { uri: text(case, "uri").to_owned(), idx: case["idx"].as_u64().unwrap() };
        let behind = if case["behind"] == "code" { Behind::Code } else { Behind::Credential };
        let evidence = Evidence::read(case["evidence"].to_string().as_bytes()).unwrap();
        assert_eq!(Evidence::read(evidence.write().as_bytes()).unwrap().items(), evidence.items());
        let (outcome, _) = check_status(&reference, behind, world.trust(case).unwrap(), &evidence, at(case));
        let cause = outcome.err().map(verifier::report::Reason::code);
        if cause != case["expect"]["cause"].as_str() {
            let _ = writeln!(wrong, "{}: found {cause:?}, expected {}", text(case, "id"), case["expect"]);
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    ran("xinyin/status", list(&file, "cases").len(), 56);
}
