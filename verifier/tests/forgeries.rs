//! Paths of certificates made here: each fault once, and what its reason is called.
#![allow(missing_docs, clippy::unwrap_used)]

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CrlDistributionPoint,
    CrlIssuingDistributionPoint, CustomExtension, DnType, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevokedCertParams, SerialNumber,
};
use time::OffsetDateTime;
use verifier::certificate::{Certificate, Crl, PathReason, Pool, Revocation, Rules};
use verifier::time::Timestamp;

const NOW: i64 = 1_795_586_400; // 2026-11-25T06:00:00Z

fn time(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap()
}

/// A CA or leaf: what was asked for, its key, and the certificate.
struct Made {
    params: CertificateParams,
    key: KeyPair,
    certificate: Certificate,
}

fn params(name: &str, is_ca: bool) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = time(NOW - 1_000);
    params.not_after = time(NOW + 1_000);
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    if is_ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    }
    params
}

fn root(name: &str) -> Made {
    let (params, key) = (params(name, true), KeyPair::generate().unwrap());
    let certificate = Certificate::parse(params.self_signed(&key).unwrap().der()).unwrap();
    Made { params, key, certificate }
}

impl Made {
    fn issue(&self, params: CertificateParams) -> Made {
        let key = KeyPair::generate().unwrap();
        let signed = params.signed_by(&key, &Issuer::from_params(&self.params, &self.key)).unwrap();
        let certificate = Certificate::parse(signed.der()).unwrap();
        Made { params, key, certificate }
    }

    /// A CRL that revokes that serial since that second, for distribution points of that URI.
    fn list(&self, serial: &[u8], since: i64, next_update: i64, point: Option<&str>) -> Crl {
        let params = CertificateRevocationListParams {
            this_update: time(NOW - 100),
            next_update: time(next_update),
            crl_number: SerialNumber::from(7),
            issuing_distribution_point: point.map(|uri| CrlIssuingDistributionPoint {
                distribution_point: CrlDistributionPoint { uris: vec![uri.to_owned()] },
                scope: None,
            }),
            revoked_certs: vec![RevokedCertParams {
                serial_number: SerialNumber::from_slice(serial),
                revocation_time: time(since),
                reason_code: None,
                invalidity_date: None,
            }],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Crl::parse(params.signed_by(&Issuer::from_params(&self.params, &self.key)).unwrap().der()).unwrap()
    }
}

fn reason(anchors: &[&Made], extra: &[&Made], lists: Vec<Crl>, leaf: &Made, at: i64) -> Option<PathReason> {
    let certificates = |list: &[&Made]| list.iter().map(|made| made.certificate.clone()).collect::<Vec<_>>();
    let pool = Pool::new(certificates(anchors), Vec::new(), lists);
    let path = pool.path(&leaf.certificate, &certificates(extra), &Rules::at(Timestamp::from_seconds(at)));
    path.map(|path| assert_eq!(path.leaf(), &leaf.certificate)).err()
}

#[test]
fn each_fault_has_its_reason() {
    let root = root("root");
    let ca = root.issue(params("ca", true));
    let leaf = ca.issue(params("leaf", false));
    let with = |change: &dyn Fn(&mut CertificateParams)| {
        let mut params = params("leaf", false);
        change(&mut params);
        ca.issue(params)
    };
    let ca_with = |change: &dyn Fn(&mut CertificateParams)| {
        let mut params = params("other ca", true);
        change(&mut params);
        root.issue(params)
    };
    let reason_by = |extra: &[&Made], leaf: &Made, at| reason(&[&root], extra, Vec::new(), leaf, at);
    for (what, found, expected) in [
        ("good", reason_by(&[&ca], &leaf, NOW), None),
        ("the last second counts", reason_by(&[&ca], &leaf, NOW + 1_000), None),
        ("after", reason_by(&[&ca], &leaf, NOW + 1_001), Some(PathReason::Expired)),
        ("before", reason_by(&[&ca], &leaf, NOW - 1_001), Some(PathReason::NotYet)),
        ("no intermediate", reason_by(&[], &leaf, NOW), Some(PathReason::UnknownIssuer)),
        ("a leaf that is a CA", reason_by(&[&root], &ca, NOW), Some(PathReason::Leaf)),
        (
            "no signatures",
            {
                let odd = with(&|params| params.key_usages = vec![KeyUsagePurpose::KeyEncipherment]);
                reason_by(&[&ca], &odd, NOW)
            },
            Some(PathReason::Leaf),
        ),
        (
            "unknown critical extension",
            {
                let odd = with(&|params| {
                    let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 32_473, 9], vec![5, 0]);
                    extension.set_criticality(true);
                    params.custom_extensions.push(extension);
                });
                reason_by(&[&ca], &odd, NOW)
            },
            Some(PathReason::Critical),
        ),
        (
            "issued by a leaf",
            {
                let odd = leaf.issue(params("odd", false));
                reason_by(&[&ca, &leaf], &odd, NOW)
            },
            Some(PathReason::NotCa),
        ),
        (
            "issued by a leaf, whose double the document brings",
            {
                let mut double = params("leaf", true);
                double.key_identifier_method = KeyIdMethod::PreSpecified(vec![9; 20]);
                let key = KeyPair::from_pem(&leaf.key.serialize_pem()).unwrap();
                let double = Made {
                    certificate: Certificate::parse(double.self_signed(&key).unwrap().der()).unwrap(),
                    params: double,
                    key,
                };
                let odd = leaf.issue(params("odd", false));
                reason_by(&[&ca, &leaf, &double], &odd, NOW)
            },
            Some(PathReason::NotCa),
        ),
        (
            "path too long",
            {
                let short = ca_with(&|params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)));
                let below = short.issue(params("below", true));
                reason_by(&[&short, &below], &below.issue(params("leaf", false)), NOW)
            },
            Some(PathReason::NotCa),
        ),
        (
            "a CA that signs no certificates",
            {
                let odd = ca_with(&|params| params.key_usages = vec![KeyUsagePurpose::CrlSign]);
                reason_by(&[&odd], &odd.issue(params("leaf", false)), NOW)
            },
            Some(PathReason::NotCa),
        ),
        (
            "a CA that expired",
            {
                let old = ca_with(&|params| params.not_after = time(NOW - 1));
                reason_by(&[&old], &old.issue(params("leaf", false)), NOW)
            },
            Some(PathReason::Expired),
        ),
    ] {
        assert_eq!(found, expected, "{what}");
    }
}

