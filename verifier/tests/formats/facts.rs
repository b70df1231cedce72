//! xinyin/facts.json: disclosures, both digest lists, facts digest, copy digest, `nbf`, `exp`; what the writer makes.

use serde_json::Value;
use verifier::facts::{CopyTerms, Disclosure, Facts};
use verifier::rendition::credential::Draft;
use verifier::time::Timestamp;

use crate::vectors::{b64u, b64u32, hex, hex32, list, ran, read, text};

#[test]
fn facts_are_hidden_and_committed_to_as_written() {
    let Some(file) = read("xinyin/facts.json") else { return };
    for case in list(&file, "cases") {
        let id = text(case, "id");
        let of = |place: &str| -> Vec<Disclosure> {
            list(case, "disclosures").iter().filter(|d| d["where"] == *place).map(|d| disclosure(id, d)).collect()
        };
        let (top, items) = (of("top"), of("items"));
        let digests = |name: &str| list(case, name).iter().map(|d| b64u32(d.as_str().unwrap())).collect::<Vec<_>>();
        let (sd, items_sd, inputs) = (digests("sd"), digests("items_sd"), &case["inputs"]);
        let facts = Facts {
            identifier: text(inputs, "identifier"),
            type_version: inputs["type_version"].as_u64().unwrap(),
            issuing_authority_code: text(inputs, "issuing_authority_code"),
            issue_date: text(inputs, "issue_date"),
            valid_from: text(inputs, "valid_from"),
            valid_until: inputs["valid_until"].as_str(),
            top: &sd,
            items: &items_sd,
        };
        assert_eq!(facts.cbor(), hex(text(case, "facts_cbor")), "{id}");
        assert_eq!(facts.digest(), hex32(text(case, "facts_digest")), "{id}");
        let copy = copy_terms(&case["copy"]);
        if let Some(copy) = &copy {
            assert_eq!(copy.cbor(&facts.digest()), hex(text(case, "copy_cbor")), "{id}");
            assert_eq!(copy.digest(&facts.digest()), hex32(text(case, "copy_digest")), "{id}");
        }
        writes(id, case, &facts, copy.as_ref(), &top, &items);
    }
    ran("xinyin/facts", list(&file, "cases").len(), 8);
}

fn disclosure(id: &str, case: &Value) -> Disclosure {
    let salt: [u8; 16] = b64u(text(case, "salt")).try_into().unwrap();
    let made = Disclosure::make(&salt, text(case, "name"), &case["value"]);
    assert_eq!(made.text, text(case, "disclosure"), "{id}: {}", made.name);
    assert_eq!(made.digest_text(), text(case, "digest"), "{id}: {}", made.name);
    made
}

fn copy_terms(copy: &Value) -> Option<CopyTerms> {
    copy.is_object().then(|| CopyTerms {
        recipient_code: text(&copy["recipient"], "code").to_owned(),
        recipient_name: text(&copy["recipient"], "name").to_owned(),
        purpose: text(copy, "purpose").to_owned(),
        until: text(copy, "until").to_owned(),
    })
}

/// The writer's payload holds the claims of the known credential, but for the log, whose salt is chosen.
fn writes(id: &str, case: &Value, facts: &Facts, copy: Option<&CopyTerms>, top: &[Disclosure], items: &[Disclosure]) {
    let jwt = text(case, "issuer_jwt").split('.').nth(1).unwrap();
    let known: Value = serde_json::from_slice(&b64u(jwt)).unwrap();
    let status = known["status"]["status_list"].clone();
    let draft = Draft {
        signer: "https://signer.xinyin.example",
        department_code: text(&known, "iss").rsplit('/').next().unwrap(),
        type_code: text(&known, "vct").rsplit('/').nth(1).unwrap(),
        type_version: facts.type_version,
        issued_at: Timestamp::from_seconds(known["iat"].as_i64().unwrap()),
        identifier: facts.identifier,
        authority_code: facts.issuing_authority_code,
        authority_name: text(&known["issuing_authority"], "name"),
        issue_date: facts.issue_date,
        valid_from: facts.valid_from,
        valid_until: facts.valid_until,
        status_uri: text(&status, "uri"),
        status_idx: status["idx"].as_u64().unwrap(),
        top,
        items,
        copy,
    };
    let made: Value = serde_json::from_slice(&draft.payload(None).unwrap()).unwrap();
    assert_eq!(made["nbf"], case["nbf"], "{id}");
    assert_eq!(made["exp"], case["exp"], "{id}");
    let log = known["log"].clone();
    let mut unlogged = known.clone();
    unlogged.as_object_mut().unwrap().remove("log");
    assert_eq!(made, unlogged, "{id}");
    let event = verifier::log::Event::from_name(text(&log, "event")).unwrap();
    assert_eq!(draft.effective(event).unwrap().seconds(), log["effective"].as_i64().unwrap(), "{id}");
}
