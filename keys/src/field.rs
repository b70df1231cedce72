//! Fields that a database must not show: sealed with their place as associated data, and found by a keyed digest.
//!
//! Every ciphertext and digest begins with ten bytes that name its format, its algorithm and its key, so that keys can be
//! replaced row by row:
//!
//! ```text
//! sealed   01 01 key id (8) nonce (12) ciphertext, tag (16)      AES-256-GCM
//! digest   01 02 key id (8) MAC (32)                             HMAC-SHA-256
//! ```

use std::fmt;
use std::sync::Arc;

use ring::aead::{Aad, NONCE_LEN, Nonce};
use ring::hmac;
use verifier::time::Timestamp;
use zeroize::Zeroizing;

use crate::key_store::{Key, KeyStoreError, Loaded, Material, Ring, SecretKey};
use crate::purpose::{KeyKind, Purpose};
use crate::sources::{Random, RandomError};

const FORMAT: u8 = 1;
const AES_256_GCM: u8 = 1;
const HMAC_SHA_256: u8 = 2;
const HEADER_BYTES: usize = 10;

/// The length of a digest.
pub const DIGEST_BYTES: usize = HEADER_BYTES + 32;

/// How many keys of digests there are at a time: a search asks for the digests by all of them in one statement.
pub const MOST_DIGEST_KEYS: usize = 8;

/// Keys that seal fields and digest the values by which they are found. A snapshot: take it anew for each request.
#[derive(Clone)]
pub struct FieldKeys {
    sealing: Arc<SecretKey>,
    opening: Vec<Arc<SecretKey>>,
    digesting: MacKeys,
}

/// Keys that guard integrity, of one purpose. A snapshot: take it anew for each request.
#[derive(Clone)]
pub struct MacKeys {
    current: Arc<SecretKey>,
    others: Vec<Arc<SecretKey>>,
}

/// Why a sealed field did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// It is too short or of an unknown format.
    #[error("the field is damaged")]
    Damaged,
    /// It was sealed with a key that the store does not hold.
    #[error("the field was sealed with a key that is not there")]
    NoKey,
    /// It was altered, or belongs to another table, column or row.
    #[error("the field was altered or moved")]
    Altered,
}

impl FieldKeys {
    pub(crate) fn of(loaded: &Loaded, now: Timestamp) -> Result<Self, KeyStoreError> {
        let sealing = MacKeys::of(loaded, &Purpose::FieldEncryption, now)?;
        let digesting = MacKeys::of(loaded, &Purpose::FieldDigest, now)?;
        let opening = [vec![sealing.current.clone()], sealing.others].concat();
        Ok(Self { sealing: sealing.current, opening, digesting })
    }

    /// Seals `plain` for one place: it opens in the same table, column and row only.
    ///
    /// # Errors
    ///
    /// `RandomError` if no nonce could be drawn; nothing was sealed then.
    pub fn seal(
        &self,
        table: &str,
        column: &str,
        row: &str,
        plain: &[u8],
        random: &dyn Random,
    ) -> Result<Vec<u8>, RandomError> {
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce)?;
        let mut out = header(AES_256_GCM, &self.sealing);
        let aad = place(&out, &[table, column, row]);
        out.extend_from_slice(&nonce);
        let mut body = plain.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.sealing.aead.seal_in_place_append_tag(nonce, Aad::from(aad), &mut body).map_err(|_| RandomError)?;
        out.extend_from_slice(&body);
        Ok(out)
    }

    /// Opens what `seal` gave for the same place, with whichever key of the store sealed it.
    ///
    /// # Errors
    ///
    /// `FieldError`; which bytes were wrong is not said.
    pub fn open(&self, table: &str, column: &str, row: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, FieldError> {
        let (head, rest) = sealed.split_at_checked(HEADER_BYTES).ok_or(FieldError::Damaged)?;
        let (nonce, body) = rest.split_at_checked(NONCE_LEN).ok_or(FieldError::Damaged)?;
        if head[..2] != [FORMAT, AES_256_GCM] {
            return Err(FieldError::Damaged);
        }
        let key = self.opening.iter().find(|key| key.id == head[2..]).ok_or(FieldError::NoKey)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| FieldError::Damaged)?;
        let mut plain = Zeroizing::new(body.to_vec());
        let aad = Aad::from(place(head, &[table, column, row]));
        let length = key.aead.open_in_place(nonce, aad, &mut plain).map_err(|_| FieldError::Altered)?.len();
        plain.truncate(length);
        Ok(plain)
    }

    /// Whether a sealed field should be sealed anew: its key is no longer the one in use.
    pub fn is_outdated(&self, sealed: &[u8]) -> bool {
        sealed.get(2..HEADER_BYTES) != Some(self.sealing.id.as_slice())
    }

    /// The keyed digest of a value, by the key in use: what a row stores and a unique index covers. `kind` keeps values
    /// of different kinds apart; `canonical` is the value in its one canonical form.
    pub fn digest(&self, kind: &str, canonical: &str) -> Vec<u8> {
        digest_with(&self.digesting.current, kind, canonical)
    }

    /// The digest by the key in use, then those by the keys before it: a search asks for any of them while rows still
    /// carry old ones.
    pub fn digests(&self, kind: &str, canonical: &str) -> Vec<Vec<u8>> {
        let keys = std::iter::once(&self.digesting.current).chain(&self.digesting.others);
        keys.map(|key| digest_with(key, kind, canonical)).collect()
    }

    /// Whether a stored digest was made by the key in use.
    pub fn is_current(&self, digest: &[u8]) -> bool {
        digest.get(2..HEADER_BYTES) == Some(self.digesting.current.id.as_slice())
    }
}

