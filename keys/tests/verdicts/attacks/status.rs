//! The status list: another's, of another time, in another form.

use ciborium::Value as Cbor;
use keys::DepartmentUse::{Code, Credential};
use serde_json::{Map, Value, json};
use verifier::cose::ToSign;
use verifier::encoding::{b64u, cbor};
use verifier::evidence::Evidence;
use verifier::report::Verdict::{NotInForce, Undetermined};
use verifier::status::{self, MEDIA_TYPE_CWT, MEDIA_TYPE_JWT, write};

use super::sealing::POSITION;
use super::table::Table;
use super::world::{ASKED, Held, LIST, SEALED, World, listed, stray_key};
use crate::common::{DAY, DEPARTMENT, SIGNER};

#[test]
fn a_list_that_does_not_count() {
    let world = World::new();
    let original = world.credential().shown();
    let mut table = Table::new("lists", &original);
    let own = world.status_key();
    let payload = write::Draft::new(LIST, SEALED, &write::pack([])).jwt_payload();
    let claims: Value = serde_json::from_slice(&payload).unwrap();
    let shown = |body: String| original.with(listed(LIST, MEDIA_TYPE_JWT, body));
    let by = |held: &Held| shown(held.jws("statuslist+jwt", &payload, |_| {}));
    let (stray, credential) = (stray_key(), world.held(DEPARTMENT, Credential));
    // another key
    table.row("signed by the credential key", &by(&credential), Undetermined, "status.signer");
    table.row("signed by the code key", &by(&world.held(DEPARTMENT, Code)), Undetermined, "status.signer");
    table.row("signed by another authority's", &by(&World::new().status_key()), Undetermined, "status.signer");
    table.row(
        "another key's signature",
        &by(&Held { key: stray.clone(), chain: own.chain.clone() }),
        Undetermined,
        "status.signature",
    );
    table.row(
        "another certificate over its signature",
        &by(&Held { key: own.key.clone(), chain: credential.chain.clone() }),
        Undetermined,
        "status.signer",
    );
    let listed_for = |change: &dyn Fn(&mut Value)| by(&own).under(&world.trust_over(|targets| change(targets)));
    table.row(
        "a signer of another origin",
        &listed_for(&|targets| {
            targets["status"] = json!([
                {"origin": SIGNER, "signers": []},
                {"origin": "http://localhost:9000", "signers": [keys::certify::sha256_hex(own.leaf())]},
            ]);
        }),
        Undetermined,
        "status.signer",
    );
    table.row(
        "an origin that is not listed",
        &listed_for(&|targets| targets["status"] = json!([])),
        Undetermined,
        "status.origin",
    );
    let row = |name: &'static str, value: Value| {
        let leaf = keys::certify::sha256_hex(own.leaf());
        listed_for(&move |targets| {
            for row in targets["certificates"].as_array_mut().unwrap() {
                if row["sha256"] == leaf.as_str() {
                    row[name] = value.clone();
                }
            }
        })
    };
    table.row(
        "a signer that was compromised, if only later",
        &row("compromised_from", json!(ASKED.plus(DAY).seconds())),
        Undetermined,
        "status.signer",
    );
    table.row(
        "a signer whose time had ended",
        &row("signs_until", json!(SEALED.seconds())),
        Undetermined,
        "status.signer",
    );
    table.row(
        "a signer whose time had not begun",
        &row("signs_from", json!(SEALED.plus(1).seconds())),
        Undetermined,
        "status.signer",
    );
    table.row(
        "a signer without a row",
        &listed_for(&|targets| {
            let leaf = keys::certify::sha256_hex(own.leaf());
            targets["certificates"].as_array_mut().unwrap().retain(|row| row["sha256"] != leaf.as_str());
        }),
        Undetermined,
        "status.signer",
    );
    table.row(
        "an algorithm that ended",
        &listed_for(&|targets| {
            for row in targets["algorithms"].as_array_mut().unwrap() {
                if row["purpose"] == "status" {
                    row["until"] = ASKED.seconds().into();
                }
            }
        }),
        Undetermined,
        "status.signer",
    );
    // another list, another time
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        match name.strip_prefix("status_list/") {
            Some(inner) => claims["status_list"][inner] = value,
            None => claims[name] = value,
        }
        shown(own.jws("statuslist+jwt", claims.to_string().as_bytes(), |_| {}))
    };
    let sealed = SEALED.seconds();
    for (what, name, value, reason) in [
        ("another list's", "sub", json!("http://localhost:8081/status/2"), "status.malformed"),
        ("its own name with a slash", "sub", json!("http://localhost:8081/status/1/"), "status.malformed"),
        ("its own name in capitals", "sub", json!("HTTP://LOCALHOST:8081/status/1"), "status.malformed"),
        ("sub as a list", "sub", json!([LIST]), "status.malformed"),
        ("from 61 seconds ahead", "iat", json!(ASKED.seconds() + 61), "status.later"),
        ("from tomorrow", "iat", json!(sealed + DAY), "status.later"),
        ("ended", "exp", json!(ASKED.seconds()), "status.stale"),
        ("a life of a day and a second", "exp", json!(sealed + DAY + 1), "status.malformed"),
        ("a life for ever", "exp", json!(i64::MAX), "status.malformed"),
        ("exp as text", "exp", json!("1795089999"), "status.malformed"),
        ("exp as null", "exp", Value::Null, "status.malformed"),
        ("iat beyond all times", "iat", json!(i64::MIN), "status.malformed"),
        ("ttl below zero", "ttl", json!(-1), "status.malformed"),
        ("one bit", "status_list/bits", json!(1), "status.malformed"),
        ("bits as text", "status_list/bits", json!("2"), "status.malformed"),
        ("bits as a fraction", "status_list/bits", json!(2.0), "status.malformed"),
    ] {
        table.row(what, &with(name, value), Undetermined, reason);
    }
    for name in ["sub", "iat", "exp", "status_list"] {
        let mut less = claims.clone();
        less.as_object_mut().unwrap().remove(name);
        let shown = shown(own.jws("statuslist+jwt", less.to_string().as_bytes(), |_| {}));
        table.row(&format!("without {name}"), &shown, Undetermined, "status.malformed");
    }
    // what is inflated
    let bits = write::pack([]);
    let lst = |bytes: &[u8]| with("status_list/lst", b64u::encode(bytes).into());
    let zlib = |bytes: &[u8]| {
        use std::io::Write as _;
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    table.passes("deflated by another", &lst(&zlib(&bits)));
    for (what, bytes) in [
        ("a byte short", zlib(&bits[1..])),
        ("a byte long", zlib(&[bits.as_slice(), &[0]].concat())),
        ("a bomb", zlib(&vec![0; 1 << 24])),
        ("a stream cut", {
            let all = zlib(&bits);
            all[..all.len() - 1].to_vec()
        }),
        ("a byte behind the stream", [zlib(&bits), vec![0]].concat()),
        ("not deflated", vec![0x78, 0x9c]),
        ("nothing", Vec::new()),
    ] {
        table.row(what, &lst(&bytes), Undetermined, "status.malformed");
    }
    let padded = with("status_list/lst", format!("{}=", claims["status_list"]["lst"].as_str().unwrap()).into());
    table.row("padding behind lst", &padded, Undetermined, "status.malformed");
    // headers
    let headed =
        |change: &dyn Fn(&mut Map<String, Value>)| shown(own.jws("statuslist+jwt", &payload, |header| change(header)));
    let set =
        |name: &'static str, value: Value| headed(&move |header| drop(header.insert(name.to_owned(), value.clone())));
    for (what, shown, reason) in [
        ("a credential's typ", set("typ", "dc+sd-jwt".into()), "status.malformed"),
        ("no typ", headed(&|header| drop(header.remove("typ"))), "status.malformed"),
        ("crit", set("crit", json!(["exp"])), "status.malformed"),
        ("an empty crit", set("crit", json!([])), "status.malformed"),
        ("another kid", set("kid", "x".into()), "status.malformed"),
        ("no kid", headed(&|header| drop(header.remove("kid"))), "status.malformed"),
        ("alg none", set("alg", "none".into()), "status.signer"),
        ("alg HS256", set("alg", "HS256".into()), "status.signer"),
        ("alg RS256", set("alg", "RS256".into()), "status.signer"),
        ("alg EdDSA", set("alg", "EdDSA".into()), "status.signature"),
        ("no x5c", headed(&|header| drop(header.remove("x5c"))), "status.malformed"),
        ("an empty x5c", set("x5c", json!([])), "status.malformed"),
        (
            "nine certificates",
            set("x5c", json!(vec![verifier::encoding::b64::encode(own.leaf()); 9])),
            "status.malformed",
        ),
        (
            "rubbish in x5c",
            set("x5c", json!([verifier::encoding::b64::encode(own.leaf()), "AAAA"])),
            "status.malformed",
        ),
    ] {
        table.row(what, &shown, Undetermined, reason);
    }
    let text = own.jws("statuslist+jwt", &payload, |_| {});
    for (what, body) in [
        ("four parts", format!("{text}.x")),
        ("padding", format!("{text}=")),
        ("a line end behind", format!("{text}\n")),
        ("a byte order mark", format!("\u{feff}{text}")),
        (
            "a member twice",
            own.jws(
                "statuslist+jwt",
                String::from_utf8(payload.clone()).unwrap().replacen('{', "{\"exp\":1,", 1).as_bytes(),
                |_| {},
            ),
        ),
        ("a tilde behind", format!("{text}~")),
        ("HTML", "<!doctype html>".to_owned()),
        ("nothing", String::new()),
        ("a megabyte", format!("{text}{}", "A".repeat(1 << 20))),
    ] {
        table.row(what, &shown(body), Undetermined, "status.malformed");
    }
    table.row(
        "called something else",
        &original.with(listed(LIST, "application/json", text.clone())),
        Undetermined,
        "status.media_type",
    );
    table.row(
        "from another address",
        &original.with(listed("http://localhost:8081/status/2", MEDIA_TYPE_JWT, text.clone())),
        Undetermined,
        "status.missing",
    );
    table.row("none", &original.with(Evidence::default()), Undetermined, "status.missing");
    table.row(
        "a CWT behind a credential",
        &original.with(listed(LIST, MEDIA_TYPE_CWT, {
            let to_sign = write::Draft::new(LIST, SEALED, &bits).cwt(-7, &own.chain[..1]);
            to_sign.assemble(&own.key.sign(&to_sign.message()).unwrap())
        })),
        Undetermined,
        "status.media_type",
    );
    // several lists
    let list = |at: verifier::time::Timestamp, value| {
        let payload = write::Draft::new(LIST, at, &write::pack([(POSITION, value)])).jwt_payload();
        own.jws("statuslist+jwt", &payload, |_| {})
    };
    let both = |bodies: &[String]| {
        let mut evidence = Evidence::default();
        for body in bodies {
            evidence.add(listed(LIST, MEDIA_TYPE_JWT, body.clone()).items()[0].clone());
        }
        original.with(evidence)
    };
    let (old, new) = (list(SEALED, status::Value::Valid), list(SEALED.plus(60), status::Value::Invalid));
    table.row(
        "an older good list beside a newer bad one",
        &both(&[old.clone(), new.clone()]),
        NotInForce,
        "status.invalid",
    );
    table.row("in the other order", &both(&[new.clone(), old.clone()]), NotInForce, "status.invalid");
    let forged = Held { key: stray, chain: own.chain.clone() };
    let payload = write::Draft::new(LIST, SEALED.plus(90), &write::pack([])).jwt_payload();
    table.row(
        "a newer forged list beside",
        &both(&[new, forged.jws("statuslist+jwt", &payload, |_| {})]),
        NotInForce,
        "status.invalid",
    );
    table.passes("a forged bad list beside a good one", &both(&[old, forged.jws("statuslist+jwt", &payload, |_| {})]));
    table.end(72);
}

