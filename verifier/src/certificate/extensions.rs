//! What the extensions of a certificate say, owned and ready to be asked.

use x509_parser::extensions::{
    AuthorityKeyIdentifier, ExtendedKeyUsage, GeneralSubtree, NameConstraints, ParsedExtension, PolicyMapping,
};
use x509_parser::oid_registry::OID_X509_EXT_CRL_DISTRIBUTION_POINTS;
use x509_parser::prelude::{FromDer as _, TbsCertificate, X509Extension};

use super::name::{GeneralName, Name};
use super::points::{self, Point};

/// Basic constraints (RFC 5280 §4.2.1.9).
#[derive(Clone, Copy, Debug)]
pub(super) struct Basic {
    pub(super) is_ca: bool,
    pub(super) path_length: Option<u32>,
}

/// The authority key identifier (RFC 5280 §4.2.1.1).
#[derive(Clone, Debug, Default)]
pub(super) struct Authority {
    pub(super) key: Option<Vec<u8>>,
    pub(super) issuer: Option<Vec<GeneralName>>,
    pub(super) serial: Option<Vec<u8>>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Extensions {
    pub(super) basic: Option<Basic>,
    /// Bit 0 is digitalSignature.
    pub(super) key_usage: Option<u16>,
    pub(super) extended_key_usages: Option<Vec<String>>,
    pub(super) subject_key: Option<Vec<u8>>,
    pub(super) authority: Option<Authority>,
    pub(super) alternative_names: Vec<GeneralName>,
    pub(super) permitted: Vec<GeneralName>,
    pub(super) excluded: Vec<GeneralName>,
    pub(super) has_name_constraints: bool,
    pub(super) policies: Option<Vec<String>>,
    pub(super) mappings: Vec<(String, String)>,
    pub(super) require_explicit_policy: Option<u32>,
    pub(super) inhibit_policy_mapping: Option<u32>,
    pub(super) inhibit_any_policy: Option<u32>,
    pub(super) points: Vec<Point>,
    /// Extensions that are not of RFC 5280, with their values.
    pub(super) others: Vec<(String, Vec<u8>)>,
    /// A critical extension that is not understood, or one that cannot be read, or stands twice.
    pub(super) has_unprocessed: bool,
    /// A key identifier that is critical, which RFC 5280 forbids.
    pub(super) has_critical_key_identifier: bool,
}

pub(super) const DIGITAL_SIGNATURE: u16 = 1;
pub(super) const KEY_CERT_SIGN: u16 = 1 << 5;
pub(super) const CRL_SIGN: u16 = 1 << 6;

impl Extensions {
    pub(super) fn read(tbs: &TbsCertificate<'_>) -> Self {
        let mut all = Self::default();
        let issuer = Name::new(&tbs.issuer);
        let mut seen = Vec::new();
        for extension in tbs.extensions() {
            if seen.contains(&&extension.oid) {
                all.has_unprocessed = true;
            }
            seen.push(&extension.oid);
            all.take(extension, &issuer);
        }
        all
    }

    /// One extension: about the key, about names, about policies, or another.
    fn take(&mut self, extension: &X509Extension<'_>, issuer: &Name) {
        match extension.parsed_extension() {
            ParsedExtension::BasicConstraints(basic) => {
                self.basic = Some(Basic { is_ca: basic.ca, path_length: basic.path_len_constraint });
            }
            ParsedExtension::KeyUsage(usage) => self.key_usage = Some(usage.flags),
            ParsedExtension::ExtendedKeyUsage(usage) => self.take_usages(usage),
            ParsedExtension::SubjectKeyIdentifier(key) => {
                self.subject_key = Some(key.0.to_vec());
                self.has_critical_key_identifier |= extension.critical;
            }
            ParsedExtension::AuthorityKeyIdentifier(authority) => {
                self.take_authority(authority);
                self.has_critical_key_identifier |= extension.critical;
            }
            ParsedExtension::SubjectAlternativeName(names) => {
                self.alternative_names = GeneralName::list(&names.general_names);
            }
            ParsedExtension::NameConstraints(constraints) => self.take_name_constraints(constraints),
            _ if extension.oid == OID_X509_EXT_CRL_DISTRIBUTION_POINTS => {
                let read = points::points(extension.value, issuer);
                self.has_unprocessed |= read.is_none();
                self.points = read.unwrap_or_default();
            }
            ParsedExtension::UnsupportedExtension { .. } | ParsedExtension::Unparsed => {
                self.has_unprocessed |= extension.critical;
                self.others.push((extension.oid.to_id_string(), extension.value.to_vec()));
            }
            ParsedExtension::ParseError { .. } => self.has_unprocessed = true,
            ParsedExtension::IssuerAlternativeName(_)
            | ParsedExtension::AuthorityInfoAccess(_)
            | ParsedExtension::SubjectInfoAccess(_)
            | ParsedExtension::SCT(_)
            | ParsedExtension::NsCertComment(_) => {}
            other => self.has_unprocessed |= !self.take_policy(other) && extension.critical,
        }
    }

