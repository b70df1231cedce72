//! Distribution points of certificates and CRLs (RFC 5280 §4.2.1.13, §5.2.5), read here element by element, since names
//! relative to an issuer are implicitly tagged sets.

use x509_parser::prelude::{FromDer as _, RelativeDistinguishedName};

use super::extensions::general_names;
use super::name::{GeneralName, Name, PointName};
use crate::algorithm::der;

/// A CRL distribution point of a certificate.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) name: Option<PointName>,
    pub(super) reasons: Option<u16>,
    pub(super) crl_issuer: Vec<GeneralName>,
}

/// The issuing distribution point of a CRL; all certificates and reasons where it is absent.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(clippy::struct_excessive_bools)] // as RFC 5280 has it
pub(super) struct Scope {
    pub(super) name: Option<PointName>,
    pub(super) users_only: bool,
    pub(super) authorities_only: bool,
    pub(super) attributes_only: bool,
    pub(super) reasons: Option<u16>,
    pub(super) is_indirect: bool,
}

/// The points of a certificate whose issuer has that name.
pub(super) fn points(value: &[u8], issuer: &Name) -> Option<Vec<Point>> {
    elements(content(value, 0x30)?)?.into_iter().map(|(tag, point)| read_point(tag, point, issuer)).collect()
}

fn read_point(tag: u8, point: &[u8], issuer: &Name) -> Option<Point> {
    let members = elements(point).filter(|_| tag == 0x30)?;
    let member = |wanted: u8| members.iter().find(|(tag, _)| *tag == wanted).map(|(_, content)| *content);
    let crl_issuer = match member(0xA2) {
        Some(names) => general_names(&der::element(0x30, names))?,
        None => Vec::new(),
    };
    let mut issuers: Vec<Name> = crl_issuer.iter().filter_map(directory).cloned().collect();
    if issuers.is_empty() {
        issuers.push(issuer.clone());
    }
    let name = match member(0xA0) {
        Some(name) => Some(point_name(name, &issuers)?),
        None => None,
    };
    let reasons = match member(0x81) {
        Some(bits) => Some(reasons(bits)?),
        None => None,
    };
    Some(Point { name, reasons, crl_issuer })
}

/// The scope of a CRL whose issuer has that name.
pub(super) fn scope(value: &[u8], issuer: &Name) -> Option<Scope> {
    let mut scope = Scope::default();
    for (tag, member) in elements(content(value, 0x30)?)? {
        match tag {
            0xA0 => scope.name = Some(point_name(member, std::slice::from_ref(issuer))?),
            0x81 => scope.users_only = boolean(member)?,
            0x82 => scope.authorities_only = boolean(member)?,
            0x83 => scope.reasons = Some(reasons(member)?),
            0x84 => scope.is_indirect = boolean(member)?,
            0x85 => scope.attributes_only = boolean(member)?,
            _ => return None,
        }
    }
    Some(scope)
}

fn directory(name: &GeneralName) -> Option<&Name> {
    match name {
        GeneralName::Directory(name) => Some(name),
        _ => None,
    }
}

fn point_name(value: &[u8], issuers: &[Name]) -> Option<PointName> {
    match elements(value)?[..] {
        [(0xA0, names)] => Some(PointName::Full(general_names(&der::element(0x30, names))?)),
        [(0xA1, attributes)] => {
            let set = der::element(0x31, attributes);
            let (_, relative) = RelativeDistinguishedName::from_der(&set).ok()?;
            Some(PointName::Relative(issuers.iter().map(|issuer| issuer.with(&relative)).collect()))
        }
        _ => None,
    }
}

/// Named bits: bit n of the number is bit n of the bit string.
fn reasons(bits: &[u8]) -> Option<u16> {
    let (_, bytes) = bits.split_first()?;
    let bit = |n: usize| bytes.get(n / 8).is_some_and(|byte| byte >> (7 - n % 8) & 1 == 1);
    Some((0..16).filter(|n| bit(*n)).fold(0, |flags, n| flags | 1 << n))
}

fn boolean(value: &[u8]) -> Option<bool> {
    match value {
        [0] => Some(false),
        [0xFF] => Some(true),
        _ => None,
    }
}

/// The content of the one element of that tag that fills `value`.
fn content(value: &[u8], tag: u8) -> Option<&[u8]> {
    der::read(value, tag).filter(|(_, rest)| rest.is_empty()).map(|(content, _)| content)
}

/// The elements that fill `value`, each with its tag.
fn elements(mut value: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut list = Vec::new();
    while let Some(tag) = value.first() {
        let (content, rest) = der::read(value, *tag)?;
        list.push((*tag, content));
        value = rest;
    }
    Some(list)
}
