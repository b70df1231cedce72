//! licence-signer killed and frozen while it issues: real processes of `xinyin serve`, both databases.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keys::sources::Sources;
use serde_json::{Value, json};
use store::{Db, Settings, sqlx};
use verifier::evidence::Evidence;
use verifier::log::merkle::{leaf_hash, root_of};
use verifier::log::tile::bundle_entries;
use verifier::log::{Checkpoint, Hash, Note};
use verifier::report::{CheckCode, CheckResult};
use verifier::trust::Trust;
use xinyin_tests::backend::on_both;
use xinyin_tests::folder::{Folder, repository};
use xinyin_tests::issuer::Issuer;
use xinyin_tests::process::{Process, binary, run};
use xinyin_tests::{Backend, Database, network, tools};

const DEPARTMENT: &str = "11640100MB0000027N";

/// licence-signer as `xinyin serve` runs it: its files, and the idp that the story plays.
struct Served {
    folder: Folder,
    database: Database,
    issuer: Issuer,
    url: String,
}

impl Served {
    async fn prepare(backend: Backend) -> Self {
        tokio::task::spawn_blocking(binary).await.expect("the program builds");
        let folder = Folder::new("crash");
        let issuer = Issuer::start(Sources::system()).await;
        let (held, address) = network::listen().await;
        drop(held);
        let url = format!("http://localhost:{}", address.port());
        let served = Self { database: backend.fresh("crash").await, folder, issuer, url };
        openssl(served.folder.path(), "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out client.key");
        openssl(served.folder.path(), "rand -base64 -out passphrase 32");
        let config = served.config("usual", address.port(), "");
        let made = run(&["keys", "init", "licence-signer", "--config", &config]).await;
        assert!(made.status.success(), "{}", made.stderr);
        let catalogue = repository().join("docs/how-to/deploy/catalogue");
        let loaded = run(&["load", "licence-signer", &catalogue.to_string_lossy(), "--config", &config]).await;
        assert!(loaded.status.success(), "{}", loaded.stderr);
        served
    }

    /// Writes a configuration that listens at `port`, with one line more.
    fn config(&self, name: &str, port: u16, more: &str) -> String {
        let (url, database, issuer) = (&self.url, &self.database.url, &self.issuer.url);
        let text = format!(
            "external_url = '{url}'\nlisten = '127.0.0.1:{port}'\nissuer = '{issuer}'\nauthority = '示范市'\n\
             region = '640100'\noid_arc = '1.2.156.99999.1'\n{more}\n[database]\nurl = '{database}'\n[key_store]\n\
             path = 'keys'\npassphrase_file = 'passphrase'\n[client]\nid = 'licence-signer'\nkey_file = 'client.key'\n\
             [outbound]\nallowed_origins = ['{issuer}']\n"
        );
        let path = self.folder.path().join(format!("{name}.toml"));
        std::fs::write(&path, text).expect("the folder can be written");
        path.to_string_lossy().into_owned()
    }

    async fn start(&self, config: &str, port: u16) -> Process {
        let mut process = Process::start(&["serve", "licence-signer", "--config", config]);
        process.ready(&format!("http://127.0.0.1:{port}/livez"), Duration::from_secs(40)).await;
        process
    }

    fn port(&self) -> u16 {
        self.url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("its own port")
    }

    fn bearer(&self) -> String {
        let scope = "licence.issue licence.read";
        self.issuer.token(&self.issuer.department(&self.url, DEPARTMENT, scope))
    }

