//! Back-channel logout: idp tells that a session is over (OpenID Connect Back-Channel Logout 1.0).

use serde::Deserialize;
use serde_json::Value;
use verifier::algorithm::Algorithm;
use verifier::jws::Jws;

use super::{LoginError, RelyingParty};
use crate::issuer_keys::IssuerError;

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
const MOST_BYTES: usize = 8 * 1024;
const SKEW_SECONDS: i64 = 60;

/// Which sessions are over. The caller keeps `jti` until `exp` and takes each once.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct LogoutToken {
    iss: String,
    /// The subject whose sessions are over, where `sid` does not name one.
    pub sub: Option<String>,
    /// The session that is over.
    pub sid: Option<String>,
    /// The token's id.
    pub jti: String,
    /// When it was made, epoch seconds.
    pub iat: i64,
    /// Its end, epoch seconds.
    pub exp: i64,
}

impl RelyingParty {
    /// Checks the `logout_token` of a back-channel request (§2.6). The endpoint answers 200, or 400 where this fails, and
    /// 503 where idp's keys cannot be had.
    pub async fn logout_token(&self, token: &str) -> Result<LogoutToken, LoginError> {
        let bad = |what: &str| LoginError::IdToken(format!("logout token: {what}"));
        let jws = Jws::parse(token, MOST_BYTES).map_err(|_| bad("malformed"))?;
        let typ = jws.typ().unwrap_or("logout+jwt").to_ascii_lowercase();
        if jws.is_critical() || !matches!(typ.as_str(), "logout+jwt" | "application/logout+jwt") {
            return Err(bad("typ"));
        }
        let value = verifier::encoding::json::read(&jws.payload, MOST_BYTES).map_err(|_| bad("malformed"))?;
        let audience = match value.get("aud") {
            Some(Value::Array(all)) => all.iter().any(|one| *one == self.0.settings.client_id.as_str()),
            Some(one) => *one == self.0.settings.client_id.as_str(),
            None => false,
        };
        let event = value.get("events").and_then(|events| events.get(EVENT)).is_some_and(Value::is_object);
        // a nonce would let an ID token pass for one of these
        if !audience || !event || value.get("nonce").is_some() {
            return Err(bad("a claim is not as it should be"));
        }
        let claims: LogoutToken = serde_json::from_value(value).map_err(|_| bad("malformed"))?;
        let now = self.0.sources.now().seconds();
        let in_time = now < claims.exp.saturating_add(SKEW_SECONDS) && claims.iat.saturating_sub(SKEW_SECONDS) <= now;
        if claims.iss != self.0.settings.issuer || !in_time || (claims.sub.is_none() && claims.sid.is_none()) {
            return Err(bad("a claim is not as it should be"));
        }
        let kid = jws.kid().ok_or_else(|| bad("no kid"))?;
        let key = self.0.keys.find(kid).await.map_err(|error| match error {
            IssuerError::Unknown => bad("signature"),
            other => LoginError::Unavailable(other.to_string()),
        })?;
        jws.verify(&key, &Algorithm::ALL).map_err(|_| bad("signature"))?;
        Ok(claims)
    }
}
