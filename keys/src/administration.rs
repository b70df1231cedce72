//! What `xinyin keys init | list | rotate | export-trust` do, without the command line.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use verifier::algorithm::Algorithm;
use verifier::time::Timestamp;

use crate::authority::{Authority, AuthorityError, Certified};
use crate::certify::sha256_hex;
use crate::key_ring::{Announced, Life};
use crate::key_store::{KeyStore, KeyStoreError, Passphrase};
use crate::publish::{Bundle, jwk_set};
use crate::purpose::{KeyKind, Purpose};

/// The services that have a key store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// The OpenID provider.
    Idp,
    /// The signer of licences.
    LicenceSigner,
    /// The verification desk.
    Desk,
    /// A portal or any other client of ours.
    Portal,
}

/// One line of `keys list`: public facts alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyLine {
    /// What the key is for.
    pub purpose: String,
    /// `ES256`, `EdDSA`, `RS256` or `secret`.
    pub kind: String,
    /// Its name.
    pub kid: String,
    /// `announced`, `active`, `retired`, `destroyed` or `compromised`.
    pub life: &'static str,
    /// Since when it is that, or for an announced one from when it is used.
    pub at: Option<Timestamp>,
    /// Whether it was taken out of publication.
    pub withdrawn: bool,
    /// SHA-256 of its certificate, hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_sha256: Option<String>,
    /// Until when its certificate lets it sign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signs_until: Option<Timestamp>,
}

/// The files that `export_trust` wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The paths.
    pub files: Vec<PathBuf>,
    /// The fingerprint of the root, to be told to those who pin it.
    pub root_sha256: String,
    /// The versions of root, targets and timestamp.
    pub versions: [u64; 3],
}

impl Service {
    /// The rings that the service cannot work without.
    pub fn rings(self) -> Vec<(Purpose, KeyKind)> {
        let usual = |purpose: Purpose| (purpose.clone(), purpose.default_kind());
        let shared = [Purpose::ClientAssertion, Purpose::FieldEncryption, Purpose::FieldDigest, Purpose::Cookie];
        let mut rings: Vec<_> = match self {
            Self::Portal => return vec![usual(Purpose::ClientAssertion), usual(Purpose::Cookie)],
            _ => shared.map(usual).to_vec(),
        };
        if self == Self::Idp {
            rings.push(usual(Purpose::AccessToken));
            for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
                rings.push((Purpose::IdToken, KeyKind::Signing(algorithm)));
            }
        }
        rings
    }
}

/// Makes a key store for `service` with all its rings, each with a first key that is active at once.
///
/// # Errors
///
/// `Exists` if a store lies there; `Io` if it cannot be written.
pub fn init(
    path: &Path,
    passphrase: &Passphrase,
    service: Service,
    demonstration: bool,
    now: Timestamp,
) -> Result<KeyStore, KeyStoreError> {
    let store = KeyStore::create(path, passphrase, demonstration)?;
    ensure(&store, service, now)?;
    Ok(store)
}

/// Gives a store the rings of `service` that it lacks.
///
/// # Errors
///
/// As for a file that cannot be written.
pub fn ensure(store: &KeyStore, service: Service, now: Timestamp) -> Result<(), KeyStoreError> {
    store.ensure_all(&service.rings(), now)
}

/// Every key of the store, by purpose, in the order in which they came.
pub fn list(store: &KeyStore, now: Timestamp) -> Vec<KeyLine> {
    let mut out = Vec::new();
    for ring in store.rings() {
        for key in ring.keys(now) {
            let at = match key.life {
                Life::Announced { active_from } => active_from,
                Life::Active { since: at }
                | Life::Retired { at }
                | Life::Destroyed { at }
                | Life::Compromised { from: at } => Some(at),
            };
            out.push(KeyLine {
                purpose: ring.purpose().to_string(),
                kind: ring.kind().to_string(),
                kid: key.kid,
                life: key.life.name(),
                at,
                withdrawn: key.withdrawn_at.is_some(),
                certificate_sha256: key.certificate_sha256,
                signs_until: key.signs_until,
            });
        }
    }
    out
}

/// Announces a successor for the active key of a ring; `cache_life_seconds` is how long others keep our published keys.
/// A ring whose keys carry certificates is rotated by the authority in the same store.
///
/// # Errors
///
/// `NoRing` if there is no such ring, else as `KeyRing::rotate` and `Authority::renew`.
pub fn rotate(
    store: &KeyStore,
    purpose: &Purpose,
    kind: KeyKind,
    cache_life_seconds: i64,
    now: Timestamp,
) -> Result<Announced, AuthorityError> {
    let ring = store.ring_of(purpose, kind)?;
    if !matches!(purpose, Purpose::Department { .. } | Purpose::Status | Purpose::SubordinateCa) {
        return Ok(ring.rotate(now, cache_life_seconds)?);
    }
    let active_from = match Authority::open(store)?.renew(purpose, now)? {
        Certified::Announced { signs_from } => signs_from,
        Certified::AtOnce | Certified::Unchanged => now,
    };
    let made = ring.keys(now).into_iter().rfind(|key| key.life == Life::Announced { active_from: Some(active_from) });
    let made = made.ok_or(KeyStoreError::NoKey)?;
    Ok(Announced { kid: made.kid, active_from })
}

/// Writes what others need in order to trust the authority into `folder`: `trust-bundle.json`, `roots.pem`,
/// `intermediates.pem` and `jwks.json` (the keys of the departments and of status).
///
/// # Errors
///
/// `Store` with `Io` if a file cannot be written.
pub fn export_trust(
    store: &KeyStore,
    bundle: &Bundle,
    folder: &Path,
    now: Timestamp,
) -> Result<Exported, AuthorityError> {
    let mut rings = store.rings();
    rings.retain(|ring| matches!(ring.purpose(), Purpose::Department { .. } | Purpose::Status));
    let mut files = Vec::new();
    for (name, content) in [
        ("trust-bundle.json", bundle.to_json()),
        ("roots.pem", bundle.roots_pem().into_bytes()),
        ("intermediates.pem", bundle.intermediates_pem().into_bytes()),
        ("jwks.json", jwk_set(&rings, now).to_string().into_bytes()),
    ] {
        let path = folder.join(name);
        write(&path, &content).map_err(|cause| KeyStoreError::Io { path: path.clone(), act: "write", cause })?;
        files.push(path);
    }
    Ok(Exported { files, root_sha256: bundle.root_sha256(), versions: bundle.versions() })
}

/// Replaces a file as a whole.
fn write(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let temporary = path.with_extension(format!("{}.new", &sha256_hex(content)[..8]));
    let mut file = fs::File::create(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}
