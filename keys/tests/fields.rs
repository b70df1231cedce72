//! Sealed fields and keyed digests: bound to their place, found again, survive a rotation.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use common::{DAY, NOW};
use keys::field::{DIGEST_BYTES, FieldError};
use keys::sources::Sources;
use keys::{KeyStore, Purpose};

fn store() -> KeyStore {
    let store = KeyStore::in_memory();
    for purpose in [Purpose::FieldEncryption, Purpose::FieldDigest, Purpose::Cookie] {
        store.ensure(&purpose, NOW).unwrap();
    }
    store
}

#[test]
fn a_field_opens_in_its_place_alone() {
    let random = Sources::system().random;
    let keys = store().field_keys(NOW).unwrap();
    let sealed = keys.seal("persons", "id_number", "p1", b"110105194912310000", random.as_ref()).unwrap();
    assert_eq!(&**keys.open("persons", "id_number", "p1", &sealed).unwrap(), b"110105194912310000");
    for (table, column, row) in [
        ("person", "sid_number", "p1"),
        ("personsi", "d_number", "p1"),
        ("persons", "phone", "p1"),
        ("persons", "id_number", "p2"),
        ("persons", "id_number", ""),
    ] {
        assert_eq!(keys.open(table, column, row, &sealed).err(), Some(FieldError::Altered), "{table} {column} {row}");
    }
    for index in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[index] ^= 1;
        assert!(keys.open("persons", "id_number", "p1", &altered).is_err(), "{index}");
        assert!(keys.open("persons", "id_number", "p1", &sealed[..index]).is_err(), "{index}");
    }
    let again = keys.seal("persons", "id_number", "p1", b"110105194912310000", random.as_ref()).unwrap();
    assert_ne!(sealed, again, "the same value twice gives two ciphertexts");
    assert!(
        keys.open(
            "persons",
            "id_number",
            "p1",
            &keys.seal("persons", "id_number", "p1", b"", random.as_ref()).unwrap()
        )
        .unwrap()
        .is_empty()
    );
    let other = store().field_keys(NOW).unwrap();
    assert_eq!(other.open("persons", "id_number", "p1", &sealed).err(), Some(FieldError::NoKey));
}

#[test]
fn a_digest_tells_kinds_apart_and_needs_its_key() {
    let keys = store().field_keys(NOW).unwrap();
    let digest = keys.digest("111", "110105194912310000");
    assert_eq!(digest.len(), DIGEST_BYTES);
    assert_eq!(digest, keys.digest("111", "110105194912310000"));
    for (kind, value) in [("112", "110105194912310000"), ("11", "1110105194912310000"), ("111", "110105194912310001")] {
        assert_ne!(digest, keys.digest(kind, value), "{kind} {value}");
    }
    assert_ne!(digest, store().field_keys(NOW).unwrap().digest("111", "110105194912310000"));
    assert_eq!(keys.digests("111", "110105194912310000"), [digest]);
}

#[test]
fn keys_are_replaced_while_old_rows_stay_readable() {
    let random = Sources::system().random;
    let store = store();
    let before = store.field_keys(NOW).unwrap();
    let sealed = before.seal("t", "c", "r", b"x", random.as_ref()).unwrap();
    let digest = before.digest("phone", "x");
    for purpose in [Purpose::FieldEncryption, Purpose::FieldDigest] {
        store.ring(&purpose).unwrap().rotate(NOW, 0).unwrap();
    }
    let announced = store.field_keys(NOW.plus(1)).unwrap();
    assert!(!announced.is_outdated(&sealed) && announced.is_current(&digest));
    assert_eq!(announced.digests("phone", "x").len(), 2, "what others will write soon is found already");
    assert_eq!(announced.digest("phone", "x"), digest);

    let after = store.field_keys(NOW.plus(DAY)).unwrap();
    assert_eq!(&**after.open("t", "c", "r", &sealed).unwrap(), b"x");
    assert!(after.is_outdated(&sealed) && !after.is_current(&digest));
    let digests = after.digests("phone", "x");
    assert_eq!(digests.len(), 2);
    assert_eq!(digests[1], digest);
    assert_eq!(digests[0], after.digest("phone", "x"));
    let anew = after.seal("t", "c", "r", b"x", random.as_ref()).unwrap();
    assert_eq!(&**before.open("t", "c", "r", &sealed).unwrap(), b"x");
    assert_eq!(before.open("t", "c", "r", &anew).err(), Some(FieldError::NoKey), "taken before it was announced");
    assert_eq!(&**announced.open("t", "c", "r", &anew).unwrap(), b"x");
}

#[test]
fn a_ninth_key_of_digests_is_refused_until_the_oldest_is_destroyed() {
    let store = store();
    let ring = store.ring(&Purpose::FieldDigest).unwrap();
    let at = |days: i64| NOW.plus(days * 2 * DAY);
    for days in 0..7 {
        ring.rotate(at(days), 0).unwrap();
    }
    assert_eq!(store.field_keys(at(7)).unwrap().digests("phone", "x").len(), 8);
    let refused = ring.rotate(at(7), 0).unwrap_err().to_string();
    assert!(refused.contains("eight at most"), "{refused}");
    let oldest = ring.keys(at(7))[0].kid.clone();
    ring.destroy(&oldest, at(7)).unwrap();
    ring.rotate(at(7), 0).unwrap();
    assert_eq!(store.field_keys(at(8)).unwrap().digests("phone", "x").len(), 8);
}

#[test]
fn macs_hold_for_one_context() {
    let store = store();
    let keys = store.mac_keys(&Purpose::Cookie, NOW).unwrap();
    let mac = keys.sign("view", b"dark");
    assert!(keys.verify("view", b"dark", &mac));
    assert!(!keys.verify("session", b"dark", &mac));
    assert!(!keys.verify("view", b"darl", &mac));
    for index in 0..mac.len() {
        let mut altered = mac.clone();
        altered[index] ^= 1;
        assert!(!keys.verify("view", b"dark", &altered), "{index}");
        assert!(!keys.verify("view", b"dark", &mac[..index]), "{index}");
    }
    store.ring(&Purpose::Cookie).unwrap().rotate(NOW, 0).unwrap();
    assert!(store.mac_keys(&Purpose::Cookie, NOW.plus(DAY)).unwrap().verify("view", b"dark", &mac));
}
