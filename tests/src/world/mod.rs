//! The three services on real sockets of this process, with the people, departments, types and matters of the demonstration.
//!
//! What is invented stands once, under `src/demo/`, and `up` and the stories both read it.

mod check;
mod people;
mod provide;
mod relying_party;

use std::sync::{Arc, Mutex};

use idp::Idp;
use keys::authority::{Authority, Founding};
use keys::sources::Sources;
use keys::{KeyStore, Purpose};
use licence_signer::LicenceSigner;
use serde_json::{Value, json};
use store::Db;
use tokio::sync::watch;
use url::Url;
use verifier::encoding::hex;
use verifier::log::merkle::Hash;
use verifier::trust::Trust;
use verifier_desk::{Desk, TrustSource};
use web::outbound::{Outbound, OutboundSettings};

use crate::backend::{Backend, Database};
use crate::{StandingClock, Visitor, network, standing};

pub use people::{Person, draft, everyone, invented, types};
pub use relying_party::{CITIZENS, PROJECTS, RelyingParty, Tokens};

/// The secret of every client that proves itself by one.
pub const SECRET: &str = "a-secret-of-these-stories-and-of-nothing-else-9";

/// The services and their world.
#[derive(Debug)]
pub struct World {
    /// Who signs people in.
    pub idp: Idp,
    /// Who issues.
    pub signer: LicenceSigner,
    /// Who verifies.
    pub desk: Desk,
    /// Where idp is.
    pub idp_url: String,
    /// Where licence-signer is.
    pub signer_url: String,
    /// Where the desk is.
    pub desk_url: String,
    /// The clock of all three.
    pub clock: Arc<StandingClock>,
    stop: watch::Sender<bool>,
    log: Mutex<Vec<Hash>>,
    databases: [Database; 3],
}

impl World {
    /// Starts the three and provides their world.
    pub async fn start(backend: Backend) -> Self {
        Self::start_with(backend, standing(23)).await
    }

    /// As [`World::start`], with a clock that stands at the present: for judges that have a clock of their own.
    pub async fn start_now(backend: Backend) -> Self {
        let (sources, clock) = standing(29);
        clock.set(Sources::system().now());
        Self::start_with(backend, (sources, clock)).await
    }

    async fn start_with(backend: Backend, (sources, clock): (Sources, Arc<StandingClock>)) -> Self {
        crate::Logs::capture();
        let databases = [backend.fresh("idp").await, backend.fresh("signer").await, backend.fresh("desk").await];
        let mut places = Vec::new();
        for _ in 0..3 {
            let (listener, address) = network::listen().await;
            places.push((listener, format!("http://localhost:{}", address.port())));
        }
        let urls: Vec<String> = places.iter().map(|(_, url)| url.clone()).collect();
        let outbound =
            Outbound::new(&OutboundSettings { allowed_origins: urls.clone(), ..OutboundSettings::default() })
                .expect("a door");
        let [(idp_place, idp_url), (signer_place, signer_url), (desk_place, desk_url)] =
            <[_; 3]>::try_from(places).expect("three places");

        let key_stores = [KeyStore::in_memory(), KeyStore::in_memory(), KeyStore::in_memory()];
        let idp = start_idp(&idp_url, &databases[0], &key_stores[0], &sources, &outbound).await;
        provide::clients(&idp, [&idp_url, &signer_url, &desk_url], &key_stores, sources.now()).await;
        provide::people(&idp).await;
        network::serve(idp_place, idp.router());

        let signer = start_signer(&signer_url, &idp_url, &databases[1], &key_stores[1], &sources, &outbound).await;
        provide::catalogue(&signer).await;
        network::serve(signer_place, signer.router());

        let desk = start_desk(&desk_url, &signer, &databases[2], &key_stores[2], &sources, outbound).await;
        network::serve(desk_place, desk.router());

        let (stop, stopped) = watch::channel(false);
        let work = (idp.clone(), signer.clone(), desk.clone());
        tokio::spawn(async move {
            let until = |mut stopped: watch::Receiver<bool>| async move {
                let _ = stopped.wait_for(|stop| *stop).await;
            };
            tokio::join!(
                Box::pin(work.0.run_background(until(stopped.clone()))),
                Box::pin(work.1.run_background(until(stopped.clone()))),
                Box::pin(work.2.run_background(until(stopped))),
            );
        });
        let log = Mutex::default();
        Self { idp, signer, desk, idp_url, signer_url, desk_url, clock, stop, log, databases }
    }

