//! A house to test in: the real router over SQLite (or PostgreSQL where `DATABASE_URL` names one), a standing clock, a register that keeps what it was asked.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use http::{HeaderMap, Request, StatusCode, header};
use idp::account::{Name, Password, Phone};
use idp::client::Names;
use idp::ids::PersonId;
use idp::provision::{self, NewAuth, NewClient, NewPerson};
use idp::settings::Register;
use idp::{Idp, MIGRATIONS, Settings};
use keys::key_store::KeyStore;
use keys::sources::{Clock, Sources};
use serde_json::{Value, json};
use store::Db;
use tower::ServiceExt;
use verifier::subject::IdNumber;
use verifier::time::Timestamp;
use web::outbound::{Outbound, OutboundSettings};

static HOUSES: AtomicUsize = AtomicUsize::new(0);

/// A clock that stands until it is moved.
pub struct Standing(AtomicI64);

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.0.load(Ordering::Relaxed))
    }
}

/// What the registers hold and heard.
#[derive(Default)]
pub struct Registers {
    /// Number to name and phone.
    pub people: BTreeMap<String, (String, Option<String>)>,
    /// Number and text of each message.
    pub messages: Vec<(String, String)>,
    /// Assertions that came without a bearer token.
    pub unsigned: usize,
}

/// What a story knows of the registers.
pub type Shared = Arc<Mutex<Registers>>;

/// The house.
pub struct House {
    pub idp: Idp,
    pub router: Router,
    pub clock: Arc<Standing>,
    pub registers: Shared,
    folder: std::path::PathBuf,
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl House {
    /// With the issuer at `issuer`.
    pub async fn at(issuer: &str) -> Self {
        let registers = Shared::default();
        let at = start_registers(registers.clone()).await;
        let clock = Arc::new(Standing(AtomicI64::new(1_795_000_000)));
        let sources = Sources { clock: clock.clone(), ..Sources::system() };
        let n = HOUSES.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("xinyin-idp-people-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let url = match std::env::var("DATABASE_URL") {
            Ok(server) => fresh_postgres(&server, n).await,
            Err(_) => format!("sqlite://{}", folder.join("idp.db").display()),
        };
        let db = Db::open(&url, MIGRATIONS).await.expect("a database");
        let mut settings = Settings::new(issuer.parse().expect("a URL"));
        let register = Register { url: at.parse().expect("a URL"), client_id: "idp".to_owned(), key: None };
        settings.demonstration = true;
        settings.registers.population = Some(register.clone());
        settings.registers.phone = Some(register);
        let outbound = OutboundSettings { allowed_origins: vec![at], ..OutboundSettings::default() };
        let outbound = Outbound::new(&outbound).expect("a door");
        let idp = Idp::open(settings, db, KeyStore::in_memory(), sources, outbound).expect("opens");
        Self { router: idp.router(), idp, clock, registers, folder }
    }

    /// At `http://localhost:8080`.
    pub async fn new() -> Self {
        Self::at("http://localhost:8080").await
    }

    /// The same database at another address.
    pub fn moved_to(&self, issuer: &str) -> Idp {
        let settings = Settings::new(issuer.parse().expect("a URL"));
        let outbound = Outbound::new(&OutboundSettings::default()).expect("a door");
        let (db, sources) = (self.idp.db().clone(), self.idp.sources().clone());
        Idp::open(settings, db, KeyStore::in_memory(), sources, outbound).expect("opens")
    }

    /// Moves the clock on.
    pub fn wait(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Loads a confirmed person, whom the registers know too.
    pub async fn person(&self, number: &str, name: &str, phone: &str, password: &str) -> PersonId {
        let known = (name.to_owned(), Some(phone.to_owned()));
        self.registers.lock().expect("no panic").people.insert(number.to_owned(), known);
        let new = NewPerson {
            number: number.parse::<IdNumber>().expect("a number"),
            name: Name::read(name).expect("a name"),
            phone: Some(Phone::read(phone).expect("a phone")),
            password: Some(Password::new(password.to_owned())),
            level: 2,
        };
        provision::person(&self.idp, &new).await.expect("loads")
    }

    /// Registers a portal; `change` makes it another one.
    pub async fn portal(&self, change: impl FnOnce(&mut NewClient)) {
        let names = Names { zh_cn: "示范门户".to_owned(), en: "Demo portal".to_owned() };
        let auth = NewAuth::SecretBasic("a secret of thirty-two characters".to_owned());
        let mut client = NewClient::portal("portal", names, auth, "http://localhost:8083/callback");
        client.trusted = true;
        change(&mut client);
        provision::client(&self.idp, client).await.expect("registers");
    }

    /// The code in the newest message to a number.
    pub fn code(&self, number: &str) -> String {
        let registers = self.registers.lock().expect("no panic");
        let text = &registers.messages.iter().rev().find(|(to, _)| to == number).expect("a message").1;
        let digits: String = text.chars().skip_while(|c| !c.is_ascii_digit()).take(6).collect();
        assert_eq!(digits.len(), 6, "{text}");
        digits
    }

    /// The newest message to a number.
    pub fn message(&self, number: &str) -> String {
        let registers = self.registers.lock().expect("no panic");
        registers.messages.iter().rev().find(|(to, _)| to == number).map(|(_, text)| text.clone()).unwrap_or_default()
    }

    /// Rows of a query that gives one number.
    pub async fn count(&self, sql: &'static str) -> i64 {
        let mut tx = self.idp.db().reader().await.expect("a reader");
        let (n,): (i64,) = store::on!(&mut tx, c => store::sqlx::query_as(sql).fetch_one(c).await).expect("a number");
        n
    }
}

/// A database of its own on the server that `DATABASE_URL` names.
async fn fresh_postgres(server: &str, number: usize) -> String {
    let name = format!("idp_people_{}_{number}", std::process::id());
    let db = Db::connect(server, &store::Settings::default()).await.expect("a server");
    let mut connection = db.reader().await.expect("a connection");
    let sql = store::sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
    store::on!(&mut connection, c => store::sqlx::raw_sql(sql).execute(c).await.map(drop)).expect("makes a database");
    let mut url = url::Url::parse(server).expect("a URL");
    url.set_path(&name);
    url.into()
}

async fn start_registers(state: Shared) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = format!("http://{}", listener.local_addr().expect("an address"));
    let router = Router::new()
        .route("/v1/persons/match", post(match_person))
        .route("/v1/messages", post(message))
        .with_state(state);
    tokio::spawn(async move { axum::serve_on(listener, router).await });
    at
}

/// `axum::serve` needs a feature that the product does without; this is the little of it that a test needs.
mod axum {
    pub use ::axum::*;

