//! Reading a bundle: structure, signatures of the roles, chain of roots, what belongs together, expiry, rollback.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::rows::{Role, RootPayload, TargetsPayload, TimestampPayload};
use super::{MAX_BUNDLE, Pin, Trust, TrustError, Versions, index};
use crate::algorithm::{Algorithm, PublicKey, sha256};
use crate::encoding::{hex, json};
use crate::jws::GeneralJws;
use crate::time::Timestamp;

/// The most roots of a chain.
const MAX_ROOTS: usize = 1024;

impl Trust {
    /// Reads a bundle and checks it as of `at`, and against what was `pinned` under the same first root.
    ///
    /// # Errors
    ///
    /// Of several reasons the first in the order of [`TrustError`].
    pub fn read(bytes: &[u8], at: Timestamp, pinned: Option<&Pin>) -> Result<Self, TrustError> {
        let trust = Self::read_unexpired(bytes)?;
        trust.check_expiry(at)?;
        trust.check_rollback(pinned)?;
        Ok(trust)
    }

    /// Reads a bundle without asking whether it has expired or is older than one seen before.
    ///
    /// Whoever keeps it asks [`Trust::check_expiry`] for each time and [`Trust::check_rollback`] once.
    pub fn read_unexpired(bytes: &[u8]) -> Result<Self, TrustError> {
        let value = json::read(bytes, MAX_BUNDLE).map_err(|_| TrustError::Malformed)?;
        let map = value.as_object().filter(|map| map.len() == 3).ok_or(TrustError::Malformed)?;
        let part = |name: &str| map.get(name).ok_or(TrustError::Malformed);
        let roots = part("root")?.as_array().ok_or(TrustError::Malformed)?;
        if roots.is_empty() || roots.len() > MAX_ROOTS {
            return Err(TrustError::Malformed);
        }
        let roots = roots.iter().map(Part::root).collect::<Result<Vec<_>, _>>()?;
        let targets = jws(part("targets")?)?;
        let timestamp = jws(part("timestamp")?)?;
        let (first, last) = (&roots[0], &roots[roots.len() - 1]);
        let mut wrong = Wrong(None);
        check_roots(&roots, &mut wrong);
        let keys = &last.keys;
        let targets_hold = holds(&targets, "xinyin-targets+jws", &last.payload.roles.targets, keys);
        let timestamp_holds = holds(&timestamp, "xinyin-timestamp+jws", &last.payload.roles.timestamp, keys);
        if !targets_hold || !timestamp_holds {
            wrong.note(TrustError::Threshold);
        }
        // What nobody signed is not looked into: a part in another's place lacks signatures before it lacks members.
        let read_targets = targets_hold.then(|| payload::<TargetsPayload>(&targets)).transpose()?;
        let read_timestamp = timestamp_holds.then(|| payload::<TimestampPayload>(&timestamp)).transpose()?;
        let indexed = read_targets.map(index::Index::new).transpose()?;
        let (Some(index), Some(stamp)) = (indexed, read_timestamp) else {
            return Err(wrong.0.unwrap_or(TrustError::Threshold));
        };
        let authority = &last.payload.authority;
        if *authority != index.targets.authority || *authority != stamp.authority {
            wrong.note(TrustError::Chain);
        }
        let same_targets = stamp.targets.version == index.targets.version
            && stamp.targets.sha256 == hex::encode(sha256(&targets.payload));
        if stamp.root != last.payload.version || !same_targets {
            wrong.note(TrustError::Mismatch);
        }
        wrong.0.map_or(Ok(()), Err)?;
        let versions =
            Versions { root: last.payload.version, targets: index.targets.version, timestamp: stamp.version };
        let expires = last.payload.expires.min(index.targets.expires).min(stamp.expires);
        Ok(index.into_trust(first.sha256, versions, expires, last.payload.clone()))
    }

    /// Refuses a bundle of which a part is older than what was seen under the same first root.
    pub fn check_rollback(&self, pinned: Option<&Pin>) -> Result<(), TrustError> {
        let Some(pin) = pinned.filter(|pin| pin.root_sha256 == self.root_sha256) else { return Ok(()) };
        let (own, seen) = (self.versions, pin.versions);
        let is_older = own.root < seen.root || own.targets < seen.targets || own.timestamp < seen.timestamp;
        if is_older { Err(TrustError::Rollback) } else { Ok(()) }
    }
}

