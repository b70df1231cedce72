//! What is open: altered by whoever holds the document, and by whoever holds the key.

use serde_json::{Value, json};
use verifier::encoding::b64u;
use verifier::report::Verdict::{Invalid, NotInForce, Undetermined};

use super::sealing::{POSITION, identifier};
use super::table::{Shown, Table};
use super::world::{ASKED, OTHER, OTHER_TYPE, SEALED, World};
use crate::common::{DAY, DEPARTMENT, SIGNER, TYPE};

/// The document with other claims under the old signature.
fn altered(shown: &Shown, change: impl Fn(&mut Value)) -> Shown {
    let (jwt, rest) = shown.text().split_once('~').unwrap();
    let parts: Vec<&str> = jwt.split('.').collect();
    let mut claims: Value = serde_json::from_slice(&b64u::decode(parts[1]).unwrap()).unwrap();
    change(&mut claims);
    shown.document(format!("{}.{}.{}~{rest}", parts[0], b64u::encode(claims.to_string()), parts[2]))
}

#[test]
fn altered_by_its_bearer() {
    let world = World::new();
    let original = world.credential().shown();
    let mut table = Table::new("altered", &original);
    for (what, pointer, value) in [
        ("vct", "/vct", json!(format!("{SIGNER}/types/{TYPE}/2"))),
        ("vct of a copy", "/vct", json!(format!("{SIGNER}/copies/{TYPE}/1"))),
        ("exp", "/exp", json!(ASKED.plus(100 * 365 * DAY).seconds())),
        ("nbf", "/nbf", json!(0)),
        ("iat", "/iat", json!(SEALED.seconds() + 1)),
        ("iss", "/iss", json!(format!("{SIGNER}/departments/{OTHER}"))),
        ("the name of the authority", "/issuing_authority/name", json!("示例市公安厅")),
        ("the position of the status entry", "/status/status_list/idx", json!(POSITION + 1)),
        ("the list of the status entry", "/status/status_list/uri", json!("http://localhost:8081/status/2")),
        ("the last day", "/valid_until", json!("2099-12-31")),
        ("the identifier", "/identifier", json!(identifier(TYPE, DEPARTMENT, "AAAAAAAAAAAAAAAAAAA2"))),
        ("the salt of the leaf", "/log/salt", json!(b64u::encode([0; 32]))),
        ("nothing but the order", "/_sd_alg", json!("sha-256 ")),
    ] {
        let shown = altered(&original, |claims| *claims.pointer_mut(pointer).unwrap() = value.clone());
        table.row(what, &shown, Invalid, "signature.differs");
    }
    for name in ["exp", "valid_until", "log", "status", "_sd"] {
        let shown = altered(&original, |claims| drop(claims.as_object_mut().unwrap().remove(name)));
        table.row(&format!("without {name}"), &shown, Invalid, "signature.differs");
    }
    let more = altered(&original, |claims| claims["holder_name"] = "张三".into());
    table.row("a name beside", &more, Invalid, "signature.differs");
    table.end(19);
}

