//! Issuing: recorded → logged → sealed → checked → published. The answer waits for the last, ten seconds at most.

use std::sync::Arc;
use std::time::Duration;

use store::StorageError;

use super::claim::{Claim, IdempotencyKey};
use super::complete::{self, complete};
use super::error::FlowError;
use super::licence::{Licence, load};
use super::record::{Recording, record};
use super::task;
use crate::LicenceSigner;
use crate::issuance::{Draft, Prepared};
use crate::officer::Officer;
use crate::storage::{idempotency, licences};

/// How long a caller waits for the release before it is told to come back.
const WAIT: Duration = Duration::from_secs(10);

/// What came of issuing.
#[derive(Debug)]
pub enum Issued {
    /// It is released.
    Released(Box<Licence>),
    /// It is recorded and will be released; ask for it again.
    Recorded(String),
}

impl LicenceSigner {
    /// Issues one licence for the officer's department.
    ///
    /// The same `Idempotency-Key` with the same request gives the same licence, as it stands by then; refusals are not kept.
    ///
    /// # Errors
    ///
    /// `NotGranted`, `TypeUnknown`, `DepartmentMayNotIssue`, `Rejected`, `NumberTaken`, `IdempotencyReused`; what stores and
    /// keys answer.
    pub async fn issue(
        &self,
        officer: &Officer,
        draft: Draft,
        key: Option<IdempotencyKey>,
    ) -> Result<Issued, FlowError> {
        let now = self.sources().now();
        let claim = key.as_ref().map(|key| self.claim(officer, key)).transpose()?;
        if !officer.may_issue(&draft.type_code) {
            return Err(FlowError::NotGranted(format!("licence:{}:issue", draft.type_code)));
        }
        let licence_type = self.licence_type(&draft.type_code, None).ok_or(FlowError::TypeUnknown)?;
        if !licence_type.may_be_issued_by(&officer.department().code) {
            return Err(FlowError::DepartmentMayNotIssue);
        }
        let prepared = match Prepared::new(draft, licence_type, officer.enters_past(), now) {
            Ok(prepared) => prepared,
            // The day may have passed since the key did its work: what it did then is still its answer.
            Err(rejection) => match self.done_before(claim.as_ref()).await? {
                Some(licence) => return self.wait_for(licence).await,
                None => return Err(rejection.into()),
            },
        };
        let (signer, officer) = (self.clone(), officer.clone());
        task::in_its_own(async move { signer.record_and_complete(&officer, prepared, claim).await }).await
    }

    async fn record_and_complete(
        &self,
        officer: &Officer,
        prepared: Prepared,
        claim: Option<Claim>,
    ) -> Result<Issued, FlowError> {
        let now = self.sources().now();
        let recording = record(self, officer, prepared, claim.as_ref(), now).await?;
        let (recorded, awaited) = match recording {
            Recording::New(recorded, awaited) => (Arc::new(*recorded), awaited),
            Recording::Before(done) => return self.answer_again(claim.as_ref(), done).await,
        };
        let licence = recorded.licence.clone();
        let (signer, work) = (self.clone(), recorded.clone());
        let finishing = tokio::spawn(async move { complete(&signer, &work, Some(awaited)).await });
        match tokio::time::timeout(WAIT, finishing).await {
            Ok(Ok(Ok(()))) => Ok(Issued::Released(Box::new(Licence::of(&recorded, now)))),
            Ok(Ok(Err(FlowError::Stopped | FlowError::NotReleased)) | Err(_)) | Err(_) => Ok(Issued::Recorded(licence)),
            Ok(Ok(Err(error))) => {
                tracing::error!(licence, %error, "a recorded licence was not released; the background task will try again");
                Ok(Issued::Recorded(licence))
            }
        }
    }

    async fn answer_again(&self, claim: Option<&Claim>, done: idempotency::Done) -> Result<Issued, FlowError> {
        let same = claim.is_some_and(|claim| claim.is(&done));
        if !same || done.event.is_some() {
            return Err(FlowError::IdempotencyReused);
        }
        self.wait_for(done.licence).await
    }

    /// The licence that the key made before; `IdempotencyReused` if it was made by another request.
    async fn done_before(&self, claim: Option<&Claim>) -> Result<Option<String>, FlowError> {
        let Some(claim) = claim else { return Ok(None) };
        let mut reader = self.db().reader().await?;
        match claim.find(&mut reader).await? {
            Some(done) if claim.is(&done) && done.event.is_none() => Ok(Some(done.licence)),
            Some(_) => Err(FlowError::IdempotencyReused),
            None => Ok(None),
        }
    }

    /// Waits until a licence that was recorded before is released, and reads it as it stands.
    async fn wait_for(&self, licence: String) -> Result<Issued, FlowError> {
        let waiting = async {
            loop {
                let mut reader = self.db().reader().await?;
                match licences::find(&mut reader, &licence).await? {
                    Some(row) if row.released_at.is_some() => {
                        return Ok::<_, FlowError>(load(self, &mut reader, row).await?.0);
                    }
                    Some(_) => {}
                    None => return Err(StorageError::Damaged("an idempotency row without its licence").into()),
                }
                drop(reader);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        match tokio::time::timeout(WAIT, waiting).await {
            Ok(done) => Ok(Issued::Released(Box::new(done?))),
            Err(_) => Ok(Issued::Recorded(licence)),
        }
    }

    /// Finishes licences that were recorded `older_than_seconds` ago and not released; answers how many.
    ///
    /// # Errors
    ///
    /// What the database answers.
    pub async fn recover(&self, older_than_seconds: i64) -> Result<usize, FlowError> {
        complete::recover(self, older_than_seconds).await
    }
}
