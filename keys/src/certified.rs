//! Keys with a certificate: used together, requested from a foreign CA, ended with their time.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use verifier::algorithm::{Algorithm, PublicKey};
use verifier::time::Timestamp;

use crate::certify::{self, Power, Subject};
use crate::key_store::{Bytes, CertificateRow, KeyStore, KeyStoreError, Material, new_key};
use crate::purpose::{KeyKind, Purpose};
use crate::signer::{Signer, SignerError};
use crate::software::SoftwareKey;

/// A key that may sign now, and its certificate. It is itself a `Signer`.
#[derive(Clone)]
pub struct CertifiedSigner {
    signer: Arc<dyn Signer>,
    row: Arc<CertificateRow>,
    chain: Arc<Vec<Vec<u8>>>,
}

/// What the register says of a certificate that comes from elsewhere.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// DER: the leaf, then its intermediates, never the root.
    pub chain: Vec<Vec<u8>>,
    /// Types and regions.
    pub power: Power,
    /// From when the key signs with it.
    pub signs_from: Timestamp,
    /// Until when, exclusive.
    pub signs_until: Timestamp,
    /// Whether a CA outside the authority certified the key, so that the row stands for the extensions that the
    /// certificate lacks (formats §6).
    pub foreign: bool,
}

impl CertifiedSigner {
    /// The key.
    pub fn signer(&self) -> &Arc<dyn Signer> {
        &self.signer
    }

    /// The leaf certificate, DER.
    pub fn certificate(&self) -> &[u8] {
        &self.chain[0]
    }

    /// The leaf and its intermediates, DER; never the root.
    pub fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    /// SHA-256 of the leaf certificate.
    pub fn certificate_sha256(&self) -> [u8; 32] {
        let digest = ring::digest::digest(&ring::digest::SHA256, self.certificate());
        digest.as_ref().try_into().expect("a SHA-256 digest has 32 bytes")
    }

    /// The key identifier of a code: the first eight bytes of SHA-256 of the certificate (formats §3).
    pub fn code_kid(&self) -> [u8; 8] {
        self.certificate_sha256()[..8].try_into().expect("a SHA-256 digest has eight bytes")
    }

    /// The member `x5c` (RFC 7515 §4.1.6).
    pub fn x5c(&self) -> Value {
        self.chain.iter().map(|certificate| Value::from(STANDARD.encode(certificate))).collect()
    }

    /// Signs `payload` as a compact JWS with `typ`, `kid` and `x5c`.
    ///
    /// # Errors
    ///
    /// As `Signer::sign`.
    pub fn sign_jws(&self, typ: &str, payload: &[u8]) -> Result<String, SignerError> {
        let header = Map::from_iter([("typ".to_owned(), Value::from(typ)), ("x5c".to_owned(), self.x5c())]);
        crate::jws::sign(self, header, payload)
    }

    /// Codes of the licence types that it may sign.
    pub fn types(&self) -> &[String] {
        &self.row.types
    }

    /// Codes of the regions in which it may sign.
    pub fn regions(&self) -> &[String] {
        &self.row.regions
    }

    /// From when it signs.
    pub fn signs_from(&self) -> Timestamp {
        self.row.signs_from
    }

    /// Until when it signs, exclusive.
    pub fn signs_until(&self) -> Timestamp {
        self.row.signs_until
    }
}

impl Signer for CertifiedSigner {
    fn algorithm(&self) -> Algorithm {
        self.signer.algorithm()
    }

    fn public_key(&self) -> &PublicKey {
        self.signer.public_key()
    }

    fn kid(&self) -> &str {
        self.signer.kid()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        self.signer.sign(message)
    }
}

impl fmt::Debug for CertifiedSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertifiedSigner({})", self.kid())
    }
}

impl KeyStore {
    /// The key of `purpose` that may sign at `now`, with its certificate.
    ///
    /// # Errors
    ///
    /// `NoRing` or `NoActiveKey`: none made, none certified, its time over, compromised.
    pub fn certified(&self, purpose: &Purpose, now: Timestamp) -> Result<CertifiedSigner, KeyStoreError> {
        let loaded = self.loaded();
        let mut rings = loaded.rings.iter().filter(|ring| ring.purpose == *purpose).peekable();
        let kind = rings.peek().map(|ring| ring.kind);
        let kind =
            kind.ok_or_else(|| KeyStoreError::NoRing { purpose: purpose.clone(), kind: purpose.default_kind() })?;
        let active = rings.filter_map(|ring| ring.active(now)).max_by_key(|key| key.active_from);
        match active.map(|key| (&key.material, &key.certificate)) {
            Some((Material::Signing(key), Some(row))) => Ok(CertifiedSigner {
                signer: key.clone(),
                row: row.clone(),
                chain: Arc::new(row.chain.iter().map(|certificate| certificate.0.clone()).collect()),
            }),
            _ => Err(KeyStoreError::NoActiveKey { purpose: purpose.clone(), kind }),
        }
    }

