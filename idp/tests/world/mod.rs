//! A provider in memory, a browser that keeps cookies, people made by hand.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use axum::Router;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use idp::assurance::{Acr, Amr, Authentication};
use idp::client::{ExchangeRule, GrantType, Names, Resource};
use idp::http::browser::Browser;
use idp::http::steps;
use idp::ids::PersonId;
use idp::provision::{self, NewAuth, NewClient};
use idp::{Idp, Settings, session};
use keys::key_store::KeyStore;
use keys::sources::{Clock, Sources};
use serde_json::Value;
use store::{Db, on, sqlx};
use tower::ServiceExt as _;
use verifier::algorithm::Algorithm;
use verifier::time::Timestamp;
use web::asker::{Asker, Incident};
use web::outbound::{Outbound, OutboundSettings};

pub const ISSUER: &str = "http://localhost:8080";
pub const SIGNER: &str = "http://localhost:8081";
pub const DESK: &str = "http://localhost:8082";
pub const CALLBACK: &str = "http://localhost:8083/callback?next=a%3Db%26c&x=1+2&e=";
pub const SECRET: &str = "portal-secret-of-at-least-32-characters";
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

struct Standing(AtomicI64);

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.0.load(Ordering::Relaxed))
    }
}

/// The provider, with a clock that stands until it is moved. On SQLite, or on PostgreSQL where `DATABASE_URL` names one.
pub struct World {
    pub idp: Idp,
    router: Router,
    clock: Arc<Standing>,
    folder: std::path::PathBuf,
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {} {}", self.status, self.text))
    }

    pub fn location(&self) -> &str {
        self.headers.get(header::LOCATION).map_or("", |value| value.to_str().unwrap())
    }

    /// The parameters behind the registered bytes of the redirect URI, wherever the answer put them.
    pub fn answer(&self, uri: &str) -> BTreeMap<String, String> {
        let url = if self.status == StatusCode::SEE_OTHER {
            self.location().to_owned()
        } else {
            let at = self.text.find("url=").unwrap_or_else(|| panic!("no answer: {} {}", self.status, self.text));
            let end = self.text[at..].find("\">").unwrap();
            self.text[at + 4..at + end].replace("&#38;", "&").replace("&amp;", "&")
        };
        let rest = url.strip_prefix(uri).unwrap_or_else(|| panic!("{url} does not begin with {uri}"));
        let pairs = url::form_urlencoded::parse(rest.trim_start_matches(['?', '&']).as_bytes());
        pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
    }

    pub fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_default().to_owned()
    }
}

/// A browser: cookies, and what it is sent to.
#[derive(Default, Clone)]
pub struct Visitor {
    pub cookies: BTreeMap<String, String>,
}

