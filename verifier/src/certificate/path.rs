//! The path from a certificate to a trust anchor (RFC 5280 §6.1), searched within bounds.

use std::cell::Cell;
use std::collections::HashMap;

use super::extensions::{DIGITAL_SIGNATURE, KEY_CERT_SIGN};
use super::{Certificate, Crl, Name, constraints, policy, revocation};
use crate::time::Timestamp;

/// The most certificates of one path, leaf and anchor included.
const MAX_LENGTH: usize = 10;
/// The most signatures that one search computes.
const MAX_SIGNATURES: u32 = 64;
/// The most complete paths that one search judges.
const MAX_PATHS: u32 = 32;
/// The most bytes of a serial number (RFC 5280 §4.1.2.2).
const MAX_SERIAL: usize = 20;

/// Why there is no path. In the order in which a report names one of several: first what is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum PathReason {
    /// A certificate names a trusted CA by subject and key identifier, but the signature is not that CA's.
    #[error("the signature of the CA that a certificate names differs")]
    Differs,
    /// A certificate in the place of a CA is none, or certified what it may not.
    #[error("a certificate in the place of a CA may not certify this")]
    NotCa,
    /// The leaf is a CA, or not for signatures, or its policies do not hold.
    #[error("the certificate is not one that signs documents")]
    Leaf,
    /// No trusted CA is found.
    #[error("the issuer is not known")]
    UnknownIssuer,
    /// A certificate has expired.
    #[error("a certificate of the path has expired")]
    Expired,
    /// A certificate is not valid yet.
    #[error("a certificate of the path is not valid yet")]
    NotYet,
    /// A certificate is revoked, or a list that must be had is not.
    #[error("a certificate of the path is revoked")]
    Revoked,
    /// The register says that the key was compromised, and no proof puts the signature before that.
    #[error("the key was compromised")]
    Compromised,
    /// A critical extension is not understood, or one is malformed.
    #[error("a certificate of the path has an extension that cannot be processed")]
    Critical,
    /// An algorithm or key that does not count, or an identifier that standards demand is missing.
    #[error("a certificate of the path has an algorithm, key or form that does not count")]
    Weak,
}

impl PathReason {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnknownIssuer => "path.unknown_issuer",
            Self::Differs => "path.differs",
            Self::Expired => "path.expired",
            Self::NotYet => "path.not_yet",
            Self::Revoked => "path.revoked",
            Self::Compromised => "path.compromised",
            Self::NotCa => "path.not_ca",
            Self::Leaf => "path.leaf",
            Self::Critical => "path.critical",
            Self::Weak => "path.weak",
        }
    }

    /// Whether the reason makes a document invalid; otherwise nothing can be said.
    pub const fn is_invalid(self) -> bool {
        matches!(self, Self::Differs | Self::NotCa | Self::Leaf)
    }
}

/// How revocation is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// A certificate is revoked if a list at hand lists it; lists count whatever their nextUpdate (formats §6).
    Known,
    /// Current lists must cover every certificate and reason (RFC 5280 §6.3).
    Required,
}

/// What the path must end in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// A leaf that signs documents.
    Signer,
    /// A leaf of any use.
    Leaf,
    /// A certificate that signs CRLs, CA or not.
    Crl,
}

/// What is asked of a path.
#[derive(Clone, Debug)]
pub struct Rules {
    pub(super) at: Timestamp,
    pub(super) revocation: Revocation,
    pub(super) end: End,
}

impl Rules {
    /// A path for signing documents, judged at that time by the lists at hand.
    pub const fn at(at: Timestamp) -> Self {
        Self { at, revocation: Revocation::Known, end: End::Signer }
    }

    /// The same with another way of asking for revocation.
    #[must_use]
    pub const fn with_revocation(self, revocation: Revocation) -> Self {
        Self { revocation, ..self }
    }

    /// The same for a leaf of any use.
    #[must_use]
    pub const fn for_any_use(self) -> Self {
        Self { end: End::Leaf, ..self }
    }
}

/// A path that holds: the leaf, CAs, the anchor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    certificates: Vec<Certificate>,
}

