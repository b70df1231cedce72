//! The trust bundle (formats §6): read, checked and made ready once, asked often.

mod bundle;
mod index;
mod power;
pub mod rows;

use std::collections::HashMap;

use crate::algorithm::Algorithm;
use crate::certificate::{Certificate, Path, PathReason, Pool, Rules};
use crate::log::note::VerifierKey;
use crate::time::Timestamp;

pub use power::{Empowered, PowerReason};

use rows::{AlgorithmRow, CertificateRow, DepartmentRow, RootPayload, TargetsPayload, TypeRow};

/// The most bytes of a bundle.
pub const MAX_BUNDLE: usize = 64 * 1024 * 1024;

/// Why a bundle is not trusted. In the order in which a report names one of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum TrustError {
    /// Not the structure of a bundle, or a row that breaks a rule.
    #[error("the trust bundle is malformed")]
    Malformed,
    /// Fewer signatures of a role's keys than its threshold.
    #[error("the trust bundle has too few signatures")]
    Threshold,
    /// Roots that do not follow each other, or another authority.
    #[error("the roots of the trust bundle do not follow each other")]
    Chain,
    /// The timestamp is about another root or other targets.
    #[error("the timestamp of the trust bundle is about something else")]
    Mismatch,
    /// The last root, the targets or the timestamp has expired.
    #[error("the trust bundle has expired")]
    Expired,
    /// A version lower than one seen before under the same first root.
    #[error("the trust bundle is older than one seen before")]
    Rollback,
}

impl TrustError {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "trust.malformed",
            Self::Threshold => "trust.threshold",
            Self::Chain => "trust.chain",
            Self::Mismatch => "trust.mismatch",
            Self::Expired => "trust.expired",
            Self::Rollback => "trust.rollback",
        }
    }
}

/// The versions of a bundle's parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Versions {
    /// Of the last root.
    pub root: u64,
    /// Of the targets.
    pub targets: u64,
    /// Of the timestamp.
    pub timestamp: u64,
}

/// What was seen before under a first root; a bundle with a lower version of anything is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin {
    /// The fingerprint: SHA-256 of the first root's payload.
    pub root_sha256: [u8; 32],
    /// The highest versions seen.
    pub versions: Versions,
}

/// A trust bundle that holds, ready to be asked.
#[derive(Clone, Debug)]
pub struct Trust {
    root_sha256: [u8; 32],
    versions: Versions,
    expires: Timestamp,
    root: RootPayload,
    targets: TargetsPayload,
    pool: Pool,
    certificates: HashMap<[u8; 32], usize>,
    parsed: HashMap<[u8; 32], Certificate>,
    codes: HashMap<[u8; 8], Vec<[u8; 32]>>,
    departments: HashMap<String, usize>,
    keys: HashMap<[u8; 32], Vec<usize>>,
    types: HashMap<String, HashMap<u64, usize>>,
    logs: Vec<Log>,
    status: Vec<StatusOrigin>,
}

/// A public log of the bundle.
#[derive(Clone, Debug)]
pub struct Log {
    /// Its origin.
    pub origin: String,
    /// Its key.
    pub key: VerifierKey,
    /// From when on a missing proof counts.
    pub since: Timestamp,
    /// Its witnesses' keys.
    pub witnesses: Vec<VerifierKey>,
    /// How many witnesses must cosign.
    pub quorum: usize,
}

/// An origin of status lists of the bundle.
#[derive(Clone, Debug)]
pub struct StatusOrigin {
    /// As in the bundle, a default port left out.
    pub origin: String,
    /// SHA-256 of the certificates that sign lists there.
    pub signers: Vec<[u8; 32]>,
}

/// Why an algorithm does not count for a purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AlgorithmReason {
    /// The bundle has no row for it.
    #[error("the algorithm is not listed for this purpose")]
    Unlisted,
    /// Its row ended.
    #[error("the algorithm counts no more for this purpose")]
    Ended,
}

