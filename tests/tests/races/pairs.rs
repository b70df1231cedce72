//! The processes, and how they are asked.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::routing::post;
use axum::{Json, Router};
use keys::software::SoftwareKey;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use store::{Db, Settings, on, sqlx};
use url::Url;
use verifier::algorithm::Algorithm;
use xinyin_tests::folder::{Folder, repository};
use xinyin_tests::process::{Process, binary, run};
use xinyin_tests::world::{Person, go};
use xinyin_tests::{Backend, Database, Visitor, network, tools};

pub(super) const POLICE: &str = "11640100MB0000027N";
const MARKET: &str = "11640104MB0000019M";
pub(super) const MATTER: &str = "special-equipment-registration";
const SECRET: &str = "a-secret-of-these-races-and-of-nothing-else-1";
const PASSWORD: &str = "three unrelated words";
pub(super) const HOLDER: Person =
    Person { id_number: "640104199103080009", name: "阿依古丽·买买提", password: PASSWORD };
pub(super) const CLERK: &str = "示范市公安局";
const CALLBACK: &str = "http://localhost:1/callback";
/// RFC 7636, appendix B.
const CODE_VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CODE_CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Two processes of idp and two of licence-signer; of each the first is where the external URL leads.
pub(super) struct Pairs {
    folder: Folder,
    pub(super) idp: [String; 2],
    pub(super) signer: [String; 2],
    pub(super) databases: [Database; 2],
    /// Texts of the messages that the simulated operator of phones was given.
    pub(super) messages: Arc<Mutex<Vec<String>>>,
    pub(super) key: SoftwareKey,
    /// Running as long as this lives.
    processes: Vec<Process>,
}

/// What came of a try.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The status; 0 where no answer came.
    pub(super) status: u16,
    pub(super) location: String,
    pub(super) body: Value,
}

impl Pairs {
    pub(super) async fn start() -> Self {
        tokio::task::spawn_blocking(binary).await.expect("the program builds");
        let folder = Folder::new("races");
        let databases = [Backend::Postgres.fresh("races_idp").await, Backend::Postgres.fresh("races_signer").await];
        let messages = Arc::new(Mutex::new(Vec::new()));
        let registers = registers(messages.clone()).await;
        let mut places = Vec::new();
        for _ in 0..4 {
            places.push(network::listen().await);
        }
        let urls: Vec<String> = places.iter().map(|(_, at)| format!("http://localhost:{}", at.port())).collect();
        drop(places);
        let idp = [urls[0].clone(), urls[1].clone()];
        let signer = [urls[2].clone(), urls[3].clone()];
        let pkcs8 = SoftwareKey::generate(Algorithm::Es256).expect("a key is made");
        let key = SoftwareKey::from_pkcs8(Algorithm::Es256, &pkcs8).expect("just made");
        let mut pairs = Self { folder, idp, signer, databases, messages, key, processes: Vec::new() };
        pairs.files(&pkcs8, &registers);
        for (service, name) in [("idp", "idp-0"), ("licence-signer", "signer-0")] {
            pairs.command(&["keys", "init", service, "--config", &pairs.file(&format!("{name}.toml"))]).await;
        }
        let people = pairs.file("people");
        let catalogue = pairs.file("catalogue");
        pairs.command(&["load", "idp", &people, "--config", &pairs.file("idp-0.toml")]).await;
        pairs.command(&["load", "licence-signer", &catalogue, "--config", &pairs.file("signer-0.toml")]).await;
        for (service, name, urls) in [("idp", "idp", &pairs.idp), ("licence-signer", "signer", &pairs.signer)] {
            for (at, url) in urls.iter().enumerate() {
                let config = pairs.file(&format!("{name}-{at}.toml"));
                let mut process = Process::start(&["serve", service, "--config", &config]);
                process
                    .ready(&format!("{}/livez", url.replace("localhost", "127.0.0.1")), Duration::from_mins(1))
                    .await;
                pairs.processes.push(process);
            }
        }
        pairs
    }

