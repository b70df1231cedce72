//! What others need to know of our keys: the JWK Set and the trust bundle (formats §6).

mod bundle;
mod register;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use verifier::algorithm::Algorithm;
use verifier::time::Timestamp;
use verifier::trust::Trust;
use verifier::trust::rows::{CertificateRow, LogRow, StatusRow};

pub use bundle::Bundle;
pub use register::{CodeItem, DepartmentEntry, Register, Titles, TypeEntry};

use crate::certify::{self, sha256_hex};
use crate::key_ring::{KeyRing, Life, jwk};
use crate::key_store::{AuthorityRow, KeyStore, KeyStoreError, Loaded, Material, Ring};
use crate::purpose::{KeyKind, Purpose};
use crate::signer::{Signer, SignerError};

const DAY: i64 = 24 * 3600;
const ROOT_DAYS: i64 = 730;
const TARGETS_DAYS: i64 = 365;
const TIMESTAMP_DAYS: i64 = 30;

/// Why no trust bundle was made.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The store holds no authority.
    #[error("the key store holds no authority")]
    None,
    /// A role has no key that may sign now.
    #[error("the trust bundle's role {0} has no key that may sign")]
    Role(&'static str),
    /// The previous bundle is another authority's, or unreadable.
    #[error("the previous trust bundle is not this authority's")]
    Previous,
    /// A row of the register is not as the format wants it: a code, a region.
    #[error("the register of the trust bundle has a malformed {0}")]
    Row(&'static str),
    /// `verifier` does not read back what was made: two rows of one key, a log or status origin twice.
    #[error("the trust bundle that was made is not accepted: {0}")]
    Refused(&'static str),
    /// A key did not sign.
    #[error(transparent)]
    Signer(#[from] SignerError),
}

impl From<PublishError> for KeyStoreError {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Signer(error) => Self::Key(error),
            _ => Self::State("unable to publish"),
        }
    }
}

/// The published keys of several rings as one JWK Set (RFC 7517 §5), each with `alg`, `use` and `kid`; active ones first.
pub fn jwk_set(rings: &[KeyRing], now: Timestamp) -> Value {
    let mut keys: Vec<Value> = Vec::new();
    for ring in rings {
        let KeyKind::Signing(algorithm) = ring.kind() else { continue };
        keys.extend(ring.published(now).iter().filter_map(|key| key.public.as_ref()).map(|key| jwk(key, algorithm)));
    }
    json!({ "keys": keys })
}

/// The next trust bundle upon `previous`: a part whose content changed, whose signers changed or whose end is near gets
/// the next version; if nothing did and the timestamp is younger than a day, `previous` itself.
pub(crate) fn publish(
    store: &KeyStore,
    previous: Option<&Bundle>,
    register: &Register,
    now: Timestamp,
) -> Result<Bundle, PublishError> {
    let loaded = store.loaded();
    let authority = loaded.contents.authority.as_ref().ok_or(PublishError::None)?;
    if previous.is_some_and(|bundle| bundle.authority().as_ref() != Some(&authority.name)) {
        return Err(PublishError::Previous);
    }
    let desk = Desk { loaded: &loaded, authority, now };
    let root = desk.root(previous)?;
    let targets = desk.targets(previous, register)?;
    let timestamp = desk.timestamp(previous, &root, &targets)?;
    let made = Bundle { root, targets, timestamp };
    if previous != Some(&made) {
        // nothing leaves that our own reader does not accept
        Trust::read(&made.to_json(), now, None).map_err(|error| PublishError::Refused(error.code()))?;
    }
    Ok(made)
}

/// Where one bundle is made.
struct Desk<'a> {
    loaded: &'a Loaded,
    authority: &'a AuthorityRow,
    now: Timestamp,
}