    /// Goes to `url` as `person`, answers whatever idp asks on its own pages (for `acting` an organisation, or as oneself),
    /// and stops where it is left at rest or would be sent to an address for which `stop` holds.
    pub async fn go(
        &self,
        visitor: &Visitor,
        url: &str,
        person: &Person,
        acting: Option<&str>,
        stop: impl Fn(&Url) -> bool,
    ) -> crate::visitor::Page {
        go(&self.idp_url, visitor, url, person, acting, stop).await
    }

    /// A second process of idp over the same database and keys; answers where it listens. Whoever asks it names the first as host.
    pub async fn second_idp(&self) -> String {
        let db = Db::open(&self.databases[0].url, idp::MIGRATIONS).await.expect("opens");
        let (settings, keys) = (self.idp.settings().clone(), self.idp.keys().clone());
        let (sources, outbound) = (self.idp.sources().clone(), self.idp.outbound().clone());
        let second = Idp::open(settings, db, keys, sources, outbound).expect("opens");
        let (listener, address) = network::listen().await;
        network::serve(listener, second.router());
        format!("http://{address}")
    }

    /// Signs a person in at licence-signer's pages and answers the page that he comes to.
    pub async fn at_signer(&self, visitor: &Visitor, person: &Person, acting: Option<&str>) -> crate::visitor::Page {
        let page = self.go(visitor, &format!("{}/login", self.signer_url), person, acting, |_| false).await;
        assert!(page.url.as_str().starts_with(&self.signer_url), "{} {}\n{}", page.url, page.status, page.body);
        page
    }

    /// Signs a clerk in at the desk and answers the page that he comes to.
    pub async fn at_desk(&self, visitor: &Visitor, person: &Person, acting: Option<&str>) -> crate::visitor::Page {
        let page = self.go(visitor, &format!("{}/login", self.desk_url), person, acting, |_| false).await;
        assert!(page.url.as_str().starts_with(&self.desk_url), "{} {}\n{}", page.url, page.status, page.body);
        page
    }

    /// A token of a department's system for licence-signer.
    pub async fn system(&self, client: &str, scope: &str) -> String {
        self.system_for(client, scope, &self.signer_url).await
    }

    /// A token of a department's system for `resource`.
    pub async fn system_for(&self, client: &str, scope: &str, resource: &str) -> String {
        let form = [("grant_type", "client_credentials"), ("scope", scope), ("resource", resource)];
        let request = network::client().post(format!("{}/token", self.idp_url)).basic_auth(client, Some(SECRET));
        let (status, body) = answer(request.form(&form)).await;
        assert_eq!(status, 200, "{client} {scope}: {body}");
        body["access_token"].as_str().expect("a token").to_owned()
    }

    /// A token for the desk of a system that belongs to no department.
    pub async fn system_of_no_department(&self) -> String {
        self.registered("stray-system", |client| client.organisation = None).await
    }

    /// A token for the desk of a department's system that licence-signer does not know.
    pub async fn system_without_the_signer(&self) -> String {
        self.registered("idle-system", |client| client.resources.retain(|resource| *resource == self.desk_url)).await
    }

    /// A licence of a department that came when the others were at work: its SD-JWT. The type is one that no matter needs.
    pub async fn licence_of_newcomer(&self) -> String {
        let code = crate::numbers::credit_code("11", 77);
        let type_code = provide::newcomer(&self.signer, &code).await;
        self.registered("new-system", |client| client.organisation = Some(code.clone())).await;
        let (_, mut draft) = people::draft(types::OPERATOR_CERTIFICATE, "640104196907010002", self.now());
        draft["type"] = type_code.into();
        let token = self.system("new-system", "licence.issue").await;
        let request = network::client().post(format!("{}/v1/licences", self.signer_url)).bearer_auth(token);
        let (status, body) = answer(request.header("Idempotency-Key", "newcomer").json(&draft)).await;
        assert_eq!(status, 201, "{body}");
        let path = format!("/v1/licences/{}", body["id"].as_str().expect("an id"));
        let token = self.system("new-system", "licence.read").await;
        self.get_signer(&path, &token, "application/dc+sd-jwt").await.1
    }

