//! Codes: another key, other claims, another profile, another wrapping.

use std::io::Write as _;

use ciborium::Value as Cbor;
use keys::DepartmentUse::{Code, Copies, Credential};
use verifier::cose::ToSign;
use verifier::encoding::cbor;
use verifier::evidence::Evidence;
use verifier::rendition::code::{Draft, Item};
use verifier::report::Verdict::{Invalid, NotInForce, Undetermined};
use verifier::status::Value;
use verifier::time::Timestamp;

use super::sealing::POSITION;
use super::table::{Shown, Table};
use super::world::{ASKED, Held, LIST, OTHER, OTHER_TYPE, SEALED, World, stray_key};
use crate::common::{DAY, DEPARTMENT, TYPE};

/// A code for a screen, or a printed one, signed by `by` a little before the question.
pub(super) struct Coding<'w> {
    pub(super) world: &'w World,
    pub(super) by: Held,
    pub(super) type_code: &'w str,
    pub(super) issued_at: Timestamp,
    pub(super) printed: bool,
}

impl World {
    pub(super) fn coding(&self) -> Coding<'_> {
        Coding {
            world: self,
            by: self.held(DEPARTMENT, Code),
            type_code: TYPE,
            issued_at: ASKED.plus(-30),
            printed: false,
        }
    }
}

impl Coding<'_> {
    pub(super) fn claims(&self) -> Vec<u8> {
        let draft = Draft {
            issued_at: self.issued_at,
            type_code: self.type_code,
            type_version: 1,
            serial: "AAAAAAAAAAAAAAAAAAA1",
            version: 1,
            holder_name: "韦·示例",
            valid_from: "2026-11-01",
            last_day: Some("2031-10-31"),
            items: &[Item::Text("示例派出所".to_owned())],
            status: self.printed.then_some((LIST, POSITION)),
        };
        draft.claims().unwrap()
    }

    pub(super) fn protected(&self) -> Vec<u8> {
        protected(-7, &self.by)
    }

    pub(super) fn cose(&self) -> Vec<u8> {
        cose(&self.by, self.protected(), self.claims())
    }

    pub(super) fn shown(&self) -> Shown {
        self.of(&self.cose())
    }

    pub(super) fn of(&self, cose: &[u8]) -> Shown {
        Shown {
            document: text(cose).into_bytes(),
            trust: self.world.trust.clone(),
            evidence: if self.printed { self.world.evidence(&[]) } else { Evidence::default() },
            at: ASKED,
        }
    }

    /// With claims changed before they are signed.
    pub(super) fn claiming(&self, change: impl FnOnce(&mut Vec<(Cbor, Cbor)>)) -> Shown {
        let Cbor::Map(mut claims) = cbor::decode(&self.claims()).unwrap() else { panic!("a map") };
        change(&mut claims);
        self.of(&cose(&self.by, self.protected(), cbor::encode(&Cbor::Map(claims))))
    }

    /// With one claim set.
    pub(super) fn with(&self, label: i64, value: impl Into<Cbor>) -> Shown {
        self.claiming(|claims| set(claims, label, value.into()))
    }

    /// With one element of the licence set.
    pub(super) fn licence(&self, place: usize, value: impl Into<Cbor>) -> Shown {
        self.claiming(|claims| licence(claims)[place] = value.into())
    }
}

pub(super) fn protected(alg: i64, by: &Held) -> Vec<u8> {
    let kid = keys::certify::sha256_hex(by.leaf());
    let kid = verifier::encoding::hex::decode(&kid[..16]).unwrap();
    cbor::encode(&Cbor::Map(vec![(1.into(), alg.into()), (4.into(), Cbor::Bytes(kid))]))
}

pub(super) fn cose(by: &Held, protected: Vec<u8>, claims: Vec<u8>) -> Vec<u8> {
    let to_sign = ToSign::new(protected, claims);
    to_sign.assemble(&by.key.sign(&to_sign.message()).unwrap())
}

pub(super) fn text(cose: &[u8]) -> String {
    format!("XY1:{}", base45::encode(cose))
}

pub(super) fn set(claims: &mut Vec<(Cbor, Cbor)>, label: i64, value: Cbor) {
    let label = Cbor::from(label);
    claims.retain(|(key, _)| *key != label);
    claims.push((label, value));
}