#[test]
fn a_forgery_in_a_trusted_name_differs_whatever_the_document_brings() {
    let root = root("root");
    let ca = root.issue(params("ca", true));
    // The same name and key identifier, another key.
    let mut twin = params("ca", true);
    twin.key_identifier_method = KeyIdMethod::PreSpecified(ca.params.key_identifier(&ca.key));
    let twin_key = KeyPair::generate().unwrap();
    let twin_der = twin.self_signed(&twin_key).unwrap();
    let twin = Made { certificate: Certificate::parse(twin_der.der()).unwrap(), params: twin, key: twin_key };
    let forged = twin.issue(params("leaf", false));
    for (what, extra, expected) in [
        ("with the CA", vec![&ca], Some(PathReason::Differs)),
        ("with the CA and the twin that signed", vec![&twin, &ca], Some(PathReason::Differs)),
        ("in the other order", vec![&ca, &twin], Some(PathReason::Differs)),
        ("the twin alone", vec![&twin], Some(PathReason::UnknownIssuer)), // nobody here knows the CA
    ] {
        assert_eq!(reason(&[&root], &extra, Vec::new(), &forged, NOW), expected, "{what}");
    }
    assert_eq!(reason(&[&twin], &[&ca], Vec::new(), &forged, NOW), None, "trusted itself");
}

/// KF-20, and that a list counts whatever its age and its distribution point.
#[test]
fn a_listed_certificate_is_revoked() {
    let root = root("root");
    let ca = root.issue(params("ca", true));
    let mut of_two_points = params("leaf", false);
    of_two_points.crl_distribution_points = vec![
        CrlDistributionPoint { uris: vec!["http://a.example/1.crl".to_owned()] },
        CrlDistributionPoint { uris: vec!["http://b.example/2.crl".to_owned(), "http://b.example/3.crl".to_owned()] },
    ];
    let leaf = ca.issue(of_two_points);
    let serial = leaf.certificate.serial();
    let other = root.issue(params("other ca", true));
    for (what, list, expected) in [
        ("no list of it", ca.list(&[1, 2, 3], NOW, NOW + 100, None), None),
        ("listed", ca.list(serial, NOW, NOW + 100, None), Some(PathReason::Revoked)),
        ("listed from later on", ca.list(serial, NOW + 1, NOW + 100, None), None),
        ("an old list", ca.list(serial, NOW - 50, NOW - 40, None), Some(PathReason::Revoked)),
        ("by another CA", other.list(serial, NOW, NOW + 100, None), None),
    ] {
        assert_eq!(reason(&[&root], &[&ca], vec![list], &leaf, NOW), expected, "{what}");
    }
    // The full procedure: the list of each point, of the second too, of a point that the certificate lacks not.
    let rules = Rules::at(Timestamp::from_seconds(NOW)).with_revocation(Revocation::Required);
    let of_root = root.list(&[1], NOW, NOW + 100, None);
    let chain = [ca.certificate.clone()];
    for (point, lists_it, expected) in [
        ("http://a.example/1.crl", true, Some(PathReason::Revoked)),
        ("http://b.example/2.crl", true, Some(PathReason::Revoked)),
        ("http://b.example/3.crl", true, Some(PathReason::Revoked)),
        ("http://b.example/3.crl", false, None),
        ("http://c.example/4.crl", false, Some(PathReason::Revoked)), // none fits: never silence
    ] {
        let list = ca.list(if lists_it { serial } else { &[1] }, NOW, NOW + 100, Some(point));
        let pool = Pool::new(vec![root.certificate.clone()], Vec::new(), vec![of_root.clone(), list]);
        let found = pool.path(&leaf.certificate, &chain, &rules).err();
        assert_eq!(found, expected, "{point}, lists it: {lists_it}");
    }
}

/// KF-20: a document cannot hide a revocation behind a heap of certificates, nor make the search long.
#[test]
fn a_heap_of_certificates_hides_nothing() {
    let root = root("root");
    let ca = root.issue(params("ca", true));
    let leaf = ca.issue(params("leaf", false));
    let list = ca.list(leaf.certificate.serial(), NOW, NOW + 100, None);
    let heap: Vec<Made> = (0..40).map(|_| root.issue(params("ca", true))).collect();
    let mut extra: Vec<&Made> = heap.iter().collect();
    extra.push(&ca);
    assert_eq!(reason(&[&root], &extra, vec![list], &leaf, NOW), Some(PathReason::Revoked));
    assert_eq!(reason(&[&root], &extra, Vec::new(), &leaf, NOW), None);
}