impl AlgorithmReason {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unlisted => "algorithm.unlisted",
            Self::Ended => "algorithm.ended",
        }
    }
}

impl Trust {
    /// SHA-256 of the first root's payload: what is pinned.
    pub fn root_sha256(&self) -> &[u8; 32] {
        &self.root_sha256
    }

    /// The versions of its parts.
    pub fn versions(&self) -> Versions {
        self.versions
    }

    /// The earliest expiry of last root, targets and timestamp.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }

    /// Whether it still holds at that time; a bundle is read once and asked for many times.
    pub fn check_expiry(&self, at: Timestamp) -> Result<(), TrustError> {
        if at >= self.expires { Err(TrustError::Expired) } else { Ok(()) }
    }

    /// The pin of this bundle.
    pub fn pin(&self) -> Pin {
        Pin { root_sha256: self.root_sha256, versions: self.versions }
    }

    /// The authority's name.
    pub fn authority(&self) -> &str {
        &self.root.authority
    }

    /// The arc of the authority's object identifiers.
    pub fn oid_arc(&self) -> &str {
        &self.root.oid_arc
    }

    /// Whether the bundle is a demonstration's.
    pub fn is_demonstration(&self) -> bool {
        self.targets.demonstration == Some(true)
    }

    /// The payload of the last root.
    pub fn root(&self) -> &RootPayload {
        &self.root
    }

    /// The payload of the targets.
    pub fn targets(&self) -> &TargetsPayload {
        &self.targets
    }

    /// Anchors, intermediates and CRLs.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Whether the certificate is a trust anchor.
    pub fn is_anchor(&self, certificate: &Certificate) -> bool {
        self.pool.is_anchor(certificate)
    }

    /// A path from `leaf` to an anchor at that time, with what came along (`x5c`, `x5chain`) as further intermediates.
    pub fn path(&self, leaf: &Certificate, extra: &[Certificate], at: Timestamp) -> Result<Path, PathReason> {
        self.pool.path(leaf, extra, &Rules::at(at))
    }

    /// The register's row for the certificate with that SHA-256.
    pub fn certificate(&self, sha256: &[u8; 32]) -> Option<&CertificateRow> {
        self.certificates.get(sha256).map(|place| &self.targets.certificates[*place])
    }

    /// The certificate with that SHA-256, if the bundle brings it.
    pub fn certificate_of(&self, sha256: &[u8; 32]) -> Option<&Certificate> {
        self.parsed.get(sha256)
    }

    /// The certificates of purpose `code` whose SHA-256 begins with those eight bytes.
    pub fn code_candidates(&self, kid: [u8; 8]) -> impl Iterator<Item = &Certificate> {
        self.codes.get(&kid).into_iter().flatten().filter_map(|sha256| self.parsed.get(sha256))
    }

    /// The department with that credit code.
    pub fn department(&self, code: &str) -> Option<&DepartmentRow> {
        self.departments.get(code).map(|place| &self.targets.departments[*place])
    }

    /// The register's rows whose key has that SHA-256 of its `SubjectPublicKeyInfo`.
    pub fn rows_of_key(&self, spki_sha256: &[u8; 32]) -> impl Iterator<Item = &CertificateRow> {
        self.keys.get(spki_sha256).into_iter().flatten().map(|place| &self.targets.certificates[*place])
    }

    /// That version of a licence type.
    pub fn licence_type(&self, code: &str, version: u64) -> Option<&TypeRow> {
        self.types.get(code)?.get(&version).map(|place| &self.targets.types[*place])
    }

    /// Whether the algorithm counts for that purpose at that time.
    pub fn algorithm(&self, purpose: &str, algorithm: Algorithm, at: Timestamp) -> Result<(), AlgorithmReason> {
        match self.algorithm_row(purpose, algorithm).ok_or(AlgorithmReason::Unlisted)?.until {
            Some(until) if at >= until => Err(AlgorithmReason::Ended),
            _ => Ok(()),
        }
    }