pub(super) fn remove(claims: &mut Vec<(Cbor, Cbor)>, label: i64) {
    claims.retain(|(key, _)| *key != Cbor::from(label));
}

pub(super) fn licence(claims: &mut [(Cbor, Cbor)]) -> &mut Vec<Cbor> {
    let (_, value) = claims.iter_mut().find(|(key, _)| *key == Cbor::from(-65_537)).unwrap();
    match value {
        Cbor::Array(list) => list,
        _ => panic!("an array"),
    }
}

pub(super) fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_code_signed_by_another_key() {
    let world = World::new();
    let mut table = Table::new("code keys", &world.coding().shown());
    let by = |held: Held| Coding { by: held, ..world.coding() };
    for (what, held) in [
        ("the credential key", world.held(DEPARTMENT, Credential)),
        ("the copies key", world.held(DEPARTMENT, Copies)),
        ("the status key", world.status_key()),
        ("a stray key with its own certificate's name", Held { key: stray_key(), chain: vec![b"x".to_vec()] }),
    ] {
        table.row(what, &by(held).shown(), Undetermined, "path.unknown_issuer");
    }
    let own = world.held(DEPARTMENT, Code);
    for (what, key) in [
        ("the credential key under the code key's kid", world.held(DEPARTMENT, Credential)),
        ("another department's under its kid", world.held(OTHER, Code)),
        ("a stray key under its kid", Held { key: stray_key(), chain: Vec::new() }),
    ] {
        let held = Held { key: key.key, chain: own.chain.clone() };
        table.row(what, &by(held).shown(), Invalid, "signature.differs");
    }
    let renamed = Held { key: own.key.clone(), chain: world.held(OTHER, Code).chain };
    table.row("its signature under another department's kid", &by(renamed).shown(), Invalid, "signature.differs");
    table.row(
        "another department's, of a type that is not its own",
        &by(world.held(OTHER, Code)).shown(),
        Invalid,
        "power.type",
    );
    table.passes("another department's own", &Coding { type_code: OTHER_TYPE, ..by(world.held(OTHER, Code)) }.shown());
    table.row("of another's type", &Coding { type_code: OTHER_TYPE, ..world.coding() }.shown(), Invalid, "power.type");
    let odd = |change: &dyn Fn(&mut keys::certify::Leaf, &mut verifier::trust::rows::CertificateRow)| {
        let (held, trust) = world.odd(|leaf, row| {
            leaf.usage = keys::certify::Usage::Department(Code);
            row.purpose = "code".to_owned();
            change(leaf, row);
        });
        by(held).shown().under(&trust)
    };
    table.passes("a second code key", &odd(&|_, _| {}));
    table.row(
        "a certificate for credentials, listed for codes",
        &odd(&|leaf, _| {
            leaf.usage = keys::certify::Usage::Department(Credential);
        }),
        Invalid,
        "power.purpose",
    );
    table.row(
        "listed with another region",
        &odd(&|_, row| row.regions = vec!["990200".parse().unwrap()]),
        Invalid,
        "power.region",
    );
    table.row(
        "listed until the second of the code",
        &odd(&|_, row| row.signs_until = ASKED.plus(-30)),
        Invalid,
        "power.window",
    );
    table.row(
        "listed from the second after",
        &odd(&|_, row| row.signs_from = ASKED.plus(-29)),
        Invalid,
        "power.window",
    );
    table.row(
        "listed for another department",
        &odd(&|_, row| row.department = Some(OTHER.parse().unwrap())),
        Invalid,
        "power.register",
    );
    table.row("compromised", &odd(&|_, row| row.compromised_from = Some(ASKED)), Undetermined, "path.compromised");
    table.row(
        "listed for credentials",
        &odd(&|_, row| row.purpose = "credential".to_owned()),
        Undetermined,
        "path.unknown_issuer",
    );
    table.end(19);
}

