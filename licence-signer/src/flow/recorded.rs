//! What was recorded and is to be sealed, and reading it again.

use store::StorageError;
use verifier::facts::Disclosure;
use verifier::rendition::credential::write::Draft as CredentialDraft;
use verifier::time::Timestamp;

use super::error::FlowError;
use crate::LicenceSigner;
use crate::facts::{Disclosures, Facts};
use crate::storage::licences::{self, SealingRow, VersionRow};

/// What was recorded: enough to finish without reading it again.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) licence: String,
    pub(crate) version: i64,
    pub(crate) department: String,
    pub(crate) facts: Facts,
    pub(crate) disclosures: Disclosures,
    pub(crate) sealings: Vec<SealingRow>,
}

impl Recorded {
    /// Reads what was recorded, for a licence that another run left unfinished.
    pub(crate) async fn read(signer: &LicenceSigner, licence: &str) -> Result<Option<Self>, FlowError> {
        let mut reader = signer.db().reader().await?;
        let Some(row) = licences::find(&mut reader, licence).await? else { return Ok(None) };
        let version = licences::version(&mut reader, licence, row.version).await?;
        let version = version.ok_or(StorageError::Damaged("a licence without its version"))?;
        let sealings = licences::sealings(&mut reader, licence, row.version).await?;
        let (facts, disclosures) = open(signer, licence, row.version, &version)?;
        let (licence, version, department) = (row.id, row.version, row.department);
        Ok(Some(Self { licence, version, department, facts, disclosures, sealings }))
    }

    /// Its sealing of a kind.
    pub(crate) fn sealing(&self, rendition: &str) -> Option<&SealingRow> {
        self.sealings.iter().find(|row| row.rendition == rendition)
    }
}

/// Opens the encrypted columns of a version.
pub(crate) fn open(
    signer: &LicenceSigner,
    licence: &str,
    number: i64,
    version: &VersionRow,
) -> Result<(Facts, Disclosures), FlowError> {
    let keys = signer.field_keys(signer.sources().now())?;
    let row = format!("{licence}/{number}");
    let damaged = StorageError::Damaged("an encrypted column of a version");
    let (Ok(facts), Ok(disclosures)) = (
        keys.open("versions", "facts", &row, &version.facts),
        keys.open("versions", "disclosures", &row, &version.disclosures),
    ) else {
        return Err(damaged.into());
    };
    match (serde_json::from_slice(&facts), serde_json::from_slice(&disclosures)) {
        (Ok(facts), Ok(disclosures)) => Ok((facts, disclosures)),
        _ => Err(damaged.into()),
    }
}

/// Where a credential's status stands: the list's URI and the position in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StatusEntry<'a> {
    pub(crate) uri: &'a str,
    pub(crate) idx: u64,
}

/// The credential's draft as of `issued_at`: the same for the leaf's commitment and for the sealing.
pub(crate) fn credential_draft<'a>(
    signer: &'a LicenceSigner,
    facts: &'a Facts,
    disclosures: (&'a [Disclosure], &'a [Disclosure]),
    status: StatusEntry<'a>,
    issued_at: Timestamp,
) -> CredentialDraft<'a> {
    CredentialDraft {
        signer: signer.external_url(),
        department_code: &facts.authority.code,
        type_code: &facts.type_code,
        type_version: u64::from(facts.type_version),
        issued_at,
        identifier: &facts.identifier,
        authority_code: &facts.authority.code,
        authority_name: &facts.authority.name,
        issue_date: &facts.issue_date,
        valid_from: &facts.valid_from,
        valid_until: facts.valid_until.as_deref(),
        status_uri: status.uri,
        status_idx: status.idx,
        top: disclosures.0,
        items: disclosures.1,
        copy: None,
    }
}