impl Path {
    /// The certificate that was asked about.
    pub fn leaf(&self) -> &Certificate {
        &self.certificates[0]
    }

    /// The trust anchor.
    pub fn anchor(&self) -> &Certificate {
        &self.certificates[self.certificates.len() - 1]
    }

    /// All certificates, the leaf first and the anchor last.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }
}

/// Trust anchors, intermediate certificates and CRLs, ready to be searched.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    anchors: Vec<Certificate>,
    intermediates: Vec<Certificate>,
    by_subject: HashMap<Name, Vec<usize>>,
    /// Whether the second signed the first, for pairs of the pool that can go together: computed once.
    signed: HashMap<([u8; 32], [u8; 32]), bool>,
    crls: Vec<Crl>,
}

/// The most pairs of a pool whose signatures are computed beforehand.
const MAX_PREPARED: usize = 4096;

impl Pool {
    /// A pool of these.
    pub fn new(anchors: Vec<Certificate>, intermediates: Vec<Certificate>, crls: Vec<Crl>) -> Self {
        let mut by_subject: HashMap<Name, Vec<usize>> = HashMap::new();
        for (place, certificate) in anchors.iter().chain(&intermediates).enumerate() {
            by_subject.entry(certificate.subject().clone()).or_default().push(place);
        }
        let mut pool = Self { anchors, intermediates, by_subject, signed: HashMap::new(), crls };
        let mut signed = HashMap::new();
        for child in &pool.intermediates {
            for issuer in pool.named(child.issuer()).filter(|issuer| issuer.could_issue_certificate(child)) {
                if signed.len() < MAX_PREPARED {
                    signed.insert((*child.sha256(), *issuer.sha256()), issuer.signed(child));
                }
            }
        }
        pool.signed = signed;
        pool
    }

    /// The trust anchors.
    pub fn anchors(&self) -> &[Certificate] {
        &self.anchors
    }

    /// The intermediates that complete what documents bring.
    pub fn intermediates(&self) -> &[Certificate] {
        &self.intermediates
    }

    /// The CRLs.
    pub fn crls(&self) -> &[Crl] {
        &self.crls
    }

    /// Whether the certificate is one of the anchors.
    pub fn is_anchor(&self, certificate: &Certificate) -> bool {
        self.anchors.contains(certificate)
    }

    /// A path from `leaf` to an anchor, over the pool's intermediates and the `extra` ones that came with a document.
    ///
    /// The signature over every certificate but the anchor is computed. The work is bounded; what is beyond the bound
    /// counts as not found.
    ///
    /// # Errors
    ///
    /// The reason of the path that comes nearest to holding.
    pub fn path(&self, leaf: &Certificate, extra: &[Certificate], rules: &Rules) -> Result<Path, PathReason> {
        Search::new(self, extra).run(leaf, rules, 0)
    }

    /// The anchors and intermediates of that name.
    pub(super) fn named<'a>(&'a self, subject: &Name) -> impl Iterator<Item = &'a Certificate> + use<'a> {
        self.of_subject(subject).map(|(certificate, _)| certificate)
    }

    fn of_subject<'a>(&'a self, subject: &Name) -> impl Iterator<Item = (&'a Certificate, bool)> + use<'a> {
        let places = self.by_subject.get(subject).map(Vec::as_slice).unwrap_or_default();
        places.iter().map(|place| match self.anchors.get(*place) {
            Some(anchor) => (anchor, true),
            None => (&self.intermediates[*place - self.anchors.len()], false),
        })
    }
}

/// One search: what may be used, and how much of the work is left.
pub(super) struct Search<'a> {
    pub(super) pool: &'a Pool,
    extra: &'a [Certificate],
    /// Signatures and paths left.
    budget: Cell<(u32, u32)>,
}