    pub async fn serve_on(listener: tokio::net::TcpListener, router: Router) {
        while let Ok((socket, _)) = listener.accept().await {
            let service = hyper_util::service::TowerToHyperService::new(router.clone());
            tokio::spawn(async move {
                let io = hyper_util::rt::TokioIo::new(socket);
                let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
            });
        }
    }
}

fn is_signed(headers: &HeaderMap) -> bool {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    bearer.strip_prefix("Bearer ").is_some_and(|token| token.split('.').count() == 3)
}

async fn match_person(State(state): State<Shared>, headers: HeaderMap, Json(body): Json<Value>) -> Json<Value> {
    let mut state = state.lock().expect("no panic");
    state.unsigned += usize::from(!is_signed(&headers));
    let known = body["id_number"].as_str().and_then(|number| state.people.get(number));
    let same = known.is_some_and(|(name, _)| Some(name.as_str()) == body["name"].as_str());
    Json(json!({ "match": same, "status": same.then_some("alive") }))
}

async fn message(
    State(state): State<Shared>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> (StatusCode, Json<Value>) {
    let mut state = state.lock().expect("no panic");
    state.unsigned += usize::from(!is_signed(&headers));
    let number = body["id_number"].as_str().unwrap_or_default().to_owned();
    let Some(phone) = state.people.get(&number).and_then(|(_, phone)| phone.clone()) else {
        return (StatusCode::NOT_FOUND, Json(json!({ "code": "no_phone" })));
    };
    state.messages.push((number, body["text"].as_str().unwrap_or_default().to_owned()));
    let mut answer = json!({ "phone_masked": format!("*******{}", &phone[7..]) });
    if let Some(typed) = body["phone"].as_str() {
        answer["phone_matches"] = json!(typed == phone);
    }
    (StatusCode::ACCEPTED, Json(answer))
}

/// A browser: cookies, an address, nothing else.
pub struct Browser<'a> {
    house: &'a House,
    pub cookies: BTreeMap<String, String>,
    pub address: IpAddr,
    pub language: &'static str,
}

/// An answer.
pub struct Answer {
    pub status: StatusCode,
    pub location: String,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    /// The value of an input.
    pub fn value(&self, name: &str) -> String {
        let at =
            self.text.find(&format!("name=\"{name}\"")).unwrap_or_else(|| panic!("no field {name}:\n{}", self.text));
        let start = self.text[..at].rfind('<').expect("a tag");
        let end = at + self.text[at..].find('>').expect("its end");
        let tag = &self.text[start..end];
        tag.split_once(" value=\"")
            .map(|(_, rest)| rest.split('"').next().unwrap_or_default().to_owned())
            .unwrap_or_default()
    }

