//! The signer: path to an anchor, row in the register, power over type and region, algorithm (formats §6).

use crate::algorithm::Algorithm;
use crate::certificate::{Certificate, Path, PathReason, Usage};
use crate::encoding::hex;
use crate::report::{CheckCode, Reason, SignerFacts};
use crate::subject::SocialCreditCode;
use crate::time::Timestamp;
use crate::trust::rows::{CertificateRow, DepartmentRow};
use crate::trust::{AlgorithmReason, PowerReason, Trust};

use super::findings::Findings;

/// A signing certificate in the light of a trust bundle.
pub(super) struct Signer<'a> {
    pub(super) trust: &'a Trust,
    pub(super) leaf: &'a Certificate,
    pub(super) row: Option<&'a CertificateRow>,
}

/// What a signature by this signer claims to be.
pub(super) struct Claim<'a> {
    pub(super) usage: Usage,
    pub(super) type_code: &'a str,
    pub(super) iat: Timestamp,
}

impl<'a> Signer<'a> {
    pub(super) fn new(trust: &'a Trust, leaf: &'a Certificate) -> Self {
        Self { trust, leaf, row: trust.certificate(leaf.sha256()) }
    }

    /// Whether the row stands for what a foreign certificate does not say.
    pub(super) fn is_foreign(&self) -> bool {
        self.row.is_some_and(|row| row.foreign == Some(true))
    }

    /// The credit code of the certificate; of a foreign one its row's.
    pub(super) fn credit_code(&self) -> Option<&str> {
        match self.row.filter(|_| self.is_foreign()) {
            Some(row) => row.department.as_ref().map(SocialCreditCode::as_str),
            None => self.leaf.organization_identifier(),
        }
    }

    /// The department's row.
    pub(super) fn department(&self) -> Option<&'a DepartmentRow> {
        self.credit_code().and_then(|code| self.trust.department(code))
    }

    /// Searches the path as of the proven time, else as of `at`; a compromised key needs a proof from before.
    pub(super) fn path(
        &self,
        extra: &[Certificate],
        at: Timestamp,
        proven: Option<Timestamp>,
        findings: &mut Findings,
    ) -> Option<Path> {
        if self.trust.is_compromised(self.leaf, proven) {
            findings.find(CheckCode::Path, Reason::PathCompromised);
        }
        match self.trust.path(self.leaf, extra, proven.unwrap_or(at)) {
            Ok(path) => {
                findings.pass(CheckCode::Path);
                Some(path)
            }
            Err(reason) => {
                findings.find(CheckCode::Path, path_reason(reason));
                None
            }
        }
    }

    /// Judges power. Where the path fails by time alone, it is judged on the path as it was when the certificate began.
    pub(super) fn power(&self, claim: &Claim, path: Option<&Path>, extra: &[Certificate], findings: &mut Findings) {
        let earlier = match path {
            Some(_) => None,
            None => self.trust.path(self.leaf, extra, self.leaf.not_before()).ok(),
        };
        let Some(path) = path.or(earlier.as_ref()) else { return };
        let outcome = self.trust.power(path, claim.usage, claim.type_code, claim.iat);
        findings.settle(CheckCode::Power, outcome.map(drop).map_err(power_reason));
    }

    /// Judges the algorithm as of the proven time, else as of `at`, for the certificate's purpose.
    pub(super) fn algorithm(&self, algorithm: Algorithm, usage: Usage, judged: Timestamp, findings: &mut Findings) {
        let purpose = self.row.map_or(usage.name(), |row| &row.purpose);
        let outcome = self.trust.algorithm(purpose, algorithm, judged).map_err(|reason| match reason {
            AlgorithmReason::Unlisted => Reason::AlgorithmUnlisted,
            AlgorithmReason::Ended => Reason::AlgorithmEnded,
        });
        findings.settle(CheckCode::Algorithm, outcome);
    }

    pub(super) fn facts(&self, path: &Path) -> SignerFacts {
        SignerFacts {
            subject: self.leaf.subject().to_string(),
            credit_code: self.credit_code().map(str::to_owned),
            certificate_sha256: hex::encode(self.leaf.sha256()),
            path: path.certificates().iter().skip(1).map(|ca| ca.subject().to_string()).collect(),
        }
    }
}

fn path_reason(reason: PathReason) -> Reason {
    match reason {
        PathReason::UnknownIssuer => Reason::PathUnknownIssuer,
        PathReason::Differs => Reason::PathDiffers,
        PathReason::Expired => Reason::PathExpired,
        PathReason::NotYet => Reason::PathNotYet,
        PathReason::Revoked => Reason::PathRevoked,
        PathReason::Compromised => Reason::PathCompromised,
        PathReason::NotCa => Reason::PathNotCa,
        PathReason::Leaf => Reason::PathLeaf,
        PathReason::Critical => Reason::PathCritical,
        PathReason::Weak => Reason::PathWeak,
    }
}

fn power_reason(reason: PowerReason) -> Reason {
    match reason {
        PowerReason::Type => Reason::PowerType,
        PowerReason::Region => Reason::PowerRegion,
        PowerReason::Purpose => Reason::PowerPurpose,
        PowerReason::Register => Reason::PowerRegister,
        PowerReason::Unlisted => Reason::PowerUnlisted,
        PowerReason::Window => Reason::PowerWindow,
    }
}
