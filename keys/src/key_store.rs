//! One service's keys: rings by purpose, in one encrypted file, read again when it changes.

mod contents;
mod file;
mod loaded;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use ring::rand::{SecureRandom as _, SystemRandom};
use verifier::algorithm::Algorithm;
use verifier::time::Timestamp;
use zeroize::Zeroizing;

pub(crate) use contents::{AuthorityRow, Bytes, CertificateRow, Contents, KeyRow, RingRow, SecretBytes};
use file::{Stamp, StoreFile};
pub(crate) use loaded::{Key, Loaded, Material, Ring, SecretKey};

use crate::field::{FieldKeys, MacKeys};
use crate::key_ring::KeyRing;
use crate::purpose::{KeyKind, Purpose};
use crate::signer::{Signer, SignerError};
use crate::software::SoftwareKey;

/// The keys of one service; cheap to clone, every clone sees the same state.
///
/// A store lies in one encrypted file (or, for tests, nowhere). Whoever changes it writes the whole file anew under a
/// lock, so that several processes may share it; call `reload_if_changed` at least every 30 s to see what they did.
#[derive(Clone)]
pub struct KeyStore {
    inner: Arc<Inner>,
}

struct Inner {
    loaded: RwLock<Arc<Loaded>>,
    /// Held by whoever changes the store; holds the file's stamp as last read or written.
    writing: Mutex<Option<Stamp>>,
    file: Option<StoreFile>,
}

/// What opens a key store: a passphrase, or the content of a key file.
pub struct Passphrase(Zeroizing<Vec<u8>>);

