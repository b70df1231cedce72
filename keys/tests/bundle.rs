//! The trust bundle: what we publish is what `verifier` reads, through renewals and rotations.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use common::{DAY, DEPARTMENT, Folder, HOUR, NOW, SIGNER, TYPE, USES, authority, order, register};
use keys::administration::{export_trust, rotate};
use keys::authority::{Authority, AuthorityError, Certified};
use keys::certify::Power;
use keys::publish::{Bundle, PublishError};
use keys::{DepartmentUse, Purpose, Signer as _};
use verifier::algorithm::Algorithm;
use verifier::certificate::{Certificate, Usage};
use verifier::time::Timestamp;
use verifier::trust::{Trust, TrustError};

fn read(bundle: &Bundle, at: Timestamp) -> Trust {
    Trust::read(&bundle.to_json(), at, None).unwrap()
}

fn certificates(chain: &[Vec<u8>]) -> Vec<Certificate> {
    chain.iter().map(|der| Certificate::parse(der).unwrap()).collect()
}

#[test]
fn verifier_reads_what_we_publish() {
    let authority = authority();
    let trust = read(&authority.publish(&register(), NOW).unwrap(), NOW);
    assert_eq!((trust.authority(), trust.oid_arc()), ("demo.xinyin.example", "1.3.6.1.4.1.32473"));
    assert!(trust.is_demonstration());
    assert_eq!(trust.versions(), verifier::trust::Versions { root: 1, targets: 1, timestamp: 1 });
    let usages = [Usage::Credential, Usage::Code, Usage::Copies, Usage::Stamping];
    for (r#use, usage) in USES.into_iter().zip(usages) {
        let signer = authority.department(DEPARTMENT, r#use, NOW).unwrap();
        let chain = certificates(signer.chain());
        let path = trust.path(&chain[0], &chain[1..], NOW).unwrap();
        let empowered = trust.power(&path, usage, TYPE, NOW).unwrap();
        assert_eq!(empowered.department.name, "示例市公安局");
        assert!(!empowered.is_foreign);
        for (other, other_type, claimed) in [
            (usage, "11990100001000010R002", NOW),
            (usage, TYPE, NOW.plus(-1)),
            (usage, TYPE, NOW.plus(730 * DAY)),
            (Usage::Status, TYPE, NOW),
        ] {
            assert!(trust.power(&path, other, other_type, claimed).is_err(), "{other:?} {other_type} {claimed}");
        }
        // the bundle's intermediates complete a chain that lacks them
        assert!(trust.path(&chain[0], &[], NOW).is_ok());
        assert!(trust.algorithm(usage.name(), Algorithm::Es256, NOW).is_ok());
        assert!(trust.algorithm(usage.name(), Algorithm::Rs256, NOW).is_err());
        let outlives = NOW.plus(11 * 366 * DAY);
        assert!(trust.path(&chain[0], &[], outlives).is_ok(), "it outlives the licences that it signed");
    }
    let status = authority.status(NOW).unwrap();
    let origin = trust.status_origin(&format!("{SIGNER}/status/1")).unwrap();
    assert_eq!(origin.signers, [status.certificate_sha256()]);
    assert!(trust.purpose(&certificates(status.chain())[0], Usage::Status, NOW).is_ok());
    let code = authority.department(DEPARTMENT, DepartmentUse::Code, NOW).unwrap();
    let found: Vec<_> = trust.code_candidates(code.code_kid()).map(|one| one.der().to_vec()).collect();
    assert_eq!(found, [code.certificate().to_vec()]);
    let log = trust.log("localhost:8081/log").unwrap();
    let text = "localhost:8081/log\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    let note = keys::note::sign("localhost:8081/log", authority.log(NOW).unwrap().as_ref(), text).unwrap();
    let note = verifier::log::note::Note::parse(&note).unwrap();
    assert_eq!(note.vouched(&log.key), verifier::log::note::Vouched::Signed(None));
    let strange = authority.department("11990121002000020E", DepartmentUse::Code, NOW);
    assert!(matches!(strange, Err(AuthorityError::Store(_))));
}

#[test]
fn a_stranger_and_a_region_outside_have_no_power() {
    let authority = authority();
    let mut order = order();
    order.power = Power { types: vec![TYPE.to_owned()], regions: vec!["990200".to_owned()] };
    authority.certify_department(&order, &[DepartmentUse::Credential], NOW).unwrap();
    let later = NOW.plus(3 * DAY);
    let trust = read(&authority.publish(&register(), later).unwrap(), later);
    let signer = authority.department(DEPARTMENT, DepartmentUse::Credential, later).unwrap();
    let chain = certificates(signer.chain());
    let path = trust.path(&chain[0], &chain[1..], later).unwrap();
    let reason = trust.power(&path, Usage::Credential, TYPE, later).err().unwrap();
    assert_eq!(reason.code(), "power.region");
    let stranger = common::authority().department(DEPARTMENT, DepartmentUse::Credential, NOW).unwrap();
    let chain = certificates(stranger.chain());
    assert!(trust.path(&chain[0], &chain[1..], later).is_err());
    for spoilt in ["99010", "9901000", "region"] {
        order.power.regions = vec![spoilt.to_owned()];
        assert!(authority.certify_department(&order, &[DepartmentUse::Code], NOW).is_err(), "{spoilt}");
    }
    let mut order = common::order();
    order.code = "11990100001000010X".to_owned();
    assert!(authority.certify_department(&order, &[DepartmentUse::Code], NOW).is_err());
    assert!(authority.publish(&register(), later).is_ok(), "a refused order leaves nothing behind");
}

#[test]
fn a_part_gets_a_version_when_it_changes() {
    let authority = authority();
    let first = authority.publish(&register(), NOW).unwrap();
    assert_eq!(first.versions(), [1, 1, 1]);
    assert_eq!(
        authority.publish(&register(), NOW.plus(20 * HOUR)).unwrap(),
        first,
        "nothing changed, younger than a day"
    );
    let daily = authority.publish(&register(), NOW.plus(DAY)).unwrap();
    assert_eq!(daily.versions(), [1, 1, 2]);
    assert_eq!(Trust::read(&first.to_json(), NOW.plus(31 * DAY), None).err(), Some(TrustError::Expired));
    let pin = read(&daily, NOW).pin();
    assert_eq!(Trust::read(&first.to_json(), NOW, Some(&pin)).err(), Some(TrustError::Rollback));

    let mut changed = register();
    changed.departments[0].former_names.push("示例市公安厅".to_owned());
    let at = NOW.plus(DAY + 60);
    assert_eq!(authority.publish(&changed, at).unwrap().versions(), [1, 2, 3]);
    // one key compromised: its row says since when, a successor stands beside
    let credential = Purpose::department(DEPARTMENT, DepartmentUse::Credential);
    let kid = authority.department(DEPARTMENT, DepartmentUse::Credential, at).unwrap().kid().to_owned();
    authority.store().ring(&credential).unwrap().compromise(&kid, at, at).unwrap();
    let made = authority.certify_department(&order(), &[DepartmentUse::Credential], at).unwrap();
    assert_eq!(made[0].1, Certified::AtOnce);
    let bundle = authority.publish(&changed, at).unwrap();
    assert_eq!(bundle.versions(), [1, 3, 4]);
    let trust = read(&bundle, at);
    let rows = trust.targets().certificates.iter().filter(|row| row.purpose == "credential");
    let compromised: Vec<_> = rows.map(|row| row.compromised_from).collect();
    assert_eq!(compromised, [Some(at), None]);
    // near its end everything is renewed
    let late = NOW.plus(600 * DAY);
    let bundle = authority.publish(&changed, late).unwrap();
    assert_eq!(bundle.versions(), [2, 4, 5]);
    assert_eq!(bundle.root_sha256(), first.root_sha256(), "the fingerprint survives");
    assert!(read(&bundle, late).check_expiry(late.plus(29 * DAY)).is_ok());
}

#[test]
fn roles_change_their_keys_in_a_chain_of_roots() {
    let authority = authority();
    let store = authority.store();
    let purposes = [Purpose::TrustRoot, Purpose::TrustTargets, Purpose::TrustTimestamp];
    let mut at = NOW;
    let first = authority.publish(&register(), at).unwrap();
    let pin = read(&first, at).pin();
    for generation in 1..=3 {
        for purpose in &purposes {
            rotate(store, purpose, purpose.default_kind(), 0, at).unwrap();
        }
        authority.publish(&register(), at).unwrap(); // the successors are announced
        at = at.plus(2 * DAY);
        for purpose in &purposes {
            let ring = store.ring(purpose).unwrap();
            let retired =
                ring.keys(at).into_iter().filter(|key| key.life.name() == "retired" && key.withdrawn_at.is_none());
            for key in retired {
                ring.withdraw(&key.kid, at).unwrap();
            }
        }
        let bundle = authority.publish(&register(), at).unwrap();
        let trust = Trust::read(&bundle.to_json(), at, Some(&pin)).unwrap();
        assert_eq!(trust.versions().root, 1 + 2 * generation);
        assert_eq!(trust.root().roles.root.kids, [store.ring(&Purpose::TrustRoot).unwrap().active(at).unwrap().kid()]);
        let destroyed = store.ring(&Purpose::TrustRoot).unwrap();
        let oldest = destroyed.keys(at)[0].kid.clone();
        let _ = destroyed.destroy(&oldest, at);
    }
    // without a root that the one before knows, nothing is published
    let ring = store.ring(&Purpose::TrustRoot).unwrap();
    let active = ring.active(at).unwrap().kid().to_owned();
    ring.compromise(&active, at, at).unwrap();
    ring.rotate(at, 0).unwrap();
    let refused = authority.publish(&register(), at);
    assert!(matches!(refused, Err(AuthorityError::Publish(PublishError::Role("root")))), "{refused:?}");
}

#[test]
fn a_store_that_is_only_read_publishes_upon_what_the_caller_keeps() {
    let authority = authority();
    let first = authority.publish_after(None, &register(), NOW).unwrap();
    assert!(authority.bundle().unwrap().is_none());
    let kept = Bundle::from_json(&first.to_json()).unwrap();
    assert_eq!(kept, first);
    assert_eq!(authority.publish_after(Some(&kept), &register(), NOW.plus(DAY)).unwrap().versions(), [1, 1, 2]);
    let mut other = common::founding();
    other.authority = "other.example".to_owned();
    let other = Authority::found(&keys::KeyStore::in_memory(), &other, NOW).unwrap();
    let refused = other.publish_after(Some(&kept), &register(), NOW);
    assert!(matches!(refused, Err(AuthorityError::Publish(PublishError::Previous))));
    let mut twice = register();
    twice.types.push(twice.types[0].clone());
    let refused = authority.publish_after(None, &twice, NOW);
    assert!(matches!(refused, Err(AuthorityError::Publish(PublishError::Refused("trust.malformed")))));
}

#[test]
fn what_is_exported_reads_back() {
    let folder = Folder::new();
    let authority = authority();
    let bundle = authority.publish(&register(), NOW).unwrap();
    let exported = export_trust(authority.store(), &bundle, folder.path(), NOW).unwrap();
    let names: Vec<_> = exported.files.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["trust-bundle.json", "roots.pem", "intermediates.pem", "jwks.json"]);
    let trust = Trust::read(&std::fs::read(&exported.files[0]).unwrap(), NOW, None).unwrap();
    assert_eq!(verifier::encoding::hex::encode(trust.root_sha256()), exported.root_sha256);
    let roots = keys::certify::certificates_of_pem(&std::fs::read_to_string(&exported.files[1]).unwrap()).unwrap();
    assert!(trust.is_anchor(&Certificate::parse(&roots[0]).unwrap()));
    let text = std::fs::read_to_string(&exported.files[2]).unwrap();
    assert_eq!(keys::certify::certificates_of_pem(&text).unwrap().len(), 1);
    let set: serde_json::Value = serde_json::from_slice(&std::fs::read(&exported.files[3]).unwrap()).unwrap();
    assert_eq!(set["keys"].as_array().unwrap().len(), 5);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4, "no temporary file stays");
}

