//! The power extension `{oid_arc}.2`: `SEQUENCE { types SEQUENCE OF UTF8String, regions SEQUENCE OF UTF8String }`.

use std::fmt;
use std::str::FromStr;

use rcgen::CustomExtension;
use verifier::certificate::Power;
use verifier::region::Region;
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::asn1_rs;

use super::CertifyError;
use crate::signer::der;

/// The arc under which an authority's own OIDs hang.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidArc(Vec<u64>);

impl OidArc {
    /// The arc that RFC 5612 keeps for examples: the demonstration's, refused by `serve`.
    pub const DEMONSTRATION: &str = "1.3.6.1.4.1.32473";

    /// An OID under the arc.
    pub(crate) fn under(&self, tail: &[u64]) -> Vec<u64> {
        [self.0.as_slice(), tail].concat()
    }
}

impl FromStr for OidArc {
    type Err = CertifyError;

    fn from_str(text: &str) -> Result<Self, CertifyError> {
        let wrong = || CertifyError::OidArc(text.chars().take(64).collect());
        let part = |part: &str| match part.as_bytes() {
            [b'0', _, ..] | [] => None,
            bytes if bytes.iter().all(u8::is_ascii_digit) => part.parse::<u32>().ok().map(u64::from),
            _ => None,
        };
        let parts: Option<Vec<u64>> = text.split('.').map(part).collect();
        let parts = parts.filter(|parts| (3..=16).contains(&parts.len())).ok_or_else(wrong)?;
        if parts[0] > 2 || (parts[0] < 2 && parts[1] > 39) || parts[..2] == [2, 25] {
            return Err(wrong());
        }
        Ok(Self(parts))
    }
}

impl fmt::Display for OidArc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<_> = self.0.iter().map(u64::to_string).collect();
        f.write_str(&parts.join("."))
    }
}

/// The non-critical extension.
pub(super) fn extension(power: &Power, arc: &OidArc) -> CustomExtension {
    let list = |texts: &[String]| {
        let texts: Vec<_> = texts.iter().flat_map(|text| der(0x0c, text.as_bytes())).collect();
        der(0x30, &texts)
    };
    let content = der(0x30, &[list(&power.types), list(&power.regions)].concat());
    CustomExtension::from_oid_content(&arc.under(&[2]), content)
}

/// The power that a certificate carries, `None` if it has no such extension.
pub(super) fn of(certificate: &X509Certificate<'_>, arc: &OidArc) -> Result<Option<Power>, CertifyError> {
    let oid = asn1_rs::Oid::from(&arc.under(&[2])).map_err(|_| CertifyError::OidArc(arc.to_string()))?;
    let extension = certificate.extensions().iter().find(|extension| extension.oid == oid);
    let Some(extension) = extension else { return Ok(None) };
    Power::read(extension.value).map(Some).ok_or(CertifyError::Ca("has an unreadable upper bound"))
}

/// Whether everything that `asked` may do lies within `bound`.
pub(super) fn covers(bound: &Power, asked: &Power) -> bool {
    let within = |region: &String| region.parse::<Region>().is_ok_and(|region| bound.has_region(&region));
    asked.types.iter().all(|code| bound.has_type(code)) && asked.regions.iter().all(within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arcs_are_dotted_numbers() {
        for (text, good) in [
            ("1.3.6.1.4.1.32473", true),
            ("2.16.156.1", true),
            ("2.25.329800735698586629295641978511506172918", false),
            ("2.25.1", false),
            ("1.40.1", false),
            ("1.3", false),
            ("1.3.06.1", false),
            ("1..3", false),
            ("", false),
        ] {
            assert_eq!(text.parse::<OidArc>().is_ok(), good, "{text}");
        }
    }

    #[test]
    fn a_bound_covers_its_subtree() {
        let power = |types: &[&str], regions: &[&str]| Power {
            types: types.iter().map(ToString::to_string).collect(),
            regions: regions.iter().map(ToString::to_string).collect(),
        };
        let bound = power(&["A", "B"], &["990100"]);
        for (asked, covered) in [
            (power(&["A"], &["990121"]), true),
            (power(&["A"], &["990121100"]), true),
            (power(&["A"], &["990121100000"]), true),
            (power(&[], &[]), true),
            (power(&["C"], &["990121"]), false),
            (power(&["A"], &["990000"]), false),
            (power(&["A"], &["990200"]), false),
        ] {
            assert_eq!(covers(&bound, &asked), covered, "{asked:?}");
        }
        assert!(!covers(&power(&[], &[]), &power(&["A"], &[])));
        assert!(covers(&power(&["A"], &["000000"]), &power(&["A"], &["110000"])));
    }
}
