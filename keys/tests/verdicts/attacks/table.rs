//! Rows beside their original.

use std::sync::Arc;

use verifier::evidence::Evidence;
use verifier::report::{CheckCode, CheckResult, Language, Report, Verdict};
use verifier::time::Timestamp;
use verifier::trust::Trust;
use verifier::verify::open;

/// A document as it is shown to a verifier, with all that the verifier has beside it.
#[derive(Clone)]
pub(super) struct Shown {
    pub(super) document: Vec<u8>,
    pub(super) trust: Arc<Trust>,
    pub(super) evidence: Evidence,
    pub(super) at: Timestamp,
}

impl Shown {
    pub(super) fn report(&self) -> Report {
        open(&self.document, Some(&self.trust), self.at).conclude(&self.evidence)
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.document).unwrap()
    }

    /// The same with another document.
    pub(super) fn document(&self, document: impl Into<Vec<u8>>) -> Self {
        Self { document: document.into(), ..self.clone() }
    }

    /// The same under another bundle.
    pub(super) fn under(&self, trust: &Arc<Trust>) -> Self {
        Self { trust: trust.clone(), ..self.clone() }
    }

    /// The same with other evidence.
    pub(super) fn with(&self, evidence: Evidence) -> Self {
        Self { evidence, ..self.clone() }
    }

    /// The same asked at another time.
    pub(super) fn asked(&self, at: Timestamp) -> Self {
        Self { at, ..self.clone() }
    }
}

/// Attacks on one original.
pub(super) struct Table {
    name: &'static str,
    original: Shown,
    rows: usize,
    wrong: Vec<String>,
}

impl Table {
    pub(super) fn new(name: &'static str, original: &Shown) -> Self {
        let mut table = Self { name, original: original.clone(), rows: 0, wrong: Vec::new() };
        table.passes("the original", original);
        table.rows = 0;
        table
    }

    pub(super) fn original(&self) -> &Shown {
        &self.original
    }

    /// One attack. `reason` is the cause that the report names.
    pub(super) fn row(&mut self, attack: &str, shown: &Shown, verdict: Verdict, reason: &str) {
        assert_ne!(verdict, Verdict::Valid);
        let report = self.judge(attack, shown, verdict, Some(reason));
        if verdict == Verdict::Invalid && report.licence.is_some() {
            self.wrong.push(format!("{attack}: the facts of a forgery are shown"));
        }
    }

    /// What looks like an attack and changes nothing, or would make a good licence look bad.
    pub(super) fn passes(&mut self, what: &str, shown: &Shown) {
        self.judge(what, shown, Verdict::Valid, None);
    }

    fn judge(&mut self, what: &str, shown: &Shown, verdict: Verdict, reason: Option<&str>) -> Report {
        self.rows += 1;
        let report = shown.report();
        let found = (report.verdict, report.cause.map(verifier::report::Reason::code));
        if found != (verdict, reason) {
            self.wrong.push(format!("{what}: found {found:?}, expected {:?}", (verdict, reason)));
        }
        if (report.exit_code() == 0) != (report.verdict == Verdict::Valid) {
            self.wrong.push(format!("{what}: exit {}", report.exit_code()));
        }
        let signed = report.checks.iter().find(|check| check.code == CheckCode::Signature).unwrap();
        if signed.result != CheckResult::Passed && (report.licence.is_some() || report.signer.is_some()) {
            self.wrong.push(format!("{what}: facts without a signature"));
        }
        assert!(!report.report_text(Language::Chinese).is_empty() && !report.to_json().is_empty());
        report
    }

    /// Says how many rows ran, and fails if one has another verdict or some are gone.
    pub(super) fn end(self, rows: usize) {
        assert!(self.wrong.is_empty(), "{}:\n{}", self.name, self.wrong.join("\n"));
        println!("attacks, {}: {} rows", self.name, self.rows);
        assert_eq!(self.rows, rows, "{}", self.name);
    }
}
