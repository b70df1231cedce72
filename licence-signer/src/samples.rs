//! The samples of the demonstration (formats §8): one file a rendition and state, with what each must give, so that they
//! keep their verdicts with the services down and years later.

use std::path::Path;
use std::time::Duration;

use keys::authority::{Authority, DepartmentOrder, Founding};
use keys::certify::Power;
use keys::{DepartmentUse, KeyStore, Purpose, Signer as _};
use serde_json::{Value, json};
use verifier::encoding::b64u;
use verifier::evidence::Evidence;
use verifier::log::{Event as LogEvent, entry};
use verifier::rendition::code::write::Profile;
use verifier::report::Verdict;
use verifier::time::{Date, Timestamp};
use verifier::trust::Trust;
use verifier::verify;

use crate::LicenceSigner;
use crate::flow::error::FlowError;
use crate::flow::event::Order;
use crate::flow::issue::Issued;
use crate::flow::read::{Rendition, Wanted};
use crate::flow::recorded::{Recorded, StatusEntry, credential_draft};
use crate::flow::seal;
use crate::issuance::Draft;
use crate::life_cycle::Event;
use crate::officer::Officer;
use crate::storage::licences::SealingRow;
use crate::storage::log;

/// Why no samples were written.
#[derive(Debug, thiserror::Error)]
pub enum SamplesError {
    /// The folder or a file cannot be written.
    #[error("the samples cannot be written: {0}")]
    Io(#[from] std::io::Error),
    /// A flow refused.
    #[error(transparent)]
    Flow(#[from] FlowError),
    /// A sample has not the verdict that it should have.
    #[error("sample {file} has the verdict {verdict}")]
    Verdict {
        /// Which.
        file: String,
        /// What it has.
        verdict: String,
    },
    /// What should not happen.
    #[error("{0}")]
    Internal(String),
}

/// A sample before it is written.
struct Sample {
    state: &'static str,
    extension: &'static str,
    body: String,
    at: Timestamp,
    evidence: bool,
    verdict: Verdict,
}

/// The day that many days before `today`.
fn earlier(today: Date, days: i32) -> Result<String, SamplesError> {
    today.plus_days(-days).map(|day| day.to_string()).ok_or_else(|| internal("the clock stands outside the calendar"))
}

/// Issues what the samples need for the officer's department (dates of `draft` are set here) and writes them to `folder`,
/// with the manifest. Each is verified first and must have the verdict that the manifest says.
///
/// # Errors
///
/// See [`SamplesError`]; files that were written stay.
pub async fn write(
    signer: &LicenceSigner,
    officer: &Officer,
    draft: &Draft,
    folder: &Path,
) -> Result<(), SamplesError> {
    std::fs::create_dir_all(folder)?;
    let now = signer.sources().now();
    let today = Date::of(now).ok_or_else(|| internal("the clock stands outside the calendar"))?;
    let dated = |until: Option<Date>| Draft {
        issue_date: today.to_string(),
        valid_from: today.to_string(),
        valid_until: until.map(|date| date.to_string()),
        ..draft.clone()
    };
    let long = dated(today.plus_years(3));
    let valid = issue(signer, officer, long.clone()).await?;
    let past = Draft {
        issue_date: earlier(today, 400)?,
        valid_from: earlier(today, 400)?,
        valid_until: Some(earlier(today, 30)?),
        ..draft.clone()
    };
    let expired = issue(signer, officer, past).await?;
    let suspended = issue(signer, officer, long.clone()).await?;
    let revoked = issue(signer, officer, long).await?;
    for (licence, event) in [(&suspended, Event::Suspension), (&revoked, Event::Revocation)] {
        let order =
            Order { event, legal_ground: "演示".to_owned(), reason: "演示样例".to_owned(), effective_at: None };
        signer.act(officer, licence, order, None).await?;
    }
    let mut samples = Vec::new();
    for (state, licence, verdict) in [
        ("valid", &valid, Verdict::Valid),
        ("suspended", &suspended, Verdict::NotInForce),
        ("revoked", &revoked, Verdict::NotInForce),
        ("expired", &expired, Verdict::NotInForce),
    ] {
        let at = signer.sources().now();
        let (credential, code) = renditions(signer, officer, licence).await?;
        for (extension, body) in [("sdjwt", credential), ("cwt", code)] {
            samples.push(Sample { state, extension, body, at, evidence: true, verdict });
        }
    }
    let (credential, _) = renditions(signer, officer, &valid).await?;
    let Rendition::Code(cose) = signer.rendition(officer, &valid, Wanted::Code).await? else {
        return Err(internal("another rendition than asked for"));
    };
    for (extension, body) in [("sdjwt", altered_credential(&credential)?), ("cwt", altered_code(cose)?)] {
        let at = signer.sources().now();
        samples.push(Sample { state: "altered", extension, body, at, evidence: true, verdict: Verdict::Invalid });
    }
    let recorded = Recorded::read(signer, &valid).await?.ok_or_else(|| internal("the licence is gone"))?;
    for (state, (credential, code)) in [
        ("unknown-issuer", of_another_authority(signer, &recorded).await?),
        ("status-unavailable", without_status(signer, &recorded).await?),
    ] {
        let at = signer.sources().now();
        for (extension, body) in [("sdjwt", credential), ("cwt", code)] {
            samples.push(Sample { state, extension, body, at, evidence: false, verdict: Verdict::Undetermined });
        }
    }
    let at = signer.sources().now();
    let known = signer.licence_type(&recorded.facts.type_code, Some(recorded.facts.type_version));
    let known = known.ok_or_else(|| internal("the type is gone"))?;
    let screen = seal::code(signer, &recorded.facts, &known, &recorded.department, None, at)?;
    let body = seal::code_text(&screen.body, Profile::Screen)?;
    samples.push(Sample { state: "screen", extension: "cwt", body, at, evidence: false, verdict: Verdict::Valid });
    store(signer, &samples, folder).await
}

/// Verifies and writes them all, and the manifest last.
async fn store(signer: &LicenceSigner, samples: &[Sample], folder: &Path) -> Result<(), SamplesError> {
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

/// Issues a sample, its number followed by characters of its own: a number is given once.
async fn issue(signer: &LicenceSigner, officer: &Officer, draft: Draft) -> Result<String, SamplesError> {
    let number = format!("{}-{}", draft.number, &signer.random_serial()?[..4]);
    let draft = Draft { number, ..draft };
    match signer.issue(officer, draft, None).await? {
        Issued::Released(licence) => Ok(licence.id),
        Issued::Recorded(_) => Err(FlowError::NotReleased.into()),
    }
}

/// Credential and text of the printed code.
async fn renditions(
    signer: &LicenceSigner,
    officer: &Officer,
    licence: &str,
) -> Result<(String, String), SamplesError> {
    let credential = signer.rendition(officer, licence, Wanted::Credential).await?;
    let code = signer.rendition(officer, licence, Wanted::CodeText).await?;
    match (credential, code) {
        (Rendition::Credential(credential), Rendition::CodeText(code)) => Ok((credential, code)),
        _ => Err(internal("another rendition than asked for")),
    }
}

/// The credential with one word of its payload changed and the signature left.
fn altered_credential(text: &str) -> Result<String, SamplesError> {
    let mut parts: Vec<String> = text.splitn(3, '.').map(str::to_owned).collect();
    let payload = parts.get_mut(1).ok_or_else(|| internal("a credential without payload"))?;
    let bytes = b64u::decode(payload).map_err(|_| internal("a payload that does not read"))?;
    let mut claims: Value = serde_json::from_slice(&bytes).map_err(internal)?;
    claims["issue_date"] = "2001-01-01".into();
    *payload = b64u::encode(claims.to_string().as_bytes());
    Ok(parts.join("."))
}

/// The code with one bit of its signature turned.
fn altered_code(mut cose: Vec<u8>) -> Result<String, SamplesError> {
    let place = cose.len().checked_sub(32).ok_or_else(|| internal("a short code"))?;
    cose[place] ^= 1;
    Ok(seal::code_text(&cose, Profile::Printed)?)
}

/// The same facts signed by a department that another authority certified.
async fn of_another_authority(signer: &LicenceSigner, recorded: &Recorded) -> Result<(String, String), SamplesError> {
    let now = signer.sources().now();
    let keys = KeyStore::in_memory();
    let founding = Founding {
        authority: "elsewhere.example".to_owned(),
        title: "他乡".to_owned(),
        oid_arc: "1.3.6.1.4.1.32473".to_owned(),
        signer: signer.external_url().to_owned(),
        bound: None,
    };
    let authority = Authority::found(&keys, &founding, now).map_err(internal)?;
    let order = DepartmentOrder {
        code: recorded.department.clone(),
        name: recorded.facts.authority.name.clone(),
        uri: format!("{}/departments/{}", signer.external_url(), recorded.department),
        power: Power {
            types: vec![recorded.facts.type_code.clone()],
            regions: vec![signer.department(&recorded.department).map(|d| d.region.clone()).unwrap_or_default()],
        },
        longest_licence_years: Some(10),
    };
    authority.certify_department(&order, &[DepartmentUse::Credential, DepartmentUse::Code], now).map_err(internal)?;
    let key = |r#use| keys.certified(&Purpose::department(&recorded.department, r#use), now).map_err(internal);
    let (sealing, proof) = sealed_before(signer, recorded).await?;
    let uri = signer.status_uri(&sealing.status_list);
    let sealed = seal::credential_by(&key(DepartmentUse::Credential)?, signer, recorded, &sealing, &uri, proof, now)?;
    let known = signer.licence_type(&recorded.facts.type_code, Some(recorded.facts.type_version));
    let known = known.ok_or_else(|| internal("the type is gone"))?;
    let code = seal::code_by(&key(DepartmentUse::Code)?, &recorded.facts, &known, Some((&uri, 0)), now)?;
    Ok((sealed.text, seal::code_text(&code.body, Profile::Printed)?))
}

async fn sealed_before(signer: &LicenceSigner, recorded: &Recorded) -> Result<(SealingRow, String), SamplesError> {
    let sealing = recorded.sealings.iter().find(|row| row.rendition == "sdjwt").cloned();
    let sealing = sealing.ok_or_else(|| internal("a licence without its sealing"))?;
    let proof = proof_of(signer, sealing.leaf.as_deref().unwrap_or_default()).await?;
    Ok((sealing, proof))
}

async fn proof_of(signer: &LicenceSigner, leaf: &str) -> Result<String, SamplesError> {
    for _ in 0..200 {
        let mut reader = signer.db().reader().await.map_err(FlowError::from)?;
        if let Some((_, proof)) = log::proof(&mut reader, leaf).await.map_err(FlowError::from)? {
            return Ok(proof);
        }
        drop(reader);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(FlowError::NotReleased.into())
}

/// The same facts sealed once more, their status at the list that can never be had; the leaf of that sealing is in the log.
async fn without_status(signer: &LicenceSigner, recorded: &Recorded) -> Result<(String, String), SamplesError> {
    let now = signer.sources().now();
    let purpose = Purpose::department(&recorded.department, DepartmentUse::Credential);
    let key = signer.key_store().certified(&purpose, now).map_err(FlowError::from)?;
    let uri = signer.status_uri("unavailable");
    let salt = signer.sources().bytes::<32>().map_err(FlowError::from)?;
    let (top, items) = (recorded.disclosures.top(), recorded.disclosures.items());
    let draft = credential_draft(signer, &recorded.facts, (&top, &items), StatusEntry { uri: &uri, idx: 0 }, now);
    let commitment = draft.commitment(LogEvent::Sealing, &salt).map_err(internal)?;
    let leaf_key = entry::key_digest(key.public_key().spki_der());
    let leaf = signer.random_id()?;
    let mut tx = signer.db().begin().await.map_err(FlowError::from)?;
    log::add(&mut tx, &leaf, &entry::entry(&leaf_key, &commitment), now).await.map_err(FlowError::from)?;
    tx.commit().await.map_err(FlowError::from)?;
    signer.wake();
    let proof = proof_of(signer, &leaf).await?;
    let sealing = SealingRow {
        id: String::new(),
        licence: recorded.licence.clone(),
        version: recorded.version,
        rendition: "sdjwt".to_owned(),
        event: LogEvent::Sealing.name().to_owned(),
        effective: now.seconds(),
        status_list: "unavailable".to_owned(),
        status_position: 0,
        leaf: Some(leaf),
        salt: Some(salt.to_vec()),
        leaf_key: Some(leaf_key.to_vec()),
    };
    let sealed = seal::credential_by(&key, signer, recorded, &sealing, &uri, proof, now)?;
    let known = signer.licence_type(&recorded.facts.type_code, Some(recorded.facts.type_version));
    let known = known.ok_or_else(|| internal("the type is gone"))?;
    let code = seal::code(signer, &recorded.facts, &known, &recorded.department, Some((&uri, 0)), now)?;
    Ok((sealed.text, seal::code_text(&code.body, Profile::Printed)?))
}

fn internal(error: impl std::fmt::Display) -> SamplesError {
    SamplesError::Internal(error.to_string())
}
