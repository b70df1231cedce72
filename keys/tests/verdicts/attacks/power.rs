//! A type, a region or a time outside the power; certificate and register that disagree; keys that count no more.

use keys::DepartmentUse::{Code, Copies};
use keys::authority::Authority;
use keys::certify::{Ca, Power, Usage};
use keys::software::SoftwareKey;
use keys::{KeyStore, Purpose, Signer as _};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyIdMethod, KeyPair,
    KeyUsagePurpose, RevokedCertParams, SerialNumber,
};
use serde_json::json;
use time::OffsetDateTime;
use verifier::algorithm::Algorithm;
use verifier::encoding::b64;
use verifier::report::Verdict::{Invalid, Undetermined};
use verifier::time::Timestamp;
use verifier::trust::rows::AlgorithmRow;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::table::Table;
use super::world::{ASKED, Held, OTHER, OTHER_TYPE, SEALED, World, leaf, stray_key};
use crate::common::{self, DAY, DEPARTMENT, NOW, TYPE};

fn power(types: &[&str], regions: &[&str]) -> Power {
    let texts = |list: &[&str]| list.iter().map(ToString::to_string).collect();
    Power { types: texts(types), regions: texts(regions) }
}

/// One row: a key with the certificate and register row that were changed so.
macro_rules! odd {
    ($world:expr, $table:expr, $what:expr, $verdict:expr, $reason:expr, $change:expr) => {{
        let (held, trust) = $world.odd($change);
        let shown = $world.credential().by(&held).shown().under(&trust);
        match $reason {
            "" => $table.passes($what, &shown),
            reason => $table.row($what, &shown, $verdict, reason),
        }
    }};
}

#[test]
fn a_power_that_ends_before_it() {
    let world = World::new();
    let mut table = Table::new("powers", &world.credential().shown());
    odd!(world, table, "a second key as it should be", Invalid, "", |_, _| {});
    odd!(world, table, "the certificate without the type", Invalid, "power.type", |leaf, _| {
        leaf.power = Some(power(&[OTHER_TYPE], &["990100"]));
    });
    odd!(world, table, "the register without the type", Invalid, "power.type", |_, row| {
        row.types = vec![OTHER_TYPE.to_owned()];
    });
    odd!(world, table, "the type in neither", Invalid, "power.type", |leaf, row| {
        leaf.power = Some(power(&[], &["990100"]));
        row.types.clear();
    });
    odd!(world, table, "the certificate without the extension", Invalid, "power.type", |leaf, _| leaf.power = None);
    odd!(world, table, "a type that begins alike", Invalid, "power.type", |leaf, row| {
        leaf.power = Some(power(&[&TYPE[..20]], &["990100"]));
        row.types = vec![TYPE[..20].to_owned()];
    });
    odd!(world, table, "the certificate for another region", Invalid, "power.region", |leaf, _| {
        leaf.power = Some(power(&[TYPE], &["990200"]));
    });
    odd!(world, table, "the register for another region", Invalid, "power.region", |_, row| {
        row.regions = vec!["990200".parse().unwrap()];
    });
    odd!(world, table, "for a county of the department's city", Invalid, "power.region", |leaf, row| {
        leaf.power = Some(power(&[TYPE], &["990121"]));
        row.regions = vec!["990121".parse().unwrap()];
    });
    odd!(world, table, "for the province around it", Invalid, "", |leaf, row| {
        leaf.power = Some(power(&[TYPE], &["990000"]));
        row.regions = vec!["990000".parse().unwrap()];
    });
    odd!(world, table, "for no region", Invalid, "power.region", |_, row| row.regions.clear());
    odd!(world, table, "from a second after the sealing", Invalid, "power.window", |_, row| row.signs_from =
        SEALED.plus(1));
    odd!(world, table, "from the second of the sealing", Invalid, "", |_, row| row.signs_from = SEALED);
    odd!(world, table, "until the second of the sealing", Invalid, "power.window", |_, row| row.signs_until = SEALED);
    odd!(world, table, "until the second after it", Invalid, "", |_, row| row.signs_until = SEALED.plus(1));
    odd!(world, table, "a certificate from tomorrow", Undetermined, "path.not_yet", |leaf, _| {
        leaf.validity.not_before = ASKED.plus(DAY);
    });
    odd!(world, table, "a certificate until yesterday", Undetermined, "path.expired", |leaf, _| {
        leaf.validity.not_after = ASKED.plus(-1);
    });
    // certificate and register disagree
    odd!(world, table, "the register calls it a code key", Invalid, "power.purpose", |_, row| row.purpose =
        "code".to_owned());
    odd!(world, table, "the certificate calls it a copies key", Invalid, "power.purpose", |leaf, _| leaf.usage =
        Usage::Department(Copies));
    odd!(world, table, "both call it a code key", Invalid, "power.purpose", |leaf, row| {
        leaf.usage = Usage::Department(Code);
        row.purpose = "code".to_owned();
    });
    odd!(world, table, "the register gives it a purpose of its own", Invalid, "power.purpose", |_, row| row.purpose =
        "Credential".to_owned());
    odd!(world, table, "the register names another department", Invalid, "power.register", |_, row| {
        row.department = Some(OTHER.parse().unwrap());
    });
    odd!(world, table, "the register names none", Invalid, "power.register", |_, row| row.department = None);
    odd!(world, table, "the register holds another key", Invalid, "power.register", |_, row| row.spki =
        "ab".repeat(32));
    odd!(world, table, "the certificate names another department", Invalid, "form.inconsistent", |leaf, _| {
        leaf.subject.credit_code = Some(OTHER.to_owned());
    });
    odd!(world, table, "the certificate names none", Invalid, "form.inconsistent", |leaf, _| leaf
        .subject
        .credit_code = None);
    odd!(world, table, "the certificate is another address's", Invalid, "form.inconsistent", |leaf, _| {
        leaf.uri = Some(format!("http://localhost:8082/departments/{DEPARTMENT}"));
    });
    odd!(world, table, "the certificate has no address", Invalid, "form.inconsistent", |leaf, _| leaf.uri = None);
    let (held, _) = world.odd(|_, _| {});
    table.row("no row in the register", &world.credential().by(&held).shown(), Undetermined, "power.unlisted");
    let without = world.trust_with(|register| drop(register.departments.remove(0)));
    table.row("no department in the register", &table.original().under(&without), Undetermined, "power.unlisted");
    let renamed = world.trust_with(|register| register.departments[0].name = "示例市公安分局".to_owned());
    table.row(
        "a name that the register does not know",
        &table.original().under(&renamed),
        Invalid,
        "form.inconsistent",
    );
    let moved = world.trust_with(|register| register.departments[0].region = "990200".to_owned());
    table.row("a department in another region", &table.original().under(&moved), Invalid, "power.region");
    table.end(32);
}

