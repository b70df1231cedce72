//! The plainest browser: no script, cookies, forms, links. For stories of protocols, where Chromium would only be slow.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Method, StatusCode};
use url::Url;

use crate::network;

/// A visitor with a cookie jar; cookies belong to a host, whatever its port, as in browsers.
#[derive(Debug)]
pub struct Visitor {
    client: reqwest::Client,
    cookies: Mutex<BTreeMap<(String, String), String>>,
    seen: Mutex<Vec<Page>>,
    language: &'static str,
}

/// A page, or whatever was answered.
#[derive(Clone, Debug)]
pub struct Page {
    /// Where it is.
    pub url: Url,
    /// How it was answered.
    pub status: StatusCode,
    /// Its headers.
    pub headers: reqwest::header::HeaderMap,
    /// Its body as text.
    pub body: String,
}

/// A form of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Where it goes.
    pub action: Url,
    /// Whether by POST.
    pub post: bool,
    /// Its fields with the values that they have.
    pub fields: Vec<(String, String)>,
    /// The names of all its inputs, those of choices that nobody has made yet among them.
    pub names: BTreeSet<String>,
}

impl Default for Visitor {
    fn default() -> Self {
        Self::new()
    }
}

impl Visitor {
    /// A visitor whom nobody has seen before.
    pub fn new() -> Self {
        Self::over(network::client())
    }

    /// A visitor who trusts and reaches what `client` does.
    pub fn over(client: reqwest::Client) -> Self {
        Self { client, cookies: Mutex::default(), seen: Mutex::default(), language: "zh-CN" }
    }

    /// Goes to an address and follows up to ten redirects, but none to a host where `stop` says so.
    pub async fn get_until(&self, url: &str, stop: impl Fn(&Url) -> bool) -> Page {
        let mut page = self.once(Method::GET, url, None).await;
        for _ in 0..10 {
            let Some(next) = page.redirect() else { return page };
            if stop(&next) {
                return page;
            }
            page = self.once(Method::GET, next.as_str(), None).await;
        }
        panic!("more than ten redirects from {url}");
    }

    /// Goes to an address and follows redirects.
    pub async fn get(&self, url: &str) -> Page {
        self.get_until(url, |_| false).await
    }

    /// Goes to an address and follows nothing.
    pub async fn look(&self, url: &str) -> Page {
        self.once(Method::GET, url, None).await
    }

    /// Sends a form with some fields changed, and follows nothing.
    pub async fn submit(&self, form: &Form, changes: &[(&str, &str)]) -> Page {
        let mut fields = form.fields.clone();
        for (name, value) in changes {
            match fields.iter_mut().find(|(known, _)| known == name) {
                Some(field) => (*value).clone_into(&mut field.1),
                None => fields.push(((*name).to_owned(), (*value).to_owned())),
            }
        }
        if form.post {
            return self.once(Method::POST, form.action.as_str(), Some(&fields)).await;
        }
        let mut url = form.action.clone();
        url.query_pairs_mut().clear().extend_pairs(&fields);
        self.once(Method::GET, url.as_str(), None).await
    }

    /// Sends a form and follows redirects.
    pub async fn submit_and_follow(&self, form: &Form, changes: &[(&str, &str)]) -> Page {
        let page = self.submit(form, changes).await;
        match page.redirect() {
            Some(next) => self.get(next.as_str()).await,
            None => page,
        }
    }

