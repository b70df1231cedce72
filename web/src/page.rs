//! The layout around what a service has to say: head, navigation, acting bar, foot.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use verifier::time::Timestamp;

use crate::about;
use crate::asker::{Asker, Theme};
use crate::assets;
use crate::headers::Policy;
use crate::html::{self, Html, escape};
use crate::words::{Lang, Words};

pub use crate::dates;

/// A page: a `main` given as HTML, with the layout around it. An answer of a handler.
#[derive(Debug)]
pub struct Page {
    asker: Asker,
    title: String,
    main: Html,
    nav: Vec<NavItem>,
    who: Option<Html>,
    acting: Option<Html>,
    refresh: Option<String>,
    scripts: Vec<String>,
    policy: Policy,
    slim: bool,
    view_to: Option<String>,
    binding: String,
}

/// A place in the navigation.
#[derive(Clone, Debug)]
pub struct NavItem {
    /// Where it leads, a local path.
    pub href: String,
    /// Its words.
    pub text: String,
    /// Whether the asker is there.
    pub current: bool,
}

impl NavItem {
    /// A place; `current` where `href` is the page shown.
    pub fn new(href: impl Into<String>, text: impl Into<String>, current: bool) -> Self {
        Self { href: href.into(), text: text.into(), current }
    }
}

/// For which organisation the person acts, as the bar under the head says.
#[derive(Clone, Debug)]
pub struct Acting {
    /// The organisation's name.
    pub name: String,
    /// The role as the claim has it (`legal_representative`, `administrator`, `operator`), or words for another.
    pub role: String,
    /// The last instant, where there is one.
    pub until: Option<Timestamp>,
    /// Where to change it, a local path or our idp's address; `None` where it cannot be changed from here.
    pub change: Option<String>,
}

impl Page {
    /// A page titled `title` (without the brand, which is added) around `main`.
    pub fn new(asker: &Asker, title: impl Into<String>, main: Html) -> Self {
        Self {
            asker: asker.clone(),
            title: title.into(),
            main,
            nav: Vec::new(),
            who: None,
            acting: None,
            refresh: None,
            scripts: Vec::new(),
            policy: Policy::default(),
            slim: false,
            view_to: None,
            binding: String::new(),
        }
    }

    /// As [`Page::new`], rendering `main` from a template.
    pub fn of(asker: &Asker, title: impl Into<String>, main: &impl Template) -> Self {
        Self::new(asker, title, Html::render(main))
    }

    /// Marks the title as a refused form's: 错误：….
    #[must_use]
    pub fn refused(mut self) -> Self {
        self.title = self.asker.words().with("error-title-prefix", &[("title", &self.title)]).into_owned();
        self
    }

    /// The navigation, where there is more than one place to go. Never in a sign-in, a consent or while showing a code.
    #[must_use]
    pub fn nav(mut self, items: Vec<NavItem>) -> Self {
        self.nav = items;
        self
    }

    /// Who is signed in, with the form to sign out (it posts `form_token` with the binding of [`Page::bound_to`]).
    #[must_use]
    pub fn who(mut self, name: &str) -> Self {
        self.who = Some(Html::text(name));
        self
    }

    /// As [`Page::who`] with markup of ours (a counter's name before a person's).
    #[must_use]
    pub fn who_html(mut self, name: Html) -> Self {
        self.who = Some(name);
        self
    }

    /// The session that the sign-out form's token is bound to; the same text goes into `Asker::check_form`.
    #[must_use]
    pub fn bound_to(mut self, binding: impl Into<String>) -> Self {
        self.binding = binding.into();
        self
    }

    /// The bar that says for which organisation the person acts.
    #[must_use]
    pub fn acting(mut self, acting: &Acting) -> Self {
        self.acting = Some(acting_bar(self.asker.words(), acting));
        self
    }

    /// The dashed bar that says that this is a simulator; `html` is its sentence.
    #[must_use]
    pub fn simulator(mut self, html: &Html) -> Self {
        let label = escape(&self.asker.words().get("simulator-label"));
        self.acting = Some(Html::already_escaped(format!(
            "<aside class=\"acting simulator\" aria-label=\"{label}\">\n  <div class=\"wrap\"><p>{html}</p></div>\n</aside>"
        )));
        self
    }

