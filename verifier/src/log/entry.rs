//! Leaves: whose key stands for the event, and a salted commitment to the event (formats §5). Nothing else can be read.

use crate::digest::{sha256, sha256_of};
use crate::encoding::emit::Emit;
use crate::time::Timestamp;

const DOMAIN: &[u8] = b"xinyin/licence-event/1\0";

/// What happened to a licence, as the log says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// First sealing of the first version.
    Issue,
    /// First sealing of a changed version.
    Change,
    /// First sealing of a replacement.
    Replacement,
    /// First sealing of a renewal.
    Renewal,
    /// 暂扣.
    Suspension,
    /// The end of a suspension.
    Resumption,
    /// 撤销.
    Annulment,
    /// 撤回.
    Recall,
    /// 吊销.
    Revocation,
    /// 注销.
    Cancellation,
    /// A later or additional sealing of a version.
    Sealing,
    /// A purpose-limited copy (加注件).
    Copy,
}

/// Every event, in the order of formats §5.
pub const EVENTS: [Event; 12] = [
    Event::Issue,
    Event::Change,
    Event::Replacement,
    Event::Renewal,
    Event::Suspension,
    Event::Resumption,
    Event::Annulment,
    Event::Recall,
    Event::Revocation,
    Event::Cancellation,
    Event::Sealing,
    Event::Copy,
];

impl Event {
    /// The word in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Change => "change",
            Self::Replacement => "replacement",
            Self::Renewal => "renewal",
            Self::Suspension => "suspension",
            Self::Resumption => "resumption",
            Self::Annulment => "annulment",
            Self::Recall => "recall",
            Self::Revocation => "revocation",
            Self::Cancellation => "cancellation",
            Self::Sealing => "sealing",
            Self::Copy => "copy",
        }
    }

    /// Reads the word.
    pub fn from_name(name: &str) -> Option<Self> {
        EVENTS.into_iter().find(|event| event.name() == name)
    }

    /// Whether a sealed credential can carry this event; its leaf then commits to facts and a status position.
    pub const fn seals(self) -> bool {
        self.begins_version() || matches!(self, Self::Sealing | Self::Copy)
    }

    /// Whether the event is effective from the first second of `valid_from`; of other sealings from `iat`.
    pub const fn begins_version(self) -> bool {
        matches!(self, Self::Issue | Self::Change | Self::Replacement | Self::Renewal)
    }
}

/// All that a leaf commits to.
#[derive(Clone, Copy, Debug)]
pub struct Commitment<'a> {
    /// Thirty-two random bytes that stand in the credential.
    pub salt: &'a [u8; 32],
    /// The licence identifier.
    pub identifier: &'a str,
    /// What happened.
    pub event: Event,
    /// From when it holds.
    pub effective: Timestamp,
    /// Facts digest, of a copy its copy digest; null for events without a sealing.
    pub facts_digest: Option<&'a [u8; 32]>,
    /// URI and position of the sealing's status entry.
    pub status: Option<(&'a str, u64)>,
}

impl Commitment<'_> {
    /// The CBOR behind domain and salt.
    pub fn cbor(&self) -> Vec<u8> {
        let mut out = Emit::with_capacity(256);
        out.array(5).text(self.identifier).text(self.event.name()).integer(self.effective.seconds());
        match self.facts_digest {
            Some(digest) => out.bytes(digest),
            None => out.null(),
        };
        match self.status {
            Some((uri, idx)) => out.array(2).text(uri).unsigned(idx),
            None => out.null(),
        };
        out.into_bytes()
    }

    /// The commitment: SHA-256(domain ‖ 00 ‖ salt ‖ CBOR).
    pub fn digest(&self) -> [u8; 32] {
        sha256_of(&[DOMAIN, self.salt, &self.cbor()])
    }

    /// The leaf's entry under a department's key.
    pub fn entry(&self, key: &[u8; 32]) -> Vec<u8> {
        entry(key, &self.digest())
    }
}

/// An entry of the log: CBOR [1, SHA-256 of the department key's SPKI, commitment].
pub fn entry(key: &[u8; 32], commitment: &[u8; 32]) -> Vec<u8> {
    let mut out = Emit::with_capacity(72);
    out.array(3).unsigned(1).bytes(key).bytes(commitment);
    out.into_bytes()
}

/// The `key` of an entry: SHA-256 of the key's SubjectPublicKeyInfo (DER).
pub fn key_digest(spki_der: &[u8]) -> [u8; 32] {
    sha256(spki_der)
}
