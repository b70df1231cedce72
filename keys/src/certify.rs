//! Certificate profiles of our own (formats §6): root, subordinate, department leaf, status signer; requests out.
//!
//! What every certificate here has: a positive serial of 16 octets with 126 random bits (RFC 5280 §4.1.2.2), names in
//! UTF-8, a subject key identifier, and an authority key identifier that is the signing CA's own subject key identifier,
//! read from its certificate and never computed anew (§4.2.1.1). Extensions of ours are never critical.

mod power;
mod profile;

use rcgen::{CertificateParams, Issuer, KeyUsagePurpose, PublicKeyData, SignatureAlgorithm, SigningKey};
use verifier::algorithm::{Algorithm, PublicKey};
use verifier::region::Region;
use verifier::time::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer as _;

pub use power::OidArc;
pub use profile::{Leaf, Subject, Usage, Validity};
pub use verifier::certificate::Power;

use crate::signer::{Signer, ecdsa_der};

/// How long a root certificate lives: it outlasts whatever is certified under it.
pub const ROOT_YEARS: i64 = 45;
/// How long a subordinate's certificate lives.
pub const SUBORDINATE_YEARS: i64 = 40;
/// The longest life of a signing certificate of a department (formats §6).
pub const LEAF_MOST_YEARS: i64 = 30;
/// How long a department's key signs (formats §6), in days.
pub const SIGNING_DAYS: i64 = 730;

/// Why no certificate was made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertifyError {
    /// A name is empty, too long (64 characters, RFC 5280 A.1) or holds a control character.
    #[error("the subject's {0} is empty, too long or holds a control character")]
    Subject(&'static str),
    /// An address is no ASCII text.
    #[error("the address of the subject is not a plain URI")]
    Uri,
    /// The OID arc is no list of at least two numbers.
    #[error("{0:?} is no OID arc")]
    OidArc(String),
    /// The certificate's life does not lie within that of its CA.
    #[error("the validity is empty or goes beyond that of the certification authority")]
    Validity,
    /// The certificate of the CA is unreadable, not that of its key, or certifies nothing at this depth.
    #[error("the certificate of the certification authority {0}")]
    Ca(&'static str),
    /// A region is no code of 6, 9 or 12 digits.
    #[error("a region's code is malformed")]
    Region,
    /// The power asked for is more than the CA's own upper bound.
    #[error("the types or regions go beyond the upper bound of the certification authority")]
    Power,
    /// A request is unreadable or its signature does not belong to its key.
    #[error("the certificate request is unreadable or its signature differs")]
    Request,
    /// The key did not sign, or is of a kind that certificates here do not have.
    #[error("the certificate could not be signed")]
    Signing,
}

/// A certification authority at work: its certificate and its key.
pub struct Ca<'a> {
    certificate: &'a [u8],
    signer: &'a dyn Signer,
    not_before: i64,
    not_after: i64,
    path_length: Option<u32>,
    has_key_identifier: bool,
    bound: Option<Power>,
}

impl<'a> Ca<'a> {
    /// Takes the CA's certificate (DER, ours or a foreign one) and its key. `arc` is where power extensions hang.
    ///
    /// # Errors
    ///
    /// `Ca` if the certificate is unreadable, another key's, or may not certify.
    pub fn new(certificate: &'a [u8], signer: &'a dyn Signer, arc: &OidArc) -> Result<Self, CertifyError> {
        let parsed = parse(certificate)?;
        if parsed.public_key().raw != signer.public_key().spki_der() {
            return Err(CertifyError::Ca("is another key's"));
        }
        let constraints = parsed.basic_constraints().ok().flatten().map(|extension| extension.value);
        let constraints = constraints.filter(|value| value.ca).ok_or(CertifyError::Ca("is no CA's"))?;
        let usage = parsed.key_usage().ok().flatten();
        if usage.is_some_and(|usage| !usage.value.key_cert_sign()) {
            return Err(CertifyError::Ca("may not sign certificates"));
        }
        Ok(Self {
            certificate,
            signer,
            not_before: parsed.validity().not_before.timestamp(),
            not_after: parsed.validity().not_after.timestamp(),
            path_length: constraints.path_len_constraint,
            has_key_identifier: subject_key_identifier(&parsed).is_some(),
            bound: power::of(&parsed, arc)?,
        })
    }

