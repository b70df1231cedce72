//! Every input of the vectors, cut, flipped, doubled: never a panic, and never valid unless it says nothing new.

use std::collections::HashSet;

use serde_json::Value;
use verifier::evidence::{Evidence, EvidenceItem, EvidenceKind};
use verifier::report::{Language, Verdict};
use verifier::verify::open;

use crate::documents::{World, at, input, invariants};
use crate::vectors::{list, ran, read, text};

/// A generator that needs no seed from outside (`SplitMix64`).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ z >> 31) % bound.max(1) as u64).unwrap()
    }

    fn mutate(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = bytes.to_vec();
        if out.is_empty() {
            return vec![0];
        }
        let place = self.below(out.len());
        match self.below(7) {
            0 => out.truncate(place),
            1 => out[place] ^= 1 << self.below(8),
            2 => out[place] = b"~.\"{}[]0-\xFF\x00 :eA"[self.below(15)],
            3 => drop(out.remove(place)),
            4 => out.insert(place, out[self.below(bytes.len())]),
            5 => drop(out.drain(..place)),
            _ => {
                let part = out[place..(place + 64).min(bytes.len())].to_vec();
                out.splice(place..place, part);
            }
        }
        out
    }
}

#[test]
fn no_mutation_panics_or_passes() {
    let mut count = 0;
    for (name, rounds) in [("xinyin/credentials.json", 6), ("xinyin/codes.json", 24)] {
        let Some(file) = read(name) else { return };
        let (world, mut numbers) = (World::new(&file), Numbers(7));
        for case in list(&file, "cases") {
            let (whole, evidence) = (input(case), world.evidence(case));
            for _ in 0..rounds {
                let mutated = numbers.mutate(&whole);
                let report = open(&mutated, world.trust(case), at(case)).conclude(&evidence);
                invariants(&report, text(case, "id"));
                assert!(!report.report_text(Language::Chinese).is_empty() && !report.to_json().is_empty());
                assert!(report.verdict != Verdict::Valid || says_no_more(&mutated, &whole), "{}", text(case, "id"));
                count += 1;
            }
        }
    }
    ran("mutations of documents", count, 2000);
}

/// A presentation without some of its disclosures, or with other blanks at its end, is one of the same credential.
fn says_no_more(mutated: &[u8], whole: &[u8]) -> bool {
    let parts = |bytes: &[u8]| -> HashSet<Vec<u8>> {
        bytes.trim_ascii_end().split(|b| *b == b'~').map(<[u8]>::to_vec).collect()
    };
    let mut new = parts(mutated);
    new.remove(&Vec::new());
    new.is_subset(&parts(whole))
}

#[test]
fn no_mutation_of_evidence_panics() {
    let Some(file) = read("xinyin/status.json") else { return };
    let (world, mut numbers, mut count) = (World::new(&file), Numbers(11), 0);
    for case in list(&file, "cases") {
        let trust = world.trust(case).unwrap();
        for item in list(&case["evidence"], "items") {
            let body = crate::vectors::b64(text(item, "body"));
            let media_type = text(item, "media_type");
            for _ in 0..6 {
                let mutated = numbers.mutate(&body);
                let list =
                    verifier::status::StatusList::prepare(text(item, "uri"), media_type, &mutated, trust, at(case));
                assert!(list.is_err() || mutated == body, "{}", text(case, "id"));
                count += 1;
            }
        }
        let whole = case["evidence"].to_string();
        for _ in 0..4 {
            let _ = Evidence::read(&numbers.mutate(whole.as_bytes()));
        }
    }
    let item = |uri: &str| EvidenceItem {
        kind: EvidenceKind::StatusList,
        uri: uri.into(),
        fetched_at: at(&list(&file, "cases")[0]),
        media_type: String::new(),
        body: Vec::new(),
    };
    let _: Value = serde_json::from_str(&Evidence::new(vec![item("a\u{0}b"), item("")]).write()).unwrap();
    ran("mutations of evidence", count, 200);
}
