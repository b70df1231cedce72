//! Why a key store refuses.

use std::path::PathBuf;

use crate::purpose::{KeyKind, Purpose};
use crate::signer::SignerError;

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
