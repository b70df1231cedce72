//! Sealing: the keys sign what was recorded.

use keys::certified::CertifiedSigner;
use keys::{DepartmentUse, Purpose, Signer as _};
use store::StorageError;
use verifier::log::Event as LogEvent;
use verifier::rendition::code::write::{self as form, Draft as CodeDraft, Item};
use verifier::rendition::credential::write::{LogClaim, assemble, header};
use verifier::time::Timestamp;

use super::error::FlowError;
use super::recorded::{Recorded, StatusEntry, credential_draft};
use crate::LicenceSigner;
use crate::catalogue::LicenceType;
use crate::facts::Facts;
use crate::storage::licences::{RenditionRow, SealingRow};

/// Whether name and values keep within the code's bounds.
pub(crate) fn code_fits(facts: &Facts, licence_type: &LicenceType) -> bool {
    let Some(serial) = serial(&facts.identifier) else { return false };
    let items = code_values(facts, licence_type);
    draft(facts, serial, &items, None, Timestamp::from_seconds(0))
        .check(licence_type.holder_kind().of_code(), &bounds(licence_type))
        .is_ok()
}

/// Which member keeps a licence out of codes, by name.
pub(crate) fn code_obstacle(facts: &Facts, licence_type: &LicenceType) -> Option<String> {
    let serial = serial(&facts.identifier)?;
    let items = code_values(facts, licence_type);
    match draft(facts, serial, &items, None, Timestamp::from_seconds(0))
        .check(licence_type.holder_kind().of_code(), &bounds(licence_type))
    {
        Err(form::CodeError::TooLong(name)) => Some(name),
        _ => None,
    }
}

fn bounds(licence_type: &LicenceType) -> Vec<(&str, form::Bound)> {
    licence_type.code_items().iter().map(|item| (item.name.as_str(), item.bound)).collect()
}

/// The values that the code carries; a number of a person that stands among them is masked.
fn code_values(facts: &Facts, licence_type: &LicenceType) -> Vec<Item> {
    let secret = facts.holder.code().code();
    let mask = |item: Item| match item {
        Item::Text(text) if text == secret => Item::Text(facts.holder.code().masked()),
        other => other,
    };
    licence_type.code_items().iter().map(|item| mask(item.value(&facts.items))).collect()
}

/// The serial within a licence identifier.
fn serial(identifier: &str) -> Option<&str> {
    identifier.rsplit('.').nth(2)
}

fn draft<'a>(
    facts: &'a Facts,
    serial: &'a str,
    items: &'a [Item],
    status: Option<(&'a str, u64)>,
    issued_at: Timestamp,
) -> CodeDraft<'a> {
    let version = facts.identifier.rsplit('.').nth(1).and_then(|text| text.parse().ok()).unwrap_or(1);
    CodeDraft {
        issued_at,
        type_code: &facts.type_code,
        type_version: u64::from(facts.type_version),
        serial,
        version,
        holder_name: facts.holder.name(),
        valid_from: &facts.valid_from,
        last_day: facts.valid_until.as_deref(),
        items,
        status,
    }
}

/// A sealed credential: the issuer-signed JWT, which is kept, and the whole text with its disclosures.
pub(crate) struct SealedCredential {
    pub(crate) kept: RenditionRow,
    pub(crate) text: String,
}

/// What the keys made of a recorded version.
pub(crate) struct Sealed {
    pub(crate) credential: SealedCredential,
    pub(crate) code: Option<RenditionRow>,
}

