//! Who asks: everything of a request that pages, refusals and forms need, put there by the shell.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use keys::sources::Random;
use verifier::time::Timestamp;
use zeroize::Zeroizing;

use crate::cookie::{Cookies, SetCookie};
use crate::csrf;
use crate::problem::Problem;
use crate::site::Site;
use crate::words::{Lang, Words};

/// A request's asker. An extractor, cheap to clone.
#[derive(Clone)]
pub struct Asker(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    site: Arc<Site>,
    incident: Incident,
    view: View,
    now: Timestamp,
    cookies: Cookies,
    client: Option<IpAddr>,
    path_and_query: String,
    came_from: Option<String>,
    html: bool,
    fetch: csrf::Fetch,
    form: Arc<FormSecret>,
}

/// The browser's secret behind the tokens of its forms: the cookie's, or a new one made when a page first needs it.
struct FormSecret {
    kept: Option<Zeroizing<String>>,
    used: OnceLock<Zeroizing<String>>,
}

/// The number of a request, from page to log: `7K3M-20PD`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Incident(String);

/// How the asker wants pages to look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The language.
    pub lang: Lang,
    /// 长辈版: everything at 135 %, in one column.
    pub large: bool,
    /// Light, dark, or as the system says.
    pub theme: Theme,
}

/// The colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the system says.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Incident {
    /// A random number: eight characters without I, L, O and U.
    pub fn random(random: &dyn Random) -> Self {
        const CHARACTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let mut bytes = [0; 8];
        if random.fill(&mut bytes).is_err() {
            return Self("0000-0000".into()); // a request is still answered when the source has failed
        }
        let mut text = String::with_capacity(9);
        for (at, byte) in bytes.iter().enumerate() {
            if at == 4 {
                text.push('-');
            }
            text.push(char::from(CHARACTERS[usize::from(byte & 31)]));
        }
        Self(text)
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl View {
    /// The name of the cookie that keeps it; it holds no secret and is shared by the services of a host.
    pub const COOKIE: &'static str = "xy_view";

    /// The cookie's value: language, size, theme.
    pub fn to_cookie(self) -> String {
        let size = if self.large { "large" } else { "normal" };
        format!("{}.{size}.{}", self.lang.tag(), self.theme.name())
    }

    fn read(cookies: &Cookies, headers: &HeaderMap) -> Self {
        if let Some(view) = cookies.all(Self::COOKIE).find_map(Self::from_cookie) {
            return view;
        }
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Self { lang: accepted.and_then(Lang::from_accept_language).unwrap_or_default(), ..Self::default() }
    }

    fn from_cookie(value: &str) -> Option<Self> {
        let mut parts = value.split('.');
        let lang = Lang::from_tag(parts.next()?)?;
        let large = parts.next()? == "large";
        Some(Self { lang, large, theme: Theme::from_name(parts.next()?)? })
    }
}

impl Theme {
    /// Its name in addresses and the cookie.
    pub const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The theme of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "system" => Some(Self::System),
            "light" => Some(Self::Light),
            "dark" => Some(Self::Dark),
            _ => None,
        }
    }
}

impl Asker {
    /// Reads a request's head. The shell does this once a request; tests of single handlers may.
    pub fn read(site: &Arc<Site>, incident: Incident, head: &Parts, peer: Option<IpAddr>) -> Self {
        let cookies = Cookies::read(&head.headers);
        let text = |name| head.headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
        let kept = cookies.all(&site.cookie_name("_form")).find(|value| csrf::is_secret(value));
        let kept = kept.map(|value| Zeroizing::new(value.to_owned()));
        Self(Arc::new(Inner {
            view: View::read(&cookies, &head.headers),
            now: site.sources.now(),
            client: site.client_address(peer, Some(&forwarded_for(&head.headers))),
            path_and_query: head.uri.path_and_query().map_or_else(|| "/".into(), |p| p.as_str().to_owned()),
            came_from: text(header::REFERER).and_then(|referer| local_part(referer, &site.origin())),
            html: prefers_html(text(header::ACCEPT)),
            fetch: csrf::Fetch::read(&head.headers),
            form: Arc::new(FormSecret { kept, used: OnceLock::new() }),
            site: site.clone(),
            incident,
            cookies,
        }))
    }

    /// The service that is asked.
    pub fn site(&self) -> &Arc<Site> {
        &self.0.site
    }

    /// The request's number.
    pub fn incident(&self) -> &Incident {
        &self.0.incident
    }

    /// How pages are to look.
    pub fn view(&self) -> View {
        self.0.view
    }

    /// The language of the answer.
    pub fn lang(&self) -> Lang {
        self.0.view.lang
    }

    /// The words in the asker's language.
    pub fn words(&self) -> &Words {
        self.0.site.vocabulary.words(self.0.view.lang)
    }

    /// The instant at which the request began, for times on pages. A flow reads the clock itself.
    pub fn now(&self) -> Timestamp {
        self.0.now
    }

    /// The client's address, past trusted proxies. `None` where no socket stands behind the request (tests).
    pub fn client(&self) -> Option<IpAddr> {
        self.0.client
    }

    /// The path and query asked for. Never log it: queries hold codes.
    pub fn path_and_query(&self) -> &str {
        &self.0.path_and_query
    }

    /// The path of the page of ours that led here, as the browser says: for ways back, never for decisions.
    pub fn came_from(&self) -> Option<&str> {
        self.0.came_from.as_deref()
    }

