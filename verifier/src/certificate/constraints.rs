//! Name constraints (RFC 5280 §4.2.1.10).

use super::Certificate;
use super::name::GeneralName;

/// The most comparisons for one path: names times subtrees.
const MAX_COMPARISONS: usize = 20_000;

const MAIL_ATTRIBUTE: &str = "1.2.840.113549.1.9.1";

/// Whether every name below each constraining certificate is permitted and none is excluded.
///
/// `chain` begins with the leaf and ends with the anchor. Self-issued certificates in the middle are exempt.
pub(super) fn hold(chain: &[&Certificate]) -> bool {
    let mut left = MAX_COMPARISONS;
    chain.iter().enumerate().skip(1).all(|(place, issuer)| {
        let (permitted, excluded) = (&issuer.0.extensions.permitted, &issuer.0.extensions.excluded);
        if permitted.is_empty() && excluded.is_empty() {
            return true;
        }
        permitted.iter().chain(excluded).all(is_well_formed)
            && chain[..place].iter().enumerate().all(|(below, certificate)| {
                (below > 0 && certificate.is_self_issued())
                    || names(certificate).iter().all(|name| {
                        let Some(rest) = left.checked_sub(permitted.len() + excluded.len()) else { return false };
                        left = rest;
                        is_allowed(name, permitted, excluded)
                    })
            })
    })
}

/// Everything that a certificate calls its subject; mail addresses of the name count where no alternative name is.
fn names(certificate: &Certificate) -> Vec<GeneralName> {
    let mut names = certificate.0.extensions.alternative_names.clone();
    if !names.iter().any(|name| matches!(name, GeneralName::Mail(_))) {
        let mails = certificate.subject().texts(MAIL_ATTRIBUTE).map(|text| GeneralName::Mail(text.to_owned()));
        names.extend(mails);
    }
    if !certificate.subject().is_empty() {
        names.push(GeneralName::Directory(certificate.subject().clone()));
    }
    names
}

fn is_allowed(name: &GeneralName, permitted: &[GeneralName], excluded: &[GeneralName]) -> bool {
    let of_type = |base: &&GeneralName| std::mem::discriminant(*base) == std::mem::discriminant(name);
    let mut permitting = permitted.iter().filter(of_type).peekable();
    let mut excluding = excluded.iter().filter(of_type).peekable();
    if permitting.peek().is_none() && excluding.peek().is_none() {
        return true;
    }
    if !is_name_well_formed(name) {
        return false;
    }
    (permitting.peek().is_none() || permitting.any(|base| matches(name, base, false)))
        && !excluding.any(|base| matches(name, base, true))
}

fn is_well_formed(base: &GeneralName) -> bool {
    match base {
        GeneralName::Dns(host) => host.is_empty() || is_host(host),
        GeneralName::Ip(bytes) => {
            let (_, mask) = bytes.split_at(bytes.len() / 2);
            let bits = mask.iter().fold(String::new(), |bits, byte| bits + &format!("{byte:08b}"));
            matches!(bytes.len(), 8 | 32) && !bits.contains("01")
        }
        _ => true,
    }
}

fn is_name_well_formed(name: &GeneralName) -> bool {
    match name {
        GeneralName::Dns(host) => is_host(host.strip_prefix("*.").unwrap_or(host)),
        GeneralName::Mail(mail) => mail.split_once('@').is_some_and(|(user, host)| !user.is_empty() && is_host(host)),
        GeneralName::Uri(uri) => uri_host(uri).is_some(),
        GeneralName::Ip(bytes) => matches!(bytes.len(), 4 | 16),
        GeneralName::Directory(_) => true,
        GeneralName::Other(_) => false,
    }
}

fn is_host(host: &str) -> bool {
    host.split('.')
        .all(|label| !label.is_empty() && label.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_'))
}

/// Whether `name` lies under `base`. Where it is to be excluded, a wildcard counts with all that it could stand for.
fn matches(name: &GeneralName, base: &GeneralName, widely: bool) -> bool {
    match (name, base) {
        (GeneralName::Dns(name), GeneralName::Dns(base)) => {
            let wildcard = name.strip_prefix("*.").filter(|_| widely);
            is_below(name, base, true) || wildcard.is_some_and(|host| is_below(base, host, false))
        }
        (GeneralName::Mail(name), GeneralName::Mail(base)) => {
            let (user, host) = name.split_once('@').unwrap_or(("", name));
            match base.split_once('@') {
                Some((base_user, base_host)) => user == base_user && host.eq_ignore_ascii_case(base_host),
                None => host_matches(host, base),
            }
        }
        (GeneralName::Uri(name), GeneralName::Uri(base)) => uri_host(name).is_none_or(|host| host_matches(host, base)),
        (GeneralName::Ip(name), GeneralName::Ip(base)) => {
            let (address, mask) = base.split_at(base.len() / 2);
            name.len() == address.len() && name.iter().zip(address).zip(mask).all(|((n, a), m)| n & m == a & m)
        }
        (GeneralName::Directory(name), GeneralName::Directory(base)) => name.is_within(base),
        _ => false,
    }
}

/// A base that begins with a dot stands for the hosts below it, another for that host alone.
fn host_matches(host: &str, base: &str) -> bool {
    match base.strip_prefix('.') {
        Some(domain) => is_below(host, domain, false),
        None => host.eq_ignore_ascii_case(base),
    }
}

/// Whether `host` is one or more labels below `domain`, or the same where `or_same`. Everything is below the empty one.
fn is_below(host: &str, domain: &str, or_same: bool) -> bool {
    let (host, domain) = (host.to_ascii_lowercase(), domain.to_ascii_lowercase());
    domain.is_empty()
        || (or_same && host == domain)
        || host.strip_suffix(&domain).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
}

/// The host of a URI that has an authority with a host name.
fn uri_host(uri: &str) -> Option<&str> {
    let (_, rest) = uri.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    let numeric = host.split('.').all(|label| label.bytes().all(|c| c.is_ascii_digit()));
    (is_host(host) && !numeric).then_some(host)
}
