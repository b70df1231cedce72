//! Whether the parts of a credential agree with each other, with the certificate and with the register (formats §2).

use crate::licence::identifier::LicenceIdentifier;
use crate::rendition::credential::{Claims, Envelope};

use super::signer::Signer;

/// The parts of `vct` and `iss`.
pub(super) struct Names<'a> {
    pub(super) is_copy: bool,
    pub(super) type_code: &'a str,
    pub(super) type_version: u64,
    pub(super) department: &'a str,
}

impl<'a> Names<'a> {
    /// Reads `{signer}/types|copies/{type code}/{version}` and `{signer}/departments/{credit code}` of one signer.
    pub(super) fn read(claims: &'a Claims) -> Option<Self> {
        let (rest, version) = claims.vct.rsplit_once('/')?;
        let (rest, type_code) = rest.rsplit_once('/')?;
        let (signer, kind) = rest.rsplit_once('/')?;
        let (department_signer, department) = claims.iss.rsplit_once("/departments/")?;
        let shortest = version == "0" || !version.starts_with('0');
        let digits = shortest && version.bytes().all(|b| b.is_ascii_digit());
        let is_copy = match kind {
            "types" => false,
            "copies" => true,
            _ => return None,
        };
        let type_version = version.parse().ok().filter(|_| digits)?;
        (signer == department_signer && !signer.is_empty()).then_some(Self {
            is_copy,
            type_code,
            type_version,
            department,
        })
    }
}

/// Whether all parts agree. What only the register can tell is asked only where it lists the signer.
pub(super) fn holds(
    claims: &Claims,
    names: &Names,
    identifier: &LicenceIdentifier,
    envelope: &Envelope,
    leaf_thumbprint: &str,
    signer: Option<&Signer>,
    leaf: &crate::certificate::Certificate,
) -> bool {
    days_hold(claims)
        && names.is_copy == claims.copy.is_some()
        && names.type_code == identifier.type_code().as_str()
        && envelope.kid() == Some(leaf_thumbprint)
        && certificate_holds(claims, names, signer, leaf)
        && department_holds(claims, names, identifier, signer)
}

fn days_hold(claims: &Claims) -> bool {
    let end = claims.valid_until.map(crate::time::Date::end);
    let until = claims.copy.as_ref().map(|copy| copy.until.end());
    let exp = match (end, until) {
        (Some(end), Some(until)) => Some(end.min(until)),
        (end, until) => end.or(until),
    };
    claims.nbf == claims.valid_from.first_second()
        && claims.exp == exp
        && claims.valid_until.is_none_or(|until| until >= claims.valid_from)
}

/// `iss` is a URI of the certificate and its code the certificate's. An unlisted certificate without either may be a foreign one.
fn certificate_holds(
    claims: &Claims,
    names: &Names,
    signer: Option<&Signer>,
    leaf: &crate::certificate::Certificate,
) -> bool {
    let listed = signer.is_some_and(|signer| signer.row.is_some());
    if signer.is_some_and(Signer::is_foreign) {
        return signer.and_then(Signer::credit_code) == Some(names.department);
    }
    let mut uris = leaf.uris().peekable();
    let uri_holds = uris.peek().is_none() && !listed || uris.any(|uri| uri == claims.iss);
    let code_holds = match leaf.organization_identifier() {
        Some(code) => code == names.department,
        None => !listed,
    };
    uri_holds && code_holds
}

/// Identifier and authority carry the department's code or a predecessor's, and one of its names.
fn department_holds(claims: &Claims, names: &Names, identifier: &LicenceIdentifier, signer: Option<&Signer>) -> bool {
    let Some(department) = signer.and_then(|signer| signer.trust.department(names.department)) else { return true };
    let carries =
        |code: &str| code == department.code.as_str() || department.predecessors.iter().any(|old| old.as_str() == code);
    let is_name = |name: &str| name == department.name || department.former_names.iter().any(|old| old == name);
    carries(identifier.issuer()) && carries(&claims.issuing_authority.code) && is_name(&claims.issuing_authority.name)
}