    /// Moves on by itself to `url`, at once, without script. Only for the page that answers the last form.
    #[must_use]
    pub fn moves_on_to(mut self, url: impl Into<String>) -> Self {
        self.refresh = Some(url.into());
        self
    }

    /// A script of ours (a local path); the page must work without it, camera and passkey aside.
    #[must_use]
    pub fn script(mut self, path: impl Into<String>) -> Self {
        self.scripts.push(path.into());
        self.policy.script = true;
        self
    }

    /// Another policy than the default; scripts named by [`Page::script`] stay allowed.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = Policy { script: policy.script || !self.scripts.is_empty(), ..policy };
        self
    }

    /// The slim head of pages that are shown across a counter.
    #[must_use]
    pub fn slim(mut self) -> Self {
        self.slim = true;
        self
    }

    /// Where the switches of language and size come back to, a local path. Needed where the page answers a POST to an address
    /// that has no GET, or where its query must not stand in a link.
    #[must_use]
    pub fn view_to(mut self, path: impl Into<String>) -> Self {
        self.view_to = Some(path.into());
        self
    }

    fn html(&self) -> Html {
        let site = self.asker.site();
        let (words, view, lang) = (self.asker.words(), self.asker.view(), self.asker.lang());
        let telephone = Html::already_escaped(format!("<b class=\"num no-break\">{}</b>", escape(&site.telephone)));
        let number = Html::already_escaped(format!("<span class=\"num no-break\">{}</span>", self.asker.incident()));
        let large = if view.large { "normal" } else { "large" };
        let size_words = escape(&words.get(if view.large { "size-normal" } else { "size-large" }));
        let size_href = self.switch("size", large);
        let other = lang.other();
        let other_words = if other == Lang::En { "English" } else { "中文" };
        let (theme, theme_words) = match view.theme {
            Theme::System => (Theme::Dark, "theme-dark"),
            Theme::Dark => (Theme::Light, "theme-light"),
            Theme::Light => (Theme::System, "theme-system"),
        };
        Html::render(&Layout {
            w: words,
            lang: lang.tag(),
            large: view.large,
            theme: (view.theme != Theme::System).then(|| view.theme.name()),
            look: site.look,
            mark: site.mark,
            title: &self.title,
            brand: site.brand.get(lang),
            place: site.place.get(lang),
            home: &site.home,
            icon: assets::icon_path(),
            style: assets::style_path(),
            refresh: self.refresh.as_deref(),
            scripts: &self.scripts,
            slim: self.slim,
            who: self.who.as_ref(),
            sign_out: &site.sign_out,
            form_token: if self.who.is_some() { self.asker.form_token(&self.binding) } else { String::new() },
            nav: &self.nav,
            acting: self.acting.as_ref(),
            main: &self.main,
            lang_link: Html::already_escaped(format!(
                "<a href=\"{}\" lang=\"{1}\" hreflang=\"{1}\">{other_words}</a>",
                self.switch("lang", other.tag()),
                other.tag()
            )),
            size_link: Html::already_escaped(format!("<a id=\"size-switch\" href=\"{size_href}\">{size_words}</a>")),
            foot_size_link: Html::already_escaped(format!("<a href=\"{size_href}\">{size_words}</a>")),
            theme_link: Html::already_escaped(format!(
                "<a href=\"{}\">{}</a>",
                self.switch("theme", theme.name()),
                escape(&words.get(theme_words))
            )),
            foot_call: words.html_of("foot-call", &[("telephone", &telephone)]),
            foot_number: words.html_of("foot-number", &[("incident", &number)]),
            foot_line: self.foot_line(),
            foot_links: self.foot_links(),
        })
    }

    fn foot_links(&self) -> Vec<(String, String)> {
        let (site, words, lang) = (self.asker.site(), self.asker.words(), self.asker.lang());
        let own = about::TOPICS
            .iter()
            .map(|topic| (words.get(&format!("about-{topic}")).into_owned(), format!("/about/{topic}")));
        own.chain(site.foot_links.iter().map(|(text, href)| (text.get(lang).to_owned(), href.clone()))).collect()
    }

    fn foot_line(&self) -> String {
        let (site, words) = (self.asker.site(), self.asker.words());
        let version = site.version_line.then(|| words.with("foot-version", &[("version", env!("CARGO_PKG_VERSION"))]));
        let notice = site.notice.as_ref().map(|notice| notice.get(self.asker.lang()));
        [version.as_deref(), notice].into_iter().flatten().collect::<Vec<_>>().join(" · ")
    }

    /// The address, escaped for an attribute, that changes one preference and comes back here.
    fn switch(&self, name: &str, value: &str) -> String {
        let to = self.view_to.as_deref().unwrap_or_else(|| self.asker.path_and_query());
        let to = if to.len() > 2_000 { "/" } else { to };
        format!("/view?{name}={value}&amp;to={}", utf8_percent_encode(to, TO))
    }
}