    /// The row of the algorithm for that purpose, under whichever of its names.
    pub(crate) fn algorithm_row(&self, purpose: &str, algorithm: Algorithm) -> Option<&AlgorithmRow> {
        let mut rows = self.targets.algorithms.iter();
        rows.find(|row| row.purpose == purpose && Algorithm::from_name(&row.alg) == Some(algorithm))
    }

    /// Whether `certificate` is marked as compromised and nothing proves the signature to be from before.
    pub fn is_compromised(&self, certificate: &Certificate, proven: Option<Timestamp>) -> bool {
        let from = self.certificate(certificate.sha256()).and_then(|row| row.compromised_from);
        from.is_some_and(|from| proven.is_none_or(|proven| proven >= from))
    }

    /// The logs.
    pub fn logs(&self) -> &[Log] {
        &self.logs
    }

    /// The log of that origin.
    pub fn log(&self, origin: &str) -> Option<&Log> {
        self.logs.iter().find(|log| log.origin == origin)
    }

    /// The origins from which status may be fetched.
    pub fn status_origins(&self) -> &[StatusOrigin] {
        &self.status
    }

    /// The row for the origin (scheme, host, port) of `uri`; a default port written out is the same one.
    pub fn status_origin(&self, uri: &str) -> Option<&StatusOrigin> {
        let origin = index::origin(uri)?;
        self.status.iter().find(|row| row.origin == origin)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::Trust;
    use crate::evidence::Evidence;
    use crate::report::Verdict;
    use crate::verify::open;

    /// The vectors of codes, if they are at hand.
    fn codes() -> Option<Value> {
        let named = std::env::var_os("XINYIN_VECTORS").map(std::path::PathBuf::from);
        let above = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
        let mut places = named.into_iter().chain(above.map(|folder| folder.join("../shared/vectors")));
        let found = places.find_map(|folder| std::fs::read(folder.join("xinyin/codes.json")).ok());
        assert!(found.is_some() || std::env::var("CI").as_deref() != Ok("true"), "the vectors are absent");
        serde_json::from_slice(&found?).ok()
    }

    /// Two certificates whose digests begin alike cannot be made here, so one is entered under the other's prefix.
    #[test]
    fn of_two_certificates_of_one_kid_the_one_that_signed_counts() {
        let Some(file) = codes() else { return };
        let case = |id: &str| file["cases"].as_array().unwrap().iter().find(|case| case["id"] == id).unwrap();
        let good = Trust::read_unexpired(file["bundles"]["main"].to_string().as_bytes()).unwrap();
        let input = case("screen-person")["input"].as_str().unwrap().as_bytes();
        let at = case("screen-person")["at"].as_str().unwrap().parse().unwrap();
        let envelope = crate::rendition::code::Envelope::read_text(std::str::from_utf8(input).unwrap()).unwrap();
        let own = good.codes[envelope.kid()].clone();
        let others: Vec<[u8; 32]> = good.codes.values().flatten().filter(|one| !own.contains(one)).copied().collect();
        assert!(own.len() == 1 && !others.is_empty());
        let judged = |candidates: Vec<[u8; 32]>| {
            let mut trust = good.clone();
            trust.codes.insert(*envelope.kid(), candidates);
            let report = open(input, Some(&trust), at).conclude(&Evidence::default());
            (
                report.verdict,
                report.cause.map(crate::report::Reason::code),
                report.signer.map(|one| one.certificate_sha256),
            )
        };
        let signer = Some(crate::encoding::hex::encode(own[0]));
        assert_eq!(judged(own.clone()), (Verdict::Valid, None, signer.clone()));
        assert_eq!(
            judged([others.clone(), own.clone()].concat()),
            (Verdict::Valid, None, signer.clone()),
            "behind others"
        );
        assert_eq!(judged([own, others.clone()].concat()), (Verdict::Valid, None, signer), "before others");
        assert_eq!(judged(others), (Verdict::Invalid, Some("signature.differs"), None), "others alone");
        assert_eq!(judged(Vec::new()), (Verdict::Undetermined, Some("path.unknown_issuer"), None));
    }
}
