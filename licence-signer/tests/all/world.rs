//! A small world: two departments, two types, two matters, a clock that can be moved, and an idp.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use keys::authority::{Authority, Founding};
use keys::sources::{Clock, Sources};
use keys::{KeyStore, Purpose};
use licence_signer::catalogue::{
    EndRule, Face, FaceField, FaceForm, HolderKind, ItemDefinition, LicenceKind, LookupRule, Titles, TypeDefinition,
    ValidityRule,
};
use licence_signer::issuance::HolderCode;
use licence_signer::lookup::Matter;
use licence_signer::officer::Department;
use licence_signer::{LicenceSigner, Settings, provision, storage};
use serde_json::{Value, json};
use store::Db;
use tower::ServiceExt;
use verifier::time::Timestamp;
use web::outbound::{Outbound, OutboundSettings};

/// A department that issues (made up; its checks fit).
pub const BUREAU: &str = "11640000MB00XY126D";
/// One that only asks.
pub const HALL: &str = "12410600MB0000T13R";
/// A licence type of persons.
pub const PERSON_TYPE: &str = "11640000MB00XY126D001";
/// A licence type of organisations.
pub const SHOP_TYPE: &str = "11640000MB00XY126D002";
/// A person's number with sequence 000.
pub const NUMBER: &str = "11010519491231002X";
/// The signer's address.
pub const URL: &str = "http://localhost:8081";

/// A clock that stands where it is put.
pub struct Standing(pub AtomicI64);

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.0.load(Ordering::SeqCst))
    }
}

/// The world.
pub struct World {
    pub signer: LicenceSigner,
    pub router: Router,
    pub clock: Arc<Standing>,
    pub url: String,
    idp: KeyStore,
    issuer: String,
    background: tokio::task::JoinHandle<()>,
    pub keys: KeyStore,
    pub folder: std::path::PathBuf,
    pub outbound: Outbound,
}

/// An answer, read.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: http::HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

pub fn definition(code: &str, kind: HolderKind) -> TypeDefinition {
    let item = |name: &str, zh: &str| ItemDefinition { name: name.to_owned(), titles: Titles::new(zh, name) };
    TypeDefinition {
        code: code.to_owned(),
        version: 1,
        name: Titles::new("从业资格证", "Qualification"),
        kind: LicenceKind::Licence,
        holder_kind: kind,
        items: vec![item("level", "等级"), item("scope", "范围"), item("first_issued", "初次领证")],
        schema: json!({
            "type": "object", "additionalProperties": false, "required": ["level"],
            "properties": {
                "level": {"type": "string", "enum": ["一级", "二级", "三级"]},
                "scope": {"type": "string", "maxLength": 40},
                "first_issued": {"type": "string", "format": "date"},
            },
        }),
        validity: ValidityRule { end: EndRule::Required, most_years: Some(10) },
        face: Face {
            form: FaceForm::Page,
            title: "从业资格证".to_owned(),
            layout: vec![FaceField { field: "level".to_owned(), wide: false }],
            portrait: false,
        },
        code_items: vec!["level".to_owned(), "first_issued".to_owned()],
        departments: vec![BUREAU.to_owned()],
        lookup: vec![LookupRule { matter: "M-1".to_owned(), items: vec!["level".to_owned()] }],
    }
}

