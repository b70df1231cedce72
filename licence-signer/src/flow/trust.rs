//! The trust bundle: published when departments, types or keys change, its timestamp renewed daily; and the check that
//! what was sealed reads back with the same facts.

use std::sync::{Arc, PoisonError, RwLock};

use keys::authority::{Authority, AuthorityError};
use keys::publish::{CodeItem, DepartmentEntry, Register, Titles, TypeEntry};
use serde_json::Value;
use verifier::evidence::{Evidence, EvidenceItem, EvidenceKind};
use verifier::report::{CheckCode, CheckResult, Report};
use verifier::time::Timestamp;
use verifier::trust::Trust;
use verifier::verify;

use super::error::FlowError;
use crate::LicenceSigner;
use crate::facts::Facts;
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

    /// The report on a document of ours, with our own status list as evidence.
    pub(crate) async fn report(&self, document: &[u8], now: Timestamp) -> Result<Value, FlowError> {
        let trust = self.trust().await?;
        let opened = verify::open(document, Ok(&trust), now);
        let mut evidence = Evidence::default();
        for need in opened.needs() {
            if let Some(item) = self.evidence_for(&need.uri).await? {
                evidence.add(item);
            }
        }
        let report = opened.conclude(&evidence);
        serde_json::from_str(&report.to_json()).map_err(|error| FlowError::Internal(error.to_string()))
    }

    /// One of our status lists as evidence.
    pub(crate) async fn evidence_for(&self, uri: &str) -> Result<Option<EvidenceItem>, FlowError> {
        let prefix = self.status_uri("");
        let Some(list) = uri.strip_prefix(&prefix) else { return Ok(None) };
        let Some(signed) = self.status_list(list).await? else { return Ok(None) };
        Ok(Some(EvidenceItem {
            kind: EvidenceKind::StatusList,
            uri: uri.to_owned(),
            fetched_at: signed.issued_at,
            media_type: "application/statuslist+jwt".to_owned(),
            body: signed.jwt.clone().into_bytes(),
        }))
    }
}

/// Checks what was sealed as any third party would: genuine under our own bundle, and with the recorded facts. Its state
/// and its days are another question.
pub(crate) fn reads_back(
    trust: &Trust,
    document: &[u8],
    facts: &Facts,
    is_credential: bool,
    now: Timestamp,
) -> Result<(), FlowError> {
    let opened = verify::open(document, Ok(trust), now);
    let report = opened.conclude(&Evidence::default());
    for check in &report.checks {
        let judged = !matches!(check.code, CheckCode::Status | CheckCode::Validity | CheckCode::Coverage)
            && (is_credential || check.code != CheckCode::Log);
        if judged && check.result != CheckResult::Passed {
            let reason = check.reason.map_or_else(|| check.code.name().to_owned(), |reason| reason.code().to_owned());
            return Err(FlowError::ReadBack(reason));
        }
    }
    if same_facts(&report, facts, is_credential) { Ok(()) } else { Err(FlowError::ReadBack("facts".to_owned())) }
}

fn same_facts(report: &Report, facts: &Facts, is_credential: bool) -> bool {
    let Some(licence) = &report.licence else { return false };
    let text = |path: &[&str]| path.iter().try_fold(licence, |value, name| value.get(*name)).and_then(Value::as_str);
    let common = text(&["identifier"]) == Some(facts.identifier.as_str())
        && text(&["type", "code"]) == Some(facts.type_code.as_str())
        && text(&["holder", "name"]) == Some(facts.holder.name())
        && text(&["valid_until"]) == facts.valid_until.as_deref();
    if !is_credential {
        return common;
    }
    common
        && text(&["number"]) == Some(facts.number.as_str())
        && text(&["holder", "code"]) == Some(facts.holder.code().code())
        && text(&["issuing_authority", "code"]) == Some(facts.authority.code.as_str())
        && text(&["issue_date"]) == Some(facts.issue_date.as_str())
        && text(&["valid_from"]) == Some(facts.valid_from.as_str())
        && licence.get("items").and_then(Value::as_object) == Some(&facts.items)
}