#[test]
fn a_profile_that_is_none() {
    let world = World::new();
    let coding = world.coding();
    let mut table = Table::new("screens", &coding.shown());
    let issued = coding.issued_at.seconds();
    for (what, exp) in [
        ("a second longer", issued + 301),
        ("a second shorter", issued + 299),
        ("a day", issued + DAY),
        ("until the licence ends", 1_951_228_800),
        ("exp before iat", issued - 1),
        ("no seconds at all", issued),
        ("for ever", i64::MAX),
    ] {
        table.row(what, &coding.with(4, exp), Invalid, "code.profile");
    }
    let without = coding.claiming(|claims| remove(claims, 4));
    table.row("without exp", &without, Invalid, "code.profile");
    table.row("without exp, long after", &without.asked(ASKED.plus(30 * DAY)), Invalid, "code.profile");
    table.row("at its last second and one", &coding.shown().asked(ASKED.plus(270)), Undetermined, "code.lapsed");
    table.passes("at its last second", &coding.shown().asked(ASKED.plus(269)));
    let ahead = |seconds| Coding { issued_at: ASKED.plus(seconds), ..world.coding() }.shown();
    table.passes("60 seconds ahead", &ahead(60));
    table.row("61 seconds ahead", &ahead(61), Undetermined, "code.ahead");
    table.row(
        "lapsed, of a licence that ended",
        &coding.shown().asked(Timestamp::from_seconds(1_951_228_800)),
        Undetermined,
        "trust.expired",
    );
    let screened = Coding { printed: true, ..world.coding() };
    table.row(
        "a printed one without its status",
        &screened.claiming(|claims| remove(claims, 65_535)),
        Invalid,
        "code.profile",
    );
    table.end(15);

    let printed = Coding { printed: true, issued_at: SEALED, ..world.coding() };
    let mut table = Table::new("printed", &printed.shown());
    table.row("without exp", &printed.claiming(|claims| remove(claims, 4)), Invalid, "code.profile");
    table.row("five minutes", &printed.with(4, SEALED.seconds() + 300), Invalid, "code.profile");
    table.row("a second longer than the licence", &printed.with(4, 1_951_228_801_i64), Invalid, "code.profile");
    table.row("of a licence without end, with exp", &printed.licence(6, Cbor::Null), Invalid, "code.profile");
    table.row(
        "revoked",
        &printed.shown().with(world.evidence(&[(POSITION, Value::Invalid)])),
        NotInForce,
        "status.invalid",
    );
    table.row(
        "suspended",
        &printed.shown().with(world.evidence(&[(POSITION, Value::Suspended)])),
        NotInForce,
        "status.suspended",
    );
    table.row("no list", &printed.shown().with(Evidence::default()), Undetermined, "status.missing");
    let status = |uri: &str, idx: Cbor| {
        Cbor::Map(vec![("status_list".into(), Cbor::Map(vec![("idx".into(), idx), ("uri".into(), uri.into())]))])
    };
    let list = |uri: &str, idx: i64| printed.with(65_535, status(uri, idx.into()));
    table.row("a list of another origin", &list("http://localhost:8082/status/1", 7), Undetermined, "status.origin");
    table.row("a list of another scheme", &list("https://localhost:8081/status/1", 7), Undetermined, "status.origin");
    table.row("a list with a user's name", &list("http://x@localhost:8081/status/1", 7), Undetermined, "status.origin");
    table.row(
        "an origin that begins alike",
        &list("http://localhost:80810/status/1", 7),
        Undetermined,
        "status.origin",
    );
    table.row(
        "a host that begins alike",
        &list("http://localhost:8081.example/status/1", 7),
        Undetermined,
        "status.origin",
    );
    table.row("a list that is a file", &list("file:///status/1", 7), Undetermined, "status.origin");
    table.row("another list of the origin", &list("http://localhost:8081/status/2", 7), Undetermined, "status.missing");
    table.row("a position beyond the list", &list(LIST, 1 << 20), Undetermined, "status.malformed");
    table.row("a position below it", &list(LIST, -1), Invalid, "form.malformed");
    table.row("a position as text", &printed.with(65_535, status(LIST, "7".into())), Invalid, "form.malformed");
    table.row("an empty status", &printed.with(65_535, Cbor::Map(Vec::new())), Invalid, "form.malformed");
    table.row(
        "a status with more",
        &printed.with(65_535, Cbor::Map(vec![("a".into(), 1.into()), ("status_list".into(), Cbor::Map(Vec::new()))])),
        Invalid,
        "form.malformed",
    );
    let starts = SEALED.plus(10 * DAY);
    table.row("before its nbf", &printed.with(5, starts.seconds()), NotInForce, "validity.not_yet");
    table.row(
        "signed ahead",
        &Coding { printed: true, issued_at: ASKED.plus(61), ..world.coding() }.shown(),
        Undetermined,
        "validity.not_yet",
    );
    table.end(21);
}
