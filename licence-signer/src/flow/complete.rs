//! From recorded to published: the one path that a quiet day, a restart and another process take.

use std::time::Duration;

use store::StorageError;
use verifier::time::Timestamp;
use verifier::trust::Trust;

use super::error::FlowError;
use super::record::Recorded;
use super::{check, seal};
use crate::facts::{Disclosures, Facts};
use crate::storage::licences::{self, RenditionRow};
use crate::storage::log;
use crate::{LicenceSigner, Stop};

/// How long one wait for the sequencer lasts before the leaf is looked at anyway.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// How often it is looked at before the flow gives up; the background task takes it up again.
const LOOKS: u32 = 240;

/// Reads what was recorded, for a licence that another run left unfinished.
pub(crate) async fn recorded(signer: &LicenceSigner, licence: &str) -> Result<Option<Recorded>, FlowError> {
    let now = signer.sources().now();
    let mut reader = signer.db().reader().await?;
    let Some(row) = licences::find(&mut reader, licence).await? else { return Ok(None) };
    let version = licences::version(&mut reader, licence, row.version).await?;
    let version = version.ok_or(StorageError::Damaged("a licence without its version"))?;
    let sealings = licences::sealings(&mut reader, licence, row.version).await?;
    let (facts, disclosures) = open(signer, licence, row.version, &version, now)?;
    let department = row.department;
    Ok(Some(Recorded { licence: licence.to_owned(), version: row.version, department, facts, disclosures, sealings }))
}

/// Opens the encrypted columns of a version.
pub(crate) fn open(
    signer: &LicenceSigner,
    licence: &str,
    number: i64,
    version: &licences::VersionRow,
    now: Timestamp,
) -> Result<(Facts, Disclosures), FlowError> {
    let keys = signer.field_keys(now)?;
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

/// Waits for the leaf's place, seals, reads back, releases. Of what was recorded a moment ago the leaf has no place yet, so
/// the first look waits for the sequencer.
pub(crate) async fn complete(signer: &LicenceSigner, recorded: &Recorded, is_fresh: bool) -> Result<(), FlowError> {
    let mut placed = signer.watch_placed();
    signer.stop_here(Stop::Recorded)?;
    let credential = recorded.sealings.iter().find(|row| row.rendition == "sdjwt");
    let credential = credential.ok_or(StorageError::Damaged("a version without its sealing"))?;
    let leaf = credential.leaf.as_deref().ok_or(StorageError::Damaged("a sealing without its leaf"))?;
    let mut looks = 0;
    let proof = loop {
        if is_fresh || looks > 0 {
            let _ = tokio::time::timeout(LOOK_AGAIN, placed.changed()).await;
        }
        let mut reader = signer.db().reader().await?;
        if let Some((_, proof)) = log::proof(&mut reader, leaf).await? {
            break proof;
        }
        looks += 1;
        if looks >= LOOKS {
            return Err(FlowError::NotReleased);
        }
    };
    signer.stop_here(Stop::Logged)?;

    let now = signer.sources().now();
    let licence_type = signer.licence_type(&recorded.facts.type_code, Some(recorded.facts.type_version));
    let licence_type = licence_type.ok_or(StorageError::Damaged("a licence of an unknown type"))?;
    let sealed = seal::credential(signer, recorded, credential, proof, now)?;
    let code_sealing = recorded.sealings.iter().find(|row| row.rendition == "cwt");
    let code = match code_sealing {
        None => None,
        Some(row) => {
            let uri = signer.status_uri(&row.status_list);
            let position = u64::try_from(row.status_position).map_err(|_| StorageError::Damaged("a sealing"))?;
            let status = Some((uri.as_str(), position));
            Some(seal::code(signer, &recorded.facts, &licence_type, &recorded.department, status, now)?)
        }
    };
    signer.stop_here(Stop::Sealed)?;

    let trust = signer.trust().await?;
    let reads_back = |trust: &Trust| {
        check::reads_back(trust, sealed.text.as_bytes(), &recorded.facts, true, now)?;
        code.as_ref().map_or(Ok(()), |code| check::reads_back(trust, &code.body, &recorded.facts, false, now))
    };
    if reads_back(&trust).is_err() {
        reads_back(&*signer.reload_trust().await?)?; // another process may have published a newer bundle
    }
    signer.stop_here(Stop::Checked)?;

    let mut tx = signer.db().begin().await?;
    keep(&mut tx, credential, &sealed.kept).await?;
    if let (Some(sealing), Some(code)) = (code_sealing, &code) {
        keep(&mut tx, sealing, code).await?;
    }
    licences::release(&mut tx, &recorded.licence, now).await?;
    tx.commit().await?;
    Ok(())
}

async fn keep(tx: &mut store::Tx, sealing: &licences::SealingRow, row: &RenditionRow) -> Result<(), StorageError> {
    let digest = ring::digest::digest(&ring::digest::SHA256, &row.body);
    licences::add_rendition(tx, sealing, row, digest.as_ref()).await.map(drop)
}

/// Takes up licences that were recorded a while ago and not released: after a crash, or when a store had failed.
pub(crate) async fn recover(signer: &LicenceSigner, older_than_seconds: i64) -> Result<usize, FlowError> {
    let before = signer.sources().now().plus(-older_than_seconds);
    let mut reader = signer.db().reader().await?;
    let open = licences::unreleased(&mut reader, before, 100).await?;
    drop(reader);
    let mut done = 0;
    for licence in open {
        let Some(recorded) = recorded(signer, &licence).await? else { continue };
        match complete(signer, &recorded, false).await {
            Ok(()) => done += 1,
            Err(error) => tracing::error!(licence, %error, "a recorded licence could not be released"),
        }
    }
    Ok(done)
}
