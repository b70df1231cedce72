//! xinyin/leaf.json, xinyin/log.json and merkle/: commitments, trees, proofs, notes, tiles.

use std::collections::HashMap;

use base64::Engine as _;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::Value;
use verifier::log::merkle::{self, Frontier, Hash, NodeId};
use verifier::log::note::{Vouched, cosignature_message};
use verifier::log::{Checkpoint, Commitment, Event, KeyKind, LogProof, Note, Tile, VerifierKey, entry, proof, tile};
use verifier::time::Timestamp;

use crate::vectors::{b64, b64u, b64u32, hex, hex32, list, ran, read, text};

#[test]
fn a_leaf_commits_to_the_event() {
    let Some(file) = read("xinyin/leaf.json") else { return };
    for case in list(&file, "cases") {
        let (id, inputs) = (text(case, "id"), &case["inputs"]);
        let salt = b64u32(text(inputs, "salt"));
        let facts_digest = inputs["facts_digest"].as_str().map(hex32);
        let commitment = Commitment {
            salt: &salt,
            identifier: text(inputs, "identifier"),
            event: Event::from_name(text(inputs, "event")).unwrap(),
            effective: Timestamp::from_seconds(inputs["effective"].as_i64().unwrap()),
            facts_digest: facts_digest.as_ref(),
            status: inputs["status"].as_array().map(|s| (s[0].as_str().unwrap(), s[1].as_u64().unwrap())),
        };
        assert_eq!(commitment.cbor(), hex(text(case, "commitment_cbor")), "{id}");
        assert_eq!(commitment.digest(), hex32(text(case, "commitment")), "{id}");
        let entry = entry::entry(&b64u32(text(inputs, "key")), &commitment.digest());
        assert_eq!(entry, hex(text(case, "entry")), "{id}");
        assert_eq!(merkle::leaf_hash(&entry), hex32(text(case, "leaf_hash")), "{id}");
    }
    ran("xinyin/leaf", list(&file, "cases").len(), 17);
}

#[test]
fn trees_proofs_notes_and_tiles_are_as_written() {
    let Some(file) = read("xinyin/log.json") else { return };
    let log = Signer::new(&file, KeyKind::Ed25519);
    let witnesses: Vec<_> = list(&file, "witnesses").iter().map(|w| Signer::new(w, KeyKind::Cosignature)).collect();
    for case in list(&file, "tile_paths") {
        let tile = Tile { level: None, index: case["n"].as_u64().unwrap(), width: 256 };
        assert_eq!(tile.path(), format!("tile/entries/{}", text(case, "path")));
        assert_eq!(Tile::parse(&tile.path()), Some(tile));
    }
    let times: Vec<u64> = list(&file, "cosigned_at").iter().map(|t| t.as_u64().unwrap()).collect();
    for case in list(&file, "trees") {
        tree(case, text(&file, "origin"), &log, &witnesses, &times);
    }
    ran("xinyin/log", list(&file, "trees").len(), 4);
}

struct Signer {
    vkey: VerifierKey,
    pair: Ed25519KeyPair,
}

impl Signer {
    fn new(case: &Value, kind: KeyKind) -> Self {
        let private = &case["private"];
        let pair =
            Ed25519KeyPair::from_seed_and_public_key(&b64u(text(private, "d")), &b64u(text(private, "x"))).unwrap();
        let vkey = VerifierKey::parse(text(case, "vkey")).unwrap();
        assert_eq!(vkey.key()[..], *pair.public_key().as_ref());
        assert_eq!(vkey.kind(), kind);
        assert_eq!(vkey.to_string(), text(case, "vkey"));
        Self { vkey, pair }
    }

    fn line(&self, text: &str, time: Option<u64>) -> String {
        let message = time.map_or_else(|| text.as_bytes().to_vec(), |time| cosignature_message(time, text));
        self.vkey.line(self.pair.sign(&message).as_ref().try_into().unwrap(), time)
    }
}

