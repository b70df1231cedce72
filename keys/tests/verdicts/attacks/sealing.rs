//! A credential, sealed as it should be, but for what an attack changes: before its leaf is made, before it is signed, after.

use serde_json::{Map, Value};
use verifier::algorithm::PublicKey;
use verifier::facts::{CopyTerms, Disclosure};
use verifier::licence::identifier::LicenceIdentifier;
use verifier::log::{Event, entry, merkle};
use verifier::rendition::credential::write::assemble;
use verifier::rendition::credential::{Draft, LogClaim};

use super::table::Shown;
use super::world::{ASKED, Held, LIST, SEALED, World};
use crate::common::{DEPARTMENT, SIGNER, TYPE};

/// The position of every sealing here.
pub(super) const POSITION: u64 = 710_204;
const SALT: [u8; 32] = [7; 32];

/// What is said of the licence.
#[derive(Clone)]
pub(super) struct Facts {
    pub(super) department: String,
    pub(super) type_code: String,
    pub(super) type_version: u64,
    pub(super) identifier: String,
    pub(super) authority: String,
    pub(super) name: String,
    pub(super) valid_until: Option<String>,
    pub(super) issued_at: verifier::time::Timestamp,
    pub(super) position: u64,
    pub(super) top: Vec<Disclosure>,
    pub(super) items: Vec<Disclosure>,
    pub(super) copy: Option<CopyTerms>,
}

type Change<'w, T> = Option<Box<dyn Fn(&mut T) + 'w>>;

/// A credential that is being made.
pub(super) struct Sealing<'w> {
    world: &'w World,
    by: Held,
    facts: Facts,
    event: Event,
    leaf: Option<(Facts, Event, [u8; 32])>,
    key: Option<[u8; 32]>,
    is_logged: bool,
    claims: Change<'w, Value>,
    header: Change<'w, Map<String, Value>>,
    proof: Option<Box<dyn Fn(merkle::Hash) -> String + 'w>>,
}

pub(super) fn identifier(type_code: &str, issuer: &str, serial: &str) -> String {
    LicenceIdentifier::new(type_code.parse().unwrap(), issuer, serial, 1).unwrap().to_string()
}

pub(super) fn spki(key: &PublicKey) -> [u8; 32] {
    entry::key_digest(key.spki_der())
}

impl Facts {
    fn new() -> Self {
        let hidden = |salt: u8, name: &str, value: &str| Disclosure::make(&[salt; 16], name, &value.into());
        Self {
            department: DEPARTMENT.to_owned(),
            type_code: TYPE.to_owned(),
            type_version: 1,
            identifier: identifier(TYPE, DEPARTMENT, "AAAAAAAAAAAAAAAAAAA1"),
            authority: DEPARTMENT.to_owned(),
            name: "示例市公安局".to_owned(),
            valid_until: Some("2031-10-31".to_owned()),
            issued_at: SEALED,
            position: POSITION,
            top: vec![
                hidden(1, "number", "JZ1"),
                hidden(2, "holder_name", "韦·示例"),
                hidden(3, "holder_kind", "person"),
                hidden(4, "holder_code_type", "111"),
                hidden(5, "holder_code", "990121199003070002"),
            ],
            items: vec![hidden(6, "registered_at", "示例派出所"), hidden(7, "address", "示例镇一号")],
            copy: None,
        }
    }

    fn draft(&self) -> Draft<'_> {
        Draft {
            signer: SIGNER,
            department_code: &self.department,
            type_code: &self.type_code,
            type_version: self.type_version,
            issued_at: self.issued_at,
            identifier: &self.identifier,
            authority_code: &self.authority,
            authority_name: &self.name,
            issue_date: "2026-11-01",
            valid_from: "2026-11-01",
            valid_until: self.valid_until.as_deref(),
            status_uri: LIST,
            status_idx: self.position,
            top: &self.top,
            items: &self.items,
            copy: self.copy.as_ref(),
        }
    }
}

