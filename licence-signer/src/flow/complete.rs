//! From recorded to published: the one path that a quiet day, a restart and another process take.

use std::time::Duration;

use store::StorageError;
use verifier::trust::Trust;

use super::check;
use super::error::FlowError;
use super::recorded::Recorded;
use super::rendition;
use super::seal::{Sealed, seal};
use super::waiting::Awaited;
use crate::storage::{licences, log};
use crate::{LicenceSigner, Stop};

/// How long one wait for the sequencer lasts before the leaf is looked at anyway.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// How often it is looked at before the flow gives up; the background task takes it up again.
const LOOKS: u32 = 240;

/// Waits for the leaf's place, seals, reads back, releases. `awaited`: it was recorded a moment ago, by the request at work.
pub(crate) async fn complete(
    signer: &LicenceSigner,
    recorded: &Recorded,
    awaited: Option<Awaited>,
) -> Result<(), FlowError> {
    let is_fresh = awaited.is_some();
    let stop = |step| if is_fresh { signer.stop_here(step) } else { Ok(()) };
    stop(Stop::Recorded)?;
    let proof = proof(signer, recorded, awaited).await?;
    stop(Stop::Logged)?;
    let now = signer.sources().now();
    let sealed = seal(signer, recorded, proof, now)?;
    stop(Stop::Sealed)?;
    let reads_back = |trust: &Trust| {
        check::reads_back(trust, sealed.credential.text.as_bytes(), &recorded.facts, true, now)?;
        sealed.code.as_ref().map_or(Ok(()), |code| check::reads_back(trust, &code.body, &recorded.facts, false, now))
    };
    if reads_back(&*signer.trust().await?).is_err() {
        reads_back(&*signer.reload_trust().await?)?; // another process may have published a newer bundle
    }
    stop(Stop::Checked)?;
    release(signer, recorded, &sealed).await
}

/// The proof of the credential's leaf, once it has a place: handed over by the sequencer of this process, or looked at.
async fn proof(signer: &LicenceSigner, recorded: &Recorded, mut awaited: Option<Awaited>) -> Result<String, FlowError> {
    let credential = recorded.sealing("sdjwt").ok_or(StorageError::Damaged("a version without its sealing"))?;
    let leaf = credential.leaf.as_deref().ok_or(StorageError::Damaged("a sealing without its leaf"))?;
    for look in 0..LOOKS {
        match &mut awaited {
            Some(awaited) => {
                if let Some(proof) = awaited.proof(LOOK_AGAIN).await {
                    return Ok(proof);
                }
            }
            None if look > 0 => tokio::time::sleep(LOOK_AGAIN).await,
            None => {}
        }
        let mut reader = signer.db().reader().await?;
        if let Some((_, proof)) = log::proof(&mut reader, leaf).await? {
            return Ok(proof);
        }
    }
    Err(FlowError::NotReleased)
}

/// Tx 2: what was signed is kept, the licence is released.
async fn release(signer: &LicenceSigner, recorded: &Recorded, sealed: &Sealed) -> Result<(), FlowError> {
    let credential = recorded.sealing("sdjwt").ok_or(StorageError::Damaged("a version without its sealing"))?;
    let code = recorded.sealing("cwt").zip(sealed.code.as_ref());
    let hidden = code.map(|(row, kept)| rendition::hide(signer, &row.licence, row.version, &kept.body)).transpose()?;
    let code = code.zip(hidden.as_deref()).map(|((row, kept), hidden)| (row, kept, hidden));
    let kept = &sealed.credential.kept; // without its disclosures it tells nothing of anybody
    let mut tx = signer.db().begin().await?;
    licences::add_renditions(&mut tx, (credential, kept, &kept.body), code).await?;
    licences::release(&mut tx, &recorded.licence, signer.sources().now()).await?;
    Ok(tx.commit().await?)
}

/// Takes up licences that were recorded a while ago and not released: after a crash, or when a store had failed.
pub(crate) async fn recover(signer: &LicenceSigner, older_than_seconds: i64) -> Result<usize, FlowError> {
    let before = signer.sources().now().plus(-older_than_seconds);
    let mut reader = signer.beside().reader().await?;
    let open = licences::unreleased(&mut reader, before, 100).await?;
    drop(reader);
    let mut done = 0;
    for licence in open {
        let Some(recorded) = Recorded::read(signer, &licence).await? else { continue };
        match complete(signer, &recorded, None).await {
            Ok(()) => done += 1,
            Err(error) => tracing::error!(licence, %error, "a recorded licence could not be released"),
        }
    }
    Ok(done)
}
