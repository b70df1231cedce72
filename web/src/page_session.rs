//! Sessions of the pages of a relying party of ours: signing in at idp, being vouched for, signing out. A session ends with the
//! session at idp, the mandate and the account, because idp is asked again at least every five minutes.
//!
//! Where the rows lie is the service's: see [`Rows`].

use std::sync::Arc;

use axum::response::{IntoResponse, Redirect, Response};
use keys::sources::Sources;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tracing::Instrument;
use verifier::time::Timestamp;
use zeroize::Zeroizing;

use crate::asker::Asker;
use crate::claims::{Actor, Identity, Mandate, Organisation, SubType};
use crate::cookie::SetCookie;
use crate::html::Html;
use crate::page::Page;
use crate::problem::Problem;
use crate::relying_party::{Callback, Login, LoginCookie, LoginError, LoginRequest, RelyingParty};

/// How long idp's word holds: with the time of an answer, a session ends within five minutes of its mandate.
const VOUCHED_SECONDS: i64 = 240;

/// How far the clock of another process may be ahead.
const AHEAD_SECONDS: i64 = 5;

/// How many sessions are renewed at once; two renewals of one session stand in one line, because each spends a token.
const LINES: usize = 64;

/// How many cookies of one name are looked at.
const MOST_COOKIES: usize = 4;

/// Who is signed in, with the tokens that go with it. Kept encrypted; no `Debug`.
#[derive(Clone, Serialize, Deserialize)]
pub struct SignedIn {
    /// The subject in the service's sector: the person's, or the organisation's while acting.
    pub sub: String,
    /// What `sub` is.
    pub sub_type: SubType,
    /// The level.
    pub acr: Option<String>,
    /// The person's own `sub`.
    pub person: String,
    /// The person's name, as userinfo told it.
    pub name: String,
    /// The organisation acted for.
    pub organisation: Option<Organisation>,
    /// Under what the person acts.
    pub mandate: Option<Mandate>,
    /// For signing out at idp.
    pub id_token: String,
    /// The access token.
    pub access_token: String,
    /// When that ends.
    #[serde(default)]
    pub access_until: i64,
    /// For the next one.
    pub refresh_token: Option<String>,
}

impl SignedIn {
    /// Of a login, with the name that userinfo told.
    pub fn new(login: &Login, name: &str, now: Timestamp) -> Self {
        let identity = &login.identity;
        Self {
            sub: identity.sub.clone(),
            sub_type: identity.sub_type,
            acr: identity.acr.clone(),
            person: identity.person().to_owned(),
            name: name.to_owned(),
            organisation: identity.organisation.clone(),
            mandate: identity.mandate.clone(),
            id_token: login.id_token.clone(),
            access_token: login.access_token.to_string(),
            access_until: now.plus(i64::try_from(login.expires_in_seconds).unwrap_or(0)).seconds(),
            refresh_token: login.refresh_token.as_ref().map(|token| token.to_string()),
        }
    }

    /// The name of the organisation acted for, or its code.
    pub fn organisation_name(&self) -> Option<&str> {
        let organisation = self.organisation.as_ref()?;
        Some(organisation.name.as_deref().unwrap_or(&organisation.code))
    }

    fn as_login(&self) -> Login {
        Login {
            identity: Identity {
                sub: self.sub.clone(),
                sub_type: self.sub_type,
                acr: self.acr.clone(),
                amr: Vec::new(),
                auth_time: None,
                sid: None,
                act: (self.person != self.sub).then(|| Actor { sub: self.person.clone(), act: None }),
                mandate: self.mandate.clone(),
                organisation: self.organisation.clone(),
                name: Some(self.name.clone()),
                id_number_masked: None,
                id_type: None,
                id_number: None,
                phone_number: None,
                locale: None,
            },
            id_token: self.id_token.clone(),
            access_token: Zeroizing::new(self.access_token.clone()),
            refresh_token: self.refresh_token.clone().map(Zeroizing::new),
            expires_in_seconds: 0,
            scope: String::new(),
            return_to: String::new(),
        }
    }
}

