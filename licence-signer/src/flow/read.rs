//! Reading licences: a department those that it issued, a holder his own.

use store::{StorageError, Tx, audit};
use verifier::time::{Date, Timestamp};

use super::error::FlowError;
use super::recorded::{Recorded, open};
use crate::LicenceSigner;
use crate::facts::{Disclosures, Facts};
use crate::issuance::HolderCode;
use crate::life_cycle::State;
use crate::officer::{HolderSession, Officer};
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

/// Which licences of a department.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of one type.
    pub type_code: Option<String>,
    /// In one stored state.
    pub state: Option<State>,
    /// Behind this cursor.
    pub after: Option<(i64, String)>,
}

/// A page of licences.
#[derive(Debug)]
pub struct Page {
    /// The licences.
    pub licences: Vec<Licence>,
    /// Where the next page begins.
    pub next: Option<(i64, String)>,
}

/// A rendition as it is handed out.
pub enum Rendition {
    /// The credential with all its disclosures.
    Credential(String),
    /// The `COSE_Sign1` of the printed code.
    Code(Vec<u8>),
    /// Its text.
    CodeText(String),
}

impl std::fmt::Debug for Rendition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rendition(…)")
    }
}

/// Which rendition is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The credential.
    Credential,
    /// The printed code, binary.
    Code,
    /// The printed code, text.
    CodeText,
}

