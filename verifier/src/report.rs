//! The report: verdict, cause, every check with what it rests on, the facts as far as they are proven (formats §7).

mod reason;
mod render;
mod sentence;
mod words;

use std::fmt::Display;

use serde::{Serialize, Serializer};

use crate::encoding::hex;
use crate::time::Timestamp;

pub use crate::licence::licence::{CopyFacts, HolderFacts, LicenceFacts, Party, TypeFacts};
pub use reason::{Reason, Row};
pub use sentence::{Language, Sentence, day};

/// The four answers (formats §7; the order of decision is the design's).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// 有效.
    Valid,
    /// 无效: altered, forged, or outside the signer's power.
    Invalid,
    /// 无法判定.
    Undetermined,
    /// 真实但当前无效.
    NotInForce,
}

/// What a check looked at. The order is that in which the deciding row looks for its cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckCode {
    /// The trust bundle itself.
    Trust,
    /// Form and consistency of the content.
    Form,
    /// The signature over the content.
    Signature,
    /// The certificate's path to a trust anchor.
    Path,
    /// The signer's power over type, region and purpose.
    Power,
    /// The signature algorithm.
    Algorithm,
    /// The public log.
    Log,
    /// The present state.
    Status,
    /// The days of validity.
    Validity,
    /// Whether all that is seen is signed.
    Coverage,
}

/// Every check, in the order of formats §7.
pub const CHECKS: [CheckCode; 10] = [
    CheckCode::Trust,
    CheckCode::Form,
    CheckCode::Signature,
    CheckCode::Path,
    CheckCode::Power,
    CheckCode::Algorithm,
    CheckCode::Log,
    CheckCode::Status,
    CheckCode::Validity,
    CheckCode::Coverage,
];

impl CheckCode {
    /// The stable code.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trust => "trust",
            Self::Form => "form",
            Self::Signature => "signature",
            Self::Path => "path",
            Self::Power => "power",
            Self::Algorithm => "algorithm",
            Self::Log => "log",
            Self::Status => "status",
            Self::Validity => "validity",
            Self::Coverage => "coverage",
        }
    }
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckResult {
    /// It holds.
    Passed,
    /// It does not hold.
    Failed,
    /// It could not be decided, or rests on another that does not hold.
    NotDone,
}

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at.
    pub code: CheckCode,
    /// How it came out.
    pub result: CheckResult,
    /// Why it is not `passed`; none where it merely rests on another check or is outside the verdict.
    #[serde(serialize_with = "code_or_null")]
    pub reason: Option<Reason>,
    /// The line for a clerk.
    pub text: Sentence,
    /// The time of what it rests on, where that has one.
    #[serde(serialize_with = "text_or_null")]
    pub as_of: Option<Timestamp>,
    /// How old that was at the time of the check; negative if it was younger.
    pub age_seconds: Option<i64>,
}

/// The form in which the licence came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Rendition {
    /// A credential (SD-JWT).
    SdJwt,
    /// A code (CWT).
    Cwt,
}

/// What was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InputFacts {
    /// SHA-256 of the bytes as received, hex.
    pub sha256: String,
    /// How many there were.
    pub bytes: usize,
}

/// Who signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignerFacts {
    /// The certificate's subject.
    pub subject: String,
    /// The credit code, of the certificate or of its row in the register.
    pub credit_code: Option<String>,
    /// SHA-256 of the certificate, hex.
    pub certificate_sha256: String,
    /// The subjects from its issuer to the trust anchor.
    pub path: Vec<String>,
}

/// Whether the document says anything about who presents it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HolderBinding {
    /// Always `not_done` in version 1: no form binds its bearer.
    pub result: CheckResult,
    /// What the person at the desk should look at.
    pub text: Sentence,
}

/// Which trust bundle was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrustFacts {
    /// The root's fingerprint, hex.
    pub root_sha256: String,
    /// The version of its targets.
    pub version: u64,
    /// When it expires.
    #[serde(serialize_with = "as_text")]
    pub expires: Timestamp,
    /// Set where the anchors are those of the demonstration world.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub demonstration: bool,
}

