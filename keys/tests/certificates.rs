//! Certificates: what our profiles write, what openssl says of it, what comes from and goes to others.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use std::process::Command;

use common::{DAY, DEPARTMENT, Folder, NOW, SIGNER, TYPE, USES, authority, founding, order};
use keys::authority::{Authority, AuthorityError, Certified};
use keys::certified::Attachment;
use keys::certify::{self, Ca, CertifyError, Leaf, OidArc, Power, Subject, Usage, Validity};
use keys::software::SoftwareKey;
use keys::{DepartmentUse, KeyStore, KeyStoreError, Purpose, Signer};
use verifier::algorithm::Algorithm;
use x509_parser::prelude::{FromDer as _, X509Certificate};

fn key(algorithm: Algorithm) -> SoftwareKey {
    SoftwareKey::from_pkcs8(algorithm, &SoftwareKey::generate(algorithm).unwrap()).unwrap()
}

fn subject(common_name: &str) -> Subject {
    Subject { organization: "示范省".to_owned(), credit_code: None, common_name: common_name.to_owned() }
}

fn arc() -> OidArc {
    OidArc::DEMONSTRATION.parse().unwrap()
}

/// Runs openssl; `None`, and a line that says so, where there is none.
fn openssl(arguments: &[&str]) -> Option<(bool, String)> {
    match Command::new("openssl").args(arguments).output() {
        Ok(output) => {
            let text = [output.stdout, output.stderr].concat();
            Some((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
        }
        Err(error) => {
            println!("not done: openssl cannot be run ({error})");
            None
        }
    }
}

#[test]
fn openssl_accepts_what_we_certify_and_refuses_a_stranger() {
    let folder = Folder::new();
    let (ours, strangers) = (authority(), authority());
    let write = |name: &str, certificates: &[Vec<u8>]| {
        let path = folder.file(name);
        let text: String = certificates.iter().map(|der| certify::pem("CERTIFICATE", der)).collect();
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let chain =
        |authority: &Authority, purpose: &Purpose| authority.store().certified(purpose, NOW).unwrap().chain().to_vec();
    let root = write("root.pem", &chain(&ours, &Purpose::RootCa));
    let subordinate = write("subordinate.pem", &chain(&ours, &Purpose::SubordinateCa));
    let at = NOW.seconds().to_string();
    let mut done = 0;
    let purposes = USES.map(|r#use| Purpose::department(DEPARTMENT, r#use)).into_iter().chain([Purpose::Status]);
    for purpose in purposes {
        for (authority, accepted) in [(&ours, true), (&strangers, false)] {
            let leaf = write("leaf.pem", &chain(authority, &purpose)[..1]);
            let arguments =
                ["verify", "-x509_strict", "-attime", &at, "-CAfile", &root, "-untrusted", &subordinate, &leaf];
            let Some((success, said)) = openssl(&arguments) else { return };
            assert_eq!(success, accepted, "{purpose}: {said}");
            done += 1;
        }
    }
    let leaf = write("leaf.pem", &chain(&ours, &Purpose::department(DEPARTMENT, DepartmentUse::Credential))[..1]);
    let (_, text) = openssl(&["x509", "-in", &leaf, "-noout", "-text", "-nameopt", "utf8"]).unwrap();
    for line in [
        "Issuer: O=示范省, CN=示范省签发",
        "O=示例市公安局, organizationIdentifier=11990100001000010R",
        "Key Usage: critical\n                Digital Signature\n",
        "1.3.6.1.4.1.32473.1.1",
        "1.3.6.1.4.1.32473.2: \n",
        "URI:http://localhost:8081/departments/11990100001000010R",
        "CA:FALSE",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    println!("openssl judged {done} chains");
}

#[test]
fn openssl_reads_our_requests() {
    let folder = Folder::new();
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
        let request = certify::request(&key(algorithm), &subject("示例"), Some("https://a.example/x")).unwrap();
        let path = folder.file("request.pem");
        std::fs::write(&path, certify::pem("CERTIFICATE REQUEST", &request)).unwrap();
        let Some((success, said)) = openssl(&["req", "-in", path.to_str().unwrap(), "-noout", "-verify"]) else {
            return;
        };
        assert!(success, "{algorithm:?}: {said}");
    }
}

/// KF-22: positive, at most 20 octets, shortest form, never twice, whoever is certified.
#[test]
fn serial_numbers_are_positive_short_and_random() {
    let ca_key = key(Algorithm::Es256);
    let validity = Validity::years(NOW, 10);
    let root = certify::root(&ca_key, &subject("根"), validity, 1).unwrap();
    let ca = Ca::new(&root, &ca_key, &arc()).unwrap();
    let leaf = Leaf { subject: subject("x"), usage: Usage::Status, uri: None, power: None, validity };
    let public = key(Algorithm::Es256);
    let mut seen = std::collections::HashSet::new();
    for n in 0..2_000 {
        let made = match n % 20 {
            0 => certify::root(&ca_key, &subject("根"), validity, 1).unwrap(),
            1 => ca.subordinate(public.public_key(), &subject("次"), validity, 0, None).unwrap(),
            _ => ca.leaf(&arc(), public.public_key(), &leaf).unwrap(),
        };
        let (_, parsed) = X509Certificate::from_der(&made).unwrap();
        let raw = parsed.raw_serial();
        assert!(raw.len() == 16 && raw[0] & 0x80 == 0 && raw[0] != 0, "{raw:02x?}");
        assert!(seen.insert(raw.to_vec()));
    }
}

/// KF-19: the authority key identifier is the CA's own subject key identifier, whatever method chose that.
#[test]
fn key_identifiers_are_taken_from_the_ca() {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyIdMethod, KeyPair};
    let pkcs8 = SoftwareKey::generate(Algorithm::Es256).unwrap();
    let signer = SoftwareKey::from_pkcs8(Algorithm::Es256, &pkcs8).unwrap();
    let pair = KeyPair::try_from(pkcs8.as_slice()).unwrap();
    let by = |algorithm| ring::digest::digest(algorithm, pair.public_key_raw()).as_ref().to_vec();
    let (sha1, sha256) = (by(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY), by(&ring::digest::SHA256));
    for identifier in [sha1, sha256[..20].to_vec(), vec![7; 20], vec![1, 2, 3, 4], vec![9; 32]] {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_identifier_method = KeyIdMethod::PreSpecified(identifier.clone());
        let root = params.self_signed(&pair).unwrap().der().to_vec();
        let ca = Ca::new(&root, &signer, &arc()).unwrap();
        let validity = Validity::years(NOW, 1);
        let made = ca.subordinate(key(Algorithm::Es256).public_key(), &subject("次"), validity, 0, None).unwrap();
        let (_, parsed) = X509Certificate::from_der(&made).unwrap();
        let found = parsed.extensions().iter().find_map(|extension| match extension.parsed_extension() {
            x509_parser::extensions::ParsedExtension::AuthorityKeyIdentifier(aki) => aki.key_identifier.clone(),
            _ => None,
        });
        assert_eq!(found.unwrap().0, identifier);
    }
    // a CA without an identifier: none is made up
    let root = CertificateParams::default();
    let mut params = root.clone();
    params.is_ca = IsCa::NoCa;
    let mut extension = rcgen::CustomExtension::from_oid_content(&[2, 5, 29, 19], vec![0x30, 3, 1, 1, 0xff]);
    extension.set_criticality(true);
    params.custom_extensions.push(extension);
    let bare = params.self_signed(&pair).unwrap().der().to_vec();
    let ca = Ca::new(&bare, &signer, &arc()).unwrap();
    let leaf =
        Leaf { subject: subject("x"), usage: Usage::Status, uri: None, power: None, validity: Validity::years(NOW, 1) };
    let made = ca.leaf(&arc(), key(Algorithm::Es256).public_key(), &leaf).unwrap();
    let (_, parsed) = X509Certificate::from_der(&made).unwrap();
    assert!(parsed.extensions().iter().all(|extension| extension.oid.to_id_string() != "2.5.29.35"));
}

#[test]
fn a_ca_certifies_within_its_bounds() {
    let root_key = key(Algorithm::Es256);
    let validity = Validity::years(NOW, 20);
    let root = certify::root(&root_key, &subject("根"), validity, 1).unwrap();
    let ca = Ca::new(&root, &root_key, &arc()).unwrap();
    let bound = Power { types: vec![TYPE.to_owned()], regions: vec!["990100".to_owned()] };
    let below_key = key(Algorithm::EdDsa);
    let below = ca.subordinate(below_key.public_key(), &subject("次"), validity, 0, Some((&arc(), &bound))).unwrap();
    let below = Ca::new(&below, &below_key, &arc()).unwrap();
    let leaf = |types: &[&str], regions: &[&str], validity: Validity| Leaf {
        subject: subject("x"),
        usage: Usage::Department(DepartmentUse::Credential),
        uri: Some(SIGNER.to_owned()),
        power: Some(Power {
            types: types.iter().map(ToString::to_string).collect(),
            regions: regions.iter().map(ToString::to_string).collect(),
        }),
        validity,
    };
    let public = key(Algorithm::Es256);
    let longer = Validity { not_before: NOW, not_after: validity.not_after.plus(1) };
    let earlier = Validity { not_before: NOW.plus(-1), not_after: validity.not_after };
    for (order, expected) in [
        (leaf(&[TYPE], &["990100"], validity), Ok(())),
        (leaf(&[TYPE], &["990121"], validity), Ok(())),
        (leaf(&[], &[], validity), Ok(())),
        (leaf(&["11990100001000010R002"], &["990100"], validity), Err(CertifyError::Power)),
        (leaf(&[TYPE], &["990000"], validity), Err(CertifyError::Power)),
        (leaf(&[TYPE], &["990100"], longer), Err(CertifyError::Validity)),
        (leaf(&[TYPE], &["990100"], earlier), Err(CertifyError::Validity)),
    ] {
        let made = below.leaf(&arc(), public.public_key(), &order);
        assert_eq!(made.map(drop), expected, "{:?} {:?}", order.power, order.validity);
    }
    let deeper = below.subordinate(public.public_key(), &subject("更次"), validity, 0, None);
    assert!(matches!(deeper, Err(CertifyError::Ca(_))));
    assert!(matches!(ca.subordinate(public.public_key(), &subject("次"), validity, 1, None), Err(CertifyError::Ca(_))));
    let made = below.leaf(&arc(), public.public_key(), &leaf(&[TYPE], &["990100"], validity)).unwrap();
    assert!(matches!(Ca::new(&made, &public, &arc()), Err(CertifyError::Ca("is no CA's"))));
    assert!(matches!(Ca::new(&root, &public, &arc()), Err(CertifyError::Ca("is another key's"))));
    assert!(matches!(Ca::new(&root[1..], &root_key, &arc()), Err(CertifyError::Ca(_))));
}

#[test]
fn names_and_addresses_have_bounds() {
    let signer = key(Algorithm::Es256);
    for (name, good) in [
        ("𠮷林省", true),
        (&"省".repeat(64) as &str, true),
        (&"省".repeat(65), false),
        ("", false),
        ("a\nb", false),
        ("a\0", false),
    ] {
        let made = certify::request(&signer, &subject(name), None);
        assert_eq!(made.is_ok(), good, "{name:?}");
    }
    for (uri, good) in [("https://a.example", true), ("https://省.example", false), ("", false), ("a b", false)] {
        assert_eq!(certify::request(&signer, &subject("x"), Some(uri)).is_ok(), good, "{uri:?}");
    }
}

#[test]
fn a_department_is_certified_once_and_renewed_in_time() {
    let authority = authority();
    let credential = [DepartmentUse::Credential];
    let certify = |order: &_, now| authority.certify_department(order, &credential, now).map(|made| made[0].1);
    let signer = |now| authority.department(DEPARTMENT, DepartmentUse::Credential, now).unwrap();
    let first = signer(NOW);
    assert_eq!(first.chain().len(), 2, "leaf and subordinate, never the root");
    assert_eq!(certify(&order(), NOW.plus(600 * DAY)).unwrap(), Certified::Unchanged);
    // more types: a successor after the notice, the first one until then
    let mut wider = order();
    wider.power.types.push("11990100001000010R002".to_owned());
    let signs_from = NOW.plus(2 * DAY);
    assert_eq!(certify(&wider, NOW).unwrap(), Certified::Announced { signs_from });
    assert_eq!(certify(&wider, NOW.plus(DAY)).unwrap(), Certified::Announced { signs_from });
    assert_eq!(signer(signs_from.plus(-1)).kid(), first.kid());
    assert_eq!(signer(signs_from).types().len(), 2);
    assert_eq!(certify(&wider, signs_from).unwrap(), Certified::Unchanged);
    // near its end
    let late = signs_from.plus(650 * DAY);
    assert!(matches!(certify(&wider, late).unwrap(), Certified::Announced { .. }));
    // after its end nothing signs, and the private keys go
    let store = authority.store();
    let code = Purpose::department(DEPARTMENT, DepartmentUse::Code);
    let end = NOW.plus(730 * DAY);
    assert!(store.certified(&code, end.plus(-1)).is_ok());
    assert!(matches!(store.certified(&code, end), Err(KeyStoreError::NoActiveKey { .. })));
    assert_eq!(store.destroy_ended(end.plus(-1)).unwrap(), 0);
    assert_eq!(store.destroy_ended(end).unwrap(), 5, "four keys of the department and the status key");
    assert_eq!(store.destroy_ended(end).unwrap(), 0);
    // a compromised key is followed at once
    let kid = signer(late).kid().to_owned();
    store
        .ring(&Purpose::department(DEPARTMENT, DepartmentUse::Credential))
        .unwrap()
        .compromise(&kid, late, late)
        .unwrap();
    assert!(authority.department(DEPARTMENT, DepartmentUse::Credential, late).is_err());
    assert_eq!(certify(&wider, late).unwrap(), Certified::AtOnce, "the one that waits was announced for later");
    assert!(signer(late).kid() != kid);
}

#[test]
fn keys_may_be_certified_elsewhere() {
    // our department key under a foreign CA
    let store = KeyStore::in_memory();
    let purpose = Purpose::department(DEPARTMENT, DepartmentUse::Credential);
    let (kid, request) =
        store.request_certificate(&purpose, Algorithm::Es256, &subject("示例"), Some(SIGNER), NOW).unwrap();
    assert!(store.certified(&purpose, NOW).is_err(), "it waits for its certificate");
    assert_eq!(store.ring(&purpose).unwrap().keys(NOW)[0].life.name(), "announced");
    // a department's request at our authority, for a key in that other store
    let authority = authority();
    let signs_from = NOW.plus(DAY);
    let made = authority.certify_request(&request, &order(), DepartmentUse::Credential, signs_from, NOW).unwrap();
    for spoilt in [
        Attachment { chain: Vec::new(), ..made.clone() },
        Attachment { chain: vec![made.chain[1].clone()], ..made.clone() },
        Attachment { chain: vec![made.chain[0][1..].to_vec()], ..made.clone() },
        Attachment { signs_until: made.signs_from, ..made.clone() },
        Attachment { signs_until: NOW.plus(40 * 366 * DAY), ..made.clone() },
    ] {
        let refused = store.attach_certificate(&purpose, &kid, spoilt);
        assert!(matches!(refused, Err(KeyStoreError::Certificate)), "{refused:?}");
    }
    assert!(matches!(store.attach_certificate(&purpose, "none", made.clone()), Err(KeyStoreError::NoKey)));
    store.attach_certificate(&purpose, &kid, made.clone()).unwrap();
    assert!(matches!(store.attach_certificate(&purpose, &kid, made), Err(KeyStoreError::State(_))));
    assert!(store.certified(&purpose, NOW).is_err());
    assert_eq!(store.certified(&purpose, signs_from).unwrap().kid(), kid);
    let mut spoilt = request.clone();
    let last = spoilt.len() - 1;
    spoilt[last] ^= 1;
    let refused = authority.certify_request(&spoilt, &order(), DepartmentUse::Credential, NOW, NOW);
    assert!(matches!(refused, Err(AuthorityError::Certify(_))));
}

#[test]
fn an_authority_is_founded_once() {
    let store = KeyStore::in_memory();
    assert!(matches!(Authority::open(&store), Err(AuthorityError::None)));
    let first = Authority::found(&store, &founding(), NOW).unwrap();
    let kid = first.log(NOW).unwrap().kid().to_owned();
    let again = Authority::found(&store, &founding(), NOW.plus(DAY)).unwrap();
    assert_eq!(again.log(NOW.plus(DAY)).unwrap().kid(), kid);
    assert_eq!(again.log_origin().unwrap(), "localhost:8081/log");
    let mut other = founding();
    other.authority = "other.example".to_owned();
    assert!(matches!(Authority::found(&store, &other, NOW), Err(AuthorityError::Another { .. })));
    let mut wrong = founding();
    wrong.oid_arc = "2.25.1".to_owned();
    assert!(matches!(Authority::found(&KeyStore::in_memory(), &wrong, NOW), Err(AuthorityError::Certify(_))));
}

/// KF-34: a byte order mark before the first certificate hides nothing; one further on is refused.
#[test]
fn a_mark_before_a_certificate_hides_nothing() {
    let own = key(Algorithm::Es256);
    let root = certify::root(&own, &subject("根"), Validity::years(NOW, 10), 1).unwrap();
    let pem = certify::pem("CERTIFICATE", &root);
    let both = [root.clone(), root.clone()];
    assert_eq!(certify::certificates_of_pem(&format!("\u{feff}{pem}{pem}")).as_deref(), Ok(both.as_slice()));
    assert_eq!(certify::certificates_of_pem(&format!("{pem}\u{feff}{pem}")).err(), Some(CertifyError::Request));
    let pkcs8 = SoftwareKey::generate(Algorithm::Es256).unwrap();
    let file = SoftwareKey::key_file(&pkcs8);
    assert!(SoftwareKey::from_key_file(&format!("\u{feff}{}", file.as_str())).is_ok());
}