    /// The page without what differs in each answer: the token, the request's number.
    pub fn steady(&self) -> String {
        let number = self.headers.get("xinyin-incident").and_then(|v| v.to_str().ok()).unwrap_or("-").to_owned();
        self.text.replace(&self.value("form_token"), "").replace(&number, "")
    }
}

impl<'a> Browser<'a> {
    /// A new one.
    pub fn new(house: &'a House) -> Self {
        let address = IpAddr::from([203, 0, 113, 7]);
        Self { house, cookies: BTreeMap::new(), address, language: "zh-CN" }
    }

    /// GET.
    pub async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[], None).await
    }

    /// A call with headers of its own.
    pub async fn call(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        fields: Option<&[(&str, &str)]>,
    ) -> Answer {
        let body =
            fields.map(|fields| url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish());
        self.send(method, path, headers, body).await
    }

    /// GET, following redirects within the house.
    pub async fn open(&mut self, path: &str) -> (String, Answer) {
        let mut at = path.to_owned();
        for _ in 0..6 {
            let answer = self.get(&at).await;
            if answer.status != StatusCode::SEE_OTHER || !answer.location.starts_with('/') {
                return (at, answer);
            }
            at = answer.location;
        }
        panic!("round and round at {at}");
    }

    /// POST of a form.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send("POST", path, &[], Some(body)).await
    }

    /// POST of the form of a page, with its token.
    pub async fn fill(&mut self, page: &Answer, path: &str, fields: &[(&str, &str)]) -> Answer {
        // The page's own form stands behind the one in its head that signs out.
        let at = page.text.rfind("name=\"form_token\"").unwrap_or_else(|| panic!("no form:\n{}", page.text));
        let token = page.text[at..].split('"').nth(3).unwrap_or_default().to_owned();
        let request = if page.text.contains("name=\"request_id\"") { page.value("request_id") } else { String::new() };
        let mut all = vec![("form_token", token.as_str()), ("request_id", request.as_str())];
        all.extend_from_slice(fields);
        self.post(path, &all).await
    }

    /// Signs in at the account page.
    pub async fn sign_in(&mut self, login: &str, password: &str) -> Answer {
        let (path, page) = self.open("/account").await;
        assert!(path.starts_with("/sign-in/"), "{path}");
        self.fill(&page, &path, &[("login", login), ("password", password)]).await
    }

    /// Goes to `path`, which wants a code first, and gives the one that is sent to `number`. Where that leads.
    pub async fn prove_by_code(&mut self, path: &str, number: &str) -> String {
        let (at, page) = self.open(path).await;
        assert!(at.starts_with("/register/confirm"), "{at}");
        let code_path = self.fill(&page, &at, &[]).await.location;
        let page = self.get(&code_path).await;
        let code = self.house.code(number);
        let answer = self.fill(&page, &code_path, &[("code", &code)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        answer.location
    }

    async fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<String>) -> Answer {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost:8080")
            .header(header::ACCEPT, "text/html")
            .header(header::ACCEPT_LANGUAGE, self.language);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        let mut request = request.body(Body::from(body.unwrap_or_default())).expect("a request");
        let address = SocketAddr::new(self.address, 40_000);
        request.extensions_mut().insert(web::serve::Peer { address, tls: false, certificate: None });
        let response = self.house.router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        for cookie in parts.headers.get_all(header::SET_COOKIE) {
            let text = cookie.to_str().expect("ascii");
            let (name, rest) = text.split_once('=').expect("a cookie");
            let value = rest.split(';').next().unwrap_or_default();
            if text.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let bytes = to_bytes(body, 1 << 20).await.expect("a body");
        let location = parts.headers.get(header::LOCATION).map(|v| v.to_str().expect("ascii").to_owned());
        Answer {
            status: parts.status,
            location: location.unwrap_or_default(),
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).expect("text"),
        }
    }
}