#[test]
fn a_key_or_algorithm_that_counts_no_more() {
    let world = World::new();
    let mut table = Table::new("ended", &world.credential().shown());
    for (what, from) in [("compromised before", NOW), ("compromised after the sealing, unproven", SEALED.plus(1))] {
        odd!(world, table, what, Undetermined, "path.compromised", |_, row| row.compromised_from = Some(from));
    }
    let algorithm = |purpose: &str, alg: &str, until: Option<Timestamp>| AlgorithmRow {
        purpose: purpose.to_owned(),
        alg: alg.to_owned(),
        until,
    };
    for (what, alg, until, reason) in [
        ("an algorithm that ended", "ES256", Some(ASKED), "algorithm.ended"),
        ("an algorithm that ends a second later", "ES256", Some(ASKED.plus(1)), ""),
        ("another algorithm's row", "EdDSA", None, "algorithm.unlisted"),
    ] {
        let trust = world.trust_with(|register| {
            register.algorithms = vec![algorithm("credential", alg, until), algorithm("status", "ES256", None)];
        });
        let shown = table.original().under(&trust);
        if reason.is_empty() { table.passes(what, &shown) } else { table.row(what, &shown, Undetermined, reason) }
    }
    let trust = world.trust_with(|register| {
        register.algorithms = vec![algorithm("code", "ES256", None), algorithm("status", "ES256", None)];
    });
    table.row("an algorithm of another purpose", &table.original().under(&trust), Undetermined, "algorithm.unlisted");
    table.end(6);
    bounds_of_the_authority();
}

/// What the CA above may certify bounds what is below it, and lists count by whose key signed them.
fn bounds_of_the_authority() {
    let world = World::new();
    let mut table = Table::new("authorities", &world.credential().shown());
    for (what, types, regions, reason) in [
        ("a CA that may certify this", &[TYPE][..], &["990000"][..], ""),
        ("a CA for other types", &[OTHER_TYPE], &["990000"], "power.type"),
        ("a CA for other regions", &[TYPE], &["990200"], "power.region"),
        ("a CA that may certify nothing", &[], &[], "power.type"),
    ] {
        let second = Second::new(&world, Some(&power(types, regions)));
        let shown = world.credential().by(&second.held).shown().under(&second.trust(&world, None));
        if reason.is_empty() { table.passes(what, &shown) } else { table.row(what, &shown, Invalid, reason) }
    }
    let (second, stranger) = (Second::new(&world, None), Second::new(&world, None));
    let shown = |trust| world.credential().by(&second.held).shown().under(&trust);
    let serial = second.serial();
    table.row("revoked", &shown(second.trust(&world, Some(&second.list(&serial, NOW)))), Undetermined, "path.revoked");
    table.row(
        "revoked at the second of the question",
        &shown(second.trust(&world, Some(&second.list(&serial, ASKED)))),
        Undetermined,
        "path.revoked",
    );
    table.passes("revoked a second later", &shown(second.trust(&world, Some(&second.list(&serial, ASKED.plus(1))))));
    table.passes("another serial revoked", &shown(second.trust(&world, Some(&second.list(&[9; 16], NOW)))));
    table.passes(
        "revoked by another of the same name",
        &shown(second.trust(&world, Some(&stranger.list(&serial, NOW)))),
    );
    table.end(9);
}