    async fn registered(&self, id: &str, change: impl FnOnce(&mut idp::provision::NewClient)) -> String {
        provide::system(&self.idp, id, &self.signer_url, &self.desk_url, change).await;
        self.system_for(id, "verify", &self.desk_url).await
    }

    /// A system gives a token of its own back (RFC 7009).
    pub async fn revoke_token(&self, client: &str, token: &str) {
        let request = network::client().post(format!("{}/revoke", self.idp_url)).basic_auth(client, Some(SECRET));
        let response = request.form(&[("token", token)]).send().await.expect("idp answers");
        assert_eq!(response.status(), 200);
    }

    /// Issues a licence of the demonstration through the API, as the system of its department: the one of `type_code` whose
    /// holder is `holder`. Answers the body of the 201.
    pub async fn issue(&self, type_code: &str, holder: &str) -> Value {
        self.issue_numbered(type_code, holder, None).await
    }

    /// As [`World::issue`], under another number.
    pub async fn issue_numbered(&self, type_code: &str, holder: &str, number: Option<&str>) -> Value {
        let (department, mut draft) = people::draft(type_code, holder, self.now());
        if let Some(number) = number {
            draft["number"] = number.into();
        }
        let token = self.system(people::system_of(&department), "licence.issue").await;
        let key = format!("story-{}", draft["number"]);
        let request = network::client().post(format!("{}/v1/licences", self.signer_url)).bearer_auth(token);
        let (status, body) = answer(request.header("Idempotency-Key", key).json(&draft)).await;
        assert_eq!(status, 201, "{type_code}: {body}");
        body
    }

    /// A state event through the API, as the system of the department.
    pub async fn event(&self, client: &str, licence: &str, event: &str) -> (u16, Value) {
        let token = self.system(client, "licence.end").await;
        let body = json!({"legal_ground": "《示范省电子证照条例》第九条", "reason": "故事里的原因"});
        self.post_signer(&format!("/v1/licences/{licence}/{event}"), &token, &body).await
    }

    /// Sends JSON to licence-signer.
    pub async fn post_signer(&self, path: &str, token: &str, body: &Value) -> (u16, Value) {
        let request = network::client().post(format!("{}{path}", self.signer_url)).bearer_auth(token);
        answer(request.header("Accept", "application/json").json(body)).await
    }

    /// Asks licence-signer for a text in a form.
    pub async fn get_signer(&self, path: &str, token: &str, accept: &str) -> (u16, String) {
        let request = network::client().get(format!("{}{path}", self.signer_url)).bearer_auth(token);
        let response = request.header("Accept", accept).send().await.expect("licence-signer answers");
        (response.status().as_u16(), response.text().await.expect("a text"))
    }

    /// Gives a document to the desk's API.
    pub async fn verify(&self, document: &str) -> (u16, Value) {
        let request = network::client().post(format!("{}/v1/verifications", self.desk_url));
        answer(request.header("Content-Type", "application/dc+sd-jwt").body(document.to_owned())).await
    }

