//! Codes in other encodings and wrappings: claims, COSE, base45, zlib, sizes.

use ciborium::Value as Cbor;
use verifier::cose::ToSign;
use verifier::encoding::cbor;
use verifier::report::Verdict::{Invalid, Undetermined};

use super::codes::{Coding, cose, licence, protected, remove, text, zlib};
use super::table::{Shown, Table};
use super::world::{ASKED, LIST, World};
use crate::common::NOW;

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
        // KF-16
        ("iat as NaN", coding.with(6, f64::NAN)),
        ("exp as NaN", coding.with(4, f64::NAN)),
        ("exp as a boolean", coding.with(4, Cbor::Bool(true))),
        ("exp as text", coding.with(4, "never")),
        ("exp beyond 64 bits", coding.with(4, Cbor::Integer(u64::MAX.into()))),
        ("nbf as null", coding.with(5, Cbor::Null)),
        ("nbf as an infinite float", coding.with(5, f64::INFINITY)),
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
    table.end(52);
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
