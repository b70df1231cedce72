//! The life of keys that share one purpose: announced, active, retired, destroyed, or compromised from a time.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;
use verifier::algorithm::{Algorithm, PublicKey};
use verifier::time::Timestamp;

use crate::field::MOST_DIGEST_KEYS;
use crate::key_store::{Contents, KeyRow, KeyStore, KeyStoreError, Material, new_key};
use crate::purpose::{KeyKind, Purpose};
use crate::signer::Signer;

/// The least time between announcing a key and using it.
pub const LEAST_NOTICE_SECONDS: i64 = 24 * 3600;

/// The keys of one purpose and kind: a view of the store that is always up to date, cheap to clone.
#[derive(Clone)]
pub struct KeyRing {
    store: KeyStore,
    purpose: Purpose,
    kind: KeyKind,
}

/// Where in its life a key is at some instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Published, not yet used.
    Announced {
        /// When its use begins; `None` while it waits for a certificate.
        active_from: Option<Timestamp>,
    },
    /// The one in use.
    Active {
        /// Since when.
        since: Timestamp,
    },
    /// No longer used, still published until it is withdrawn.
    Retired {
        /// Since when.
        at: Timestamp,
    },
    /// Its private half is gone.
    Destroyed {
        /// Since when.
        at: Timestamp,
    },
    /// Somebody else may have it: what it signs from then on proves nothing.
    Compromised {
        /// Since when.
        from: Timestamp,
    },
}

/// One key of a ring, without its secret.
#[derive(Clone, Debug)]
pub struct KeyView {
    /// Its name: the RFC 7638 thumbprint of a key pair, 16 hex digits of a secret.
    pub kid: String,
    /// The public half of a key pair.
    pub public: Option<PublicKey>,
    /// Where in its life it is.
    pub life: Life,
    /// When it was announced.
    pub announced_at: Timestamp,
    /// When it was taken out of publication.
    pub withdrawn_at: Option<Timestamp>,
    /// SHA-256 of its certificate, lower-case hex.
    pub certificate_sha256: Option<String>,
    /// Until when its certificate lets it sign.
    pub signs_until: Option<Timestamp>,
}

/// A successor that was announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// Its name.
    pub kid: String,
    /// When its use begins.
    pub active_from: Timestamp,
}

impl Life {
    /// The word for it: `announced`, `active`, `retired`, `destroyed`, `compromised`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Announced { .. } => "announced",
            Self::Active { .. } => "active",
            Self::Retired { .. } => "retired",
            Self::Destroyed { .. } => "destroyed",
            Self::Compromised { .. } => "compromised",
        }
    }

    /// Whether others should know the key: announced with a date, active or retired.
    pub(crate) fn is_known(self) -> bool {
        matches!(self, Self::Announced { active_from: Some(_) } | Self::Active { .. } | Self::Retired { .. })
    }
}

impl KeyRing {
    pub(crate) fn new(store: KeyStore, purpose: Purpose, kind: KeyKind) -> Self {
        Self { store, purpose, kind }
    }

    /// What the ring's keys are for.
    pub fn purpose(&self) -> &Purpose {
        &self.purpose
    }

    /// What its keys are.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The key that signs at `now`.
    ///
    /// # Errors
    ///
    /// `NoActiveKey` if the ring has none that may sign: none made, all compromised, or the certificate's time is over.
    pub fn active(&self, now: Timestamp) -> Result<Arc<dyn Signer>, KeyStoreError> {
        let loaded = self.store.loaded();
        let key = loaded.ring(&self.purpose, self.kind).and_then(|ring| ring.active(now));
        match key.map(|key| &key.material) {
            Some(Material::Signing(key)) => Ok(key.clone()),
            _ => Err(KeyStoreError::NoActiveKey { purpose: self.purpose.clone(), kind: self.kind }),
        }
    }