    /// Makes a key that waits for its certificate, and the request (PKCS #10, DER) for it. Answers with the key's name.
    ///
    /// # Errors
    ///
    /// `Certify` for a name that does not fit, else as for a file that cannot be written.
    pub fn request_certificate(
        &self,
        purpose: &Purpose,
        algorithm: Algorithm,
        subject: &Subject,
        uri: Option<&str>,
        now: Timestamp,
    ) -> Result<(String, Vec<u8>), KeyStoreError> {
        let kind = KeyKind::Signing(algorithm);
        let row = new_key(kind, now, None)?;
        let secret = row.secret.as_ref().ok_or(KeyStoreError::Damaged)?;
        let key = SoftwareKey::from_pkcs8(algorithm, &secret.0)?;
        let request = certify::request(&key, subject, uri)?;
        self.change(|contents| {
            contents.ring_mut(purpose, kind).keys.push(row);
            Ok(())
        })?;
        Ok((key.kid().to_owned(), request))
    }

    /// Puts a certificate beside the key that was requested for it; from `signs_from` on the key is used.
    ///
    /// # Errors
    ///
    /// `NoKey`; `State` if it has a certificate already; `Certificate` if the leaf is not this key's, is unreadable, or
    /// ends before `signs_until`.
    pub fn attach_certificate(
        &self,
        purpose: &Purpose,
        kid: &str,
        attachment: Attachment,
    ) -> Result<(), KeyStoreError> {
        let leaf = attachment.chain.first().ok_or(KeyStoreError::Certificate)?;
        let known = certify::known(leaf).map_err(|_| KeyStoreError::Certificate)?;
        let ordered =
            attachment.signs_from < attachment.signs_until && attachment.signs_until <= known.validity.not_after;
        if !ordered || attachment.chain.iter().any(|one| certify::known(one).is_err()) {
            return Err(KeyStoreError::Certificate);
        }
        let name = purpose.to_string();
        self.change(|contents| {
            let rings = contents.rings.iter_mut().filter(|ring| ring.purpose == name);
            let mut keys = rings.flat_map(|ring| ring.keys.iter_mut());
            let key = keys.find(|key| key.kid == kid).ok_or(KeyStoreError::NoKey)?;
            if key.certificate.is_some() {
                return Err(KeyStoreError::State("certified already"));
            }
            if key.spki.as_ref().is_none_or(|spki| spki.0 != known.spki) {
                return Err(KeyStoreError::Certificate);
            }
            key.active_from = Some(attachment.signs_from);
            key.certificate = Some(CertificateRow::from(attachment));
            Ok(())
        })
    }

    /// Destroys the private keys whose certificate no longer lets them sign at `now` (formats §6); says how many.
    ///
    /// # Errors
    ///
    /// As for a file that cannot be written.
    pub fn destroy_ended(&self, now: Timestamp) -> Result<usize, KeyStoreError> {
        let ended = |until: Timestamp, gone: bool| until <= now && !gone;
        let loaded = self.loaded();
        let keys = loaded.contents.rings.iter().flat_map(|ring| &ring.keys);
        let any = keys.filter_map(|key| key.certificate.as_ref().map(|row| (row.signs_until, key.secret.is_none())));
        if !any.into_iter().any(|(until, gone)| ended(until, gone)) {
            return Ok(0);
        }
        self.change(|contents| {
            let mut destroyed = 0;
            for key in contents.rings.iter_mut().flat_map(|ring| ring.keys.iter_mut()) {
                let Some(row) = &key.certificate else { continue };
                if ended(row.signs_until, key.secret.is_none()) {
                    key.secret = None;
                    key.destroyed_at = key.destroyed_at.or(Some(now));
                    destroyed += 1;
                }
            }
            Ok(destroyed)
        })
    }
}

impl From<Attachment> for CertificateRow {
    fn from(attachment: Attachment) -> Self {
        Self {
            chain: attachment.chain.into_iter().map(Bytes).collect(),
            types: attachment.power.types,
            regions: attachment.power.regions,
            signs_from: attachment.signs_from,
            signs_until: attachment.signs_until,
            foreign: attachment.foreign,
        }
    }
}
