//! The browser as the protocol knows it: by two cookies.
//!
//! `xy_idp` is the secret of its sessions, new at every sign-in. `xy_idp_b` only marks the browser, so that the pages of an
//! interaction open nowhere else; it grants nothing. A browser may send several of one name, stale ones among them: all are
//! looked up (RFC 6265 §4.2.2).

use axum::extract::FromRequestParts;
use axum::response::Response;
use http::header;
use http::request::Parts;
use web::Asker;
use web::cookie::SetCookie;

use crate::error::Error;
use crate::ids::random_text;
use crate::session::SignedIn;
use crate::{Idp, digest};

/// What the name of the marking cookie ends in.
const MARK: &str = "_b";
/// How long a mark stays.
const MARK_SECONDS: u32 = 180 * 86_400;

/// The most values of one cookie that are looked at.
const MOST: usize = 4;
/// The length of our cookies' values: base64url of 32 bytes.
const LENGTH: usize = 43;

/// What a request's cookies say of its browser.
#[derive(Clone, Default)]
pub struct Browser {
    sessions: Vec<String>,
    marks: Vec<String>,
    device: String,
}

impl std::fmt::Debug for Browser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Browser({} sessions, {} marks)", self.sessions.len(), self.marks.len())
    }
}

impl Browser {
    /// A browser that sent these values of `xy_idp` and `xy_idp_b`, and this `User-Agent`.
    pub fn new<'a>(
        sessions: impl Iterator<Item = &'a str>,
        marks: impl Iterator<Item = &'a str>,
        user_agent: &str,
    ) -> Self {
        let take = |kind: &'static str, values: &mut dyn Iterator<Item = &'a str>| -> Vec<String> {
            values.filter(|v| v.len() == LENGTH).take(MOST).map(|v| digest::of(kind, v)).collect()
        };
        Self {
            sessions: take("session", &mut { sessions }),
            marks: take("browser", &mut { marks }),
            device: device(user_agent),
        }
    }

    /// The digests of its session secrets, at most four.
    pub(crate) fn session_digests(&self) -> &[String] {
        &self.sessions
    }

    /// The digests of its marks, at most four.
    pub(crate) fn mark_digests(&self) -> &[String] {
        &self.marks
    }

    /// The browser in a few words, for the person's own list of sessions.
    pub fn device(&self) -> &str {
        &self.device
    }
}

impl<S: Sync> FromRequestParts<S> for Browser {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let asker = Asker::from_request_parts(parts, state).await?;
        let agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Ok(Self::new(asker.cookie_values(""), asker.cookie_values(MARK), agent))
    }
}

/// A new mark for a browser that has none: its digest and its cookie.
pub(crate) fn new_mark(idp: &Idp) -> Result<(String, SetCookie), Error> {
    let mark = random_text::<32>(idp.sources())?;
    Ok((digest::of("browser", &mark), SetCookie::new(idp.site(), MARK, &mark, MARK_SECONDS)))
}

/// The cookie of a browser whose sessions have a new secret.
pub(crate) fn session_cookie(idp: &Idp, signed_in: &SignedIn) -> SetCookie {
    let life = u32::try_from(signed_in.life_seconds).unwrap_or(0);
    SetCookie::new(idp.site(), "", &signed_in.secret, life)
}

/// Takes the sessions' secret from a browser.
pub(crate) fn clear_session_cookie(idp: &Idp) -> SetCookie {
    SetCookie::clear(idp.site(), "")
}

/// Names a browser and system by their best-known marks, in this order because each pretends to be the later ones.
fn device(user_agent: &str) -> String {
    let find = |marks: &[(&str, &str)]| {
        marks.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| (*name).to_owned())
    };
    let browser = find(&[
        ("MicroMessenger", "WeChat"),
        ("AlipayClient", "Alipay"),
        ("Edg", "Edge"),
        ("QQBrowser", "QQ"),
        ("HuaweiBrowser", "Huawei"),
        ("Firefox", "Firefox"),
        ("Chrom", "Chrome"),
        ("Safari", "Safari"),
    ]);
    let system = find(&[
        ("HarmonyOS", "HarmonyOS"),
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ]);
    [browser, system].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_cannot_be_ours_are_passed_over() {
        let (good, other) = ("a".repeat(43), "b".repeat(43));
        let browser = Browser::new(["x", &good, "", &other].into_iter(), std::iter::empty(), "");
        assert_eq!(browser.session_digests(), [digest::of("session", &good), digest::of("session", &other)]);
        let many: Vec<String> = (0..20).map(|n| format!("{n:043}")).collect();
        assert_eq!(Browser::new(many.iter().map(String::as_str), std::iter::empty(), "").session_digests().len(), 4);
        assert_eq!(device("Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0 Safari/537.36"), "Chrome · Linux");
    }
}
