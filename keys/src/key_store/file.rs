//! The encrypted file: a JSON header that says how the key is derived, and the sealed contents.
//!
//! The key is argon2id over the passphrase (RFC 9106), the seal AES-256-GCM with the header as associated data, so that
//! nothing of the header can be changed unseen. The file is replaced as a whole: temporary file, fsync, rename, fsync of
//! the folder. A reader sees the old store or the new one.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::contents::Contents;
use super::{Derivation, KeyStoreError, Passphrase};

const FORMAT: &str = "xinyin-key-store";
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// Where a store lies and the key that opens it. The passphrase itself is not kept.
pub(super) struct StoreFile {
    path: PathBuf,
    derivation: DerivationRow,
    key: LessSafeKey,
}

/// What tells one state of the file from another without reading it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: u64,
    bytes: u64,
    seconds: i64,
    nanoseconds: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRow {
    header: HeaderRow,
    sealed: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeaderRow {
    format: String,
    version: u32,
    derivation: DerivationRow,
    cipher: String,
    nonce: String,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DerivationRow {
    function: String,
    version: u32,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: String,
}

impl StoreFile {
    /// Prepares a new store at `path`; nothing is written yet.
    pub(super) fn create(path: &Path, passphrase: &Passphrase, cost: Derivation) -> Result<Self, KeyStoreError> {
        let mut salt = [0; 16];
        SystemRandom::new().fill(&mut salt).map_err(|_| KeyStoreError::Random)?;
        let derivation = DerivationRow {
            function: "argon2id".to_owned(),
            version: 0x13,
            memory_kib: cost.memory_kib,
            passes: cost.passes,
            lanes: cost.lanes,
            salt: STANDARD.encode(salt),
        };
        let key = derive(passphrase, &derivation)?;
        Ok(Self { path: path.to_owned(), derivation, key })
    }

    /// Opens the store at `path` and reads it.
    pub(super) fn open(path: &Path, passphrase: &Passphrase) -> Result<(Self, Contents, Stamp), KeyStoreError> {
        let (row, stamp) = read_file(path)?;
        let key = derive(passphrase, &row.header.derivation)?;
        let contents = unseal(&key, &row)?;
        Ok((Self { path: path.to_owned(), derivation: row.header.derivation, key }, contents, stamp))
    }

    /// The stamp of the file as it lies there now.
    pub(super) fn stamp(&self) -> Result<Stamp, KeyStoreError> {
        fs::metadata(&self.path).map(|metadata| Stamp::of(&metadata)).map_err(|cause| self.io("read", cause))
    }

    /// Reads the store again with the key of the first opening.
    pub(super) fn read(&self) -> Result<(Contents, Stamp), KeyStoreError> {
        let (row, stamp) = read_file(&self.path)?;
        if row.header.derivation != self.derivation {
            return Err(KeyStoreError::Rekeyed);
        }
        Ok((unseal(&self.key, &row)?, stamp))
    }

    /// Keeps other processes from changing the store until the returned file is dropped.
    pub(super) fn lock(&self) -> Result<File, KeyStoreError> {
        let path = beside(&self.path, ".lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path);
        let file = file.map_err(|cause| self.io("lock", cause))?;
        file.lock().map_err(|cause| self.io("lock", cause))?;
        Ok(file)
    }

    /// Writes a store where none may lie yet.
    pub(super) fn write_new(&self, contents: &Contents) -> Result<Stamp, KeyStoreError> {
        let _lock = self.lock()?;
        if fs::symlink_metadata(&self.path).is_ok() {
            return Err(KeyStoreError::Exists { path: self.path.clone() });
        }
        self.write(contents)
    }

    /// Replaces the file as a whole.
    pub(super) fn write(&self, contents: &Contents) -> Result<Stamp, KeyStoreError> {
        let text = self.seal(contents)?;
        let temporary = beside(&self.path, ".new");
        let written = (|| {
            let _ = fs::remove_file(&temporary);
            let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&temporary)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&temporary, &self.path)?;
            let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            File::open(folder)?.sync_all()
        })();
        if let Err(cause) = written {
            let _ = fs::remove_file(&temporary);
            return Err(self.io("write", cause));
        }
        self.stamp()
    }

    fn seal(&self, contents: &Contents) -> Result<Vec<u8>, KeyStoreError> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| KeyStoreError::Random)?;
        let header = HeaderRow {
            format: FORMAT.to_owned(),
            version: 1,
            derivation: self.derivation.clone(),
            cipher: "AES-256-GCM".to_owned(),
            nonce: STANDARD.encode(nonce),
        };
        let mut plain = Zeroizing::new(serde_json::to_vec(contents).map_err(|_| KeyStoreError::Damaged)?);
        let aad = serde_json::to_vec(&header).map_err(|_| KeyStoreError::Damaged)?;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(aad), &mut plain);
        let tag = tag.map_err(|_| KeyStoreError::Random)?;
        let sealed = STANDARD.encode([plain.as_slice(), tag.as_ref()].concat());
        let mut text = serde_json::to_vec_pretty(&FileRow { header, sealed }).map_err(|_| KeyStoreError::Damaged)?;
        text.push(b'\n');
        Ok(text)
    }

    fn io(&self, act: &'static str, cause: std::io::Error) -> KeyStoreError {
        KeyStoreError::Io { path: self.path.clone(), act, cause }
    }
}

