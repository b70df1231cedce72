//! Tx 1: what will be signed is written down before a key is used.

use keys::{DepartmentUse, Purpose};
use store::audit;
use verifier::licence::identifier::{LicenceIdentifier, TypeCode};
use verifier::log::{Commitment, Event as LogEvent, entry};
use verifier::rendition::credential::write::Draft as CredentialDraft;
use verifier::status::ENTRIES;
use verifier::time::Timestamp;

use super::error::FlowError;
use crate::LicenceSigner;
use crate::facts::{Authority, Disclosures, Facts};
use crate::issuance::Prepared;
use crate::officer::Officer;
use crate::storage::licences::{self, NewLicence, NewVersion, SealingRow};
use crate::storage::{idempotency, log, status};

/// How full a list may be: three quarters.
const FULL: i64 = ENTRIES.cast_signed() / 4 * 3;

/// What an `Idempotency-Key` stands for, as digests.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    /// The scope's digest under the key in use.
    pub(crate) scope: Vec<u8>,
    /// The same under the keys before.
    pub(crate) before: Vec<Vec<u8>>,
    /// The request's digest under the key in use.
    pub(crate) request: Vec<u8>,
    /// The same under every key.
    pub(crate) requests: Vec<Vec<u8>>,
}

impl Claim {
    /// Whether what was done was this request.
    pub(crate) fn is(&self, done: &idempotency::Done) -> bool {
        self.requests.contains(&done.request)
    }

    /// What the key did, under whichever digest it was kept.
    pub(crate) async fn find(&self, tx: &mut store::Tx) -> Result<Option<idempotency::Done>, store::StorageError> {
        for scope in std::iter::once(&self.scope).chain(&self.before) {
            if let Some(done) = idempotency::find(tx, scope).await? {
                return Ok(Some(done));
            }
        }
        Ok(None)
    }

    /// Takes the key for what this transaction does, or answers what it did before.
    pub(crate) async fn take(
        &self,
        tx: &mut store::Tx,
        licence: &str,
        event: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<idempotency::Done>, store::StorageError> {
        for scope in &self.before {
            if let Some(done) = idempotency::find(tx, scope).await? {
                return Ok(Some(done));
            }
        }
        if idempotency::claim(tx, &self.scope, &self.request, licence, event, now).await? {
            return Ok(None);
        }
        let done = idempotency::find(tx, &self.scope).await?;
        done.map(Some).ok_or(store::StorageError::Damaged("an idempotency row"))
    }
}

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

impl std::fmt::Debug for Disclosures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Disclosures(…)")
    }
}

/// What came of recording.
#[derive(Debug)]
pub(crate) enum Recording {
    /// It is recorded.
    New(Box<Recorded>),
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
    let department = officer.department();
    let sources = signer.sources();
    let licence = signer.random_id()?;
    let serial = signer.random_serial()?;
    let type_code: TypeCode = prepared.licence_type().code().parse().map_err(internal)?;
    let identifier = LicenceIdentifier::new(type_code, &department.code, &serial, 1).map_err(internal)?;
    let authority = Authority { code: department.code.clone(), name: department.name.clone() };
    let facts = Facts::of(&prepared, identifier.to_string(), authority);
    let disclosures = Disclosures::make(&facts, || sources.bytes::<16>())?;
    let key =
        signer.key_store().ring(&Purpose::department(&department.code, DepartmentUse::Credential))?.active(now)?;
    let leaf_key = entry::key_digest(key.public_key().spki_der());
    let salt = sources.bytes::<32>()?;
    let has_code = super::seal::code_fits(&facts, prepared.licence_type());

    let list = signer.open_list(now).await?;
    let uri = signer.status_uri(&list);
    let keys = signer.field_keys(now)?;
    let row = format!("{licence}/1");
    let sealed_facts = keys.seal("versions", "facts", &row, &to_bytes(&facts)?, sources.random.as_ref())?;
    let sealed_disclosures =
        keys.seal("versions", "disclosures", &row, &to_bytes(&disclosures)?, sources.random.as_ref())?;
    let holder_digest = keys.digest("holder", &facts.holder.code().canonical());
    let number_digest = keys.digest("number", &format!("{}:{}", facts.type_code, facts.number));