    pub(super) fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    /// Keys, secrets, people, catalogue, and a configuration for each process.
    fn files(&self, pkcs8: &[u8], registers: &str) {
        let path = self.folder.path();
        write(path, "client.key", SoftwareKey::key_file(pkcs8).as_bytes());
        openssl(path, "pkey -in client.key -pubout -out client.pub");
        write(path, "passphrase", b"of this story alone, and long enough");
        write(path, "secret", SECRET.as_bytes());
        let docs = repository().join("docs/how-to/deploy/catalogue");
        for folder in ["people", "people-after", "catalogue"] {
            std::fs::create_dir(path.join(folder)).expect("ours");
        }
        for name in ["departments.json", "matters.json", "types.json"] {
            std::fs::copy(docs.join(name), path.join("catalogue").join(name)).expect("the docs have it");
        }
        let organisations = json!([{"code": POLICE, "name": CLERK, "region": "640100"},
            {"code": MARKET, "name": "示例县市场监督管理局", "region": "640104"}]);
        for (folder, until) in [("people", "2030-12-31"), ("people-after", "2020-12-31")] {
            let persons = json!([{"id_number": HOLDER.id_number, "name": HOLDER.name, "phone": "10000000009",
                "password": PASSWORD, "acts_for": [{"code": POLICE, "role": "operator", "matters": [], "until": until}]}]);
            write(&path.join(folder), "organisations.json", organisations.to_string().as_bytes());
            write(&path.join(folder), "persons.json", persons.to_string().as_bytes());
        }
        for at in [0, 1] {
            write(path, &format!("idp-{at}.toml"), self.idp_config(at, registers).as_bytes());
            write(path, &format!("signer-{at}.toml"), self.signer_config(at).as_bytes());
        }
    }

    fn idp_config(&self, at: usize, registers: &str) -> String {
        let (issuer, signer) = (&self.idp[0], &self.signer[0]);
        let mut parts = vec![common(issuer, &self.idp[at], &self.databases[0].url, "idp.keys", &[registers, signer])];
        for register in ["population", "legal_persons", "phone"] {
            parts.push(format!(
                "[registers.{register}]\nurl = '{registers}'\nclient_id = 'idp'\nkey_file = 'client.key'\n"
            ));
        }
        parts.push(format!(
            "[[resources]]\nresource = '{signer}'\nsector = 'licence-signer'\nscopes = ['licence.issue', 'licence.end', \
             'licence.read', 'licence.lookup', 'presentation.resolve', 'licence.own', 'presentation.make']\n\
             [[clients]]\nclient_id = 'licence-signer'\nname = '电子证照'\nregion = '640100'\nsector = 'licence-signer'\n\
             redirect_uris = ['{signer}/callback']\nauth_method = 'private_key_jwt'\njwks_file = 'client.pub'\n\
             scopes = ['openid', 'profile', 'organisation', 'id_number', 'offline_access']\nis_resource = '{signer}'\n\
             organisations = true\ntrusted = true\nnumber_purpose = '用来找到您的证照'\n\
             [[clients]]\nclient_id = 'portal'\nname = '门户'\nregion = '640100'\nsector = 'portal'\n\
             redirect_uris = ['{CALLBACK}']\nauth_method = 'client_secret_basic'\nsecret_file = 'secret'\n\
             scopes = ['openid', 'profile', 'organisation', 'offline_access', 'licence.own', 'presentation.make']\n\
             resources = ['{signer}']\norganisations = true\n"
        ));
        for (id, organisation, auth) in SYSTEMS {
            let auth = if *auth == "key" {
                "auth_method = 'private_key_jwt'\njwks_file = 'client.pub'"
            } else {
                "auth_method = 'client_secret_basic'\nsecret_file = 'secret'"
            };
            parts.push(format!(
                "[[clients]]\nclient_id = '{id}'\nname = '{id}'\norganisation = '{organisation}'\nregion = '640100'\n\
                 sector = '{id}'\n{auth}\nscopes = ['licence.issue', 'licence.read', 'presentation.resolve']\n\
                 resources = ['{signer}']\n"
            ));
        }
        parts.concat()
    }

