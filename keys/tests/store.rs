//! The encrypted file: what opens it, what does not, who sees a change, what survives.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use std::os::unix::fs::PermissionsExt as _;

use common::{Folder, NOW, passphrase};
use keys::key_store::Derivation;
use keys::{KeyKind, KeyStore, KeyStoreError, Passphrase, Purpose};
use verifier::algorithm::Algorithm;

fn create(folder: &Folder) -> KeyStore {
    let path = folder.file("keys.json");
    KeyStore::create_with(&path, &passphrase("correct horse"), Derivation::danger_cheap(), true).unwrap()
}

#[test]
fn a_store_opens_with_its_passphrase_alone() {
    let folder = Folder::new();
    let path = folder.file("keys.json");
    let store = create(&folder);
    let ring = store.ensure(&Purpose::IdToken, NOW).unwrap();
    let kid = ring.active(NOW).unwrap().kid().to_owned();

    let again = KeyStore::open(&path, &passphrase("correct horse")).unwrap();
    assert!(again.is_demonstration());
    assert_eq!(again.ring(&Purpose::IdToken).unwrap().active(NOW).unwrap().kid(), kid);
    assert!(matches!(KeyStore::open(&path, &passphrase("correct horsf")), Err(KeyStoreError::Locked)));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let exists = KeyStore::create_with(&path, &passphrase("correct horse"), Derivation::danger_cheap(), true);
    assert!(matches!(exists, Err(KeyStoreError::Exists { .. })));
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains(&kid) && !text.contains("id_token"), "the file shows what is inside");
}

#[test]
fn an_altered_file_is_one_clear_error() {
    let folder = Folder::new();
    let path = folder.file("keys.json");
    create(&folder).ensure(&Purpose::IdToken, NOW).unwrap();
    let sound = std::fs::read_to_string(&path).unwrap();
    let mut refused = 0;
    let swaps = [
        ("\"memory_kib\": 64", "\"memory_kib\": 65"),
        ("\"memory_kib\": 64", "\"memory_kib\": 4294967295"),
        ("\"memory_kib\": 64", "\"memory_kib\": 0"),
        ("\"passes\": 1", "\"passes\": 2"),
        ("\"version\": 1,", "\"version\": 2,"),
        ("argon2id", "argon2i"),
        ("AES-256-GCM", "none"),
        ("\"sealed\": \"", "\"sealed\": \"AAAA"),
        ("\"header\"", "\"heador\""),
    ];
    for (from, to) in swaps {
        assert!(sound.contains(from), "{from}");
        std::fs::write(&path, sound.replacen(from, to, 1)).unwrap();
        let error = KeyStore::open(&path, &passphrase("correct horse")).err();
        assert!(error.is_some(), "{from} -> {to}");
        assert!(!error.unwrap().to_string().contains("correct"), "{from}");
        refused += 1;
    }
    for length in [0, 1, sound.len() / 2, sound.len() - 10] {
        std::fs::write(&path, &sound[..length]).unwrap();
        assert!(matches!(KeyStore::open(&path, &passphrase("correct horse")), Err(KeyStoreError::Damaged)), "{length}");
    }
    let mut bytes = sound.clone().into_bytes();
    let sealed = sound.find("\"sealed\": \"").unwrap() + 20;
    bytes[sealed] = if bytes[sealed] == b'A' { b'B' } else { b'A' };
    std::fs::write(&path, bytes).unwrap();
    assert!(matches!(KeyStore::open(&path, &passphrase("correct horse")), Err(KeyStoreError::Locked)));
    std::fs::write(&path, &sound).unwrap();
    assert!(KeyStore::open(&path, &passphrase("correct horse")).is_ok(), "the original opens");
    assert_eq!(refused, swaps.len());
}