#[test]
fn signed_again_with_other_claims() {
    let world = World::new();
    let mut table = Table::new("signed again", &world.credential().shown());
    // what contradicts itself, the certificate, the register or the leaf
    for (what, pointer, value, reason) in [
        ("a later version of the type", "/vct", json!(format!("{SIGNER}/types/{TYPE}/2")), "log.leaf"),
        ("another type", "/vct", json!(format!("{SIGNER}/types/{OTHER_TYPE}/1")), "form.inconsistent"),
        ("a version with a zero", "/vct", json!(format!("{SIGNER}/types/{TYPE}/01")), "form.inconsistent"),
        ("a version with a sign", "/vct", json!(format!("{SIGNER}/types/{TYPE}/+1")), "form.inconsistent"),
        (
            "a version beyond all numbers",
            "/vct",
            json!(format!("{SIGNER}/types/{TYPE}/99999999999999999999")),
            "form.inconsistent",
        ),
        ("a vct with a slash", "/vct", json!(format!("{SIGNER}/types/{TYPE}/1/")), "form.inconsistent"),
        ("a vct with a query", "/vct", json!(format!("{SIGNER}/types/{TYPE}/1?")), "form.inconsistent"),
        ("another signer's vct", "/vct", json!(format!("http://localhost:8082/types/{TYPE}/1")), "form.inconsistent"),
        ("seals, which are no types", "/vct", json!(format!("{SIGNER}/seals/{TYPE}/1")), "form.inconsistent"),
        ("another department's iss", "/iss", json!(format!("{SIGNER}/departments/{OTHER}")), "form.inconsistent"),
        ("an iss with a slash", "/iss", json!(format!("{SIGNER}/departments/{DEPARTMENT}/")), "form.inconsistent"),
        ("exp a second later", "/exp", json!(1_951_228_801), "form.inconsistent"),
        ("exp in a hundred years", "/exp", json!(5_000_000_000_i64), "form.inconsistent"),
        ("nbf a second earlier", "/nbf", json!(1_793_462_399), "form.inconsistent"),
        ("a longer last day", "/valid_until", json!("2032-10-31"), "form.inconsistent"),
        ("a last day before the first", "/valid_until", json!("2026-10-31"), "form.inconsistent"),
        ("another authority's code", "/issuing_authority/code", json!(OTHER), "form.inconsistent"),
        ("another authority's name", "/issuing_authority/name", json!("示例省公安厅"), "form.inconsistent"),
        ("a name with a blank", "/issuing_authority/name", json!("示例市公安局 "), "form.inconsistent"),
        (
            "another issuer's identifier",
            "/identifier",
            json!(identifier(TYPE, OTHER, "AAAAAAAAAAAAAAAAAAA1")),
            "form.inconsistent",
        ),
        (
            "another type's identifier",
            "/identifier",
            json!(identifier(OTHER_TYPE, DEPARTMENT, "AAAAAAAAAAAAAAAAAAA1")),
            "form.inconsistent",
        ),
        (
            "an identifier in small letters",
            "/identifier",
            json!(identifier(TYPE, DEPARTMENT, "AAAAAAAAAAAAAAAAAAA1").to_lowercase()),
            "form.identifier",
        ),
        (
            "an identifier with a blank",
            "/identifier",
            json!(format!("{} ", identifier(TYPE, DEPARTMENT, "AAAAAAAAAAAAAAAAAAA1"))),
            "form.identifier",
        ),
        ("another day of issue", "/issue_date", json!("2026-11-02"), "log.leaf"),
        ("a day of another calendar", "/issue_date", json!("2026-02-30"), "form.malformed"),
        ("a day in full-width digits", "/issue_date", json!("２０２６-11-01"), "form.malformed"),
        ("a position beyond the list", "/status/status_list/idx", json!(1 << 20), "log.leaf"),
        ("a position below it", "/status/status_list/idx", json!(-1), "form.malformed"),
        ("a position between two", "/status/status_list/idx", json!(1.5), "form.malformed"),
        ("a position as a text", "/status/status_list/idx", json!("1"), "form.malformed"),
        ("another list", "/status/status_list/uri", json!("http://localhost:8081/status/2"), "log.leaf"),
        ("a list as a list", "/status/status_list/uri", json!(["http://localhost:8081/status/1"]), "form.malformed"),
        ("exp as a text", "/exp", json!("1951228800"), "form.malformed"),
        ("exp as a fraction", "/exp", json!(1_951_228_800.0_f64), "form.malformed"),
        ("exp as null", "/exp", Value::Null, "form.malformed"),
        ("exp beyond all times", "/exp", json!(u64::MAX), "form.malformed"),
        ("a digest that is short", "/_sd/0", json!("AAAA"), "form.malformed"),
        ("a digest by SHA-384", "/_sd/0", json!(b64u::encode([3; 48])), "form.malformed"),
        ("a digest with padding", "/_sd/0", json!(format!("{}=", b64u::encode([3; 32]))), "form.malformed"),
        (
            "a digest by another name of its bits",
            "/_sd/0",
            json!(format!("{}B", &b64u::encode([0; 32])[..42])),
            "form.malformed",
        ),
        ("a decoy in a digest's place", "/_sd/0", json!(b64u::encode([3; 32])), "form.disclosure"),
        ("another algorithm of digests", "/_sd_alg", json!("sha-384"), "form.malformed"),
        ("the same algorithm in capitals", "/_sd_alg", json!("SHA-256"), "form.malformed"),
    ] {
        let shown = world.credential().claiming(|claims| *claims.pointer_mut(pointer).unwrap() = value.clone()).shown();
        table.row(what, &shown, Invalid, reason);
    }
    for (pointer, name) in [
        ("", "sub"),
        ("", "cnf"),
        ("", "aud"),
        ("", "vctm"),
        ("", "holder_name"),
        ("/status", "uri"),
        ("/status/status_list", "ttl"),
        ("/issuing_authority", "department"),
        ("/items", "address"),
        ("/log", "extra"),
    ] {
        let shown = world.credential().claiming(|claims| {
            let place = claims.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
            place.insert(name.to_owned(), "x".into());
        });
        table.row(&format!("{pointer}/{name} more"), &shown.shown(), Invalid, "form.malformed");
    }
    for name in [
        "iss",
        "vct",
        "iat",
        "nbf",
        "_sd_alg",
        "status",
        "identifier",
        "issuing_authority",
        "issue_date",
        "valid_from",
        "_sd",
        "items",
    ] {
        let shown = world.credential().claiming(|claims| drop(claims.as_object_mut().unwrap().remove(name)));
        table.row(&format!("without {name}"), &shown.shown(), Invalid, "form.malformed");
    }
    let endless = world.credential().claiming(|claims| drop(claims.as_object_mut().unwrap().remove("exp"))).shown();
    table.row("without exp, with a last day", &endless, Invalid, "form.inconsistent");
    let decoy = world.credential().claiming(|claims| {
        claims["_sd"].as_array_mut().unwrap().push(b64u::encode([3; 32]).into());
    });
    table.row("a decoy among the digests", &decoy.shown(), Invalid, "log.leaf");
    let twice = world.credential().claiming(|claims| {
        let first = claims["_sd"][0].clone();
        claims["_sd"].as_array_mut().unwrap().push(first);
    });
    table.row("a digest twice", &twice.shown(), Invalid, "form.disclosure");
    let both = world.credential().claiming(|claims| {
        let first = claims["_sd"][0].clone();
        claims["items"]["_sd"].as_array_mut().unwrap().push(first);
    });
    table.row("a digest in both places", &both.shown(), Invalid, "form.disclosure");
    // times
    let ahead = |seconds: i64| world.credential().saying(|facts| facts.issued_at = ASKED.plus(seconds)).shown();
    table.passes("sealed 60 seconds ahead", &ahead(60));
    table.row("sealed 61 seconds ahead", &ahead(61), Undetermined, "validity.not_yet");
    let original = table.original().clone();
    let day = verifier::time::Timestamp::from_seconds(1_793_462_400);
    table.row("before its first second", &world.credential().shown().asked(day.plus(-1)), Undetermined, "path.not_yet");
    let ended = world.credential().saying(|facts| facts.valid_until = Some("2026-11-10".to_owned())).shown();
    table.row("after its last day", &ended, NotInForce, "validity.expired");
    assert!(original.report().licence.is_some());
    table.end(73);
}
