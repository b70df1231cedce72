//! What may happen once, tried by a hundred at the same moment at two processes of `xinyin serve` over one PostgreSQL.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::routing::post;
use axum::{Json, Router};
use keys::software::SoftwareKey;
use keys::sources::Sources;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use store::{Db, Settings, on, sqlx};
use tokio::sync::Barrier;
use url::Url;
use verifier::algorithm::Algorithm;
use xinyin_tests::folder::{Folder, repository};
use xinyin_tests::process::{Process, binary, run};
use xinyin_tests::world::{Person, go};
use xinyin_tests::{Backend, Database, Visitor, network, tools};

const POLICE: &str = "11640100MB0000027N";
const MARKET: &str = "11640104MB0000019M";
const MATTER: &str = "special-equipment-registration";
const SECRET: &str = "a-secret-of-these-races-and-of-nothing-else-1";
const PASSWORD: &str = "three unrelated words";
const HOLDER: Person = Person { id_number: "640104199103080009", name: "阿依古丽·买买提", password: PASSWORD };
const CLERK: &str = "示范市公安局";
const CALLBACK: &str = "http://localhost:1/callback";
/// RFC 7636, appendix B.
const CODE_VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CODE_CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const TRIES: usize = 100;

/// Two processes of idp and two of licence-signer; of each the first is where the external URL leads.
struct Pairs {
    folder: Folder,
    idp: [String; 2],
    signer: [String; 2],
    databases: [Database; 2],
    /// Texts of the messages that the simulated operator of phones was given.
    messages: Arc<Mutex<Vec<String>>>,
    key: SoftwareKey,
    _processes: Vec<Process>,
}

/// What came of a try.
#[derive(Debug)]
struct Outcome {
    /// The status; 0 where no answer came.
    status: u16,
    location: String,
    body: Value,
}