impl MacKeys {
    pub(crate) fn of(loaded: &Loaded, purpose: &Purpose, now: Timestamp) -> Result<Self, KeyStoreError> {
        let kind = KeyKind::Secret;
        let missing = || KeyStoreError::NoRing { purpose: purpose.clone(), kind };
        let ring: &Ring = loaded.ring(purpose, kind).ok_or_else(missing)?;
        let active = ring.active(now).ok_or(KeyStoreError::NoActiveKey { purpose: purpose.clone(), kind })?;
        let others = ring.keys.iter().rev().filter(|key| key.kid != active.kid);
        let secret = |key: &Key| match &key.material {
            Material::Secret(secret) => Some(secret.clone()),
            _ => None,
        };
        let current = secret(active).ok_or(KeyStoreError::Damaged)?;
        Ok(Self { current, others: others.filter_map(secret).collect() })
    }

    /// The MAC of `message` within `context`, with its key's name in front.
    pub fn sign(&self, context: &str, message: &[u8]) -> Vec<u8> {
        mac_with(&self.current, context, message)
    }

    /// Whether `mac` is one that `sign` gave, by the key in use or an earlier one; in constant time.
    pub fn verify(&self, context: &str, message: &[u8], mac: &[u8]) -> bool {
        let keys = std::iter::once(&self.current).chain(&self.others);
        let Some(key) = keys.into_iter().find(|key| mac.get(..HEADER_BYTES) == Some(&header(HMAC_SHA_256, key))) else {
            return false;
        };
        let input = place(message, &[context]);
        mac.get(HEADER_BYTES..).is_some_and(|tag| hmac::verify(&key.mac, &input, tag).is_ok())
    }
}

fn digest_with(key: &SecretKey, kind: &str, canonical: &str) -> Vec<u8> {
    let mut out = header(HMAC_SHA_256, key);
    let input = place(b"xinyin/field-digest/1", &[kind, canonical]);
    out.extend_from_slice(hmac::sign(&key.mac, &input).as_ref());
    out
}

fn mac_with(key: &SecretKey, context: &str, message: &[u8]) -> Vec<u8> {
    let mut out = header(HMAC_SHA_256, key);
    out.extend_from_slice(hmac::sign(&key.mac, &place(message, &[context])).as_ref());
    out
}

fn header(algorithm: u8, key: &SecretKey) -> Vec<u8> {
    [&[FORMAT, algorithm], key.id.as_slice()].concat()
}

/// `head` and the parts, each with its length in front, so that no two lists of parts give the same bytes.
fn place(head: &[u8], parts: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in std::iter::once(head).chain(parts.iter().map(|part| part.as_bytes())) {
        out.extend_from_slice(&(part.len() as u64).to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}

impl fmt::Debug for FieldKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FieldKeys(***)")
    }
}

impl fmt::Debug for MacKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKeys(***)")
    }
}
