//! What is signed: of all bytes only those that the authority signed are good.

use std::collections::HashSet;

use ciborium::Value as Cbor;
use verifier::algorithm::{Algorithm, PublicKey};
use verifier::cose::{Sign1, ToSign};
use verifier::encoding::{b64u, cbor as strict_cbor, json as strict_json};
use verifier::evidence::Evidence;
use verifier::jws::{GeneralJws, Jws};
use verifier::log::note::{Note, Vouched};
use verifier::log::{Checkpoint, LogProof, VerifierKey, proof};
use verifier::rendition::{code as code_form, credential};
use verifier::report::{CheckCode, CheckResult, Language, Rendition, Report, Verdict};
use verifier::status::{MEDIA_TYPE_CWT, MEDIA_TYPE_JWT, StatusList};
use verifier::trust::Trust;
use verifier::verify::open;

use crate::fixtures::{
    AT, BUNDLE, CERTIFICATES, CREDENTIAL, EVIDENCE, LIST, NOTE, PREPARED, PRINTED, PROOF, SCREEN, STATUS_CWT,
    STATUS_JWT, TOKEN, TRUST, VKEY,
};

/// Any bytes as a document: what holds for every report.
fn reported(data: &[u8]) -> Report {
    let report = open(data, Some(&TRUST), AT).conclude(&PREPARED);
    assert_eq!(report.checks.len(), 10);
    assert_eq!(report.exit_code() == 0, report.verdict == Verdict::Valid);
    let signed =
        report.checks.iter().any(|check| check.code == CheckCode::Signature && check.result == CheckResult::Passed);
    assert!(signed || report.licence.is_none() && report.signer.is_none(), "facts without a signature");
    assert!(report.verdict != Verdict::Invalid || report.licence.is_none(), "facts of a forgery");
    assert!(!report.to_json().is_empty() && !report.report_text(Language::English).is_empty());
    report
}

/// The parts between the tildes.
fn parts(document: &[u8]) -> HashSet<&[u8]> {
    document.trim_ascii_end().split(|byte| *byte == b'~').filter(|part| !part.is_empty()).collect()
}

pub(crate) fn sd_jwt(data: &[u8]) {
    let report = reported(data);
    // Fewer disclosures, in any order, are another presentation of the same credential; nothing else is one.
    let is_presentation = parts(data).is_subset(&parts(CREDENTIAL)) && !parts(data).is_empty();
    let is_code = report.rendition == Some(Rendition::Cwt); // the next target's
    assert!(report.verdict != Verdict::Valid || is_code || is_presentation, "a forgery passes");
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(envelope) = credential::Envelope::read(text) else { return };
    assert!(credential::Envelope::resembles(text.trim_end()));
    assert!(text.starts_with(envelope.signing_input()));
    if let Ok(claims) = envelope.claims() {
        let first = envelope.disclosed(&claims).is_ok();
        assert_eq!(envelope.disclosed(&claims).is_ok(), first);
    }
}

pub(crate) fn sd_jwt_seeds() -> Vec<Vec<u8>> {
    let jwt = CREDENTIAL.split(|byte| *byte == b'~').next().unwrap();
    vec![CREDENTIAL.to_vec(), [jwt, b"~"].concat(), STATUS_JWT.to_vec(), PRINTED.to_vec()]
}

pub(crate) fn disclosures(data: &[u8]) {
    let jwt = CREDENTIAL.split(|byte| *byte == b'~').next().unwrap();
    let document = [jwt, b"~", data, b"~"].concat();
    let report = reported(&document);
    let shown = parts(data);
    let all = data.split(|byte| *byte == b'~').count();
    let each_once = shown.is_subset(&parts(CREDENTIAL)) && (shown.len() == all || data.trim_ascii_end().is_empty());
    assert!(report.verdict != Verdict::Valid || each_once, "a disclosure that nobody signed");
    // Each of them as a disclosure of a value: made, read, the same.
    if let Ok(value) = strict_json::read(data, 4_096) {
        let made = verifier::facts::Disclosure::make(&[1; 16], "x", &value);
        let bytes = b64u::decode(&made.text).unwrap();
        if let Ok(serde_json::Value::Array(read)) = strict_json::read(&bytes, 65_536) {
            assert_eq!((read.len(), &read[2]), (3, &value));
        }
        assert_eq!(verifier::facts::Disclosure::from_text("x", made.text.clone()), made);
    }
}

