//! What our keys sign, `verifier` calls valid; what others sign, or ours outside their power, it does not.

use crate::common::{DAY, DEPARTMENT, NOW, TYPE, authority, order, register};
use keys::authority::Authority;
use keys::certified::CertifiedSigner;
use keys::{DepartmentUse, Purpose, Signer as _};
use verifier::evidence::Evidence;
use verifier::rendition::code::write::text;
use verifier::rendition::code::{Draft, Item, Profile};
use verifier::report::Verdict;
use verifier::time::Timestamp;
use verifier::trust::Trust;
use verifier::verify::open;

fn screen_code(signer: &CertifiedSigner, type_code: &str, at: Timestamp) -> String {
    let draft = Draft {
        issued_at: at,
        type_code,
        type_version: 1,
        serial: "AAAAAAAAAAAAAAAAAAA1",
        version: 1,
        holder_name: "𠮷小明",
        valid_from: "2026-01-01",
        last_day: Some("2030-12-31"),
        items: &[Item::Text("示例派出所".to_owned())],
        status: None,
    };
    let to_sign = draft.to_sign(signer.certificate()).unwrap();
    let cose = to_sign.assemble(&signer.sign(&to_sign.message()).unwrap());
    text(&cose, Profile::Screen).unwrap()
}

fn code_key(authority: &Authority, at: Timestamp) -> CertifiedSigner {
    authority.department(DEPARTMENT, DepartmentUse::Code, at).unwrap()
}

#[test]
fn a_code_has_the_verdict_of_its_key() {
    let ours = authority();
    let read = |at: Timestamp| Trust::read(&ours.publish(&register(), at).unwrap().to_json(), at, None).unwrap();
    let verdict = |code: &str, at: Timestamp| {
        let trust = read(at);
        let report = open(code.as_bytes(), Some(&trust), at).conclude(&Evidence::default());
        (report.verdict, report.cause.map(verifier::report::Reason::code))
    };
    let good = screen_code(&code_key(&ours, NOW), TYPE, NOW);
    assert_eq!(verdict(&good, NOW), (Verdict::Valid, None));
    assert_eq!(verdict(&good, NOW.plus(300)), (Verdict::Undetermined, Some("code.lapsed")));
    // a stranger's, and one of ours with another use
    let stranger = screen_code(&code_key(&authority(), NOW), TYPE, NOW);
    assert_eq!(verdict(&stranger, NOW), (Verdict::Undetermined, Some("path.unknown_issuer")));
    let credential = ours.department(DEPARTMENT, DepartmentUse::Credential, NOW).unwrap();
    assert_ne!(verdict(&screen_code(&credential, TYPE, NOW), NOW).0, Verdict::Valid);
    // outside its types
    let outside = screen_code(&code_key(&ours, NOW), "11990100001000010R002", NOW);
    assert_ne!(verdict(&outside, NOW).0, Verdict::Valid);
    // altered in one character
    let mut altered = good.clone().into_bytes();
    let middle = altered.len() / 2;
    altered[middle] = if altered[middle] == b'A' { b'B' } else { b'A' };
    assert_ne!(verdict(&String::from_utf8(altered).unwrap(), NOW).0, Verdict::Valid);
    // the successor signs from its instant on, the one before until then
    let made = ours.renew(&Purpose::department(DEPARTMENT, DepartmentUse::Code), NOW).unwrap();
    assert!(matches!(made, keys::authority::Certified::Announced { .. }));
    for at in [NOW.plus(2 * DAY - 1), NOW.plus(2 * DAY)] {
        assert_eq!(verdict(&screen_code(&code_key(&ours, at), TYPE, at), at), (Verdict::Valid, None), "{at}");
    }
    // a compromised key proves nothing, its successor does
    let at = NOW.plus(3 * DAY);
    let compromised = code_key(&ours, at);
    let before = screen_code(&compromised, TYPE, at);
    assert_eq!(verdict(&before, at).0, Verdict::Valid);
    let ring = ours.store().ring(&Purpose::department(DEPARTMENT, DepartmentUse::Code)).unwrap();
    ring.compromise(compromised.kid(), at, at).unwrap();
    assert_eq!(verdict(&before, at), (Verdict::Undetermined, Some("path.compromised")));
    ours.certify_department(&order(), &[DepartmentUse::Code], at).unwrap();
    assert_eq!(verdict(&screen_code(&code_key(&ours, at), TYPE, at), at), (Verdict::Valid, None));
}