type Pairs = Vec<(Cbor, Cbor)>;

/// The same list as a CWT, behind a printed code's question.
#[test]
fn a_cwt_list_that_does_not_count() {
    let world = World::new();
    let own = world.status_key();
    let draft = write::Draft::new(LIST, SEALED, &write::pack([]));
    let good = draft.cwt(-7, &own.chain);
    let reference = verifier::rendition::StatusReference { uri: LIST.to_owned(), idx: POSITION };
    let judged = |body: Vec<u8>| {
        let evidence = listed(LIST, MEDIA_TYPE_CWT, body);
        let behind = status::Behind::Code;
        let (outcome, _) = verifier::verify::check_status(&reference, behind, &world.trust, &evidence, ASKED);
        outcome.map_err(verifier::report::Reason::code)
    };
    let signed = |to_sign: &ToSign| to_sign.assemble(&own.key.sign(&to_sign.message()).unwrap());
    assert_eq!(judged(signed(&good)), Ok(()));
    let header = |change: &dyn Fn(&mut Pairs)| {
        let Cbor::Map(mut header) = cbor::decode(good.protected()).unwrap() else { panic!("a map") };
        change(&mut header);
        signed(&ToSign::new(cbor::encode(&Cbor::Map(header)), good.payload().to_vec()))
    };
    let put = |header: &mut Pairs, label: i64, value: Option<Cbor>| {
        header.retain(|(key, _)| *key != Cbor::from(label));
        header.extend(value.map(|value| (Cbor::from(label), value)));
    };
    let claims = |label: i64, value: Option<Cbor>| {
        let Cbor::Map(mut claims) = cbor::decode(good.payload()).unwrap() else { panic!("a map") };
        put(&mut claims, label, value);
        signed(&ToSign::new(good.protected().to_vec(), cbor::encode(&Cbor::Map(claims))))
    };
    let whole = signed(&good);
    let outside = |label: i64, value: Cbor| {
        let Cbor::Tag(18, inner) = cbor::decode(&whole).unwrap() else { panic!("tag 18") };
        let mut parts = inner.into_array().unwrap();
        parts[1] = Cbor::Map(vec![(label.into(), value)]);
        cbor::encode(&Cbor::Tag(18, Box::new(Cbor::Array(parts))))
    };
    // arrays within arrays that claim a million elements each cost nothing
    let hollow = [[0x9a, 0, 0x0f, 0xff, 0xff].repeat(15), vec![0; 1_000_000]].concat();
    let rows: Vec<(&str, Vec<u8>, &str)> = vec![
        ("crit", header(&|header| put(header, 2, Some(Cbor::Array(vec![1.into()])))), "status.malformed"),
        ("another type", header(&|header| put(header, 16, Some("application/cwt".into()))), "status.malformed"),
        ("no type", header(&|header| put(header, 16, None)), "status.malformed"),
        ("another kid", header(&|header| put(header, 4, Some(Cbor::Bytes(vec![0; 8])))), "status.malformed"),
        ("no certificate", header(&|header| put(header, 33, None)), "status.malformed"),
        ("an empty chain", header(&|header| put(header, 33, Some(Cbor::Array(Vec::new())))), "status.malformed"),
        (
            "a chain of texts",
            header(&|header| put(header, 33, Some(Cbor::Array(vec!["x".into()])))),
            "status.malformed",
        ),
        ("alg HMAC", header(&|header| put(header, 1, Some(5.into()))), "status.signer"),
        ("alg EdDSA", header(&|header| put(header, 1, Some((-8).into()))), "status.signature"),
        ("no alg", header(&|header| put(header, 1, None)), "status.signer"),
        ("alg outside", outside(1, (-7).into()), "status.malformed"),
        ("a chain outside", outside(33, Cbor::Bytes(own.leaf().to_vec())), "status.malformed"),
        ("another list's", claims(2, Some("http://localhost:8081/status/2".into())), "status.malformed"),
        ("a life for ever", claims(4, Some(i64::MAX.into())), "status.malformed"),
        ("no end", claims(4, None), "status.malformed"),
        ("from tomorrow", claims(6, Some((SEALED.seconds() + DAY).into())), "status.later"),
        ("iat as a float", claims(6, Some(1.5.into())), "status.malformed"),
        ("ttl as text", claims(65_534, Some("30".into())), "status.malformed"),
        ("no list", claims(65_533, None), "status.malformed"),
        ("a byte behind", [whole.as_slice(), &[0]].concat(), "status.malformed"),
        ("cut", whole[..whole.len() - 1].to_vec(), "status.malformed"),
        ("no tag", whole[1..].to_vec(), "status.malformed"),
        ("hollow lists", hollow, "status.malformed"),
    ];
    let count = rows.len();
    for (attack, body, reason) in rows {
        assert_eq!(judged(body), Err(reason), "{attack}");
    }
    println!("attacks, lists as CWT: {count} rows");
    assert_eq!(count, 23);
}
