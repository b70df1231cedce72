//! Rows of the audit record for what officers and holders do.

use store::{Tx, audit};

use super::error::FlowError;
use crate::LicenceSigner;
use crate::officer::{HolderSession, Officer};

impl LicenceSigner {
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