/// A live session.
#[derive(Clone)]
pub struct PageSession {
    /// The cookie's value.
    pub cookie: String,
    /// The key of its row.
    pub key: Vec<u8>,
    /// Who it is.
    pub signed_in: SignedIn,
    /// When idp last vouched for it.
    pub checked_at: Timestamp,
}

impl PageSession {
    /// Whether idp's word is young enough to rest on.
    pub fn is_vouched(&self, now: Timestamp) -> bool {
        is_vouched(self.checked_at, now)
    }
}

fn is_vouched(checked_at: Timestamp, now: Timestamp) -> bool {
    (-AHEAD_SECONDS..VOUCHED_SECONDS).contains(&now.since(checked_at))
}

/// Where a service keeps its sessions, and what it writes down of them.
pub trait Rows: Send + Sync + 'static {
    /// The key of the row for a cookie's value: a digest.
    fn key_of(&self, cookie: &str) -> Vec<u8>;
    /// Stores a new session until `expires_at` and writes the sign-in down; the answer is the cookie's value.
    fn begin(
        &self,
        who: &SignedIn,
        expires_at: Timestamp,
        incident: &str,
    ) -> impl Future<Output = Result<String, Problem>> + Send;
    /// A live session, and when it was last vouched for.
    fn find(&self, key: &[u8]) -> impl Future<Output = Result<Option<(SignedIn, Timestamp)>, Problem>> + Send;
    /// Keeps what idp vouched for just now, if the row still is as it was found, vouched for at `before`; else `false`.
    fn renew(
        &self,
        key: &[u8],
        who: &SignedIn,
        before: Timestamp,
    ) -> impl Future<Output = Result<bool, Problem>> + Send;
    /// Ends a session and writes down why: `session.sign_out`, or `session.end` where idp no longer vouches.
    fn end(
        &self,
        key: &[u8],
        who: &SignedIn,
        action: &'static str,
        incident: &str,
    ) -> impl Future<Output = Result<(), Problem>> + Send;
}

/// Why a session was not renewed.
#[derive(Debug)]
pub enum RenewalError {
    /// idp no longer vouches for it: it has ended.
    Over,
    /// idp cannot be asked now.
    Idp(LoginError),
    /// The service's own store.
    Own(Problem),
}

impl From<RenewalError> for Problem {
    fn from(error: RenewalError) -> Self {
        match error {
            RenewalError::Over => Self::new(http::StatusCode::UNAUTHORIZED, "access.sign_in_required"),
            RenewalError::Idp(error) => error.into(),
            RenewalError::Own(problem) => problem,
        }
    }
}

/// The sessions of a service's pages.
pub struct PageSessions<R> {
    rows: Arc<R>,
    relying_party: RelyingParty,
    logins: LoginCookie,
    sources: Sources,
    /// Whether a renewed login still is the one signed in, and may go on.
    still: fn(&Login, &SignedIn) -> bool,
    lines: Vec<Arc<Mutex<()>>>,
}

impl<R: Rows> PageSessions<R> {
    /// Of one service; `still` says whether a renewed login may go on as who was signed in.
    pub fn new(
        rows: R,
        relying_party: RelyingParty,
        logins: LoginCookie,
        sources: Sources,
        still: fn(&Login, &SignedIn) -> bool,
    ) -> Self {
        let lines = (0..LINES).map(|_| Arc::default()).collect();
        Self { rows: Arc::new(rows), relying_party, logins, sources, still, lines }
    }

    /// The relying party.
    pub fn relying_party(&self) -> &RelyingParty {
        &self.relying_party
    }

