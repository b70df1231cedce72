//! The signature algorithms of certificates and CRLs (RFC 4055, RFC 5758, RFC 8410).

use ring::signature::{self, VerificationAlgorithm};
use x509_parser::oid_registry as oid;
use x509_parser::prelude::AlgorithmIdentifier;
use x509_parser::signature_algorithm::SignatureAlgorithm;

use super::Kind;

/// An algorithm by which a certificate or CRL may be signed. MD5 and SHA-1 are not among them and never will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CertificateAlgorithm {
    /// RSA PKCS#1 v1.5 with SHA-256.
    RsaSha256,
    /// RSA PKCS#1 v1.5 with SHA-384.
    RsaSha384,
    /// RSA PKCS#1 v1.5 with SHA-512.
    RsaSha512,
    /// RSA-PSS with SHA-256, MGF1 with the same, a salt of 32 bytes.
    RsaPssSha256,
    /// RSA-PSS with SHA-384, MGF1 with the same, a salt of 48 bytes.
    RsaPssSha384,
    /// RSA-PSS with SHA-512, MGF1 with the same, a salt of 64 bytes.
    RsaPssSha512,
    /// ECDSA with SHA-256, on P-256 or P-384.
    EcdsaSha256,
    /// ECDSA with SHA-384, on P-256 or P-384.
    EcdsaSha384,
    /// Ed25519.
    Ed25519,
}

impl CertificateAlgorithm {
    /// The algorithm that an identifier names, with parameters in the form that its RFC demands.
    pub fn from_identifier(identifier: &AlgorithmIdentifier<'_>) -> Option<Self> {
        if identifier.algorithm == oid::OID_PKCS1_RSASSAPSS {
            let Ok(SignatureAlgorithm::RSASSA_PSS(parameters)) = SignatureAlgorithm::try_from(identifier) else {
                return None;
            };
            let hash = parameters.hash_algorithm_oid();
            let mask = parameters.mask_gen_algorithm().ok()?;
            let (algorithm, salt) = if *hash == oid::OID_NIST_HASH_SHA256 {
                (Self::RsaPssSha256, 32)
            } else if *hash == oid::OID_NIST_HASH_SHA384 {
                (Self::RsaPssSha384, 48)
            } else if *hash == oid::OID_NIST_HASH_SHA512 {
                (Self::RsaPssSha512, 64)
            } else {
                return None;
            };
            let fits = mask.hash == *hash && parameters.salt_length() == salt && parameters.trailer_field() == 1;
            return fits.then_some(algorithm);
        }
        let name = &identifier.algorithm;
        let parameters = identifier.parameters.as_ref();
        let null = parameters.is_none_or(|any| any.header.tag().0 == 5 && any.data.is_empty());
        let rsa = [
            (oid::OID_PKCS1_SHA256WITHRSA, Self::RsaSha256),
            (oid::OID_PKCS1_SHA384WITHRSA, Self::RsaSha384),
            (oid::OID_PKCS1_SHA512WITHRSA, Self::RsaSha512),
        ];
        let bare = [
            (oid::OID_SIG_ECDSA_WITH_SHA256, Self::EcdsaSha256),
            (oid::OID_SIG_ECDSA_WITH_SHA384, Self::EcdsaSha384),
            (oid::OID_SIG_ED25519, Self::Ed25519),
        ];
        let with_null = rsa.into_iter().find(|(oid, _)| oid == name && null);
        let with_none = || bare.into_iter().find(|(oid, _)| oid == name && parameters.is_none());
        with_null.or_else(with_none).map(|(_, algorithm)| algorithm)
    }

    /// How a key of that kind checks it; none where the two do not go together.
    pub(super) fn with(self, kind: Kind) -> Option<&'static dyn VerificationAlgorithm> {
        Some(match (self, kind) {
            (Self::RsaSha256, Kind::Rsa) => &signature::RSA_PKCS1_2048_8192_SHA256,
            (Self::RsaSha384, Kind::Rsa) => &signature::RSA_PKCS1_2048_8192_SHA384,
            (Self::RsaSha512, Kind::Rsa) => &signature::RSA_PKCS1_2048_8192_SHA512,
            (Self::RsaPssSha256, Kind::Rsa) => &signature::RSA_PSS_2048_8192_SHA256,
            (Self::RsaPssSha384, Kind::Rsa) => &signature::RSA_PSS_2048_8192_SHA384,
            (Self::RsaPssSha512, Kind::Rsa) => &signature::RSA_PSS_2048_8192_SHA512,
            (Self::EcdsaSha256, Kind::P256) => &signature::ECDSA_P256_SHA256_ASN1,
            (Self::EcdsaSha384, Kind::P256) => &signature::ECDSA_P256_SHA384_ASN1,
            (Self::EcdsaSha256, Kind::P384) => &signature::ECDSA_P384_SHA256_ASN1,
            (Self::EcdsaSha384, Kind::P384) => &signature::ECDSA_P384_SHA384_ASN1,
            (Self::Ed25519, Kind::Ed25519) => &signature::ED25519,
            _ => return None,
        })
    }
}