    /// Certifies a subordinate CA of `path_length`, with `power` as the upper bound of what may be certified under it
    /// (`None`: no bound of its own).
    ///
    /// # Errors
    ///
    /// `Ca` if the path length leaves no room for it, `Power` if its bound goes beyond this CA's, `Validity`, `Subject`.
    pub fn subordinate(
        &self,
        public: &PublicKey,
        subject: &Subject,
        validity: Validity,
        path_length: u8,
        power: Option<(&OidArc, &Power)>,
    ) -> Result<Vec<u8>, CertifyError> {
        if self.path_length.is_some_and(|most| u32::from(path_length) >= most) {
            return Err(CertifyError::Ca("leaves no room for a subordinate of this path length"));
        }
        self.check(validity, power.map(|(_, power)| power))?;
        let mut params = profile::authority(subject, validity, path_length)?;
        if let Some((arc, power)) = power {
            params.custom_extensions.push(power::extension(power, arc));
        }
        self.issue(params, public)
    }

    /// Certifies a signing key by the leaf profile.
    ///
    /// # Errors
    ///
    /// `Power` if the types or regions go beyond this CA's bound, `Validity`, `Subject`, `Uri`.
    pub fn leaf(&self, arc: &OidArc, public: &PublicKey, leaf: &Leaf) -> Result<Vec<u8>, CertifyError> {
        self.check(leaf.validity, leaf.power.as_ref())?;
        self.issue(leaf.params(arc)?, public)
    }

    /// As `leaf`, for the key of a certificate request (RFC 2986, DER); of the request only the key counts, everything
    /// else stands as `leaf` says.
    ///
    /// # Errors
    ///
    /// `Request` if it is unreadable or not signed by its key, else as `leaf`.
    pub fn leaf_for_request(&self, arc: &OidArc, request: &[u8], leaf: &Leaf) -> Result<Vec<u8>, CertifyError> {
        let request = rcgen::CertificateSigningRequestParams::from_der(&request.into());
        let request = request.map_err(|_| CertifyError::Request)?;
        let spki = request.public_key.subject_public_key_info();
        let public = PublicKey::from_spki_der(&spki).map_err(|_| CertifyError::Request)?;
        self.leaf(arc, &public, leaf)
    }

    fn check(&self, validity: Validity, power: Option<&Power>) -> Result<(), CertifyError> {
        let within = self.not_before <= validity.not_before.seconds()
            && validity.not_before < validity.not_after
            && validity.not_after.seconds() <= self.not_after;
        if !within {
            return Err(CertifyError::Validity);
        }
        if power.is_some_and(|power| power.regions.iter().any(|region| region.parse::<Region>().is_err())) {
            return Err(CertifyError::Region);
        }
        match (&self.bound, power) {
            (Some(bound), Some(power)) if !power::covers(bound, power) => Err(CertifyError::Power),
            _ => Ok(()),
        }
    }

    fn issue(&self, mut params: CertificateParams, public: &PublicKey) -> Result<Vec<u8>, CertifyError> {
        params.use_authority_key_identifier_extension = self.has_key_identifier;
        params.serial_number = Some(profile::serial()?);
        let key = SignerKey { signer: self.signer };
        let issuer =
            Issuer::from_ca_cert_der(&self.certificate.into(), &key).map_err(|_| CertifyError::Ca("is unreadable"))?;
        let certificate = params.signed_by(&Public(public), &issuer).map_err(|_| CertifyError::Signing)?.der().to_vec();
        let (ca, made) = (parse(self.certificate)?, parse(&certificate)?);
        if made.issuer().as_raw() != ca.subject().as_raw()
            || authority_key_identifier(&made) != subject_key_identifier(&ca)
        {
            return Err(CertifyError::Ca("has a name that cannot be repeated byte for byte"));
        }
        Ok(certificate)
    }
}

/// A self-signed root certificate (DER).
///
/// # Errors
///
/// `Subject`, `Validity`, or `Signing` if the key does not sign.
pub fn root(
    signer: &dyn Signer,
    subject: &Subject,
    validity: Validity,
    path_length: u8,
) -> Result<Vec<u8>, CertifyError> {
    if validity.not_before >= validity.not_after {
        return Err(CertifyError::Validity);
    }
    let mut params = profile::authority(subject, validity, path_length)?;
    params.serial_number = Some(profile::serial()?);
    params.use_authority_key_identifier_extension = true;
    let made = params.self_signed(&SignerKey { signer }).map_err(|_| CertifyError::Signing)?;
    Ok(made.der().to_vec())
}

/// A certificate request (PKCS #10, RFC 2986, DER) for a foreign CA: subject, key usage and, if given, the URI by which
/// our credentials name the signer.
///
/// # Errors
///
/// `Subject`, `Uri`, or `Signing` if the key does not sign.
pub fn request(signer: &dyn Signer, subject: &Subject, uri: Option<&str>) -> Result<Vec<u8>, CertifyError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject.name()?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    if let Some(uri) = uri {
        params.subject_alt_names.push(profile::uri(uri)?);
    }
    let made = params.serialize_request(&SignerKey { signer }).map_err(|_| CertifyError::Signing)?;
    Ok(made.der().to_vec())
}

