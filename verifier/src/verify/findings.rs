//! What was found so far: one line for each check, of several reasons the one that counts.

use crate::report::{CHECKS, Check, CheckCode, CheckResult, Reached, Reason, Rendition, Row, Sentence};
use crate::time::Timestamp;

#[derive(Clone, Copy, Debug, Default)]
struct Line {
    passed: bool,
    reason: Option<Reason>,
    as_of: Option<Timestamp>,
}

/// The lines of a report while it is made. A line that nobody touched rests on another check.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Findings([Line; CHECKS.len()]);

impl Findings {
    fn line(&mut self, code: CheckCode) -> &mut Line {
        &mut self.0[code as usize]
    }

    /// The check holds, unless a reason says otherwise.
    pub(super) fn pass(&mut self, code: CheckCode) {
        self.line(code).passed = true;
    }

    /// A reason; the lowest row's counts, within a row the one that formats §7 lists first.
    pub(super) fn find(&mut self, code: CheckCode, reason: Reason) {
        let line = self.line(code);
        let place = |reason: Reason| (reason.row(), reason);
        if line.reason.is_none_or(|old| place(reason) < place(old)) {
            line.reason = Some(reason);
        }
    }

    /// A reason, or that the check holds.
    pub(super) fn settle(&mut self, code: CheckCode, outcome: Result<(), Reason>) {
        match outcome {
            Ok(()) => self.pass(code),
            Err(reason) => self.find(code, reason),
        }
    }

    /// The time of what the check rests on.
    pub(super) fn rests_on(&mut self, code: CheckCode, as_of: Option<Timestamp>) {
        self.line(code).as_of = as_of;
    }

    /// Whether the check was made and holds.
    pub(super) fn holds(&self, code: CheckCode) -> bool {
        let line = self.0[code as usize];
        line.passed && line.reason.is_none()
    }

    fn reached(&self) -> Reached {
        let touched = |code: CheckCode| self.0[code as usize].passed || self.0[code as usize].reason.is_some();
        if !self.holds(CheckCode::Signature) {
            Reached::Nothing
        } else if !touched(CheckCode::Validity) {
            Reached::Signature
        } else if touched(CheckCode::Algorithm) {
            Reached::Bundle
        } else {
            Reached::Content
        }
    }

    /// The lines of the report. `passed` words the checks that hold.
    pub(super) fn checks(
        &self,
        at: Timestamp,
        rendition: Option<Rendition>,
        passed: impl Fn(CheckCode) -> Sentence,
    ) -> Vec<Check> {
        let reached = self.reached();
        let check = |code: CheckCode| {
            let line = self.0[code as usize];
            let (result, text) = match (line.reason, line.passed) {
                (Some(reason), _) => (result(reason), reason.sentence()),
                (None, true) => (CheckResult::Passed, passed(code)),
                (None, false) => (CheckResult::NotDone, crate::report::rests_on(code, rendition, reached)),
            };
            let age_seconds = line.as_of.map(|as_of| at.since(as_of));
            Check { code, result, reason: line.reason, text, as_of: line.as_of, age_seconds }
        };
        CHECKS.into_iter().map(check).collect()
    }
}

fn result(reason: Reason) -> CheckResult {
    match reason.row() {
        Row::Invalid | Row::NotInForce => CheckResult::Failed,
        Row::Undetermined | Row::InForceUnknown => CheckResult::NotDone,
    }
}
