//! X.509 certificates: read once into what is needed, and the path from one to a trust anchor (RFC 5280 §6).

mod constraints;
mod crl;
mod envelope;
mod extensions;
mod name;
mod path;
mod points;
mod policy;
mod power;
mod revocation;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use x509_parser::prelude::{FromDer as _, X509Certificate, X509Version};

use crate::algorithm::{CertificateAlgorithm, PublicKey};
use crate::encoding::hex;
use crate::time::Timestamp;

pub use crl::Crl;
pub use name::{GeneralName, Name};
pub use path::{Path, PathReason, Pool, Revocation, Rules};
pub use power::{Power, Usage};

use extensions::Extensions;

/// Bytes that are no X.509 certificate or CRL in DER.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an X.509 structure in DER")]
pub struct CertificateError;

/// The most bytes of one certificate.
pub const MAX_CERTIFICATE: usize = 64 * 1024;

/// A certificate, read but not judged: only a path says that anything in it holds.
#[derive(Clone)]
pub struct Certificate(Arc<Fields>);

struct Fields {
    der: Vec<u8>,
    sha256: [u8; 32],
    tbs: Range<usize>,
    is_version_3: bool,
    serial: Vec<u8>,
    issuer: Name,
    subject: Name,
    not_before: Timestamp,
    not_after: Timestamp,
    key: Option<PublicKey>,
    spki_sha256: [u8; 32],
    algorithm: Option<CertificateAlgorithm>,
    signature: Vec<u8>,
    extensions: Extensions,
}

impl Certificate {
    /// Reads one certificate that fills `der`.
    ///
    /// What makes it unfit (an unknown critical extension, a weak algorithm) is no error here but a reason of its path.
    pub fn parse(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > MAX_CERTIFICATE {
            return Err(CertificateError);
        }
        let (rest, parsed) = X509Certificate::from_der(der).map_err(|_| CertificateError)?;
        if !rest.is_empty() || parsed.signature_value.unused_bits != 0 {
            return Err(CertificateError);
        }
        let tbs = &parsed.tbs_certificate;
        let spki = tbs.subject_pki.raw;
        let same_algorithm = envelope::names_one_algorithm(der).ok_or(CertificateError)?;
        Ok(Self(Arc::new(Fields {
            sha256: crate::algorithm::sha256(der),
            tbs: range(der, tbs.as_ref()).ok_or(CertificateError)?,
            is_version_3: tbs.version == X509Version::V3,
            serial: tbs.raw_serial().to_vec(),
            issuer: Name::new(&tbs.issuer),
            subject: Name::new(&tbs.subject),
            not_before: Timestamp::from_seconds(tbs.validity.not_before.timestamp()),
            not_after: Timestamp::from_seconds(tbs.validity.not_after.timestamp()),
            key: PublicKey::from_spki_der(spki).ok(),
            spki_sha256: crate::algorithm::sha256(spki),
            algorithm: CertificateAlgorithm::from_identifier(&parsed.signature_algorithm).filter(|_| same_algorithm),
            signature: parsed.signature_value.data.to_vec(),
            extensions: Extensions::read(tbs),
            der: der.to_vec(),
        })))
    }

    /// The bytes that were read.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// SHA-256 of [`Self::der`].
    pub fn sha256(&self) -> &[u8; 32] {
        &self.0.sha256
    }

    /// The subject's key; none if its type is not supported.
    pub fn public_key(&self) -> Option<&PublicKey> {
        self.0.key.as_ref()
    }

    /// SHA-256 of the subject's `SubjectPublicKeyInfo` as it stands.
    pub fn spki_sha256(&self) -> &[u8; 32] {
        &self.0.spki_sha256
    }

    /// The subject's name.
    pub fn subject(&self) -> &Name {
        &self.0.subject
    }

    /// The issuer's name.
    pub fn issuer(&self) -> &Name {
        &self.0.issuer
    }