impl Pairs {
    async fn start() -> Self {
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
        let mut pairs = Self { folder, idp, signer, databases, messages, key, _processes: Vec::new() };
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
                pairs._processes.push(process);
            }
        }
        pairs
    }

    fn file(&self, name: &str) -> String {
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
        let mut text = common(issuer, &self.idp[at], &self.databases[0].url, "idp.keys", &[registers, signer]);
        for register in ["population", "legal_persons", "phone"] {
            text +=
                &format!("[registers.{register}]\nurl = '{registers}'\nclient_id = 'idp'\nkey_file = 'client.key'\n");
        }
        text += &format!(
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
        );
        for (id, organisation, auth) in SYSTEMS {
            let auth = if *auth == "key" {
                "auth_method = 'private_key_jwt'\njwks_file = 'client.pub'"
            } else {
                "auth_method = 'client_secret_basic'\nsecret_file = 'secret'"
            };
            text += &format!(
                "[[clients]]\nclient_id = '{id}'\nname = '{id}'\norganisation = '{organisation}'\nregion = '640100'\n\
                 sector = '{id}'\n{auth}\nscopes = ['licence.issue', 'licence.read', 'presentation.resolve']\n\
                 resources = ['{signer}']\n"
            );
        }
        text
    }

    fn signer_config(&self, at: usize) -> String {
        let (issuer, signer) = (&self.idp[0], &self.signer[0]);
        let text = common(signer, &self.signer[at], &self.databases[1].url, "signer.keys", &[issuer]);
        format!(
            "issuer = '{issuer}'\nauthority = '示范市'\noid_arc = '1.2.156.99999.1'\n{text}[client]\nid = 'licence-signer'\nkey_file = 'client.key'\n"
        )
    }

    async fn command(&self, arguments: &[&str]) {
        let ended = run(arguments).await;
        assert!(ended.status.success(), "{arguments:?}: {}{}", ended.stdout, ended.stderr);
    }

    /// Logs the holder in at the portal and answers the code.
    async fn code(&self, visitor: &Visitor, acting: Option<&str>, more: &[(&str, &str)]) -> String {
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
    async fn tokens(&self, code: &str) -> Value {
        let outcome = outcome(self.redeem(&network::client(), 0, code)).await;
        assert_eq!(outcome.status, 200, "{outcome:?}");
        outcome.body
    }

    fn redeem(&self, client: &reqwest::Client, at: usize, code: &str) -> RequestBuilder {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", CODE_VERIFIER),
        ];
        self.portal(client, at, "/token", &form)
    }

    fn refresh(&self, client: &reqwest::Client, at: usize, token: &str) -> RequestBuilder {
        self.portal(client, at, "/token", &[("grant_type", "refresh_token"), ("refresh_token", token)])
    }

    fn portal(&self, client: &reqwest::Client, at: usize, path: &str, form: &[(&str, &str)]) -> RequestBuilder {
        aim(client, "POST", &self.idp, at, path).basic_auth("portal", Some(SECRET)).form(form)
    }

    /// A system's own token for licence-signer.
    async fn system(&self, id: &str, scope: &str) -> String {
        let form = [("grant_type", "client_credentials"), ("scope", scope), ("resource", self.signer[0].as_str())];
        let request = aim(&network::client(), "POST", &self.idp, 0, "/token").basic_auth(id, Some(SECRET)).form(&form);
        let outcome = outcome(request).await;
        assert_eq!(outcome.status, 200, "{id}: {outcome:?}");
        outcome.body["access_token"].as_str().expect("a token").to_owned()
    }

    /// Whether an access token still opens userinfo, at either process.
    async fn is_active(&self, token: &str) -> bool {
        let mut active = false;
        for at in [0, 1] {
            let request = aim(&network::client(), "GET", &self.idp, at, "/userinfo").bearer_auth(token);
            active |= outcome(request).await.status == 200;
        }
        active
    }

    /// Of a token answer nothing is active any more.
    async fn nothing_lives(&self, what: &str, answer: &Value) {
        if let Some(token) = answer["access_token"].as_str() {
            assert!(!self.is_active(token).await, "{what}: an access token lives on");
        }
        if let Some(token) = answer["refresh_token"].as_str() {
            let renewed = outcome(self.refresh(&network::client(), 1, token)).await;
            assert_eq!(renewed.status, 400, "{what}: a refresh token lives on: {renewed:?}");
        }
    }

    /// Counts rows in the database of idp (0) or licence-signer (1).
    async fn count(&self, database: usize, sql: &'static str) -> i64 {
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
fn aim(client: &reqwest::Client, method: &str, urls: &[String; 2], at: usize, path: &str) -> RequestBuilder {
    let url = format!("{}{path}", urls[at].replace("localhost", "127.0.0.1"));
    let host = urls[0].trim_start_matches("http://");
    client.request(method.parse().expect("a method"), url).header("Host", host)
}

async fn outcome(request: RequestBuilder) -> Outcome {
    let Ok(answer) = request.send().await else {
        return Outcome { status: 0, location: String::new(), body: Value::Null };
    };
    let status = answer.status().as_u16();
    let location =
        answer.headers().get("location").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let text = answer.text().await.unwrap_or_default();
    Outcome { status, location, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
}

/// Runs all at the same moment, each on a task of its own.
async fn at_once<T: Send + 'static>(tries: Vec<impl Future<Output = T> + Send + 'static>) -> Vec<T> {
    let barrier = Arc::new(Barrier::new(tries.len()));
    let running: Vec<_> = tries
        .into_iter()
        .map(|one| {
            let barrier = barrier.clone();
            tokio::spawn(async move {
                barrier.wait().await;
                one.await
            })
        })
        .collect();
    let mut outcomes = Vec::new();
    for one in running {
        outcomes.push(one.await.expect("no try panics"));
    }
    outcomes
}

/// A hundred tries at two processes, each over a connection of its own that is open already.
async fn hundred(urls: &[String; 2], make: impl Fn(&reqwest::Client, usize, usize) -> RequestBuilder) -> Vec<Outcome> {
    let mut tries = Vec::new();
    for number in 0..TRIES {
        let (client, at) = (network::client(), number % 2);
        aim(&client, "GET", urls, at, "/livez").send().await.expect("answers");
        tries.push(outcome(make(&client, at, number)));
    }
    at_once(tries).await
}

fn succeeded(outcomes: &[Outcome]) -> Vec<&Outcome> {
    outcomes.iter().filter(|outcome| (200..300).contains(&outcome.status)).collect()
}

fn statuses(outcomes: &[Outcome]) -> Vec<u16> {
    let mut all: Vec<u16> = outcomes.iter().map(|outcome| outcome.status).collect();
    all.sort_unstable();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_happen_once_happens_once_whoever_races() {
    let pairs = Pairs::start().await;
    code_and_refresh_token(&pairs).await;
    assertion(&pairs).await;
    one_time_code(&pairs).await;
    let licence = idempotency_key(&pairs).await;
    presentation(&pairs, &licence).await;
    status_position(&pairs).await;
    for what in ["revocation", "sign-out", "end of a mandate"] {
        revocation(&pairs, what).await;
    }
}

async fn code_and_refresh_token(pairs: &Pairs) {
    let scope = [("scope", "openid offline_access"), ("prompt", "consent")];
    let code = pairs.code(&Visitor::new(), None, &scope).await;
    let outcomes = hundred(&pairs.idp, |client, at, _| pairs.redeem(client, at, &code)).await;
    let won = succeeded(&outcomes);
    assert_eq!(won.len(), 1, "a code: {:?}", statuses(&outcomes));
    assert_eq!(outcomes.iter().filter(|outcome| outcome.body["error"] == "invalid_grant").count(), TRIES - 1);
    pairs.nothing_lives("a code that was replayed", &won[0].body).await;

    // The grace for an answer that was lost lets the same token answer once more; then its family is dead.
    let code = pairs.code(&Visitor::new(), None, &scope).await;
    let tokens = pairs.tokens(&code).await;
    let token = tokens["refresh_token"].as_str().expect("a refresh token");
    let outcomes = hundred(&pairs.idp, |client, at, _| pairs.refresh(client, at, token)).await;
    let won = succeeded(&outcomes);
    assert_eq!(won.len(), 2, "a refresh token and its grace: {:?}", statuses(&outcomes));
    for answer in won {
        pairs.nothing_lives("a refresh token that was reused", &answer.body).await;
    }
}

async fn assertion(pairs: &Pairs) {
    let now = Sources::system().now().seconds();
    let claims = json!({"iss": "key-system", "sub": "key-system", "aud": pairs.idp[0], "iat": now, "exp": now + 60, "jti": "once"});
    let assertion = keys::jws::sign_json(&pairs.key, "JWT", &claims).expect("signs");
    let outcomes = hundred(&pairs.idp, |client, at, _| {
        let form = [
            ("grant_type", "client_credentials"),
            ("scope", "licence.read"),
            ("resource", pairs.signer[0].as_str()),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion.as_str()),
        ];
        aim(client, "POST", &pairs.idp, at, "/token").form(&form)
    })
    .await;
    assert_eq!(succeeded(&outcomes).len(), 1, "an assertion: {:?} {:?}", statuses(&outcomes), outcomes[0].body);
}

/// The right code of a message: confirmed once; whoever clicks again is led on or told to wait.
async fn one_time_code(pairs: &Pairs) {
    let visitor = Visitor::new();
    let page = visitor.get(&format!("{}/register", pairs.idp[0])).await;
    let fields = [("name", "林演示"), ("number", "640104199510100003"), ("phone", "10000000101")];
    let page = visitor.submit_and_follow(&page.form("number"), &fields).await;
    let form = page.form("code");
    let text = pairs.messages.lock().expect("no panic").last().cloned().expect("a message");
    let code: String = text.chars().skip_while(|c| !c.is_ascii_digit()).take(6).collect();
    let token = &form.fields.iter().find(|(name, _)| name == "form_token").expect("a token").1;
    let cookies = visitor.cookies_for("localhost");
    let outcomes = hundred(&pairs.idp, |client, at, _| {
        let request = aim(client, "POST", &pairs.idp, at, form.action.path()).header("Origin", &pairs.idp[0]);
        request.header("Cookie", &cookies).form(&[("form_token", token.as_str()), ("code", code.as_str())])
    })
    .await;
    let done = "SELECT count(*) FROM audit WHERE action = 'registration.confirm' AND result = 'done'";
    assert_eq!(pairs.count(0, done).await, 1, "a one-time code: {:?}", statuses(&outcomes));
    assert!(outcomes.iter().any(|outcome| outcome.location.ends_with("/means")), "{:?}", statuses(&outcomes));
    assert!(outcomes.iter().all(|outcome| [303, 422, 429].contains(&outcome.status)), "{:?}", statuses(&outcomes));
}

/// Answers the licence.
async fn idempotency_key(pairs: &Pairs) -> String {
    let token = pairs.system("police-system", "licence.issue").await;
    let draft = json!({
        "type": format!("{POLICE}002"), "number": "DL640104-0009",
        "issue_date": "2026-01-05", "valid_from": "2026-01-05", "valid_until": "2032-01-04",
        "items": {"vehicle_class": "C1", "first_issued": "2017-02-09"},
        "holder": {"kind": "person", "code_type": "111", "code": HOLDER.id_number, "name": HOLDER.name},
    });
    let send = |client: &reqwest::Client, at, _| {
        let request = aim(client, "POST", &pairs.signer, at, "/v1/licences").header("Idempotency-Key", "once");
        request.bearer_auth(&token).json(&draft)
    };
    let outcomes = hundred(&pairs.signer, send).await;
    let licences: BTreeSet<&str> = outcomes.iter().filter_map(|outcome| outcome.body["id"].as_str()).collect();
    assert_eq!(licences.len(), 1, "{:?} {}", statuses(&outcomes), outcomes[0].body);
    for table in [
        "SELECT count(*) FROM licences",
        "SELECT count(*) FROM idempotency",
        "SELECT count(*) FROM audit WHERE action = 'licence.issue'",
        "SELECT count(*) / 2 FROM sealings",
    ] {
        assert_eq!(pairs.count(1, table).await, 1, "{table}");
    }
    let known = [200, 201, 202, 409, 503];
    assert!(outcomes.iter().all(|outcome| known.contains(&outcome.status)), "{:?}", statuses(&outcomes));
    licences.into_iter().next().expect("one").to_owned()
}

/// Four callers, twenty-five tries each: one caller gets it, and may repeat; the look stands in the history once.
async fn presentation(pairs: &Pairs, licence: &str) {
    let visitor = Visitor::new();
    let login = format!("{}/login", pairs.signer[0]);
    let page = go(&pairs.idp[0], &visitor, &login, &HOLDER, None, |_| false).await;
    assert!(page.url.as_str().starts_with(&pairs.signer[0]), "{} {}", page.url, page.body);
    let asked = [("scope", "openid licence.own presentation.make"), ("resource", pairs.signer[0].as_str())];
    let tokens = pairs.tokens(&pairs.code(&visitor, None, &asked).await).await;
    let own = tokens["access_token"].as_str().expect("a token");
    let request = aim(&network::client(), "POST", &pairs.signer, 0, "/v1/presentations").bearer_auth(own);
    let shown = outcome(request.json(&json!({"licence": licence, "items": []}))).await;
    assert_eq!(shown.status, 201, "{shown:?}");
    let code = shown.body["code"].as_str().expect("a code").to_owned();
    let mut windows = Vec::new();
    for at in 0..4 {
        windows.push(pairs.system(&format!("window-{at}"), "presentation.resolve").await);
    }
    let body = json!({"code": code, "matter": MATTER, "case": "办件-1", "purpose": "核对"});
    let outcomes = hundred(&pairs.signer, |client, at, number| {
        let request = aim(client, "POST", &pairs.signer, at, "/v1/presentations/resolutions");
        request.bearer_auth(&windows[(number / 2) % 4]).json(&body)
    })
    .await;
    let winners: BTreeSet<usize> =
        (0..TRIES).filter(|number| outcomes[*number].status == 200).map(|number| (number / 2) % 4).collect();
    assert_eq!(winners.len(), 1, "a presentation: {:?} {}", statuses(&outcomes), outcomes[0].body);
    let refused = outcomes.iter().filter(|outcome| outcome.body["code"] == "presentation.used").count();
    let repeated = (0..TRIES).filter(|number| winners.contains(&((number / 2) % 4))).count();
    assert_eq!(refused, TRIES - repeated, "the winner may repeat: {:?}", statuses(&outcomes));
    assert_eq!(pairs.count(1, "SELECT count(*) FROM looks").await, 1, "one look");
}

/// The signer draws positions at random from a million; here its own statement is sent for one and the same position.
async fn status_position(pairs: &Pairs) {
    let source = std::fs::read_to_string(repository().join("licence-signer/src/storage/status.rs")).expect("a source");
    let (_, rest) = source.split_once("const RESERVE_ONE: &str = \"").expect("the statement");
    let sql = rest.split('"').next().expect("its end").to_owned();
    assert!(sql.starts_with("INSERT INTO status_positions"), "{sql}");
    let dbs = two(&pairs.databases[1]).await;
    let tries = (0..TRIES)
        .map(|number| {
            let (db, sql) = (dbs[number % 2].clone(), sql.clone());
            async move {
                let mut tx = db.begin().await.expect("begins");
                let licence = format!("race-{number}");
                let taken = on!(&mut tx, c => sqlx::query(sqlx::AssertSqlSafe(sql.clone())).bind("of-a-race").bind(7_i64)
                    .bind(&licence).execute(c).await.map(|done| done.rows_affected()));
                tx.commit().await.expect("is kept");
                taken.expect("is answered")
            }
        })
        .collect();
    let taken: u64 = at_once(tries).await.into_iter().sum();
    assert_eq!(taken, 1, "a status position");
}

/// Two pools, as two processes have them.
async fn two(database: &Database) -> [Db; 2] {
    let settings = Settings { acquire: Duration::from_secs(30), ..Settings::default() };
    [
        Db::connect(&database.url, &settings).await.expect("opens"),
        Db::connect(&database.url, &settings).await.expect("opens"),
    ]
}

/// At the same moment: something ends what a login gave, its refresh token is used, and the next code of the same session is
/// traded. After the answers nothing of it is active.
async fn revocation(pairs: &Pairs, what: &'static str) {
    for round in 0..5 {
        let visitor = Visitor::new();
        let (acting, scope) = match what {
            "end of a mandate" => (Some(CLERK), "openid organisation offline_access"),
            "sign-out" => (None, "openid"),
            _ => (None, "openid offline_access"),
        };
        let asked = [("scope", scope), ("prompt", "consent")];
        let tokens = pairs.tokens(&pairs.code(&visitor, acting, &asked).await).await;
        // What is revoked is one login's; what a sign-out or a mandate's end takes along is the session's or the mandate's.
        let second = if what == "revocation" { None } else { Some(pairs.code(&visitor, acting, &asked[..1]).await) };
        let (client, other) = (network::client(), network::client());
        let mut tries: Vec<std::pin::Pin<Box<dyn Future<Output = Outcome> + Send>>> = Vec::new();
        if let Some(token) = tokens["refresh_token"].as_str() {
            tries.push(Box::pin(outcome(pairs.refresh(&client, 1, token))));
        }
        if let Some(code) = &second {
            tries.push(Box::pin(outcome(pairs.redeem(&other, round % 2, code))));
        }
        tries.push(match what {
            "revocation" => {
                let token = tokens["refresh_token"].as_str().expect("a refresh token");
                Box::pin(outcome(pairs.portal(&other, 0, "/revoke", &[("token", token)])))
            }
            "sign-out" => {
                let page = visitor.get(&format!("{}/logout", pairs.idp[0])).await;
                let form = page.form("/logout");
                let request = aim(&client, "POST", &pairs.idp, 0, "/logout").header("Origin", &pairs.idp[0]);
                Box::pin(outcome(request.header("Cookie", visitor.cookies_for("localhost")).form(&form.fields)))
            }
            _ => {
                let (people, config) = (pairs.file("people-after"), pairs.file("idp-0.toml"));
                Box::pin(async move {
                    let ended = run(&["load", "idp", &people, "--config", &config]).await;
                    assert!(ended.status.success(), "{}", ended.stderr);
                    Outcome { status: 200, location: String::new(), body: Value::Null }
                })
            }
        });
        let outcomes = at_once(tries).await;
        let ending = outcomes.last().expect("the one that ends");
        assert!((200..400).contains(&ending.status), "{what}: {ending:?}");
        for answer in [&tokens].into_iter().chain(outcomes.iter().map(|outcome| &outcome.body)) {
            pairs.nothing_lives(&format!("{what}, round {round}"), answer).await;
        }
        if what == "end of a mandate" {
            pairs.command(&["load", "idp", &pairs.file("people"), "--config", &pairs.file("idp-0.toml")]).await;
        }
    }
}

/// The proof that these races find what they look for: who reads and then writes is seen to succeed more than once.
#[tokio::test(flavor = "multi_thread")]
async fn reading_and_then_writing_is_caught() {
    let database = Backend::Postgres.fresh("races_proof").await;
    let dbs = two(&database).await;
    for sql in [
        "CREATE TABLE once (name TEXT PRIMARY KEY, taken BIGINT NOT NULL)",
        "INSERT INTO once (name, taken) VALUES ('read', 0), ('one', 0)",
    ] {
        let mut tx = dbs[0].begin().await.expect("begins");
        on!(&mut tx, c => sqlx::query(sql).execute(c).await.map(drop)).expect("is done");
        tx.commit().await.expect("is kept");
    }
    let race = async |reads: bool| {
        let tries = (0..TRIES).map(|number| take(dbs[number % 2].clone(), reads)).collect();
        at_once(tries).await.into_iter().filter(|taken| *taken).count()
    };
    assert_eq!(race(false).await, 1, "one conditional statement");
    let seen = race(true).await;
    assert!(seen >= 2, "reading and then writing succeeded {seen} times: the barrier proves nothing");
}

async fn take(db: Db, reads: bool) -> bool {
    if !reads {
        let mut tx = db.begin().await.expect("begins");
        let sql = "UPDATE once SET taken = 1 WHERE name = 'one' AND taken = 0";
        let rows = on!(&mut tx, c => sqlx::query(sql).execute(c).await.map(|done| done.rows_affected()));
        tx.commit().await.expect("is kept");
        return rows.expect("is answered") == 1;
    }
    let mut tx = db.begin().await.expect("begins");
    let sql = "SELECT taken FROM once WHERE name = 'read'";
    let (taken,): (i64,) = on!(&mut tx, c => sqlx::query_as(sql).fetch_one(c).await).expect("is read");
    if taken == 0 {
        let sql = "UPDATE once SET taken = 1 WHERE name = 'read'";
        on!(&mut tx, c => sqlx::query(sql).execute(c).await.map(drop)).expect("is written");
    }
    tx.commit().await.expect("is kept");
    taken == 0
}
