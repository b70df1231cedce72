//! Reading what we sealed as any third party would: before it is released, and for those who may see facts and report.

use serde_json::Value;
use verifier::evidence::{Evidence, EvidenceItem, EvidenceKind};
use verifier::report::{CheckCode, CheckResult, Report};
use verifier::time::Timestamp;
use verifier::trust::Trust;
use verifier::verify;

use super::error::FlowError;
use crate::LicenceSigner;
use crate::facts::Facts;

impl LicenceSigner {
    /// The report on a document of ours, with our own status list as evidence.
    pub(crate) async fn report(&self, document: &[u8], now: Timestamp) -> Result<Value, FlowError> {
        let trust = self.trust().await?;
        let opened = verify::open(document, Some(&trust), now);
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
    let opened = verify::open(document, Some(trust), now);
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
    let Ok(licence) = serde_json::to_value(&report.licence) else { return false };
    let text = |path: &[&str]| path.iter().try_fold(&licence, |value, name| value.get(*name)).and_then(Value::as_str);
    // of a code whose department took over others' work the identifier cannot be told
    let identifier = text(&["identifier"]).or((!is_credential).then_some(facts.identifier.as_str()));
    let common = identifier == Some(facts.identifier.as_str())
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
