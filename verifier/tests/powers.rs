//! Paths and powers behind other people's credentials: what another implementation found there is found here.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use std::collections::HashMap;

use serde_json::Value;
use verifier::certificate::{Certificate, PathReason, Usage};
use verifier::encoding::b64;
use verifier::jws::Jws;
use verifier::time::Timestamp;
use verifier::trust::Trust;

/// The reason for which path or power fails, if one does.
fn reason(trust: &Trust, jws: &Jws, at: Timestamp) -> Option<&'static str> {
    let chain: Vec<Certificate> = jws.header["x5c"]
        .as_array()?
        .iter()
        .map(|text| Certificate::parse(&b64::decode(text.as_str().unwrap()).unwrap()).unwrap())
        .collect();
    let (leaf, extra) = chain.split_first()?;
    let path = match trust.path(leaf, extra, at) {
        Ok(path) => path,
        Err(reason) => return Some(reason.code()),
    };
    if trust.is_compromised(leaf, None) {
        return Some(PathReason::Compromised.code());
    }
    let payload: Value = serde_json::from_slice(&jws.payload).unwrap();
    let vct: Vec<&str> = payload["vct"].as_str().unwrap().rsplit('/').collect();
    let usage = if vct[2] == "copies" { Usage::Copies } else { Usage::Credential };
    let claimed = Timestamp::from_seconds(payload["iat"].as_i64()?);
    trust.power(&path, usage, vct[1], claimed).err().map(verifier::trust::PowerReason::code)
}

#[test]
fn paths_and_powers_are_judged_as_others_do() {
    let Some(folder) = common::folder("xinyin") else { return };
    let file = common::json(folder.join("credentials.json"));
    let trusts: HashMap<&String, Trust> = file["bundles"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, bundle)| (name, Trust::read_unexpired(bundle.to_string().as_bytes()).unwrap()))
        .collect();
    let (mut failing, mut passing, mut wrong) = (0, 0, Vec::new());
    for case in file["cases"].as_array().unwrap() {
        let (expect, id) = (&case["expect"], common::text(case, "id"));
        let cause = expect["cause"].as_str().unwrap_or_default();
        let is_ours = cause.starts_with("path.") || cause.starts_with("power.");
        if !is_ours && expect["verdict"] != "valid" {
            continue;
        }
        // Times that witnesses prove are the log's matter, not this test's.
        if id.contains("witness") || id.contains("proven") || id.contains("before-compromise") {
            continue;
        }
        let Some(trust) = case["bundle"].as_str().and_then(|name| trusts.get(&name.to_owned())) else { continue };
        let at = common::text(case, "at").parse().unwrap();
        let token = common::text(case, "input").split('~').next().unwrap();
        let found = reason(trust, &Jws::parse(token, 65_536).unwrap(), at);
        if found != is_ours.then_some(cause) {
            wrong.push(format!("{id}: {found:?}, expected {expect}: {}", case["reason"]));
        }
        *(if is_ours { &mut failing } else { &mut passing }) += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    common::ran("xinyin paths and powers that fail", failing, 23);
    common::ran("xinyin paths and powers that hold", passing, 15);
}