/// The cost of deriving the store's key from the passphrase by argon2id. Stored in the file's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Derivation {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// Why a key store did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum KeyStoreError {
    /// The passphrase does not open the file: it is another one, or the file was changed.
    #[error("the passphrase does not open the key store, or the file was altered")]
    Locked,
    /// The file is no key store, or is damaged.
    #[error("the key store is damaged or is none")]
    Damaged,
    /// The file was written by a later release.
    #[error("the key store has format version {version}, which this release does not read")]
    Version {
        /// The version that the file names.
        version: u32,
    },
    /// Another process gave the file a new passphrase or cost.
    #[error("the key store was given a new passphrase; restart with it")]
    Rekeyed,
    /// A store lies there already.
    #[error("{} exists already", .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("cannot {act} {}: {cause}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        act: &'static str,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// A passphrase of fewer than eight bytes, or a key file that is empty or over 4 KiB.
    #[error("a passphrase has at least 8 bytes, a key file at most 4,096")]
    Passphrase,
    /// The random source failed.
    #[error("the random source failed")]
    Random,
    /// The store has no such ring.
    #[error("the key store has no {kind} keys for {purpose}")]
    NoRing {
        /// The purpose.
        purpose: Purpose,
        /// The kind of key.
        kind: KeyKind,
    },
    /// No key of the ring is active.
    #[error("no {kind} key for {purpose} is active")]
    NoActiveKey {
        /// The purpose.
        purpose: Purpose,
        /// The kind of key.
        kind: KeyKind,
    },
    /// The ring has no key of that name.
    #[error("no such key")]
    NoKey,
    /// The key's present state does not allow it: the active key cannot be withdrawn or destroyed, a key is made once.
    #[error("the key is {0}")]
    State(&'static str),
    /// The ring's keys need certificates; the authority rotates them.
    #[error("keys for {purpose} carry certificates: the authority rotates them")]
    NeedsCertificate {
        /// The purpose.
        purpose: Purpose,
    },
    /// A certificate does not belong to the key.
    #[error("the certificate does not belong to the key")]
    Certificate,
    /// No certificate or request was made.
    #[error(transparent)]
    Certify(#[from] crate::certify::CertifyError),
    /// A key is unreadable or of another kind.
    #[error(transparent)]
    Key(#[from] SignerError),
}

impl KeyStore {
    /// Makes a new store at `path` (mode 0600) with the usual cost of derivation. `demonstration` is a mark inside that
    /// stays: `serve` refuses such a store.
    ///
    /// # Errors
    ///
    /// `Exists` if anything lies there; `Io` if it cannot be written.
    pub fn create(path: &Path, passphrase: &Passphrase, demonstration: bool) -> Result<Self, KeyStoreError> {
        Self::create_with(path, passphrase, Derivation::default(), demonstration)
    }

    /// As `create`, with a cost of one's own.
    ///
    /// # Errors
    ///
    /// As `create`.
    pub fn create_with(
        path: &Path,
        passphrase: &Passphrase,
        cost: Derivation,
        demonstration: bool,
    ) -> Result<Self, KeyStoreError> {
        let contents = Contents { demonstration, ..Contents::default() };
        let file = StoreFile::create(path, passphrase, cost)?;
        let stamp = file.write_new(&contents)?;
        Self::new(contents, Some(file), Some(stamp))
    }

    /// Opens the store at `path`.
    ///
    /// # Errors
    ///
    /// `Locked` for a wrong passphrase or an altered file, `Damaged` for what is no store, `Io` if it cannot be read.
    pub fn open(path: &Path, passphrase: &Passphrase) -> Result<Self, KeyStoreError> {
        let (file, contents, stamp) = StoreFile::open(path, passphrase)?;
        Self::new(contents, Some(file), Some(stamp))
    }

    /// A store that lies nowhere and ends with the process, for tests. It bears the mark `demonstration`.
    pub fn in_memory() -> Self {
        let contents = Contents { demonstration: true, ..Contents::default() };
        Self::new(contents, None, None).expect("an empty store has nothing that could be damaged")
    }

    fn new(contents: Contents, file: Option<StoreFile>, stamp: Option<Stamp>) -> Result<Self, KeyStoreError> {
        let loaded = RwLock::new(Arc::new(Loaded::parse(contents)?));
        Ok(Self { inner: Arc::new(Inner { loaded, writing: Mutex::new(stamp), file }) })
    }

    /// Whether the store bears the mark `demonstration`.
    pub fn is_demonstration(&self) -> bool {
        self.loaded().contents.demonstration
    }

    /// Reads the file again if another process has replaced it; says whether it had.
    ///
    /// # Errors
    ///
    /// As `open`; the keys read before stay in use then.
    pub fn reload_if_changed(&self) -> Result<bool, KeyStoreError> {
        let mut stamp = self.inner.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.reload(&mut stamp)
    }

    /// The ring of `purpose` with the purpose's usual kind of key.
    ///
    /// # Errors
    ///
    /// `NoRing` if there is none.
    pub fn ring(&self, purpose: &Purpose) -> Result<KeyRing, KeyStoreError> {
        self.ring_of(purpose, purpose.default_kind())
    }

    /// The ring of `purpose` with keys of `kind`.
    ///
    /// # Errors
    ///
    /// `NoRing` if there is none.
    pub fn ring_of(&self, purpose: &Purpose, kind: KeyKind) -> Result<KeyRing, KeyStoreError> {
        if self.loaded().ring(purpose, kind).is_none() {
            return Err(KeyStoreError::NoRing { purpose: purpose.clone(), kind });
        }
        Ok(KeyRing::new(self.clone(), purpose.clone(), kind))
    }

    /// Every ring of the store.
    pub fn rings(&self) -> Vec<KeyRing> {
        let loaded = self.loaded();
        loaded.rings.iter().map(|ring| KeyRing::new(self.clone(), ring.purpose.clone(), ring.kind)).collect()
    }

    /// The ring of `purpose`, made with a first key, active at once, if it is not there.
    ///
    /// # Errors
    ///
    /// As for a file that cannot be written, or `Key` if no key can be made.
    pub fn ensure(&self, purpose: &Purpose, now: Timestamp) -> Result<KeyRing, KeyStoreError> {
        self.ensure_of(purpose, purpose.default_kind(), now)
    }

    /// As `ensure`, with keys of `kind`.
    ///
    /// # Errors
    ///
    /// As `ensure`.
    pub fn ensure_of(&self, purpose: &Purpose, kind: KeyKind, now: Timestamp) -> Result<KeyRing, KeyStoreError> {
        self.ensure_all(&[(purpose.clone(), kind)], now)?;
        Ok(KeyRing::new(self.clone(), purpose.clone(), kind))
    }

    /// Makes those of the rings that are not there, each with a first key, active at once, in one writing.
    ///
    /// # Errors
    ///
    /// As `ensure`.
    pub fn ensure_all(&self, rings: &[(Purpose, KeyKind)], now: Timestamp) -> Result<(), KeyStoreError> {
        let loaded = self.loaded();
        let missing: Vec<_> = rings.iter().filter(|(purpose, kind)| loaded.ring(purpose, *kind).is_none()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let keys = missing.into_iter().map(|(purpose, kind)| Ok((purpose, *kind, new_key(*kind, now, Some(now))?)));
        let keys = keys.collect::<Result<Vec<_>, KeyStoreError>>()?;
        self.change(|contents| {
            for (purpose, kind, key) in keys {
                let ring = contents.ring_mut(purpose, kind);
                if ring.keys.is_empty() {
                    ring.keys.push(key);
                }
            }
            Ok(())
        })
    }

    /// Takes a key pair from PKCS#8 DER into the ring of `purpose`: active at once as the first, else from
    /// `active_from`.
    ///
    /// # Errors
    ///
    /// `Key` if it is no key of that algorithm, `State` if the ring has it already.
    pub fn import(
        &self,
        purpose: &Purpose,
        algorithm: Algorithm,
        pkcs8: &[u8],
        active_from: Timestamp,
        now: Timestamp,
    ) -> Result<KeyRing, KeyStoreError> {
        let kind = KeyKind::Signing(algorithm);
        let mut row = pair_row(algorithm, Zeroizing::new(pkcs8.to_vec()), now)?;
        self.change(|contents| {
            let ring = contents.ring_mut(purpose, kind);
            if ring.keys.iter().any(|key| key.kid == row.kid) {
                return Err(KeyStoreError::State("there already"));
            }
            row.active_from = Some(if ring.keys.is_empty() { now } else { active_from.max(now) });
            ring.keys.push(row);
            Ok(())
        })?;
        Ok(KeyRing::new(self.clone(), purpose.clone(), kind))
    }

    /// The keys that encrypt fields and digest what they are found by, as of `now`. Cheap: take them anew for each
    /// request, so that a rotation reaches them.
    ///
    /// # Errors
    ///
    /// `NoRing` or `NoActiveKey` if either ring is missing (`ensure` makes them).
    pub fn field_keys(&self, now: Timestamp) -> Result<FieldKeys, KeyStoreError> {
        FieldKeys::of(&self.loaded(), now)
    }

    /// The keys that guard integrity for `purpose` (`Purpose::Cookie`), as of `now`.
    ///
    /// # Errors
    ///
    /// As `field_keys`.
    pub fn mac_keys(&self, purpose: &Purpose, now: Timestamp) -> Result<MacKeys, KeyStoreError> {
        MacKeys::of(&self.loaded(), purpose, now)
    }

    pub(crate) fn loaded(&self) -> Arc<Loaded> {
        self.inner.loaded.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the contents and writes them, alone among all processes, upon the newest state of the file. If `act` or
    /// the writing fails, nothing has changed.
    pub(crate) fn change<T>(
        &self,
        act: impl FnOnce(&mut Contents) -> Result<T, KeyStoreError>,
    ) -> Result<T, KeyStoreError> {
        let mut stamp = self.inner.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let _lock = self.inner.file.as_ref().map(StoreFile::lock).transpose()?;
        self.reload(&mut stamp)?;
        let mut contents = self.loaded().contents.clone();
        let result = act(&mut contents)?;
        let loaded = Loaded::parse(contents)?;
        if let Some(file) = &self.inner.file {
            *stamp = Some(file.write(&loaded.contents)?);
        }
        self.put(loaded);
        Ok(result)
    }

    fn reload(&self, stamp: &mut Option<Stamp>) -> Result<bool, KeyStoreError> {
        let Some(file) = &self.inner.file else { return Ok(false) };
        if *stamp == Some(file.stamp()?) {
            return Ok(false);
        }
        let (contents, read) = file.read()?;
        self.put(Loaded::parse(contents)?);
        *stamp = Some(read);
        Ok(true)
    }

    fn put(&self, loaded: Loaded) {
        *self.inner.loaded.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(loaded);
    }
}

impl fmt::Debug for KeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyStore({} rings)", self.loaded().rings.len())
    }
}

impl Contents {
    /// The ring's row, made if it is not there.
    pub(crate) fn ring_mut(&mut self, purpose: &Purpose, kind: KeyKind) -> &mut RingRow {
        let (purpose, kind) = (purpose.to_string(), kind.to_string());
        let found = self.rings.iter().position(|ring| ring.purpose == purpose && ring.kind == kind);
        let index = found.unwrap_or_else(|| {
            self.rings.push(RingRow { purpose, kind, keys: Vec::new() });
            self.rings.len() - 1
        });
        &mut self.rings[index]
    }
}

/// A new key of `kind`, announced `now`.
pub(crate) fn new_key(kind: KeyKind, now: Timestamp, active_from: Option<Timestamp>) -> Result<KeyRow, KeyStoreError> {
    let mut row = match kind {
        KeyKind::Signing(algorithm) => pair_row(algorithm, SoftwareKey::generate(algorithm)?, now)?,
        KeyKind::Secret => secret_row(now)?,
    };
    row.active_from = active_from;
    Ok(row)
}

fn pair_row(algorithm: Algorithm, pkcs8: Zeroizing<Vec<u8>>, now: Timestamp) -> Result<KeyRow, KeyStoreError> {
    let key = SoftwareKey::from_pkcs8(algorithm, &pkcs8)?;
    let spki = Some(Bytes(key.public_key().spki_der().to_vec()));
    Ok(bare_row(key.kid().to_owned(), SecretBytes(pkcs8), spki, now))
}

fn secret_row(now: Timestamp) -> Result<KeyRow, KeyStoreError> {
    let mut secret = Zeroizing::new(vec![0; 32]);
    SystemRandom::new().fill(&mut secret).map_err(|_| KeyStoreError::Random)?;
    let kid = SecretKey::id_of(&secret).map(|byte| format!("{byte:02x}")).concat();
    Ok(bare_row(kid, SecretBytes(secret), None, now))
}

fn bare_row(kid: String, secret: SecretBytes, spki: Option<Bytes>, now: Timestamp) -> KeyRow {
    KeyRow {
        kid,
        secret: Some(secret),
        spki,
        announced_at: now,
        active_from: None,
        withdrawn_at: None,
        destroyed_at: None,
        compromised_from: None,
        certificate: None,
    }
}

impl Passphrase {
    /// A passphrase of at least eight bytes.
    ///
    /// # Errors
    ///
    /// `KeyStoreError::Passphrase` if it is shorter or over 4 KiB.
    pub fn new(text: impl Into<Vec<u8>>) -> Result<Self, KeyStoreError> {
        let bytes = Zeroizing::new(text.into());
        if (8..=4096).contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(KeyStoreError::Passphrase) }
    }

    /// The content of a passphrase or key file; one line end behind it does not count.
    ///
    /// # Errors
    ///
    /// `Io` if it cannot be read, `Passphrase` if its length does not fit.
    pub fn from_file(path: &Path) -> Result<Self, KeyStoreError> {
        use std::io::Read as _;
        let io = |cause| KeyStoreError::Io { path: path.to_owned(), act: "read", cause };
        let mut bytes = Zeroizing::new(Vec::new());
        std::fs::File::open(path).map_err(io)?.take(4099).read_to_end(&mut bytes).map_err(io)?;
        let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        Self::new(text)
    }

    /// A new random passphrase of 256 bits, as text, to be written to a key file.
    ///
    /// # Errors
    ///
    /// `Random` if the random source fails.
    pub fn random_text() -> Result<Zeroizing<String>, KeyStoreError> {
        use base64::Engine as _;
        let mut bytes = Zeroizing::new([0; 32]);
        SystemRandom::new().fill(bytes.as_mut()).map_err(|_| KeyStoreError::Random)?;
        Ok(Zeroizing::new(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes.as_ref())))
    }

    fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(***)")
    }
}

impl Default for Derivation {
    /// 64 MiB, three passes, one lane: RFC 9106 §4's second recommendation with one lane.
    fn default() -> Self {
        Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 }
    }
}

impl Derivation {
    /// A cost that hinders nobody, for tests and for passphrases that are themselves 256 random bits.
    pub fn danger_cheap() -> Self {
        Self { memory_kib: 64, passes: 1, lanes: 1 }
    }
}