#[test]
fn the_subordinate_ca_is_followed_by_another() {
    let mut founding = common::founding();
    founding.signer = format!("{SIGNER}/");
    founding.bound = Some(Power { types: vec![TYPE.to_owned()], regions: vec!["990000".to_owned()] });
    let authority = Authority::found(&keys::KeyStore::in_memory(), &founding, NOW).unwrap();
    authority.certify_department(&order(), &[DepartmentUse::Credential], NOW).unwrap();
    let store = authority.store();
    let purpose = Purpose::SubordinateCa;
    let announced = rotate(store, &purpose, purpose.default_kind(), 0, NOW).unwrap();
    assert_eq!(rotate(store, &purpose, purpose.default_kind(), 0, NOW.plus(60)).unwrap(), announced);
    let later = announced.active_from;
    assert_eq!(
        authority.renew(&Purpose::department(DEPARTMENT, DepartmentUse::Credential), later).unwrap(),
        Certified::Announced { signs_from: later.plus(2 * DAY) }
    );
    let last = later.plus(2 * DAY);
    let trust = read(&authority.publish(&register(), last).unwrap(), last);
    assert_eq!(trust.targets().intermediates.len(), 2);
    let rows: Vec<_> = trust.targets().certificates.iter().filter(|row| row.purpose == "credential").collect();
    assert_eq!(rows.len(), 2);
    let signer = authority.department(DEPARTMENT, DepartmentUse::Credential, last).unwrap();
    assert_eq!(signer.chain()[1], store.certified(&purpose, last).unwrap().certificate());
    let chain = certificates(signer.chain());
    let path = trust.path(&chain[0], &chain[1..], last).unwrap();
    assert!(trust.power(&path, Usage::Credential, TYPE, last).is_ok());
    // the bound goes with it
    let mut wider = order();
    wider.power.regions = vec!["980000".to_owned()];
    let refused = authority.certify_department(&wider, &[DepartmentUse::Code], last);
    assert!(matches!(refused, Err(AuthorityError::Certify(keys::certify::CertifyError::Power))), "{refused:?}");
    assert!(rotate(store, &Purpose::RootCa, purpose.default_kind(), 0, NOW).is_err());
    assert!(rotate(store, &Purpose::Log, Purpose::Log.default_kind(), 0, NOW).is_err());
}

#[test]
fn a_longer_licence_needs_a_longer_certificate() {
    let authority = authority();
    let mut order = order();
    order.longest_licence_years = None;
    let made = authority.certify_department(&order, &USES, NOW).unwrap();
    assert!(made.iter().all(|(_, certified)| matches!(certified, Certified::Announced { .. })), "{made:?}");
    order.longest_licence_years = Some(5);
    let made = authority.certify_department(&order, &USES, NOW.plus(3 * DAY)).unwrap();
    assert!(made.iter().all(|(_, certified)| *certified == Certified::Unchanged), "a shorter one is covered");
}
