//! One door: [`open`] recognises a document and checks all that needs no evidence, [`Opened::needs`] names the evidence
//! wanted, [`Opened::conclude`] gives the report.

mod code;
mod consistency;
mod credential;
mod findings;
mod inclusion;
mod signer;

use crate::algorithm::Algorithm;
use crate::evidence::{Evidence, EvidenceKind};
use crate::rendition::{StatusReference, Unread, code as code_form};
use crate::report::{
    self, CheckCode, LicenceFacts, Reason, Rendition, Report, Sentence, SignerFacts, TrustFacts, Verdict,
};
use crate::status::{self, Behind, StatusList};
use crate::time::Timestamp;
use crate::trust::Trust;

use findings::Findings;

/// How far ahead of the question's time a claimed time may be, in seconds.
pub(crate) const CLOCK_TOLERANCE: i64 = 60;

/// Evidence that would settle a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// What it is.
    pub kind: EvidenceKind,
    /// Where to fetch it: at an origin that the bundle lists.
    pub uri: String,
    /// The media type to ask for.
    pub media_type: &'static str,
}

/// A document that was recognised, or not, and checked as far as it could be. It holds personal data: no `Debug`.
#[derive(Clone)]
pub struct Opened<'a> {
    input: report::InputFacts,
    trust: Option<&'a Trust>,
    at: Timestamp,
    judged: Judged,
}

/// What the readers found.
#[derive(Clone)]
struct Judged {
    rendition: Option<Rendition>,
    algorithm: Option<Algorithm>,
    screen: bool,
    licence: Option<LicenceFacts>,
    signer: Option<SignerFacts>,
    status: Option<StatusQuestion>,
    findings: Findings,
}

impl Judged {
    fn new(rendition: Rendition) -> Self {
        Self { rendition: Some(rendition), ..Self::unread(Findings::default()) }
    }

    fn unread(findings: Findings) -> Self {
        let (rendition, algorithm, licence, signer, status) = (None, None, None, None, None);
        Self { rendition, algorithm, screen: false, licence, signer, status, findings }
    }
}

#[derive(Clone)]
enum StatusQuestion {
    /// A position in a list.
    List { reference: StatusReference },
    /// A code on a screen is itself evidence of state as of its `iat`.
    Screen { iat: Timestamp, exp: Option<Timestamp> },
}

/// Recognises a document by its content and checks, as of `at`, all that needs no further evidence.
///
/// All that a third party needs is in the arguments: no clock, no network, no private key. A document that is not
/// recognised, or a check that fails, is no error: the report holds it.
///
/// ```
/// use verifier::{evidence::Evidence, time::Timestamp, verify};
///
/// let at = Timestamp::from_seconds(1_795_586_400);
/// let report = verify::open(b"https://example.org/", None, at).conclude(&Evidence::default());
/// assert_eq!(report.exit_code(), 2); // undetermined: not a licence, and nobody to trust
/// ```
pub fn open<'a>(input: &[u8], trust: Option<&'a Trust>, at: Timestamp) -> Opened<'a> {
    open_without(input, trust, Reason::TrustNone, at)
}

/// The same without a trust bundle, because of `reason`, one of the `trust.*`.
pub fn open_untrusted(input: &[u8], reason: Reason, at: Timestamp) -> Opened<'static> {
    open_without(input, None, reason, at)
}

fn open_without<'a>(input: &[u8], trust: Option<&'a Trust>, reason: Reason, at: Timestamp) -> Opened<'a> {
    let mut findings = Findings::default();
    let outcome = match trust {
        None => Err(reason),
        Some(trust) => trust.check_expiry(at).map_err(|_| Reason::TrustExpired),
    };
    findings.settle(CheckCode::Trust, outcome);
    let mut judged = recognise(input, trust, at, findings);
    for code in [CheckCode::Form, CheckCode::Signature, CheckCode::Validity, CheckCode::Coverage] {
        judged.findings.rests_on(code, Some(at));
    }
    Opened { input: report::input_facts(input), trust, at, judged }
}

