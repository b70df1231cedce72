//! licence-signer by itself, behind an issuer of the story's own.

use std::sync::Arc;

use keys::KeyStore;
use keys::authority::{Authority, Founding};
use licence_signer::catalogue::{
    EndRule, Face, FaceField, FaceForm, HolderKind, ItemDefinition, LicenceKind, LookupRule, Titles, TypeDefinition,
    ValidityRule,
};
use licence_signer::lookup::Matter;
use licence_signer::officer::Department;
use licence_signer::{LicenceSigner, Settings, provision};
use serde_json::{Value, json};
use store::Db;
use tokio::sync::Notify;
use web::outbound::{Outbound, OutboundSettings};

use crate::backend::{Backend, Database};
use crate::issuer::Issuer;
use crate::numbers::{credit_code, id_number};
use crate::{StandingClock, network, standing};

/// The service, its world and whoever vouches for its callers.
#[derive(Debug)]
pub struct SignerWorld {
    /// The service.
    pub signer: LicenceSigner,
    /// Where it is.
    pub url: String,
    /// Who gives tokens.
    pub issuer: Issuer,
    /// Its clock.
    pub clock: Arc<StandingClock>,
    /// The department that issues.
    pub market: String,
    /// A department that issues nothing and works on the matter.
    pub window: String,
    /// The type of licence.
    pub type_code: String,
    stop: Arc<Notify>,
    _database: Database,
}

/// The matter for which the type may be looked up.
pub const MATTER: &str = "M-0001";

impl SignerWorld {
    /// Starts it with one department, one type and one matter.
    pub async fn start(backend: Backend) -> Self {
        crate::Logs::capture();
        let (sources, clock) = standing(7);
        let issuer = Issuer::start(sources.clone()).await;
        let (listener, address) = network::listen().await;
        let url = format!("http://localhost:{}", address.port());
        let database = backend.fresh("signer").await;
        let db = Db::open(&database.url, licence_signer::storage::MIGRATIONS).await.expect("opens");
        let keys = KeyStore::in_memory();
        let founding = Founding {
            authority: "test.example".to_owned(),
            title: "示范省".to_owned(),
            oid_arc: "1.3.6.1.4.1.32473".to_owned(),
            signer: url.clone(),
            bound: None,
        };
        Authority::found(&keys, &founding, sources.now()).expect("an authority is founded");
        let allowed = OutboundSettings { allowed_origins: vec![issuer.url.clone()], ..OutboundSettings::default() };
        let outbound = Outbound::new(&allowed).expect("a door");
        let settings = Settings::new(&url, &issuer.url, "110101");
        let signer = LicenceSigner::open(settings, db, keys, sources, outbound).await.expect("opens");
        let (market, window) = (credit_code("11", 1), credit_code("11", 2));
        let type_code = format!("{market}001");
        provide(&signer, &market, &window, &type_code).await;
        network::serve(listener, signer.router());
        let stop = Arc::new(Notify::new());
        let (worker, stopped) = (signer.clone(), stop.clone());
        tokio::spawn(async move { Box::pin(worker.run_background(async move { stopped.notified().await })).await });
        Self { signer, url, issuer, clock, market, window, type_code, stop, _database: database }
    }

    /// A bearer token of a department's system.
    pub fn bearer(&self, department: &str, scope: &str) -> String {
        format!("Bearer {}", self.issuer.token(&self.issuer.department(&self.url, department, scope)))
    }

    /// The body that asks for a licence.
    pub fn draft(&self, number: &str) -> Value {
        json!({"type": self.type_code, "number": number, "issue_date": "2026-11-25", "valid_from": "2026-11-25",
            "valid_until": "2031-11-24", "items": {"scope": "食品销售", "place": "示例县示例镇一号"},
            "holder": {"kind": "person", "code_type": "111", "code": id_number(1), "name": "张䮌·三"}})
    }

    /// Sends JSON with a token and, if it is not empty, an `Idempotency-Key`.
    pub async fn post(&self, path: &str, bearer: &str, key: &str, body: &Value) -> (u16, Value) {
        let mut request =
            network::client().post(format!("{}{path}", self.url)).header("Authorization", bearer).json(body);
        if !key.is_empty() {
            request = request.header("Idempotency-Key", key);
        }
        answer(request).await
    }

    /// Asks for JSON with a token.
    pub async fn get(&self, path: &str, bearer: &str) -> (u16, Value) {
        let request = network::client().get(format!("{}{path}", self.url)).header("Accept", "application/json");
        answer(request.header("Authorization", bearer)).await
    }

    /// What holds after any story: the audit record is whole, and nothing personal was logged.
    pub async fn check(&self) {
        let found = store::audit::verify(self.signer.db(), None).await.expect("walks");
        assert!(found.is_whole(), "{found:?}");
        crate::Logs::capture().check();
    }
}

impl Drop for SignerWorld {
    fn drop(&mut self) {
        self.stop.notify_one();
    }
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.expect("the service answers");
    let status = response.status().as_u16();
    let body = response.text().await.expect("a body is read");
    (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
}

async fn provide(signer: &LicenceSigner, market: &str, window: &str, type_code: &str) {
    for (code, name) in [(market, "示例县市场监督管理局"), (window, "示例县政务服务中心")] {
        let department = Department {
            code: code.to_owned(),
            name: name.to_owned(),
            former_names: Vec::new(),
            region: "110101".to_owned(),
            predecessors: Vec::new(),
        };
        provision::department(signer, &department).await.expect("a department is kept");
    }
    let matter = Matter {
        code: MATTER.to_owned(),
        name: Titles::new("试办事项", "A matter"),
        department: window.to_owned(),
        taken_in_by: Vec::new(),
        region: "110101".to_owned(),
        types: vec![type_code.to_owned()],
    };
    provision::licence_type(signer, &food(market, type_code)).await.expect("a type is kept");
    provision::matter(signer, &matter).await.expect("a matter is kept");
    provision::certify(signer).await.expect("keys are certified");
}

fn food(market: &str, type_code: &str) -> TypeDefinition {
    let item = |name: &str, zh: &str, en: &str| ItemDefinition { name: name.to_owned(), titles: Titles::new(zh, en) };
    TypeDefinition {
        code: type_code.to_owned(),
        version: 1,
        name: Titles::new("食品经营许可证", "Food business licence"),
        kind: LicenceKind::Licence,
        holder_kind: HolderKind::Person,
        items: vec![item("scope", "经营项目", "Scope"), item("place", "经营场所", "Place")],
        schema: json!({"type": "object", "additionalProperties": false, "required": ["scope", "place"], "properties": {
            "scope": {"type": "string", "maxLength": 20}, "place": {"type": "string", "maxLength": 60}}}),
        validity: ValidityRule { end: EndRule::Required, most_years: Some(5) },
        face: Face {
            form: FaceForm::Page,
            title: "食品经营许可证".to_owned(),
            layout: vec![FaceField { field: "scope".to_owned(), wide: true }],
            portrait: false,
        },
        code_items: vec!["scope".to_owned()],
        departments: vec![market.to_owned()],
        lookup: vec![LookupRule { matter: MATTER.to_owned(), items: vec!["scope".to_owned()] }],
    }
}