impl World {
    /// Starts it: the first run of a database in a folder of its own.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// As [`Self::start`], with settings of one's own.
    pub async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        let clock = Arc::new(Standing(AtomicI64::new(1_796_000_000)));
        let sources = Sources { clock: clock.clone(), random: Sources::system().random };
        let idp = KeyStore::in_memory();
        let now = sources.now();
        let ring = idp.ensure(&Purpose::AccessToken, now).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let (discovery, set) = (json!({"issuer": issuer, "jwks_uri": format!("{issuer}/jwks")}), ring.jwk_set(now));
        let pages = Router::new()
            .route("/.well-known/openid-configuration", get(async move || axum::Json(discovery)))
            .route("/jwks", get(async move || axum::Json(set)));
        tokio::spawn(async move { axum::serve(listener, pages).await });
        let outbound =
            Outbound::new(&OutboundSettings { allowed_origins: vec![issuer.clone()], ..OutboundSettings::default() })
                .unwrap();
        let keys = KeyStore::in_memory();
        let founding = Founding {
            authority: "test.example".to_owned(),
            title: "示范省".to_owned(),
            oid_arc: "1.3.6.1.4.1.32473".to_owned(),
            signer: URL.to_owned(),
            bound: None,
        };
        Authority::found(&keys, &founding, now).unwrap();
        let name = u64::from_be_bytes(sources.bytes().unwrap());
        let folder = std::env::temp_dir().join(format!("xinyin-signer-{name:016x}"));
        std::fs::create_dir_all(&folder).unwrap();
        let mut settings = Settings::new(URL, &issuer, "640000");
        change(&mut settings);
        let signer = open(settings, &folder, &keys, &sources, &outbound).await;
        provide(&signer).await;
        let router = signer.router();
        let running = signer.clone();
        let background = tokio::spawn(async move { running.run_background(std::future::pending()).await });
        Self { signer, router, clock, url: URL.to_owned(), idp, issuer, background, keys, folder, outbound }
    }

    /// Ends this run as a killed process would, and starts another on the same database.
    pub async fn restart(mut self) -> Self {
        self.background.abort();
        let _ = (&mut self.background).await;
        self.signer.db().close().await;
        let sources = self.signer.sources().clone();
        let settings = Settings::new(URL, &self.issuer, "640000");
        self.signer = open(settings, &self.folder, &self.keys, &sources, &self.outbound).await;
        self.router = self.signer.router();
        let running = self.signer.clone();
        self.background = tokio::spawn(async move { running.run_background(std::future::pending()).await });
        self
    }

    /// Moves the clock.
    pub fn later(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::SeqCst);
    }

    /// A token of the idp with these claims over the usual ones.
    pub fn token(&self, claims: &Value) -> String {
        let now = self.signer.sources().now().seconds();
        let mut all = json!({
            "iss": self.issuer, "aud": URL, "iat": now, "exp": now + 300, "jti": format!("j{now}"),
            "client_id": "c", "sub": "c", "scope": "",
        });
        for (name, value) in claims.as_object().unwrap() {
            all[name] = value.clone();
        }
        let key = self.idp.ring(&Purpose::AccessToken).unwrap().active(self.signer.sources().now()).unwrap();
        keys::jws::sign_json(key.as_ref(), "at+jwt", &all).unwrap()
    }

    /// A department's client with all scopes.
    pub fn client(&self, department: &str) -> String {
        self.token(&json!({
            "sub": format!("client-{department}"), "client_id": format!("client-{department}"), "sub_type": "client",
            "organisation": {"code": department},
            "scope": "licence.issue licence.end licence.read licence.lookup presentation.resolve",
        }))
    }

    /// The holder of [`NUMBER`].
    pub async fn holder(&self) -> String {
        let code = HolderCode::of_type("111", NUMBER).unwrap();
        self.signer.remember_subject("person-1", &code).await.unwrap();
        self.token(&json!({"sub": "person-1", "sub_type": "person", "acr": "urn:xinyin:acr:2",
            "scope": "licence.own presentation.make"}))
    }

    /// One request.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let path = path.strip_prefix(URL).unwrap_or(path);
        let mut request = Request::builder().method(method).uri(path).header("host", "localhost:8081");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: head.status, headers: head.headers, body }
    }

    pub async fn get(&self, path: &str, token: Option<&str>, accept: Option<&str>) -> Answer {
        let headers: Vec<(&str, &str)> = accept.map(|accept| ("accept", accept)).into_iter().collect();
        self.call(Method::GET, path, token, None, &headers).await
    }

    pub async fn post(&self, path: &str, token: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, Some(token), Some(body), &[]).await
    }

    /// Issues one licence to [`NUMBER`] and answers its body.
    pub async fn issue(&self) -> Value {
        let answer = self.post("/v1/licences", &self.client(BUREAU), &request()).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()
    }

    /// What the status list says of a credential.
    pub async fn status_of(&self, credential: &str) -> u8 {
        let payload = payload_of(credential);
        let uri = payload["status"]["status_list"]["uri"].as_str().unwrap().to_owned();
        let idx = usize::try_from(payload["status"]["status_list"]["idx"].as_u64().unwrap()).unwrap();
        let list = self.get(&uri, None, None).await;
        assert_eq!(list.status, 200);
        let list = payload_of(&list.text());
        let packed = verifier::encoding::b64u::decode(list["status_list"]["lst"].as_str().unwrap()).unwrap();
        let bytes = inflate(&packed);
        bytes[idx / 4] >> (idx % 4 * 2) & 3
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.background.abort();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The payload of a compact JWS or an SD-JWT.
pub fn payload_of(text: &str) -> Value {
    let part = text.split('.').nth(1).unwrap();
    serde_json::from_slice(&verifier::encoding::b64u::decode(part).unwrap()).unwrap()
}

fn inflate(bytes: &[u8]) -> Vec<u8> {
    use std::io::Read;
    let mut out = Vec::new();
    flate2::read::ZlibDecoder::new(bytes).read_to_end(&mut out).unwrap();
    out
}

async fn open(
    settings: Settings,
    folder: &std::path::Path,
    keys: &KeyStore,
    sources: &Sources,
    outbound: &Outbound,
) -> LicenceSigner {
    let url = database(folder).await;
    let db = Db::open(&url, storage::MIGRATIONS).await.unwrap();
    LicenceSigner::open(settings, db, keys.clone(), sources.clone(), outbound.clone()).await.unwrap()
}

/// SQLite in the folder; where `XINYIN_SIGNER_POSTGRES` names a server (`postgres://user@host:port`), a database there.
async fn database(folder: &std::path::Path) -> String {
    use store::sqlx::{AssertSqlSafe, Connection as _, PgConnection};
    let Ok(server) = std::env::var("XINYIN_SIGNER_POSTGRES") else {
        return format!("sqlite://{}", folder.join("signer.db").display());
    };
    let name = folder.file_name().unwrap().to_string_lossy().replace('-', "_");
    let mut connection = PgConnection::connect(&format!("{server}/postgres")).await.unwrap();
    // of a second run it stands already
    let _ = store::sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await;
    format!("{server}/{name}")
}

async fn provide(signer: &LicenceSigner) {
    for (code, name) in [(BUREAU, "示范市人力资源和社会保障局"), (HALL, "示范市政务服务中心")] {
        let department = Department {
            code: code.to_owned(),
            name: name.to_owned(),
            former_names: Vec::new(),
            region: "640000".to_owned(),
            predecessors: Vec::new(),
        };
        provision::department(signer, &department).await.unwrap();
        provision::department(signer, &department).await.unwrap(); // twice does nothing
    }
    provision::licence_type(signer, &definition(PERSON_TYPE, HolderKind::Person)).await.unwrap();
    provision::licence_type(signer, &definition(SHOP_TYPE, HolderKind::Organisation)).await.unwrap();
    for code in ["M-1", "M-2"] {
        let matter = Matter {
            code: code.to_owned(),
            name: Titles::new("事项", "Matter"),
            department: BUREAU.to_owned(),
            taken_in_by: vec![HALL.to_owned()],
            region: "640000".to_owned(),
            types: vec![PERSON_TYPE.to_owned()],
        };
        provision::matter(signer, &matter).await.unwrap();
    }
    provision::certify(signer).await.unwrap();
    provision::certify(signer).await.unwrap();
}

/// As [`request`], with a number that no other has.
pub fn another_request() -> Value {
    static COUNT: AtomicI64 = AtomicI64::new(100);
    let mut request = request();
    request["number"] = json!(format!("资2026-{:06}", COUNT.fetch_add(1, Ordering::SeqCst)));
    request
}

/// A request to issue, valid as it stands.
pub fn request() -> Value {
    json!({
        "type": PERSON_TYPE,
        "holder": {"kind": "person", "code_type": "111", "code": NUMBER, "name": "阿卜杜拉•买买提"},
        "number": "资2026-000001",
        "issue_date": "2026-11-25",
        "valid_from": "2026-11-25",
        "valid_until": "2031-11-24",
        "items": {"level": "二级", "scope": "全部", "first_issued": "2020-01-01"},
        "matter": "M-1",
        "case": "办件2026-1",
    })
}