impl World {
    /// The first department's credential, signed by its credential key.
    pub(super) fn credential(&self) -> Sealing<'_> {
        Sealing {
            world: self,
            by: self.credential_key(),
            facts: Facts::new(),
            event: Event::Issue,
            leaf: None,
            key: None,
            is_logged: true,
            claims: None,
            header: None,
            proof: None,
        }
    }
}

impl<'w> Sealing<'w> {
    /// Signed by another key.
    pub(super) fn by(mut self, held: &Held) -> Self {
        self.by = held.clone();
        self
    }

    /// Saying something else, in the credential and in its leaf.
    pub(super) fn saying(mut self, change: impl FnOnce(&mut Facts)) -> Self {
        change(&mut self.facts);
        self
    }

    pub(super) fn event(mut self, event: Event) -> Self {
        self.event = event;
        self
    }

    /// With the leaf of something else.
    pub(super) fn with_leaf_of(mut self, change: impl FnOnce(&mut Facts, &mut Event, &mut [u8; 32])) -> Self {
        let (mut facts, mut event, mut salt) = (self.facts.clone(), self.event, SALT);
        change(&mut facts, &mut event, &mut salt);
        self.leaf = Some((facts, event, salt));
        self
    }

    /// With an entry in the log under that key.
    pub(super) fn entered_by(mut self, key: &Held) -> Self {
        self.key = Some(spki(key.key.public_key()));
        self
    }

    /// Without its leaf.
    pub(super) fn unlogged(mut self) -> Self {
        self.is_logged = false;
        self
    }

    /// With claims that change between log and signature.
    pub(super) fn claiming(mut self, change: impl Fn(&mut Value) + 'w) -> Self {
        self.claims = Some(Box::new(change));
        self
    }

    /// With another header.
    pub(super) fn headed(mut self, change: impl Fn(&mut Map<String, Value>) + 'w) -> Self {
        self.header = Some(Box::new(change));
        self
    }

    /// With another proof for the right leaf.
    pub(super) fn proven(mut self, proof: impl Fn(merkle::Hash) -> String + 'w) -> Self {
        self.proof = Some(Box::new(proof));
        self
    }

    pub(super) fn payload(&self) -> Vec<u8> {
        let draft = self.facts.draft();
        let log = self.is_logged.then(|| self.log());
        let payload = draft.payload(log.as_ref()).unwrap();
        let Some(change) = &self.claims else { return payload };
        let mut claims: Value = serde_json::from_slice(&payload).unwrap();
        change(&mut claims);
        claims.to_string().into_bytes()
    }

    fn log(&self) -> LogClaim {
        let key = self.key.unwrap_or_else(|| spki(self.by.key.public_key()));
        let (facts, event, salt) = self.leaf.clone().unwrap_or_else(|| (self.facts.clone(), self.event, SALT));
        let commitment = facts.draft().commitment(event, &salt).unwrap();
        let leaf = merkle::leaf_hash(&entry::entry(&key, &commitment));
        LogClaim {
            key,
            event: self.event,
            effective: self.facts.draft().effective(self.event).unwrap(),
            salt: SALT,
            proof: self.proof.as_ref().map_or_else(|| self.world.proof(leaf, &[]), |proof| proof(leaf)),
        }
    }

    /// The signed part.
    pub(super) fn jwt(&self) -> String {
        let keep = |_: &mut Map<String, Value>| {};
        match &self.header {
            Some(change) => self.by.jws("dc+sd-jwt", &self.payload(), change),
            None => self.by.jws("dc+sd-jwt", &self.payload(), keep),
        }
    }

    pub(super) fn disclosures(&self) -> impl Iterator<Item = &Disclosure> {
        self.facts.top.iter().chain(&self.facts.items)
    }

    /// The whole credential, shown with all it hides, to a verifier who has a good list.
    pub(super) fn shown(&self) -> Shown {
        let text = assemble(&self.jwt(), self.disclosures());
        Shown {
            document: text.into_bytes(),
            trust: self.world.trust.clone(),
            evidence: self.world.evidence(&[]),
            at: ASKED,
        }
    }
}
