//! Samples that the service never issues: altered ones, one of another authority, one whose status cannot be had.

use std::time::Duration;

use keys::authority::{Authority, DepartmentOrder, Founding};
use keys::certify::Power;
use keys::{DepartmentUse, KeyStore, Purpose, Signer as _};
use serde_json::Value;
use verifier::encoding::b64u;
use verifier::log::{Event as LogEvent, entry};
use verifier::rendition::code::write::Profile;

use super::error::{SamplesError, internal};
use crate::LicenceSigner;
use crate::flow::error::FlowError;
use crate::flow::recorded::{Recorded, StatusEntry, credential_draft};
use crate::flow::seal;
use crate::storage::licences::SealingRow;
use crate::storage::log;

/// The credential with one word of its payload changed and the signature left.
pub(super) fn altered_credential(text: &str) -> Result<String, SamplesError> {
    let mut parts: Vec<String> = text.splitn(3, '.').map(str::to_owned).collect();
    let payload = parts.get_mut(1).ok_or_else(|| internal("a credential without payload"))?;
    let bytes = b64u::decode(payload).map_err(|_| internal("a payload that does not read"))?;
    let mut claims: Value = serde_json::from_slice(&bytes).map_err(internal)?;
    claims["issue_date"] = "2001-01-01".into();
    *payload = b64u::encode(claims.to_string().as_bytes());
    Ok(parts.join("."))
}

/// The code with one bit of its signature turned.
pub(super) fn altered_code(mut cose: Vec<u8>) -> Result<String, SamplesError> {
    let place = cose.len().checked_sub(32).ok_or_else(|| internal("a short code"))?;
    cose[place] ^= 1;
    Ok(seal::code_text(&cose, Profile::Printed)?)
}

/// The same facts signed by a department that another authority certified.
pub(super) async fn of_another_authority(
    signer: &LicenceSigner,
    recorded: &Recorded,
) -> Result<(String, String), SamplesError> {
    let now = signer.sources().now();
    let keys = KeyStore::in_memory();
    let founding = Founding {
        authority: "elsewhere.example".to_owned(),
        title: "他乡".to_owned(),
        oid_arc: "1.3.6.1.4.1.32473".to_owned(),
        signer: signer.external_url().to_owned(),
        bound: None,
    };
    let authority = Authority::found(&keys, &founding, now).map_err(internal)?;
    let order = DepartmentOrder {
        code: recorded.department.clone(),
        name: recorded.facts.authority.name.clone(),
        uri: format!("{}/departments/{}", signer.external_url(), recorded.department),
        power: Power {
            types: vec![recorded.facts.type_code.clone()],
            regions: vec![signer.department(&recorded.department).map(|d| d.region.clone()).unwrap_or_default()],
        },
        longest_licence_years: Some(10),
    };
    authority.certify_department(&order, &[DepartmentUse::Credential, DepartmentUse::Code], now).map_err(internal)?;
    let key = |r#use| keys.certified(&Purpose::department(&recorded.department, r#use), now).map_err(internal);
    let (sealing, proof) = sealed_before(signer, recorded).await?;
    let uri = signer.status_uri(&sealing.status_list);
    let sealed = seal::credential_by(&key(DepartmentUse::Credential)?, signer, recorded, &sealing, &uri, proof, now)?;
    let known = signer.licence_type(&recorded.facts.type_code, Some(recorded.facts.type_version));
    let known = known.ok_or_else(|| internal("the type is gone"))?;
    let code = seal::code_by(&key(DepartmentUse::Code)?, &recorded.facts, &known, Some((&uri, 0)), now)?;
    Ok((sealed.text, seal::code_text(&code.body, Profile::Printed)?))
}

async fn sealed_before(signer: &LicenceSigner, recorded: &Recorded) -> Result<(SealingRow, String), SamplesError> {
    let sealing = recorded.sealings.iter().find(|row| row.rendition == "sdjwt").cloned();
    let sealing = sealing.ok_or_else(|| internal("a licence without its sealing"))?;
    let proof = proof_of(signer, sealing.leaf.as_deref().unwrap_or_default()).await?;
    Ok((sealing, proof))
}

async fn proof_of(signer: &LicenceSigner, leaf: &str) -> Result<String, SamplesError> {
    for _ in 0..200 {
        let mut reader = signer.db().reader().await.map_err(FlowError::from)?;
        if let Some((_, proof)) = log::proof(&mut reader, leaf).await.map_err(FlowError::from)? {
            return Ok(proof);
        }
        drop(reader);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(FlowError::NotReleased.into())
}

/// The same facts sealed once more, their status at the list that can never be had; the leaf of that sealing is in the log.
pub(super) async fn without_status(
    signer: &LicenceSigner,
    recorded: &Recorded,
) -> Result<(String, String), SamplesError> {
    let now = signer.sources().now();
    let purpose = Purpose::department(&recorded.department, DepartmentUse::Credential);
    let key = signer.key_store().certified(&purpose, now).map_err(FlowError::from)?;
    let uri = signer.status_uri("unavailable");
    let salt = signer.sources().bytes::<32>().map_err(FlowError::from)?;
    let (top, items) = (recorded.disclosures.top(), recorded.disclosures.items());
    let draft = credential_draft(signer, &recorded.facts, (&top, &items), StatusEntry { uri: &uri, idx: 0 }, now);
    let commitment = draft.commitment(LogEvent::Sealing, &salt).map_err(internal)?;
    let leaf_key = entry::key_digest(key.public_key().spki_der());
    let leaf = signer.random_id()?;
    let mut tx = signer.db().begin().await.map_err(FlowError::from)?;
    log::add(&mut tx, &leaf, &entry::entry(&leaf_key, &commitment), now).await.map_err(FlowError::from)?;
    tx.commit().await.map_err(FlowError::from)?;
    signer.wake();
    let proof = proof_of(signer, &leaf).await?;
    let sealing = SealingRow {
        id: String::new(),
        licence: recorded.licence.clone(),
        version: recorded.version,
        rendition: "sdjwt".to_owned(),
        event: LogEvent::Sealing.name().to_owned(),
        effective: now.seconds(),
        status_list: "unavailable".to_owned(),
        status_position: 0,
        leaf: Some(leaf),
        salt: Some(salt.to_vec()),
        leaf_key: Some(leaf_key.to_vec()),
    };
    let sealed = seal::credential_by(&key, signer, recorded, &sealing, &uri, proof, now)?;
    let known = signer.licence_type(&recorded.facts.type_code, Some(recorded.facts.type_version));
    let known = known.ok_or_else(|| internal("the type is gone"))?;
    let code = seal::code(signer, &recorded.facts, &known, &recorded.department, Some((&uri, 0)), now)?;
    Ok((sealed.text, seal::code_text(&code.body, Profile::Printed)?))
}