/// The whole answer, in the order of formats §7.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// 1.
    pub format: u8,
    /// The answer.
    pub verdict: Verdict,
    /// The reason that decided; none where it is valid.
    #[serde(serialize_with = "code_or_null")]
    pub cause: Option<Reason>,
    /// The time of the question.
    #[serde(serialize_with = "as_text")]
    pub at: Timestamp,
    /// What was given.
    pub input: InputFacts,
    /// The form in which it came, if recognised.
    pub rendition: Option<Rendition>,
    /// The facts, only behind a signature that verified under a trusted path.
    pub licence: Option<LicenceFacts>,
    /// The signer, under the same condition.
    pub signer: Option<SignerFacts>,
    /// All checks in their order.
    pub checks: Vec<Check>,
    /// Outside the verdict, always shown.
    pub holder_binding: HolderBinding,
    /// The bundle used, if any.
    pub trust: Option<TrustFacts>,
    /// The one next step.
    pub next: Sentence,
}

impl Report {
    /// What the command exits with: 0 valid, 1 invalid or not in force, 2 undetermined.
    pub const fn exit_code(&self) -> u8 {
        match self.verdict {
            Verdict::Valid => 0,
            Verdict::Invalid | Verdict::NotInForce => 1,
            Verdict::Undetermined => 2,
        }
    }

    /// The line of a check.
    pub fn check(&self, code: CheckCode) -> Option<&Check> {
        self.checks.iter().find(|check| check.code == code)
    }

    /// The JSON of formats §7.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report holds nothing that JSON cannot")
    }

    /// The verdict's word: 有效, 无效, 无法判定, 真实但当前无效.
    pub const fn verdict_word(&self) -> Sentence {
        words::verdict(self.verdict)
    }

    /// One sentence that says it all, for the head of a page.
    pub fn summary(&self) -> Sentence {
        words::summary(self)
    }

    /// The state as anyone may know it: 尚未生效, 已过期, 已暂停, 已失效; none where it is not out of force.
    pub fn state_word(&self) -> Option<Sentence> {
        words::state(self.cause.filter(|_| self.verdict == Verdict::NotInForce))
    }

    /// The report as lines of text for a terminal.
    pub fn report_text(&self, language: Language) -> String {
        render::text(self, language)
    }
}

/// What all checks together say, and the reason that decides.
pub(crate) fn decide(checks: &[Check]) -> (Verdict, Option<Reason>) {
    let rows = [Row::Invalid, Row::Undetermined, Row::NotInForce, Row::InForceUnknown];
    let first = |row| checks.iter().filter_map(|check| check.reason).find(|reason| reason.row() == row);
    match rows.into_iter().find_map(first) {
        None => (Verdict::Valid, None),
        Some(reason) => match reason.row() {
            Row::Invalid => (Verdict::Invalid, Some(reason)),
            Row::Undetermined | Row::InForceUnknown => (Verdict::Undetermined, Some(reason)),
            Row::NotInForce => (Verdict::NotInForce, Some(reason)),
        },
    }
}

pub(crate) use words::{Passed, Reached, holder_binding, next, passed, rests_on};

/// Digest and size of the input.
pub(crate) fn input_facts(input: &[u8]) -> InputFacts {
    InputFacts { sha256: hex::encode(crate::digest::sha256(input)), bytes: input.len() }
}

#[allow(clippy::ref_option, clippy::trivially_copy_pass_by_ref)] // the shape that serde asks for
fn code_or_null<S: Serializer>(reason: &Option<Reason>, serializer: S) -> Result<S::Ok, S::Error> {
    reason.map(Reason::code).serialize(serializer)
}

#[allow(clippy::ref_option)] // the shape that serde asks for
fn text_or_null<S: Serializer>(value: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    value.map(|value| value.to_string()).serialize(serializer)
}

fn as_text<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
