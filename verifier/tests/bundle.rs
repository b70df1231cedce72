//! Trust bundles against another implementation's known answers.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use serde_json::Value;
use verifier::encoding::hex;
use verifier::time::Timestamp;
use verifier::trust::{Pin, Trust, Versions};

fn versions(value: &Value) -> Versions {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn bundles_are_judged_as_others_do() {
    let Some(folder) = common::folder("xinyin") else { return };
    let cases = common::json(folder.join("bundle.json"));
    let cases = cases["cases"].as_array().unwrap();
    let mut wrong = Vec::new();
    for case in cases {
        let id = common::text(case, "id");
        let text = case["bundle_text"].as_str().map_or_else(|| case["bundle"].to_string(), str::to_owned);
        let at: Timestamp = common::text(case, "at").parse().unwrap();
        let pin = case["pinned"].as_object().map(|pinned| Pin {
            root_sha256: hex::decode_array(pinned["root_sha256"].as_str().unwrap()).unwrap(),
            versions: versions(&case["pinned"]),
        });
        let expect = &case["expect"];
        match Trust::read(text.as_bytes(), at, pin.as_ref()) {
            Ok(trust) => {
                if expect["result"] != "passed"
                    || hex::encode(trust.root_sha256()) != expect["root_sha256"].as_str().unwrap_or_default()
                    || trust.versions() != versions(&expect["version"])
                {
                    wrong.push(format!("{id}: passed, expected {expect}"));
                }
            }
            Err(error) if expect["cause"] == error.code() => {}
            Err(error) => wrong.push(format!("{id}: {}, expected {expect}", error.code())),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    common::ran("xinyin/bundle.json", cases.len(), 48);
}

/// The bundles behind credentials, codes and status lists are all good; what is wrong there is elsewhere.
#[test]
fn every_bundle_behind_documents_is_read() {
    let Some(folder) = common::folder("xinyin") else { return };
    let mut read = 0;
    for file in ["credentials.json", "codes.json", "status.json"] {
        let cases = common::json(folder.join(file));
        for (name, bundle) in cases["bundles"].as_object().unwrap() {
            match Trust::read_unexpired(bundle.to_string().as_bytes()) {
                Ok(_) => read += 1,
                Err(error) => println!("{file}: {name}: {error}"),
            }
        }
    }
    common::ran("xinyin bundles", read, 20);
}