impl Visitor {
    fn header(&self) -> String {
        self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    pub fn take(&mut self, headers: &HeaderMap) {
        for line in headers.get_all(header::SET_COOKIE) {
            let pair = line.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    pub fn browser(&self) -> Browser {
        let value = |name: &str| self.cookies.get(name).map(String::as_str).into_iter().collect::<Vec<_>>();
        Browser::new(value("xy_idp").into_iter(), value("xy_idp_b").into_iter(), "")
    }
}

pub fn basic(client: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{client}:{secret}")))
}

pub fn form(pairs: &[(&str, &str)]) -> String {
    let mut out = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs {
        out.append_pair(name, value);
    }
    out.finish()
}

pub fn claims(jwt: &str) -> Value {
    let body = jwt.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap()
}

pub fn header_of(jwt: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(jwt.split('.').next().unwrap()).unwrap()).unwrap()
}

/// A database of its own on the server that `DATABASE_URL` names.
async fn fresh_postgres(server: &str, number: u64) -> String {
    let name = format!("idp_{}_{number}", std::process::id());
    let db = Db::connect(server, &store::Settings::default()).await.unwrap();
    let mut connection = db.reader().await.unwrap();
    let sql = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
    on!(&mut connection, c => sqlx::raw_sql(sql).execute(c).await.map(drop)).unwrap();
    let mut url = url::Url::parse(server).unwrap();
    url.set_path(&name);
    url.into()
}

/// A response, read whole.
pub async fn reply(response: axum::response::Response) -> Reply {
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Reply { status: head.status, headers: head.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
}

impl World {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("xinyin-idp-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let url = match std::env::var("DATABASE_URL") {
            Ok(server) => fresh_postgres(&server, number).await,
            Err(_) => format!("sqlite://{}", folder.join("idp.db").display()),
        };
        let db = Db::open(&url, idp::MIGRATIONS).await.unwrap();
        let clock = Arc::new(Standing(AtomicI64::new(1_790_000_000)));
        let sources = Sources { clock: clock.clone(), random: Sources::system().random };
        let mut settings = Settings::new(ISSUER.parse().unwrap());
        change(&mut settings);
        let outbound = Outbound::new(&OutboundSettings::default()).unwrap();
        let idp = Idp::open(settings, db, KeyStore::in_memory(), sources, outbound).unwrap();
        let world = Self { router: idp.router(), idp, clock, folder };
        world.register().await;
        world
    }

    async fn register(&self) {
        for (resource, scopes) in [
            (SIGNER, &["licence.issue", "licence.read", "licence.lookup", "presentation.resolve"][..]),
            (DESK, &["verify"]),
        ] {
            let scopes = scopes.iter().map(|s| (*s).to_owned()).collect();
            let new = Resource { resource: resource.into(), sector: format!("sector-{resource}"), scopes };
            provision::resource(&self.idp, new).await.unwrap();
        }
        let mut portal =
            NewClient::portal("portal", Names::same("市民个人网页"), NewAuth::SecretBasic(SECRET.into()), CALLBACK);
        portal.scopes.extend(["id_number".to_owned(), "organisation".to_owned()]);
        portal.post_logout_redirect_uris = vec!["http://localhost:8083/out?a=%3D".into()];
        portal.trusted = true;
        portal.acts_for_organisations = true;
        portal.resources.insert(SIGNER.into());
        provision::client(&self.idp, portal).await.unwrap();

        let mut other = NewClient::portal(
            "other",
            Names::same("项目"),
            NewAuth::SecretPost(SECRET.into()),
            "https://rp.example/cb",
        );
        other.scopes.insert("id_number".into());
        other.resources.insert(SIGNER.into());
        other.id_token_alg = Algorithm::Rs256;
        other.danger_pkce_optional = true;
        provision::client(&self.idp, other).await.unwrap();

        let mut public = NewClient::portal("public", Names::same("程序"), NewAuth::None, "http://127.0.0.1/cb");
        public.trusted = true;
        public.id_token_alg = Algorithm::EdDsa;
        provision::client(&self.idp, public).await.unwrap();

        let mut desk = NewClient::portal(
            "desk",
            Names::same("核验"),
            NewAuth::SecretBasic(SECRET.into()),
            "http://localhost:8082/callback",
        );
        desk.trusted = true;
        desk.acts_for_organisations = true;
        desk.scopes.insert("verify".into());
        desk.resources.insert(DESK.into());
        desk.is_resource = Some(DESK.into());
        desk.grants.insert(GrantType::TokenExchange);
        desk.exchange = Some(ExchangeRule {
            aud: DESK.into(),
            resource: SIGNER.into(),
            scopes: ["presentation.resolve", "licence.lookup", "licence.read"].map(str::to_owned).into(),
        });
        provision::client(&self.idp, desk).await.unwrap();

        let system = NewClient::system(
            "police",
            Names::same("公安"),
            SECRET,
            "11990100001000010R",
            SIGNER,
            &["licence.issue", "licence.read"],
        );
        provision::client(&self.idp, system).await.unwrap();
    }

    pub fn advance(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::Relaxed);
    }

    pub fn now(&self) -> i64 {
        self.clock.0.load(Ordering::Relaxed)
    }

    pub async fn send(&self, request: Request<String>) -> Reply {
        reply(self.router.clone().oneshot(request.map(axum::body::Body::from)).await.unwrap()).await
    }

    /// A browser's GET: cookies go and come.
    pub async fn get(&self, visitor: &mut Visitor, path: &str) -> Reply {
        let request = Request::get(path)
            .header(header::HOST, "localhost:8080")
            .header(header::ACCEPT, "text/html")
            .header(header::COOKIE, visitor.header())
            .body(String::new())
            .unwrap();
        let reply = self.send(request).await;
        visitor.take(&reply.headers);
        reply
    }

    /// A browser's POST of a form from a page of ours.
    pub async fn submit(&self, visitor: &mut Visitor, path: &str, fields: &[(&str, &str)]) -> Reply {
        let request = Request::post(path)
            .header(header::HOST, "localhost:8080")
            .header(header::ACCEPT, "text/html")
            .header(header::ORIGIN, ISSUER)
            .header(header::COOKIE, visitor.header())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form(fields))
            .unwrap();
        let reply = self.send(request).await;
        visitor.take(&reply.headers);
        reply
    }