fn recognise(input: &[u8], trust: Option<&Trust>, at: Timestamp, findings: Findings) -> Judged {
    let unread = |unread: Unread| {
        let mut findings = findings;
        let reason = match unread {
            Unread::Unrecognised => Reason::InputUnrecognised,
            Unread::Damaged => Reason::InputDamaged,
            Unread::TooLarge => Reason::InputTooLarge,
        };
        findings.find(CheckCode::Form, reason);
        Judged::unread(findings)
    };
    if input.first() == Some(&0xD2) {
        return match code_form::Envelope::read(input) {
            Ok(envelope) => code::judge(&envelope, trust, at, findings),
            Err(problem) => unread(problem),
        };
    }
    let Ok(text) = std::str::from_utf8(input) else { return unread(Unread::Unrecognised) };
    let text = normalise(text);
    if text.starts_with(code_form::PREFIX) {
        return match code_form::Envelope::read_text(text) {
            Ok(envelope) => code::judge(&envelope, trust, at, findings),
            Err(problem) => unread(problem),
        };
    }
    credential::judge(text, trust, at, findings).unwrap_or_else(unread)
}

/// Strips what scanners put before a code of ours: a byte order mark or zero-width space, the symbology mark `]Q1`, `]Q2`
/// and the like, the ECI mark `\000026`. Only before `XY1:` and `XYP:`; nothing else is stripped.
pub fn normalise(text: &str) -> &str {
    let mut rest = text.trim_start_matches(['\u{FEFF}', '\u{200B}']);
    if let Some(mark) = rest.strip_prefix("]Q")
        && mark.starts_with(|c: char| c.is_ascii_digit())
    {
        rest = &mark[1..];
    }
    rest = rest.strip_prefix("\\000026").unwrap_or(rest);
    if rest.starts_with(code_form::PREFIX) || rest.starts_with("XYP:") { rest } else { text }
}

impl Opened<'_> {
    /// Says when the trust bundle was last known to be the newest: the checks that rest on it then show its age. It decides
    /// nothing; a bundle's own expiry does.
    #[must_use]
    pub fn with_trust_as_of(mut self, as_of: Timestamp) -> Self {
        for code in [CheckCode::Trust, CheckCode::Path, CheckCode::Power, CheckCode::Algorithm] {
            self.judged.findings.rests_on(code, Some(as_of));
        }
        self
    }

    /// The form in which the licence came, if it was recognised.
    pub fn rendition(&self) -> Option<Rendition> {
        self.judged.rendition
    }

    /// The evidence wanted: only behind a signature that verified under a trusted path, and at origins of the bundle.
    pub fn needs(&self) -> Vec<Need> {
        let findings = &self.judged.findings;
        if !findings.holds(CheckCode::Signature) || !findings.holds(CheckCode::Path) {
            return Vec::new();
        }
        match (&self.judged.status, self.trust) {
            (Some(StatusQuestion::List { reference }), Some(trust)) if askable(reference, trust).is_ok() => {
                vec![Need {
                    kind: EvidenceKind::StatusList,
                    uri: reference.uri.clone(),
                    media_type: status::MEDIA_TYPE_JWT,
                }]
            }
            _ => Vec::new(),
        }
    }

    /// The report, with the evidence that was to be had.
    pub fn conclude(&self, evidence: &Evidence) -> Report {
        let Judged { rendition, algorithm, screen, signer, status, .. } = &self.judged;
        let mut findings = self.judged.findings;
        match (status, self.trust) {
            (Some(StatusQuestion::Screen { iat, exp }), _) => self.screen(*iat, *exp, &mut findings),
            (Some(StatusQuestion::List { reference }), Some(trust)) => {
                self.listed(reference, trust, evidence, &mut findings);
            }
            _ => {}
        }
        let trusted =
            [CheckCode::Trust, CheckCode::Signature, CheckCode::Path].iter().all(|code| findings.holds(*code));
        let licence = self.judged.licence.as_ref().filter(|_| trusted);
        let signer = signer.as_ref().filter(|_| trusted);
        let trust = self.trust.map(trust_facts);
        let about = report::Passed {
            rendition: rendition.unwrap_or(Rendition::SdJwt),
            licence,
            signer,
            trust: trust.as_ref(),
            algorithm: *algorithm,
            screen: *screen,
        };
        let checks = findings.checks(self.at, *rendition, |code| report::passed(code, &about));
        let (verdict, cause) = report::decide(&checks);
        let licence = licence.filter(|_| verdict != Verdict::Invalid).cloned();
        let next = report::next(verdict, cause, licence.as_ref().and_then(|licence| licence.copy.as_ref()));
        Report {
            format: 1,
            verdict,
            cause,
            at: self.at,
            input: self.input.clone(),
            rendition: *rendition,
            licence,
            signer: signer.cloned(),
            checks,
            holder_binding: report::holder_binding(*rendition, *screen),
            trust,
            next,
        }
    }

    fn screen(&self, iat: Timestamp, exp: Option<Timestamp>, findings: &mut Findings) {
        findings.rests_on(CheckCode::Status, Some(iat));
        let outcome = if iat.plus(-CLOCK_TOLERANCE) > self.at {
            Err(Reason::CodeAhead)
        } else if exp.is_none_or(|exp| self.at >= exp) {
            Err(Reason::CodeLapsed)
        } else {
            Ok(())
        };
        findings.settle(CheckCode::Status, outcome);
    }

    fn listed(&self, reference: &StatusReference, trust: &Trust, evidence: &Evidence, findings: &mut Findings) {
        let behind = match self.judged.rendition {
            Some(Rendition::Cwt) => Behind::Code,
            _ => Behind::Credential,
        };
        let (outcome, as_of) = check_status(reference, behind, trust, evidence, self.at);
        findings.rests_on(CheckCode::Status, as_of);
        findings.settle(CheckCode::Status, outcome);
    }
}