#[test]
fn what_another_process_changed_is_seen() {
    let folder = Folder::new();
    let first = create(&folder);
    first.ensure(&Purpose::IdToken, NOW).unwrap();
    let second = KeyStore::open(&folder.file("keys.json"), &passphrase("correct horse")).unwrap();
    let ring = second.ring(&Purpose::IdToken).unwrap();
    assert!(!second.reload_if_changed().unwrap());
    let announced = first.ring(&Purpose::IdToken).unwrap().rotate(NOW, 60).unwrap();
    assert_eq!(ring.published(NOW).len(), 1);
    assert!(second.reload_if_changed().unwrap());
    assert_eq!(ring.published(NOW).len(), 2, "a ring taken before sees it too");
    // a change made upon an old state keeps what the other did
    first.ensure(&Purpose::Cookie, NOW).unwrap();
    second.ensure(&Purpose::AccessToken, NOW).unwrap();
    assert!(second.ring(&Purpose::Cookie).is_ok());
    first.reload_if_changed().unwrap();
    assert!(first.ring(&Purpose::AccessToken).is_ok());
    assert_eq!(first.ring(&Purpose::IdToken).unwrap().active(announced.active_from).unwrap().kid(), announced.kid);
}

#[test]
fn writers_at_once_lose_nothing() {
    let folder = Folder::new();
    create(&folder);
    let path = folder.file("keys.json");
    let purposes = ["id_token", "access_token", "client_assertion", "cookie", "field_digest", "field_encryption"];
    std::thread::scope(|scope| {
        for name in purposes {
            let path = &path;
            scope.spawn(move || {
                let store = KeyStore::open(path, &passphrase("correct horse")).unwrap();
                store.ensure(&name.parse().unwrap(), NOW).unwrap();
            });
        }
    });
    let store = KeyStore::open(&path, &passphrase("correct horse")).unwrap();
    assert_eq!(store.rings().len(), purposes.len());
}

#[test]
fn a_failed_writing_changes_nothing() {
    let folder = Folder::new();
    let store = create(&folder);
    store.ensure(&Purpose::IdToken, NOW).unwrap();
    let before = std::fs::read(folder.file("keys.json")).unwrap();
    // a folder where the temporary file should go
    std::fs::create_dir(folder.file("keys.json.new")).unwrap();
    std::fs::write(folder.file("keys.json.new").join("full"), "x").unwrap();
    assert!(matches!(store.ensure(&Purpose::Cookie, NOW), Err(KeyStoreError::Io { .. })));
    assert!(store.ring(&Purpose::Cookie).is_err());
    assert_eq!(std::fs::read(folder.file("keys.json")).unwrap(), before);
    std::fs::remove_dir_all(folder.file("keys.json.new")).unwrap();
    assert!(store.ensure(&Purpose::Cookie, NOW).is_ok());
}

#[test]
fn passphrases_and_key_files_have_bounds() {
    let folder = Folder::new();
    for (content, good) in [
        (b"12345678\n".to_vec(), true),
        (b"12345678\r\n".to_vec(), true),
        (b"1234567\n".to_vec(), false),
        (vec![7; 4096], true),
        (vec![7; 4098], false),
        (Vec::new(), false),
    ] {
        let path = folder.file("passphrase");
        std::fs::write(&path, &content).unwrap();
        assert_eq!(Passphrase::from_file(&path).is_ok(), good, "{} bytes", content.len());
    }
    assert!(matches!(Passphrase::from_file(&folder.file("none")), Err(KeyStoreError::Io { .. })));
    let store = create(&folder);
    std::fs::write(folder.file("passphrase"), "correct horse\n").unwrap();
    let from_file = Passphrase::from_file(&folder.file("passphrase")).unwrap();
    store.ensure(&Purpose::Cookie, NOW).unwrap();
    assert!(KeyStore::open(&folder.file("keys.json"), &from_file).unwrap().ring(&Purpose::Cookie).is_ok());
}

#[test]
fn secrets_stay_out_of_debug() {
    let store = KeyStore::in_memory();
    store.ensure(&Purpose::Cookie, NOW).unwrap();
    let ring = store.ensure_of(&Purpose::IdToken, KeyKind::Signing(Algorithm::EdDsa), NOW).unwrap();
    let text =
        format!("{store:?} {ring:?} {:?} {:?}", passphrase("correct horse"), store.mac_keys(&Purpose::Cookie, NOW));
    assert!(!text.contains("correct") && text.len() < 200, "{text}");
}
