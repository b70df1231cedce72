//! One credential sealed by every key of the invented authority: what each signer's report says.

use verifier::evidence::Evidence;
use verifier::facts::Disclosure;
use verifier::rendition::credential::Draft;
use verifier::rendition::credential::write::{assemble, header};
use verifier::report::{Language, Reason};
use verifier::time::Timestamp;
use verifier::trust::Trust;
use verifier::verify::{open, open_untrusted};

use crate::maker::{Maker, part};
use crate::vectors::read;

const NOW: Timestamp = Timestamp::from_seconds(1_795_586_400);

fn sealed(maker: &Maker, key: &str, top: &[Disclosure]) -> String {
    let draft = Draft {
        signer: "https://signer.xinyin.example",
        department_code: "11990100001000010R",
        type_code: "11990100001000010R001",
        type_version: 3,
        issued_at: NOW,
        identifier: "1.2.156.3005.2.11990100001000010R001.11990100001000010R.XY2026A000006.001.T",
        authority_code: "11990100001000010R",
        authority_name: "示例市公安局",
        issue_date: "2026-11-20",
        valid_from: "2026-11-20",
        valid_until: Some("2031-11-19"),
        status_uri: "https://signer.xinyin.example/status/7",
        status_idx: 710_204,
        top,
        items: &[],
        copy: None,
    };
    let jwt = maker.jws(key, header(&[maker.certificate(key)]), &draft.payload(None).unwrap());
    assemble(&jwt, top)
}

#[test]
fn every_signer_has_its_answer() {
    let (Some(file), Some(maker)) = (read("xinyin/credentials.json"), Maker::new()) else { return };
    let trust = Trust::read_unexpired(&part(&file, "bundles", "no-log")).unwrap();
    let evidence = Evidence::read(&part(&file, "evidence", "main")).unwrap();
    let top = [Disclosure::make(&[1; 16], "holder_name", &"韦·示例".into())];
    for (key, cause) in [
        ("ga/credential", None),
        ("ga/soft-usage", None), // key usage there, though not critical
        ("ga/critical", Some(Reason::PathCritical)),
        ("ga/eku-two", Some(Reason::PowerPurpose)),
        ("ga/eku-stamping", Some(Reason::PowerPurpose)),
        ("ga/register-stamping", Some(Reason::PowerPurpose)),
        ("ga/register-dept", Some(Reason::PowerRegister)),
        ("ga/copies", Some(Reason::PowerPurpose)),
        ("ga/code", Some(Reason::PowerPurpose)),
        ("ga/type-cert", Some(Reason::PowerType)),
        ("ga/no-power", Some(Reason::PowerType)),
        ("ga/empty-power", Some(Reason::PowerType)),
        ("ga/region-cert", Some(Reason::PowerRegion)),
        ("ga/region-register", Some(Reason::PowerRegion)),
        ("ga/unlisted", Some(Reason::PowerUnlisted)),
        ("ga/short", Some(Reason::PathExpired)),
        ("ga/not-yet", Some(Reason::PathNotYet)),
        ("ga/compromised", Some(Reason::PathCompromised)),
        ("ga/stranger", Some(Reason::PathUnknownIssuer)),
        ("ga/no-san", Some(Reason::FormInconsistent)),
        ("other/credential", Some(Reason::FormInconsistent)),
    ] {
        let document = sealed(&maker, key, &top);
        let opened = open(document.as_bytes(), Some(&trust), NOW);
        let report = opened.conclude(&evidence);
        assert_eq!(report.cause, cause, "{key}: {}", report.report_text(Language::English));
        // Nothing is fetched, and no name is shown, for a signer whom nothing trusts.
        let trusted = cause.is_none_or(|cause| !cause.code().starts_with("path."));
        assert_eq!(!opened.needs().is_empty(), trusted, "{key}");
        assert!(report.licence.is_none() || trusted, "{key}");
        assert_eq!(report.report_text(Language::Chinese).contains("韦·示例"), report.licence.is_some(), "{key}");
    }
}

#[test]
fn without_a_bundle_nothing_is_shown_or_fetched() {
    let Some(maker) = Maker::new() else { return };
    let top = [Disclosure::make(&[1; 16], "holder_name", &"韦·示例".into())];
    let document = sealed(&maker, "ga/credential", &top);
    for reason in [Reason::TrustNone, Reason::TrustThreshold, Reason::TrustRollback] {
        let opened = open_untrusted(document.as_bytes(), reason, NOW);
        let report = opened.conclude(&Evidence::default());
        assert_eq!((report.cause, report.exit_code(), opened.needs().len()), (Some(reason), 2, 0));
        assert!(report.licence.is_none() && report.signer.is_none() && report.trust.is_none());
        assert!(!report.report_text(Language::English).contains("韦·示例"));
    }
}
