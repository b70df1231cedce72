//! The names, lives and extensions of each profile.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose,
    SanType, SerialNumber,
};
use ring::rand::{SecureRandom as _, SystemRandom};
use time::OffsetDateTime;
use verifier::subject::SocialCreditCode;
use verifier::time::Timestamp;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use super::{CertifyError, OidArc, Power, power};
use crate::purpose::DepartmentUse;

/// organizationIdentifier (ITU-T X.520 §6.4.4), which carries the unified social credit code.
const ORGANIZATION_IDENTIFIER: [u64; 4] = [2, 5, 4, 97];

/// The subject of a certificate, written in UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// organizationName.
    pub organization: String,
    /// organizationIdentifier (2.5.4.97): the unified social credit code.
    pub credit_code: Option<String>,
    /// commonName.
    pub common_name: String,
}

/// From when, and until when, a certificate is valid; X.509 counts the last second in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub not_before: Timestamp,
    /// The last second.
    pub not_after: Timestamp,
}

/// What a leaf's key does: the last number of its extended key usage `{oid_arc}.1.n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// One of a department's four.
    Department(DepartmentUse),
    /// Status lists.
    Status,
    /// Trusted timestamps (beside id-kp-timeStamping, RFC 3161 §2.3).
    Timestamps,
}

/// What a signing key's certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Whose it is.
    pub subject: Subject,
    /// What the key does.
    pub usage: Usage,
    /// The URI in subjectAltName: a credential's `iss`, a status signer's origin.
    pub uri: Option<String>,
    /// Types and regions; `None` for keys that are no department's.
    pub power: Option<Power>,
    /// Its life.
    pub validity: Validity,
}

impl Subject {
    /// What of a certificate's subject is ours; what it lacks is empty.
    pub(super) fn of(name: &X509Name<'_>) -> Self {
        let text = |attribute: Option<&AttributeTypeAndValue<'_>>| {
            attribute.and_then(|attribute| attribute.as_str().ok()).map(str::to_owned)
        };
        let code = name.iter_attributes().find(|attribute| attribute.attr_type().to_id_string() == "2.5.4.97");
        Self {
            organization: text(name.iter_organization().next()).unwrap_or_default(),
            credit_code: text(code),
            common_name: text(name.iter_common_name().next()).unwrap_or_default(),
        }
    }

    pub(super) fn name(&self) -> Result<DistinguishedName, CertifyError> {
        let mut name = DistinguishedName::new();
        name.push(DnType::OrganizationName, checked("organizationName", &self.organization)?);
        if let Some(code) = &self.credit_code {
            code.parse::<SocialCreditCode>().map_err(|_| CertifyError::Subject("organizationIdentifier"))?;
            let kind = DnType::CustomDnType(ORGANIZATION_IDENTIFIER.to_vec());
            name.push(kind, checked("organizationIdentifier", code)?);
        }
        name.push(DnType::CommonName, checked("commonName", &self.common_name)?);
        Ok(name)
    }
}

impl Validity {
    /// From `from` for a number of years of 365.25 days.
    pub fn years(from: Timestamp, years: i64) -> Self {
        Self { not_before: from, not_after: from.plus(years.saturating_mul(31_557_600)) }
    }

    fn set(self, params: &mut CertificateParams) -> Result<(), CertifyError> {
        let instant = |at: Timestamp| {
            let instant = OffsetDateTime::from_unix_timestamp(at.seconds()).map_err(|_| CertifyError::Validity)?;
            if (1950..=9999).contains(&instant.year()) { Ok(instant) } else { Err(CertifyError::Validity) }
        };
        params.not_before = instant(self.not_before)?;
        params.not_after = instant(self.not_after)?;
        Ok(())
    }
}

impl Usage {
    /// The `n` of `{oid_arc}.1.n`.
    pub fn number(self) -> u64 {
        match self {
            Self::Department(DepartmentUse::Credential) => 1,
            Self::Department(DepartmentUse::Code) => 2,
            Self::Department(DepartmentUse::Stamping) => 3,
            Self::Department(DepartmentUse::Copies) => 4,
            Self::Status => 5,
            Self::Timestamps => 6,
        }
    }
}

impl Leaf {
    pub(super) fn params(&self, arc: &OidArc) -> Result<CertificateParams, CertifyError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = self.subject.name()?;
        self.validity.set(&mut params)?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Other(arc.under(&[1, self.usage.number()]))];
        if self.usage == Usage::Timestamps {
            params.extended_key_usages.push(ExtendedKeyUsagePurpose::TimeStamping);
        }
        if let Some(text) = &self.uri {
            params.subject_alt_names.push(uri(text)?);
        }
        if let Some(power) = &self.power {
            params.custom_extensions.push(power::extension(power, arc));
        }
        Ok(params)
    }
}

/// The parameters of a CA's certificate: critical basicConstraints and keyUsage keyCertSign, cRLSign.
pub(super) fn authority(
    subject: &Subject,
    validity: Validity,
    path_length: u8,
) -> Result<CertificateParams, CertifyError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject.name()?;
    validity.set(&mut params)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path_length));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

/// A serial number: positive, 16 octets, 126 random bits, no leading zero (RFC 5280 §4.1.2.2).
pub(super) fn serial() -> Result<SerialNumber, CertifyError> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| CertifyError::Signing)?;
    bytes[0] = 0x40 | (bytes[0] & 0x3f);
    Ok(SerialNumber::from_slice(&bytes))
}

pub(super) fn uri(text: &str) -> Result<SanType, CertifyError> {
    let plain = !text.is_empty() && text.len() <= 512 && text.bytes().all(|byte| byte.is_ascii_graphic());
    let text = text.try_into().map_err(|_| CertifyError::Uri)?;
    if plain { Ok(SanType::URI(text)) } else { Err(CertifyError::Uri) }
}

fn checked<'a>(field: &'static str, text: &'a str) -> Result<&'a str, CertifyError> {
    let fits = (1..=64).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fits { Ok(text) } else { Err(CertifyError::Subject(field)) }
}