pub(crate) fn disclosure_seeds() -> Vec<Vec<u8>> {
    let rest: Vec<&[u8]> = CREDENTIAL.split(|byte| *byte == b'~').skip(1).collect();
    vec![
        rest[0].to_vec(),
        rest[..3].join(&b'~'),
        b"{\"a\":[1]}".to_vec(),
        b64u::encode(r#"["s","n",{"_sd":[]}]"#).into_bytes(),
    ]
}

pub(crate) fn jws(data: &[u8]) {
    if let Ok(value) = strict_json::read(data, 65_536)
        && let Ok(general) = GeneralJws::from_value(&value)
    {
        let key = CERTIFICATES[2].public_key().unwrap();
        assert!((0..=general.signatures.len()).all(|place| general.verify(place, key, &Algorithm::ALL).is_err()));
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(read) = Jws::parse(text, 65_536) else { return };
    assert_eq!(format!("{}.{}", read.signing_input(), b64u::encode(read.signature())), text);
    let (header, payload) = read.signing_input().split_once('.').unwrap();
    assert_eq!(b64u::encode(&read.payload), payload);
    let lenient: serde_json::Value = serde_json::from_slice(&b64u::decode(header).unwrap()).unwrap();
    assert_eq!(lenient.get("alg").and_then(serde_json::Value::as_str).and_then(Algorithm::from_name), read.algorithm());
    let own = CERTIFICATES[2].public_key().unwrap();
    let other = PublicKey::from_spki_der(CERTIFICATES[1].public_key().unwrap().spki_der()).unwrap();
    assert!(read.verify(&other, &Algorithm::ALL).is_err());
    assert!(read.verify(own, &[Algorithm::EdDsa, Algorithm::Rs256]).is_err());
    let credential = CREDENTIAL.split(|byte| *byte == b'~').next().unwrap();
    let good = data == TOKEN || data == credential;
    assert!(read.verify(own, &Algorithm::ALL).is_err() || good, "a forgery verifies");
}

pub(crate) fn jws_seeds() -> Vec<Vec<u8>> {
    let bundle: serde_json::Value = serde_json::from_slice(BUNDLE).unwrap();
    vec![TOKEN.to_vec(), bundle["timestamp"].to_string().into_bytes(), b"eyJhbGciOiJub25lIn0.e30.".to_vec()]
}

pub(crate) fn cose(data: &[u8]) {
    let Some(read) = Sign1::read(data) else { return };
    let whole = Cbor::Tag(
        18,
        Box::new(Cbor::Array(vec![
            Cbor::Bytes(read.protected.clone()),
            Cbor::Map(read.unprotected.clone()),
            Cbor::Bytes(read.payload.clone()),
            Cbor::Bytes(read.signature.clone()),
        ])),
    );
    assert_eq!(strict_cbor::encode(&whole), data, "another text of the same object");
    let to_sign = ToSign::new(read.protected.clone(), read.payload.clone());
    assert_eq!(to_sign.message(), read.message());
    if read.unprotected.is_empty() {
        assert_eq!(to_sign.assemble(&read.signature), data);
    }
    let certificate = TRUST
        .targets()
        .certificates
        .iter()
        .find(|row| row.purpose == "code" && row.types.iter().any(|one| one == "11990100001000010R001"));
    let digest = verifier::encoding::hex::decode_array(&certificate.unwrap().sha256).unwrap();
    let key = TRUST.certificate_of(&digest).unwrap().public_key().unwrap();
    let good = [SCREEN, PRINTED].iter().any(|good| Sign1::read(good).unwrap().message() == read.message());
    assert!(key.verify(Algorithm::Es256, &read.message(), &read.signature).is_err() || good, "a forgery verifies");
}

pub(crate) fn cose_seeds() -> Vec<Vec<u8>> {
    vec![SCREEN.to_vec(), PRINTED.to_vec(), STATUS_CWT.to_vec()]
}

pub(crate) fn code(data: &[u8]) {
    let report = reported(data);
    let read = match std::str::from_utf8(data) {
        Ok(text) => code_form::Envelope::read_text(verifier::verify::normalise(text)),
        Err(_) => code_form::Envelope::read(data),
    };
    let message = read.as_ref().ok().map(code_form::Envelope::message);
    let good = [SCREEN, PRINTED].iter().any(|good| message == Some(Sign1::read(good).unwrap().message()));
    let is_code = report.rendition == Some(Rendition::Cwt);
    assert!(report.verdict != Verdict::Valid || !is_code || good, "a forgery passes");
    if let Ok(envelope) = read
        && let Ok(claims) = envelope.claims()
    {
        assert!((1..=999).contains(&claims.version) && !claims.holder_name.is_empty());
    }
}

pub(crate) fn code_seeds() -> Vec<Vec<u8>> {
    let text = |cose: &[u8]| code_form::write::text(cose, code_form::Profile::Printed).unwrap().into_bytes();
    let plain = format!("XY1:{}", base45::encode(SCREEN));
    vec![text(SCREEN), text(PRINTED), plain.into_bytes(), PRINTED.to_vec(), b"]Q1\\000026XY1:6BF".to_vec()]
}

pub(crate) fn status_list(data: &[u8]) {
    for (media_type, good) in [(MEDIA_TYPE_JWT, STATUS_JWT), (MEDIA_TYPE_CWT, STATUS_CWT)] {
        let list = StatusList::prepare(LIST, media_type, data, &TRUST, AT);
        assert_eq!(list.is_ok(), data == good, "a list that the authority did not sign");
        if let Ok(list) = list {
            assert!(list.state(7).is_err() && list.state(8).is_ok() && list.state(1 << 20).is_err());
        }
        assert!(StatusList::prepare("http://localhost:8081/status/2", media_type, data, &TRUST, AT).is_err());
    }
}

pub(crate) fn status_seeds() -> Vec<Vec<u8>> {
    vec![STATUS_JWT.to_vec(), STATUS_CWT.to_vec()]
}

pub(crate) fn tlog_proof(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(read) = LogProof::parse(text) else { return };
    let (_, note) = text.split_once("\n\n").unwrap();
    assert_eq!(proof::proof_text(read.index, &read.path, note), text);
    let key = VerifierKey::parse(std::str::from_utf8(VKEY).unwrap()).unwrap();
    let good = LogProof::parse(std::str::from_utf8(PROOF).unwrap()).unwrap();
    let signed = matches!(read.note.vouched(&key), Vouched::Signed(_));
    assert!(
        !signed || [good.note.text, note_text()].contains(&read.note.text),
        "a checkpoint that the log did not sign"
    );
    // Under a root of the log no path leads from another leaf.
    assert!(!(signed && read.includes(&[8; 32])));
}

fn note_text() -> &'static str {
    Note::parse(std::str::from_utf8(NOTE).unwrap()).unwrap().text
}

pub(crate) fn proof_seeds() -> Vec<Vec<u8>> {
    vec![PROOF.to_vec()]
}

pub(crate) fn note(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(key) = VerifierKey::parse(text) {
        assert_eq!(key.to_string(), text);
    }
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        // Lines of extension are passed over; the rest is what stood there.
        assert!(text.starts_with(&checkpoint.text()));
        assert_eq!(Checkpoint::parse(&checkpoint.text()).as_ref(), Ok(&checkpoint));
    }
    let Ok(read) = Note::parse(text) else { return };
    assert!(text.starts_with(read.text) && read.text.ends_with('\n'));
    let key = VerifierKey::parse(std::str::from_utf8(VKEY).unwrap()).unwrap();
    let good = LogProof::parse(std::str::from_utf8(PROOF).unwrap()).unwrap();
    let signed = matches!(read.vouched(&key), Vouched::Signed(_));
    assert!(!signed || [good.note.text, note_text()].contains(&read.text), "a note that the log did not sign");
}

