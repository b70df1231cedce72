//! The main job over HTTPS against three processes of `xinyin serve` on PostgreSQL, configured from the files of
//! `docs/how-to/deploy/`, in the order of `docs/how-to/deploy.md`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};
use xinyin_tests::folder::{Folder, repository};
use xinyin_tests::postgres::Postgres;
use xinyin_tests::process::{Process, binary, run};
use xinyin_tests::{Visitor, network, tools};

/// The three services, and where the files' examples say that they are.
const SERVICES: [(&str, &str); 3] = [
    ("idp", "https://id.example.gov.cn"),
    ("licence-signer", "https://licences.example.gov.cn"),
    ("desk", "https://verify.example.gov.cn"),
];
const DEPARTMENT: &str = "11640100MB0000027N";

struct Deployment {
    folder: Folder,
    /// Addresses, in the order of [`SERVICES`].
    urls: [String; 3],
    client: reqwest::Client,
}

impl Deployment {
    /// Certificates, secrets and the files of the docs with this machine's addresses.
    async fn prepare() -> Self {
        let folder = Folder::new("deployment");
        let path = folder.path();
        let mut held = Vec::new();
        for _ in SERVICES {
            held.push(network::listen().await);
        }
        let urls = [0, 1, 2].map(|at: usize| format!("https://localhost:{}", held[at].1.port()));
        drop(held);
        for line in [
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -keyout ca.key -out ca.pem -subj /CN=CA",
            "req -x509 -CA ca.pem -CAkey ca.key -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 397 \
             -keyout tls.key -out tls.pem -subj /CN=localhost -addext subjectAltName=DNS:localhost \
             -addext basicConstraints=critical,CA:FALSE",
            "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out licence-signer-client.key",
            "pkey -in licence-signer-client.key -pubout -out licence-signer-client.pub",
            "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out desk-client.key",
            "pkey -in desk-client.key -pubout -out desk-client.pub",
            "rand -hex -out police-system.secret 32",
            "rand -base64 -out idp.passphrase 32",
            "rand -base64 -out licence-signer.passphrase 32",
            "rand -base64 -out desk.passphrase 32",
        ] {
            openssl(path, line);
        }
        for entry in std::fs::read_dir(path).expect("just made").flatten() {
            // What `umask 077` does in the docs.
            std::fs::set_permissions(entry.path(), std::fs::Permissions::from_mode(0o600)).expect("ours");
        }
        std::fs::create_dir(path.join("catalogue")).expect("ours");
        let matters = "catalogue/matters.json";
        std::fs::copy(repository().join("docs/how-to/deploy").join(matters), path.join(matters))
            .expect("the docs have it");
        let postgres = Postgres::shared().await;
        for (at, (service, _)) in SERVICES.iter().enumerate() {
            let database = postgres.fresh(&format!("serve{at}")).await;
            let file = repository().join("docs/how-to/deploy").join(format!("{service}.toml"));
            let text = std::fs::read_to_string(file).expect("the docs have it");
            std::fs::write(path.join(format!("{service}.toml")), adapted(&text, &urls, at, &database))
                .expect("written");
        }
        let pem = std::fs::read(path.join("ca.pem")).expect("openssl wrote it");
        network::provide_tls();
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(30))
            .tls_certs_only(reqwest::Certificate::from_pem_bundle(&pem).expect("a certificate"))
            .build()
            .expect("a client");
        Self { folder, urls, client }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    /// Runs a command that must succeed, and answers what it printed.
    async fn xinyin(&self, arguments: &[&str]) -> String {
        let ended = run(arguments).await;
        assert!(ended.status.success(), "{arguments:?}: {}{}", ended.stdout, ended.stderr);
        ended.stdout
    }

