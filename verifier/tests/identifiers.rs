//! Licence identifiers against another implementation's known answers.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use verifier::licence::identifier::{IdentifierError, LicenceIdentifier};

#[test]
fn identifiers_are_read_as_others_do() {
    let Some(folder) = common::folder("xinyin") else { return };
    let cases = common::json(folder.join("identifiers.json"));
    let cases = cases["cases"].as_array().unwrap();
    for case in cases {
        let text = common::text(case, "identifier");
        let read = text.parse::<LicenceIdentifier>();
        assert_eq!(read.is_ok(), case["expect"] == "good", "{text}: {}", case["reason"]);
        if let Ok(identifier) = read {
            let parts = &case["parts"];
            assert_eq!(identifier.to_string(), text);
            assert_eq!(identifier.type_code().as_str(), parts["type"]);
            assert_eq!(identifier.issuer(), parts["issuer"]);
            assert_eq!(identifier.serial(), parts["serial"]);
            assert_eq!(u64::from(identifier.version()), parts["version"]);
        }
    }
    common::ran("xinyin/identifiers.json", cases.len(), 29);
}

#[test]
fn each_part_is_refused_by_name() {
    use IdentifierError::{CheckCharacter, Form, Issuer, Serial, Type, Version};
    let good = "1.2.156.3005.2.11100000000013127D001.11640000MB00XY126D.202600000001.001.S";
    let identifier: LicenceIdentifier = good.parse().unwrap();
    assert!(identifier.next_version().unwrap().to_string().ends_with(".002.Q"));
    for (from, to, error) in [
        ("1.2.156", "1.2.157", Form),
        (".S", "", Form),
        (".S", ".S.S", Form),
        (".S", ".T", CheckCharacter),
        (".S", ".SS", CheckCharacter),
        (".S", ".张", CheckCharacter),
        (".001", ".1", Version),
        (".001", ".000", Version),
        (".001", ".+01", Version),
        ("D001", "D01", Type),
        ("D001", "E001", Type),
        ("D001", "D00张", Type),
        ("126D", "126E", Issuer),
        ("202600000001", "202600", Serial),
        ("202600000001", "2026-0000001", Serial),
    ] {
        assert_eq!(good.replace(from, to).parse::<LicenceIdentifier>(), Err(error), "{from} -> {to}");
    }
}