/// What stays readable in the `to` of a switch.
const TO: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let html = self.html();
        let mut response = (StatusCode::OK, html.as_str().to_owned()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(self.asker.lang().tag()));
        self.policy.write(headers);
        response
    }
}

fn acting_bar(words: &Words, acting: &Acting) -> Html {
    let role_key = format!("role-{}", acting.role);
    let role = if words.has(&role_key) { words.get(&role_key).into_owned() } else { acting.role.clone() };
    let mut text = words.html("acting-for", &[("name", &acting.name), ("role", &role)]).to_string();
    if let Some(until) = acting.until {
        text.push_str(words.html("acting-until", &[("until", &last_day(words.lang(), until))]).as_str());
    }
    let change = acting
        .change
        .as_ref()
        .map(|href| format!("<a class=\"back\" href=\"{}\">{}</a>", escape(href), words.html("acting-change", &[])));
    Html::already_escaped(format!(
        "<aside class=\"acting\" aria-label=\"{}\">\n  <div class=\"wrap row\"><p>{text}</p>{}</div>\n</aside>",
        escape(&words.get("acting-label")),
        change.unwrap_or_default()
    ))
}

/// The day that ends at or holds the instant before `until`.
fn last_day(lang: Lang, until: Timestamp) -> String {
    dates::day(lang, until.plus(-1))
}

/// The `main` of an error page.
pub(crate) fn error_main(asker: &Asker, code: &str, title: &str, detail: &str, again: Option<&str>) -> Html {
    let (site, words) = (asker.site(), asker.words());
    let telephone = Html::already_escaped(format!("<b class=\"num no-break\">{}</b>", escape(&site.telephone)));
    let code = Html::already_escaped(format!("<code>{}</code>", escape(code)));
    let at = Html::text(&dates::instant(asker.lang(), asker.now()));
    Html::render(&ErrorMain {
        w: words,
        title,
        detail,
        again,
        home: &site.home,
        incident: html::digits(&[asker.incident().as_str()]),
        call: words.html_of("problem-call", &[("telephone", &telephone)]),
        when: words.html_of("problem-when", &[("at", &at), ("code", &code)]),
    })
}

#[derive(Template)]
#[template(path = "layout.html")]
struct Layout<'a> {
    w: &'a Words,
    lang: &'a str,
    large: bool,
    theme: Option<&'a str>,
    look: Option<&'a str>,
    mark: Option<&'a str>,
    title: &'a str,
    brand: &'a str,
    place: &'a str,
    home: &'a str,
    icon: String,
    style: String,
    refresh: Option<&'a str>,
    scripts: &'a [String],
    slim: bool,
    who: Option<&'a Html>,
    sign_out: &'a str,
    form_token: String,
    nav: &'a [NavItem],
    acting: Option<&'a Html>,
    main: &'a Html,
    lang_link: Html,
    size_link: Html,
    foot_size_link: Html,
    theme_link: Html,
    foot_call: Html,
    foot_number: Html,
    foot_line: String,
    foot_links: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorMain<'a> {
    w: &'a Words,
    title: &'a str,
    detail: &'a str,
    again: Option<&'a str>,
    home: &'a str,
    incident: Html,
    call: Html,
    when: Html,
}
