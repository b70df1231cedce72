//! The demonstration's folder: databases, key stores, secrets, samples. Made on the first start, kept afterwards.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use keys::KeyStore;
use keys::key_store::Passphrase;
use keys::sources::Sources;
use store::Db;
use verifier::encoding::b64u;

use crate::commands::{Failure, demonstration_database};

/// The folder, locked against a second `up`.
pub(crate) struct Data {
    path: PathBuf,
    _lock: File,
}

impl Data {
    /// Makes or opens the folder.
    ///
    /// # Errors
    ///
    /// One clear sentence: no room, no right, or another `up` at work there.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        std::fs::create_dir_all(path.join("keys"))
            .map_err(|error| Failure::new(format!("cannot make the folder {}: {error}", path.display())))?;
        let lock = path.join("lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock)
            .map_err(|error| Failure::new(format!("cannot write into {}: {error}", path.display())))?;
        file.try_lock().map_err(|_| {
            Failure::new(format!(
                "another `xinyin up` is running on {}; stop it, or give another folder with --data",
                path.display()
            ))
        })?;
        Ok(Self { path: path.to_owned(), _lock: file })
    }

    /// A path in the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The key store of a service, made with the mark of the demonstration if there is none.
    ///
    /// # Errors
    ///
    /// A damaged store is one clear sentence.
    pub(crate) fn key_store(&self, service: &str) -> Result<KeyStore, Failure> {
        let passphrase = self.passphrase()?;
        let path = self.file(&format!("keys/{service}.keys"));
        let store =
            if path.exists() { KeyStore::open(&path, &passphrase) } else { KeyStore::create(&path, &passphrase, true) };
        store.map_err(|error| Failure::new(format!("{}: {error}", path.display())))
    }

    fn passphrase(&self) -> Result<Passphrase, Failure> {
        let path = self.file("keys/passphrase");
        if !path.exists() {
            let text = Passphrase::random_text()?;
            write_private(&path, text.as_bytes())?;
        }
        Passphrase::from_file(&path).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
    }

    /// The database of a service.
    ///
    /// # Errors
    ///
    /// A damaged file or a full disk is one clear sentence.
    pub(crate) async fn database(&self, service: &str, migrations: &[store::Migration]) -> Result<Db, Failure> {
        let url = demonstration_database(&self.path, service);
        Db::open(&url, migrations).await.map_err(|error| {
            let reason = Failure::from(error).sentence;
            Failure::new(format!("{}: {reason}", self.file(&format!("{service}.db")).display()))
        })
    }

    /// The clients' secrets: those of the last start, new ones where there are none.
    ///
    /// # Errors
    ///
    /// A damaged file, or no random bytes.
    pub(crate) fn client_secrets(
        &self,
        clients: &[&str],
        sources: &Sources,
    ) -> Result<BTreeMap<String, String>, Failure> {
        let path = self.file("keys/client-secrets.json");
        let mut secrets: BTreeMap<String, String> = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|_| {
                Failure::new(format!("{} is damaged; delete it, and new secrets are made", path.display()))
            })?,
            Err(_) => BTreeMap::new(),
        };
        let before = secrets.len();
        for client in clients {
            if !secrets.contains_key(*client) {
                secrets.insert((*client).to_owned(), b64u::encode(sources.bytes::<32>()?));
            }
        }
        if secrets.len() != before {
            write_private(&path, &serde_json::to_vec_pretty(&secrets)?)?;
        }
        Ok(secrets)
    }
}

/// Writes a file that only this user can read, whole or not at all.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let attempt = || -> std::io::Result<()> {
        let new = path.with_extension("new");
        let mut options = File::options();
        options.create(true).truncate(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&new, path)
    };
    attempt().map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))
}
