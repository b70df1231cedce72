//! The flows: verify what was brought, resolve what was shown, look up what is wanted. Each that is done for somebody writes
//! one audit row, and for a clerk one line of today's records, in one transaction.

use serde_json::Value;
use store::audit;
use verifier::evidence::EvidenceKind;
use verifier::report::Report;
use verifier::time::Timestamp;
use web::page_session::{RenewalError, SignedIn};
use web::relying_party::{Grant, LoginError};
use web::{Asker, Problem};

use crate::desk::{Desk, storage_problem};
use crate::session::Session;
use crate::signer::SignerError;
use crate::storage::cases::Case;
use crate::storage::reports::{self, NewReport};

/// A token that has less than this left is renewed before it is exchanged.
const RENEW_SECONDS: i64 = 30;

/// Who asks.
pub(crate) enum Who<'a> {
    /// Anyone.
    Anyone,
    /// A clerk at the desk.
    Clerk(&'a Session),
    /// A department's client, by its id and the department's code.
    Client {
        /// Its `client_id`.
        client_id: &'a str,
        /// The department.
        department: Option<&'a str>,
    },
}

impl Desk {
    /// Verifies a document or an offline code as of `at`.
    pub(crate) async fn verify(&self, input: &[u8], at: Timestamp) -> Report {
        let report = self.judge(input, at).await;
        if self.trust().refresh_for(&report).await { self.judge(input, at).await } else { report }
    }

    async fn judge(&self, input: &[u8], at: Timestamp) -> Report {
        let current = self.trust().current();
        let mut opened = verifier::verify::open(input, current.as_ref().map(|current| current.trust.as_ref()), at);
        if let Some(current) = &current {
            opened = opened.with_trust_as_of(current.as_of);
        }
        let needs: Vec<(EvidenceKind, String)> = opened.needs().into_iter().map(|need| (need.kind, need.uri)).collect();
        let evidence = self.evidence().gather(&needs).await;
        opened.conclude(&evidence)
    }

    /// Writes down that somebody verified or looked something up; the report's number is the request's.
    pub(crate) async fn record(
        &self,
        asker: &Asker,
        who: &Who<'_>,
        action: &str,
        report: Option<&Value>,
        case: Option<&Case>,
    ) -> Result<(), Problem> {
        let now = self.sources().now();
        let text = |pointer: &str| {
            report.and_then(|report| report.pointer(pointer)).and_then(Value::as_str).unwrap_or_default()
        };
        let verdict = if report.is_some() { text("/verdict") } else { "none" };
        let (actor, department) = match who {
            Who::Anyone => ("anonymous".to_owned(), None),
            Who::Clerk(session) => (format!("clerk:{}", session.clerk), Some(session.department.as_str())),
            Who::Client { client_id, department } => (format!("client:{client_id}"), *department),
        };
        let mut row = audit::Row::new(actor, action, verdict, now).incident(asker.incident().as_str());
        row.department = department.map(str::to_owned);
        if let Some(case) = case {
            row = row.matter(&case.matter).case(&case.number);
        }
        let identifier = text("/licence/identifier");
        if !identifier.is_empty() {
            row = row.object(format!("licence:{}", short(identifier)));
        }
        let mut tx = self.db().begin().await.map_err(storage_problem)?;
        audit::append(&mut tx, &row).await.map_err(storage_problem)?;
        if let Who::Clerk(session) = who {
            let line = NewReport {
                id: asker.incident().as_str(),
                clerk: &session.clerk,
                department: &session.department,
                at: now,
                titles: (text("/licence/type/title/zh-CN"), text("/licence/type/title/en")),
                verdict,
                cause: Some(text("/cause")).filter(|cause| !cause.is_empty()),
                matter: case.map(|case| case.matter.as_str()),
                case: case.map(|case| case.number.as_str()),
            };
            reports::insert(&mut tx, &line).await.map_err(storage_problem)?;
        }
        tx.commit().await.map_err(storage_problem)
    }

    /// A token for licence-signer on the clerk's behalf, with exactly this scope.
    pub(crate) async fn clerk_token(
        &self,
        asker: &Asker,
        session: &Session,
        scope: &str,
    ) -> Result<String, SignerError> {
        let subject_token = self.fresh_token(asker, session).await.map_err(refused)?;
        let grant = Grant::Exchange { subject_token: &subject_token };
        let answer = self.relying_party().token(grant, &self.settings().signer_url, scope).await.map_err(refused)?;
        Ok(answer.access_token.to_string())
    }

    /// The clerk's own token, renewed if it is about to end.
    async fn fresh_token(&self, asker: &Asker, session: &Session) -> Result<String, LoginError> {
        let lasts = |who: &SignedIn, now: Timestamp| who.access_until - RENEW_SECONDS > now.seconds();
        if lasts(&session.secrets, self.sources().now()) {
            return Ok(session.secrets.access_token.clone());
        }
        let good = |who: &SignedIn, _, now| lasts(who, now);
        match self.sessions().renewed(&session.key, asker.incident().as_str(), good).await {
            Ok(who) => Ok(who.access_token),
            Err(RenewalError::Over) => Err(LoginError::Refused { code: "invalid_grant".into(), description: None }),
            Err(RenewalError::Idp(error)) => Err(error),
            Err(RenewalError::Own(problem)) => Err(LoginError::Unavailable(problem.code().to_owned())),
        }
    }
}

fn refused(error: LoginError) -> SignerError {
    match error {
        LoginError::Refused { code, .. } => {
            SignerError::Refused { status: http::StatusCode::FORBIDDEN, code: format!("idp.{code}"), retry_after: None }
        }
        other => SignerError::Unavailable(other.to_string()),
    }
}

/// The serial of a licence identifier, which names the licence and nobody.
fn short(identifier: &str) -> &str {
    identifier.rsplit('.').nth(2).unwrap_or(identifier)
}
