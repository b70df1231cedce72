//! The trust bundle: published when departments, types or keys change, its timestamp renewed daily.

use std::sync::{Arc, PoisonError, RwLock};

use keys::authority::{Authority, AuthorityError};
use keys::publish::{CodeItem, DepartmentEntry, Register, Titles, TypeEntry};
use verifier::trust::Trust;

use super::error::FlowError;
use crate::LicenceSigner;
use crate::storage::trust as stored;

/// The parsed bundle in memory.
#[derive(Debug, Default)]
pub(crate) struct TrustCache(RwLock<Option<(i64, Arc<Trust>)>>);

impl TrustCache {
    fn get(&self) -> Option<(i64, Arc<Trust>)> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, revision: i64, trust: Arc<Trust>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some((revision, trust));
    }
}

impl LicenceSigner {
    /// The published bundle as text, if there is one.
    ///
    /// # Errors
    ///
    /// What the database answers.
    pub async fn trust_bundle(&self) -> Result<Option<String>, FlowError> {
        let mut reader = self.db().reader().await?;
        Ok(stored::find(&mut reader).await?.map(|bundle| bundle.body))
    }

    /// The published bundle, parsed.
    pub(crate) async fn trust(&self) -> Result<Arc<Trust>, FlowError> {
        match self.trust_cache().get() {
            Some((_, trust)) => Ok(trust),
            None => self.reload_trust().await,
        }
    }

    /// Reads the bundle anew if another process published one.
    pub(crate) async fn reload_trust(&self) -> Result<Arc<Trust>, FlowError> {
        let mut reader = self.db().reader().await?;
        let revision = stored::revision(&mut reader).await?;
        if let (Some(revision), Some((kept, trust))) = (revision, self.trust_cache().get())
            && revision == kept
        {
            return Ok(trust);
        }
        let bundle = stored::find(&mut reader).await?;
        let bundle = bundle.ok_or_else(|| FlowError::Internal("no trust bundle was published yet".to_owned()))?;
        let trust = Trust::read_unexpired(bundle.body.as_bytes())
            .map_err(|error| FlowError::Internal(format!("the stored trust bundle: {}", error.code())))?;
        let trust = Arc::new(trust);
        self.trust_cache().set(bundle.revision, trust.clone());
        Ok(trust)
    }

    /// Publishes the bundle of the authority whose keys lie in the key store: a part that changed or is near its end gets
    /// its next version, the timestamp a new one each day. Without an authority in the store nothing is done.
    ///
    /// # Errors
    ///
    /// What the key store and the database answer.
    pub async fn publish_trust(&self) -> Result<(), FlowError> {
        let now = self.sources().now();
        let authority = match Authority::open(self.key_store()) {
            Ok(authority) => authority,
            Err(AuthorityError::None) => return Ok(()),
            Err(error) => return Err(FlowError::Internal(error.to_string())),
        };
        let bundle =
            authority.publish(&self.register(), now).map_err(|error| FlowError::Internal(error.to_string()))?;
        let text = String::from_utf8(bundle.to_json()).map_err(|error| FlowError::Internal(error.to_string()))?;
        let mut tx = self.db().begin().await?;
        let before = stored::find(&mut tx).await?;
        if before.is_none_or(|before| before.body != text) {
            stored::save(&mut tx, &text, now).await?;
        }
        tx.commit().await?;
        self.reload_trust().await?;
        Ok(())
    }

    /// The rows of departments and types.
    fn register(&self) -> Register {
        let world = self.world();
        let departments = world
            .departments()
            .map(|department| DepartmentEntry {
                code: department.code.clone(),
                name: department.name.clone(),
                former_names: department.former_names.clone(),
                region: department.region.clone(),
                predecessors: department.predecessors.clone(),
            })
            .collect();
        let titles = |titles: &crate::catalogue::Titles| Titles { zh_cn: titles.zh.clone(), en: titles.en.clone() };
        let mut types: Vec<TypeEntry> = world
            .all_types()
            .map(|known| TypeEntry {
                code: known.code().to_owned(),
                version: known.version(),
                titles: titles(&known.definition().name),
                code_items: known
                    .code_items()
                    .iter()
                    .filter_map(|item| {
                        let found = known.definition().item_titles(&item.name)?;
                        Some(CodeItem { name: item.name.clone(), titles: titles(found) })
                    })
                    .collect(),
            })
            .collect();
        types.sort_by(|one, other| (&one.code, one.version).cmp(&(&other.code, other.version)));
        Register { departments, types, ..Register::default() }
    }
}