    /// Sends the browser to idp.
    pub async fn sign_in(&self, asker: &Asker, request: &LoginRequest) -> Result<Response, Problem> {
        let (url, pending) = self.relying_party.begin(request).await?;
        Ok((self.logins.keep(asker, &pending)?, Redirect::to(url.as_str())).into_response())
    }

    /// The browser is back: the cookie that forgets the login under way, and the login, or the code with which idp refused.
    pub async fn come_back(
        &self,
        asker: &Asker,
        answer: &Callback,
    ) -> Result<(SetCookie, Result<Login, String>), Problem> {
        let (pending, cookie) = self.logins.take(asker, &answer.state)?;
        match self.relying_party.finish(&pending, answer).await {
            Ok(login) => Ok((cookie, Ok(login))),
            Err(LoginError::Refused { code, .. }) => Ok((cookie, Err(code))),
            Err(error) => Err(error.into()),
        }
    }

    /// Begins a session of at most `seconds`, and no longer than the mandate; the answer is its cookie.
    pub async fn begin(&self, asker: &Asker, who: &SignedIn, seconds: i64) -> Result<SetCookie, Problem> {
        let end = self.sources.now().plus(seconds);
        let mandate = who.mandate.as_ref().and_then(|mandate| mandate.exp);
        let end = mandate.map_or(end, |exp| end.min(Timestamp::from_seconds(exp)));
        let cookie = self.rows.begin(who, end, asker.incident().as_str()).await?;
        Ok(SetCookie::for_browser_session(asker.site(), "", &cookie))
    }

    /// The sessions that this browser's cookies name, whatever idp says of them by now.
    pub async fn stored(&self, asker: &Asker) -> Result<Vec<PageSession>, Problem> {
        let mut found = Vec::new();
        let cookies: Vec<String> = asker.cookie_values("").take(MOST_COOKIES).map(str::to_owned).collect();
        for cookie in cookies {
            let key = self.rows.key_of(&cookie);
            if let Some((signed_in, checked_at)) = self.rows.find(&key).await? {
                found.push(PageSession { cookie, key, signed_in, checked_at });
            }
        }
        Ok(found)
    }

