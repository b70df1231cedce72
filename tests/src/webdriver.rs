//! A real browser: headless Chromium, driven by W3C WebDriver.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::folder::Folder;
use crate::network;
use crate::tools::{CHROMEDRIVER, CHROMIUM};

/// The name under which WebDriver hands out an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// The key of that name.
pub const TAB: char = '\u{e004}';
/// The key of that name.
pub const ENTER: char = '\u{e007}';
/// The key of that name.
pub const SPACE: char = ' ';
/// The arrow.
pub const DOWN: char = '\u{e015}';
/// How long a page may take until an element is there.
const PATIENCE: Duration = Duration::from_secs(10);

/// A browser with a profile of its own; closed when dropped.
#[derive(Debug)]
pub struct Browser {
    client: reqwest::Client,
    session: String,
    driver: Child,
    _profile: Folder,
}

/// An element of the present page.
#[derive(Clone, Debug)]
pub struct Element(String);

/// How a browser is started.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Whether pages may run scripts.
    pub scripts: bool,
    /// The language that it asks for.
    pub language: &'static str,
    /// Whether certificates that nobody vouches for are taken.
    pub danger_any_certificate: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { scripts: true, language: "zh-CN", danger_any_certificate: false }
    }
}

impl Browser {
    /// Starts chromedriver and a fresh headless Chromium.
    pub async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    /// As [`Browser::start`], otherwise than usual.
    pub async fn start_with(options: Options) -> Self {
        let profile = Folder::new("browser");
        let (driver, port) =
            tokio::task::spawn_blocking(move || start_driver(options.language)).await.expect("the starter ends");
        let client = network::client();
        let server = format!("http://127.0.0.1:{port}");
        let mut preferences = json!({"intl.accept_languages": options.language});
        if !options.scripts {
            preferences["profile.managed_default_content_settings.javascript"] = json!(2);
        }
        let arguments = [
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--disable-quic".to_owned(),
            "--no-first-run".to_owned(),
            "--no-proxy-server".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--disable-features=Translate,OptimizationHints,MediaRouter".to_owned(),
            "--hide-scrollbars".to_owned(),
            "--force-prefers-reduced-motion".to_owned(), // a picture in the midst of a change of colour is nobody's page
            format!("--lang={}", options.language),
            format!("--user-data-dir={}", profile.path().display()),
        ];
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "acceptInsecureCerts": options.danger_any_certificate,
            "goog:chromeOptions": {"binary": CHROMIUM.path(), "args": arguments, "prefs": preferences},
        }}});
        let answer = send(client.post(format!("{server}/session")).json(&capabilities)).await;
        let id = answer["sessionId"].as_str().expect("a session has an id").to_owned();
        Self { client, session: format!("{server}/session/{id}"), driver, _profile: profile }
    }

    /// Opens `url` and waits until it is loaded.
    pub async fn open(&self, url: &str) {
        self.post("url", &json!({"url": url})).await;
    }

    /// The present address.
    pub async fn url(&self) -> String {
        text(&self.get("url").await)
    }

    /// The present title.
    pub async fn title(&self) -> String {
        text(&self.get("title").await)
    }

    /// The page's source as it stands now.
    pub async fn source(&self) -> String {
        text(&self.get("source").await)
    }

    /// All that can be read on the page.
    pub async fn body_text(&self) -> String {
        let body = self.find("body").await;
        self.text_of(&body).await
    }

    /// The first element that the CSS selector finds, waited for up to ten seconds.
    pub async fn find(&self, selector: &str) -> Element {
        let begun = Instant::now();
        loop {
            if let Some(element) = self.find_now(selector).await.into_iter().next() {
                return element;
            }
            if begun.elapsed() > PATIENCE {
                let page = self.execute("return document.body ? document.body.innerText : ''", &json!([])).await;
                panic!("no {selector} at {}; the page says:\n{}", self.url().await, text(&page));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// All elements that the CSS selector finds at once.
    pub async fn find_now(&self, selector: &str) -> Vec<Element> {
        let found = self.post("elements", &json!({"using": "css selector", "value": selector})).await;
        let elements = found.as_array().cloned().unwrap_or_default();
        elements.iter().filter_map(|e| e[ELEMENT].as_str()).map(|id| Element(id.to_owned())).collect()
    }

    /// Waits up to ten seconds until the address begins with `start`.
    pub async fn arrive(&self, start: &str) {
        let begun = Instant::now();
        while !self.url().await.starts_with(start) {
            assert!(
                begun.elapsed() < PATIENCE,
                "not at {start} but at {}:\n{}",
                self.url().await,
                self.body_text().await
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits up to ten seconds until `words` can be read on the page.
    pub async fn read(&self, words: &str) {
        let begun = Instant::now();
        loop {
            let body = self.execute("return document.body ? document.body.innerText : ''", &json!([])).await;
            if text(&body).contains(words) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{words} is not to be read at {}:\n{}", self.url().await, text(&body));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Clicks.
    pub async fn click(&self, selector: &str) {
        let element = self.find(selector).await;
        self.post(&format!("element/{}/click", element.0), &json!({})).await;
    }

    /// Empties a field and types into it; `\n` is Enter.
    pub async fn fill(&self, selector: &str, value: &str) {
        let element = self.find(selector).await;
        self.post(&format!("element/{}/clear", element.0), &json!({})).await;
        self.type_into(&element, value).await;
    }

    /// Types into an element, or gives a file's path to an upload field.
    pub async fn type_into(&self, element: &Element, value: &str) {
        let keys = value.replace('\n', "\u{e007}");
        self.post(&format!("element/{}/value", element.0), &json!({"text": keys})).await;
    }

    /// Types into whatever has the focus, as a scan gun does; `\n` is Enter.
    pub async fn type_keys(&self, value: &str) {
        let actions: Vec<Value> = value
            .chars()
            .map(|c| if c == '\n' { '\u{e007}' } else { c })
            .flat_map(|c| [json!({"type": "keyDown", "value": c}), json!({"type": "keyUp", "value": c})])
            .collect();
        self.post("actions", &json!({"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})).await;
    }

    /// Presses one key: [`TAB`], [`ENTER`], [`SPACE`], [`DOWN`].
    pub async fn press(&self, key: char) {
        let actions = json!([{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]);
        self.post("actions", &json!({"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})).await;
    }

    /// Presses Tab until `selector` has the focus. Each element on the way must be seen, wear a ring, and stand behind the
    /// one before it.
    pub async fn tab_to(&self, selector: &str) {
        let mut before = self.focus(selector).await;
        for _ in 0..60 {
            if before["here"] == json!(true) {
                return;
            }
            self.press(TAB).await;
            let now = self.focus(selector).await;
            assert!(
                now["place"].as_i64() > before["place"].as_i64(),
                "the focus jumps to {}, from {}",
                now["what"],
                before["what"]
            );
            assert_eq!(
                (&now["seen"], &now["ring"]),
                (&json!(true), &json!(true)),
                "the focus is not to be seen: {now}"
            );
            before = now;
        }
        panic!("{selector} is not reached by Tab at {}", self.url().await);
    }

    async fn focus(&self, selector: &str) -> Value {
        self.find(selector).await;
        let look = "const e = document.activeElement, r = e.getBoundingClientRect(), s = getComputedStyle(e);
            const hit = document.elementFromPoint(r.left + r.width / 2, r.top + r.height / 2);
            return {here: e.matches(arguments[0]), what: e.outerHTML.slice(0, 160),
                place: e === document.body ? -1 : [...document.querySelectorAll('*')].indexOf(e),
                seen: r.width > 0 && r.height > 0 && !!hit && (e.contains(hit) || hit.contains(e)),
                ring: s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2}";
        self.execute(look, &json!([selector])).await
    }

    /// What can be read in an element.
    pub async fn text_of(&self, element: &Element) -> String {
        text(&self.get(&format!("element/{}/text", element.0)).await)
    }

    /// An attribute of an element.
    pub async fn attribute(&self, element: &Element, name: &str) -> Option<String> {
        self.get(&format!("element/{}/attribute/{name}", element.0)).await.as_str().map(str::to_owned)
    }

    /// Runs a function's body in the page and answers what it returns.
    pub async fn execute(&self, script: &str, arguments: &Value) -> Value {
        self.post("execute/sync", &json!({"script": script, "args": arguments})).await
    }

    /// Runs a function's body whose last argument is to be called with the result.
    pub async fn execute_async(&self, script: &str, arguments: &Value) -> Value {
        self.post("execute/async", &json!({"script": script, "args": arguments})).await
    }

    /// Runs a script in the page's main world, whatever the page's content security policy says of `eval`.
    pub async fn execute_outside_policy(&self, source: &str) {
        self.devtools("Runtime.evaluate", json!({"expression": source})).await;
    }

    /// A command of Chromium's own protocol.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.post("goog/cdp/execute", &json!({"cmd": command, "params": parameters})).await
    }

    /// Makes the page `width` CSS pixels wide, narrower than a window can be.
    pub async fn set_width(&self, width: u32) {
        let metrics = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Whether the page can be moved sideways at its present width.
    pub async fn overflows(&self) -> bool {
        let wide = "return document.documentElement.scrollWidth > document.documentElement.clientWidth";
        self.execute(wide, &json!([])).await == json!(true)
    }

    /// The elements that stand out of the page at its present width, for whoever mends it.
    pub async fn widest(&self) -> String {
        let find = "const wide = document.documentElement.clientWidth;
            return [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > wide + 0.5 && !e.closest('.hidden'))
                .slice(-3).map(e => e.tagName.toLowerCase() + (e.className && e.className.baseVal === undefined ? '.' + e.className : '')).join(', ')";
        text(&self.execute(find, &json!([])).await)
    }

    /// The page as a browser prints it.
    pub async fn pdf(&self) -> Vec<u8> {
        let printed = self.devtools("Page.printToPDF", json!({"paperWidth": 8.27, "paperHeight": 11.69})).await;
        STANDARD.decode(text(&printed["data"])).expect("a document is base64")
    }

    /// Shows the page as on paper, or on a screen again.
    pub async fn on_paper(&self, paper: bool) {
        let media = if paper { "print" } else { "" };
        self.devtools("Emulation.setEmulatedMedia", json!({"media": media})).await;
    }

    /// Goes back, as by the button.
    pub async fn back(&self) {
        self.post("back", &json!({})).await;
    }

    /// A picture of the whole page at `width`, written to `path`.
    pub async fn screenshot(&self, width: u32, path: &Path) {
        self.set_width(width).await;
        let parameters = json!({"format": "png", "captureBeyondViewport": true});
        let picture = self.devtools("Page.captureScreenshot", parameters).await;
        let bytes = STANDARD.decode(text(&picture["data"])).expect("a picture is base64");
        std::fs::write(path, bytes).expect("a picture can be written");
    }

    /// Pictures at 320 and 1280 px as `{name}-320.png` and `{name}-1280.png`, kept in `target/screenshots`; the page
    /// must not move sideways at 320 px.
    pub async fn picture(&self, name: &str) {
        let folder = crate::folder::kept("screenshots");
        for width in [320, 1280] {
            self.screenshot(width, &folder.join(format!("{name}-{width}.png"))).await;
            assert!(!self.overflows().await, "{name} moves sideways at {width} px");
        }
    }

    /// Adds a virtual authenticator with a screen lock that always agrees, and answers its id.
    pub async fn add_authenticator(&self) -> String {
        let authenticator = json!({"protocol": "ctap2", "transport": "internal", "hasResidentKey": true,
            "hasUserVerification": true, "isUserConsenting": true, "isUserVerified": true});
        text(&self.post("webauthn/authenticator", &authenticator).await)
    }

    /// The credentials in a virtual authenticator.
    pub async fn credentials(&self, authenticator: &str) -> Vec<Value> {
        let path = format!("webauthn/authenticator/{authenticator}/credentials");
        self.get(&path).await.as_array().cloned().unwrap_or_default()
    }

    /// Takes a virtual authenticator away.
    pub async fn remove_authenticator(&self, authenticator: &str) {
        let path = format!("{}/webauthn/authenticator/{authenticator}", self.session);
        send(self.client.delete(path)).await;
    }

    /// The cookies of the present page's host.
    pub async fn cookies(&self) -> Vec<Value> {
        self.get("cookie").await.as_array().cloned().unwrap_or_default()
    }

    /// Forgets the cookies of the present page's host.
    pub async fn forget_cookies(&self) {
        send(self.client.delete(format!("{}/cookie", self.session))).await;
    }

    /// Ends the browser from where nothing can be awaited.
    fn end_session(&self) {
        let Ok(url) = url::Url::parse(&self.session) else { return };
        let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, url.port().unwrap_or_default())) else { return };
        let request = format!("DELETE {} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", url.path());
        let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
        if stream.write_all(request.as_bytes()).is_ok() {
            let _ = stream.read(&mut [0; 64]);
        }
    }

    async fn get(&self, path: &str) -> Value {
        send(self.client.get(format!("{}/{path}", self.session))).await
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        send(self.client.post(format!("{}/{path}", self.session)).json(body)).await
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.end_session(); // the browser first, so that nothing writes into the profile any more
        let _ = Command::new("kill").arg(self.driver.id().to_string()).status();
        for _ in 0..100 {
            if matches!(self.driver.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn start_driver(language: &str) -> (Child, u16) {
    let mut driver = Command::new(CHROMEDRIVER.path())
        .arg("--port=0")
        .env("LANGUAGE", language.replace('-', "_"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("chromedriver starts");
    let mut lines = BufReader::new(driver.stdout.take().expect("its output is piped")).lines();
    let port = lines
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok())
        .expect("chromedriver names its port");
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop)); // so that it never waits for a reader
    (driver, port)
}

/// Sends a command and answers its value.
async fn send(request: reqwest::RequestBuilder) -> Value {
    let response = request.send().await.expect("chromedriver answers");
    let mut body: Value = response.json().await.expect("chromedriver answers JSON");
    let value = body["value"].take();
    assert!(value["error"].is_null(), "the browser refused: {} {}", value["error"], value["message"]);
    value
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