impl Desk<'_> {
    fn root(&self, previous: Option<&Bundle>) -> Result<Vec<Value>, PublishError> {
        let mut keys = Map::new();
        let mut roles = Map::new();
        for (role, purpose) in
            [("root", Purpose::TrustRoot), ("targets", Purpose::TrustTargets), ("timestamp", Purpose::TrustTimestamp)]
        {
            let mut kids = Vec::new();
            for (key, _, algorithm) in self.keys(&purpose).filter(|(_, life, _)| life.is_known()) {
                let Some(public) = key.public.as_ref().filter(|_| key.withdrawn_at.is_none()) else { continue };
                keys.insert(key.kid.clone(), jwk(public, algorithm));
                kids.push(Value::from(key.kid.clone()));
            }
            if kids.is_empty() {
                return Err(PublishError::Role(role));
            }
            kids.sort_by_key(ToString::to_string);
            roles.insert(role.to_owned(), json!({ "kids": kids, "threshold": 1 }));
        }
        let content = Map::from_iter([
            ("authority".to_owned(), Value::from(self.authority.name.as_str())),
            ("oid_arc".to_owned(), Value::from(self.authority.oid_arc.as_str())),
            ("keys".to_owned(), Value::Object(keys)),
            ("roles".to_owned(), Value::Object(roles)),
        ]);
        let mut chain = previous.map(|bundle| bundle.root.clone()).unwrap_or_default();
        let last = previous.map(Bundle::root_payload);
        if last.as_ref().is_some_and(|last| self.stands(last, &content, ROOT_DAYS / 4)) {
            return Ok(chain);
        }
        let before = last.as_ref().map(|last| kids_of(last, "root")).unwrap_or_default();
        let payload = self.complete(content, last.as_ref(), ROOT_DAYS);
        let wanted = [kids_of(&payload, "root"), before.clone()].concat();
        let signers = self.signers(&Purpose::TrustRoot, &wanted);
        let signs = |kids: &[String]| signers.iter().any(|signer| kids.iter().any(|kid| kid == signer.kid()));
        if !signs(&kids_of(&payload, "root")) || (!before.is_empty() && !signs(&before)) {
            return Err(PublishError::Role("root"));
        }
        chain.push(sign(&signers, "xinyin-root+jws", &payload)?);
        Ok(chain)
    }

    fn targets(&self, previous: Option<&Bundle>, register: &Register) -> Result<Value, PublishError> {
        let content = self.content_of_targets(register)?;
        let last = previous.map(Bundle::targets_payload);
        let signer = self.active(&Purpose::TrustTargets, "targets")?;
        if let Some(previous) = previous
            && last.as_ref().is_some_and(|last| self.stands(last, &content, TARGETS_DAYS / 4))
            && bundle::kids(&previous.targets).iter().any(|kid| kid == signer.kid())
        {
            return Ok(previous.targets.clone());
        }
        let payload = self.complete(content, last.as_ref(), TARGETS_DAYS);
        Ok(sign(&[signer], "xinyin-targets+jws", &payload)?)
    }

    fn timestamp(&self, previous: Option<&Bundle>, root: &[Value], targets: &Value) -> Result<Value, PublishError> {
        let newest = root.last().map(bundle::payload).unwrap_or_default();
        let targets_version = bundle::payload(targets).get("version").cloned().unwrap_or_default();
        let content = Map::from_iter([
            ("authority".to_owned(), Value::from(self.authority.name.as_str())),
            ("root".to_owned(), newest.get("version").cloned().unwrap_or_default()),
            (
                "targets".to_owned(),
                json!({ "version": targets_version, "sha256": sha256_hex(&bundle::payload_bytes(targets)) }),
            ),
        ]);
        let last = previous.map(Bundle::timestamp_payload);
        let signer = self.active(&Purpose::TrustTimestamp, "timestamp")?;
        if let Some(previous) = previous
            && last.as_ref().is_some_and(|last| self.stands(last, &content, TIMESTAMP_DAYS - 1))
            && bundle::kids(&previous.timestamp).iter().any(|kid| kid == signer.kid())
        {
            return Ok(previous.timestamp.clone());
        }
        let payload = self.complete(content, last.as_ref(), TIMESTAMP_DAYS);
        Ok(sign(&[signer], "xinyin-timestamp+jws", &payload)?)
    }

    fn content_of_targets(&self, register: &Register) -> Result<Map<String, Value>, PublishError> {
        let mut certificates = self.certificates()?;
        certificates.extend(register.certificates.iter().cloned());
        let mut logs = self.log(register);
        logs.extend(register.logs.iter().cloned());
        let mut content = json!({
            "authority": self.authority.name,
            "anchors": self.chain_of(&Purpose::RootCa),
            "intermediates": self.chain_of(&Purpose::SubordinateCa),
            "certificates": certificates,
            "departments": register.departments,
            "types": register.types,
            "algorithms": register.algorithms,
            "logs": logs,
            "crls": register.crls,
            "status": self.status(register),
        });
        if register.algorithms.is_empty() {
            content["algorithms"] = json!(register::usual_algorithms());
        }
        if self.loaded.contents.demonstration {
            content["demonstration"] = Value::from(true);
        }
        match content {
            Value::Object(content) => Ok(content),
            _ => Ok(Map::new()),
        }
    }

    /// The rows of every certified signing key in the store; of codes, those whose certificate has not ended.
    fn certificates(&self) -> Result<Vec<CertificateRow>, PublishError> {
        let mut out = Vec::new();
        for ring in &self.loaded.rings {
            let (purpose, department) = match &ring.purpose {
                Purpose::Department { code, r#use } => (r#use.name(), Some(code)),
                Purpose::Status => ("status", None),
                _ => continue,
            };
            let department = department.map(|code| code.parse()).transpose();
            let department = department.map_err(|_| PublishError::Row("credit code"))?;
            for key in &ring.keys {
                let (Some(row), Some(public)) = (&key.certificate, &key.public) else { continue };
                let Some(leaf) = row.chain.first() else { continue };
                let carried = matches!(purpose, "code" | "status");
                if carried && self.has_ended(&leaf.0) {
                    continue;
                }
                let regions = row.regions.iter().map(|region| region.parse()).collect::<Result<_, _>>();
                out.push(CertificateRow {
                    sha256: sha256_hex(&leaf.0),
                    spki: sha256_hex(public.spki_der()),
                    der: carried.then(|| bundle::b64(&leaf.0)),
                    purpose: purpose.to_owned(),
                    department,
                    types: row.types.clone(),
                    regions: regions.map_err(|_| PublishError::Row("region"))?,
                    signs_from: row.signs_from,
                    signs_until: row.signs_until,
                    compromised_from: key.compromised_from,
                    foreign: row.foreign.then_some(true),
                });
            }
        }
        Ok(out)
    }

    /// Which status signers count for which origin: as their certificates say, and as the register adds.
    fn status(&self, register: &Register) -> Vec<StatusRow> {
        let rings = self.loaded.rings.iter().filter(|ring| ring.purpose == Purpose::Status);
        let rows = rings.flat_map(|ring| &ring.keys).filter_map(|key| key.certificate.as_ref());
        let mut origins: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for leaf in rows.filter_map(|row| row.chain.first()).filter(|leaf| !self.has_ended(&leaf.0)) {
            if let Ok(Some(origin)) = certify::known(&leaf.0).map(|known| known.uri) {
                origins.entry(origin).or_default().push(sha256_hex(&leaf.0));
            }
        }
        for row in &register.status {
            origins.entry(row.origin.clone()).or_default().extend(row.signers.iter().cloned());
        }
        origins.into_iter().map(|(origin, signers)| StatusRow { origin, signers }).collect()
    }

    /// The row of our own log: its one key, which lives as long as its origin.
    fn log(&self, register: &Register) -> Vec<LogRow> {
        let origin = crate::authority::log_origin(&self.authority.signer);
        let ring = self.loaded.rings.iter().find(|ring| ring.purpose == Purpose::Log);
        let key = ring.and_then(|ring| ring.active(self.now));
        let row = key.and_then(|key| {
            let vkey = crate::note::vkey(&origin, key.public.as_ref()?).ok()?;
            let (witnesses, quorum) = (register.witnesses.clone(), register.quorum);
            Some(LogRow { origin, vkey, since: key.active_from?, witnesses, quorum })
        });
        row.into_iter().collect()
    }

    fn has_ended(&self, certificate: &[u8]) -> bool {
        certify::known(certificate).is_ok_and(|known| known.validity.not_after < self.now)
    }

    fn chain_of(&self, purpose: &Purpose) -> Vec<String> {
        let rings = self.loaded.rings.iter().filter(|ring| ring.purpose == *purpose);
        let rows = rings.flat_map(|ring| &ring.keys).filter_map(|key| key.certificate.as_ref());
        rows.filter_map(|row| row.chain.first()).map(|certificate| bundle::b64(&certificate.0)).collect()
    }

    fn keys<'b>(&'b self, purpose: &'b Purpose) -> impl Iterator<Item = (&'b crate::key_store::Key, Life, Algorithm)> {
        let rings = self.loaded.rings.iter().filter(move |ring| ring.purpose == *purpose);
        rings.flat_map(move |ring: &Ring| {
            ring.keys.iter().filter_map(move |key| match ring.kind {
                KeyKind::Signing(algorithm) => Some((key, ring.life(key, self.now), algorithm)),
                KeyKind::Secret => None,
            })
        })
    }

    /// The keys among `kids` that can still sign, active or not: a new root is signed by old and new keys.
    fn signers(&self, purpose: &Purpose, kids: &[String]) -> Vec<&dyn Signer> {
        let keys = self.loaded.rings.iter().filter(|ring| ring.purpose == *purpose).flat_map(|ring| &ring.keys);
        let usable = keys.filter(|key| kids.contains(&key.kid) && key.compromised_from.is_none());
        usable
            .filter_map(|key| match &key.material {
                Material::Signing(signer) => Some(signer.as_ref() as &dyn Signer),
                _ => None,
            })
            .collect()
    }

    fn active(&self, purpose: &Purpose, role: &'static str) -> Result<&dyn Signer, PublishError> {
        let rings = self.loaded.rings.iter().filter(|ring| ring.purpose == *purpose);
        let key = rings.filter_map(|ring| ring.active(self.now)).max_by_key(|key| key.active_from);
        match key.map(|key| &key.material) {
            Some(Material::Signing(signer)) => Ok(signer.as_ref()),
            _ => Err(PublishError::Role(role)),
        }
    }

    /// Whether `last` says what `content` says and lives for more than `days`.
    fn stands(&self, last: &Map<String, Value>, content: &Map<String, Value>, days: i64) -> bool {
        let expires = last.get("expires").and_then(Value::as_i64).unwrap_or(0);
        let mut bare = last.clone();
        bare.remove("version");
        bare.remove("expires");
        bare == *content && expires.saturating_sub(self.now.seconds()) > days * DAY
    }

    fn complete(
        &self,
        mut content: Map<String, Value>,
        last: Option<&Map<String, Value>>,
        days: i64,
    ) -> Map<String, Value> {
        let before = last.and_then(|last| last.get("version")).and_then(Value::as_u64).unwrap_or(0);
        content.insert("version".to_owned(), Value::from(before + 1));
        content.insert("expires".to_owned(), Value::from(self.now.plus(days * DAY).seconds()));
        content
    }
}

fn sign(signers: &[&dyn Signer], typ: &str, payload: &Map<String, Value>) -> Result<Value, SignerError> {
    crate::jws::sign_general(signers, typ, Value::Object(payload.clone()).to_string().as_bytes())
}

fn kids_of(root: &Map<String, Value>, role: &str) -> Vec<String> {
    let kids = root.get("roles").and_then(|roles| roles[role]["kids"].as_array());
    kids.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
