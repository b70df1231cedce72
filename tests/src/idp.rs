//! idp by itself: one portal, one department's system, one resource.

use std::collections::BTreeSet;
use std::sync::Arc;

use idp::client::{Names, Resource};
use idp::provision::{NewAuth, NewClient};
use idp::{Idp, Settings, provision};
use keys::KeyStore;
use serde_json::Value;
use store::Db;
use tokio::sync::Notify;
use url::Url;
use web::outbound::{Outbound, OutboundSettings};

use crate::backend::{Backend, Database};
use crate::numbers::credit_code;
use crate::{StandingClock, network, standing};

/// The service and its world.
#[derive(Debug)]
pub struct IdpWorld {
    /// The service.
    pub idp: Idp,
    /// Where it is, and what it calls itself.
    pub url: String,
    /// Its clock.
    pub clock: Arc<StandingClock>,
    /// The code of the department whose system is registered.
    pub department: String,
    stop: Arc<Notify>,
    _database: Database,
}

/// The portal's id.
pub const PORTAL: &str = "permit-portal";
/// The department's system's id.
pub const SYSTEM: &str = "market-system";
/// The secret of both.
pub const SECRET: &str = "a-secret-of-the-story-and-of-nothing-else-7";
/// The portal's redirect URI; nobody listens there.
pub const CALLBACK: &str = "http://localhost:1/callback";
/// The resource for which the system asks tokens.
pub const RESOURCE: &str = "http://localhost:2";

impl IdpWorld {
    /// Starts it.
    pub async fn start(backend: Backend) -> Self {
        Self::start_on(backend.fresh("idp").await).await
    }

    /// Starts it on a database of the story's own.
    pub async fn start_on(database: Database) -> Self {
        crate::Logs::capture();
        let (sources, clock) = standing(11);
        let (listener, address) = network::listen().await;
        let url = format!("http://localhost:{}", address.port());
        let db = Db::open(&database.url, idp::MIGRATIONS).await.expect("opens");
        let mut settings = Settings::new(Url::parse(&url).expect("an address"));
        settings.region = String::from("110101");
        settings.demonstration = true;
        let outbound = Outbound::new(&OutboundSettings::default()).expect("a door");
        let idp = Idp::open(settings, db, KeyStore::in_memory(), sources, outbound).expect("opens");
        let department = credit_code("11", 1);
        provide(&idp, &department).await;
        network::serve(listener, idp.router());
        let stop = Arc::new(Notify::new());
        let (worker, stopped) = (idp.clone(), stop.clone());
        tokio::spawn(async move { Box::pin(worker.run_background(async move { stopped.notified().await })).await });
        Self { idp, url, clock, department, stop, _database: database }
    }

    /// Asks the token endpoint as a client with `client_secret_basic`.
    pub async fn token(&self, client_id: &str, secret: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let request = network::client().post(format!("{}/token", self.url)).basic_auth(client_id, Some(secret));
        let response = request.form(form).send().await.expect("idp answers");
        (response.status().as_u16(), response.json().await.expect("the token endpoint answers JSON"))
    }

    /// What holds after any story: the audit record is whole, and nothing personal or secret was logged.
    pub async fn check(&self) {
        let found = store::audit::verify(self.idp.db(), None).await.expect("walks");
        assert!(found.is_whole(), "{found:?}");
        let logs = crate::Logs::capture();
        logs.check();
        logs.check_without(SECRET);
    }
}

impl Drop for IdpWorld {
    fn drop(&mut self) {
        self.stop.notify_one();
    }
}

async fn provide(idp: &Idp, department: &str) {
    let names = |zh: &str| Names { zh_cn: zh.to_owned(), en: String::new() };
    let resource = Resource {
        resource: RESOURCE.to_owned(),
        sector: "licences".to_owned(),
        scopes: BTreeSet::from(["licence.read".to_owned(), "licence.issue".to_owned()]),
    };
    provision::resource(idp, resource).await.expect("a resource is kept");
    let mut portal = NewClient::portal(PORTAL, names("办事门户"), NewAuth::SecretBasic(SECRET.to_owned()), CALLBACK);
    portal.region = String::from("110101");
    provision::client(idp, portal).await.expect("a portal is kept");
    let mut system = NewClient::system(SYSTEM, names("市场监管系统"), SECRET, department, RESOURCE, &["licence.read"]);
    system.region = String::from("110101");
    provision::client(idp, system).await.expect("a system is kept");
}
