//! The life of keys: announced, active, retired, destroyed, compromised.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use common::{DAY, HOUR, NOW};
use keys::key_ring::Life;
use keys::software::SoftwareKey;
use keys::{KeyKind, KeyRing, KeyStore, KeyStoreError, Purpose};
use verifier::algorithm::Algorithm;
use verifier::time::Timestamp;

fn lives(ring: &KeyRing, now: Timestamp) -> Vec<&'static str> {
    ring.keys(now).iter().map(|key| key.life.name()).collect()
}

#[test]
fn a_first_key_is_active_at_once_and_a_successor_waits() {
    for (cache_life, wait) in [(0, DAY), (300, DAY), (12 * HOUR, DAY), (13 * HOUR, 26 * HOUR), (7 * DAY, 14 * DAY)] {
        let ring = KeyStore::in_memory().ensure(&Purpose::IdToken, NOW).unwrap();
        let first = ring.active(NOW).unwrap().kid().to_owned();
        let announced = ring.rotate(NOW, cache_life).unwrap();
        assert_eq!(announced.active_from, NOW.plus(wait), "{cache_life}");
        assert_eq!(ring.rotate(NOW.plus(5), cache_life).unwrap(), announced, "one successor at a time");
        let before = announced.active_from.plus(-1);
        assert_eq!(lives(&ring, before), ["active", "announced"]);
        assert_eq!(ring.active(before).unwrap().kid(), first);
        assert_eq!(lives(&ring, announced.active_from), ["retired", "active"]);
        assert_eq!(ring.active(announced.active_from).unwrap().kid(), announced.kid);
        assert_eq!(ring.keys(announced.active_from.plus(HOUR))[0].life, Life::Retired { at: announced.active_from });
    }
}

#[test]
fn retired_keys_stay_published_until_told() {
    let ring = KeyStore::in_memory().ensure(&Purpose::IdToken, NOW).unwrap();
    let first = ring.active(NOW).unwrap().kid().to_owned();
    assert!(matches!(ring.withdraw(&first, NOW), Err(KeyStoreError::State("active"))));
    assert!(matches!(ring.destroy(&first, NOW), Err(KeyStoreError::State("active"))));
    assert!(matches!(ring.withdraw("none", NOW), Err(KeyStoreError::NoKey)));
    let second = ring.rotate(NOW, 0).unwrap();
    assert!(matches!(ring.destroy(&second.kid, NOW), Err(KeyStoreError::State("announced"))));
    let later = NOW.plus(400 * DAY);
    assert_eq!(ring.published(later).iter().map(|key| key.kid.as_str()).collect::<Vec<_>>(), [&second.kid, &first]);
    assert!(ring.published_key(&first, later).is_some());
    ring.withdraw(&first, later).unwrap();
    assert_eq!(ring.published(later).len(), 1);
    assert!(ring.published_key(&first, later).is_none());
    ring.destroy(&first, later).unwrap();
    assert_eq!(lives(&ring, later), ["destroyed", "active"]);
}

#[test]
fn a_compromised_key_signs_no_more() {
    let ring = KeyStore::in_memory().ensure(&Purpose::IdToken, NOW).unwrap();
    let first = ring.active(NOW).unwrap().kid().to_owned();
    ring.compromise(&first, NOW.plus(-DAY), NOW).unwrap();
    ring.compromise(&first, NOW.plus(-HOUR), NOW).unwrap();
    assert_eq!(ring.keys(NOW)[0].life, Life::Compromised { from: NOW.plus(-DAY) }, "the earlier instant counts");
    assert!(matches!(ring.active(NOW), Err(KeyStoreError::NoActiveKey { .. })));
    assert!(ring.published(NOW).is_empty());
    let successor = ring.rotate(NOW, 3600).unwrap();
    assert_eq!(successor.active_from, NOW, "nothing is active: the successor is at once");
    assert_eq!(ring.active(NOW).unwrap().kid(), successor.kid);
    // the active one compromised while a successor waits: the successor begins at once
    let early = ring.rotate(NOW, 0).unwrap();
    assert!(early.active_from > NOW);
    ring.compromise(&successor.kid, NOW, NOW).unwrap();
    assert_eq!(ring.rotate(NOW, 0).unwrap().active_from, NOW);
    assert_eq!(ring.active(NOW).unwrap().kid(), early.kid);
    let successor = early;
    // the announced one compromised: the one before stays
    let waiting = ring.rotate(NOW, 0).unwrap();
    ring.compromise(&waiting.kid, NOW, NOW).unwrap();
    assert_eq!(ring.active(NOW.plus(30 * DAY)).unwrap().kid(), successor.kid);
}

#[test]
fn the_jwk_set_names_algorithm_use_and_key() {
    let store = KeyStore::in_memory();
    let mut rings = Vec::new();
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
        rings.push(store.ensure_of(&Purpose::IdToken, KeyKind::Signing(algorithm), NOW).unwrap());
    }
    rings[0].rotate(NOW, 0).unwrap();
    let set = keys::publish::jwk_set(&rings, NOW);
    let set = set["keys"].as_array().unwrap();
    let names: Vec<_> = set.iter().map(|key| key["alg"].as_str().unwrap()).collect();
    assert_eq!(names, ["ES256", "ES256", "EdDSA", "RS256"]);
    for key in set {
        assert_eq!(key["use"], "sig");
        let public = verifier::algorithm::PublicKey::from_jwk(key).unwrap();
        assert_eq!(key["kid"], public.thumbprint());
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(key.get(private).is_none(), "{private}");
        }
    }
    assert_eq!(set[0]["kid"], rings[0].active(NOW).unwrap().kid(), "the active one first");
}

#[test]
fn keys_come_from_elsewhere_too() {
    let store = KeyStore::in_memory();
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
        let pkcs8 = SoftwareKey::generate(algorithm).unwrap();
        let ring = store.import(&Purpose::ClientAssertion, algorithm, &pkcs8, NOW.plus(DAY), NOW).unwrap();
        let key = SoftwareKey::from_key_file(&SoftwareKey::key_file(&pkcs8)).unwrap();
        assert_eq!(ring.active(NOW).unwrap().kid(), keys::Signer::kid(&key), "a first one is active at once");
        let twice = store.import(&Purpose::ClientAssertion, algorithm, &pkcs8, NOW, NOW);
        assert!(matches!(twice, Err(KeyStoreError::State(_))));
        let wrong = store.import(&Purpose::AccessToken, algorithm, &pkcs8[..20], NOW, NOW);
        assert!(matches!(wrong, Err(KeyStoreError::Key(_))));
    }
}

#[test]
fn the_service_rings_are_made_once() {
    use keys::administration::{Service, ensure, list, rotate};
    let store = KeyStore::in_memory();
    ensure(&store, Service::Idp, NOW).unwrap();
    let lines = list(&store, NOW);
    assert_eq!(lines.len(), 8);
    assert!(lines.iter().all(|line| line.life == "active"));
    ensure(&store, Service::Idp, NOW.plus(DAY)).unwrap();
    assert_eq!(list(&store, NOW).len(), 8);
    let announced = rotate(&store, &Purpose::FieldDigest, KeyKind::Secret, 0, NOW).unwrap();
    assert!(list(&store, NOW).iter().any(|line| line.kid == announced.kid && line.life == "announced"));
    let none = rotate(&store, &Purpose::Log, KeyKind::Signing(Algorithm::EdDsa), 0, NOW);
    assert!(none.is_err());
}