impl Stamp {
    fn of(metadata: &fs::Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            bytes: metadata.size(),
            seconds: metadata.mtime(),
            nanoseconds: metadata.mtime_nsec(),
        }
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn read_file(path: &Path) -> Result<(FileRow, Stamp), KeyStoreError> {
    let io = |cause| KeyStoreError::Io { path: path.to_owned(), act: "read", cause };
    let file = File::open(path).map_err(io)?;
    let stamp = Stamp::of(&file.metadata().map_err(io)?);
    let mut text = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut text).map_err(io)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(KeyStoreError::Damaged);
    }
    let row: FileRow = serde_json::from_slice(&text).map_err(|_| KeyStoreError::Damaged)?;
    match (row.header.format.as_str(), row.header.version, row.header.cipher.as_str()) {
        (FORMAT, 1, "AES-256-GCM") => Ok((row, stamp)),
        (FORMAT, version, _) => Err(KeyStoreError::Version { version }),
        _ => Err(KeyStoreError::Damaged),
    }
}

fn unseal(key: &LessSafeKey, row: &FileRow) -> Result<Contents, KeyStoreError> {
    let locked = |_| KeyStoreError::Locked;
    let nonce = STANDARD.decode(&row.header.nonce).map_err(|_| KeyStoreError::Damaged)?;
    let nonce = Nonce::try_assume_unique_for_key(&nonce).map_err(|_| KeyStoreError::Damaged)?;
    let aad = serde_json::to_vec(&row.header).map_err(|_| KeyStoreError::Damaged)?;
    let mut sealed = Zeroizing::new(STANDARD.decode(&row.sealed).map_err(|_| KeyStoreError::Damaged)?);
    let plain = key.open_in_place(nonce, Aad::from(aad), &mut sealed).map_err(locked)?;
    serde_json::from_slice(plain).map_err(|_| KeyStoreError::Damaged)
}

fn derive(passphrase: &Passphrase, row: &DerivationRow) -> Result<LessSafeKey, KeyStoreError> {
    let bounded = row.memory_kib <= 1024 * 1024 && row.passes <= 64 && row.lanes <= 16;
    if row.function != "argon2id" || row.version != 0x13 || !bounded {
        return Err(KeyStoreError::Damaged);
    }
    let salt = STANDARD.decode(&row.salt).map_err(|_| KeyStoreError::Damaged)?;
    let params = argon2::Params::new(row.memory_kib, row.passes, row.lanes, Some(32));
    let params = params.map_err(|_| KeyStoreError::Damaged)?;
    let function = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let mut key = Zeroizing::new([0; 32]);
    function.hash_password_into(passphrase.bytes(), &salt, key.as_mut()).map_err(|_| KeyStoreError::Damaged)?;
    let unbound = UnboundKey::new(&AES_256_GCM, key.as_ref()).map_err(|_| KeyStoreError::Damaged)?;
    Ok(LessSafeKey::new(unbound))
}
