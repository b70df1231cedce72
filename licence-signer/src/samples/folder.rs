//! The folder of the samples: each is verified before it is written, the manifest comes last.

use std::path::Path;

use keys::authority::Authority;
use serde_json::{Value, json};
use verifier::evidence::Evidence;
use verifier::report::Verdict;
use verifier::time::Timestamp;
use verifier::trust::Trust;
use verifier::verify;

use super::error::{SamplesError, internal};
use crate::LicenceSigner;

/// A sample before it is written.
pub(super) struct Sample {
    pub(super) state: &'static str,
    pub(super) extension: &'static str,
    pub(super) body: String,
    pub(super) at: Timestamp,
    pub(super) evidence: bool,
    pub(super) verdict: Verdict,
}

/// Verifies and writes them all, and the manifest last.
pub(super) async fn write(signer: &LicenceSigner, samples: &[Sample], folder: &Path) -> Result<(), SamplesError> {
    let trust = signer.trust().await?;
    let mut rows: Vec<Value> = Vec::with_capacity(samples.len());
    for sample in samples {
        let file = if sample.state == "screen" {
            "screen.cwt".to_owned()
        } else {
            format!("{}.{}", sample.state, sample.extension)
        };
        let (evidence, exit) = check(signer, &trust, sample, &file).await?;
        std::fs::write(folder.join(&file), &sample.body)?;
        let evidence_file = evidence.as_ref().map(|_| format!("{}.{}.evidence.json", sample.state, sample.extension));
        if let (Some(name), Some(evidence)) = (&evidence_file, &evidence) {
            std::fs::write(folder.join(name), evidence.write())?;
        }
        rows.push(json!({
            "file": file,
            "rendition": sample.extension,
            "state": sample.state,
            "at": sample.at.to_string(),
            "evidence": evidence_file,
            "verdict": verdict_word(sample.verdict),
            "exit": exit,
        }));
    }
    let manifest = json!({"format": 1, "samples": rows});
    let text = serde_json::to_string_pretty(&manifest).map_err(internal)?;
    if let Some(bundle) =
        Authority::open(signer.key_store()).and_then(|authority| authority.bundle()).map_err(internal)?
    {
        keys::administration::export_trust(signer.key_store(), &bundle, folder, signer.sources().now())
            .map_err(internal)?;
    }
    std::fs::write(folder.join("manifest.json"), text)?;
    Ok(())
}

/// The evidence of a sample and its exit code, after its verdict was seen.
async fn check(
    signer: &LicenceSigner,
    trust: &Trust,
    sample: &Sample,
    file: &str,
) -> Result<(Option<Evidence>, u8), SamplesError> {
    let opened = verify::open(sample.body.as_bytes(), Some(trust), sample.at);
    let mut evidence = Evidence::default();
    if sample.evidence {
        let uri = status_uri_of(signer, &opened, sample).await?;
        if let Some(item) = signer.evidence_for(&uri).await? {
            evidence.add(item);
        }
    }
    let report = opened.conclude(&evidence);
    if report.verdict != sample.verdict {
        let cause = report.cause.map_or("", verifier::report::Reason::code);
        let verdict = format!("{} ({cause})", verdict_word(report.verdict));
        return Err(SamplesError::Verdict { file: file.to_owned(), verdict });
    }
    Ok((sample.evidence.then_some(evidence), report.exit_code()))
}

/// The list that a document asks for; of one that asks for none (its signature differs), the list open now.
async fn status_uri_of(
    signer: &LicenceSigner,
    opened: &verify::Opened<'_>,
    sample: &Sample,
) -> Result<String, SamplesError> {
    match opened.needs().into_iter().next() {
        Some(need) => Ok(need.uri),
        None => Ok(signer.status_uri(&signer.open_list(sample.at).await?)),
    }
}

fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Valid => "valid",
        Verdict::Invalid => "invalid",
        Verdict::Undetermined => "undetermined",
        Verdict::NotInForce => "not_in_force",
    }
}
