//! licence-signer as the desk asks it: matters, presentation codes, look-ups. Calls that read somebody's data go as the
//! clerk, by token exchange (RFC 8693), or as the department's client that called us.

use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;
use keys::sources::Sources;
use serde::Deserialize;
use serde_json::{Value, json};
use verifier::time::Timestamp;
use web::outbound::{Answer, Outbound, OutboundError};

use crate::storage::cases::Case;

/// How long the register of matters is used again.
const MATTERS_SECONDS: i64 = 60;

/// licence-signer at its address. Cheap to clone.
#[derive(Clone)]
pub(crate) struct SignerClient {
    url: Arc<str>,
    outbound: Outbound,
    sources: Sources,
    matters: Arc<Mutex<Option<Register>>>,
}

/// The register of matters and when it was read.
type Register = (Timestamp, Arc<Vec<Matter>>);

/// A matter of the register.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Matter {
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: Titles,
    /// The licence types that it needs.
    #[serde(default)]
    pub types: Vec<MatterType>,
}

/// A licence type that a matter needs.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct MatterType {
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: Titles,
}

/// A title in both languages.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Titles {
    /// Chinese.
    #[serde(rename = "zh-CN")]
    pub zh: String,
    /// English.
    pub en: String,
}

impl Titles {
    /// The title in a language.
    pub(crate) fn get(&self, lang: web::Lang) -> &str {
        if lang == web::Lang::En { &self.en } else { &self.zh }
    }
}

/// Why licence-signer gave nothing.
#[derive(Debug)]
pub(crate) enum SignerError {
    /// It does not answer, or not as it should.
    Unavailable(String),
    /// It refused, with its stable code.
    Refused {
        /// The status.
        status: StatusCode,
        /// The code.
        code: String,
        /// In how many seconds it may be asked again, if it says so.
        retry_after: Option<u32>,
    },
}

impl From<OutboundError> for SignerError {
    fn from(error: OutboundError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl SignerClient {
    pub(crate) fn new(url: &str, outbound: Outbound, sources: Sources) -> Self {
        Self { url: url.into(), outbound, sources, matters: Arc::default() }
    }

    /// The register of matters.
    pub(crate) async fn matters(&self) -> Result<Arc<Vec<Matter>>, SignerError> {
        let now = self.sources.now();
        let kept = self.matters.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, matters)) = kept.filter(|(at, _)| now.since(*at) < MATTERS_SECONDS) {
            return Ok(matters);
        }
        let answer = self.outbound.get(&format!("{}/v1/matters", self.url), "application/json").await?;
        let body = body(&answer)?;
        let list = body.get("matters").cloned().unwrap_or_default();
        let matters: Vec<Matter> = serde_json::from_value(list)
            .map_err(|_| SignerError::Unavailable("the register of matters does not read".into()))?;
        let matters = Arc::new(matters);
        *self.matters.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, matters.clone()));
        Ok(matters)
    }

    /// Resolves a presentation code.
    pub(crate) async fn resolve(&self, token: &str, code: &str, case: &Case) -> Result<Value, SignerError> {
        let asked = json!({ "code": code, "matter": case.matter, "case": case.number, "purpose": case.purpose });
        self.post("/v1/presentations/resolutions", &asked, token).await
    }

    /// Looks a holder's licences of a type up.
    pub(crate) async fn look_up(
        &self,
        token: &str,
        holder: (&str, &str),
        r#type: &str,
        case: &Case,
    ) -> Result<Value, SignerError> {
        let asked = json!({
            "holder": { "code_type": holder.0, "code": holder.1 },
            "type": r#type,
            "matter": case.matter,
            "case": case.number,
            "purpose": case.purpose,
        });
        self.post("/v1/lookups", &asked, token).await
    }

    async fn post(&self, path: &str, asked: &Value, token: &str) -> Result<Value, SignerError> {
        let answer = self.outbound.post_json(&format!("{}{path}", self.url), asked, Some(token)).await?;
        body(&answer)
    }
}

fn body(answer: &Answer) -> Result<Value, SignerError> {
    let body = answer.json();
    if answer.status.is_success() {
        return body.ok_or_else(|| SignerError::Unavailable("an answer does not read".into()));
    }
    let code = body.as_ref().and_then(|body| body.get("code")).and_then(Value::as_str).unwrap_or("signer.refused");
    if answer.status.is_server_error() {
        return Err(SignerError::Unavailable(format!("it answers {}", answer.status)));
    }
    let retry_after = answer.headers.get(http::header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    Err(SignerError::Refused { status: answer.status, code: code.chars().take(64).collect(), retry_after })
}