    fn signer_config(&self, at: usize) -> String {
        let (issuer, signer) = (&self.idp[0], &self.signer[0]);
        let text = common(signer, &self.signer[at], &self.databases[1].url, "signer.keys", &[issuer]);
        format!(
            "issuer = '{issuer}'\nauthority = '示范市'\noid_arc = '1.2.156.99999.1'\n{text}[client]\nid = 'licence-signer'\nkey_file = 'client.key'\n"
        )
    }

    pub(super) async fn command(&self, arguments: &[&str]) {
        let ended = run(arguments).await;
        assert!(ended.status.success(), "{arguments:?}: {}{}", ended.stdout, ended.stderr);
    }

    /// Logs the holder in at the portal and answers the code.
    pub(super) async fn code(&self, visitor: &Visitor, acting: Option<&str>, more: &[(&str, &str)]) -> String {
        let mut url = Url::parse(&format!("{}/authorize", self.idp[0])).expect("an address");
        url.query_pairs_mut()
            .extend_pairs([("response_type", "code"), ("client_id", "portal"), ("redirect_uri", CALLBACK)])
            .extend_pairs([("code_challenge", CODE_CHALLENGE), ("code_challenge_method", "S256"), ("state", "s")])
            .extend_pairs(more);
        let page =
            go(&self.idp[0], visitor, url.as_str(), &HOLDER, acting, |url| url.as_str().starts_with(CALLBACK)).await;
        page.parameter("code").unwrap_or_else(|| panic!("{} {} {:?}", page.url, page.body, page.redirect()))
    }

    /// The tokens of a code.
    pub(super) async fn tokens(&self, code: &str) -> Value {
        let outcome = outcome(self.redeem(&network::client(), 0, code)).await;
        assert_eq!(outcome.status, 200, "{outcome:?}");
        outcome.body
    }

    pub(super) fn redeem(&self, client: &reqwest::Client, at: usize, code: &str) -> RequestBuilder {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", CODE_VERIFIER),
        ];
        self.portal(client, at, "/token", &form)
    }

    pub(super) fn refresh(&self, client: &reqwest::Client, at: usize, token: &str) -> RequestBuilder {
        self.portal(client, at, "/token", &[("grant_type", "refresh_token"), ("refresh_token", token)])
    }

    pub(super) fn portal(
        &self,
        client: &reqwest::Client,
        at: usize,
        path: &str,
        form: &[(&str, &str)],
    ) -> RequestBuilder {
        aim(client, "POST", &self.idp, at, path).basic_auth("portal", Some(SECRET)).form(form)
    }

    /// A system's own token for licence-signer.
    pub(super) async fn system(&self, id: &str, scope: &str) -> String {
        let form = [("grant_type", "client_credentials"), ("scope", scope), ("resource", self.signer[0].as_str())];
        let request = aim(&network::client(), "POST", &self.idp, 0, "/token").basic_auth(id, Some(SECRET)).form(&form);
        let outcome = outcome(request).await;
        assert_eq!(outcome.status, 200, "{id}: {outcome:?}");
        outcome.body["access_token"].as_str().expect("a token").to_owned()
    }

    /// Whether an access token still opens userinfo, at either process.
    pub(super) async fn is_active(&self, token: &str) -> bool {
        let mut active = false;
        for at in [0, 1] {
            let request = aim(&network::client(), "GET", &self.idp, at, "/userinfo").bearer_auth(token);
            active |= outcome(request).await.status == 200;
        }
        active
    }

    /// Of a token answer nothing is active any more.
    pub(super) async fn nothing_lives(&self, what: &str, answer: &Value) {
        if let Some(token) = answer["access_token"].as_str() {
            assert!(!self.is_active(token).await, "{what}: an access token lives on");
        }
        if let Some(token) = answer["refresh_token"].as_str() {
            let renewed = outcome(self.refresh(&network::client(), 1, token)).await;
            assert_eq!(renewed.status, 400, "{what}: a refresh token lives on: {renewed:?}");
        }
    }

    /// Counts rows in the database of idp (0) or licence-signer (1).
    pub(super) async fn count(&self, database: usize, sql: &'static str) -> i64 {
        let db = Db::connect(&self.databases[database].url, &Settings::default()).await.expect("opens");
        let mut reader = db.reader().await.expect("reads");
        let (count,): (i64,) = on!(&mut reader, c => sqlx::query_as(sql).fetch_one(c).await).expect("counts");
        drop(reader);
        db.close().await;
        count
    }
}

