//! The samples of the demonstration (formats §8): one file a rendition and state, with what each must give, so that they
//! keep their verdicts with the services down and years later.

mod error;
mod folder;
mod made;

pub use error::SamplesError;

use std::path::Path;

use verifier::rendition::code::write::Profile;
use verifier::report::Verdict;
use verifier::time::{Date, Timestamp};

use crate::LicenceSigner;
use crate::flow::error::FlowError;
use crate::flow::event::Order;
use crate::flow::issue::Issued;
use crate::flow::recorded::Recorded;
use crate::flow::rendition::{Rendition, Wanted};
use crate::flow::seal;
use crate::issuance::Draft;
use crate::life_cycle::Event;
use crate::officer::Officer;
use error::internal;
use folder::Sample;

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
    let licences = Licences::issue(signer, officer, draft).await?;
    let mut samples = issued(signer, officer, &licences).await?;
    samples.extend(altered(signer, officer, &licences.valid).await?);
    let recorded = Recorded::read(signer, &licences.valid).await?.ok_or_else(|| internal("the licence is gone"))?;
    samples.extend(undetermined(signer, &recorded).await?);
    samples.push(on_a_screen(signer, &recorded)?);
    folder::write(signer, &samples, folder).await
}

/// One licence a state.
struct Licences {
    valid: String,
    suspended: String,
    revoked: String,
    expired: String,
}

impl Licences {
    async fn issue(signer: &LicenceSigner, officer: &Officer, draft: &Draft) -> Result<Self, SamplesError> {
        let outside = || internal("the clock stands outside the calendar");
        let today = Date::of(signer.sources().now()).ok_or_else(outside)?;
        let day = |days: i32| today.plus_days(days).map(|day| day.to_string()).ok_or_else(outside);
        let dated = |from: String, until: String| Draft {
            issue_date: from.clone(),
            valid_from: from,
            valid_until: Some(until),
            ..draft.clone()
        };
        let until = today.plus_years(3).ok_or_else(outside)?.to_string();
        let long = || dated(today.to_string(), until.clone());
        let licences = Self {
            valid: issue(signer, officer, long()).await?,
            suspended: issue(signer, officer, long()).await?,
            revoked: issue(signer, officer, long()).await?,
            expired: issue(signer, officer, dated(day(-400)?, day(-30)?)).await?,
        };
        for (licence, event) in [(&licences.suspended, Event::Suspension), (&licences.revoked, Event::Revocation)] {
            let order =
                Order {
                    event, legal_ground: "演示".to_owned(), reason: "演示样例".to_owned(), effective_at: None
                };
            signer.act(officer, licence, order, None).await?;
        }
        Ok(licences)
    }
}

/// Both forms of each licence as they are handed out.
async fn issued(signer: &LicenceSigner, officer: &Officer, licences: &Licences) -> Result<Vec<Sample>, SamplesError> {
    let mut samples = Vec::new();
    for (state, licence, verdict) in [
        ("valid", &licences.valid, Verdict::Valid),
        ("suspended", &licences.suspended, Verdict::NotInForce),
        ("revoked", &licences.revoked, Verdict::NotInForce),
        ("expired", &licences.expired, Verdict::NotInForce),
    ] {
        let at = signer.sources().now();
        let forms = renditions(signer, officer, licence).await?;
        samples.extend(both(state, forms, at, true, verdict));
    }
    Ok(samples)
}

/// Both forms with one thing changed after they were signed.
async fn altered(signer: &LicenceSigner, officer: &Officer, licence: &str) -> Result<Vec<Sample>, SamplesError> {
    let (credential, _) = renditions(signer, officer, licence).await?;
    let Rendition::Code(cose) = signer.rendition(officer, licence, Wanted::Code).await? else {
        return Err(internal("another rendition than asked for"));
    };
    let forms = (made::altered_credential(&credential)?, made::altered_code(cose)?);
    Ok(both("altered", forms, signer.sources().now(), true, Verdict::Invalid).into())
}

/// What cannot be decided: by an unknown authority, without its status.
async fn undetermined(signer: &LicenceSigner, recorded: &Recorded) -> Result<Vec<Sample>, SamplesError> {
    let mut samples = Vec::new();
    for (state, forms) in [
        ("unknown-issuer", made::of_another_authority(signer, recorded).await?),
        ("status-unavailable", made::without_status(signer, recorded).await?),
    ] {
        samples.extend(both(state, forms, signer.sources().now(), false, Verdict::Undetermined));
    }
    Ok(samples)
}

/// The code for a screen, which is its own evidence for five minutes.
fn on_a_screen(signer: &LicenceSigner, recorded: &Recorded) -> Result<Sample, SamplesError> {
    let at = signer.sources().now();
    let known = signer.licence_type(&recorded.facts.type_code, Some(recorded.facts.type_version));
    let known = known.ok_or_else(|| internal("the type is gone"))?;
    let screen = seal::code(signer, &recorded.facts, &known, &recorded.department, None, at)?;
    let body = seal::code_text(&screen.body, Profile::Screen)?;
    Ok(Sample { state: "screen", extension: "cwt", body, at, evidence: false, verdict: Verdict::Valid })
}

fn both(
    state: &'static str,
    (credential, code): (String, String),
    at: Timestamp,
    evidence: bool,
    verdict: Verdict,
) -> [Sample; 2] {
    [("sdjwt", credential), ("cwt", code)].map(|(extension, body)| Sample {
        state,
        extension,
        body,
        at,
        evidence,
        verdict,
    })
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