/// SHA-256 of some bytes, lower-case hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    verifier::encoding::hex::encode(ring::digest::digest(&ring::digest::SHA256, bytes))
}

/// Some DER as a PEM block (RFC 7468) of that label.
pub fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(64) {
        out.push_str(std::str::from_utf8(line).expect("base64 is ASCII"));
        out.push('\n');
    }
    out + &format!("-----END {label}-----\n")
}

/// The certificates (DER) of a PEM text, in its order; other blocks and a byte order mark before the first are passed over.
///
/// # Errors
///
/// `Request` if a block is broken, a byte order mark stands further on, or there are more than 16.
pub fn certificates_of_pem(text: &str) -> Result<Vec<Vec<u8>>, CertifyError> {
    let mut out = Vec::new();
    let text = verifier::encoding::without_mark(text.as_bytes()).map_err(|_| CertifyError::Request)?;
    for block in x509_parser::pem::Pem::iter_from_buffer(text) {
        let block = block.map_err(|_| CertifyError::Request)?;
        if block.label == "CERTIFICATE" {
            out.push(block.contents);
        }
        if out.len() > 16 {
            return Err(CertifyError::Request);
        }
    }
    Ok(out)
}

/// What is read from a certificate that stands beside a key.
pub(crate) struct Known {
    pub(crate) spki: Vec<u8>,
    pub(crate) subject: Subject,
    pub(crate) validity: Validity,
    pub(crate) uri: Option<String>,
}

/// Reads what `Known` says from a certificate.
pub(crate) fn known(certificate: &[u8]) -> Result<Known, CertifyError> {
    use x509_parser::extensions::GeneralName;
    let parsed = parse(certificate)?;
    let names = parsed.subject_alternative_name().ok().flatten();
    let uri = names.and_then(|names| {
        names.value.general_names.iter().find_map(|name| match name {
            GeneralName::URI(uri) => Some((*uri).to_owned()),
            _ => None,
        })
    });
    let instant = |seconds| Timestamp::from_seconds(seconds);
    Ok(Known {
        spki: parsed.public_key().raw.to_vec(),
        subject: Subject::of(parsed.subject()),
        validity: Validity {
            not_before: instant(parsed.validity().not_before.timestamp()),
            not_after: instant(parsed.validity().not_after.timestamp()),
        },
        uri,
    })
}

/// The power that a certificate carries; `None` if it has no such extension.
pub(crate) fn power_of(certificate: &[u8], arc: &OidArc) -> Result<Option<Power>, CertifyError> {
    power::of(&parse(certificate)?, arc)
}

fn parse(certificate: &[u8]) -> Result<X509Certificate<'_>, CertifyError> {
    match X509Certificate::from_der(certificate) {
        Ok(([], parsed)) => Ok(parsed),
        _ => Err(CertifyError::Ca("is unreadable")),
    }
}

fn subject_key_identifier<'a>(certificate: &X509Certificate<'a>) -> Option<&'a [u8]> {
    certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(identifier) => Some(identifier.0),
        _ => None,
    })
}

fn authority_key_identifier<'a>(certificate: &X509Certificate<'a>) -> Option<&'a [u8]> {
    certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(identifier) => identifier.key_identifier.as_ref().map(|key| key.0),
        _ => None,
    })
}

/// A signer as rcgen sees a key.
struct SignerKey<'a> {
    signer: &'a dyn Signer,
}

struct Public<'a>(&'a PublicKey);

impl PublicKeyData for SignerKey<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.signer.public_key().raw()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        match self.signer.algorithm() {
            Algorithm::Es256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            Algorithm::EdDsa => &rcgen::PKCS_ED25519,
            Algorithm::Rs256 => &rcgen::PKCS_RSA_SHA256,
        }
    }
}

impl PublicKeyData for Public<'_> {
    fn subject_public_key_info(&self) -> Vec<u8> {
        self.0.spki_der().to_vec()
    }

    fn der_bytes(&self) -> &[u8] {
        self.0.raw()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        if self.0.fits(Algorithm::EdDsa) {
            &rcgen::PKCS_ED25519
        } else if self.0.fits(Algorithm::Rs256) {
            &rcgen::PKCS_RSA_SHA256
        } else {
            &rcgen::PKCS_ECDSA_P256_SHA256
        }
    }
}

impl SigningKey for SignerKey<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signature = self.signer.sign(message).map_err(|_| rcgen::Error::RemoteKeyError)?;
        Ok(match self.signer.algorithm() {
            Algorithm::Es256 => ecdsa_der(&signature),
            Algorithm::EdDsa | Algorithm::Rs256 => signature,
        })
    }
}
