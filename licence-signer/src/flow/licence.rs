//! A licence as it stands, read from its rows.

use store::{StorageError, Tx};
use verifier::time::{Date, Timestamp};

use super::error::FlowError;
use super::recorded::{Recorded, open};
use super::seal;
use crate::LicenceSigner;
use crate::facts::{Disclosures, Facts};
use crate::life_cycle::State;
use crate::storage::licences::{self, EventRow, LicenceRow};

/// A licence as it stands.
#[derive(Debug, Clone)]
pub struct Licence {
    /// Its opaque id: the only key in paths.
    pub id: String,
    /// The credit code of the department that issued it.
    pub department: String,
    /// The present version's number.
    pub version: i64,
    /// The legal state.
    pub state: State,
    /// Since when.
    pub state_since: Timestamp,
    /// The first second of its first day.
    pub valid_from: Timestamp,
    /// The first second after its last day.
    pub valid_end: Option<Timestamp>,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Whether it is released.
    pub is_released: bool,
    /// Whether a code of it was made.
    pub has_code: bool,
    /// The facts of the present version.
    pub facts: Facts,
}

/// How a licence stands at an instant: its state and its days together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Recorded, not yet published.
    InPreparation,
    /// Its first day has not come.
    NotYet,
    /// It holds.
    InForce,
    /// Its last day is over.
    Expired,
    /// Suspended or ended.
    Not(State),
}

impl Standing {
    /// The word in bodies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InPreparation => "in_preparation",
            Self::NotYet => "not_yet_in_force",
            Self::InForce => "in_force",
            Self::Expired => "expired",
            Self::Not(state) => state.as_str(),
        }
    }
}

impl Licence {
    /// How it stands at `now`: an end outweighs the days, the days outweigh nothing else.
    pub fn standing(&self, now: Timestamp) -> Standing {
        if !self.is_released {
            Standing::InPreparation
        } else if self.state != State::InForce {
            Standing::Not(self.state)
        } else if now < self.valid_from {
            Standing::NotYet
        } else if self.valid_end.is_some_and(|end| end <= now) {
            Standing::Expired
        } else {
            Standing::InForce
        }
    }

    /// The licence that was just released, from memory.
    pub(crate) fn of(recorded: &Recorded, now: Timestamp) -> Self {
        let day = |date: Option<Date>| date.map(Date::end);
        Self {
            id: recorded.licence.clone(),
            department: recorded.department.clone(),
            version: recorded.version,
            state: State::InForce,
            state_since: now,
            valid_from: recorded.facts.first_day().map_or(now, Date::first_second),
            valid_end: day(recorded.facts.last_day()),
            recorded_at: now,
            is_released: true,
            has_code: recorded.sealings.iter().any(|row| row.rendition == "cwt"),
            facts: recorded.facts.clone(),
        }
    }
}

/// An event of a licence's history.
#[derive(Clone, Debug)]
pub struct HistoryEvent {
    /// Its id.
    pub id: String,
    /// Its word.
    pub event: String,
    /// The state after it.
    pub state: String,
    /// The legal ground.
    pub legal_ground: String,
    /// The reason.
    pub reason: String,
    /// Who acted.
    pub actor: String,
    /// When it was recorded.
    pub at: Timestamp,
    /// When it took effect.
    pub effective_at: Timestamp,
}

impl From<EventRow> for HistoryEvent {
    fn from(row: EventRow) -> Self {
        Self {
            id: row.id,
            event: row.event,
            state: row.state,
            legal_ground: row.legal_ground,
            reason: row.reason,
            actor: row.actor,
            at: Timestamp::from_seconds(row.at),
            effective_at: Timestamp::from_seconds(row.effective_at),
        }
    }
}

/// Reads the present version of a licence.
pub(crate) async fn load(
    signer: &LicenceSigner,
    tx: &mut Tx,
    row: LicenceRow,
) -> Result<(Licence, Disclosures), FlowError> {
    let version = licences::version(tx, &row.id, row.version).await?;
    let version = version.ok_or(StorageError::Damaged("a licence without its version"))?;
    let (facts, disclosures) = open(signer, &row.id, row.version, &version)?;
    let licence_type = signer.licence_type(&row.type_code, u32::try_from(row.type_version).ok());
    let has_code = licence_type.is_some_and(|known| seal::code_fits(&facts, &known));
    let licence = Licence {
        state: State::from_word(&row.state).ok_or(StorageError::Damaged("a licence's state"))?,
        id: row.id,
        department: row.department,
        version: row.version,
        state_since: Timestamp::from_seconds(row.state_since),
        valid_from: Timestamp::from_seconds(row.valid_from),
        valid_end: row.valid_end.map(Timestamp::from_seconds),
        recorded_at: Timestamp::from_seconds(row.recorded_at),
        is_released: row.released_at.is_some(),
        has_code,
        facts,
    };
    Ok((licence, disclosures))
}

/// Reads those whose type may be read.
pub(crate) async fn load_all(
    signer: &LicenceSigner,
    tx: &mut Tx,
    rows: Vec<LicenceRow>,
    may_read: impl Fn(&str) -> bool,
) -> Result<Vec<Licence>, FlowError> {
    let mut found = Vec::with_capacity(rows.len());
    for row in rows.into_iter().filter(|row| may_read(&row.type_code)) {
        found.push(load(signer, tx, row).await?.0);
    }
    Ok(found)
}
