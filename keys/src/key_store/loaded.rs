//! A store's contents made ready for use: keys parsed once, lives told at any instant.

use std::sync::Arc;

use ring::{aead, digest, hmac};
use verifier::algorithm::PublicKey;
use verifier::time::Timestamp;

use super::KeyStoreError;
use super::contents::{CertificateRow, Contents, KeyRow, RingRow};
use crate::key_ring::Life;
use crate::purpose::{KeyKind, Purpose};
use crate::signer::Signer;
use crate::software::SoftwareKey;

/// Contents and the keys in them, parsed.
pub(crate) struct Loaded {
    pub(crate) contents: Contents,
    pub(crate) rings: Vec<Ring>,
}

pub(crate) struct Ring {
    pub(crate) purpose: Purpose,
    pub(crate) kind: KeyKind,
    pub(crate) keys: Vec<Key>,
}

/// One key of a ring.
pub(crate) struct Key {
    pub(crate) kid: String,
    pub(crate) material: Material,
    pub(crate) public: Option<PublicKey>,
    pub(crate) announced_at: Timestamp,
    pub(crate) active_from: Option<Timestamp>,
    pub(crate) withdrawn_at: Option<Timestamp>,
    pub(crate) destroyed_at: Option<Timestamp>,
    pub(crate) compromised_from: Option<Timestamp>,
    pub(crate) certificate: Option<Arc<CertificateRow>>,
}

pub(crate) enum Material {
    Signing(Arc<SoftwareKey>),
    Secret(Arc<SecretKey>),
    Gone,
}

/// 256 secret bits, ready for both of their uses. A ring's purpose decides which one is used.
pub(crate) struct SecretKey {
    pub(crate) id: [u8; 8],
    pub(crate) aead: aead::LessSafeKey,
    pub(crate) mac: hmac::Key,
}

impl SecretKey {
    /// The name under which ciphertexts and digests of this secret say who made them.
    pub(crate) fn id_of(secret: &[u8]) -> [u8; 8] {
        let named = digest::digest(&digest::SHA256, &[b"xinyin/secret/1\0", secret].concat());
        named.as_ref()[..8].try_into().expect("a SHA-256 digest has eight bytes")
    }

    fn new(secret: &[u8]) -> Option<Self> {
        let unbound = aead::UnboundKey::new(&aead::AES_256_GCM, secret).ok()?;
        Some(Self {
            id: Self::id_of(secret),
            aead: aead::LessSafeKey::new(unbound),
            mac: hmac::Key::new(hmac::HMAC_SHA256, secret),
        })
    }
}

impl Loaded {
    pub(crate) fn parse(contents: Contents) -> Result<Self, KeyStoreError> {
        let rings = contents.rings.iter().map(Ring::parse).collect::<Result<_, _>>()?;
        Ok(Self { contents, rings })
    }

    pub(crate) fn ring(&self, purpose: &Purpose, kind: KeyKind) -> Option<&Ring> {
        self.rings.iter().find(|ring| ring.purpose == *purpose && ring.kind == kind)
    }
}

impl Ring {
    fn parse(row: &RingRow) -> Result<Self, KeyStoreError> {
        let purpose = row.purpose.parse().map_err(|_| KeyStoreError::Damaged)?;
        let kind = row.kind.parse().map_err(|_| KeyStoreError::Damaged)?;
        let keys = row.keys.iter().map(|key| Key::parse(kind, key)).collect::<Result<_, _>>()?;
        Ok(Self { purpose, kind, keys })
    }

    /// The key to use at `now`: of those whose activation has passed and that may still be used, the latest.
    pub(crate) fn active(&self, now: Timestamp) -> Option<&Key> {
        let usable = self.keys.iter().filter(|key| key.usable(now));
        usable.max_by_key(|key| key.active_from)
    }

    pub(crate) fn life(&self, key: &Key, now: Timestamp) -> Life {
        if let Some(from) = key.compromised_from {
            return Life::Compromised { from };
        }
        if let Some(at) = key.destroyed_at {
            return Life::Destroyed { at };
        }
        let Some(active_from) = key.active_from.filter(|from| *from <= now) else {
            return Life::Announced { active_from: key.active_from };
        };
        if self.active(now).is_some_and(|active| active.kid == key.kid) {
            return Life::Active { since: active_from };
        }
        let others = self.keys.iter().filter(|other| other.kid != key.kid && other.usable(now));
        let later = others.filter_map(|other| other.active_from);
        let superseded = later.filter(|from| *from >= active_from).min();
        let ended = key.certificate.as_ref().map(|certificate| certificate.signs_until);
        let at = [superseded, ended].into_iter().flatten().min().unwrap_or(now);
        Life::Retired { at }
    }

    /// Keys that others should know at `now`, the active one first: not withdrawn, destroyed or compromised.
    pub(crate) fn published(&self, now: Timestamp) -> Vec<(&Key, Life)> {
        let known = self.keys.iter().map(|key| (key, self.life(key, now)));
        let mut known: Vec<_> = known.filter(|(key, life)| life.is_known() && key.withdrawn_at.is_none()).collect();
        known.sort_by_key(|(_, life)| !matches!(life, Life::Active { .. }));
        known
    }
}

impl Key {
    fn parse(kind: KeyKind, row: &KeyRow) -> Result<Self, KeyStoreError> {
        let damaged = KeyStoreError::Damaged;
        let material = match (kind, &row.secret) {
            (_, None) => Material::Gone,
            (KeyKind::Signing(algorithm), Some(secret)) => {
                let key = SoftwareKey::from_pkcs8(algorithm, &secret.0).map_err(|_| KeyStoreError::Damaged)?;
                Material::Signing(Arc::new(key))
            }
            (KeyKind::Secret, Some(secret)) => {
                Material::Secret(Arc::new(SecretKey::new(&secret.0).ok_or(KeyStoreError::Damaged)?))
            }
        };
        let public = match &row.spki {
            None => None,
            Some(spki) => Some(PublicKey::from_spki_der(&spki.0).map_err(|_| KeyStoreError::Damaged)?),
        };
        if let Material::Signing(key) = &material
            && public.as_ref().is_none_or(|public| public.spki_der() != key.public_key().spki_der())
        {
            return Err(damaged);
        }
        Ok(Self {
            kid: row.kid.clone(),
            material,
            public,
            announced_at: row.announced_at,
            active_from: row.active_from,
            withdrawn_at: row.withdrawn_at,
            destroyed_at: row.destroyed_at,
            compromised_from: row.compromised_from,
            certificate: row.certificate.clone().map(Arc::new),
        })
    }

    fn usable(&self, now: Timestamp) -> bool {
        self.active_from.is_some_and(|from| from <= now)
            && self.compromised_from.is_none()
            && !matches!(self.material, Material::Gone)
            && self.certificate.as_ref().is_none_or(|row| row.signs_from <= now && now < row.signs_until)
    }
}