    /// Whether a page is wanted rather than JSON.
    pub fn wants_html(&self) -> bool {
        self.0.html
    }

    /// All cookies of the request.
    pub fn cookies(&self) -> &Cookies {
        &self.0.cookies
    }

    /// All values of our cookie `xy_{service}{suffix}`, in the order sent. A browser may send several of one name, stale ones
    /// among them: try each, and trust the first that the store knows (RFC 6265 §4.2.2).
    pub fn cookie_values(&self, suffix: &str) -> impl Iterator<Item = &str> {
        let name = self.0.site.cookie_name(suffix);
        self.0.cookies.values_of(name)
    }

    /// With another language than the asker's preference: for `ui_locales` of an authorization request, which counts where no
    /// choice was stored.
    #[must_use]
    pub fn speaking(&self, lang: Lang) -> Self {
        let i = &self.0;
        if i.view.lang == lang || i.cookies.all(View::COOKIE).any(|value| View::from_cookie(value).is_some()) {
            return self.clone();
        }
        Self(Arc::new(Inner { view: View { lang, ..i.view }, ..(**i).clone() }))
    }

    /// The value of the hidden field `form_token` of every form of ours. `binding` ties it to the session (its id or its
    /// cookie's value); empty where there is none yet. The page that holds it sets the cookie that it is checked against.
    pub fn form_token(&self, binding: &str) -> String {
        let form = &self.0.form;
        let secret = form.used.get_or_init(|| match &form.kept {
            Some(kept) => kept.clone(),
            None => csrf::new_secret(&self.0.site.sources).into(),
        });
        csrf::token(secret, binding)
    }

    /// Checks that a POST comes from a page of ours: by what the browser says of its origin, and by the token.
    ///
    /// # Errors
    ///
    /// `form.foreign` if it comes from elsewhere, `form.expired` if the token does not fit this browser and `binding`.
    pub fn check_form(&self, token: &str, binding: &str) -> Result<(), Problem> {
        self.check_origin()?;
        let name = self.0.site.cookie_name("_form");
        let fits = self.0.cookies.all(&name).any(|secret| csrf::token_fits(secret, binding, token));
        if fits {
            return Ok(());
        }
        let problem = Problem::new(StatusCode::FORBIDDEN, "form.expired");
        Err(match self.came_from() {
            Some(path) => problem.again(path),
            None => problem,
        })
    }

    /// The first half of [`Asker::check_form`]: what `Sec-Fetch-Site` and `Origin` say, where a browser sent them.
    pub fn check_origin(&self) -> Result<(), Problem> {
        if self.0.fetch.is_foreign(&self.0.site.origin()) {
            return Err(Problem::new(StatusCode::FORBIDDEN, "form.foreign"));
        }
        Ok(())
    }

    /// The cookie that a page with a form sets: the browser's own again where it has one, so that its life is counted from the
    /// newest page.
    pub(crate) fn form_cookie(&self) -> Option<SetCookie> {
        let used = self.0.form.used.get()?;
        Some(SetCookie::new(&self.0.site, "_form", used, csrf::LIFETIME_SECONDS))
    }
}

impl fmt::Debug for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Asker({})", self.0.incident)
    }
}

impl<S: Sync> FromRequestParts<S> for Asker {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            tracing::error!("a route stands outside the shell");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        })
    }
}

/// The path of an address of ours.
fn local_part(address: &str, origin: &str) -> Option<String> {
    let path = address.strip_prefix(origin)?;
    crate::shell::is_local_path(path).then(|| path.to_owned())
}

/// All `X-Forwarded-For` lines as one list: a proxy may add a line of its own behind what a client wrote.
fn forwarded_for(headers: &HeaderMap) -> String {
    let lines = headers.get_all("x-forwarded-for").iter().take(16);
    lines.filter_map(|line| line.to_str().ok()).collect::<Vec<_>>().join(",")
}

/// Whether HTML weighs more than JSON in an `Accept` header (RFC 9110 §12.5.1). No header, or `*/*` alone: no.
fn prefers_html(accept: Option<&str>) -> bool {
    let weight = |wanted: &str| -> f32 {
        let parts = accept.unwrap_or_default().split(',').take(32);
        let mut best = 0.0_f32;
        for part in parts {
            let mut pieces = part.split(';');
            if pieces.next().is_some_and(|t| t.trim().eq_ignore_ascii_case(wanted)) {
                let q = pieces.find_map(|p| p.trim().strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
                best = best.max(q);
            }
        }
        best
    };
    let html = weight("text/html").max(weight("application/xhtml+xml"));
    html > 0.0 && html >= weight("application/json").max(weight("application/problem+json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_preferred_only_when_asked_for() {
        for (accept, expected) in [
            (None, false),
            (Some("*/*"), false),
            (Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), true),
            (Some("application/json"), false),
            (Some("application/json, text/html;q=0.5"), false),
            (Some("text/html;q=0"), false),
        ] {
            assert_eq!(prefers_html(accept), expected, "{accept:?}");
        }
    }

    #[test]
    fn a_view_survives_its_cookie() {
        for view in [
            View::default(),
            View { lang: Lang::En, large: true, theme: Theme::Dark },
            View { lang: Lang::ZhCn, large: false, theme: Theme::Light },
        ] {
            assert_eq!(View::from_cookie(&view.to_cookie()), Some(view));
        }
        for bad in ["", "en", "en.large", "fr.large.dark", "en.large.pink"] {
            assert_eq!(View::from_cookie(bad), None, "{bad}");
        }
    }
}
