//! Whether a certificate is revoked: by the lists at hand, or by the full procedure of RFC 5280 §6.3.

use super::Certificate;
use super::crl::Crl;
use super::name::GeneralName;
use super::path::{Revocation, Rules, Search};
use super::points::Point;

/// All reasons that a list can cover: bits 1 to 8 of `ReasonFlags`.
const ALL_REASONS: u16 = 0x1FE;

/// Whether each certificate of `chain` (leaf first) below the anchor stands, as far as the rules ask.
pub(super) fn hold(search: &Search<'_>, chain: &[&Certificate], rules: &Rules, nested: u8) -> bool {
    chain[..chain.len() - 1].iter().all(|certificate| match rules.revocation {
        Revocation::Known => !is_listed(search, certificate, chain, rules),
        Revocation::Required => is_cleared(search, certificate, chain, rules, nested),
    })
}

/// Whether any list lists the certificate, whatever the list's scope and age: serials are unique per issuer, so a hit is
/// a hit. The lists at hand are the trust bundle's own; their issuers need no path, only the right key.
fn is_listed(search: &Search<'_>, certificate: &Certificate, chain: &[&Certificate], rules: &Rules) -> bool {
    search.pool.crls().iter().any(|crl| {
        crl.entry(certificate).is_some_and(|entry| !entry.is_removed && entry.since <= rules.at)
            && (crl.issuer == *certificate.issuer() || crl.scope.is_indirect)
            && search.pool.named(&crl.issuer).chain(chain[1..].iter().copied()).any(|signer| crl.is_signed_by(signer))
    })
}

/// Whether lists that are current and fit say for every reason that the certificate is not revoked.
fn is_cleared(
    search: &Search<'_>,
    certificate: &Certificate,
    chain: &[&Certificate],
    rules: &Rules,
    nested: u8,
) -> bool {
    let own = Point { name: None, reasons: None, crl_issuer: Vec::new() }; // (the issuer's list for all points)
    let mut covered = 0;
    for point in certificate.0.extensions.points.iter().chain([&own]) {
        for crl in search.pool.crls() {
            let reasons = point.reasons.unwrap_or(ALL_REASONS) & crl.scope.reasons.unwrap_or(ALL_REASONS);
            let is_complete = crl.delta_base.is_none();
            let adds = reasons & ALL_REASONS & !covered != 0;
            if !is_complete || !adds || !is_current(crl, rules) || !fits(crl, certificate, point) {
                continue;
            }
            if crl.has_unprocessed || !is_trusted(search, crl, chain, rules, nested) {
                continue;
            }
            if is_revoked(search, crl, certificate, point, chain, rules, nested) {
                return false;
            }
            covered |= reasons;
        }
        if covered & ALL_REASONS == ALL_REASONS {
            return true;
        }
    }
    false
}

/// What the complete list says, unless a delta to it says something else.
fn is_revoked(
    search: &Search<'_>,
    complete: &Crl,
    certificate: &Certificate,
    point: &Point,
    chain: &[&Certificate],
    rules: &Rules,
    nested: u8,
) -> bool {
    let size = |number: &Option<Vec<u8>>| number.as_ref().map(|bytes| (bytes.len(), bytes.clone()));
    let number = size(&complete.number);
    let newest = search
        .pool
        .crls()
        .iter()
        .filter(|delta| {
            delta.delta_base.is_some()
                && delta.issuer == complete.issuer
                && delta.scope == complete.scope
                && size(&delta.delta_base) <= number
                && number < size(&delta.number)
                && is_current(delta, rules)
                && !delta.has_unprocessed
                && fits(delta, certificate, point)
                && is_trusted(search, delta, chain, rules, nested)
        })
        .max_by_key(|delta| size(&delta.number));
    let entry = newest.and_then(|delta| delta.entry(certificate)).or_else(|| complete.entry(certificate));
    entry.is_some_and(|entry| !entry.is_removed)
}

fn is_current(crl: &Crl, rules: &Rules) -> bool {
    crl.this_update <= rules.at && crl.next_update.is_some_and(|next| rules.at < next)
}

/// Whether issuer and scope of the list are those of the certificate and its distribution point (§6.3.3 (b)).
fn fits(crl: &Crl, certificate: &Certificate, point: &Point) -> bool {
    let issuer = GeneralName::Directory(crl.issuer.clone());
    let by_issuer = if point.crl_issuer.is_empty() {
        crl.issuer == *certificate.issuer()
    } else {
        point.crl_issuer.contains(&issuer) && crl.scope.is_indirect
    };
    let by_name = match (&crl.scope.name, &point.name) {
        (None, _) => true,
        (Some(list), Some(point)) => list.meets_point(point),
        (Some(list), None) if point.crl_issuer.is_empty() => {
            list.meets(&[GeneralName::Directory(certificate.issuer().clone())])
        }
        (Some(list), None) => list.meets(&point.crl_issuer),
    };
    let scope = &crl.scope;
    let by_kind = if certificate.is_ca() { !scope.users_only } else { !scope.authorities_only };
    by_issuer && by_name && by_kind && !scope.attributes_only
}

/// Whether a certificate that may sign CRLs, of this chain or with a path to the same anchor, signed the list.
fn is_trusted(search: &Search<'_>, crl: &Crl, chain: &[&Certificate], rules: &Rules, nested: u8) -> bool {
    // An issuer of indirect lists may stand on its own list (PKITS 4.14.30), a leaf may not.
    let above = &chain[usize::from(nested == 0)..];
    above.iter().any(|certificate| crl.is_signed_by(certificate))
        || (nested < MAX_NESTED && search.is_signed_under(crl, chain[chain.len() - 1], rules, nested))
}

/// How many issuers of lists about issuers of lists are followed.
const MAX_NESTED: u8 = 3;
