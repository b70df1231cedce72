//! Reading what one's department issued.

use store::Tx;

use super::error::FlowError;
use super::licence::{HistoryEvent, Licence, load, load_all};
use super::rendition::{Rendition, Wanted};
use crate::LicenceSigner;
use crate::issuance::HolderCode;
use crate::life_cycle::State;
use crate::officer::Officer;
use crate::storage::licences::{self, LicenceRow};

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
        let found = load_all(self, &mut tx, rows, |kind| officer.may_read(kind)).await?;
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
        let found = load_all(self, &mut tx, rows, |kind| officer.may_read(kind)).await?;
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

    async fn audit_read(&self, tx: &mut Tx, officer: &Officer, licence: &str) -> Result<(), FlowError> {
        self.audit_row(tx, officer, "licence.read", "done", Some(licence)).await
    }
}
