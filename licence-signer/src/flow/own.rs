//! Reading one's own: a holder sees every licence of his that was released, and nobody else's.

use store::Tx;

use super::error::FlowError;
use super::licence::{HistoryEvent, Licence, load, load_all};
use super::rendition::{Rendition, Wanted};
use crate::LicenceSigner;
use crate::officer::HolderSession;
use crate::storage::licences::{self, LicenceRow};

impl LicenceSigner {
    /// All licences of a holder, newest first, at most 200. Writes an audit row.
    ///
    /// # Errors
    ///
    /// What the database answers.
    pub async fn own_licences(&self, holder: &HolderSession) -> Result<Vec<Licence>, FlowError> {
        let mut tx = self.db().begin().await?;
        let rows = licences::of_holder(&mut tx, &holder.digests, 200).await?;
        let found = load_all(self, &mut tx, rows, |_| true).await?;
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
