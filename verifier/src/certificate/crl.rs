//! Certificate revocation lists (RFC 5280 §5), read once into a table of what they list.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use x509_parser::extensions::ParsedExtension;
use x509_parser::oid_registry::OID_X509_EXT_ISSUER_DISTRIBUTION_POINT;
use x509_parser::prelude::{CertificateRevocationList, FromDer as _, ReasonCode, RevokedCertificate, X509Extension};

use super::extensions::{Authority, general_names};
use super::name::{GeneralName, Name};
use super::points::{self, Scope};
use super::{Certificate, CertificateError, envelope, range};
use crate::algorithm::CertificateAlgorithm;
use crate::time::Timestamp;

/// A CRL, read but not judged.
#[derive(Clone)]
pub struct Crl {
    der: Vec<u8>,
    tbs: Range<usize>,
    algorithm: Option<CertificateAlgorithm>,
    signature: Vec<u8>,
    pub(super) issuer: Name,
    pub(super) this_update: Timestamp,
    pub(super) next_update: Option<Timestamp>,
    pub(super) number: Option<Vec<u8>>,
    /// Of a delta CRL: the number of the complete one that it continues.
    pub(super) delta_base: Option<Vec<u8>>,
    pub(super) scope: Scope,
    pub(super) authority: Option<Authority>,
    /// A critical extension of the list or of an entry that is not understood.
    pub(super) has_unprocessed: bool,
    entries: HashMap<Vec<u8>, Vec<Entry>>,
}

/// What a CRL says about one certificate.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The certificate's issuer where it is not the CRL's (RFC 5280 §5.3.3).
    issuer: Option<Name>,
    /// When it was revoked, or became invalid if that was earlier.
    pub(super) since: Timestamp,
    /// The entry of a delta CRL that takes a hold off.
    pub(super) is_removed: bool,
}

/// The most bytes of one CRL.
const MAX_CRL: usize = 32 * 1024 * 1024;

impl Crl {
    /// Reads one CRL that fills `der`.
    pub fn parse(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > MAX_CRL {
            return Err(CertificateError);
        }
        let (rest, parsed) = CertificateRevocationList::from_der(der).map_err(|_| CertificateError)?;
        let tbs = &parsed.tbs_cert_list;
        if !rest.is_empty() || parsed.signature_value.unused_bits != 0 {
            return Err(CertificateError);
        }
        let same_algorithm = envelope::names_one_algorithm(der).ok_or(CertificateError)?;
        let mut crl = Self {
            tbs: range(der, tbs.as_ref()).ok_or(CertificateError)?,
            algorithm: CertificateAlgorithm::from_identifier(&parsed.signature_algorithm).filter(|_| same_algorithm),
            signature: parsed.signature_value.data.to_vec(),
            issuer: Name::new(&tbs.issuer),
            this_update: Timestamp::from_seconds(tbs.this_update.timestamp()),
            next_update: tbs.next_update.map(|time| Timestamp::from_seconds(time.timestamp())),
            number: None,
            delta_base: None,
            scope: Scope::default(),
            authority: None,
            has_unprocessed: false,
            entries: HashMap::new(),
            der: der.to_vec(),
        };
        for extension in tbs.extensions() {
            crl.take(extension);
        }
        let mut issuer = None;
        for entry in &tbs.revoked_certificates {
            crl.list(entry, &mut issuer);
        }
        Ok(crl)
    }

    fn take(&mut self, extension: &X509Extension<'_>) {
        match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(authority) => {
                self.authority = Some(Authority {
                    key: authority.key_identifier.as_ref().map(|key| key.0.to_vec()),
                    issuer: authority.authority_cert_issuer.as_deref().map(GeneralName::list),
                    serial: authority.authority_cert_serial.map(<[u8]>::to_vec),
                });
            }
            ParsedExtension::CRLNumber(number) => self.number = Some(number.to_bytes_be()),
            _ if extension.oid == OID_X509_EXT_ISSUER_DISTRIBUTION_POINT => {
                let read = points::scope(extension.value, &self.issuer);
                self.has_unprocessed |= read.is_none();
                self.scope = read.unwrap_or_default();
            }
            _ if extension.oid.to_id_string() == DELTA_INDICATOR => match extension.value {
                [2, length, number @ ..] if usize::from(*length) == number.len() && !number.is_empty() => {
                    let zeros = number.iter().take_while(|byte| **byte == 0).count().min(number.len() - 1);
                    self.delta_base = Some(number[zeros..].to_vec());
                }
                _ => self.has_unprocessed = true,
            },
            ParsedExtension::IssuerAlternativeName(_) | ParsedExtension::AuthorityInfoAccess(_) => {}
            _ => self.has_unprocessed |= extension.critical,
        }
    }

    /// Enters one entry; `issuer` is that of the entries before, which stands until another is named.
    fn list(&mut self, entry: &RevokedCertificate<'_>, issuer: &mut Option<Name>) {
        let mut since = Timestamp::from_seconds(entry.revocation_date.timestamp());
        let mut is_removed = false;
        for extension in entry.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::ReasonCode(reason) => is_removed = *reason == ReasonCode::RemoveFromCRL,
                ParsedExtension::InvalidityDate(date) => {
                    since = since.min(Timestamp::from_seconds(date.timestamp()));
                }
                _ if extension.oid.to_id_string() == CERTIFICATE_ISSUER => {
                    let names = general_names(extension.value).unwrap_or_default();
                    *issuer = names.into_iter().find_map(|name| match name {
                        GeneralName::Directory(name) => Some(name),
                        _ => None,
                    });
                    self.has_unprocessed |= issuer.is_none();
                }
                _ => self.has_unprocessed |= extension.critical,
            }
        }
        let one = Entry { issuer: issuer.clone(), since, is_removed };
        self.entries.entry(entry.raw_serial().to_vec()).or_default().push(one);
    }

    /// The bytes that were read.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The name of its issuer.
    pub fn issuer(&self) -> &Name {
        &self.issuer
    }

    /// What the list says about `certificate`, wherever it is trusted for that.
    pub(super) fn entry(&self, certificate: &Certificate) -> Option<&Entry> {
        let entries = self.entries.get(certificate.serial())?;
        entries.iter().find(|entry| entry.issuer.as_ref().unwrap_or(&self.issuer) == certificate.issuer())
    }

    /// Whether the signature is by that certificate's key, which may sign CRLs.
    pub(super) fn is_signed_by(&self, issuer: &Certificate) -> bool {
        let may = issuer.0.extensions.key_usage.is_none_or(|usage| usage & super::extensions::CRL_SIGN != 0);
        let (Some(key), Some(algorithm), true) = (issuer.public_key(), self.algorithm, may) else { return false };
        issuer.could_issue(&self.issuer, self.authority.as_ref())
            && key.verify_certificate(algorithm, &self.der[self.tbs.clone()], &self.signature).is_ok()
    }
}

const DELTA_INDICATOR: &str = "2.5.29.27";
const CERTIFICATE_ISSUER: &str = "2.5.29.29";

impl fmt::Debug for Crl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Crl({}, {})", self.issuer, self.this_update)
    }
}
