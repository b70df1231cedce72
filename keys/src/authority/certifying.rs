//! Giving a ring a key with the certificate that is wanted.

use verifier::time::Timestamp;

use super::{Authority, AuthorityError, BUNDLE_CACHE_SECONDS, Certified, DAY, RENEW_BEFORE_SECONDS, key_of};
use crate::certified::CertifiedSigner;
use crate::certify::{self, Ca, LEAF_MOST_YEARS, Leaf, Power, SIGNING_DAYS, SUBORDINATE_YEARS, Validity};
use crate::key_ring::{Life, activation};
use crate::key_store::{Bytes, CertificateRow, KeyRow, KeyStoreError, new_key};
use crate::purpose::Purpose;
use crate::signer::Signer as _;

/// What is wanted of the keys of a purpose.
pub(super) struct Wanted<'a> {
    pub(super) purpose: &'a Purpose,
    pub(super) power: &'a Power,
    pub(super) uri: Option<&'a str>,
    /// Whether even a key that fits gets a successor.
    pub(super) anew: bool,
}

impl Authority {
    /// Gives the ring of `purpose` a key with the certificate that is wanted, unless it has one.
    pub(super) fn certify(
        &self,
        wanted: &Wanted<'_>,
        leaf: impl Fn(Timestamp) -> Leaf,
        now: Timestamp,
    ) -> Result<Certified, AuthorityError> {
        let kind = wanted.purpose.default_kind();
        let loaded = self.store.loaded();
        let name = (wanted.purpose.to_string(), kind.to_string());
        let ring = loaded.contents.rings.iter().find(|ring| (&ring.purpose, &ring.kind) == (&name.0, &name.1));
        if let Some(done) = ring.and_then(|ring| state(&ring.keys, wanted, &leaf, now).done()) {
            return Ok(done); // nothing to write
        }
        let issuer = self.store.certified(&Purpose::SubordinateCa, now)?;
        let ca = Ca::new(issuer.certificate(), &issuer, &self.arc)?;
        let mut failed = None;
        let outcome = self.store.change(|contents| {
            let keys = &mut contents.ring_mut(wanted.purpose, kind).keys;
            let state = state(keys, wanted, &leaf, now);
            if let Some(done) = state.done() {
                return Ok(done);
            }
            let at_once = matches!(state, State::Missing);
            let signs_from = if at_once { now } else { activation(now, BUNDLE_CACHE_SECONDS) };
            match self.certified_row(wanted, (&ca, &issuer), &leaf(signs_from), signs_from, now) {
                Ok(row) => keys.push(row),
                Err(error) => {
                    failed = Some(error);
                    return Err(KeyStoreError::Certificate);
                }
            }
            Ok(if at_once { Certified::AtOnce } else { Certified::Announced { signs_from } })
        });
        match (outcome, failed) {
            (Err(_), Some(error)) => Err(error),
            (outcome, _) => Ok(outcome?),
        }
    }

    /// Announces a successor of the subordinate CA, with the same name and upper bound, certified by the root.
    pub(super) fn renew_subordinate(&self, now: Timestamp) -> Result<Certified, AuthorityError> {
        let purpose = Purpose::SubordinateCa;
        let ring = self.store.ring(&purpose)?;
        let waiting = ring.keys(now).into_iter().find_map(|key| match key.life {
            Life::Announced { active_from } => active_from,
            _ => None,
        });
        if let Some(signs_from) = waiting {
            return Ok(Certified::Announced { signs_from });
        }
        let (root, current) = (self.store.certified(&Purpose::RootCa, now)?, self.store.certified(&purpose, now)?);
        let known = certify::known(current.certificate())?;
        let bound = certify::power_of(current.certificate(), &self.arc)?;
        let signs_from = activation(now, BUNDLE_CACHE_SECONDS);
        let mut validity = Validity::years(signs_from, SUBORDINATE_YEARS);
        validity.not_after = validity.not_after.min(certify::known(root.certificate())?.validity.not_after);
        let mut row = new_key(ring.kind(), now, Some(signs_from))?;
        let key = key_of(&row, ring.kind())?;
        let ca = Ca::new(root.certificate(), &root, &self.arc)?;
        let bound = bound.as_ref().map(|power| (&self.arc, power));
        let certificate = ca.subordinate(key.public_key(), &known.subject, validity, 0, bound)?;
        row.certificate = Some(CertificateRow {
            chain: vec![Bytes(certificate)],
            types: Vec::new(),
            regions: Vec::new(),
            signs_from,
            signs_until: validity.not_after,
            foreign: false,
        });
        self.store.change(|contents| {
            contents.ring_mut(&purpose, ring.kind()).keys.push(row);
            Ok(())
        })?;
        Ok(Certified::Announced { signs_from })
    }

