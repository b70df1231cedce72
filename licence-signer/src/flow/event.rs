//! State events: they take effect and answer at Tx 1, their leaf follows.

use keys::{DepartmentUse, Purpose};
use store::{StorageError, Tx};
use verifier::log::{Commitment, Event as LogEvent, entry};
use verifier::time::Timestamp;

use super::claim::{Claim, IdempotencyKey};
use super::error::FlowError;
use super::licence::HistoryEvent;
use super::task;
use crate::LicenceSigner;
use crate::life_cycle::{Event, EventRefused, State};
use crate::officer::Officer;
use crate::storage::idempotency::Done;
use crate::storage::licences::{self, EventRow, LicenceRow};
use crate::storage::{log, status};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Order {
    /// The event.
    pub event: Event,
    /// On what law it rests, at most 200 characters.
    pub legal_ground: String,
    /// Why, at most 500 characters.
    pub reason: String,
    /// When it takes effect; now where nothing stands.
    pub effective_at: Option<Timestamp>,
}

impl Event {
    /// The same in the log's words.
    pub const fn in_log(self) -> LogEvent {
        match self {
            Self::Suspension => LogEvent::Suspension,
            Self::Resumption => LogEvent::Resumption,
            Self::Annulment => LogEvent::Annulment,
            Self::Recall => LogEvent::Recall,
            Self::Revocation => LogEvent::Revocation,
            Self::Cancellation => LogEvent::Cancellation,
        }
    }
}

impl LicenceSigner {
    /// Carries out a state event on a licence of the officer's department: every status position of it is set, the leaf
    /// is recorded, the event stands in its history.
    ///
    /// # Errors
    ///
    /// `LicenceUnknown`, `NotGranted`, `Event`, `Member`, `NotReleased`, `IdempotencyReused`.
    pub async fn act(
        &self,
        officer: &Officer,
        licence: &str,
        order: Order,
        key: Option<IdempotencyKey>,
    ) -> Result<HistoryEvent, FlowError> {
        for (name, text, most) in [("legal_ground", &order.legal_ground, 200), ("reason", &order.reason, 500)] {
            let count = text.chars().count();
            if text.trim().is_empty() || count > most || text.chars().any(|c| c.is_control() && c != '\n') {
                return Err(FlowError::Member(name));
            }
        }
        let claim = key.as_ref().map(|key| self.claim(officer, key)).transpose()?;
        let (signer, officer, licence) = (self.clone(), officer.clone(), licence.to_owned());
        task::in_its_own(async move { signer.act_now(&officer, &licence, &order, claim).await }).await
    }

    async fn act_now(
        &self,
        officer: &Officer,
        licence: &str,
        order: &Order,
        claim: Option<Claim>,
    ) -> Result<HistoryEvent, FlowError> {
        let now = self.sources().now();
        let id = self.random_id()?;
        let mut tx = self.db().begin().await?;
        licences::lock(&mut tx, licence).await?;
        // Rights first: what a key did before is told to nobody who may not do it now.
        let row = self.owned(&mut tx, officer, licence).await?;
        if !officer.may_end(&row.type_code) {
            return Err(FlowError::NotGranted(format!("licence:{}:end", row.type_code)));
        }
        if let Some(claim) = &claim
            && let Some(done) = claim.take(&mut tx, licence, Some(&id), now).await?
        {
            return replay(&mut tx, claim, &done).await;
        }
        if row.released_at.is_none() {
            return Err(FlowError::NotReleased);
        }
        let (after, effective) = change_state(&mut tx, &row, order, now).await?;
        let leaf = self.add_leaf(&mut tx, &row, order.event, effective, now).await?;
        let event = EventRow {
            id,
            licence: row.id,
            event: order.event.as_str().to_owned(),
            state: after.as_str().to_owned(),
            legal_ground: order.legal_ground.trim().to_owned(),
            reason: order.reason.trim().to_owned(),
            actor: officer.actor().to_owned(),
            department: row.department,
            at: now.seconds(),
            effective_at: effective.seconds(),
        };
        licences::add_event(&mut tx, &event, &leaf).await?;
        self.audit_row(&mut tx, officer, &format!("licence.{}", event.event), "done", Some(licence)).await?;
        tx.commit().await?;
        self.wake();
        Ok(event.into())
    }

    /// The event's leaf: no facts and no status position stand in it.
    async fn add_leaf(
        &self,
        tx: &mut Tx,
        row: &LicenceRow,
        event: Event,
        effective: Timestamp,
        now: Timestamp,
    ) -> Result<String, FlowError> {
        let purpose = Purpose::department(&row.department, DepartmentUse::Credential);
        let key = self.key_store().ring(&purpose)?.active(now)?;
        let version = licences::version(tx, &row.id, row.version).await?;
        let version = version.ok_or(StorageError::Damaged("a licence without its version"))?;
        let salt = self.sources().bytes::<32>()?;
        let commitment = Commitment {
            salt: &salt,
            identifier: &version.identifier,
            event: event.in_log(),
            effective,
            facts_digest: None,
            status: None,
        };
        let leaf = self.random_id()?;
        log::add(tx, &leaf, &commitment.entry(&entry::key_digest(key.public_key().spki_der())), now).await?;
        Ok(leaf)
    }
}

/// What the key did before, for whoever may do it and asks for the same.
async fn replay(tx: &mut Tx, claim: &Claim, done: &Done) -> Result<HistoryEvent, FlowError> {
    match &done.event {
        Some(event) if claim.is(done) => {
            let row = licences::event(tx, event).await?;
            Ok(row.ok_or(StorageError::Damaged("an idempotency row without its event"))?.into())
        }
        _ => Err(FlowError::IdempotencyReused),
    }
}

/// Moves the licence on from the state in which it was read, and its status positions with it.
async fn change_state(
    tx: &mut Tx,
    row: &LicenceRow,
    order: &Order,
    now: Timestamp,
) -> Result<(State, Timestamp), FlowError> {
    let before = State::from_word(&row.state).ok_or(StorageError::Damaged("a licence's state"))?;
    let after = order.event.after(before)?;
    let effective = order.event.effective(order.effective_at, now)?;
    if !licences::set_state(tx, &row.id, before.as_str(), after.as_str(), effective).await? {
        return Err(EventRefused::State { state: before, event: order.event }.into());
    }
    if before.status_value() != after.status_value() {
        status::set(tx, &row.id, after.status_value()).await?;
    }
    Ok((after, effective))
}
