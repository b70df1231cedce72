//! The six steps of a login, as the first portal tells them.

use web::Words;

use super::pages::{Row, row};
use super::trace::{Parameter, Trace};

/// One step.
pub(super) struct Step {
    pub title: String,
    pub note: String,
    pub request: String,
    pub summary: String,
    pub sent: Vec<Row>,
    pub checks: Vec<String>,
    pub received: Vec<Row>,
}

impl Step {
    pub(super) fn has_more(&self) -> bool {
        !self.summary.is_empty()
    }
}

/// A login that was done, in the words of a visitor.
pub(super) struct Way<'a> {
    pub w: &'a Words,
    pub issuer: &'a str,
    /// The portal's own URL.
    pub own: &'a str,
    pub trace: &'a Trace,
}

impl Way<'_> {
    /// All steps, in order.
    pub(super) fn steps(&self) -> Vec<Step> {
        let sign_in = self.step(2, String::new(), String::new());
        vec![self.asked(), sign_in, self.answered(), self.exchanged(), self.verified(), self.told()]
    }

    fn asked(&self) -> Step {
        let sent = self.rows(&self.trace.asked);
        let summary = self.with("step-1-more", &[("count", sent.len())]);
        Step { sent, ..self.step(1, format!("GET {}/authorize", self.issuer), summary) }
    }

    fn answered(&self) -> Step {
        let received = self.rows(&self.trace.answered);
        let summary = self.with("step-3-more", &[("count", received.len())]);
        let checks = vec![self.say("check-state"), self.say("check-iss")];
        Step { checks, received, ..self.step(3, format!("GET {}/callback", self.own), summary) }
    }

    fn exchanged(&self) -> Step {
        let (sent, received) = (self.rows(&self.trace.exchanged), self.rows(&self.trace.tokens));
        let summary = self.with("step-4-more", &[("sent", sent.len()), ("received", received.len())]);
        Step { sent, received, ..self.step(4, format!("POST {}/token", self.issuer), summary) }
    }

    fn verified(&self) -> Step {
        let received = self.rows(&self.trace.id_token);
        let checks = vec![
            self.w.with("check-signature", &[("alg", &self.trace.algorithm)]).into_owned(),
            self.w.with("check-issuer", &[("issuer", self.issuer)]).into_owned(),
            self.say("check-aud"),
            self.say("check-exp"),
            self.say("check-nonce"),
            self.say("check-acr"),
        ];
        let summary = self.with("step-5-more", &[("checks", checks.len()), ("received", received.len())]);
        Step { checks, received, ..self.step(5, format!("GET {}/jwks", self.issuer), summary) }
    }

    fn told(&self) -> Step {
        let received = self.rows(&self.trace.userinfo);
        let summary = self.with("step-6-more", &[("received", received.len())]);
        let checks = vec![self.say("check-sub")];
        Step { checks, received, ..self.step(6, format!("GET {}/userinfo", self.issuer), summary) }
    }

    fn step(&self, n: u8, request: String, summary: String) -> Step {
        Step {
            title: self.say(&format!("step-{n}")),
            note: self.say(&format!("step-{n}-note")),
            request,
            summary,
            sent: Vec::new(),
            checks: Vec::new(),
            received: Vec::new(),
        }
    }

    fn say(&self, key: &str) -> String {
        self.w.get(key).into_owned()
    }

    fn with(&self, key: &str, counts: &[(&str, usize)]) -> String {
        let texts: Vec<(&str, String)> = counts.iter().map(|(name, count)| (*name, count.to_string())).collect();
        let given: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (*name, text.as_str())).collect();
        self.w.with(key, &given).into_owned()
    }

    fn rows(&self, parameters: &[Parameter]) -> Vec<Row> {
        parameters.iter().map(|parameter| row(self.w, parameter)).collect()
    }
}