    /// The keys that others should know at `now`, the active one first: announced, active, retired and not withdrawn.
    pub fn published(&self, now: Timestamp) -> Vec<KeyView> {
        let mut keys = self.keys(now);
        keys.retain(|key| key.life.is_known() && key.withdrawn_at.is_none());
        keys.sort_by_key(|key| !matches!(key.life, Life::Active { .. }));
        keys
    }

    /// The public key of that name, if it is published at `now`: what our own tokens are checked with.
    pub fn published_key(&self, kid: &str, now: Timestamp) -> Option<PublicKey> {
        let loaded = self.store.loaded();
        let ring = loaded.ring(&self.purpose, self.kind)?;
        ring.published(now).into_iter().find(|(key, _)| key.kid == kid)?.0.public.clone()
    }

    /// The published keys as a JWK Set (RFC 7517 §5), each with `alg`, `use` and `kid`.
    pub fn jwk_set(&self, now: Timestamp) -> Value {
        crate::publish::jwk_set(std::slice::from_ref(self), now)
    }

    /// Every key of the ring, in the order in which they came.
    pub fn keys(&self, now: Timestamp) -> Vec<KeyView> {
        let loaded = self.store.loaded();
        let Some(ring) = loaded.ring(&self.purpose, self.kind) else { return Vec::new() };
        let view = |key: &crate::key_store::Key| KeyView {
            kid: key.kid.clone(),
            public: key.public.clone(),
            life: ring.life(key, now),
            announced_at: key.announced_at,
            withdrawn_at: key.withdrawn_at,
            certificate_sha256: key.certificate.as_ref().map(|row| crate::certify::sha256_hex(&row.chain[0].0)),
            signs_until: key.certificate.as_ref().map(|row| row.signs_until),
        };
        ring.keys.iter().map(view).collect()
    }

    /// Announces a successor. Its use begins at a stored instant: at least 24 hours, and at least twice
    /// `cache_life_seconds` (how long others keep the published keys), after `now`; at once if nothing is active. A
    /// successor announced before and not yet active is given again; if nothing is active, its use begins at once.
    ///
    /// # Errors
    ///
    /// `NeedsCertificate` if the ring's keys carry certificates; `State` for the log's key, whose change would be another
    /// log, and for a ninth key of digests; as for a file that cannot be written.
    pub fn rotate(&self, now: Timestamp, cache_life_seconds: i64) -> Result<Announced, KeyStoreError> {
        let loaded = self.store.loaded();
        let ring = loaded.ring(&self.purpose, self.kind);
        if matches!(
            self.purpose,
            Purpose::Department { .. } | Purpose::Status | Purpose::RootCa | Purpose::SubordinateCa
        ) {
            return Err(KeyStoreError::NeedsCertificate { purpose: self.purpose.clone() });
        }
        if self.purpose == Purpose::Log {
            return Err(KeyStoreError::State("the log's, which lives as long as the log's origin"));
        }
        let at_once = ring.and_then(|ring| ring.active(now)).is_none();
        let active_from = if at_once { now } else { activation(now, cache_life_seconds) };
        let key = new_key(self.kind, now, Some(active_from))?;
        self.store.change(|contents| {
            let keys = &mut contents.ring_mut(&self.purpose, self.kind).keys;
            if let Some(waiting) = keys.iter_mut().find(|key| is_waiting(key, now)) {
                if at_once {
                    waiting.active_from = Some(now);
                }
                return Ok(Announced { kid: waiting.kid.clone(), active_from: waiting.active_from.unwrap_or(now) });
            }
            let live = keys.iter().filter(|key| key.secret.is_some()).count();
            if self.purpose == Purpose::FieldDigest && live >= MOST_DIGEST_KEYS {
                return Err(KeyStoreError::State(
                    "the ninth for digests, and rows are found by eight at most: destroy the oldest first",
                ));
            }
            let announced = Announced { kid: key.kid.clone(), active_from };
            keys.push(key);
            Ok(announced)
        })
    }