impl<'a> Search<'a> {
    /// Whether a certificate of the pool signed the list and has a path of its own to `anchor`.
    ///
    /// That search has its own bounds and takes nothing from the document, so that no document can hide a revocation.
    pub(super) fn is_signed_under(&self, crl: &Crl, anchor: &Certificate, rules: &Rules, nested: u8) -> bool {
        let rules = Rules { end: End::Crl, ..rules.clone() };
        self.pool.named(&crl.issuer).any(|signer| {
            let path = || Search::new(self.pool, &[]).run(signer, &rules, nested + 1);
            crl.is_signed_by(signer) && (signer == anchor || path().is_ok_and(|path| path.anchor() == anchor))
        })
    }

    pub(super) fn new(pool: &'a Pool, extra: &'a [Certificate]) -> Self {
        Self { pool, extra, budget: Cell::new((MAX_SIGNATURES, MAX_PATHS)) }
    }

    pub(super) fn run(&self, leaf: &Certificate, rules: &Rules, nested: u8) -> Result<Path, PathReason> {
        let mut chain = vec![leaf];
        self.climb(&mut chain, rules, nested)
            .map(|certificates| Path { certificates: certificates.into_iter().cloned().collect() })
    }

    /// Completes `chain` upward in every way until one holds.
    fn climb<'c>(
        &self,
        chain: &mut Vec<&'c Certificate>,
        rules: &Rules,
        nested: u8,
    ) -> Result<Vec<&'c Certificate>, PathReason>
    where
        'a: 'c,
    {
        let last = chain[chain.len() - 1];
        if chain.len() >= MAX_LENGTH {
            return Err(PathReason::UnknownIssuer);
        }
        let authority = last.0.extensions.authority.as_ref();
        let extra = self.extra.iter().map(|certificate| (certificate, false));
        let mut seen: Vec<&[u8; 32]> = Vec::new();
        let mut nearest = None;
        let mut is_named_but_differs = false;
        for (issuer, is_anchor) in self.pool.of_subject(last.issuer()).chain(extra) {
            let is_again = chain.contains(&issuer) || seen.contains(&issuer.sha256());
            if is_again || !issuer.could_issue_certificate(last) {
                continue;
            }
            seen.push(issuer.sha256());
            if last.0.algorithm.is_none() || issuer.public_key().is_none() {
                keep_nearest(&mut nearest, PathReason::Weak);
                continue;
            }
            let is_signed = match self.pool.signed.get(&(*last.sha256(), *issuer.sha256())) {
                Some(known) => *known,
                None if self.spend_signature() => issuer.signed(last),
                None => break,
            };
            if !is_signed {
                let names_key =
                    authority.is_some_and(|one| one.key.is_some()) && issuer.0.extensions.subject_key.is_some();
                is_named_but_differs |= names_key && self.is_trusted(issuer, is_anchor, rules, nested);
                continue;
            }
            chain.push(issuer);
            let result = if is_anchor { self.judge(chain, rules, nested) } else { self.climb(chain, rules, nested) };
            chain.pop();
            match result {
                Ok(path) => return Ok(path),
                Err(reason) => keep_nearest(&mut nearest, reason),
            }
        }
        // A CA that a document brings along does not excuse a forgery in the name of a trusted one.
        match nearest.unwrap_or(PathReason::UnknownIssuer) {
            PathReason::UnknownIssuer if is_named_but_differs => Err(PathReason::Differs),
            reason => Err(reason),
        }
    }

    /// Whether the CA is one that is trusted, so that a wrong signature in its name is a forgery.
    fn is_trusted(&self, issuer: &Certificate, is_anchor: bool, rules: &Rules, nested: u8) -> bool {
        let in_pool = is_anchor || self.pool.intermediates.contains(issuer);
        let rules = Rules { end: End::Crl, ..rules.clone() };
        in_pool || (nested < 3 && self.run(issuer, &rules, nested + 1).is_ok())
    }

    fn spend_signature(&self) -> bool {
        let (signatures, paths) = self.budget.get();
        self.budget.set((signatures.saturating_sub(1), paths));
        signatures > 0
    }

    /// Judges a complete chain whose signatures are right.
    fn judge<'c>(
        &self,
        chain: &[&'c Certificate],
        rules: &Rules,
        nested: u8,
    ) -> Result<Vec<&'c Certificate>, PathReason> {
        let (signatures, paths) = self.budget.get();
        if paths == 0 {
            return Err(PathReason::UnknownIssuer);
        }
        self.budget.set((signatures, paths - 1));
        let mut reasons: Vec<PathReason> = chain.iter().filter_map(|one| form(one, rules.at)).collect();
        reasons.extend(authorities(chain));
        reasons.extend(end(chain[0], rules.end));
        if !constraints::hold(chain) {
            reasons.push(PathReason::NotCa);
        }
        if !policy::hold(chain) {
            reasons.push(PathReason::Leaf);
        }
        if reasons.iter().all(|reason| *reason > PathReason::Revoked) && !revocation::hold(self, chain, rules, nested) {
            reasons.push(PathReason::Revoked);
        }
        reasons.into_iter().min().map_or_else(|| Ok(chain.to_vec()), Err)
    }
}