    /// Starts a service and waits until it is ready.
    async fn start(&self, at: usize) -> Process {
        let config = self.file(&format!("{}.toml", SERVICES[at].0));
        let process = Process::start(&["serve", SERVICES[at].0, "--config", &config]);
        let begun = Instant::now();
        loop {
            let answer = self.client.get(format!("{}/readyz", self.urls[at])).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return process;
            }
            assert!(begun.elapsed() < Duration::from_secs(40), "{} is not ready: {}", SERVICES[at].0, process.said());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A token of the department's system for a service.
    async fn token(&self, id: &str, secret: &str, resource: &str, scope: &str) -> String {
        let form = [("grant_type", "client_credentials"), ("resource", resource), ("scope", scope)];
        let request = self.client.post(format!("{}/token", self.urls[0])).basic_auth(id, Some(secret)).form(&form);
        let (status, body) = answer(request).await;
        assert_eq!(status, 200, "{body}");
        body["access_token"].as_str().expect("a token").to_owned()
    }

    async fn verdict(&self, credential: &str, token: &str) -> Value {
        let request = self.client.post(format!("{}/v1/verifications", self.urls[2])).bearer_auth(token);
        let request = request.header("content-type", "application/dc+sd-jwt").body(credential.to_owned());
        let (status, report) = answer(request).await;
        assert_eq!(status, 200, "{report}");
        report
    }
}

/// A file of the docs with this machine's addresses, database and certificate authority.
fn adapted(text: &str, urls: &[String; 3], at: usize, database: &str) -> String {
    let mut text = text.to_owned();
    for ((_, example), url) in SERVICES.iter().zip(urls) {
        text = text.replace(example, url);
    }
    let allowed = urls.iter().map(|url| format!("\"{url}\"")).collect::<Vec<_>>().join(", ");
    let listen = urls[at].replace("https://localhost", "127.0.0.1");
    let example = text.lines().find(|line| line.starts_with("url = \"postgres:")).expect("the docs use it").to_owned();
    for (from, to) in [
        ("allowed_origins = []", format!("allowed_origins = [{allowed}]\nca_file = \"ca.pem\"")),
        ("0.0.0.0:443", listen),
        (example.as_str(), format!("url = \"{database}\"")),
    ] {
        assert!(text.contains(from), "{from} is not in the docs' file");
        text = text.replacen(from, &to, 1);
    }
    text
}

fn openssl(folder: &Path, line: &str) {
    let output = Command::new(tools::OPENSSL.path()).args(line.split_whitespace()).current_dir(folder).output();
    let output = output.expect("openssl starts");
    assert!(output.status.success(), "openssl {line}: {}", String::from_utf8_lossy(&output.stderr));
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.expect("answers");
    let status = answer.status().as_u16();
    let text = answer.text().await.expect("a body");
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_main_job_runs_over_https_on_three_processes() {
    tokio::task::spawn_blocking(binary).await.expect("the program builds");
    let deployment = Deployment::prepare().await;
    let [idp_config, signer_config, desk_config] = SERVICES.map(|(name, _)| deployment.file(&format!("{name}.toml")));
    let docs = repository().join("docs/how-to/deploy");

    // Nothing starts before it has keys.
    let early = run(&["serve", "idp", "--config", &idp_config]).await;
    assert!(!early.status.success() && early.stderr.contains("key_store.path"), "{}", early.stderr);
    for (service, config) in [("idp", &idp_config), ("licence-signer", &signer_config), ("desk", &desk_config)] {
        let said = deployment.xinyin(&["keys", "init", service, "--config", config]).await;
        assert_eq!(said, "", "quiet on success");
    }
    let again = run(&["keys", "init", "idp", "--config", &idp_config]).await;
    assert_eq!(again.status.code(), Some(1), "a key store is never overwritten");
    let (people, catalogue) = (docs.join("people"), docs.join("catalogue"));
    for _ in 0..2 {
        deployment.xinyin(&["load", "idp", &people.to_string_lossy(), "--config", &idp_config]).await;
        deployment.xinyin(&["load", "licence-signer", &catalogue.to_string_lossy(), "--config", &signer_config]).await;
    }
    let trust = deployment.file("trust");
    let root = deployment.xinyin(&["keys", "export-trust", &trust, "--config", &signer_config]).await;
    let text = std::fs::read_to_string(&desk_config).expect("written");
    let unpinned = run(&["serve", "desk", "--config", &desk_config]).await;
    assert!(unpinned.stderr.contains("trust.root_sha256"), "{}", unpinned.stderr);
    std::fs::write(
        &desk_config,
        text.replace("ROOT_SHA256", root.trim()).replace("status_cache_seconds = 30", "status_cache_seconds = 1"),
    )
    .expect("written");

    let mut idp = deployment.start(0).await;
    let mut signer = deployment.start(1).await;
    let mut desk = deployment.start(2).await;
    for config in [&idp_config, &signer_config, &desk_config] {
        let found = run(&["doctor", "--config", config, "--format", "json"]).await;
        assert!(found.status.success(), "{}{}", found.stdout, found.stderr);
        deployment.xinyin(&["config", "check", "--config", config]).await;
    }

    discovery(&deployment).await;
    let secret = std::fs::read_to_string(deployment.file("police-system.secret")).expect("openssl wrote it");
    let secret = secret.trim();
    let [_, at_signer, at_desk] = &deployment.urls;
    let office = deployment.token("police-system", secret, at_signer, "licence.issue licence.end licence.read").await;
    let verifying = deployment.token("police-system", secret, at_desk, "verify").await;
    let id = issue(&deployment, &office).await;
    let credential = {
        let url = format!("{at_signer}/v1/licences/{id}/renditions/sdjwt");
        let answer = deployment.client.get(url).bearer_auth(&office).send().await.expect("answers");
        assert_eq!(answer.status(), 200);
        answer.text().await.expect("a credential")
    };
    let report = deployment.verdict(&credential, &verifying).await;
    assert_eq!(report["verdict"], "valid", "{report}");
    let before = public_records(&deployment, &credential).await;

    // A process that dies takes nothing along.
    signer.signal("-KILL");
    drop(signer);
    signer = deployment.start(1).await;
    assert_eq!(public_records(&deployment, &credential).await, before, "the log is the same");
    let report = deployment.verdict(&credential, &verifying).await;
    assert_eq!(report["verdict"], "valid", "{report}");

    let event = json!({"legal_ground": "《道路交通安全法》第一百一十条", "reason": "依法吊销"});
    let url = format!("{at_signer}/v1/licences/{id}/revocation");
    let request = deployment.client.post(url).bearer_auth(&office).header("Idempotency-Key", "r1").json(&event);
    let (status, body) = answer(request).await;
    assert_eq!(status, 200, "{body}");
    let begun = Instant::now();
    loop {
        let report = deployment.verdict(&credential, &verifying).await;
        if report["verdict"] == "not_in_force" {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{report}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    added_client(&deployment, &idp_config).await;
    sign_in(&deployment).await;

    for (process, config) in [(&mut desk, &desk_config), (&mut signer, &signer_config), (&mut idp, &idp_config)] {
        let status = process.end().expect("it ends within fifteen seconds");
        assert!(status.success(), "{status}: {}", process.said());
        let said = process.said();
        assert!(!said.contains("640104199103080009") && !said.contains(secret), "nothing personal or secret in a log");
        let found = deployment.xinyin(&["audit", "verify", "--config", config, "--format", "json"]).await;
        let found: Value = serde_json::from_str(&found).expect("JSON");
        assert_eq!(found["whole"], true, "{found}");
    }
}

/// What a portal's library reads first.
async fn discovery(deployment: &Deployment) {
    let issuer = &deployment.urls[0];
    let (status, found) = answer(deployment.client.get(format!("{issuer}/.well-known/openid-configuration"))).await;
    assert_eq!((status, &found["issuer"]), (200, &json!(issuer)));
    for name in ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"] {
        assert!(found[name].as_str().is_some_and(|url| url.starts_with(&format!("{issuer}/"))), "{name}: {found}");
    }
    let (status, keys) = answer(deployment.client.get(found["jwks_uri"].as_str().expect("an address"))).await;
    assert!(status == 200 && keys["keys"].as_array().is_some_and(|keys| keys.len() >= 3), "{keys}");
}

/// A person of `persons.json` signs in once and is known at licence-signer's pages and the desk's, each of which proves itself
/// to idp by its key file.
async fn sign_in(deployment: &Deployment) {
    let visitor = Visitor::over(deployment.client.clone());
    let mut asked = 0;
    for own in &deployment.urls[1..] {
        let mut page = visitor.get(&format!("{own}/login")).await;
        for _ in 0..6 {
            if page.url.as_str().starts_with(own.as_str()) {
                break;
            }
            if let Some((before, _)) =
                page.body.split_once("id=\"continue\" href=\"").map(|(_, rest)| rest.split_once('"').expect("an end"))
            {
                page = visitor.get(&before.replace("&amp;", "&").replace("&#38;", "&")).await;
            } else if page.body.contains("name=\"password\"") {
                asked += 1;
                let password = "change this one after the first sign-in";
                let changes = [("login", "10000000009"), ("password", password)];
                page = visitor.submit_and_follow(&page.form("password"), &changes).await;
            } else {
                // For oneself, and with the whole number for licence-signer, which finds licences by it.
                let changes = [("subject", "self"), ("scope", "id_number")];
                page = visitor.submit_and_follow(&page.form(page.url.path()), &changes).await;
            }
        }
        assert!(page.url.as_str().starts_with(own.as_str()), "{} {}", page.url, page.body);
        if own == &deployment.urls[1] {
            assert!(page.status.is_success() && page.body.contains("DL640104-0009"), "{}", page.body);
        }
    }
    assert_eq!(asked, 1, "the password is asked for once");
}

async fn issue(deployment: &Deployment, token: &str) -> String {
    let draft = json!({
        "type": format!("{DEPARTMENT}002"), "number": "DL640104-0009",
        "issue_date": "2026-01-05", "valid_from": "2026-01-05", "valid_until": "2032-01-04",
        "items": {"vehicle_class": "C1", "first_issued": "2017-02-09"},
        "holder": {"kind": "person", "code_type": "111", "code": "640104199103080009", "name": "阿依古丽·买买提"},
    });
    let url = format!("{}/v1/licences", deployment.urls[1]);
    for _ in 0..2 {
        let request = deployment.client.post(&url).bearer_auth(token).header("Idempotency-Key", "i1").json(&draft);
        let (status, body) = answer(request).await;
        assert!(status == 201 || status == 202, "{status} {body}");
        if status == 201 {
            return body["id"].as_str().expect("an id").to_owned();
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    panic!("the licence was not released");
}

/// The status list that a credential names, and the log's checkpoint, as anyone may read them.
async fn public_records(deployment: &Deployment, credential: &str) -> String {
    let payload = credential.split('.').nth(1).expect("a JWS");
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    let claims: Value = serde_json::from_slice(&payload).expect("claims");
    let list = claims["status"]["status_list"]["uri"].as_str().expect("a status list");
    assert!(list.starts_with(&deployment.urls[1]), "{list}");
    let answer = deployment.client.get(list).header("Accept", "application/statuslist+jwt").send().await;
    assert_eq!(answer.expect("answers").status(), 200);
    let answer = deployment.client.get(format!("{}/log/checkpoint", deployment.urls[1])).send().await.expect("answers");
    assert_eq!(answer.status(), 200);
    let note = answer.text().await.expect("a note");
    note.lines().take(3).collect::<Vec<_>>().join("\n")
}

/// A client that the command line adds while the service runs.
async fn added_client(deployment: &Deployment, config: &str) {
    let add = [
        "client",
        "add",
        "--config",
        config,
        "--client-id",
        "late-system",
        "--name",
        "后加系统",
        "--organisation",
        DEPARTMENT,
        "--scope",
        "verify",
        "--resource",
        &deployment.urls[2],
    ];
    let secret = deployment.xinyin(&add).await;
    deployment.token("late-system", secret.trim(), &deployment.urls[2], "verify").await;
    let again = run(&add).await;
    assert_eq!((again.status.code(), again.stdout.as_str()), (Some(1), ""), "a secret is printed once");
}
