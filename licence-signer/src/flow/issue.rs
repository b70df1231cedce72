//! Issuing: recorded → logged → sealed → checked → published. The answer waits for the last, ten seconds at most.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::complete::{self, complete};
use super::error::FlowError;
use super::read::Licence;
use super::record::{Claim, Recording, record};
use crate::LicenceSigner;
use crate::issuance::{Draft, Prepared};
use crate::officer::Officer;
use crate::storage::{idempotency, licences};

/// How long a caller waits for the release before it is told to come back.
const WAIT: Duration = Duration::from_secs(10);

/// An `Idempotency-Key` and the request that it stands for.
#[derive(Clone)]
pub struct IdempotencyKey {
    /// The header's value.
    pub key: String,
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The body, read.
    pub body: Value,
}

impl std::fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IdempotencyKey({} {})", self.method, self.path)
    }
}

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
    /// The same `Idempotency-Key` with the same request gives the same licence; refusals are not kept.
    ///
    /// # Errors
    ///
    /// `NotGranted`, `TypeUnknown`, `DepartmentMayNotIssue`, `Rejected`, `IdempotencyReused`; what stores and keys answer.
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
        // Its own task: a caller that hangs up neither leaves a transaction open nor a licence half made.
        let (signer, officer) = (self.clone(), officer.clone());
        let incident = crate::incident();
        let work = tokio::spawn(async move {
            let run = signer.record_and_complete(&officer, prepared, claim);
            match incident {
                Some(incident) => crate::within(incident, run).await,
                None => run.await,
            }
        });
        match work.await {
            Ok(done) => done,
            Err(error) => Err(FlowError::Internal(error.to_string())),
        }
    }

    async fn record_and_complete(
        &self,
        officer: &Officer,
        prepared: Prepared,
        claim: Option<Claim>,
    ) -> Result<Issued, FlowError> {
        let now = self.sources().now();
        let recording = record(self, officer, prepared, claim.as_ref(), now).await?;
        let recorded = match recording {
            Recording::New(recorded) => Arc::new(*recorded),
            Recording::Before(done) => return self.answer_again(claim.as_ref(), done).await,
        };
        let licence = recorded.licence.clone();
        let (signer, work) = (self.clone(), recorded.clone());
        let finishing = tokio::spawn(async move { complete(&signer, &work, true).await });
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

    /// Waits until a licence that was recorded before is released.
    async fn wait_for(&self, licence: String) -> Result<Issued, FlowError> {
        let waiting = async {
            loop {
                let mut reader = self.db().reader().await?;
                let row = licences::find(&mut reader, &licence).await?;
                drop(reader);
                match row {
                    Some(row) if row.released_at.is_some() => return Ok::<_, FlowError>(()),
                    Some(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                    None => return Err(store::StorageError::Damaged("an idempotency row without its licence").into()),
                }
            }
        };
        match tokio::time::timeout(WAIT, waiting).await {
            Ok(done) => {
                done?;
                let recorded = complete::recorded(self, &licence).await?;
                let recorded =
                    recorded.ok_or(store::StorageError::Damaged("an idempotency row without its licence"))?;
                let now = self.sources().now();
                Ok(Issued::Released(Box::new(Licence::of(&recorded, now))))
            }
            Err(_) => Ok(Issued::Recorded(licence)),
        }
    }

    /// The digests of an `Idempotency-Key`: it belongs to department, method and path; the request is kept keyed.
    pub(crate) fn claim(&self, officer: &Officer, key: &IdempotencyKey) -> Result<Claim, FlowError> {
        let fits = (1..=255).contains(&key.key.len()) && key.key.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
        if !fits {
            return Err(FlowError::Member("Idempotency-Key"));
        }
        let keys = self.field_keys(self.sources().now())?; // after a change of keys the old digests still count
        let scope = format!("{}\n{}\n{}\n{}", officer.department().code, key.method, key.path, key.key);
        let request = key.body.to_string();
        let scope_now = keys.digest("idempotency.scope", &scope);
        let mut before = keys.digests("idempotency.scope", &scope);
        before.retain(|digest| *digest != scope_now);
        Ok(Claim {
            scope: scope_now,
            before,
            request: keys.digest("idempotency.request", &request),
            requests: keys.digests("idempotency.request", &request),
        })
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