    /// Asks the process at `port`, which answers to the external URL's host alone; `None` where the connection broke.
    async fn ask(&self, port: u16, path: &str, issue: Option<(&str, &Value)>) -> Option<(u16, String)> {
        let host = self.url.trim_start_matches("http://");
        let url = format!("http://127.0.0.1:{port}{path}");
        let client = network::client();
        let request = match issue {
            None => client.get(url),
            Some((key, body)) => client.post(url).header("Idempotency-Key", key).json(body),
        };
        let answer = request.header("Host", host).bearer_auth(self.bearer()).send().await.ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.text().await.ok()?))
    }

    /// Sends one request until it gives the licence: what was only recorded comes later, by the same key.
    async fn issued(&self, port: u16, key: &str) -> String {
        let begun = Instant::now();
        loop {
            let answer = self.ask(port, "/v1/licences", Some((key, &draft(key)))).await;
            if let Some((201, body)) = &answer {
                let body: Value = serde_json::from_str(body).expect("JSON");
                return body["id"].as_str().expect("an id").to_owned();
            }
            assert!(begun.elapsed() < Duration::from_mins(2), "{key}: {answer:?}");
            let waits = answer.as_ref().is_none_or(|(status, _)| [202, 503].contains(status));
            assert!(waits, "{key}: {answer:?}");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    async fn text(&self, port: u16, path: &str) -> String {
        let (status, text) = self.ask(port, path, None).await.expect("answers");
        assert_eq!(status, 200, "{path}: {text}");
        text
    }

    async fn checkpoint(&self, port: u16) -> Checkpoint {
        let note = self.text(port, "/log/checkpoint").await;
        Checkpoint::parse(Note::parse(&note).expect("a note").text).expect("a checkpoint")
    }

    /// The leaves of the log as anyone reads them.
    async fn leaves(&self, port: u16, size: u64) -> Vec<Hash> {
        let mut leaves = Vec::new();
        for tile in 0..size.div_ceil(256) {
            let width = (size - tile * 256).min(256);
            let path = if width == 256 { format!("{tile:03}") } else { format!("{tile:03}.p/{width}") };
            let host = self.url.trim_start_matches("http://");
            let url = format!("http://127.0.0.1:{port}/log/tile/entries/{path}");
            let answer = network::client().get(url).header("Host", host).send().await.expect("answers");
            let bundle = answer.bytes().await.expect("a bundle");
            leaves.extend(bundle_entries(&bundle).expect("reads").into_iter().map(leaf_hash));
        }
        leaves
    }

    /// The log never forked: every checkpoint that was ever seen is the root of the present log's first leaves.
    async fn never_forked(&self, port: u16, seen: &[Checkpoint]) {
        let last = self.checkpoint(port).await;
        let leaves = self.leaves(port, last.size).await;
        for checkpoint in seen.iter().chain([&last]).filter(|checkpoint| checkpoint.size > 0) {
            let size = usize::try_from(checkpoint.size).expect("small");
            assert!(size <= leaves.len(), "the log became shorter: {} of {size}", leaves.len());
            assert_eq!(root_of(&leaves[..size]), checkpoint.root, "at {size}");
        }
    }

    /// Each licence is whole: its credential is genuine with its proof, and no two share a status position.
    async fn are_whole(&self, port: u16, licences: &BTreeSet<String>) {
        let bundle = self.text(port, "/v1/trust-bundle").await;
        let now = Sources::system().now();
        let trust = Trust::read(bundle.as_bytes(), now, None).expect("a bundle");
        let mut positions = BTreeSet::new();
        for licence in licences {
            let credential = self.text(port, &format!("/v1/licences/{licence}/renditions/sdjwt")).await;
            let opened = verifier::verify::open(credential.as_bytes(), Some(&trust), now);
            let report = opened.conclude(&Evidence::default());
            for check in report.checks.iter().filter(|check| check.code != CheckCode::Status) {
                let passed = matches!(check.result, CheckResult::Passed) || check.code == CheckCode::Coverage;
                assert!(passed, "{licence}: {:?} {:?}", check.code, check.reason);
            }
            let payload = credential.split('.').nth(1).expect("a JWS");
            let claims: Value =
                serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("claims");
            assert!(positions.insert(claims["status"]["status_list"].to_string()), "a position is used twice");
        }
    }

    /// What holds between the tables, asked of the database itself: nothing is half done, nothing stands twice.
    async fn invariants(&self, licences: usize) {
        let db = Db::connect(&self.database.url, &Settings::default()).await.expect("opens");
        let mut reader = db.reader().await.expect("reads");
        for (what, sql) in [
            ("licences", "SELECT count(*) FROM licences"),
            ("released ones", "SELECT count(*) FROM licences WHERE released_at IS NOT NULL"),
            ("versions", "SELECT count(*) FROM versions"),
            ("keys", "SELECT count(*) FROM idempotency"),
            ("numbers", "SELECT count(*) FROM licence_numbers"),
            ("leaves", "SELECT count(*) FROM log_leaves"),
            ("places", "SELECT count(DISTINCT place) FROM log_leaves"),
            ("size of the log", "SELECT size FROM log_head"),
            ("credentials", "SELECT count(*) FROM renditions WHERE rendition = 'sdjwt'"),
            ("half of the sealings", "SELECT count(*) / 2 FROM sealings"),
            ("half of the positions", "SELECT count(*) / 2 FROM status_positions"),
            ("half of the renditions", "SELECT count(*) / 2 FROM renditions"),
            ("rows of the record", "SELECT count(*) FROM audit WHERE action = 'licence.issue'"),
        ] {
            let row: Result<(i64,), _> = store::on!(&mut reader, c => sqlx::query_as(sql).fetch_one(c).await);
            assert_eq!(row.expect(what).0, i64::try_from(licences).expect("few"), "{what}");
        }
        drop(reader);
        let found = store::audit::verify(&db, None).await.expect("walks");
        assert!(found.is_whole(), "{found:?}");
        db.close().await;
    }
}

/// A request whose number is its key's.
fn draft(key: &str) -> Value {
    json!({
        "type": format!("{DEPARTMENT}002"), "number": format!("DL-{key}"),
        "issue_date": "2026-01-05", "valid_from": "2026-01-05", "valid_until": "2032-01-04",
        "items": {"vehicle_class": "C1", "first_issued": "2017-02-09"},
        "holder": {"kind": "person", "code_type": "111", "code": "640104199103080009", "name": "阿依古丽·买买提"},
    })
}

fn openssl(folder: &Path, line: &str) {
    let output = Command::new(tools::OPENSSL.path()).args(line.split_whitespace()).current_dir(folder).output();
    let output = output.expect("openssl starts");
    assert!(output.status.success(), "openssl {line}: {}", String::from_utf8_lossy(&output.stderr));
    for entry in std::fs::read_dir(folder).expect("there").flatten() {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(entry.path(), mode).expect("ours");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_step_it_dies_at_a_licence_is_whole_after_the_restart() {
    on_both(async |backend| {
        let served = Served::prepare(backend).await;
        let port = served.port();
        let usual = served.config("usual", port, "");
        let (mut seen, mut licences) = (Vec::new(), BTreeSet::new());
        for step in ["recorded", "logged", "sealed", "checked"] {
            let dying = served.config("dying", port, &format!("danger_stop_after = '{step}'"));
            let mut process = served.start(&dying, port).await;
            seen.push(served.checkpoint(port).await);
            let cut_off = served.ask(port, "/v1/licences", Some((step, &draft(step)))).await;
            assert!(cut_off.is_none(), "{step}: it died before it answered: {cut_off:?}");
            let status = process.ended(Duration::from_secs(10)).await.expect("it is dead");
            assert!(!status.success(), "{step}: {status}");
            let mut process = served.start(&usual, port).await;
            let licence = served.issued(port, step).await;
            assert_eq!(served.issued(port, step).await, licence, "{step}: the same key gives the same licence");
            licences.insert(licence);
            seen.push(served.checkpoint(port).await);
            served.never_forked(port, &seen).await;
            if step == "checked" {
                served.are_whole(port, &licences).await;
            }
            assert!(process.end().expect("it ends").success());
        }
        assert_eq!(licences.len(), 4);
        served.invariants(4).await;
    })
    .await;
}

/// Two processes over one database; each is frozen in turn for longer than the sequencer's lease while both are asked to issue.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_slept_past_its_lease_does_not_fork_the_log() {
    let served = Served::prepare(Backend::Postgres).await;
    let (held, address) = network::listen().await;
    drop(held);
    let ports = [served.port(), address.port()];
    let first = served.start(&served.config("first", ports[0], ""), ports[0]).await;
    let second = served.start(&served.config("second", ports[1], ""), ports[1]).await;
    let mut processes = [first, second];
    let (mut seen, mut licences) = (Vec::new(), BTreeSet::new());
    for frozen in [0, 1] {
        let awake = 1 - frozen;
        let keys = |at: &str| -> Vec<String> { (0..6).map(|n| format!("{frozen}-{at}-{n}")).collect() };
        // Requests are under way at both when one is frozen.
        let (at_frozen, at_awake) = (keys("frozen"), keys("awake"));
        let waiting = async {
            let mut found = Vec::new();
            for key in &at_frozen {
                found.push(served.issued(ports[frozen], key).await);
            }
            found
        };
        let story = async {
            tokio::time::sleep(Duration::from_millis(60)).await;
            processes[frozen].signal("-STOP");
            let mut found = Vec::new();
            for key in &at_awake {
                found.push(served.issued(ports[awake], key).await);
                seen.push(served.checkpoint(ports[awake]).await);
                tokio::time::sleep(Duration::from_millis(1_100)).await;
            }
            processes[frozen].signal("-CONT");
            found
        };
        let (late, others) = tokio::join!(waiting, story);
        licences.extend(late);
        licences.extend(others);
        for port in ports {
            seen.push(served.checkpoint(port).await);
            served.never_forked(port, &seen).await;
        }
    }
    assert_eq!(licences.len(), 24);
    served.are_whole(ports[0], &licences).await;
    for process in &mut processes {
        assert!(process.end().expect("it ends").success(), "{}", process.said());
    }
    served.invariants(24).await;
}