fn tree(case: &Value, origin: &str, log: &Signer, witnesses: &[Signer], times: &[u64]) {
    let id = text(case, "id");
    let entries = entries(case);
    let (mut frontier, mut nodes) = (Frontier::default(), HashMap::new());
    for entry in &entries {
        frontier.append(merkle::leaf_hash(entry), |id, hash| assert!(nodes.insert(id, hash).is_none()));
    }
    let size = frontier.size();
    assert_eq!(frontier.root(), hex32(text(case, "root")), "{id}");
    let edge = merkle::frontier_nodes(size).iter().map(|node| nodes[node]).collect();
    assert_eq!(Frontier::resume(size, edge), Some(frontier.clone()), "{id}");

    let checkpoint = Checkpoint { origin: origin.to_owned(), size, root: frontier.root() };
    let own = log.line(&checkpoint.text(), None);
    let plain = checkpoint.note(std::slice::from_ref(&own));
    assert_eq!(plain, text(case, "checkpoint"), "{id}");
    let mut lines = vec![own];
    lines.extend(witnesses.iter().zip(times).map(|(w, time)| w.line(&checkpoint.text(), Some(*time))));
    let cosigned = checkpoint.note(&lines);
    assert_eq!(cosigned, text(case, "checkpoint_cosigned"), "{id}");
    let note = Note::parse(&cosigned).unwrap();
    assert_eq!(note.vouched(&log.vkey), Vouched::Signed(None));
    for (witness, time) in witnesses.iter().zip(times) {
        assert_eq!(note.vouched(&witness.vkey), Vouched::Signed(i64::try_from(*time).ok()), "{id}");
    }

    let stored = |node: NodeId| nodes.get(&node).copied().ok_or(node);
    for case in list(case, "proofs") {
        let index = case["index"].as_u64().unwrap();
        let path = merkle::inclusion_proof(index, size, stored).unwrap();
        assert_eq!(proof::proof_text(index, &path, &plain), text(case, "proof"), "{id} {index}");
        let read = LogProof::parse(text(case, "proof")).unwrap();
        assert!(read.includes(&merkle::leaf_hash(&entries[usize::try_from(index).unwrap()])), "{id} {index}");
        assert!(!read.includes(&[0; 32]));
    }
    tiles(case, size, &entries, &nodes);
}

fn entries(case: &Value) -> Vec<Vec<u8>> {
    let given: Vec<_> = list(case, "entries").iter().map(|e| hex(e.as_str().unwrap())).collect();
    if !given.is_empty() {
        return given;
    }
    let rule = text(case, "entries_rule");
    let key = hex32(&rule[rule.find("key = ").unwrap() + 6..][..64]);
    (0..case["size"].as_u64().unwrap())
        .map(|k| {
            let known = ring::digest::digest(&ring::digest::SHA256, format!("known answer {k}").as_bytes());
            entry::entry(&key, known.as_ref().try_into().unwrap())
        })
        .collect()
}

fn tiles(case: &Value, size: u64, entries: &[Vec<u8>], nodes: &HashMap<NodeId, Hash>) {
    let known = case["tiles"].as_object().unwrap();
    let mut paths: Vec<_> = tile::tiles_since(0, size).iter().map(Tile::path).collect();
    paths.sort();
    assert_eq!(paths, known.keys().cloned().collect::<Vec<_>>());
    for tile in tile::tiles_since(0, size) {
        assert_eq!(Tile::parse(&tile.path()), Some(tile));
        assert!(tile.within(size));
        assert!(!Tile { width: tile.width + 1, ..tile }.within(size) || tile.width == 256);
        let (first, end) = tile.range();
        let body = if tile.level.is_some() {
            let hashes: Vec<Hash> = (first.index..end).map(|index| nodes[&NodeId { index, ..first }]).collect();
            tile::tile_body(&hashes)
        } else {
            let part = &entries[usize::try_from(first.index).unwrap()..usize::try_from(end).unwrap()];
            let body = tile::bundle_body(part.iter().map(Vec::as_slice)).unwrap();
            assert_eq!(tile::bundle_entries(&body).unwrap(), part);
            body
        };
        match &known[&tile.path()] {
            Value::String(whole) => assert_eq!(body, hex(whole)),
            summary => {
                assert_eq!(body.len(), usize::try_from(summary["bytes"].as_u64().unwrap()).unwrap());
                let digest = ring::digest::digest(&ring::digest::SHA256, &body);
                assert_eq!(digest.as_ref(), hex(text(summary, "sha256")));
            }
        }
    }
}

