//! Whether a key may sign what it signed (formats §6): a right needs both certificate and register.

use super::Trust;
use super::rows::{CertificateRow, DepartmentRow};
use crate::certificate::{Certificate, Path, Power, Usage};
use crate::region::Region;
use crate::time::Timestamp;

/// Why a key has not the power. In the order in which a report names one of several: first what is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum PowerReason {
    /// Certificate, register or a CA above does not allow the licence type.
    #[error("the signer may not issue this type of licence")]
    Type,
    /// Certificate, register or a CA above does not cover the department's region.
    #[error("the signer may not issue in this region")]
    Region,
    /// Certificate or register is for another purpose.
    #[error("the certificate is for another purpose")]
    Purpose,
    /// Certificate and register disagree about department or key.
    #[error("certificate and register disagree")]
    Register,
    /// The claimed time of signing lies outside the time in which the key signs.
    #[error("signed outside the time in which the key signs")]
    Window,
    /// The register holds no such certificate or department.
    #[error("the register does not hold the certificate or its department")]
    Unlisted,
}

impl PowerReason {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Type => "power.type",
            Self::Region => "power.region",
            Self::Purpose => "power.purpose",
            Self::Register => "power.register",
            Self::Unlisted => "power.unlisted",
            Self::Window => "power.window",
        }
    }

    /// Whether the reason makes a document invalid; otherwise nothing can be said.
    pub const fn is_invalid(self) -> bool {
        !matches!(self, Self::Unlisted)
    }
}

/// A key that may sign for a department.
#[derive(Clone, Copy, Debug)]
pub struct Empowered<'a> {
    /// The certificate's row in the register.
    pub row: &'a CertificateRow,
    /// The department's row.
    pub department: &'a DepartmentRow,
    /// Whether the row stands for usage, power, credit code and SAN of a foreign certificate.
    pub is_foreign: bool,
}

impl Trust {
    /// Whether the leaf of `path` may, for that purpose, sign a licence of that type, claimed to be signed at `claimed`.
    ///
    /// # Errors
    ///
    /// Of several reasons the first in the order of [`PowerReason`].
    pub fn power(
        &self,
        path: &Path,
        usage: Usage,
        type_code: &str,
        claimed: Timestamp,
    ) -> Result<Empowered<'_>, PowerReason> {
        let leaf = path.leaf();
        let row = self.certificate(leaf.sha256());
        let is_foreign = row.is_some_and(|row| row.foreign == Some(true));
        // The region is that of the department which the certificate names; a row that names another disagrees.
        let by_row = row.and_then(|row| row.department.as_ref()).map(crate::subject::SocialCreditCode::as_str);
        let code = leaf.organization_identifier().filter(|_| !is_foreign).or(by_row);
        let department = code.and_then(|code| self.department(code));
        let mut reasons = self.usage_reasons(leaf, row, usage, claimed);
        reasons.extend(bounds(&self.powers(path, row, is_foreign), type_code, department.map(|one| &one.region)));
        if row.is_some_and(|row| disagrees(leaf, row, is_foreign)) {
            reasons.push(PowerReason::Register);
        }
        match (reasons.into_iter().min(), row, department) {
            (Some(reason), ..) => Err(reason),
            (None, Some(row), Some(department)) => Ok(Empowered { row, department, is_foreign }),
            _ => Err(PowerReason::Unlisted),
        }
    }

    /// Whether the leaf of `path` may sign for that purpose at `claimed`, where no department and type are concerned.
    pub fn purpose(
        &self,
        leaf: &Certificate,
        usage: Usage,
        claimed: Timestamp,
    ) -> Result<&CertificateRow, PowerReason> {
        let row = self.certificate(leaf.sha256());
        let reasons = self.usage_reasons(leaf, row, usage, claimed);
        match (reasons.into_iter().min(), row) {
            (Some(reason), _) => Err(reason),
            (None, Some(row)) => Ok(row),
            (None, None) => Err(PowerReason::Unlisted),
        }
    }

    /// Purpose in certificate and register, and the window. What a certificate without a row leaves out, its row could
    /// still say.
    fn usage_reasons(
        &self,
        leaf: &Certificate,
        row: Option<&CertificateRow>,
        usage: Usage,
        claimed: Timestamp,
    ) -> Vec<PowerReason> {
        let usages = leaf.usages(self.oid_arc());
        let is_foreign = row.is_some_and(|row| row.foreign == Some(true));
        let by_certificate = match usages[..] {
            _ if is_foreign => true,
            [] => row.is_none(),
            [one] => one == usage,
            _ => false,
        };
        let by_row = row.is_none_or(|row| row.purpose == usage.name());
        let in_window = row.is_none_or(|row| row.signs_from <= claimed && claimed < row.signs_until);
        [(by_certificate && by_row, PowerReason::Purpose), (in_window, PowerReason::Window)]
            .into_iter()
            .filter_map(|(holds, reason)| (!holds).then_some(reason))
            .chain(row.filter(|row| spki_differs(leaf, row)).map(|_| PowerReason::Register))
            .collect()
    }

    /// Every bound that must allow what is signed: the leaf's, the row's, each CA's that has one.
    fn powers(&self, path: &Path, row: Option<&CertificateRow>, is_foreign: bool) -> Vec<Power> {
        let arc = self.oid_arc();
        let leaf = path.leaf().power(arc).filter(|_| !is_foreign);
        let none = (!is_foreign && row.is_some()).then(Power::default); // a leaf without the extension has no power
        let row = row.map(|row| Power {
            types: row.types.clone(),
            regions: row.regions.iter().map(ToString::to_string).collect(),
        });
        let authorities = path.certificates().iter().skip(1).filter_map(|ca| ca.power(arc));
        leaf.or(none).into_iter().chain(row).chain(authorities).collect()
    }
}

fn bounds(powers: &[Power], type_code: &str, region: Option<&Region>) -> Vec<PowerReason> {
    let mut reasons = Vec::new();
    if !powers.iter().all(|power| power.has_type(type_code)) {
        reasons.push(PowerReason::Type);
    }
    if region.is_some_and(|region| !powers.iter().all(|power| power.has_region(region))) {
        reasons.push(PowerReason::Region);
    }
    reasons
}

fn spki_differs(leaf: &Certificate, row: &CertificateRow) -> bool {
    row.spki != crate::encoding::hex::encode(leaf.spki_sha256())
}

/// Whether the certificate names another department than the row; a foreign one may name none.
fn disagrees(leaf: &Certificate, row: &CertificateRow, is_foreign: bool) -> bool {
    let own = leaf.organization_identifier();
    let department = row.department.as_ref().map(crate::subject::SocialCreditCode::as_str);
    !(is_foreign || own == department && own.is_some())
}
