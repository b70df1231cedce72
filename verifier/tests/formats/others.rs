//! COSE, health certificates and status lists of others, read by the product's readers as far as these take such forms.

use ciborium::Value as Cbor;
use serde_json::Value;
use verifier::algorithm::{Algorithm, PublicKey};
use verifier::cose::Sign1;
use verifier::rendition::Unread;
use verifier::rendition::code::Envelope;
use x509_parser::prelude::FromDer as _;

use crate::vectors::{b64, files, hex, ran, text};

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
    let Some(files) = files("hcert") else { return };
    let (mut cases, mut unwrapped, mut verified) = (0, 0, 0);
    for (name, case) in &files {
        let (Some(code), Some(expected)) = (case["PREFIX"].as_str(), case["EXPECTEDRESULTS"].as_object()) else {
            continue;
        };
        cases += 1;
        let is = |what: &str, answer: bool| expected.get(what) == Some(&Value::Bool(answer));
        let Some(body) = code.strip_prefix("HC1:") else {
            assert!(is("EXPECTEDUNPREFIX", false), "{name}");
            continue;
        };
        let cose = case["COSE"].as_str().map(|cose| hex(&cose.to_lowercase())).unwrap_or_default();
        let is_ordered = cose.starts_with(&hex("d2844da20126")) && !is("EXPECTEDDECODE", false);
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