#[test]
fn proofs_of_others_are_judged_the_same() {
    let Some(file) = read("merkle/cases.json") else { return };
    let cases = file.as_array().unwrap();
    for case in cases {
        let number = |name: &str| case[name].as_u64().unwrap();
        let proof: Option<Vec<Hash>> =
            list(case, "proof").iter().map(|h| b64(h.as_str().unwrap()).try_into().ok()).collect();
        let consistency = text(case, "kind") == "consistency";
        // A root of another length, where only equality is asked, stands for itself.
        let other = |bytes: Vec<u8>| consistency.then(|| merkle::leaf_hash(&bytes));
        let hash =
            |name: &str| case[name].as_str().and_then(|h| Hash::try_from(b64(h)).or_else(|h| other(h).ok_or(())).ok());
        let accepted = match (text(case, "kind"), proof) {
            (_, None) => false,
            ("inclusion", Some(proof)) => match (hash("leafHash"), hash("root")) {
                (Some(leaf), Some(root)) => {
                    merkle::includes(number("leafIdx"), number("treeSize"), &leaf, &proof, &root)
                }
                _ => false,
            },
            (_, Some(proof)) => match (hash("root1"), hash("root2")) {
                (Some(first), Some(second)) => {
                    merkle::extends(number("size1"), number("size2"), &first, &second, &proof)
                }
                _ => false,
            },
        };
        assert_eq!(accepted, case["wantErr"] != true, "{}", text(case, "id"));
    }
    ran("merkle", cases.len(), 97);
}

#[test]
fn every_proof_of_every_small_tree_holds_and_no_other() {
    let (mut frontier, mut nodes, mut roots) = (Frontier::default(), HashMap::new(), vec![merkle::empty_root()]);
    let leaves: Vec<Hash> = (0..70u8).map(|k| merkle::leaf_hash(&[k])).collect();
    for leaf in &leaves {
        frontier.append(*leaf, |id, hash| assert!(nodes.insert(id, hash).is_none()));
        roots.push(frontier.root());
    }
    let stored = |node: NodeId| nodes.get(&node).copied().ok_or(node);
    for size in 1..=leaves.len() {
        let root = &roots[size];
        for (index, leaf) in leaves.iter().take(size).enumerate() {
            let (i, n) = (index as u64, size as u64);
            let path = merkle::inclusion_proof(i, n, stored).unwrap();
            assert!(merkle::includes(i, n, leaf, &path, root));
            assert!(!merkle::includes(i ^ 1, n, leaf, &path, root) || n == 1);
            assert!(merkle::inclusion_nodes(i, n).iter().all(|node| nodes.contains_key(node)));
            let proof = merkle::consistency_proof(i + 1, n, stored).unwrap();
            assert!(merkle::extends(i + 1, n, &roots[index + 1], root, &proof));
            assert!(merkle::consistency_nodes(i + 1, n).iter().all(|node| nodes.contains_key(node)));
            assert!(index + 1 == size || !merkle::extends(i + 1, n, root, root, &proof));
        }
    }
}

#[test]
fn notes_and_keys_out_of_form_are_refused() {
    let root = base64::engine::general_purpose::STANDARD.encode([7; 32]);
    for (text, good) in [
        (format!("a/log\n5\n{root}\n"), true),
        (format!("a/log\n5\n{root}\nextension\n"), true),
        (format!("a/log\n05\n{root}\n"), false),
        (format!("a/log\n-5\n{root}\n"), false),
        (format!("a/log\n5\n{root}"), false),
        (format!("a/log\n5\n{root}\n\n"), false),
        (format!("\n5\n{root}\n"), false),
        ("a/log\n5\nAAAA\n".to_owned(), false),
    ] {
        assert_eq!(Checkpoint::parse(&text).is_ok(), good, "{text:?}");
    }
    for path in [
        "tile/8/000",
        "tile/00/000",
        "tile/0/00",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/x000/001",
        "tile/0/001/000",
        "tile/entries/",
    ] {
        assert_eq!(Tile::parse(path), None, "{path}");
    }
    let vkey = VerifierKey::new("a/log", KeyKind::Ed25519, [3; 32]).unwrap().to_string();
    assert!(VerifierKey::parse(&vkey).is_ok());
    assert!(VerifierKey::parse(&vkey.replace("a/log", "b/log")).is_err());
    assert!(VerifierKey::new("a log", KeyKind::Ed25519, [3; 32]).is_none());
}
