//! Renditions as they are handed out.

use store::{StorageError, Tx};
use verifier::rendition::code::write::Profile;
use verifier::rendition::credential::write::assemble;

use super::error::FlowError;
use super::licence::load;
use super::seal;
use crate::LicenceSigner;
use crate::storage::licences::{self, LicenceRow};

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

impl LicenceSigner {
    /// What was signed last of a kind; of a credential with all its disclosures.
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
            let obstacle = known.and_then(|known| seal::code_obstacle(&licence.facts, &known));
            return Err(FlowError::RenditionAbsent(obstacle.unwrap_or_else(|| kind.to_owned())));
        };
        match wanted {
            Wanted::Code => Ok(Rendition::Code(show(self, &row.id, row.version, kept)?)),
            Wanted::CodeText => {
                let code = show(self, &row.id, row.version, kept)?;
                Ok(Rendition::CodeText(seal::code_text(&code, Profile::Printed)?))
            }
            Wanted::Credential => {
                let (_, disclosures) = load(self, tx, row).await?;
                let jwt = String::from_utf8(kept).map_err(|_| StorageError::Damaged("a kept credential"))?;
                let (top, items) = (disclosures.top(), disclosures.items());
                let all = top.iter().chain(&items);
                Ok(Rendition::Credential(assemble(&jwt, all)))
            }
        }
    }
}

/// The first byte of a `COSE_Sign1`: of codes that were kept before they were encrypted.
const COSE_SIGN1: u8 = 0xd2;

/// A code as it stands in its row: it holds the holder's name, so it is encrypted as the facts are.
pub(crate) fn hide(signer: &LicenceSigner, licence: &str, version: i64, code: &[u8]) -> Result<Vec<u8>, FlowError> {
    let sources = signer.sources();
    let keys = signer.field_keys(sources.now())?;
    Ok(keys.seal("renditions", "body", &format!("{licence}/{version}"), code, sources.random.as_ref())?)
}

/// The code of a row.
fn show(signer: &LicenceSigner, licence: &str, version: i64, kept: Vec<u8>) -> Result<Vec<u8>, FlowError> {
    if kept.first() == Some(&COSE_SIGN1) {
        return Ok(kept);
    }
    let keys = signer.field_keys(signer.sources().now())?;
    let opened = keys.open("renditions", "body", &format!("{licence}/{version}"), &kept);
    Ok(opened.map_err(|_| StorageError::Damaged("a kept code"))?.to_vec())
}