/// Of several paths that fail, one that reaches an anchor counts before a dead end, and one that may yet hold before one
/// that never will.
fn keep_nearest(nearest: &mut Option<PathReason>, reason: PathReason) {
    let rank = |reason: PathReason| (reason == PathReason::UnknownIssuer, reason.is_invalid(), reason);
    if nearest.is_none_or(|before| rank(reason) < rank(before)) {
        *nearest = Some(reason);
    }
}

/// What is asked of every certificate by itself.
fn form(certificate: &Certificate, at: Timestamp) -> Option<PathReason> {
    let own = &certificate.0.extensions;
    let is_odd = !certificate.0.is_version_3
        || certificate.issuer().is_empty()
        || certificate.serial().len() > MAX_SERIAL
        || certificate.0.algorithm.is_none()
        || certificate.public_key().is_none()
        || own.has_critical_key_identifier
        || (own.has_name_constraints && !certificate.is_ca());
    [
        (at > certificate.not_after(), PathReason::Expired),
        (at < certificate.not_before(), PathReason::NotYet),
        (own.has_unprocessed, PathReason::Critical),
        (is_odd, PathReason::Weak),
    ]
    .into_iter()
    .find_map(|(is_so, reason)| is_so.then_some(reason))
}

/// What is asked of the CAs of a chain: that they are CAs, for as long a path, and named as RFC 5280 demands.
fn authorities(chain: &[&Certificate]) -> Vec<PathReason> {
    let mut reasons = Vec::new();
    let mut below = 0; // certificates between this CA and the leaf that are not self-issued
    for (place, ca) in chain.iter().enumerate().skip(1) {
        let own = &ca.0.extensions;
        let is_ca = own.basic.is_some_and(|basic| basic.is_ca && basic.path_length.is_none_or(|most| below <= most))
            && own.key_usage.is_none_or(|usage| usage & KEY_CERT_SIGN != 0);
        if !is_ca {
            reasons.push(PathReason::NotCa);
        }
        if own.subject_key.is_none() || ca.subject().is_empty() {
            reasons.push(PathReason::Weak);
        }
        below += u32::from(!ca.is_self_issued());
        if place + 1 == chain.len()
            && ca.is_self_issued()
            && own.authority.as_ref().is_some_and(|authority| {
                authority.issuer.is_some()
                    || authority.serial.is_some()
                    || authority.key.is_none()
                    || authority.key != own.subject_key
            })
        {
            reasons.push(PathReason::Weak);
        }
    }
    reasons
}

/// What is asked of the certificate at the end.
fn end(leaf: &Certificate, end: End) -> Option<PathReason> {
    let usage = leaf.0.extensions.key_usage;
    let is_fit = match end {
        End::Crl => true,
        End::Leaf => leaf.is_ca() || usage.is_none_or(|usage| usage & KEY_CERT_SIGN == 0),
        End::Signer => {
            !leaf.is_ca() && usage.is_none_or(|usage| usage & KEY_CERT_SIGN == 0 && usage & DIGITAL_SIGNATURE != 0)
        }
    };
    (!is_fit).then_some(PathReason::Leaf)
}