pub(crate) fn note_seeds() -> Vec<Vec<u8>> {
    vec![NOTE.to_vec(), VKEY.to_vec(), note_text().as_bytes().to_vec()]
}

pub(crate) fn trust_bundle(data: &[u8]) {
    let Ok(read) = Trust::read_unexpired(data) else { return };
    // The form around the signed parts may differ; what they say cannot.
    assert_eq!((read.targets(), read.root()), (TRUST.targets(), TRUST.root()));
    assert_eq!((read.root_sha256(), read.versions()), (TRUST.root_sha256(), TRUST.versions()));
}

pub(crate) fn bundle_seeds() -> Vec<Vec<u8>> {
    vec![BUNDLE.to_vec()]
}

pub(crate) fn evidence(data: &[u8]) {
    let Ok(read) = Evidence::read(data) else { return };
    let written = read.write();
    assert_eq!(Evidence::read(written.as_bytes()).unwrap().items(), read.items());
    // Whatever comes along, a good credential never gets worse than unknown, and never better than its own list says.
    let report = open(CREDENTIAL, Some(&TRUST), AT).conclude(&read);
    let good = read.items().iter().any(|item| item.body == STATUS_JWT);
    assert!(report.verdict == Verdict::Undetermined || report.verdict == Verdict::Valid && good);
}

pub(crate) fn evidence_seeds() -> Vec<Vec<u8>> {
    let mut odd = EVIDENCE.items().to_vec();
    odd[0].body = b"x".to_vec();
    odd.truncate(1);
    vec![EVIDENCE.write().into_bytes(), Evidence::new(odd).write().into_bytes(), br#"{"format":1,"items":[]}"#.to_vec()]
}