/// The first of several reasons, in their order.
struct Wrong(Option<TrustError>);

impl Wrong {
    fn note(&mut self, error: TrustError) {
        self.0 = Some(self.0.map_or(error, |before| before.min(error)));
    }
}

/// One root, with the keys whose label is their thumbprint.
struct Part {
    jws: GeneralJws,
    sha256: [u8; 32],
    payload: RootPayload,
    keys: BTreeMap<String, PublicKey>,
}

impl Part {
    fn root(value: &Value) -> Result<Self, TrustError> {
        let jws = jws(value)?;
        let payload: RootPayload = payload(&jws)?;
        for role in [&payload.roles.root, &payload.roles.targets, &payload.roles.timestamp] {
            let distinct = role.kids.iter().collect::<BTreeSet<_>>().len();
            let most = u64::try_from(distinct).map_err(|_| TrustError::Malformed)?;
            if !(1..=most).contains(&role.threshold) {
                return Err(TrustError::Malformed);
            }
        }
        let key = |(label, jwk): (&String, &Value)| {
            let key = PublicKey::from_jwk(jwk).ok()?;
            (key.thumbprint() == *label).then(|| (label.clone(), key))
        };
        let keys = payload.keys.iter().filter_map(key).collect();
        Ok(Self { sha256: sha256(&jws.payload), jws, payload, keys })
    }
}

/// The first is signed by itself, each other by the one before and by itself; versions count from 1.
fn check_roots(roots: &[Part], wrong: &mut Wrong) {
    for (place, root) in roots.iter().enumerate() {
        let before = place.checked_sub(1).map(|place| &roots[place]);
        for signer in before.into_iter().chain([root]) {
            if !holds(&root.jws, "xinyin-root+jws", &signer.payload.roles.root, &signer.keys) {
                wrong.note(TrustError::Threshold);
            }
        }
        let follows = u64::try_from(place).is_ok_and(|place| root.payload.version == place + 1);
        let same =
            root.payload.authority == roots[0].payload.authority && root.payload.oid_arc == roots[0].payload.oid_arc;
        if !follows || !same {
            wrong.note(TrustError::Chain);
        }
    }
}

/// A JWS whose protected headers hold `alg`, `kid` and `typ` alone.
fn jws(value: &Value) -> Result<GeneralJws, TrustError> {
    let jws = GeneralJws::from_value(value).map_err(|_| TrustError::Malformed)?;
    let alone = |name: &String| matches!(name.as_str(), "alg" | "kid" | "typ");
    if jws.signatures.iter().all(|signature| signature.header.keys().all(alone)) {
        Ok(jws)
    } else {
        Err(TrustError::Malformed)
    }
}

/// Whether as many distinct keys of the role as its threshold signed. Other signatures do not count and do not harm.
fn holds(jws: &GeneralJws, typ: &str, role: &Role, keys: &BTreeMap<String, PublicKey>) -> bool {
    let mut signed = BTreeSet::new();
    for (place, signature) in jws.signatures.iter().enumerate() {
        let kid = signature.header.get("kid").and_then(Value::as_str);
        let Some(kid) = kid.filter(|kid| role.kids.iter().any(|one| one == kid)) else { continue };
        let Some(key) = keys.get(kid) else { continue };
        if signature.header.get("typ").and_then(Value::as_str) == Some(typ)
            && jws.verify(place, key, &Algorithm::ALL).is_ok()
        {
            signed.insert(kid);
        }
    }
    u64::try_from(signed.len()).is_ok_and(|count| count >= role.threshold)
}

fn payload<T: DeserializeOwned>(jws: &GeneralJws) -> Result<T, TrustError> {
    let value = json::read(&jws.payload, MAX_BUNDLE).map_err(|_| TrustError::Malformed)?;
    serde_json::from_value(value).map_err(|_| TrustError::Malformed)
}
