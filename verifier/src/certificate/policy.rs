//! Certificate policies (RFC 5280 §6.1), for callers that accept any policy.
//!
//! Then only one question is left: whether a path that must have a policy has one. So no tree is kept, only its lowest
//! row: each policy with what the next certificate may call it.

use std::collections::{BTreeMap, BTreeSet};

use super::Certificate;

const ANY: &str = "2.5.29.32.0";
/// The most policies in one row; more is refused.
const MAX_POLICIES: usize = 256;

type Row = BTreeMap<String, BTreeSet<String>>;

/// Whether the policies of `chain` (leaf first, anchor last) hold.
pub(super) fn hold(chain: &[&Certificate]) -> bool {
    let below: Vec<_> = chain[..chain.len() - 1].iter().rev().collect(); // from below the anchor to the leaf
    let start = u32::try_from(below.len()).map_or(u32::MAX, |length| length + 1);
    let (mut explicit, mut mapping, mut any) = (start, start, start);
    let mut row = Row::from([(ANY.to_owned(), BTreeSet::from([ANY.to_owned()]))]);
    for (place, certificate) in below.iter().enumerate() {
        let is_leaf = place + 1 == below.len();
        let own = &certificate.0.extensions;
        let takes_any = any > 0 || (!is_leaf && certificate.is_self_issued());
        row = own.policies.as_ref().map(|policies| next_row(&row, policies, takes_any)).unwrap_or_default();
        if (explicit == 0 && row.is_empty()) || row.len() > MAX_POLICIES {
            return false;
        }
        if is_leaf {
            explicit = explicit.saturating_sub(1);
            if own.require_explicit_policy == Some(0) {
                explicit = 0;
            }
            return explicit > 0 || !row.is_empty();
        }
        if own.mappings.iter().any(|(from, to)| from == ANY || to == ANY) {
            return false;
        }
        map(&mut row, &own.mappings, mapping > 0);
        for (count, bound) in [
            (&mut explicit, own.require_explicit_policy),
            (&mut mapping, own.inhibit_policy_mapping),
            (&mut any, own.inhibit_any_policy),
        ] {
            if !certificate.is_self_issued() {
                *count = count.saturating_sub(1);
            }
            *count = (*count).min(bound.unwrap_or(u32::MAX));
        }
    }
    true
}

fn next_row(row: &Row, policies: &[String], takes_any: bool) -> Row {
    let one = |policy: &String| (policy.clone(), BTreeSet::from([policy.clone()]));
    let is_expected = |policy: &String| row.values().any(|expected| expected.contains(policy));
    let named = policies.iter().filter(|policy| *policy != ANY);
    let mut next: Row = named.filter(|policy| is_expected(policy) || row.contains_key(ANY)).map(one).collect();
    if takes_any && policies.iter().any(|policy| policy == ANY) {
        for policy in row.values().flatten() {
            next.entry(policy.clone()).or_insert_with(|| BTreeSet::from([policy.clone()]));
        }
    }
    next
}

fn map(row: &mut Row, mappings: &[(String, String)], is_allowed: bool) {
    let mut mapped = Row::new();
    for (from, to) in mappings {
        mapped.entry(from.clone()).or_default().insert(to.clone());
    }
    for (from, to) in mapped {
        if !is_allowed {
            row.remove(&from);
        } else if row.contains_key(&from) || row.contains_key(ANY) {
            row.insert(from, to);
        }
    }
}