    /// The databases of idp, licence-signer and desk, with their names.
    pub fn databases(&self) -> [(&'static str, &store::Db, &Database); 3] {
        let [idp, signer, desk] = &self.databases;
        [("idp", self.idp.db(), idp), ("licence-signer", self.signer.db(), signer), ("desk", self.desk.db(), desk)]
    }

    /// What the clock shows.
    pub fn now(&self) -> verifier::time::Timestamp {
        keys::sources::Clock::now(self.clock.as_ref())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
    }
}

/// As [`World::go`], for an idp at `idp_url`.
pub async fn go(
    idp_url: &str,
    visitor: &Visitor,
    url: &str,
    person: &Person,
    acting: Option<&str>,
    stop: impl Fn(&Url) -> bool,
) -> crate::visitor::Page {
    let mut page = visitor.get_until(url, &stop).await;
    let mut signed_in = false;
    for _ in 0..8 {
        let path = page.url.path().to_owned();
        if page.redirect().is_some() || !page.url.as_str().starts_with(idp_url) {
            return page;
        }
        let next = if path.starts_with("/sign-in/") && !signed_in {
            signed_in = true;
            let fields = [("login", person.id_number), ("password", person.password)];
            visitor.submit(&page.form("login"), &fields).await
        } else if path.starts_with("/act-for/") {
            let whom = acting.map_or_else(|| "self".to_owned(), |name| page.choice("subject", name));
            visitor.submit(&page.form(&path), &[("subject", &whom)]).await
        } else if path.starts_with("/consent/") {
            visitor.submit(&page.form(&path), &[("scope", "id_number")]).await
        } else {
            return page;
        };
        page = match next.redirect() {
            Some(to) if !stop(&to) => visitor.get_until(to.as_str(), &stop).await,
            _ => next,
        };
    }
    panic!("idp asks without end: {}", page.url);
}

/// Sends a request and answers status and JSON.
pub async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.expect("the service answers");
    let status = response.status().as_u16();
    let body = response.text().await.expect("a body is read");
    (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
}

async fn start_idp(url: &str, database: &Database, keys: &KeyStore, sources: &Sources, outbound: &Outbound) -> Idp {
    let db = Db::open(&database.url, idp::MIGRATIONS).await.expect("opens");
    let mut settings = idp::Settings::new(url.parse().expect("an address"));
    settings.demonstration = true;
    settings.region = people::REGION.into();
    let idp = Idp::open(settings, db, keys.clone(), sources.clone(), outbound.clone()).expect("opens");
    idp.prepare().await.expect("is prepared");
    idp
}

async fn start_signer(
    url: &str,
    issuer: &str,
    database: &Database,
    keys: &KeyStore,
    sources: &Sources,
    outbound: &Outbound,
) -> LicenceSigner {
    let founding = Founding {
        authority: "localhost".to_owned(),
        title: "示范省".to_owned(),
        oid_arc: "1.3.6.1.4.1.32473".to_owned(),
        signer: url.to_owned(),
        bound: None,
    };
    Authority::found(keys, &founding, sources.now()).expect("an authority is founded");
    let db = Db::open(&database.url, licence_signer::storage::MIGRATIONS).await.expect("opens");
    let settings = licence_signer::Settings::new(url, issuer, people::REGION);
    LicenceSigner::open(settings, db, keys.clone(), sources.clone(), outbound.clone()).await.expect("opens")
}

async fn start_desk(
    url: &str,
    signer: &LicenceSigner,
    database: &Database,
    keys: &KeyStore,
    sources: &Sources,
    outbound: Outbound,
) -> Desk {
    let db = Db::open(&database.url, verifier_desk::MIGRATIONS).await.expect("opens");
    let root = trust_of(signer).await;
    let root_sha256 = hex::encode(root.root_sha256());
    let (issuer, signer_url) = (signer.settings().issuer.clone(), signer.external_url().to_owned());
    let trust = TrustSource::Url { url: format!("{signer_url}/v1/trust-bundle"), root_sha256 };
    let settings = verifier_desk::Settings::new(url, &issuer, &signer_url, trust);
    Desk::open(settings, db, keys.clone(), sources.clone(), outbound).await.expect("opens")
}

/// The trust bundle that licence-signer publishes.
async fn trust_of(signer: &LicenceSigner) -> Trust {
    let bytes = signer.trust_bundle().await.expect("the database answers").expect("there is a trust bundle");
    Trust::read_unexpired(bytes.as_bytes()).expect("it reads")
}

/// The JWK Set of a service's client assertions.
fn assertion_keys(keys: &KeyStore, now: verifier::time::Timestamp) -> Value {
    keys.ensure(&Purpose::ClientAssertion, now).expect("a ring is made").jwk_set(now)
}