/// A second root that the bundle names as an anchor.
struct Second {
    params: CertificateParams,
    pair: KeyPair,
    der: Vec<u8>,
    held: Held,
    row: verifier::trust::rows::CertificateRow,
}

fn instant(at: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(at.seconds()).unwrap()
}

impl Second {
    fn new(world: &World, bound: Option<&Power>) -> Self {
        let pair = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::OrganizationName, "第二机构");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.use_authority_key_identifier_extension = true;
        (params.not_before, params.not_after) = (instant(NOW), instant(NOW.plus(13 * 366 * DAY)));
        let root = params.self_signed(&pair).unwrap().der().to_vec();
        let root_key = SoftwareKey::from_pkcs8(Algorithm::Es256, &pair.serialize_der()).unwrap();
        let arc = world.authority.oid_arc();
        let ca = Ca::new(&root, &root_key, arc).unwrap();
        // The bound stands in a certificate between, whose leaf goes beyond it by the hand of whoever holds its key.
        let (middle, key) = (stray_key(), stray_key());
        let subject = keys::certify::Subject {
            organization: "第二机构签发".to_owned(),
            credit_code: None,
            common_name: "ca".to_owned(),
        };
        let validity = keys::certify::Validity::years(NOW, 13);
        let middle_der =
            ca.subordinate(middle.public_key(), &subject, validity, 0, bound.map(|power| (arc, power))).unwrap();
        let unbound = "1.3.6.1.4.1.32474".parse().unwrap(); // reads no bound there, so certifies what it likes
        let issuer = Ca::new(&middle_der, middle.as_ref(), &unbound).unwrap();
        let der = issuer.leaf(arc, key.public_key(), &leaf()).unwrap();
        let row = verifier::trust::rows::CertificateRow {
            sha256: keys::certify::sha256_hex(&der),
            spki: verifier::encoding::hex::encode(key.public_key().spki_sha256()),
            der: None,
            purpose: "credential".to_owned(),
            department: Some(DEPARTMENT.parse().unwrap()),
            types: vec![TYPE.to_owned()],
            regions: vec!["990100".parse().unwrap()],
            signs_from: NOW,
            signs_until: NOW.plus(730 * DAY),
            compromised_from: None,
            foreign: None,
        };
        let held = Held { key, chain: vec![der, middle_der] };
        Self { params, pair, der: root, held, row }
    }

    fn serial(&self) -> Vec<u8> {
        let (_, parsed) = X509Certificate::from_der(&self.held.chain[1]).unwrap();
        parsed.raw_serial().to_vec()
    }

    /// The root's list that revokes the CA of that serial.
    fn list(&self, serial: &[u8], since: Timestamp) -> Vec<u8> {
        let params = CertificateRevocationListParams {
            this_update: instant(NOW),
            next_update: instant(NOW.plus(DAY)),
            crl_number: SerialNumber::from(7),
            issuing_distribution_point: None,
            revoked_certs: vec![RevokedCertParams {
                serial_number: SerialNumber::from_slice(serial),
                revocation_time: instant(since),
                reason_code: None,
                invalidity_date: None,
            }],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&Issuer::from_params(&self.params, &self.pair)).unwrap().der().to_vec()
    }

    fn trust(&self, world: &World, list: Option<&[u8]>) -> std::sync::Arc<verifier::trust::Trust> {
        world.trust_over(|targets| {
            targets["anchors"].as_array_mut().unwrap().push(b64::encode(&self.der).into());
            targets["certificates"].as_array_mut().unwrap().push(json!(self.row));
            targets["crls"] = list.iter().map(b64::encode).collect::<Vec<_>>().into();
        })
    }
}

/// The authority itself certifies nothing beyond its own bound.
#[test]
fn nothing_beyond_the_bound_is_certified() {
    let mut founding = common::founding();
    founding.bound = Some(power(&[TYPE], &["990100"]));
    let authority = Authority::found(&KeyStore::in_memory(), &founding, NOW).unwrap();
    let ca = authority.store().certified(&Purpose::SubordinateCa, NOW).unwrap();
    let arc = authority.oid_arc();
    let issuer = Ca::new(ca.certificate(), &ca, arc).unwrap();
    for (types, regions, good) in [
        (&[TYPE][..], &["990100"][..], true),
        (&[TYPE], &["990121"], true),
        (&[OTHER_TYPE], &["990100"], false),
        (&[TYPE], &["990000"], false),
        (&[TYPE], &["000000"], false),
    ] {
        let wanted = keys::certify::Leaf { power: Some(power(types, regions)), ..leaf() };
        assert_eq!(issuer.leaf(arc, stray_key().public_key(), &wanted).is_ok(), good, "{types:?} {regions:?}");
    }
}