    let mut tx = signer.db().begin().await?;
    if let Some(claim) = claim
        && let Some(done) = claim.take(&mut tx, &licence, None, now).await?
    {
        return Ok(Recording::Before(done));
    }
    let new = NewLicence {
        id: &licence,
        type_code: &facts.type_code,
        type_version: facts.type_version,
        department: &department.code,
        region: &department.region,
        holder_kind: facts.holder.kind().as_str(),
        holder_digest: &holder_digest,
        number_digest: &number_digest,
        valid_from: prepared.valid_from().first_second().seconds(),
        valid_end: prepared.valid_until().map(|date| date.end().seconds()),
    };
    licences::add(&mut tx, &new, now).await?;
    let positions = reserve(signer, &mut tx, &list, &licence, has_code).await?;
    let top = disclosures.top();
    let items = disclosures.items();
    let position = u64::try_from(positions[0]).map_err(internal)?;
    let draft = credential_draft(signer, &facts, &department.code, &top, &items, &uri, position, now);
    let facts_digest = draft.facts_digest();
    let effective = draft.effective(LogEvent::Issue).map_err(internal)?;
    let commitment = Commitment {
        salt: &salt,
        identifier: &facts.identifier,
        event: LogEvent::Issue,
        effective,
        facts_digest: Some(&facts_digest),
        status: Some((&uri, position)),
    };
    let version = NewVersion {
        licence: &licence,
        version: 1,
        type_code: &facts.type_code,
        type_version: facts.type_version,
        identifier: &facts.identifier,
        facts: &sealed_facts,
        disclosures: &sealed_disclosures,
        facts_digest: &facts_digest,
    };
    licences::add_version(&mut tx, &version, now).await?;
    let leaf = signer.random_id()?;
    log::add(&mut tx, &leaf, &commitment.entry(&leaf_key), now).await?;
    let credential = SealingRow {
        id: signer.random_id()?,
        licence: licence.clone(),
        version: 1,
        rendition: "sdjwt".to_owned(),
        event: LogEvent::Issue.name().to_owned(),
        effective: effective.seconds(),
        status_list: list.clone(),
        status_position: positions[0],
        leaf: Some(leaf),
        salt: Some(salt.to_vec()),
        leaf_key: Some(leaf_key.to_vec()),
    };
    let code = match positions.get(1) {
        None => None,
        Some(position) => Some(SealingRow {
            id: signer.random_id()?,
            rendition: "cwt".to_owned(),
            status_position: *position,
            leaf: None,
            salt: None,
            leaf_key: None,
            ..credential.clone()
        }),
    };
    licences::add_sealings(&mut tx, &credential, code.as_ref(), now).await?;
    let mut audit_row = audit::Row::new(officer.actor(), "licence.issue", "done", now)
        .department(&department.code)
        .object(format!("licence:{licence}"));
    audit_row.matter.clone_from(&facts.matter);
    audit_row.case.clone_from(&facts.case);
    audit_row.incident = crate::incident();
    audit::append(&mut tx, &audit_row).await?;
    tx.commit().await?;
    signer.wake();
    let sealings = std::iter::once(credential).chain(code).collect();
    let department = department.code.clone();
    Ok(Recording::New(Box::new(Recorded { licence, version: 1, department, facts, disclosures, sealings })))
}

/// The credential's draft as of `issued_at`.
#[expect(clippy::too_many_arguments, reason = "each is a part of the draft, and two flows fill it")]
pub(crate) fn credential_draft<'a>(
    signer: &'a LicenceSigner,
    facts: &'a Facts,
    department: &'a str,
    top: &'a [verifier::facts::Disclosure],
    items: &'a [verifier::facts::Disclosure],
    status_uri: &'a str,
    status_idx: u64,
    issued_at: Timestamp,
) -> CredentialDraft<'a> {
    CredentialDraft {
        signer: signer.external_url(),
        department_code: department,
        type_code: &facts.type_code,
        type_version: u64::from(facts.type_version),
        issued_at,
        identifier: &facts.identifier,
        authority_code: &facts.authority.code,
        authority_name: &facts.authority.name,
        issue_date: &facts.issue_date,
        valid_from: &facts.valid_from,
        valid_until: facts.valid_until.as_deref(),
        status_uri,
        status_idx,
        top,
        items,
        copy: None,
    }
}

/// Takes one position, or two, uniformly from the free ones. A draw that meets a taken one is drawn again.
async fn reserve(
    signer: &LicenceSigner,
    tx: &mut store::Tx,
    list: &str,
    licence: &str,
    two: bool,
) -> Result<Vec<i64>, FlowError> {
    for _ in 0..64 {
        let first = draw(signer)?;
        if !two {
            if status::reserve_one(tx, list, first, licence).await? {
                return Ok(vec![first]);
            }
            continue;
        }
        let second = draw(signer)?;
        if first != second && status::reserve_two(tx, list, [first, second], licence).await? == 2 {
            return Ok(vec![first, second]);
        }
    }
    Err(FlowError::Internal("no free status position was drawn".to_owned()))
}

fn draw(signer: &LicenceSigner) -> Result<i64, FlowError> {
    let bytes = signer.sources().bytes::<4>()?;
    Ok(i64::from(u32::from_le_bytes(bytes)) % ENTRIES.cast_signed()) // 2^32 is a multiple of 2^20: uniform
}

impl LicenceSigner {
    /// The list from which positions are drawn now; a full one is closed and another opened.
    pub(crate) async fn open_list(&self, now: Timestamp) -> Result<String, FlowError> {
        if let Some(list) = self.drawn_list() {
            return Ok(list);
        }
        let mut tx = self.db().begin().await?;
        loop {
            let Some(list) = status::open_list(&mut tx).await? else {
                let list = self.random_serial()?[..6].to_ascii_lowercase();
                status::add_list(&mut tx, &list, now).await?;
                continue;
            };
            let taken = status::count(&mut tx, &list).await?;
            if taken >= FULL {
                status::close_list(&mut tx, &list).await?;
                continue;
            }
            tx.commit().await?;
            self.draw_from(&list, FULL - taken);
            return Ok(list);
        }
    }
}

fn internal(error: impl std::fmt::Display) -> FlowError {
    FlowError::Internal(error.to_string())
}

fn to_bytes(value: &impl serde::Serialize) -> Result<Vec<u8>, FlowError> {
    serde_json::to_vec(value).map_err(internal)
}
