//! Access tokens of our idp as a resource server takes them: RFC 9068 tokens for one audience, behind
//! `Authorization: Bearer` (RFC 6750), with step-up challenges (RFC 9470).

use std::fmt::Write;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use keys::sources::Sources;
use serde::Deserialize;
use verifier::algorithm::Algorithm;
use verifier::jws::Jws;
use verifier::time::Timestamp;

use crate::claims::{Actor, Mandate, Organisation, SubType, level_of};
use crate::issuer_keys::{IssuerError, IssuerKeys};
use crate::outbound::Outbound;
use crate::problem::Problem;

/// How far the issuer's clock may be ahead of ours. Behind it may not be: a token that has ended is not taken a second longer, so that
/// its life stays the bound of its revocation.
const SKEW_SECONDS: i64 = 30;
/// The longest life of a token of ours (formats §1).
const MOST_LIFE_SECONDS: i64 = 300;
const MOST_BYTES: usize = 8 * 1024;
const ALGORITHMS: [Algorithm; 2] = [Algorithm::Es256, Algorithm::EdDsa];

/// A token that was checked. Built by [`Verifier::check`] alone.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct AccessToken {
    /// The issuer.
    pub iss: String,
    /// The subject in this audience's sector; of a client's own token its `client_id`.
    pub sub: String,
    /// What the subject is.
    #[serde(default)]
    pub sub_type: SubType,
    /// The client that was given the token.
    pub client_id: String,
    /// The scopes, separated by blanks.
    #[serde(default)]
    pub scope: String,
    /// The token's id.
    pub jti: String,
    /// When it was made, epoch seconds.
    pub iat: i64,
    /// Its end, epoch seconds.
    pub exp: i64,
    /// The person's level: `urn:xinyin:acr:1` to `:3`.
    #[serde(default)]
    pub acr: Option<String>,
    /// When the person signed in, epoch seconds.
    #[serde(default)]
    pub auth_time: Option<i64>,
    /// The person's session.
    #[serde(default)]
    pub sid: Option<String>,
    /// Under what the person acts.
    #[serde(default)]
    pub mandate: Option<Mandate>,
    /// The department whose client or mandate it is.
    #[serde(default)]
    pub organisation: Option<Organisation>,
    /// Who acts; the outermost counts.
    #[serde(default)]
    pub act: Option<Actor>,
}

impl AccessToken {
    /// Whether it holds a scope.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scope.split(' ').any(|held| held == scope)
    }

    /// The level of `acr`, 0 for a client's own.
    pub fn level(&self) -> u8 {
        level_of(self.acr.as_deref())
    }

    /// Who the same caller is, for idempotency and repeated resolutions: the mandate, or the client. A client's token that
    /// came by exchange is still that client's: `client_id` names who brought it, `sub` whose it is.
    pub fn caller(&self) -> &str {
        match (&self.mandate, self.sub_type) {
            (Some(mandate), _) => &mandate.id,
            (None, SubType::Client) => &self.sub,
            (None, _) => &self.client_id,
        }
    }
}

/// Why a token is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// No compact JWS with the header and claims of RFC 9068 §2.
    #[error("the token is malformed")]
    Malformed,
    /// `typ` is not `at+jwt`, or a header is critical.
    #[error("the token is no access token")]
    Type,
    /// The issuer is another.
    #[error("the token is of another issuer")]
    Issuer,
    /// The audience is not exactly this service.
    #[error("the token was made for another service")]
    Audience,
    /// Its time is over, not yet come, or longer than such a token's may be.
    #[error("the token's time is over or not yet come")]
    Time,
    /// Key, algorithm or signature.
    #[error("the token's signature does not verify")]
    Signature,
    /// The keys of the issuer cannot be had.
    #[error("{0}")]
    Unavailable(IssuerError),
}

/// What a route asks of a token.
#[derive(Clone, Copy, Debug, Default)]
pub struct Needs<'a> {
    /// A scope that it must hold.
    pub scope: Option<&'a str>,
    /// The least level of the person; 0 asks none.
    pub level: u8,
    /// How long ago the person may have signed in, in seconds.
    pub max_age_seconds: Option<i64>,
}

/// Checks tokens for one audience. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Verifier {
    keys: IssuerKeys,
    audience: std::sync::Arc<str>,
    sources: Sources,
}

