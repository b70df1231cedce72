//! Damaged input of every kind is refused, or read, but never a panic or a long computation.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use std::path::Path;

use verifier::certificate::{Certificate, Crl, Pool, Power, Rules};
use verifier::encoding::{b64, b64u, cbor, hex, json};
use verifier::jws::Jws;
use verifier::licence::identifier::LicenceIdentifier;
use verifier::region::Region;
use verifier::subject::{IdNumber, SocialCreditCode, mask};
use verifier::time::{Date, Timestamp};
use verifier::trust::Trust;

/// A small generator, the same on every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides.max(1)
    }

    /// `good` with one to four bytes changed, cut out, doubled or cut off.
    fn damage(&mut self, good: &[u8]) -> Vec<u8> {
        let mut bytes = good.to_vec();
        for _ in 0..=self.roll(4) {
            let place = self.roll(bytes.len());
            match self.roll(6) {
                _ if bytes.is_empty() => {}
                0 => drop(bytes.remove(place)),
                1 => bytes.insert(place, u8::try_from(self.roll(256)).unwrap()),
                2 => bytes.truncate(place),
                3 => bytes[place] ^= 1 << self.roll(8),
                4 => bytes[place] = [0, 0x7F, 0x80, 0x84, 0xFF, b'"'][self.roll(6)],
                _ => bytes[place] = u8::try_from(self.roll(256)).unwrap(),
            }
        }
        bytes
    }
}

fn some_files(folder: &Path, ending: &str, most: usize) -> Vec<Vec<u8>> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == ending));
    files.sort();
    files.iter().take(most).map(|path| std::fs::read(path).unwrap()).collect()
}

#[test]
fn damaged_certificates_and_lists() {
    let Some(folder) = common::folder("pkits") else { return };
    let mut dice = Dice(7);
    let good: Vec<_> = some_files(&folder.join("pool"), "crt", 60);
    let parsed: Vec<_> = good.iter().filter_map(|der| Certificate::parse(der).ok()).collect();
    let lists: Vec<_> = some_files(&folder.join("crls"), "crl", 60);
    let pool = Pool::new(parsed[..5].to_vec(), parsed[5..].to_vec(), Vec::new());
    let rules = Rules::at("2026-11-25T06:00:00Z".parse().unwrap());
    let mut read = 0;
    for round in 0..60 {
        for der in &good {
            if let Ok(certificate) = Certificate::parse(&dice.damage(der)) {
                read += 1;
                let _ = certificate.power("1.3.6.1.4.1.32473");
                let _ = (certificate.usages("2.5"), certificate.subject().to_string());
                if round < 5 {
                    let _ = pool.path(&certificate, &parsed[..8], &rules);
                }
            }
        }
        for der in &lists {
            read += usize::from(Crl::parse(&dice.damage(der)).is_ok());
        }
    }
    common::ran("damaged certificates and lists that could be read", read, 100);
}

#[test]
fn damaged_bundles() {
    let Some(folder) = common::folder("xinyin") else { return };
    let mut dice = Dice(8);
    let cases = common::json(folder.join("bundle.json"));
    let bundle = cases["cases"][0]["bundle"].to_string();
    let refused = (0..200).filter(|_| Trust::read_unexpired(&dice.damage(bundle.as_bytes())).is_err()).count();
    common::ran("damaged bundles refused", refused, 190);
}

#[test]
fn damaged_texts() {
    let mut dice = Dice(9);
    for _ in 0..20_000 {
        for good in [
            "11010519491231002X",
            "91110000600037341L",
            "1.2.156.3005.2.11100000000013127D001.11640000MB00XY126D.202600000001.001.S",
            "2026-11-25T06:00:00+08:00",
            "2026-11-25",
            "990101001",
            "张三·李𠮷",
            r#"{"a":[1,-2.5e3,"\ud842\udfb7",true,null],"b":{"c":1e400}}"#,
            "eyJhbGciOiJFUzI1NiJ9.e30.AAAA",
        ] {
            let bytes = dice.damage(good.as_bytes());
            let text = String::from_utf8_lossy(&bytes);
            let _ = (text.parse::<IdNumber>(), IdNumber::read(&text), text.parse::<SocialCreditCode>());
            let _ = (text.parse::<LicenceIdentifier>(), text.parse::<Timestamp>(), text.parse::<Date>());
            let _ = (text.parse::<Region>(), mask::name(&text), mask::phone(&text), mask::id_number(&text));
            let _ = (json::read(&bytes, 1000), Jws::parse(&text, 1000), b64::decode(&text), b64u::decode(&text));
            let _ = (hex::decode(&text), Power::read(&bytes), Date::from_compact(dice.0));
        }
    }
}

/// Whatever is read as deterministic CBOR is written as the same bytes.
#[test]
fn damaged_cbor() {
    let mut dice = Dice(10);
    let good =
        hex::decode("d2845828a201260448a1a2a3a4a5a6a7a8a20163616263fb3ff199999999999ac11a514b67b0f93c0040a0582001")
            .unwrap();
    let mut read = 0;
    for _ in 0..300_000 {
        let bytes = dice.damage(&good);
        let start = dice.roll(bytes.len());
        if let Ok((value, used)) = cbor::decode_first(&bytes[start.min(bytes.len())..]) {
            read += 1;
            assert_eq!(cbor::encode(&value), bytes[start..start + used]);
        }
    }
    common::ran("damaged CBOR that could be read", read, 1_000);
}