    fn take_usages(&mut self, usage: &ExtendedKeyUsage<'_>) {
        let named = [
            (usage.any, "2.5.29.37.0"),
            (usage.server_auth, "1.3.6.1.5.5.7.3.1"),
            (usage.client_auth, "1.3.6.1.5.5.7.3.2"),
            (usage.code_signing, "1.3.6.1.5.5.7.3.3"),
            (usage.email_protection, "1.3.6.1.5.5.7.3.4"),
            (usage.time_stamping, "1.3.6.1.5.5.7.3.8"),
            (usage.ocsp_signing, "1.3.6.1.5.5.7.3.9"),
        ];
        let named = named.into_iter().filter(|(present, _)| *present).map(|(_, oid)| oid.to_owned());
        let all: Vec<_> = named.chain(usage.other.iter().map(x509_parser::asn1_rs::Oid::to_id_string)).collect();
        self.has_unprocessed |= all.is_empty();
        self.extended_key_usages = Some(all);
    }

    fn take_authority(&mut self, authority: &AuthorityKeyIdentifier<'_>) {
        self.authority = Some(Authority {
            key: authority.key_identifier.as_ref().map(|key| key.0.to_vec()),
            issuer: authority.authority_cert_issuer.as_deref().map(GeneralName::list),
            serial: authority.authority_cert_serial.map(<[u8]>::to_vec),
        });
    }

    fn take_name_constraints(&mut self, constraints: &NameConstraints<'_>) {
        let list = |subtrees: &Option<Vec<GeneralSubtree<'_>>>| {
            subtrees.iter().flatten().map(|subtree| GeneralName::new(&subtree.base)).collect()
        };
        self.permitted = list(&constraints.permitted_subtrees);
        self.excluded = list(&constraints.excluded_subtrees);
        self.has_name_constraints = true;
        self.has_unprocessed |= self.permitted.is_empty() && self.excluded.is_empty();
    }

    /// One of the four that speak of policies (RFC 5280 §4.2.1.4, 5, 11, 14); `false` for any other.
    fn take_policy(&mut self, extension: &ParsedExtension<'_>) -> bool {
        match extension {
            ParsedExtension::CertificatePolicies(policies) => {
                self.policies = Some(policies.iter().map(|policy| policy.policy_id.to_id_string()).collect());
            }
            ParsedExtension::PolicyMappings(mappings) => {
                let pair = |mapping: &PolicyMapping<'_>| {
                    (mapping.issuer_domain_policy.to_id_string(), mapping.subject_domain_policy.to_id_string())
                };
                self.mappings = mappings.mappings.iter().map(pair).collect();
            }
            ParsedExtension::PolicyConstraints(constraints) => {
                self.require_explicit_policy = constraints.require_explicit_policy;
                self.inhibit_policy_mapping = constraints.inhibit_policy_mapping;
            }
            ParsedExtension::InhibitAnyPolicy(inhibit) => self.inhibit_any_policy = Some(inhibit.skip_certs),
            _ => return false,
        }
        true
    }
}

/// The names of a `GeneralNames` in DER.
pub(super) fn general_names(value: &[u8]) -> Option<Vec<GeneralName>> {
    let (rest, names) = x509_parser::extensions::SubjectAlternativeName::from_der(value).ok()?;
    rest.is_empty().then(|| GeneralName::list(&names.general_names))
}