    /// Takes a retired key out of publication: what it signed is no longer accepted by those who look here.
    ///
    /// # Errors
    ///
    /// `NoKey`; `State` if it is not retired.
    pub fn withdraw(&self, kid: &str, now: Timestamp) -> Result<(), KeyStoreError> {
        match self.life_of(kid, now)? {
            Life::Retired { .. } => self.change_key(kid, |key| key.withdrawn_at = key.withdrawn_at.or(Some(now))),
            life => Err(KeyStoreError::State(life.name())),
        }
    }

    /// Destroys the private half of a retired or compromised key for ever; of a secret, what it sealed is lost.
    ///
    /// # Errors
    ///
    /// `NoKey`; `State` if it is announced, active or destroyed already.
    pub fn destroy(&self, kid: &str, now: Timestamp) -> Result<(), KeyStoreError> {
        match self.life_of(kid, now)? {
            Life::Retired { .. } | Life::Compromised { .. } => self.change_key(kid, |key| {
                key.secret = None;
                key.destroyed_at = key.destroyed_at.or(Some(now));
            }),
            life => Err(KeyStoreError::State(life.name())),
        }
    }

    /// Records that others may have had the key since `from`: it signs no more and is published no more. The private
    /// half of a key pair is destroyed; a secret stays, for what it sealed must still be opened. Without a successor the
    /// ring has no active key then: `rotate` makes one that is active at once.
    ///
    /// # Errors
    ///
    /// `NoKey`. Of two reports the earlier instant counts.
    pub fn compromise(&self, kid: &str, from: Timestamp, now: Timestamp) -> Result<(), KeyStoreError> {
        self.life_of(kid, now)?;
        let signing = matches!(self.kind, KeyKind::Signing(_));
        self.change_key(kid, |key| {
            key.compromised_from = Some(key.compromised_from.map_or(from, |before| before.min(from)));
            if signing {
                key.secret = None;
                key.destroyed_at = key.destroyed_at.or(Some(now));
            }
        })
    }

    fn life_of(&self, kid: &str, now: Timestamp) -> Result<Life, KeyStoreError> {
        let loaded = self.store.loaded();
        let ring = loaded.ring(&self.purpose, self.kind).ok_or(KeyStoreError::NoKey)?;
        let key = ring.keys.iter().find(|key| key.kid == kid).ok_or(KeyStoreError::NoKey)?;
        Ok(ring.life(key, now))
    }

    fn change_key(&self, kid: &str, act: impl FnOnce(&mut KeyRow)) -> Result<(), KeyStoreError> {
        self.store.change(|contents: &mut Contents| {
            let keys = &mut contents.ring_mut(&self.purpose, self.kind).keys;
            act(keys.iter_mut().find(|key| key.kid == kid).ok_or(KeyStoreError::NoKey)?);
            Ok(())
        })
    }
}

/// When a key announced `now` may be used first.
pub(crate) fn activation(now: Timestamp, cache_life_seconds: i64) -> Timestamp {
    now.plus(LEAST_NOTICE_SECONDS.max(cache_life_seconds.saturating_mul(2)))
}

/// Whether the key is announced and not yet to be used.
fn is_waiting(key: &KeyRow, now: Timestamp) -> bool {
    key.active_from.is_some_and(|from| from > now) && key.compromised_from.is_none() && key.destroyed_at.is_none()
}

/// The published key of that name as a JWK (RFC 7517 §4).
pub(crate) fn jwk(public: &PublicKey, algorithm: Algorithm) -> Value {
    let mut members = public.to_jwk();
    members.insert("alg".to_owned(), Value::from(algorithm.name()));
    members.insert("use".to_owned(), Value::from("sig"));
    members.insert("kid".to_owned(), Value::from(public.thumbprint()));
    Value::Object(members)
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRing({} {})", self.purpose, self.kind)
    }
}