/// Systems: the first proves itself by a key, the police issues, the market bureau's resolve.
const SYSTEMS: &[(&str, &str, &str)] = &[
    ("key-system", POLICE, "key"),
    ("police-system", POLICE, "secret"),
    ("window-0", MARKET, "secret"),
    ("window-1", MARKET, "secret"),
    ("window-2", MARKET, "secret"),
    ("window-3", MARKET, "secret"),
];

/// What every service's configuration begins with.
fn common(url: &str, listen: &str, database: &str, keys: &str, allowed: &[&str]) -> String {
    let listen = listen.replace("http://localhost", "127.0.0.1");
    let allowed = allowed.iter().map(|url| format!("'{url}'")).collect::<Vec<_>>().join(", ");
    format!(
        "external_url = '{url}'\nlisten = '{listen}'\nregion = '640100'\n[database]\nurl = '{database}'\n[key_store]\n\
         path = '{keys}'\npassphrase_file = 'passphrase'\n[outbound]\nallowed_origins = [{allowed}]\n"
    )
}

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("the folder can be written");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(path, mode).expect("ours");
}

fn openssl(folder: &Path, line: &str) {
    let output = Command::new(tools::OPENSSL.path()).args(line.split_whitespace()).current_dir(folder).output();
    let output = output.expect("openssl starts");
    assert!(output.status.success(), "openssl {line}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Registers that know everybody and keep what they are to send.
async fn registers(messages: Arc<Mutex<Vec<String>>>) -> String {
    let (listener, address) = network::listen().await;
    let send = move |Json(body): Json<Value>| {
        messages.lock().expect("no panic").push(body["text"].as_str().unwrap_or_default().to_owned());
        async {
            (axum::http::StatusCode::ACCEPTED, Json(json!({"phone_masked": "*******0101", "phone_matches": true})))
        }
    };
    let known = || async { Json(json!({"match": true, "status": "alive"})) };
    let router = Router::new().route("/v1/persons/match", post(known)).route("/v1/messages", post(send));
    network::serve(listener, router);
    format!("http://localhost:{}", address.port())
}

/// A request for one of two processes, which both answer to the first one's name.
pub(super) fn aim(client: &reqwest::Client, method: &str, urls: &[String; 2], at: usize, path: &str) -> RequestBuilder {
    let url = format!("{}{path}", urls[at].replace("localhost", "127.0.0.1"));
    let host = urls[0].trim_start_matches("http://");
    client.request(method.parse().expect("a method"), url).header("Host", host)
}

pub(super) async fn outcome(request: RequestBuilder) -> Outcome {
    let Ok(answer) = request.send().await else {
        return Outcome { status: 0, location: String::new(), body: Value::Null };
    };
    let status = answer.status().as_u16();
    let location =
        answer.headers().get("location").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let text = answer.text().await.unwrap_or_default();
    Outcome { status, location, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
}