    /// A client's POST.
    pub async fn post(&self, path: &str, authorization: &str, fields: &[(&str, &str)]) -> Reply {
        let mut request = Request::post(path)
            .header(header::HOST, "localhost:8080")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if !authorization.is_empty() {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        self.send(request.body(form(fields)).unwrap()).await
    }

    pub async fn userinfo(&self, token: &str) -> Reply {
        let request = Request::get("/userinfo")
            .header(header::HOST, "localhost:8080")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(String::new())
            .unwrap();
        self.send(request).await
    }

    /// A person with a card and a phone.
    pub async fn person(&self, id: &str, name: &str, number: &str) -> PersonId {
        let fields = self.idp.field_keys(self.idp.sources().now()).unwrap();
        let random = self.idp.sources().random.as_ref();
        let seal = |table: &str, column: &str, row: &str, text: &str| {
            fields.seal(table, column, row, text.as_bytes(), random).unwrap()
        };
        let document = format!("doc-{id}");
        let now = self.now();
        let (name, sealed, phone) = (
            seal("persons", "name", id, name),
            seal("identity_documents", "number", &document, number),
            seal("phones", "number", id, "13800000012"),
        );
        let mut tx = self.idp.db().begin().await.unwrap();
        on!(&mut tx, c => sqlx::query("INSERT INTO persons (id, state, name, locale, created_at, updated_at) VALUES ($1, 'active', $2, 'zh-CN', $3, $3)")
            .bind(id).bind(&name).bind(now).execute(c).await.map(drop)).unwrap();
        on!(&mut tx, c => sqlx::query("INSERT INTO identity_documents (id, person_id, id_type, number, number_digest, is_current, recorded_at) VALUES ($1, $2, '111', $3, $4, 1, $5)")
            .bind(&document).bind(id).bind(&sealed).bind(fields.digest("111", number)).bind(now).execute(c).await.map(drop)).unwrap();
        on!(&mut tx, c => sqlx::query("INSERT INTO phones (person_id, number, number_digest, verified, recorded_at) VALUES ($1, $2, $3, 1, $4)")
            .bind(id).bind(&phone).bind(fields.digest("phone", id)).bind(now).execute(c).await.map(drop)).unwrap();
        tx.commit().await.unwrap();
        PersonId::parse(id).unwrap()
    }

    /// An organisation that `person` may act for.
    pub async fn mandate(&self, id: &str, person: &PersonId, code: &str, matters: &str) {
        let mut tx = self.idp.db().begin().await.unwrap();
        on!(&mut tx, c => sqlx::query("INSERT INTO organisations (id, code, name, region, state, updated_at) VALUES ($1, $1, '示例局', '990101', 'registered', 0)")
            .bind(code).execute(c).await.map(drop)).unwrap();
        on!(&mut tx, c => sqlx::query("INSERT INTO mandates (id, person_id, organisation_id, role, matters, starts_at) VALUES ($1, $2, $3, 'operator', $4, 0)")
            .bind(id).bind(person.as_str()).bind(code).bind(matters).execute(c).await.map(drop)).unwrap();
        tx.commit().await.unwrap();
    }

    pub async fn run(&self, sql: &'static str) {
        let mut tx = self.idp.db().begin().await.unwrap();
        on!(&mut tx, c => sqlx::query(sql).execute(c).await.map(drop)).unwrap();
        tx.commit().await.unwrap();
    }

    pub fn asker_for(&self, visitor: &Visitor) -> Asker {
        let request =
            Request::post("/sign-in").header(header::COOKIE, visitor.header()).header(header::ACCEPT, "text/html");
        let (head, ()) = request.body(()).unwrap().into_parts();
        Asker::read(self.idp.site(), Incident::random(self.idp.sources().random.as_ref()), &head, None)
    }

    /// Signs a person in on the sign-in page at `path`, as that page would, and answers what the browser sees next.
    pub async fn sign_in(&self, visitor: &mut Visitor, path: &str, person: &PersonId, acr: Acr) -> Reply {
        let id = path.strip_prefix("/sign-in/").unwrap_or_else(|| panic!("not a sign-in page: {path}"));
        let browser = visitor.browser();
        let mut tx = self.idp.db().begin().await.unwrap();
        let mut interaction = steps::load(&self.idp, &mut tx, id, &browser).await.unwrap();
        let authentication = Authentication {
            person: person.clone(),
            acr,
            amr: vec![Amr::Pwd],
            at: self.idp.sources().now(),
            remember: false,
        };
        let signed_in =
            session::sign_in(&mut tx, &self.idp, &mut interaction, &browser, &authentication).await.unwrap();
        let response = steps::go_on(&self.idp, &self.asker_for(visitor), &browser, tx, interaction, Some(signed_in))
            .await
            .unwrap();
        let reply = reply(response).await;
        visitor.take(&reply.headers);
        reply
    }

    #[expect(clippy::unused_self, reason = "reads as what it is: a request to this world")]
    pub fn authorize(&self, client: &str, more: &[(&str, &str)]) -> String {
        let redirect_uri = match client {
            "portal" => CALLBACK,
            "other" => "https://rp.example/cb",
            "public" => "http://127.0.0.1/cb",
            _ => "http://localhost:8082/callback",
        };
        let mut pairs = vec![("response_type", "code"), ("client_id", client), ("redirect_uri", redirect_uri)];
        let fixed = [
            ("scope", "openid profile"),
            ("state", "s1=s2&s2 =?#é"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        pairs.extend(fixed.into_iter().filter(|(name, _)| !more.iter().any(|(m, _)| m == name)));
        pairs.extend(more.iter().filter(|(_, value)| !value.is_empty()));
        format!("/authorize?{}", form(&pairs))
    }

    /// Begins at the portal, signs in, and gives the code.
    pub async fn code(&self, visitor: &mut Visitor, person: &PersonId, more: &[(&str, &str)]) -> String {
        let reply = self.get(visitor, &self.authorize("portal", more)).await;
        let path = reply.location().to_owned();
        let mut reply = self.sign_in(visitor, &path, person, Acr::Two).await;
        if reply.location().starts_with("/consent/") {
            let path = reply.location().to_owned();
            reply = self.fill(visitor, &path, &[("scope", "id_number")]).await;
        }
        reply.answer(CALLBACK)["code"].clone()
    }

    /// Fills the form of the page at `path`, with its token.
    pub async fn fill(&self, visitor: &mut Visitor, path: &str, fields: &[(&str, &str)]) -> Reply {
        let page = self.get(visitor, path).await;
        let at =
            page.text.rfind("name=\"form_token\" value=\"").unwrap_or_else(|| panic!("no form: {}", page.text)) + 25;
        let token = page.text[at..].split('"').next().unwrap().to_owned();
        self.submit(visitor, path, &[&[("form_token", token.as_str())], fields].concat()).await
    }

    /// A client's POST from an address.
    pub async fn post_from(&self, address: [u8; 4], path: &str, authorization: &str, fields: &[(&str, &str)]) -> Reply {
        let request = Request::post(path)
            .header(header::HOST, "localhost:8080")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::AUTHORIZATION, authorization);
        let mut request = request.body(form(fields)).unwrap();
        let address = std::net::SocketAddr::from((address, 40_000));
        request.extensions_mut().insert(web::serve::Peer { address, tls: false, certificate: None });
        self.send(request).await
    }

    pub async fn count(&self, sql: &'static str) -> i64 {
        let mut tx = self.idp.db().reader().await.unwrap();
        let (n,): (i64,) = on!(&mut tx, c => sqlx::query_as(sql).fetch_one(c).await).unwrap();
        n
    }

    pub async fn redeem(&self, code: &str) -> Reply {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        self.post("/token", &basic("portal", SECRET), &fields).await
    }

    pub async fn refresh(&self, token: &str) -> Reply {
        self.post("/token", &basic("portal", SECRET), &[("grant_type", "refresh_token"), ("refresh_token", token)])
            .await
    }
}
