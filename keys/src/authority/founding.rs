//! The first keys and certificates of an authority.

use verifier::algorithm::Algorithm;
use verifier::time::Timestamp;

use super::{AuthorityError, key_of};
use crate::certify::{self, Ca, OidArc, Power, ROOT_YEARS, SUBORDINATE_YEARS, Subject, Validity};
use crate::key_store::{Bytes, CertificateRow, KeyRow, RingRow, new_key};
use crate::purpose::{KeyKind, Purpose};
use crate::signer::Signer as _;

/// What a new authority is called and where its services stand.
#[derive(Clone, Debug)]
pub struct Founding {
    /// The name by which bundles of this authority are known, a host name for instance. It never changes.
    pub authority: String,
    /// Whose it is, as it stands in certificates: 示范省.
    pub title: String,
    /// The arc under which its own OIDs hang. It never changes.
    pub oid_arc: String,
    /// The external URL of its licence-signer, without a path: `http://localhost:8081`. The log's origin follows from it.
    pub signer: String,
    /// The upper bound of what the subordinate CA certifies; `None`: no bound.
    pub bound: Option<Power>,
}

/// Root and subordinate CA with their certificates, and a key for each role of the bundle and for the log.
pub(super) fn founding_rows(founding: &Founding, arc: &OidArc, now: Timestamp) -> Result<Vec<RingRow>, AuthorityError> {
    let subject =
        |common_name: String| Subject { organization: founding.title.clone(), credit_code: None, common_name };
    let kind = KeyKind::Signing(Algorithm::Es256);

    let mut root_row = new_key(kind, now, Some(now))?;
    let root_key = key_of(&root_row, kind)?;
    let root_validity = Validity::years(now, ROOT_YEARS);
    let root = certify::root(&root_key, &subject(format!("{}根", founding.title)), root_validity, 2)?;

    let mut subordinate_row = new_key(kind, now, Some(now))?;
    let subordinate_key = key_of(&subordinate_row, kind)?;
    let validity = Validity::years(now, SUBORDINATE_YEARS);
    let bound = founding.bound.as_ref().map(|power| (arc, power));
    let name = subject(format!("{}签发", founding.title));
    let ca = Ca::new(&root, &root_key, arc)?;
    let subordinate = ca.subordinate(subordinate_key.public_key(), &name, validity, 0, bound)?;

    let row = |certificate: Vec<u8>, validity: Validity| CertificateRow {
        chain: vec![Bytes(certificate)],
        types: Vec::new(),
        regions: Vec::new(),
        signs_from: validity.not_before,
        signs_until: validity.not_after,
        foreign: false,
    };
    subordinate_row.certificate = Some(row(subordinate, validity));
    root_row.certificate = Some(row(root, root_validity));
    let ring = |purpose: &Purpose, kind: KeyKind, key: KeyRow| RingRow {
        purpose: purpose.to_string(),
        kind: kind.to_string(),
        keys: vec![key],
    };
    let mut rows = vec![ring(&Purpose::RootCa, kind, root_row), ring(&Purpose::SubordinateCa, kind, subordinate_row)];
    for purpose in [Purpose::TrustRoot, Purpose::TrustTargets, Purpose::TrustTimestamp, Purpose::Log] {
        let kind = purpose.default_kind();
        rows.push(ring(&purpose, kind, new_key(kind, now, Some(now))?));
    }
    Ok(rows)
}
