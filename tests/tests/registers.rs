//! idp, as `xinyin serve` runs it, asks the registers as a caller who proves himself by a key file: the right key opens
//! the way to an account, another one gets nothing, and a token counts once.

use std::fmt::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use keys::key_store::Passphrase;
use keys::signer::Signer;
use keys::software::SoftwareKey;
use keys::sources::Sources;
use keys::{KeyStore, Purpose};
use serde_json::json;
use verifier::algorithm::Algorithm;
use xinyin_tests::folder::Folder;
use xinyin_tests::process::address::SIMULATORS;
use xinyin_tests::process::{Process, Up, run};
use xinyin_tests::{Visitor, network};

/// 林演示, who has no account yet.
const PERSON: [(&str, &str); 3] = [("name", "林演示"), ("number", "640104199510100003"), ("phone", "10000000101")];

#[tokio::test(flavor = "multi_thread")]
async fn a_register_answers_whoever_proves_himself_by_the_key_that_it_knows() {
    let right = SoftwareKey::generate(Algorithm::Es256).expect("a key is made");
    let wrong = SoftwareKey::generate(Algorithm::Es256).expect("a key is made");
    let up = Up::start_in(knowing(&right)).await;
    let own = Folder::new("registers");
    write(&own.path().join("right.key"), SoftwareKey::key_file(&right).as_bytes());
    write(&own.path().join("wrong.key"), SoftwareKey::key_file(&wrong).as_bytes());

    let (url, _stranger) = serve(own.path(), "wrong.key").await;
    let page = ask(&url).await;
    assert!(!page.url.path().ends_with("/code"), "the register said nothing: {}", page.url);
    assert!(inbox().await.is_empty(), "no message was sent");

    let (url, _caller) = serve(own.path(), "right.key").await;
    let visitor = Visitor::new();
    let page = ask_as(&visitor, &url).await;
    assert!(page.url.path().ends_with("/code"), "{} {}", page.url, page.body);
    let sent = inbox().await;
    assert_eq!(sent.len(), 1, "one message: {sent:?}");
    let page = visitor.submit_and_follow(&page.form("code"), &[("code", &sent[0])]).await;
    assert!(page.url.path().ends_with("/means"), "{} {}", page.url, page.body);
    contract(&right, &wrong).await;
    drop(up);
}

/// A folder for `up` whose idp has `key` for its calls, so that the simulators know its public half.
fn knowing(key: &[u8]) -> Folder {
    let folder = Folder::new("up-registers");
    let keys = folder.path().join("keys");
    std::fs::create_dir_all(&keys).expect("ours");
    write(&keys.join("passphrase"), b"of this story alone, and long enough");
    let passphrase = Passphrase::from_file(&keys.join("passphrase")).expect("just written");
    let store = KeyStore::create(&keys.join("idp.keys"), &passphrase, true).expect("created");
    let now = Sources::system().now();
    store.import(&Purpose::ClientAssertion, Algorithm::Es256, key, now, now).expect("imported");
    folder
}

fn write(path: &Path, bytes: &[u8]) {
    use std::io::Write as _;
    let mut file =
        std::fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path).expect("ours");
    file.write_all(bytes).expect("written");
}

/// `xinyin serve idp` on SQLite, with the simulators as its registers.
async fn serve(folder: &Path, key: &str) -> (String, Process) {
    let (held, address) = network::listen().await;
    drop(held);
    let url = format!("http://localhost:{}", address.port());
    let name = key.trim_end_matches(".key");
    let mut text = format!(
        "external_url = \"{url}\"\nlisten = \"{address}\"\nregion = \"640100\"\nlog.format = \"text\"\n\
         database.url = \"sqlite://{name}.db\"\nkey_store = {{ path = \"{name}.keys\", passphrase_file = \"passphrase\" }}\n\
         outbound.allowed_origins = [\"{SIMULATORS}\"]\n"
    );
    for register in ["population", "legal_persons", "phone"] {
        let _ =
            write!(text, "[registers.{register}]\nurl = \"{SIMULATORS}\"\nclient_id = \"idp\"\nkey_file = \"{key}\"\n");
    }
    let config = folder.join(format!("{name}.toml"));
    write(&config, text.as_bytes());
    write(&folder.join("passphrase"), b"another one of this story alone");
    let config = config.to_string_lossy().into_owned();
    for arguments in [&["config", "check", "--config", &config][..], &["keys", "init", "idp", "--config", &config]] {
        let ended = run(arguments).await;
        assert!(ended.status.success(), "{arguments:?}: {}", ended.stderr);
    }
    let mut process = Process::start(&["serve", "idp", "--config", &config]);
    process.ready(&format!("{url}/readyz"), Duration::from_secs(40)).await;
    (url, process)
}

async fn ask(url: &str) -> xinyin_tests::visitor::Page {
    ask_as(&Visitor::new(), url).await
}

async fn ask_as(visitor: &Visitor, url: &str) -> xinyin_tests::visitor::Page {
    let page = visitor.get(&format!("{url}/register")).await;
    visitor.submit_and_follow(&page.form("number"), &PERSON).await
}

/// The codes in the inbox of the simulated operator, the newest first.
async fn inbox() -> Vec<String> {
    let page = Visitor::new().get(&format!("{SIMULATORS}/")).await;
    let digits = page.body.split("class=\"digits\"").skip(1).filter_map(|rest| rest.split_once("</p>"));
    digits
        .map(|(inside, _)| {
            // Digits may stand apart, for whoever hears them.
            let (_, inside) = inside.split_once('>').expect("an element has a tag");
            let texts = inside.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
            texts.flat_map(str::chars).filter(char::is_ascii_digit).take(6).collect()
        })
        .collect()
}

/// `docs/reference/registers.md`, row by row: what a caller must show.
async fn contract(right: &[u8], wrong: &[u8]) {
    let right = SoftwareKey::from_pkcs8(Algorithm::Es256, right).expect("a key");
    let wrong = SoftwareKey::from_pkcs8(Algorithm::Es256, wrong).expect("a key");
    let now = Sources::system().now().seconds();
    let claims =
        |jti: &str| json!({"iss": "idp", "sub": "idp", "aud": SIMULATORS, "iat": now, "exp": now + 60, "jti": jti});
    let with = |jti: &str, name: &str, value: serde_json::Value| {
        let mut changed = claims(jti);
        changed[name] = value;
        changed
    };
    let token =
        |key: &dyn Signer, claims: &serde_json::Value| keys::jws::sign_json(key, "JWT", claims).expect("signed");
    for (what, token, expected) in [
        ("as it should be", token(&right, &claims("1")), 200),
        ("the same once more", token(&right, &claims("1")), 401),
        ("another key", token(&wrong, &claims("2")), 401),
        ("another caller's name", token(&right, &with("3", "iss", json!("somebody"))), 401),
        ("for another register", token(&right, &with("4", "aud", json!("http://localhost:9"))), 401),
        ("ended", token(&right, &with("5", "exp", json!(now - 1))), 401),
        ("too long a life", token(&right, &with("6", "exp", json!(now + 61))), 401),
        ("not yet", token(&right, &with("7", "iat", json!(now + 120))), 401),
        ("no token at all", String::new(), 401),
    ] {
        let body = json!({"id_number": PERSON[1].1, "name": PERSON[0].1});
        let request = network::client().post(format!("{SIMULATORS}/v1/persons/match")).bearer_auth(token).json(&body);
        let answer = request.send().await.expect("it answers");
        assert_eq!(answer.status().as_u16(), expected, "{what}");
    }
}