    fn certified_row(
        &self,
        wanted: &Wanted<'_>,
        (ca, issuer): (&Ca<'_>, &CertifiedSigner),
        leaf: &Leaf,
        signs_from: Timestamp,
        now: Timestamp,
    ) -> Result<KeyRow, AuthorityError> {
        let kind = wanted.purpose.default_kind();
        let mut row = new_key(kind, now, Some(signs_from))?;
        let certificate = ca.leaf(&self.arc, key_of(&row, kind)?.public_key(), leaf)?;
        row.certificate = Some(CertificateRow {
            chain: std::iter::once(certificate).chain(issuer.chain().iter().cloned()).map(Bytes).collect(),
            types: wanted.power.types.clone(),
            regions: wanted.power.regions.clone(),
            signs_from,
            signs_until: signs_from.plus(SIGNING_DAYS * DAY),
            foreign: false,
        });
        Ok(row)
    }
}

enum State {
    Fits,
    Waiting(Timestamp),
    Outdated,
    Missing,
}

impl State {
    /// What it comes to if nothing is to be made.
    fn done(&self) -> Option<Certified> {
        match *self {
            Self::Fits => Some(Certified::Unchanged),
            Self::Waiting(signs_from) => Some(Certified::Announced { signs_from }),
            Self::Outdated | Self::Missing => None,
        }
    }
}

/// Whether the ring's keys answer what is wanted of them.
fn state(keys: &[KeyRow], wanted: &Wanted<'_>, leaf: &impl Fn(Timestamp) -> Leaf, now: Timestamp) -> State {
    let (power, uri) = (wanted.power, wanted.uri);
    let fits = |row: &CertificateRow| {
        let known = row.chain.first().and_then(|certificate| certify::known(&certificate.0).ok());
        let lives = leaf(row.signs_from).validity.not_after;
        row.types == power.types
            && row.regions == power.regions
            && known.is_some_and(|known| known.uri.as_deref() == uri && known.validity.not_after >= lives)
    };
    let usable = keys.iter().filter(|key| key.secret.is_some() && key.compromised_from.is_none());
    let rows: Vec<&CertificateRow> = usable.filter_map(|key| key.certificate.as_ref()).collect();
    let active = rows.iter().filter(|row| row.signs_from <= now && now < row.signs_until);
    let Some(active) = active.max_by_key(|row| row.signs_from) else {
        // nothing signs: whoever waits was announced for later, and this cannot wait
        return State::Missing;
    };
    if let Some(waiting) = rows.iter().find(|row| row.signs_from > now && fits(row)) {
        return State::Waiting(waiting.signs_from);
    }
    if !wanted.anew && fits(active) && active.signs_until.since(now) > RENEW_BEFORE_SECONDS {
        return State::Fits;
    }
    State::Outdated
}

/// The life of a department's certificate: as long as the longest licence and two years, at most 30 (formats §6).
pub(super) fn leaf_validity(signs_from: Timestamp, longest_licence_years: Option<u32>) -> Validity {
    let years = longest_licence_years.map_or(LEAF_MOST_YEARS, |years| (i64::from(years) + 2).min(LEAF_MOST_YEARS));
    Validity::years(signs_from, years)
}