/// Seals all that was recorded, by the department's own keys; the proof is of the credential's leaf.
pub(crate) fn seal(
    signer: &LicenceSigner,
    recorded: &Recorded,
    proof: String,
    now: Timestamp,
) -> Result<Sealed, FlowError> {
    let licence_type = signer.licence_type(&recorded.facts.type_code, Some(recorded.facts.type_version));
    let licence_type = licence_type.ok_or(StorageError::Damaged("a licence of an unknown type"))?;
    let sealing = recorded.sealing("sdjwt").ok_or(StorageError::Damaged("a version without its sealing"))?;
    let purpose = Purpose::department(&recorded.department, DepartmentUse::Credential);
    let key = signer.key_store().certified(&purpose, now)?;
    let uri = signer.status_uri(&sealing.status_list);
    let credential = credential_by(&key, signer, recorded, sealing, &uri, proof, now)?;
    let code = match recorded.sealing("cwt") {
        None => None,
        Some(row) => {
            let uri = signer.status_uri(&row.status_list);
            let position = u64::try_from(row.status_position).map_err(|_| StorageError::Damaged("a sealing"))?;
            let status = Some((uri.as_str(), position));
            Some(code(signer, &recorded.facts, &licence_type, &recorded.department, status, now)?)
        }
    };
    Ok(Sealed { credential, code })
}

/// Seals a credential with `key` and the status list at `uri`.
pub(crate) fn credential_by(
    key: &CertifiedSigner,
    signer: &LicenceSigner,
    recorded: &Recorded,
    sealing: &SealingRow,
    uri: &str,
    proof: String,
    now: Timestamp,
) -> Result<SealedCredential, FlowError> {
    let damaged = || FlowError::Storage(StorageError::Damaged("a sealing"));
    let (top, items) = (recorded.disclosures.top(), recorded.disclosures.items());
    let idx = u64::try_from(sealing.status_position).map_err(|_| damaged())?;
    let draft = credential_draft(signer, &recorded.facts, (&top, &items), StatusEntry { uri, idx }, now);
    let array =
        |bytes: &Option<Vec<u8>>| bytes.as_deref().and_then(|b| <[u8; 32]>::try_from(b).ok()).ok_or_else(damaged);
    let log = LogClaim {
        key: array(&sealing.leaf_key)?,
        event: LogEvent::from_name(&sealing.event).ok_or_else(damaged)?,
        effective: Timestamp::from_seconds(sealing.effective),
        salt: array(&sealing.salt)?,
        proof,
    };
    let payload = draft.payload(Some(&log)).map_err(|error| FlowError::Internal(error.to_string()))?;
    let jwt = keys::jws::sign(key, header(key.chain()), &payload)?;
    let text = assemble(&jwt, top.iter().chain(&items));
    let kept = RenditionRow { kid: key.kid().to_owned(), sealed_at: now.seconds(), body: jwt.into_bytes() };
    Ok(SealedCredential { kept, text })
}

/// Signs a code: printed with a status entry, else for a screen. Answers the `COSE_Sign1`.
pub(crate) fn code(
    signer: &LicenceSigner,
    facts: &Facts,
    licence_type: &LicenceType,
    department: &str,
    status: Option<(&str, u64)>,
    now: Timestamp,
) -> Result<RenditionRow, FlowError> {
    let key = signer.key_store().certified(&Purpose::department(department, DepartmentUse::Code), now)?;
    code_by(&key, facts, licence_type, status, now)
}

/// Signs a code with `key`.
pub(crate) fn code_by(
    key: &CertifiedSigner,
    facts: &Facts,
    licence_type: &LicenceType,
    status: Option<(&str, u64)>,
    now: Timestamp,
) -> Result<RenditionRow, FlowError> {
    let serial = serial(&facts.identifier).ok_or(StorageError::Damaged("a licence identifier"))?;
    let items = code_values(facts, licence_type);
    let draft = draft(facts, serial, &items, status, now);
    draft.check(licence_type.holder_kind().of_code(), &bounds(licence_type)).map_err(|error| match error {
        form::CodeError::TooLong(name) => FlowError::RenditionAbsent(name),
        other => FlowError::Internal(other.to_string()),
    })?;
    let to_sign = draft.to_sign(key.certificate()).map_err(|error| FlowError::Internal(error.to_string()))?;
    let body = to_sign.assemble(&key.sign(&to_sign.message())?);
    Ok(RenditionRow { kid: key.kid().to_owned(), sealed_at: now.seconds(), body })
}

/// The text of a signed code.
pub(crate) fn code_text(cose: &[u8], profile: form::Profile) -> Result<String, FlowError> {
    form::text(cose, profile).map_err(|error| FlowError::Internal(error.to_string()))
}
