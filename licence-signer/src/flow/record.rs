//! Tx 1: what will be signed is written down before a key is used.

use keys::{DepartmentUse, Purpose};
use store::{Tx, audit};
use verifier::licence::identifier::{LicenceIdentifier, TypeCode};
use verifier::log::{Event as LogEvent, entry};
use verifier::time::Timestamp;

use super::claim::Claim;
use super::error::FlowError;
use super::recorded::{Recorded, StatusEntry, credential_draft};
use super::waiting::Awaited;
use super::{positions, seal};
use crate::LicenceSigner;
use crate::facts::{Authority, Disclosures, Facts};
use crate::issuance::Prepared;
use crate::officer::Officer;
use crate::storage::digests::Digests;
use crate::storage::licences::{self, NewLicence, NewVersion, SealingRow};
use crate::storage::{idempotency, log, numbers, subjects};

/// What came of recording.
#[derive(Debug)]
pub(crate) enum Recording {
    /// It is recorded, and its leaf is waited for.
    New(Box<Recorded>, Awaited),
    /// The key did this before.
    Before(idempotency::Done),
}

/// Records a prepared licence with its leaf, its status positions, its audit row and its idempotency row.
pub(crate) async fn record(
    signer: &LicenceSigner,
    officer: &Officer,
    prepared: Prepared,
    claim: Option<&Claim>,
    now: Timestamp,
) -> Result<Recording, FlowError> {
    let new = New::make(signer, officer, &prepared, now)?;
    let list = signer.open_list(now).await?;
    let mut tx = signer.db().begin().await?;
    if let Some(claim) = claim
        && let Some(done) = claim.take(&mut tx, &new.licence, None, now).await?
    {
        return Ok(Recording::Before(done));
    }
    new.add_licence(&mut tx, officer, &prepared, now).await?;
    let positions = positions::reserve(signer, &mut tx, &list, &new.licence, new.has_code).await?;
    let credential = new.add_version(signer, &mut tx, &list, positions.0, now).await?;
    let code = positions.1.map(|position| code_beside(signer, &credential, position)).transpose()?;
    licences::add_sealings(&mut tx, &credential, code.as_ref(), now).await?;
    audit::append(&mut tx, &new.audit_row(officer, now)).await?;
    let awaited = signer.waiting().for_leaf(&new.leaf);
    tx.commit().await?;
    signer.wake();
    Ok(Recording::New(Box::new(new.recorded(credential, code)), awaited))
}

/// A licence before it is recorded: all that is drawn, derived and encrypted without the database.
struct New {
    licence: String,
    leaf: String,
    salt: [u8; 32],
    leaf_key: [u8; 32],
    facts: Facts,
    disclosures: Disclosures,
    sealed_facts: Vec<u8>,
    sealed_disclosures: Vec<u8>,
    holder: Digests,
    number: Digests,
    has_code: bool,
}

impl New {
    fn make(signer: &LicenceSigner, officer: &Officer, prepared: &Prepared, now: Timestamp) -> Result<Self, FlowError> {
        let department = officer.department();
        let sources = signer.sources();
        let licence = signer.random_id()?;
        let type_code: TypeCode = prepared.licence_type().code().parse().map_err(internal)?;
        let identifier =
            LicenceIdentifier::new(type_code, &department.code, &signer.random_serial()?, 1).map_err(internal)?;
        let authority = Authority { code: department.code.clone(), name: department.name.clone() };
        let facts = Facts::of(prepared, identifier.to_string(), authority);
        let disclosures = Disclosures::make(&facts, || sources.bytes::<16>())?;
        let purpose = Purpose::department(&department.code, DepartmentUse::Credential);
        let key = signer.key_store().ring(&purpose)?.active(now)?;
        let keys = signer.field_keys(now)?;
        let row = format!("{licence}/1");
        let seal = |column: &str, plain: &[u8]| keys.seal("versions", column, &row, plain, sources.random.as_ref());
        Ok(Self {
            leaf: signer.random_id()?,
            salt: sources.bytes()?,
            leaf_key: entry::key_digest(key.public_key().spki_der()),
            sealed_facts: seal("facts", &to_bytes(&facts)?)?,
            sealed_disclosures: seal("disclosures", &to_bytes(&disclosures)?)?,
            holder: signer.digests("holder", &facts.holder.code().canonical())?,
            number: signer.digests("number", &format!("{}:{}", facts.type_code, facts.number))?,
            has_code: seal::code_fits(&facts, prepared.licence_type()),
            licence,
            facts,
            disclosures,
        })
    }