    /// The serial number's bytes as they stand.
    pub fn serial(&self) -> &[u8] {
        &self.0.serial
    }

    /// The first second of its validity.
    pub fn not_before(&self) -> Timestamp {
        self.0.not_before
    }

    /// The last second of its validity (inclusive, RFC 5280 §4.1.2.5).
    pub fn not_after(&self) -> Timestamp {
        self.0.not_after
    }

    /// The subject's `organizationName`, the first if there are several.
    pub fn organization_name(&self) -> Option<&str> {
        self.0.subject.texts("2.5.4.10").next()
    }

    /// The subject's `organizationIdentifier` (2.5.4.97): a credit code. None unless there is exactly one.
    pub fn organization_identifier(&self) -> Option<&str> {
        let mut all = self.0.subject.texts("2.5.4.97");
        all.next().filter(|_| all.next().is_none())
    }

    /// The URIs among the subject's alternative names.
    pub fn uris(&self) -> impl Iterator<Item = &str> {
        self.0.extensions.alternative_names.iter().filter_map(|name| match name {
            GeneralName::Uri(uri) => Some(uri.as_str()),
            _ => None,
        })
    }

    /// The extended key usages as dotted object identifiers; none if the extension is absent.
    pub fn extended_key_usages(&self) -> Option<&[String]> {
        self.0.extensions.extended_key_usages.as_deref()
    }

    /// The usages of ours, `{oid_arc}.1.n`, that the certificate names.
    pub fn usages(&self, oid_arc: &str) -> Vec<Usage> {
        self.extended_key_usages().unwrap_or_default().iter().filter_map(|oid| Usage::from_oid(oid, oid_arc)).collect()
    }

    /// The power of the extension `{oid_arc}.2`: absent, readable, or there and malformed (then it gives none).
    pub fn power(&self, oid_arc: &str) -> Option<Power> {
        let oid = format!("{oid_arc}.2");
        let value = self.0.extensions.others.iter().find(|(name, _)| *name == oid)?;
        Some(Power::read(&value.1).unwrap_or_default())
    }

    /// Whether basic constraints say that this is a CA.
    pub fn is_ca(&self) -> bool {
        self.0.extensions.basic.is_some_and(|basic| basic.is_ca)
    }

    fn is_self_issued(&self) -> bool {
        self.0.subject == self.0.issuer
    }

    /// Whether `self` can be the issuer that `child` names.
    fn could_issue_certificate(&self, child: &Self) -> bool {
        self.could_issue(child.issuer(), child.0.extensions.authority.as_ref())
    }

    /// Whether `self` can have signed what names its issuer so, before any signature is computed.
    fn could_issue(&self, issuer: &Name, authority: Option<&extensions::Authority>) -> bool {
        self.0.subject == *issuer
            && authority.is_none_or(|authority| {
                let key_fits = match (&authority.key, &self.0.extensions.subject_key) {
                    (Some(key), Some(own)) => key == own,
                    _ => true,
                };
                let names_fit = match (&authority.issuer, &authority.serial) {
                    (Some(issuer), Some(serial)) => {
                        issuer.contains(&GeneralName::Directory(self.0.issuer.clone())) && *serial == self.0.serial
                    }
                    _ => true,
                };
                key_fits && names_fit
            })
    }

    /// Whether the signature over `child` is by this certificate's key.
    fn signed(&self, child: &Self) -> bool {
        let (Some(key), Some(algorithm)) = (&self.0.key, child.0.algorithm) else { return false };
        key.verify_certificate(algorithm, &child.0.der[child.0.tbs.clone()], &child.0.signature).is_ok()
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.0.sha256 == other.0.sha256
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, {})", self.0.subject, hex::encode(self.0.sha256))
    }
}

/// Where `part` lies in `whole`, if it is a piece of it.
fn range(whole: &[u8], part: &[u8]) -> Option<Range<usize>> {
    let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    (start + part.len() <= whole.len()).then_some(start..start + part.len())
}