/// The state that a position has: of several lists the newest that counts decides, bad ones are passed over (formats §4).
///
/// The answer is with the time of the list that decided.
pub fn check_status(
    reference: &StatusReference,
    behind: Behind,
    trust: &Trust,
    evidence: &Evidence,
    at: Timestamp,
) -> (Result<(), Reason>, Option<Timestamp>) {
    if let Err(reason) = askable(reference, trust) {
        return (Err(reason), None);
    }
    let mut newest: Option<(Timestamp, Result<(), Reason>)> = None;
    let mut problem: Option<Reason> = None;
    let mut take =
        |list: Result<&StatusList, Reason>| match list.and_then(|list| list.counts(behind, at).map(|()| list)) {
            Ok(list) => {
                if newest.is_none_or(|(issued_at, _)| list.issued_at() > issued_at) {
                    newest = Some((list.issued_at(), list.state(reference.idx)));
                }
            }
            Err(reason) => problem = Some(problem.map_or(reason, |old| old.min(reason))),
        };
    for list in evidence.prepared().iter().filter(|list| list.uri() == reference.uri) {
        take(Ok(list));
    }
    let items =
        evidence.items().iter().filter(|item| item.kind == EvidenceKind::StatusList && item.uri == reference.uri);
    for item in items {
        if behind == Behind::Credential && status::essence(&item.media_type) != status::MEDIA_TYPE_JWT {
            take(Err(Reason::StatusMediaType));
            continue;
        }
        let list = StatusList::prepare(&item.uri, &item.media_type, &item.body, trust, at);
        take(list.as_ref().map_err(|reason| *reason));
    }
    match newest {
        Some((issued_at, state)) => (state, Some(issued_at)),
        None => (Err(problem.unwrap_or(Reason::StatusMissing)), None),
    }
}

/// Whether a list may be asked for: its origin stands in the bundle and the position in a list.
fn askable(reference: &StatusReference, trust: &Trust) -> Result<(), Reason> {
    let listed = status::may_be_fetched(&reference.uri) && trust.status_origin(&reference.uri).is_some();
    if !listed {
        return Err(Reason::StatusOrigin);
    }
    if reference.idx >= status::ENTRIES {
        return Err(Reason::StatusMalformed);
    }
    Ok(())
}

fn trust_facts(trust: &Trust) -> TrustFacts {
    TrustFacts {
        root_sha256: crate::encoding::hex::encode(trust.root_sha256()),
        version: trust.versions().targets,
        expires: trust.expires(),
        demonstration: trust.is_demonstration(),
    }
}

fn title(trust: &Trust, code: &str, version: u64) -> Option<Sentence> {
    let known = trust.licence_type(code, version)?;
    let text = |language: &str| known.titles.get(language).and_then(serde_json::Value::as_str).map(str::to_owned);
    let chinese = text("zh-CN")?;
    let english = text("en").unwrap_or_else(|| chinese.clone());
    Some(Sentence::new(chinese, english))
}