pub(crate) async fn load(
    signer: &LicenceSigner,
    tx: &mut Tx,
    row: LicenceRow,
) -> Result<(Licence, Disclosures), FlowError> {
    let version = licences::version(tx, &row.id, row.version).await?;
    let version = version.ok_or(StorageError::Damaged("a licence without its version"))?;
    let (facts, disclosures) = open(signer, &row.id, row.version, &version)?;
    let licence_type = signer.licence_type(&row.type_code, u32::try_from(row.type_version).ok());
    let has_code = licence_type.is_some_and(|known| super::seal::code_fits(&facts, &known));
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

impl LicenceSigner {
    /// A licence that the officer's department issued, with its events. Writes an audit row.
    ///
    /// # Errors
    ///
    /// `LicenceUnknown`, of another department's too; `NotGranted`.
    pub async fn read(&self, officer: &Officer, licence: &str) -> Result<(Licence, Vec<HistoryEvent>), FlowError> {
        let mut tx = self.db().begin().await?;
        let row = self.owned(&mut tx, officer, licence).await?;
        let events = licences::events(&mut tx, licence).await?;
        let (found, _) = load(self, &mut tx, row).await?;
        self.audit_read(&mut tx, officer, licence).await?;
        tx.commit().await?;
        Ok((found, events.into_iter().map(HistoryEvent::from).collect()))
    }

    /// A rendition of a licence that the officer's department issued. Writes an audit row.
    ///
    /// # Errors
    ///
    /// As [`Self::read`]; `NotReleased`, `RenditionAbsent`.
    pub async fn rendition(&self, officer: &Officer, licence: &str, wanted: Wanted) -> Result<Rendition, FlowError> {
        let mut tx = self.db().begin().await?;
        let row = self.owned(&mut tx, officer, licence).await?;
        let rendition = self.rendition_of(&mut tx, row, wanted).await?;
        self.audit_read(&mut tx, officer, licence).await?;
        tx.commit().await?;
        Ok(rendition)
    }

    /// A page of the licences of the officer's department, newest first. Writes an audit row.
    ///
    /// # Errors
    ///
    /// `NotGranted` for a type outside his rights.
    pub async fn list(&self, officer: &Officer, filter: &Filter, limit: i64) -> Result<Page, FlowError> {
        let department = officer.department().code.clone();
        if let Some(code) = &filter.type_code
            && !officer.may_read(code)
        {
            return Err(FlowError::NotGranted(format!("licence:{code}:read")));
        }
        let limit = limit.clamp(1, 100);
        let after = filter.after.as_ref().map_or((i64::MAX, ""), |(at, id)| (*at, id.as_str()));
        let mut tx = self.db().begin().await?;
        let state = filter.state.map(State::as_str);
        let rows =
            licences::of_department(&mut tx, &department, filter.type_code.as_deref(), state, after, limit).await?;
        let next = match rows.last() {
            Some(last) if i64::try_from(rows.len()) == Ok(limit) => Some((last.recorded_at, last.id.clone())),
            _ => None,
        };
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            if officer.may_read(&row.type_code) {
                found.push(load(self, &mut tx, row).await?.0);
            }
        }
        self.audit_row(&mut tx, officer, "licence.list", "done", None).await?;
        tx.commit().await?;
        Ok(Page { licences: found, next })
    }

    /// What the officer's department issued to one holder: for a page's search by number. Writes an audit row.
    ///
    /// # Errors
    ///
    /// What the database answers.
    pub async fn list_of_holder(&self, officer: &Officer, holder: &HolderCode) -> Result<Vec<Licence>, FlowError> {
        let holder = self.digests("holder", &holder.canonical())?;
        let mut tx = self.db().begin().await?;
        let rows = licences::of_department_holder(&mut tx, &officer.department().code, &holder, 100).await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            if officer.may_read(&row.type_code) {
                found.push(load(self, &mut tx, row).await?.0);
            }
        }
        self.audit_row(&mut tx, officer, "licence.list", "done", None).await?;
        tx.commit().await?;
        Ok(found)
    }

    /// How many licences of the officer's department are in each stored state.
    ///
    /// # Errors
    ///
    /// What the database answers.
    pub async fn counts(&self, officer: &Officer) -> Result<Vec<(State, i64)>, FlowError> {
        let mut reader = self.db().reader().await?;
        let rows = licences::counts(&mut reader, &officer.department().code).await?;
        Ok(rows.into_iter().filter_map(|(word, count)| Some((State::from_word(&word)?, count))).collect())
    }

    /// All licences of a holder, newest first, at most 200. Writes an audit row.
    ///
    /// # Errors
    ///
    /// What the database answers.
    pub async fn own_licences(&self, holder: &HolderSession) -> Result<Vec<Licence>, FlowError> {
        let mut tx = self.db().begin().await?;
        let rows = licences::of_holder(&mut tx, &holder.digests, 200).await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            found.push(load(self, &mut tx, row).await?.0);
        }
        self.audit_holder(&mut tx, holder, "licence.own", None).await?;
        tx.commit().await?;
        Ok(found)
    }

    /// One of a holder's licences, with its events. Writes an audit row.
    ///
    /// # Errors
    ///
    /// `LicenceUnknown`, of another holder's too.
    pub async fn own_licence(
        &self,
        holder: &HolderSession,
        licence: &str,
    ) -> Result<(Licence, Vec<HistoryEvent>), FlowError> {
        let mut tx = self.db().begin().await?;
        let row = own(&mut tx, holder, licence).await?;
        let events = licences::events(&mut tx, licence).await?;
        let (found, _) = load(self, &mut tx, row).await?;
        self.audit_holder(&mut tx, holder, "licence.own", Some(licence)).await?;
        tx.commit().await?;
        Ok((found, events.into_iter().map(HistoryEvent::from).collect()))
    }

    /// A rendition of a holder's own licence. Writes an audit row.
    ///
    /// # Errors
    ///
    /// As [`Self::own_licence`]; `RenditionAbsent`.
    pub async fn own_rendition(
        &self,
        holder: &HolderSession,
        licence: &str,
        wanted: Wanted,
    ) -> Result<Rendition, FlowError> {
        let mut tx = self.db().begin().await?;
        let row = own(&mut tx, holder, licence).await?;
        let rendition = self.rendition_of(&mut tx, row, wanted).await?;
        self.audit_holder(&mut tx, holder, "licence.download", Some(licence)).await?;
        tx.commit().await?;
        Ok(rendition)
    }

    /// The row of a licence of the officer's department, of a type that he may read.
    pub(crate) async fn owned(&self, tx: &mut Tx, officer: &Officer, licence: &str) -> Result<LicenceRow, FlowError> {
        let row = licences::find(tx, licence).await?.ok_or(FlowError::LicenceUnknown)?;
        if row.department != officer.department().code {
            return Err(FlowError::LicenceUnknown);
        }
        if !officer.may_read(&row.type_code) && !officer.may_end(&row.type_code) {
            return Err(FlowError::NotGranted(format!("licence:{}:read", row.type_code)));
        }
        Ok(row)
    }

    pub(crate) async fn rendition_of(
        &self,
        tx: &mut Tx,
        row: LicenceRow,
        wanted: Wanted,
    ) -> Result<Rendition, FlowError> {
        if row.released_at.is_none() {
            return Err(FlowError::NotReleased);
        }
        let kind = if wanted == Wanted::Credential { "sdjwt" } else { "cwt" };
        let kept = licences::rendition(tx, &row.id, row.version, kind).await?;
        let Some(kept) = kept else {
            let (licence, _) = load(self, tx, row).await?;
            let known = self.licence_type(&licence.facts.type_code, Some(licence.facts.type_version));
            let obstacle = known.and_then(|known| super::seal::code_obstacle(&licence.facts, &known));
            return Err(FlowError::RenditionAbsent(obstacle.unwrap_or_else(|| kind.to_owned())));
        };
        match wanted {
            Wanted::Code => Ok(Rendition::Code(kept)),
            Wanted::CodeText => {
                let profile = verifier::rendition::code::write::Profile::Printed;
                Ok(Rendition::CodeText(super::seal::code_text(&kept, profile)?))
            }
            Wanted::Credential => {
                let (_, disclosures) = load(self, tx, row).await?;
                let jwt = String::from_utf8(kept).map_err(|_| StorageError::Damaged("a kept credential"))?;
                let (top, items) = (disclosures.top(), disclosures.items());
                let all = top.iter().chain(&items);
                Ok(Rendition::Credential(verifier::rendition::credential::write::assemble(&jwt, all)))
            }
        }
    }

    async fn audit_read(&self, tx: &mut Tx, officer: &Officer, licence: &str) -> Result<(), FlowError> {
        self.audit_row(tx, officer, "licence.read", "done", Some(licence)).await
    }

    /// Writes an audit row for an officer.
    pub(crate) async fn audit_row(
        &self,
        tx: &mut Tx,
        officer: &Officer,
        action: &str,
        result: &str,
        licence: Option<&str>,
    ) -> Result<(), FlowError> {
        let mut row = audit::Row::new(officer.actor(), action, result, self.sources().now())
            .department(&officer.department().code);
        row.object = licence.map(|id| format!("licence:{id}"));
        row.incident = crate::incident();
        Ok(audit::append(tx, &row).await?)
    }

    /// Writes an audit row for a holder.
    pub(crate) async fn audit_holder(
        &self,
        tx: &mut Tx,
        holder: &HolderSession,
        action: &str,
        licence: Option<&str>,
    ) -> Result<(), FlowError> {
        let mut row = audit::Row::new(holder.actor(), action, "done", self.sources().now());
        row.object = licence.map(|id| format!("licence:{id}"));
        row.incident = crate::incident();
        Ok(audit::append(tx, &row).await?)
    }
}

/// The row of a holder's own, released licence.
pub(crate) async fn own(tx: &mut Tx, holder: &HolderSession, licence: &str) -> Result<LicenceRow, FlowError> {
    let row = licences::find(tx, licence).await?.ok_or(FlowError::LicenceUnknown)?;
    if holder.digests.contain(&row.holder_digest) && row.released_at.is_some() {
        Ok(row)
    } else {
        Err(FlowError::LicenceUnknown)
    }
}
