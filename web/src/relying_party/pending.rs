//! What is kept between sending a browser to idp and its return.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keys::sources::Sources;
use ring::aead;
use serde::{Deserialize, Serialize};
use verifier::time::Timestamp;
use zeroize::Zeroizing;

use super::{LoginError, LoginRequest};
use crate::asker::Asker;
use crate::claims::{Identity, level_of};
use crate::cookie::SetCookie;
use crate::shell::is_local_path;

/// How long a person may take to sign in.
const LIFETIME_SECONDS: i64 = 3_600;
/// How many logins one browser may have under way; the oldest is dropped for another.
const MOST: usize = 6;
const MOST_COOKIE_BYTES: usize = 2_400;

/// A login under way. To be kept by the caller until the browser is back: in the store, or in a [`LoginCookie`].
#[derive(Clone, Serialize, Deserialize)]
pub struct PendingLogin {
    /// Finds it again.
    pub state: String,
    /// Ties the ID token to it.
    pub nonce: String,
    /// Ties the code to it (RFC 7636).
    pub code_verifier: Zeroizing<String>,
    /// When it began.
    pub began: Timestamp,
    /// Where it leads, a local path.
    pub return_to: String,
    /// The lowest of the levels asked for; 0 if none was.
    #[serde(default)]
    pub level: u8,
    /// How old the authentication may be.
    #[serde(default)]
    pub max_age_seconds: Option<u32>,
}

impl PendingLogin {
    pub(super) fn new(sources: &Sources, request: &LoginRequest) -> Result<Self, LoginError> {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let return_to = if is_local_path(&request.return_to) { request.return_to.clone() } else { "/".into() };
        let levels = request.acr_values.iter().map(|acr| level_of(Some(acr)));
        Ok(Self {
            state: text(&sources.bytes::<16>()?),
            nonce: text(&sources.bytes::<16>()?),
            code_verifier: Zeroizing::new(text(&sources.bytes::<32>()?)),
            began: sources.now(),
            return_to,
            level: levels.min().unwrap_or(0),
            max_age_seconds: request.max_age_seconds,
        })
    }

    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        !(0..LIFETIME_SECONDS).contains(&now.since(self.began))
    }

    /// Whether what came back is as strong and as fresh as was asked for (OpenID Connect Core §3.1.3.7, items 12 and 13).
    pub(super) fn suits(&self, identity: &Identity, now: Timestamp) -> Result<(), LoginError> {
        if identity.level() < self.level {
            return Err(LoginError::IdToken("its level is too low".into()));
        }
        let Some(most) = self.max_age_seconds else { return Ok(()) };
        // a login that had to be fresh may have begun before the person signed in, and clocks differ a little
        let oldest = self.began.seconds().saturating_sub(i64::from(most)).saturating_sub(30);
        match identity.auth_time {
            Some(at) if at >= oldest && at <= now.seconds().saturating_add(30) => Ok(()),
            _ => Err(LoginError::IdToken("the authentication is too old".into())),
        }
    }
}

impl std::fmt::Debug for PendingLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PendingLogin").field("began", &self.began).finish_non_exhaustive()
    }
}

/// Keeps a browser's logins under way in one sealed cookie, `xy_{service}_login`: a bounded number, a bounded size, the oldest
/// dropped first, so that tabs that never finish cost nothing.
#[derive(Clone)]
pub struct LoginCookie {
    key: std::sync::Arc<aead::LessSafeKey>,
    sources: Sources,
}

impl LoginCookie {
    const SUFFIX: &'static str = "_login";

    /// Seals under `secret`, which all processes of the service share.
    pub fn new(secret: &[u8; 32], sources: Sources) -> Self {
        let key = aead::UnboundKey::new(&aead::CHACHA20_POLY1305, secret).expect("32 bytes are such a key");
        Self { key: std::sync::Arc::new(aead::LessSafeKey::new(key)), sources }
    }

    /// Adds a login to those that the browser has under way.
    pub fn keep(&self, asker: &Asker, pending: &PendingLogin) -> Result<SetCookie, LoginError> {
        let mut all = self.all(asker);
        all.retain(|other| other.state != pending.state);
        all.push(pending.clone());
        let extra = all.len().saturating_sub(MOST);
        all.drain(..extra);
        self.cookie(asker, all)
    }

    /// Takes out the login that `state` names, with the cookie that forgets it.
    pub fn take(&self, asker: &Asker, state: &str) -> Result<(PendingLogin, SetCookie), LoginError> {
        let mut all = self.all(asker);
        let at = all.iter().position(|pending| pending.state == state).ok_or(LoginError::State)?;
        let pending = all.remove(at);
        Ok((pending, self.cookie(asker, all)?))
    }

    /// Of all cookies of the name, whatever opens.
    fn all(&self, asker: &Asker) -> Vec<PendingLogin> {
        let now = self.sources.now();
        let mut all: Vec<PendingLogin> =
            asker.cookie_values(Self::SUFFIX).take(4).filter_map(|value| self.open(value)).flatten().collect();
        all.retain(|pending| !pending.is_over(now));
        all.sort_by_key(|pending| pending.began);
        all.dedup_by(|a, b| a.state == b.state);
        all
    }

    fn cookie(&self, asker: &Asker, mut all: Vec<PendingLogin>) -> Result<SetCookie, LoginError> {
        loop {
            if all.is_empty() {
                return Ok(SetCookie::clear(asker.site(), Self::SUFFIX));
            }
            let value = self.seal(&all)?;
            if value.len() <= MOST_COOKIE_BYTES || all.len() == 1 {
                return Ok(SetCookie::new(asker.site(), Self::SUFFIX, &value, 3_600));
            }
            all.remove(0);
        }
    }

    fn seal(&self, all: &[PendingLogin]) -> Result<String, LoginError> {
        let nonce = self.sources.bytes::<12>()?;
        let mut sealed = serde_json::to_vec(all).map_err(|error| LoginError::Client(error.to_string()))?;
        let aad = aead::Aad::from(b"xinyin/login/1");
        let done = self.key.seal_in_place_append_tag(aead::Nonce::assume_unique_for_key(nonce), aad, &mut sealed);
        done.map_err(|_| LoginError::Client("the cookie was not sealed".into()))?;
        Ok(URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat()))
    }

    fn open(&self, value: &str) -> Option<Vec<PendingLogin>> {
        let bytes = URL_SAFE_NO_PAD.decode(value).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(12)?;
        let nonce = aead::Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let plain = self.key.open_in_place(nonce, aead::Aad::from(b"xinyin/login/1"), &mut sealed).ok()?;
        serde_json::from_slice(plain).ok()
    }
}

impl std::fmt::Debug for LoginCookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LoginCookie")
    }
}
