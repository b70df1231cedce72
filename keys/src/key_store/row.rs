//! New rows of a store.

use ring::rand::{SecureRandom as _, SystemRandom};
use verifier::algorithm::Algorithm;
use verifier::encoding::hex;
use verifier::time::Timestamp;
use zeroize::Zeroizing;

use super::{Bytes, Contents, KeyRow, KeyStoreError, RingRow, SecretBytes, SecretKey};
use crate::purpose::{KeyKind, Purpose};
use crate::signer::Signer as _;
use crate::software::SoftwareKey;

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

/// The row of an imported or new key pair, announced `now`.
pub(super) fn pair_row(
    algorithm: Algorithm,
    pkcs8: Zeroizing<Vec<u8>>,
    now: Timestamp,
) -> Result<KeyRow, KeyStoreError> {
    let key = SoftwareKey::from_pkcs8(algorithm, &pkcs8)?;
    let spki = Some(Bytes(key.public_key().spki_der().to_vec()));
    Ok(bare_row(key.kid().to_owned(), SecretBytes(pkcs8), spki, now))
}

fn secret_row(now: Timestamp) -> Result<KeyRow, KeyStoreError> {
    let mut secret = Zeroizing::new(vec![0; 32]);
    SystemRandom::new().fill(&mut secret).map_err(|_| KeyStoreError::Random)?;
    let kid = hex::encode(SecretKey::id_of(&secret));
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
