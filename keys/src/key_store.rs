//! One service's keys: rings by purpose, in one encrypted file, read again when it changes.

mod contents;
mod error;
mod file;
mod loaded;
mod passphrase;
mod row;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use verifier::algorithm::Algorithm;
use verifier::time::Timestamp;
use zeroize::Zeroizing;

pub(crate) use contents::{AuthorityRow, Bytes, CertificateRow, Contents, KeyRow, RingRow, SecretBytes};
pub use error::KeyStoreError;
use file::{Stamp, StoreFile};
pub(crate) use loaded::{Key, Loaded, Material, Ring, SecretKey};
pub use passphrase::{Derivation, Passphrase};
pub(crate) use row::new_key;
use row::pair_row;

use crate::field::{FieldKeys, MacKeys};
use crate::key_ring::KeyRing;
use crate::purpose::{KeyKind, Purpose};

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