    /// Sends a form as `multipart/form-data`, as a form with a field for files is sent, and follows nothing.
    pub async fn upload(&self, form: &Form, changes: &[(&str, &str)]) -> Page {
        const BOUNDARY: &str = "----boundary-of-a-story";
        let mut parts = Vec::new();
        for (name, value) in &form.fields {
            let value = changes.iter().find(|(known, _)| known == name).map_or(value.as_str(), |(_, value)| value);
            let file = match name.as_str() {
                "file" => "; filename=\"\"\r\nContent-Type: application/octet-stream",
                _ => "",
            };
            parts.push(format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{value}\r\n"
            ));
        }
        parts.push(format!("--{BOUNDARY}--\r\n"));
        let body = parts.concat();
        let request = self
            .request(Method::POST, &form.action)
            .header("Origin", form.action.origin().ascii_serialization())
            .header("Content-Type", format!("multipart/form-data; boundary={BOUNDARY}"))
            .body(body);
        self.send(&form.action, request).await
    }

    /// The value of a cookie of a host.
    pub fn cookie(&self, host: &str, name: &str) -> Option<String> {
        self.cookies.lock().expect("no holder panics").get(&(host.to_owned(), name.to_owned())).cloned()
    }

    /// Puts a cookie into the jar.
    pub fn set_cookie(&self, host: &str, name: &str, value: &str) {
        let mut cookies = self.cookies.lock().expect("no holder panics");
        cookies.insert((host.to_owned(), name.to_owned()), value.to_owned());
    }

    /// Forgets all cookies.
    pub fn forget(&self) {
        self.cookies.lock().expect("no holder panics").clear();
    }

    /// What a browser would send a host as `Cookie`.
    pub fn cookies_for(&self, host: &str) -> String {
        self.header(host)
    }

    async fn once(&self, method: Method, url: &str, form: Option<&[(String, String)]>) -> Page {
        let url = Url::parse(url).unwrap_or_else(|_| panic!("{url} is an address"));
        let mut request = self.request(method, &url);
        if let Some(fields) = form {
            request = request.header("Origin", url.origin().ascii_serialization()).form(fields);
        }
        self.send(&url, request).await
    }

    /// A request with the headers and cookies of a browser.
    fn request(&self, method: Method, url: &Url) -> reqwest::RequestBuilder {
        let request = self
            .client
            .request(method, url.clone())
            .header("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
            .header("Accept-Language", self.language);
        let cookies = self.header(url.host_str().expect("an address has a host"));
        if cookies.is_empty() { request } else { request.header(COOKIE, cookies) }
    }

    async fn send(&self, url: &Url, request: reqwest::RequestBuilder) -> Page {
        let response = request.send().await.unwrap_or_else(|error| panic!("{url}: {error}"));
        self.keep(url.host_str().expect("an address has a host"), response.headers());
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.text().await.expect("a body is read");
        let page = Page { url: url.clone(), status, headers, body };
        self.seen.lock().expect("no holder panics").push(page.clone());
        page
    }

    /// Every answer so far, redirects included.
    pub fn seen(&self) -> Vec<Page> {
        self.seen.lock().expect("no holder panics").clone()
    }

    fn header(&self, host: &str) -> String {
        let cookies = self.cookies.lock().expect("no holder panics");
        let mine = cookies.iter().filter(|((of, _), _)| of == host);
        mine.map(|((_, name), value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    fn keep(&self, host: &str, headers: &reqwest::header::HeaderMap) {
        let mut cookies = self.cookies.lock().expect("no holder panics");
        for header in headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            let Some((name, value)) = header.split(';').next().and_then(|pair| pair.split_once('=')) else { continue };
            let key = (host.to_owned(), name.trim().to_owned());
            if value.is_empty() || header.to_ascii_lowercase().contains("max-age=0") {
                cookies.remove(&key);
            } else {
                cookies.insert(key, value.to_owned());
            }
        }
    }
}

impl Page {
    /// Where it sends the visitor by a redirect, or by a refresh of its own (a page that moves on by itself).
    pub fn redirect(&self) -> Option<Url> {
        if self.status.is_redirection() {
            let location = self.headers.get(LOCATION)?.to_str().ok()?;
            return self.url.join(location).ok();
        }
        let refresh = self.headers.get("refresh").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let refresh = refresh.or_else(|| {
            tags(&self.body, "meta")
                .into_iter()
                .find(|tag| tag.get("http-equiv").is_some_and(|name| name.eq_ignore_ascii_case("refresh")))
                .and_then(|tag| tag.get("content").cloned())
        })?;
        let (_, target) = refresh.split_once(['=', ';']).map(|(_, rest)| ("", rest))?;
        let target = target.trim().trim_start_matches("url=").trim_start_matches("URL=");
        self.url.join(target).ok()
    }

    /// A parameter of the address that it redirects to.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let next = self.redirect()?;
        next.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{}: {error}: {}", self.url, self.body))
    }

    /// Its forms in order.
    pub fn forms(&self) -> Vec<Form> {
        let mut forms = Vec::new();
        let mut rest = self.body.as_str();
        while let Some(start) = rest.find("<form") {
            let whole = &rest[start..];
            let end = whole.find("</form>").unwrap_or(whole.len());
            let inside = &whole[..end];
            if let Some(tag) = tags(inside, "form").into_iter().next() {
                let action = tag.get("action").map_or("", String::as_str);
                let target = if action.is_empty() { Ok(self.url.clone()) } else { self.url.join(action) };
                let post = tag.get("method").is_some_and(|method| method.eq_ignore_ascii_case("post"));
                let names = tags(inside, "input").into_iter().filter_map(|mut tag| tag.remove("name"));
                forms.push(Form {
                    action: target.expect("an action is an address"),
                    post,
                    fields: fields(inside),
                    names: names.collect(),
                });
            }
            rest = &whole[end..];
        }
        forms
    }

    /// The value of the radio button or box named `name` whose label holds `words`.
    pub fn choice(&self, name: &str, words: &str) -> String {
        let labels: Vec<&str> = self.body.match_indices("<label").map(|(at, _)| &self.body[at..]).collect();
        let named = |id: &str| {
            let label = labels.iter().find(|label| attributes(&label[6..]).get("for").is_some_and(|of| of == id));
            label.is_some_and(|label| label[..label.find("</label>").unwrap_or(label.len())].contains(words))
        };
        tags(&self.body, "input")
            .into_iter()
            .find(|tag| tag.get("name").is_some_and(|known| known == name) && tag.get("id").is_some_and(|id| named(id)))
            .and_then(|tag| tag.get("value").cloned())
            .unwrap_or_else(|| panic!("{} offers no {name} with {words}:\n{}", self.url, self.body))
    }

    /// What stands in the element with this `id`, entities resolved.
    pub fn text_in(&self, id: &str) -> String {
        let at = self.body.find(&format!("id=\"{id}\""));
        let at = at.unwrap_or_else(|| panic!("{} has no element {id}:\n{}", self.url, self.body));
        let inside = self.body[at..].split_once('>').map_or("", |(_, inside)| inside);
        unescape(inside[..inside.find('<').unwrap_or(inside.len())].trim())
    }

    /// The form that has a field of this name, or that goes to an address with it.
    pub fn form(&self, name: &str) -> Form {
        let fits = |form: &Form| {
            form.names.contains(name)
                || form.fields.iter().any(|(known, _)| known == name)
                || form.action.path().ends_with(name)
        };
        self.forms()
            .into_iter()
            .find(fits)
            .unwrap_or_else(|| panic!("{} ({}) has no form with {name}:\n{}", self.url, self.status, self.body))
    }
}

fn fields(form: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    for tag in tags(form, "input") {
        let kind = tag.get("type").map_or("text", String::as_str);
        let unset = matches!(kind, "checkbox" | "radio") && !tag.contains_key("checked");
        if let (Some(name), false) = (tag.get("name"), unset || kind == "submit") {
            fields.push((name.clone(), tag.get("value").cloned().unwrap_or_default()));
        }
    }
    for name in ["select", "textarea"] {
        fields.extend(tags(form, name).iter().filter_map(|tag| Some((tag.get("name")?.clone(), String::new()))));
    }
    fields
}

/// The attributes of each `<name …>`, entities resolved.
fn tags(html: &str, name: &str) -> Vec<BTreeMap<String, String>> {
    let open = format!("<{name}");
    html.match_indices(&open)
        .map(|(at, _)| &html[at + open.len()..])
        .filter(|rest| rest.starts_with(|c: char| c.is_whitespace() || c == '>' || c == '/'))
        .map(attributes)
        .collect()
}

fn attributes(mut rest: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/')).unwrap_or(rest.len());
        let name = rest[..end].to_ascii_lowercase();
        rest = &rest[end..];
        if name.is_empty() {
            return found;
        }
        let Some(after) = rest.strip_prefix('=') else {
            found.insert(name, String::new());
            continue;
        };
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (value, next) = match quote {
            Some(quote) => after[1..].split_once(quote).unwrap_or((&after[1..], "")),
            None => after.split_at(after.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(after.len())),
        };
        found.insert(name, unescape(value));
        rest = next;
    }
}

fn unescape(text: &str) -> String {
    let mut text = text.to_owned();
    for (entity, plain) in [
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&#38;", "&"),
        ("&amp;", "&"),
    ] {
        text = text.replace(entity, plain);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_and_moves_are_read() {
        let body = r#"<meta http-equiv="refresh" content="0; url=/next?a=1&amp;b=2"><form id=f method="post" action="/in">
            <input name="state" value="a&quot;b" type=hidden><input type="checkbox" name="keep" value="1">
            <input type="text" name="login" id="login"><button name="x">Go</button></form>"#;
        let url = Url::parse("http://localhost:1/page").expect("an address");
        let page = Page { url, status: StatusCode::OK, headers: reqwest::header::HeaderMap::new(), body: body.into() };
        assert_eq!(page.redirect().expect("moves on").as_str(), "http://localhost:1/next?a=1&b=2");
        let form = page.form("login");
        assert!(form.post && form.action.as_str() == "http://localhost:1/in");
        assert_eq!(form.fields, [("state".into(), "a\"b".into()), ("login".into(), String::new())]);
    }
}