    /// Takes the number, unless the licence is over already, and adds the licence. Whoever is known by an older digest of the holder's number is to find it.
    async fn add_licence(
        &self,
        tx: &mut Tx,
        officer: &Officer,
        prepared: &Prepared,
        now: Timestamp,
    ) -> Result<(), FlowError> {
        let department = officer.department();
        let is_over = prepared.valid_until().is_some_and(|day| day.end() <= now);
        if !is_over && !numbers::take(tx, &department.code, &self.number, &self.licence, now).await? {
            return Err(FlowError::NumberTaken);
        }
        if self.holder.are_many() {
            subjects::link(tx, &self.holder).await?;
        }
        let new = NewLicence {
            id: &self.licence,
            type_code: &self.facts.type_code,
            type_version: self.facts.type_version,
            department: &department.code,
            region: &department.region,
            holder_kind: self.facts.holder.kind().as_str(),
            holder_digest: self.holder.current(),
            number_digest: self.number.current(),
            valid_from: prepared.valid_from().first_second().seconds(),
            valid_end: prepared.valid_until().map(|date| date.end().seconds()),
        };
        Ok(licences::add(tx, &new, now).await?)
    }

    /// Adds the version and its leaf; answers the credential's sealing.
    async fn add_version(
        &self,
        signer: &LicenceSigner,
        tx: &mut Tx,
        list: &str,
        position: i64,
        now: Timestamp,
    ) -> Result<SealingRow, FlowError> {
        let uri = signer.status_uri(list);
        let status = StatusEntry { uri: &uri, idx: u64::try_from(position).map_err(internal)? };
        let (top, items) = (self.disclosures.top(), self.disclosures.items());
        let draft = credential_draft(signer, &self.facts, (&top, &items), status, now);
        let effective = draft.effective(LogEvent::Issue).map_err(internal)?;
        let commitment = draft.commitment(LogEvent::Issue, &self.salt).map_err(internal)?;
        let version = NewVersion {
            licence: &self.licence,
            version: 1,
            type_code: &self.facts.type_code,
            type_version: self.facts.type_version,
            identifier: &self.facts.identifier,
            facts: &self.sealed_facts,
            disclosures: &self.sealed_disclosures,
            facts_digest: &draft.facts_digest(),
        };
        licences::add_version(tx, &version, now).await?;
        log::add(tx, &self.leaf, &entry::entry(&self.leaf_key, &commitment), now).await?;
        Ok(SealingRow {
            id: signer.random_id()?,
            licence: self.licence.clone(),
            version: 1,
            rendition: "sdjwt".to_owned(),
            event: LogEvent::Issue.name().to_owned(),
            effective: effective.seconds(),
            status_list: list.to_owned(),
            status_position: position,
            leaf: Some(self.leaf.clone()),
            salt: Some(self.salt.to_vec()),
            leaf_key: Some(self.leaf_key.to_vec()),
        })
    }

    fn audit_row(&self, officer: &Officer, now: Timestamp) -> audit::Row {
        let mut row = audit::Row::new(officer.actor(), "licence.issue", "done", now)
            .department(&officer.department().code)
            .object(format!("licence:{}", self.licence));
        row.matter.clone_from(&self.facts.matter);
        row.case.clone_from(&self.facts.case);
        row.incident = crate::incident();
        row
    }

    fn recorded(self, credential: SealingRow, code: Option<SealingRow>) -> Recorded {
        Recorded {
            licence: self.licence,
            version: 1,
            department: self.facts.authority.code.clone(),
            facts: self.facts,
            disclosures: self.disclosures,
            sealings: std::iter::once(credential).chain(code).collect(),
        }
    }
}

/// The sealing of the printed code beside the credential's: no leaf, no proof, a position of its own.
fn code_beside(signer: &LicenceSigner, credential: &SealingRow, position: i64) -> Result<SealingRow, FlowError> {
    Ok(SealingRow {
        id: signer.random_id()?,
        rendition: "cwt".to_owned(),
        status_position: position,
        leaf: None,
        salt: None,
        leaf_key: None,
        ..credential.clone()
    })
}

fn internal(error: impl std::fmt::Display) -> FlowError {
    FlowError::Internal(error.to_string())
}

fn to_bytes(value: &impl serde::Serialize) -> Result<Vec<u8>, FlowError> {
    serde_json::to_vec(value).map_err(internal)
}
