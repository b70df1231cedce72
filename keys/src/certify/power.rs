//! The power extension `{oid_arc}.2`: `SEQUENCE { types SEQUENCE OF UTF8String, regions SEQUENCE OF UTF8String }`.

use std::fmt;
use std::str::FromStr;

use rcgen::CustomExtension;
use serde::{Deserialize, Serialize};
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::asn1_rs;

use super::CertifyError;
use crate::signer::der;

/// The arc under which an authority's own OIDs hang.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidArc(Vec<u64>);

/// Which licence types a key signs, in which regions; in a CA's certificate, the upper bound of what it may certify.
/// Empty means none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Power {
    /// Codes of licence types.
    pub types: Vec<String>,
    /// Region codes; each stands for its subtree.
    pub regions: Vec<String>,
}

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

impl Power {
    /// The non-critical extension.
    pub(super) fn extension(&self, arc: &OidArc) -> CustomExtension {
        let list =
            |texts: &[String]| der(0x30, &texts.iter().flat_map(|text| der(0x0c, text.as_bytes())).collect::<Vec<_>>());
        let content = der(0x30, &[list(&self.types), list(&self.regions)].concat());
        CustomExtension::from_oid_content(&arc.under(&[2]), content)
    }

    /// The power that a certificate carries, `None` if it has no such extension.
    pub(super) fn of(certificate: &X509Certificate<'_>, arc: &OidArc) -> Result<Option<Self>, CertifyError> {
        let oid = asn1_rs::Oid::from(&arc.under(&[2])).map_err(|_| CertifyError::OidArc(arc.to_string()))?;
        let extension = certificate.extensions().iter().find(|extension| extension.oid == oid);
        let Some(extension) = extension else { return Ok(None) };
        read(extension.value).map(Some).ok_or(CertifyError::Ca("has an unreadable upper bound"))
    }

    /// Whether everything that `other` may do lies within this power.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let within = |region: &String| self.regions.iter().any(|mine| prefix(region).starts_with(prefix(mine)));
        other.types.iter().all(|code| self.types.contains(code)) && other.regions.iter().all(within)
    }
}

/// What all regions of a region's subtree begin with (formats §6).
fn prefix(region: &str) -> &str {
    let mut rest = region;
    while rest.len() > 6 && rest.ends_with("000") {
        rest = &rest[..rest.len() - 3];
    }
    while rest.len() <= 6 && rest.len() % 2 == 0 && rest.ends_with("00") {
        rest = &rest[..rest.len() - 2];
    }
    rest
}

fn read(content: &[u8]) -> Option<Power> {
    use asn1_rs::{Any, FromDer as _, Tag};
    fn sequence(input: &[u8]) -> Option<(&[u8], &[u8])> {
        let (rest, any) = Any::from_der(input).ok()?;
        (any.tag() == Tag::Sequence).then_some((rest, any.data))
    }
    fn texts(mut input: &[u8]) -> Option<Vec<String>> {
        let mut out = Vec::new();
        while !input.is_empty() {
            let (rest, any) = Any::from_der(input).ok()?;
            if any.tag() != Tag::Utf8String || out.len() == 4096 {
                return None;
            }
            out.push(String::from_utf8(any.data.to_vec()).ok()?);
            input = rest;
        }
        Some(out)
    }
    let (b"", body) = sequence(content)? else { return None };
    let (rest, types) = sequence(body)?;
    let (b"", regions) = sequence(rest)? else { return None };
    Some(Power { types: texts(types)?, regions: texts(regions)? })
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
            assert_eq!(bound.covers(&asked), covered, "{asked:?}");
        }
        assert!(!power(&[], &[]).covers(&power(&["A"], &[])));
        assert!(power(&["A"], &["000000"]).covers(&power(&["A"], &["110000"])));
    }
}
