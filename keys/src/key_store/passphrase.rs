//! What opens a store, and what guessing it costs.

use std::fmt;
use std::path::Path;

use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

use super::KeyStoreError;

/// What opens a key store: a passphrase, or the content of a key file.
pub struct Passphrase(Zeroizing<Vec<u8>>);

/// The cost of deriving the store's key from the passphrase by argon2id. Stored in the file's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Derivation {
    pub(super) memory_kib: u32,
    pub(super) passes: u32,
    pub(super) lanes: u32,
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

    pub(super) fn bytes(&self) -> &[u8] {
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
