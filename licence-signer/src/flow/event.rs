//! State events: they take effect and answer at Tx 1, their leaf follows.

use keys::{DepartmentUse, Purpose};
use store::audit;
use verifier::log::{Commitment, Event as LogEvent, entry};
use verifier::time::Timestamp;

use super::error::FlowError;
use super::issue::IdempotencyKey;
use super::read::HistoryEvent;
use super::record::Claim;
use crate::LicenceSigner;
use crate::life_cycle::{Event, EventRefused, State};
use crate::officer::Officer;
use crate::storage::licences::{self, EventRow};
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
        let incident = crate::incident();
        // Its own task, so that a caller that hangs up leaves no transaction half done.
        let work = tokio::spawn(async move {
            let run = signer.act_now(&officer, &licence, order, claim);
            match incident {
                Some(incident) => crate::within(incident, run).await,
                None => run.await,
            }
        });
        work.await.map_err(|error| FlowError::Internal(error.to_string()))?
    }

    async fn act_now(
        &self,
        officer: &Officer,
        licence: &str,
        order: Order,
        claim: Option<Claim>,
    ) -> Result<HistoryEvent, FlowError> {
        let now = self.sources().now();
        let department = officer.department();
        let salt = self.sources().bytes::<32>()?;
        let (id, leaf) = (self.random_id()?, self.random_id()?);

        let mut tx = self.db().begin().await?;
        if let Some(claim) = &claim
            && let Some(done) = claim.take(&mut tx, licence, Some(&id), now).await?
        {
            return match &done.event {
                Some(event) if claim.is(&done) => {
                    let row = licences::event(&mut tx, event).await?;
                    Ok(row.ok_or(store::StorageError::Damaged("an idempotency row without its event"))?.into())
                }
                _ => Err(FlowError::IdempotencyReused),
            };
        }
        licences::lock(&mut tx, licence).await?;
        let row = self.owned(&mut tx, officer, licence).await?;
        if !officer.may_end(&row.type_code) {
            return Err(FlowError::NotGranted(format!("licence:{}:end", row.type_code)));
        }
        if row.released_at.is_none() {
            return Err(FlowError::NotReleased);
        }
        let key =
            self.key_store().ring(&Purpose::department(&department.code, DepartmentUse::Credential))?.active(now)?;
        let leaf_key = entry::key_digest(key.public_key().spki_der());
        let before = State::from_word(&row.state).ok_or(store::StorageError::Damaged("a licence's state"))?;
        let after = order.event.after(before)?;
        let effective = order.event.effective(order.effective_at, now)?;
        if !licences::set_state(&mut tx, licence, before.as_str(), after.as_str(), effective).await? {
            return Err(EventRefused::State { state: before, event: order.event }.into());
        }
        if before.status_value() != after.status_value() {
            status::set(&mut tx, licence, after.status_value()).await?;
        }
        let version = licences::version(&mut tx, licence, row.version).await?;
        let version = version.ok_or(store::StorageError::Damaged("a licence without its version"))?;
        let commitment = Commitment {
            salt: &salt,
            identifier: &version.identifier,
            event: order.event.in_log(),
            effective,
            facts_digest: None,
            status: None,
        };
        log::add(&mut tx, &leaf, &commitment.entry(&leaf_key), now).await?;
        let event = EventRow {
            id,
            licence: licence.to_owned(),
            event: order.event.as_str().to_owned(),
            state: after.as_str().to_owned(),
            legal_ground: order.legal_ground.trim().to_owned(),
            reason: order.reason.trim().to_owned(),
            actor: officer.actor().to_owned(),
            department: department.code.clone(),
            at: now.seconds(),
            effective_at: effective.seconds(),
        };
        licences::add_event(&mut tx, &event, &leaf).await?;
        let mut audit_row = audit::Row::new(officer.actor(), format!("licence.{}", order.event.as_str()), "done", now)
            .department(&department.code)
            .object(format!("licence:{licence}"));
        audit_row.incident = crate::incident();
        audit::append(&mut tx, &audit_row).await?;
        tx.commit().await?;
        self.wake();
        Ok(event.into())
    }
}