    /// The live session of this browser, whichever of several cookies names it; idp is asked again where its word is old.
    pub async fn live(&self, asker: &Asker) -> Result<Option<PageSession>, RenewalError> {
        for session in self.stored(asker).await.map_err(RenewalError::Own)? {
            let now = self.sources.now();
            if session.is_vouched(now) {
                return Ok(Some(session));
            }
            let young = |_: &SignedIn, checked_at, now| is_vouched(checked_at, now);
            match self.renewed(&session.key, asker.incident().as_str(), young).await {
                Ok(signed_in) => return Ok(Some(PageSession { signed_in, checked_at: now, ..session })),
                Err(RenewalError::Over) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Who is signed in after idp was asked again, unless the session is `good` already because another request has just done so.
    /// Asking spends a token: a caller who hangs up cuts off neither the asking nor the keeping of what came.
    pub async fn renewed(
        &self,
        key: &[u8],
        incident: &str,
        good: impl Fn(&SignedIn, Timestamp, Timestamp) -> bool + Send,
    ) -> Result<SignedIn, RenewalError> {
        let line = usize::from(key.first().copied().unwrap_or_default()) % LINES;
        let turn = self.lines[line].clone().lock_owned().await;
        let found = self.rows.find(key).await.map_err(RenewalError::Own)?;
        let (who, checked_at) = found.ok_or(RenewalError::Over)?;
        let now = self.sources.now();
        if good(&who, checked_at, now) {
            return Ok(who);
        }
        let renewal = Renewal {
            rows: self.rows.clone(),
            relying_party: self.relying_party.clone(),
            still: self.still,
            key: key.to_vec(),
            incident: incident.to_owned(),
            who,
            checked_at,
            now,
        };
        let work = async move {
            let renewed = renewal.run().await;
            drop(turn);
            renewed
        };
        let work = tokio::spawn(work.in_current_span());
        work.await.map_err(|error| RenewalError::Own(Problem::internal(error)))?
    }

    /// Ends the session here and leads on to idp, so that it ends there as well: even where idp has nothing to say of it any
    /// more, or cannot be asked. `title` and `go_on` are the words of the page that moves on by itself.
    pub async fn sign_out(
        &self,
        asker: &Asker,
        form_token: &str,
        title: &str,
        go_on: &str,
    ) -> Result<Response, Problem> {
        let Some(session) = self.stored(asker).await?.into_iter().next() else {
            return Ok(Redirect::to("/").into_response());
        };
        asker.check_form(form_token, &session.cookie)?;
        self.rows.end(&session.key, &session.signed_in, "session.sign_out", asker.incident().as_str()).await?;
        let back = asker.site().url("/signed-out");
        let url = self.relying_party.logout_url(&session.signed_in.id_token, Some(&back), None).await.ok().flatten();
        let to = url.map_or_else(|| "/signed-out".to_owned(), |url| url.to_string());
        let main = Html::already_escaped(format!(
            "<div class=\"title\"><h1>{0}</h1></div><p><a class=\"btn\" href=\"{1}\">{2}</a></p>",
            crate::html::escape(title),
            crate::html::escape(&to),
            crate::html::escape(go_on),
        ));
        let page = Page::new(asker, title, main).moves_on_to(to).view_to("/");
        Ok((SetCookie::clear(asker.site(), ""), page).into_response())
    }
}

/// One session about to be renewed, with all that it takes.
struct Renewal<R> {
    rows: Arc<R>,
    relying_party: RelyingParty,
    still: fn(&Login, &SignedIn) -> bool,
    key: Vec<u8>,
    incident: String,
    who: SignedIn,
    checked_at: Timestamp,
    now: Timestamp,
}

impl<R: Rows> Renewal<R> {
    /// The row as it is by now.
    async fn stored(&self) -> Result<(SignedIn, Timestamp), RenewalError> {
        self.rows.find(&self.key).await.map_err(RenewalError::Own)?.ok_or(RenewalError::Over)
    }

    async fn run(self) -> Result<SignedIn, RenewalError> {
        let Self { rows, key, who, .. } = &self;
        match self.relying_party.refresh(&who.as_login()).await {
            Ok(login) if (self.still)(&login, who) => {
                let who = SignedIn::new(&login, &who.name, self.now);
                if rows.renew(key, &who, self.checked_at).await.map_err(RenewalError::Own)? {
                    return Ok(who);
                }
                self.stored().await.map(|(other, _)| other)
            }
            Err(error @ (LoginError::Unavailable(_) | LoginError::Client(_) | LoginError::State)) => {
                Err(RenewalError::Idp(error))
            }
            // idp no longer vouches: signed out there, the mandate ended, the account locked
            refused @ (Ok(_) | Err(LoginError::Refused { .. } | LoginError::IdToken(_) | LoginError::Issuer)) => {
                if matches!(refused, Err(LoginError::Refused { .. })) {
                    // or another process has spent the token a moment before: then its word holds
                    let (other, checked_at) = self.stored().await?;
                    if checked_at != self.checked_at {
                        return Ok(other);
                    }
                }
                rows.end(key, who, "session.end", &self.incident).await.map_err(RenewalError::Own)?;
                Err(RenewalError::Over)
            }
        }
    }
}

impl<R> std::fmt::Debug for PageSessions<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PageSessions")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_of_idp_holds_for_four_minutes() {
        for (checked_at, holds) in
            [(1_000, true), (761, true), (760, false), (0, false), (1_005, true), (1_006, false), (i64::MIN, false)]
        {
            assert_eq!(
                is_vouched(Timestamp::from_seconds(checked_at), Timestamp::from_seconds(1_000)),
                holds,
                "{checked_at}"
            );
        }
    }
}
