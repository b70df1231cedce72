//! COSE, health certificates and status lists of others, read by the product's readers as far as these take such forms.

use ciborium::Value as Cbor;
use serde_json::Value;
use verifier::algorithm::{Algorithm, PublicKey};
use verifier::cose::Sign1;
use verifier::encoding::{b64u, json};
use verifier::jws::Jws;
use verifier::rendition::Unread;
use verifier::rendition::code::Envelope;
use verifier::report::Reason;
use verifier::status::{ENTRIES, MEDIA_TYPE_CWT, MEDIA_TYPE_JWT, StatusList, write};
use verifier::trust::Trust;
use x509_parser::prelude::FromDer as _;

use crate::maker::{Maker, part};
use crate::vectors::{b64, files, hex, list, ran, read, text};

/// The product takes tagged `COSE_Sign1` in deterministic CBOR without external data; of these examples that is one.
#[test]
fn of_foreign_cose_only_what_verifies_is_taken() {
    let Some(files) = files("cose") else { return };
    let mut verified = Vec::new();
    for (name, case) in &files {
        let Some(sign1) = Sign1::read(&hex(text(&case["output"], "cbor"))) else { continue };
        let key = &case["input"]["sign0"]["key"];
        let Ok(key) = PublicKey::from_jwk(&jwk(key)) else { continue };
        let algorithm = match sign1.member(1).and_then(Cbor::as_integer).and_then(|n| i64::try_from(n).ok()) {
            Some(-7) => Algorithm::Es256,
            Some(-8) => Algorithm::EdDsa,
            _ => continue,
        };
        if key.verify(algorithm, &sign1.message(), &sign1.signature).is_ok() {
            assert_ne!(case["fail"], true, "{name}");
            verified.push(name.as_str());
        }
    }
    assert_eq!(verified, ["eddsa-examples/eddsa-sig-01.json"]);
    ran("cose", files.len(), 31);
}

/// The examples' keys in JWK's own alphabet.
fn jwk(key: &Value) -> Value {
    let mut key = key.clone();
    for name in ["x", "y"] {
        if let Some(hex) = key.get(format!("{name}_hex")).and_then(Value::as_str) {
            key[name] = verifier::encoding::b64u::encode(crate::vectors::hex(hex)).into();
        }
    }
    key
}

/// The same wrapping under another prefix. What is not read has a header that is no deterministic CBOR, or not `{1, 4}` protected.
#[test]
fn health_certificates_are_unwrapped_and_verified() {
    let Some(certificates) = files("hcert") else { return };
    let (mut cases, mut unwrapped, mut verified) = (0, 0, 0);
    for (name, case) in &certificates {
        let (Some(prefixed), Some(expected)) = (case["PREFIX"].as_str(), case["EXPECTEDRESULTS"].as_object()) else {
            continue;
        };
        cases += 1;
        let is = |what: &str, answer: bool| expected.get(what) == Some(&Value::Bool(answer));
        let Some(body) = prefixed.strip_prefix("HC1:") else {
            assert!(is("EXPECTEDUNPREFIX", false), "{name}");
            continue;
        };
        let sealed = case["COSE"].as_str().map(|cose| hex(&cose.to_lowercase())).unwrap_or_default();
        let is_ordered = sealed.starts_with(&hex("d2844da20126")) && !is("EXPECTEDDECODE", false);
        let envelope = match Envelope::read_text(&format!("XY1:{body}")) {
            Ok(envelope) => envelope,
            Err(problem) => {
                assert_eq!(problem, Unread::Damaged, "{name}");
                assert!(!is_ordered || is("EXPECTEDCOMPRESSION", false) || is("EXPECTEDB45DECODE", false), "{name}");
                continue;
            }
        };
        unwrapped += 1;
        let der = b64(text(&case["TESTCTX"], "CERTIFICATE"));
        let (_, certificate) = x509_parser::certificate::X509Certificate::from_der(&der).unwrap();
        let Ok(key) = PublicKey::from_spki_der(certificate.public_key().raw) else { continue };
        let good = envelope.algorithm().is_some() && envelope.verify(&key, &envelope.message()).is_ok();
        assert!(!is("EXPECTEDVERIFY", false) || !good, "{name}");
        assert!(!is("EXPECTEDVERIFY", true) || good, "{name}");
        verified += usize::from(good);
    }
    eprintln!(
        "hcert: {unwrapped} unwrapped, {verified} verified, the others are not deterministic or not in our header"
    );
    ran("hcert", cases, 62);
    assert!(verified >= 18);
}

/// The draft's lists and tokens: of its encodings the product takes two bits a position over 2^20 positions, and nothing else.
#[test]
fn status_lists_of_the_draft_are_read_as_far_as_they_are_ours() {
    let (Some(file), Some(maker), Some(own)) =
        (read("status-list/draft.json"), Maker::new(), read("xinyin/status.json"))
    else {
        return;
    };
    let trust = Trust::read_unexpired(&part(&own, "bundles", "main")).unwrap();
    let (uri, now) = ("https://signer.xinyin.example/status/3", "2026-11-25T06:00:00Z".parse().unwrap());
    let header = write::jwt_header(&[maker.certificate("status/1")]);
    let draft = write::Draft::new(uri, now, &write::pack([])).jwt_payload();
    for case in list(&file, "lists") {
        let mut claims: Value = serde_json::from_slice(&draft).unwrap();
        claims["status_list"] = serde_json::json!({"bits": case["bits"], "lst": case["lst"]});
        let jwt = maker.jws("status/1", header.clone(), claims.to_string().as_bytes());
        let prepared = StatusList::prepare(uri, MEDIA_TYPE_JWT, jwt.as_bytes(), &trust, now);
        let is_ours = case["bits"] == 2 && case["entries"].as_u64() == Some(ENTRIES);
        assert_eq!(prepared.is_ok(), is_ours, "{}", text(case, "id"));
        let Ok(prepared) = prepared else { continue };
        for position in 0..ENTRIES {
            let expected = match case["nonzero"].get(position.to_string()).and_then(Value::as_u64) {
                None => Ok(()),
                Some(1) => Err(Reason::StatusInvalid),
                Some(2) => Err(Reason::StatusSuspended),
                Some(_) => Err(Reason::StatusUnknownValue),
            };
            assert_eq!(prepared.state(position), expected, "{position}");
        }
    }
    let key = PublicKey::from_jwk(&file["key"]).unwrap();
    let jws = Jws::parse(text(&file, "jwt"), 4096).unwrap();
    jws.verify(&key, &[Algorithm::Es256]).unwrap();
    let claims = json::read_object(&jws.payload, 4096).unwrap();
    assert_eq!(b64u::decode(text(&claims["status_list"], "lst")).unwrap()[0], 0x78);
    let sign1 = Sign1::read(&hex(text(&file, "cwt_hex"))).unwrap();
    key.verify(Algorithm::Es256, &sign1.message(), &sign1.signature).unwrap();
    let malformed = |kind, body: &[u8]| StatusList::prepare(uri, kind, body, &trust, now).err();
    assert_eq!(malformed(MEDIA_TYPE_JWT, text(&file, "jwt").as_bytes()), Some(Reason::StatusMalformed)); // no x5c
    assert_eq!(malformed(MEDIA_TYPE_CWT, &hex(text(&file, "cwt_hex"))), Some(Reason::StatusMalformed));
    ran("status-list", list(&file, "lists").len() + 2, 6);
}
