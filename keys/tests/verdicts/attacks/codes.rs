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
use crate::common::{DAY, DEPARTMENT, NOW, TYPE};

/// A code for a screen, or a printed one, signed by `by` a little before the question.
struct Coding<'w> {
    world: &'w World,
    by: Held,
    type_code: &'w str,
    issued_at: Timestamp,
    printed: bool,
}

impl World {
    fn coding(&self) -> Coding<'_> {
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
    fn claims(&self) -> Vec<u8> {
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

    fn protected(&self) -> Vec<u8> {
        protected(-7, &self.by)
    }

    fn cose(&self) -> Vec<u8> {
        cose(&self.by, self.protected(), self.claims())
    }

    fn shown(&self) -> Shown {
        self.of(&self.cose())
    }

    fn of(&self, cose: &[u8]) -> Shown {
        Shown {
            document: text(cose).into_bytes(),
            trust: self.world.trust.clone(),
            evidence: if self.printed { self.world.evidence(&[]) } else { Evidence::default() },
            at: ASKED,
        }
    }

    /// With claims changed before they are signed.
    fn claiming(&self, change: impl FnOnce(&mut Vec<(Cbor, Cbor)>)) -> Shown {
        let Cbor::Map(mut claims) = cbor::decode(&self.claims()).unwrap() else { panic!("a map") };
        change(&mut claims);
        self.of(&cose(&self.by, self.protected(), cbor::encode(&Cbor::Map(claims))))
    }

    /// With one claim set.
    fn with(&self, label: i64, value: impl Into<Cbor>) -> Shown {
        self.claiming(|claims| set(claims, label, value.into()))
    }

    /// With one element of the licence set.
    fn licence(&self, place: usize, value: impl Into<Cbor>) -> Shown {
        self.claiming(|claims| licence(claims)[place] = value.into())
    }
}

fn protected(alg: i64, by: &Held) -> Vec<u8> {
    let kid = keys::certify::sha256_hex(by.leaf());
    let kid = verifier::encoding::hex::decode(&kid[..16]).unwrap();
    cbor::encode(&Cbor::Map(vec![(1.into(), alg.into()), (4.into(), Cbor::Bytes(kid))]))
}

fn cose(by: &Held, protected: Vec<u8>, claims: Vec<u8>) -> Vec<u8> {
    let to_sign = ToSign::new(protected, claims);
    to_sign.assemble(&by.key.sign(&to_sign.message()).unwrap())
}

fn text(cose: &[u8]) -> String {
    format!("XY1:{}", base45::encode(cose))
}

fn set(claims: &mut Vec<(Cbor, Cbor)>, label: i64, value: Cbor) {
    let label = Cbor::from(label);
    claims.retain(|(key, _)| *key != label);
    claims.push((label, value));
}

fn remove(claims: &mut Vec<(Cbor, Cbor)>, label: i64) {
    claims.retain(|(key, _)| *key != Cbor::from(label));
}

fn licence(claims: &mut [(Cbor, Cbor)]) -> &mut Vec<Cbor> {
    let (_, value) = claims.iter_mut().find(|(key, _)| *key == Cbor::from(-65_537)).unwrap();
    match value {
        Cbor::Array(list) => list,
        _ => panic!("an array"),
    }
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
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

#[test]
fn other_claims() {
    let world = World::new();
    let coding = world.coding();
    let mut table = Table::new("claims", &coding.shown());
    table.passes("an unknown claim", &coding.with(-70_000, "x"));
    for (what, shown) in [
        ("iat as text", coding.with(6, "1795007170")),
        ("iat as a float", coding.with(6, 1_795_007_170.5)),
        ("iat as a tagged time", coding.with(6, Cbor::Tag(1, Box::new(1_795_007_170_i64.into())))),
        ("iat beyond 64 bits", coding.with(6, Cbor::Integer(u64::MAX.into()))),
        ("no iat", coding.claiming(|claims| remove(claims, 6))),
        ("exp as null", coding.with(4, Cbor::Null)),
        ("no licence", coding.claiming(|claims| remove(claims, -65_537))),
        ("a licence as a map", coding.with(-65_537, Cbor::Map(Vec::new()))),
        ("a licence of seven", coding.claiming(|claims| drop(licence(claims).pop()))),
        ("a licence of nine", coding.claiming(|claims| licence(claims).push(1.into()))),
        ("version 0", coding.licence(4, 0)),
        ("version 1000", coding.licence(4, 1000)),
        ("version -1", coding.licence(4, -1)),
        ("version 65537", coding.licence(4, 65_537)),
        ("an empty holder", coding.licence(5, "")),
        ("a holder as bytes", coding.licence(5, Cbor::Bytes("韦".into()))),
        ("no day", coding.licence(6, 20_260_230)),
        ("a day as text", coding.licence(6, "20311031")),
        ("a day below zero", coding.licence(6, -1)),
        ("an item as a float", coding.licence(7, Cbor::Array(vec![1.5.into()]))),
        ("an item as bytes", coding.licence(7, Cbor::Array(vec![Cbor::Bytes(vec![1])]))),
        ("an item as a list", coding.licence(7, Cbor::Array(vec![Cbor::Array(Vec::new())]))),
        (
            "an item as a big number",
            coding.licence(7, Cbor::Array(vec![Cbor::Tag(2, Box::new(Cbor::Bytes(vec![1; 9])))])),
        ),
        ("a format that is no number", coding.licence(0, "1")),
    ] {
        table.row(what, &shown, Invalid, "form.malformed");
    }
    table.row("another format", &coding.licence(0, 2), Undetermined, "input.unrecognised");
    table.row("a serial in small letters", &coding.licence(3, "aaaaaaaaaaaaaaaaaaa1"), Invalid, "form.identifier");
    table.row("a serial of six", &coding.licence(3, "AAAAAA"), Invalid, "form.identifier");
    table.row("an unknown version of the type", &coding.licence(2, 2), Undetermined, "form.type_unknown");
    table.row(
        "an item more",
        &coding.licence(7, Cbor::Array(vec!["x".into(), "y".into()])),
        Invalid,
        "form.inconsistent",
    );
    table.row("an item less", &coding.licence(7, Cbor::Array(Vec::new())), Invalid, "form.inconsistent");
    // encodings that are not the one, under the department's own signature
    let claims = coding.claims();
    let raw = |payload: Vec<u8>| coding.of(&cose(&coding.by, coding.protected(), payload));
    let replaced = |from: &[u8], to: &[u8]| {
        let at = claims.windows(from.len()).position(|window| window == from).unwrap();
        raw([&claims[..at], to, &claims[at + from.len()..]].concat())
    };
    for (what, shown) in [
        ("a byte behind", raw([claims.as_slice(), &[0]].concat())),
        ("a byte less", raw(claims[..claims.len() - 1].to_vec())),
        ("nothing", raw(Vec::new())),
        ("a longer number", replaced(&[0x01, 0x75], &[0x18, 0x01, 0x75])),
        ("a longer length", replaced(&[0x74, b'A'], &[0x78, 0x14, b'A'])),
        ("a map without length", raw([&[0xbf], &claims[1..], &[0xff]].concat())),
        ("a map that lacks one", raw([&[claims[0] + 1], &claims[1..]].concat())),
        ("a map of all memory", raw([&[0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], &claims[1..]].concat())),
        ("no UTF-8", replaced("韦".as_bytes(), &[0xff, 0xbf, 0xbf])),
        ("half a character", replaced("韦".as_bytes(), &[0xed, 0xa0, 0x80])),
        ("a claim twice", {
            let Cbor::Map(mut map) = cbor::decode(&claims).unwrap() else { panic!("a map") };
            let first = map[0].clone();
            map.insert(0, first);
            raw(cbor::encode(&Cbor::Map(map)))
        }),
        ("claims out of order", {
            let Cbor::Map(map) = cbor::decode(&claims).unwrap() else { panic!("a map") };
            let mut out = vec![claims[0]];
            for (key, value) in map.iter().rev() {
                out.extend(cbor::encode(key));
                out.extend(cbor::encode(value));
            }
            raw(out)
        }),
        ("a tag around", raw([&[0xd8, 61], claims.as_slice()].concat())),
        ("depth 17", coding.with(-70_000, (0..16).fold(Cbor::Null, |inner, _| Cbor::Array(vec![inner])))),
    ] {
        table.row(what, &shown, Invalid, "form.malformed");
    }
    table.end(45);
}

#[test]
fn other_wrappings() {
    let world = World::new();
    let coding = world.coding();
    let original = coding.shown();
    let (whole, good) = (coding.cose(), original.text().to_owned());
    let mut table = Table::new("COSE", &original);
    table.passes("the bytes themselves", &original.document(whole.clone()));
    table.passes("deflated", &original.document(text(&zlib(&whole))));
    table
        .passes("ES256 with its curve said", &coding.of(&cose(&coding.by, protected(-9, &coding.by), coding.claims())));
    // headers
    let kid =
        Cbor::Bytes(cbor::decode(&coding.protected()).unwrap().into_map().unwrap()[1].1.as_bytes().unwrap().clone());
    let headed =
        |header: Vec<(Cbor, Cbor)>| coding.of(&cose(&coding.by, cbor::encode(&Cbor::Map(header)), coding.claims()));
    let alg = |alg: Cbor| headed(vec![(1.into(), alg), (4.into(), kid.clone())]);
    for (what, label) in [
        ("EdDSA", Cbor::from(-8)),
        ("ES384", (-35).into()),
        ("PS256", (-37).into()),
        ("RS256", (-257).into()),
        ("HMAC", 5.into()),
        ("none", 0.into()),
        ("alg as text", "ES256".into()),
        ("alg as a list", Cbor::Array(vec![(-7).into()])),
        ("alg as null", Cbor::Null),
    ] {
        table.row(what, &alg(label), Undetermined, "algorithm.unsupported");
    }
    for (what, header) in [
        ("crit", vec![(1.into(), (-7).into()), (2.into(), Cbor::Array(vec![1.into()])), (4.into(), kid.clone())]),
        ("a content type", vec![(1.into(), (-7).into()), (3.into(), 61.into()), (4.into(), kid.clone())]),
        (
            "an x5chain",
            vec![(1.into(), (-7).into()), (4.into(), kid.clone()), (33.into(), Cbor::Bytes(coding.by.leaf().to_vec()))],
        ),
    ] {
        table.row(what, &headed(header), Invalid, "form.malformed");
    }
    for (what, header) in [
        ("no kid", vec![(1.into(), (-7).into())]),
        (
            "a kid of seven bytes",
            vec![(1.into(), (-7).into()), (4.into(), Cbor::Bytes(kid.as_bytes().unwrap()[..7].to_vec()))],
        ),
        (
            "a kid of nine bytes",
            vec![(1.into(), (-7).into()), (4.into(), Cbor::Bytes([kid.as_bytes().unwrap().as_slice(), &[0]].concat()))],
        ),
        ("a kid as text", vec![(1.into(), (-7).into()), (4.into(), "AAAAAAAA".into())]),
    ] {
        table.row(what, &headed(header), Undetermined, "input.damaged");
    }
    // parts: protected, unprotected, payload, signature
    let parts = || match cbor::decode(&whole).unwrap() {
        Cbor::Tag(18, inner) => inner.into_array().unwrap(),
        _ => panic!("tag 18"),
    };
    let made = |change: &dyn Fn(&mut Vec<Cbor>), tag: u64| {
        let mut parts = parts();
        change(&mut parts);
        coding.of(&cbor::encode(&Cbor::Tag(tag, Box::new(Cbor::Array(parts)))))
    };
    let unprotected = |pairs: Vec<(Cbor, Cbor)>| made(&move |parts| parts[1] = Cbor::Map(pairs.clone()), 18);
    table.row("alg unprotected too", &unprotected(vec![(1.into(), (-8).into())]), Invalid, "form.malformed");
    table.row("kid unprotected too", &unprotected(vec![(4.into(), kid.clone())]), Invalid, "form.malformed");
    table.row(
        "an x5chain unprotected",
        &unprotected(vec![(33.into(), Cbor::Bytes(coding.by.leaf().to_vec()))]),
        Invalid,
        "form.malformed",
    );
    table.row("a countersignature", &unprotected(vec![(7.into(), Cbor::Bytes(vec![1]))]), Invalid, "form.malformed");
    let moved = |alg_inside: bool| {
        let mut header = vec![(4.into(), kid.clone())];
        if alg_inside {
            header = vec![(1.into(), (-7).into())];
        }
        let to_sign = ToSign::new(cbor::encode(&Cbor::Map(header)), coding.claims());
        let signature = coding.by.key.sign(&to_sign.message()).unwrap();
        let outside = if alg_inside { (4.into(), kid.clone()) } else { (1.into(), (-7).into()) };
        made(
            &move |parts| {
                parts[0] = Cbor::Bytes(to_sign.protected().to_vec());
                parts[1] = Cbor::Map(vec![outside.clone()]);
                parts[3] = Cbor::Bytes(signature.clone());
            },
            18,
        )
    };
    table.row("alg unprotected alone", &moved(false), Undetermined, "algorithm.unsupported");
    table.row("kid unprotected alone", &moved(true), Undetermined, "input.damaged");
    for (what, shown) in [
        ("COSE_Sign", made(&|_| {}, 98)),
        ("COSE_Mac0", made(&|_| {}, 17)),
        ("a CWT's tag", made(&|_| {}, 61)),
        ("a detached payload", made(&|parts| parts[2] = Cbor::Null, 18)),
        ("five parts", made(&|parts| parts.push(Cbor::Null), 18)),
        ("three parts", made(&|parts| drop(parts.pop()), 18)),
        ("headers as a map", made(&|parts| parts[0] = Cbor::Map(Vec::new()), 18)),
        ("headers that are no map", made(&|parts| parts[0] = Cbor::Bytes(vec![0x80]), 18)),
        ("unprotected as null", made(&|parts| parts[1] = Cbor::Null, 18)),
        ("without a tag", coding.of(&whole[1..])),
        ("a tag of two bytes", coding.of(&[&[0xd8, 18], &whole[1..]].concat())),
        ("two tags", coding.of(&[&[0xd2], whole.as_slice()].concat())),
        ("a byte behind", coding.of(&[whole.as_slice(), &[0]].concat())),
        ("a byte less", coding.of(&whole[..whole.len() - 1])),
        ("a list without length", coding.of(&[&[0xd2, 0x9f], &whole[2..], &[0xff]].concat())),
        ("a list with a longer length", coding.of(&[&[0xd2, 0x98, 4], &whole[2..]].concat())),
        ("nothing", coding.of(&[])),
    ] {
        table.row(what, &shown, Undetermined, "input.damaged");
    }
    let signature = parts()[3].as_bytes().unwrap().clone();
    for (what, bytes) in [
        ("no signature", Vec::new()),
        ("a signature of 63 bytes", signature[..63].to_vec()),
        ("a signature of 65 bytes", [signature.as_slice(), &[0]].concat()),
        ("r = s = 0", vec![0; 64]),
        ("one bit of the signature", {
            let mut one = signature.clone();
            one[40] ^= 1;
            one
        }),
    ] {
        table.row(what, &made(&move |parts| parts[3] = Cbor::Bytes(bytes.clone()), 18), Invalid, "signature.differs");
    }
    let other = Coding { issued_at: ASKED.plus(-20), ..world.coding() }.claims();
    table.row(
        "another payload",
        &made(&move |parts| parts[2] = Cbor::Bytes(other.clone()), 18),
        Invalid,
        "signature.differs",
    );
    let wide = made(&|parts| parts[0] = Cbor::Bytes([&[0xa2, 0x01, 0x38, 6], &coding.protected()[3..]].concat()), 18);
    table.row("a header in another encoding", &wide, Undetermined, "input.damaged");
    table.end(49);
    as_text(&world, &coding, &original, &whole, &good);
}

/// A code of an odd number of bytes whose last pair says 256 more than its byte.
fn overflowing(coding: &Coding, good: &str) -> String {
    const ALPHABET: &[u8; 45] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
    let longer = coding.with(-70_000, "x");
    let odd = [good, longer.text()].into_iter().find(|text| text.len() % 3 == 0).unwrap(); // 4 + 3 n + 2
    let last = *base45::decode(&odd[4..]).unwrap().last().unwrap();
    let more = usize::from(last) + 256;
    let pair = [ALPHABET[more % 45], ALPHABET[more / 45]];
    format!("{}{}", &odd[..odd.len() - 2], std::str::from_utf8(&pair).unwrap())
}

/// Base45, zlib, sizes.
fn as_text(world: &World, coding: &Coding, original: &Shown, whole: &[u8], good: &str) {
    let mut table = Table::new("texts", original);
    let of = |text: &str| original.document(text);
    for (what, end) in [("blanks behind", "  "), ("a line end behind", "\r\n"), ("tabs behind", "\t\t")] {
        table.passes(what, &of(&format!("{good}{end}")));
    }
    let small = format!("XY1:{}", good[4..].to_lowercase());
    table.row("small letters", &of(&small), Undetermined, "input.damaged");
    for (what, text) in [
        ("a line end inside", format!("{}\n{}", &good[..20], &good[20..])),
        ("a blank more inside", format!("{} {}", &good[..20], &good[20..])),
        ("a character less", good[..good.len() - 1].to_owned()),
        ("one character alone at the end", format!("{good}A")),
        ("a last pair beyond 255 that leaves the same byte", overflowing(coding, good)),
        ("a triple beyond 65535", format!("XY1::::{}", &good[7..])),
        ("a pair beyond 255", format!("{}::", &good[..good.len() - good.len() % 3])),
        ("a character outside the alphabet", format!("XY1:#{}", &good[5..])),
        ("a full-width letter", format!("XY1:Ａ{}", &good[5..])),
        ("a NUL", format!("XY1:\0{}", &good[5..])),
        ("a NUL behind", format!("{good}\0")),
        ("the prefix twice", format!("XY1:{good}")),
        ("two codes", format!("{good}{}", &good[4..])),
        ("two codes with a line end", format!("{good}\n{good}")),
        ("the prefix alone", "XY1:".to_owned()),
    ] {
        table.row(what, &of(&text), Undetermined, "input.damaged");
    }
    for (what, text) in [
        ("a prefix in small letters", format!("xy1:{}", &good[4..])),
        ("another version", format!("XY2:{}", &good[4..])),
        ("a health certificate's prefix", format!("HC1:{}", &good[4..])),
        ("a blank before", format!(" {good}")),
        ("no prefix", good[4..].to_owned()),
    ] {
        table.row(what, &of(&text), Undetermined, "input.unrecognised");
    }
    let deflated = zlib(whole);
    let mut dictionary = deflated.clone();
    dictionary[1] |= 0x20;
    dictionary[1] = (dictionary[1] & 0xe0)
        | 31_u8.saturating_sub(
            u8::try_from((u16::from(dictionary[0]) << 8 | u16::from(dictionary[1] & 0xe0)) % 31).unwrap(),
        );
    for (what, bytes) in [
        ("zlib in zlib", zlib(&deflated)),
        ("a bomb of a megabyte", zlib(&vec![0xd2; 1 << 20])),
        ("a bomb of 4097 bytes", zlib(&vec![0xd2; 4097])),
        ("a byte behind the stream", [deflated.as_slice(), &[0]].concat()),
        ("two streams", [deflated.as_slice(), deflated.as_slice()].concat()),
        ("a stream cut", deflated[..deflated.len() - 1].to_vec()),
        ("a stream without its sum", deflated[..deflated.len() - 4].to_vec()),
        ("another sum", {
            let mut one = deflated.clone();
            *one.last_mut().unwrap() ^= 1;
            one
        }),
        ("another method", {
            let mut one = deflated.clone();
            one[0] = 0x79;
            one
        }),
        ("a head that does not check", {
            let mut one = deflated.clone();
            one[1] ^= 1;
            one
        }),
        ("a dictionary", dictionary),
        ("deflate alone", deflated[2..].to_vec()),
        ("gzip", [&[0x1f, 0x8b], deflated.as_slice()].concat()),
        ("an empty stream", zlib(&[])),
    ] {
        table.row(what, &original.document(text(&bytes)), Undetermined, "input.damaged");
    }
    let raw = |length: usize| {
        let mut padding = length - whole.len();
        loop {
            let Cbor::Map(mut claims) = cbor::decode(&coding.claims()).unwrap() else { panic!("a map") };
            claims.push(((-70_000).into(), Cbor::Bytes(vec![0; padding])));
            let made = cose(&coding.by, coding.protected(), cbor::encode(&Cbor::Map(claims)));
            if made.len() <= length {
                break made;
            }
            padding -= made.len() - length;
        }
    };
    table.passes("4096 bytes", &original.document(raw(4096)));
    table.row("4097 bytes", &original.document(raw(4097)), Undetermined, "input.too_large");
    table.row("4097 bytes, deflated", &original.document(text(&zlib(&raw(4097)))), Undetermined, "input.damaged");
    table.row("a text of 6149", &of(&format!("XY1:{}", "0".repeat(6145))), Undetermined, "input.too_large");
    table.row(
        "a status list in its place",
        &{
            let payload = verifier::status::write::Draft::new(LIST, NOW, &verifier::status::write::pack([]));
            let status = world.status_key();
            let to_sign = payload.cwt(-7, &status.chain[..1]);
            original.document(to_sign.assemble(&status.key.sign(&to_sign.message()).unwrap()))
        },
        Undetermined,
        "path.unknown_issuer",
    );
    table.end(43);
}
