//! The cookies by which the protocol knows a browser.
//!
//! `xy_idp` is the secret of its sessions, new at every sign-in. `xy_idp_b` only marks the browser, so that the pages of an
//! interaction open nowhere else; it grants nothing. `xy_idp_i` holds the interaction that it began last, sealed, until that goes
//! on: so its sign-in page need not read what was written a moment ago. A browser may send several of one name, stale ones among them: all are
//! looked up (RFC 6265 §4.2.2).

use axum::extract::FromRequestParts;
use axum::response::Response;
use http::header;
use http::request::Parts;
use web::Asker;
use web::cookie::SetCookie;

use crate::browser::BEGUN_LENGTH;
pub use crate::browser::Browser;
use crate::error::Error;
use crate::ids::random_text;
use crate::interaction::state::{Interaction, LIFE_SECONDS};
use crate::session::live::SignedIn;
use crate::{Idp, digest};

/// What the name of the marking cookie ends in.
const MARK: &str = "_b";
/// What the name of the cookie of a begun interaction ends in.
const BEGUN: &str = "_i";
/// How long a mark stays.
const MARK_SECONDS: u32 = 180 * 86_400;

impl<S: Sync> FromRequestParts<S> for Browser {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let asker = Asker::from_request_parts(parts, state).await?;
        let agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let browser = Self::new(asker.cookie_values(""), asker.cookie_values(MARK), agent);
        Ok(browser.carrying(asker.cookie_values(BEGUN)))
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

/// The cookie in which the browser of `mark` carries an interaction that has just begun; none where it would be too long.
pub(crate) fn begun_cookie(idp: &Idp, interaction: &Interaction, mark: &str) -> Result<Option<SetCookie>, Error> {
    let sealed = crate::storage::begun::seal(idp, interaction, mark)?;
    let life = u32::try_from(LIFE_SECONDS).unwrap_or(0);
    Ok((sealed.len() <= BEGUN_LENGTH).then(|| SetCookie::new(idp.site(), BEGUN, &sealed, life)))
}

/// Takes what a browser carries of a begun interaction from it, if it carries something: the interaction has gone on.
pub(crate) fn forget_begun(idp: &Idp, browser: &Browser) -> Option<SetCookie> {
    (!browser.begun().is_empty()).then(|| SetCookie::clear(idp.site(), BEGUN))
}
