//! Commands of the program itself, on a service that runs: clients are listed and ended; the conformance suite's files are
//! written.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use xinyin_tests::folder::Folder;
use xinyin_tests::network;
use xinyin_tests::process::{Ended, Process, run};

/// idp on SQLite, and its folder.
struct Idp {
    folder: Folder,
    url: String,
    listen: String,
}

impl Idp {
    async fn prepare() -> Self {
        let (held, address) = network::listen().await;
        drop(held);
        let folder = Folder::new("commands");
        let idp = Self { folder, url: format!("http://localhost:{}", address.port()), listen: address.to_string() };
        idp.write("passphrase", "of this story alone, and long enough");
        idp.write("system.secret", &"0123456789abcdef".repeat(3));
        idp.configure(true);
        let ended = idp.command(&["keys", "init", "idp", "--config", &idp.config()]).await;
        assert!(ended.status.success(), "{}", ended.stderr);
        idp
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).expect("written");
    }

    fn config(&self) -> String {
        self.folder.path().join("idp.toml").to_string_lossy().into_owned()
    }

    /// Its configuration, with or without the client `configured`.
    fn configure(&self, with_client: bool) {
        let Self { url, listen, .. } = self;
        let mut text = format!(
            "external_url = \"{url}\"\nlisten = \"{listen}\"\nregion = \"640100\"\nlog.format = \"text\"\n\
             database.url = \"sqlite://idp.db\"\nkey_store = {{ path = \"idp.keys\", passphrase_file = \"passphrase\" }}\n\
             [[resources]]\nresource = \"http://localhost:1\"\nsector = \"s\"\nscopes = [\"verify\"]\n"
        );
        if with_client {
            text.push_str(
                "[[clients]]\nclient_id = \"configured\"\nname = \"写在文件里的\"\nregion = \"640100\"\nsector = \"configured\"\n\
                 auth_method = \"client_secret_basic\"\nsecret_file = \"system.secret\"\nscopes = [\"verify\"]\n\
                 resources = [\"http://localhost:1\"]\n",
            );
        }
        self.write("idp.toml", &text);
    }

    async fn start(&self) -> Process {
        let mut process = Process::start(&["serve", "idp", "--config", &self.config()]);
        process.ready(&format!("{}/readyz", self.url), Duration::from_secs(40)).await;
        process
    }

    async fn command(&self, arguments: &[&str]) -> Ended {
        run(arguments).await
    }

    /// `xinyin client …` with its configuration.
    async fn client(&self, arguments: &[&str]) -> Ended {
        self.command(&[&["client"], arguments, &["--config", &self.config()]].concat()).await
    }

    /// Where each client's registration comes from, by its id.
    async fn listed(&self) -> Vec<(String, String)> {
        let ended = self.client(&["list", "--format", "json"]).await;
        assert!(ended.status.success(), "{}", ended.stderr);
        let found: Value = serde_json::from_str(&ended.stdout).expect("JSON");
        let text = |client: &Value, name: &str| client[name].as_str().expect("a text").to_owned();
        let clients = found["clients"].as_array().expect("a list");
        clients.iter().map(|client| (text(client, "client_id"), text(client, "source"))).collect()
    }

    async fn token(&self, client: &str, secret: &str) -> (u16, Value) {
        let form = [("grant_type", "client_credentials"), ("scope", "verify"), ("resource", "http://localhost:1")];
        self.post("/token", client, secret, &form).await
    }

    async fn post(&self, path: &str, client: &str, secret: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let request = network::client().post(format!("{}{path}", self.url)).basic_auth(client, Some(secret)).form(form);
        let answer = request.send().await.expect("idp answers");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(id, source)| ((*id).to_owned(), (*source).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_listed_and_ended_while_the_service_runs() {
    let idp = Idp::prepare().await;
    let mut process = idp.start().await;
    let add =
        ["add", "--client-id", "late", "--name", "后加的", "--scope", "verify", "--resource", "http://localhost:1"];
    let secret = idp.client(&add).await.stdout.trim().to_owned();
    let configured = "0123456789abcdef".repeat(3);
    let (status, body) = idp.token("late", &secret).await;
    assert_eq!(status, 200, "{body}");
    let token = body["access_token"].as_str().expect("a token").to_owned();
    assert_eq!(idp.listed().await, pairs(&[("configured", "file"), ("late", "added")]));
    let text = idp.client(&["list"]).await;
    assert!(text.stdout.lines().count() == 2 && !text.stdout.contains(&secret), "{}", text.stdout);

    let ended = idp.client(&["end", "late", "--format", "json"]).await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let said: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(said, json!({"client_id": "late", "grants_revoked": 0, "consents_forgotten": 0}));
    tokio::time::sleep(Duration::from_millis(1_100)).await; // what idp's processes may remember
    assert_eq!(idp.token("late", &secret).await.0, 401);
    let (status, known) = idp.post("/introspect", "configured", &configured, &[("token", &token)]).await;
    assert_eq!((status, &known["active"]), (200, &json!(false)));
    for (arguments, code, says) in [
        (&["end", "late"][..], 1, "no client late"),
        (&["end", "configured"], 1, "stands in the configuration"),
        (&["end"], 64, "CLIENT_ID"),
        (&["list", "--format", "xml"], 64, "xml"),
    ] {
        let refused = idp.client(arguments).await;
        assert_eq!((refused.status.code(), refused.stdout.as_str()), (Some(code), ""), "{arguments:?}");
        assert!(refused.stderr.contains(says), "{arguments:?}: {}", refused.stderr);
    }
    assert!(process.end().is_some_and(|status| status.success()));

    // Taken out of the file it still counts, and everyone says so until it is ended.
    idp.configure(false);
    let mut process = idp.start().await;
    assert!(process.said().contains("configured") && process.said().contains("no longer in the configuration"));
    assert_eq!(idp.listed().await, pairs(&[("configured", "left_over")]));
    assert_eq!(idp.token("configured", &configured).await.0, 200);
    let doctor = idp.command(&["doctor", "--config", &idp.config()]).await;
    assert!(doctor.stdout.contains("no longer in the file, and still registered: configured"), "{}", doctor.stdout);
    let quiet = idp.client(&["end", "configured"]).await;
    assert_eq!((quiet.status.code(), quiet.stdout.as_str()), (Some(0), ""));
    assert_eq!(idp.listed().await, []);
    assert!(process.end().is_some_and(|status| status.success()));
    heads(&idp).await;
}

/// The record is whole, also seen from its own head; another head is not in it.
async fn heads(idp: &Idp) {
    let verify = async |more: &[&str]| {
        let ended = idp.command(&[&["audit", "verify", "--config", &idp.config()], more].concat()).await;
        (ended.status.code(), ended.stdout + &ended.stderr)
    };
    let (code, said) = verify(&[]).await;
    assert_eq!(code, Some(0), "{said}");
    let (_, head) = said.split_once("head ").expect("the head is told");
    let head = head.split([';', '\n']).next().expect("a word").to_owned();
    let (size, digest) = head.split_once(':').expect("size and digest");
    assert!(size.parse::<u32>().is_ok_and(|size| size >= 5), "three registrations, two ends and tokens: {said}");
    let other = format!("{size}:{}", digest.chars().rev().collect::<String>());
    let longer = format!("999:{digest}");
    for (given, expected) in [(head.as_str(), 0), (other.as_str(), 1), (longer.as_str(), 1), ("1", 64), ("0:x", 64)] {
        let (code, said) = verify(&["--head", given]).await;
        assert_eq!(code, Some(expected), "{given}: {said}");
        assert!(expected != 1 || said.contains("is not in this chain"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_service_the_commands_say_what_is_missing() {
    let folder = Folder::new("nothing");
    let nowhere = folder.path().to_string_lossy().into_owned();
    for arguments in [&["client", "list", "--data", &nowhere][..], &["client", "end", "x", "--data", &nowhere]] {
        let ended = run(arguments).await;
        assert_eq!(ended.status.code(), Some(64), "{}", ended.stderr);
        assert!(ended.stderr.contains("no demonstration in"), "{}", ended.stderr);
    }
}

/// What stands in the files of a folder.
fn text(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_conformance_suites_files_fit_each_other() {
    let folder = Folder::new("conformance");
    let path = folder.path().join("run");
    let into = path.to_string_lossy().into_owned();
    let (held, address) = network::listen().await;
    drop(held);
    let (listen, url) = (address.to_string(), format!("http://localhost:{}", address.port()));
    let written = run(&["conformance-config", &into]).await;
    assert_eq!(written.status.code(), Some(0), "{}", written.stderr);
    assert!(written.stdout.contains("xinyin serve idp --config idp.toml"), "{}", written.stdout);
    let config = path.join("idp.toml").to_string_lossy().into_owned();
    let checked = run(&["config", "check", "--config", &config]).await;
    assert!(checked.status.success(), "{}", checked.stderr);
    let before = text(&path, "suite.json");
    let again = run(&["conformance-config", &into]).await;
    assert_eq!(again.status.code(), Some(1), "nothing is overwritten");
    assert!(again.stderr.contains("--force") && text(&path, "suite.json") == before, "{}", again.stderr);
    for wrong in [&["--suite", "nowhere"][..], &["--alias", "a/b"]] {
        let refused = run(&[&["conformance-config", &into, "--force"], wrong].concat()).await;
        assert_eq!(refused.status.code(), Some(64), "{wrong:?}: {}", refused.stderr);
    }

    // The same for a provider on this machine without TLS, so that it can be started here.
    let anew =
        ["conformance-config", &into, "--force", "--format", "json", "--external-url", &url, "--listen", &listen];
    let refused = run(&anew).await;
    assert_eq!(refused.status.code(), Some(1), "tls stands in the file, so it must be https: {}", refused.stdout);
    let anew = ["conformance-config", &into, "--force", "--format", "json", "--listen", &listen];
    let written = run(&anew).await;
    let said: Value = serde_json::from_str(&written.stdout).expect("JSON");
    assert_eq!(said["plans"].as_array().map(Vec::len), Some(4), "{said}");
    assert_ne!(text(&path, "suite.json"), before, "new secrets");
    let plain = text(&path, "idp.toml").replace("https://localhost:18444", &url);
    let plain = plain.replace("[tls]\ncertificate = \"tls.pem\"\nkey = \"tls.key\"\n", "");
    std::fs::write(&config, plain).expect("written");
    let people = path.join("people").to_string_lossy().into_owned();
    for arguments in [&["keys", "init", "idp", "--config", &config][..], &["load", "idp", &people, "--config", &config]]
    {
        let ended = run(arguments).await;
        assert!(ended.status.success(), "{arguments:?}: {}", ended.stderr);
    }
    let mut process = Process::start(&["serve", "idp", "--config", &config]);
    process.ready(&format!("{url}/readyz"), Duration::from_secs(40)).await;

    // A known client with the suite's secret is refused for its code alone; another secret for itself.
    let suite: Value = serde_json::from_str(&text(&path, "suite.json")).expect("JSON");
    for client in ["client", "client2", "client_secret_post"] {
        let known = |name: &str| suite[client][name].as_str().expect("a text").to_owned();
        for (secret, expected) in [(known("client_secret"), "invalid_grant"), ("x".repeat(43), "invalid_client")] {
            let mut form = vec![
                ("grant_type", "authorization_code".to_owned()),
                ("code", "none".to_owned()),
                ("redirect_uri", "https://localhost:18443/test/a/xinyin/callback".to_owned()),
            ];
            let mut request = network::client().post(format!("{url}/token"));
            if client == "client_secret_post" {
                form.extend([("client_id", known("client_id")), ("client_secret", secret)]);
            } else {
                request = request.basic_auth(known("client_id"), Some(secret));
            }
            let answer: Value = request.form(&form).send().await.expect("idp answers").json().await.expect("JSON");
            assert_eq!(answer["error"], expected, "{client}: {answer}");
        }
    }
}