impl Verifier {
    /// Takes tokens of `issuer` for `audience` (the service's external URL as registered) and no others.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>, outbound: Outbound, sources: Sources) -> Self {
        let keys = IssuerKeys::new(issuer, outbound, sources.clone());
        Self { keys, audience: audience.into().into(), sources }
    }

    /// Checks a token: RFC 9068 §4.
    pub async fn check(&self, token: &str) -> Result<AccessToken, TokenError> {
        let jws = Jws::parse(token, MOST_BYTES).map_err(|_| TokenError::Malformed)?;
        let typ = jws.typ().unwrap_or_default().to_ascii_lowercase();
        if jws.is_critical() || !matches!(typ.as_str(), "at+jwt" | "application/at+jwt") {
            return Err(TokenError::Type);
        }
        // what can be seen without a key comes first, so that a foreign token costs no fetch
        let claims = self.claims(&jws, self.sources.now())?;
        let kid = jws.kid().ok_or(TokenError::Signature)?;
        let key = self.keys.find(kid).await.map_err(|error| match error {
            IssuerError::Unknown => TokenError::Signature,
            other => TokenError::Unavailable(other),
        })?;
        jws.verify(&key, &ALGORITHMS).map_err(|_| TokenError::Signature)?;
        Ok(claims)
    }

    fn claims(&self, jws: &Jws, now: Timestamp) -> Result<AccessToken, TokenError> {
        let value = verifier::encoding::json::read(&jws.payload, MOST_BYTES).map_err(|_| TokenError::Malformed)?;
        let audience = match value.get("aud") {
            Some(serde_json::Value::String(one)) => Some(one.as_str()),
            Some(serde_json::Value::Array(all)) if all.len() == 1 => all[0].as_str(),
            _ => None,
        };
        if audience != Some(&*self.audience) {
            return Err(TokenError::Audience);
        }
        let not_before = value.get("nbf").map(|nbf| nbf.as_i64().ok_or(TokenError::Malformed)).transpose()?;
        let claims: AccessToken = serde_json::from_value(value).map_err(|_| TokenError::Malformed)?;
        if claims.iss != self.keys.issuer() {
            return Err(TokenError::Issuer);
        }
        let now = now.seconds();
        let life = claims.exp.saturating_sub(claims.iat);
        let has_begun = |at: i64| at.saturating_sub(SKEW_SECONDS) <= now;
        let in_time = now < claims.exp && has_begun(claims.iat) && not_before.is_none_or(has_begun);
        if in_time && (1..=MOST_LIFE_SECONDS).contains(&life) { Ok(claims) } else { Err(TokenError::Time) }
    }

    /// The checked token behind a request's `Authorization: Bearer`, or the answer that says what is missing: 401 without an
    /// error code where no token came (RFC 6750 §3.1), `invalid_token`, 403 `insufficient_scope`, or 401
    /// `insufficient_user_authentication` with what would do (RFC 9470 §3).
    pub async fn bearer(&self, headers: &HeaderMap, needs: Needs<'_>) -> Result<AccessToken, Problem> {
        let Some(token) = bearer_token(headers)? else {
            let problem = Problem::new(StatusCode::UNAUTHORIZED, "access.sign_in_required");
            return Err(challenge(problem, &format!("Bearer realm=\"{}\"", self.audience)));
        };
        let checked = self.check(token).await;
        let token = checked.map_err(|error| match error {
            TokenError::Unavailable(error) => Problem::unavailable(5).cause(error),
            error => {
                let problem = Problem::new(StatusCode::UNAUTHORIZED, "access.token_invalid");
                let text = format!("Bearer error=\"invalid_token\", error_description=\"{error}\"");
                challenge(problem, &text)
            }
        })?;
        self.holds(&token, needs)?;
        Ok(token)
    }

    /// Whether a checked token holds what a route needs, else the answer that says what is missing: for a route that asks by
    /// what the token is.
    ///
    /// # Errors
    ///
    /// 403 `insufficient_scope` (RFC 6750 §3.1), 401 `insufficient_user_authentication` (RFC 9470 §3).
    pub fn holds(&self, token: &AccessToken, needs: Needs<'_>) -> Result<(), Problem> {
        if let Some(scope) = needs.scope.filter(|scope| !token.has_scope(scope)) {
            let problem = Problem::forbidden("access.scope_insufficient").with("scope", scope);
            return Err(challenge(problem, &format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"")));
        }
        let now = self.sources.now().seconds();
        let too_long_ago = |most: i64| token.auth_time.is_none_or(|at| now.saturating_sub(at) > most);
        let too_old = needs.max_age_seconds.filter(|most| too_long_ago(*most));
        if token.level() < needs.level || too_old.is_some() {
            let problem = Problem::new(StatusCode::UNAUTHORIZED, "access.level_insufficient");
            let mut text = String::from("Bearer error=\"insufficient_user_authentication\"");
            if needs.level > 0 {
                let _ = write!(text, ", acr_values=\"urn:xinyin:acr:{}\"", needs.level); // writing to a String does not fail
            }
            if let Some(most) = too_old {
                let _ = write!(text, ", max_age=\"{most}\"");
            }
            return Err(challenge(problem, &text));
        }
        Ok(())
    }
}

fn challenge(problem: Problem, text: &str) -> Problem {
    match HeaderValue::from_str(text) {
        Ok(value) => problem.header(header::WWW_AUTHENTICATE, value),
        Err(_) => problem,
    }
}

/// The token of the one `Authorization: Bearer` header, if there is one.
///
/// # Errors
///
/// 400 where there are two such headers.
pub fn bearer_token(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = all.next() else { return Ok(None) };
    if all.next().is_some() {
        let problem = Problem::bad_request("http.bad_request").cause("two Authorization headers");
        return Err(challenge(problem, "Bearer error=\"invalid_request\""));
    }
    let text = value.to_str().unwrap_or_default();
    let bearer = text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    Ok(bearer.map(|(_, token)| token.trim()))
}
