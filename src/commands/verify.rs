//! `xinyin verify`: the same door as page and API, with this user's own trust.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use verifier::encoding::hex;
use verifier::evidence::{Evidence, EvidenceItem, EvidenceKind};
use verifier::report::{Language, Reason};
use verifier::time::Timestamp;
use verifier::trust::{Pin, Trust, TrustError, Versions};
use verifier::verify::{Need, Opened, normalise, open, open_untrusted};
use web::outbound::{Outbound, OutboundSettings};

use super::{Failure, Outcome};
use crate::cli::{Format, Language as Lang, Verify};
use crate::out;
use crate::pins::Pins;

/// More than any rendition may have; what is larger is not read to its end.
const MAX_INPUT_BYTES: u64 = 16 * 1024 * 1024;
/// Where an installation keeps its bundle.
const SYSTEM_BUNDLE: &str = "/etc/xinyin/trust-bundle.json";
/// Where `up` leaves one.
const DEMONSTRATION_BUNDLE: &str = "./data/samples/trust-bundle.json";

/// Verifies one document and prints the report.
pub(crate) async fn verify(args: &Verify, now: Timestamp) -> Outcome {
    let at = match &args.at {
        Some(text) => {
            text.parse().map_err(|_| Failure::usage(format!("--at {text}: write it like 2026-11-25T06:00:00Z")))?
        }
        None => now,
    };
    let input = read(&args.file)?;
    let text = std::str::from_utf8(&input).map(normalise);
    let input = text.map_or(input.as_slice(), str::as_bytes);
    let trust = find_trust(args.trust.as_deref())?;
    let opened = match &trust {
        Ok(trust) => open(input, Some(trust), at),
        Err(reason) => open_untrusted(input, *reason, at),
    };
    let mut evidence = match &args.evidence {
        Some(path) => {
            let bytes = std::fs::read(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
            Evidence::read(&bytes).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?
        }
        None => Evidence::default(),
    };
    if !args.offline {
        fetch(&opened, &mut evidence, now).await?;
    }
    let report = opened.conclude(&evidence);
    match args.format {
        Format::Json => out::line(&report.to_json()),
        Format::Text => {
            let language = if args.lang == Lang::ZhCn { Language::Chinese } else { Language::English };
            out::line(report.report_text(language).trim_end());
        }
    }
    Ok(ExitCode::from(report.exit_code()))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut input = Vec::new();
    let result = if path.as_os_str() == "-" {
        std::io::stdin().take(MAX_INPUT_BYTES).read_to_end(&mut input)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_INPUT_BYTES).read_to_end(&mut input))
    };
    result.map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display())))?;
    Ok(input)
}

/// The bundle by which to judge, or why there is none. A named file is this user's own decision; the demonstration's counts
/// only if `up` wrote its root into this user's data folder.
fn find_trust(named: Option<&Path>) -> Result<Result<Trust, Reason>, Failure> {
    if let Some(path) = named {
        let bytes = std::fs::read(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
        return read_trust(&bytes);
    }
    let system = PathBuf::from(SYSTEM_BUNDLE);
    if let Ok(bytes) = std::fs::read(&system) {
        return read_trust(&bytes);
    }
    let Ok(bytes) = std::fs::read(DEMONSTRATION_BUNDLE) else { return Ok(Err(Reason::TrustNone)) };
    let Ok(trust) = Trust::read_unexpired(&bytes) else { return Ok(Err(Reason::TrustNone)) };
    let pins = Pins::read()?;
    let known = pins.of_root(&hex::encode(trust.root_sha256())).is_some_and(|pinned| pinned.demonstration);
    if known { read_trust(&bytes) } else { Ok(Err(Reason::TrustNone)) }
}

/// Reads a bundle; where the same root is pinned already, a lower version is refused.
fn read_trust(bytes: &[u8]) -> Result<Result<Trust, Reason>, Failure> {
    let trust = match Trust::read_unexpired(bytes) {
        Ok(trust) => trust,
        Err(error) => return Ok(Err(reason(error))),
    };
    let pins = Pins::read()?;
    let pin = pins.of_root(&hex::encode(trust.root_sha256())).map(|pinned| Pin {
        root_sha256: *trust.root_sha256(),
        versions: Versions { root: pinned.root, targets: pinned.targets, timestamp: pinned.timestamp },
    });
    Ok(match trust.check_rollback(pin.as_ref()) {
        Ok(()) => Ok(trust),
        Err(error) => Err(reason(error)),
    })
}

fn reason(error: TrustError) -> Reason {
    Reason::ALL.iter().copied().find(|reason| reason.code() == error.code()).unwrap_or(Reason::TrustMalformed)
}

/// Adds what `needs` names and can be had. What cannot is no error: the check is then not done.
async fn fetch(opened: &Opened<'_>, evidence: &mut Evidence, now: Timestamp) -> Result<(), Failure> {
    let needs: Vec<Need> = opened.needs();
    if needs.is_empty() {
        return Ok(());
    }
    // Only origins that the bundle lists are ever asked for, so those may be loopback.
    let origins = needs.iter().filter_map(|need| Some(url::Url::parse(&need.uri).ok()?.origin().ascii_serialization()));
    let outbound =
        Outbound::new(&OutboundSettings { allowed_origins: origins.collect(), ..OutboundSettings::default() })?;
    for need in needs {
        if need.kind != EvidenceKind::StatusList {
            continue;
        }
        if let Ok(answer) = outbound.get(&need.uri, need.media_type).await
            && answer.status.is_success()
        {
            evidence.add(EvidenceItem {
                kind: need.kind,
                uri: need.uri,
                fetched_at: now,
                media_type: answer.media_type(),
                body: answer.body.to_vec(),
            });
        }
    }
    Ok(())
}
