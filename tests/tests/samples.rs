//! The samples that `up` writes, judged by the program itself, offline, against a table that stands here.

use std::path::Path;

use licence_signer::issuance::Draft;
use serde_json::Value;
use xinyin_tests::folder::Folder;
use xinyin_tests::process::{self, Ended};
use xinyin_tests::world::{Person, World, types};
use xinyin_tests::{Backend, Logs};

/// When the world's clock stands, and a moment after a screen code's end.
const AT: &str = "2026-11-25T08:00:00Z";
const LATER: &str = "2026-11-25T08:05:00Z";

/// File, verdict, cause, exit code.
const TABLE: [(&str, &str, &str, i32); 15] = [
    ("valid.sdjwt", "valid", "", 0),
    ("valid.cwt", "valid", "", 0),
    ("altered.sdjwt", "invalid", "signature.differs", 1),
    ("altered.cwt", "invalid", "signature.differs", 1),
    ("expired.sdjwt", "not_in_force", "validity.expired", 1),
    ("expired.cwt", "not_in_force", "validity.expired", 1),
    ("suspended.sdjwt", "not_in_force", "status.suspended", 1),
    ("suspended.cwt", "not_in_force", "status.suspended", 1),
    ("revoked.sdjwt", "not_in_force", "status.invalid", 1),
    ("revoked.cwt", "not_in_force", "status.invalid", 1),
    ("unknown-issuer.sdjwt", "undetermined", "path.unknown_issuer", 2),
    ("unknown-issuer.cwt", "undetermined", "path.unknown_issuer", 2),
    ("status-unavailable.sdjwt", "undetermined", "status.missing", 2),
    ("status-unavailable.cwt", "undetermined", "status.missing", 2),
    ("screen.cwt", "valid", "", 0),
];

/// The samples of a world that is gone by the time they are judged.
async fn samples() -> Folder {
    let folder = Folder::new("samples");
    let world = World::start(Backend::Sqlite).await;
    let (department, body) =
        xinyin_tests::world::draft(types::DRIVING_LICENCE, Person::citizen().id_number, world.now());
    let draft: Draft = serde_json::from_value(body).expect("the demonstration's drafts read");
    let officer = licence_signer::provision::officer(&world.signer, &department, "operator:up").expect("a department");
    licence_signer::samples::write(&world.signer, &officer, &draft, folder.path()).await.expect("samples are written");
    world.check().await;
    folder
}

async fn verify(folder: &Path, file: &str, more: &[&str]) -> Ended {
    let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let (file, trust) = (path(file), path("trust-bundle.json"));
    let mut arguments = vec!["verify", file.as_str(), "--trust", &trust, "--offline"];
    arguments.extend(more);
    process::run(&arguments).await
}

fn report(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("no report: {} {}", ended.stdout, ended.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_keep_their_verdicts_with_the_services_down() {
    Logs::capture();
    let samples = samples().await;
    let folder = samples.path();
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).expect("a manifest")).expect("JSON");
    let rows = manifest["samples"].as_array().expect("rows");
    assert_eq!((&manifest["format"], rows.len()), (&1.into(), TABLE.len()));
    for (file, verdict, cause, exit) in TABLE {
        let row =
            rows.iter().find(|row| row["file"] == file).unwrap_or_else(|| panic!("{file} is not in the manifest"));
        assert_eq!((&row["verdict"], &row["exit"]), (&verdict.into(), &exit.into()), "{file} in the manifest");
        let evidence = row["evidence"].as_str().map(|name| folder.join(name).to_string_lossy().into_owned());
        let at = row["at"].as_str().expect("a time");
        for at in [AT, at] {
            let mut more = vec!["--format", "json", "--at", at];
            if let Some(evidence) = &evidence {
                more.extend(["--evidence", evidence]);
            }
            let ended = verify(folder, file, &more).await;
            let report = report(&ended);
            let found = (report["verdict"].as_str(), report["cause"].as_str().unwrap_or_default(), ended.status.code());
            assert_eq!(found, (Some(verdict), cause, Some(exit)), "{file} at {at}: {report}");
            assert_eq!(report["at"], at);
            assert_eq!(
                report["licence"].is_null(),
                matches!(verdict, "invalid") || cause.starts_with("path."),
                "{file}: {report}"
            );
        }
    }
    // Never "not revoked" where the status could not be had, and no screen code after its five minutes.
    for (file, at, cause) in [("valid.sdjwt", AT, "status.missing"), ("screen.cwt", LATER, "code.lapsed")] {
        let ended = verify(folder, file, &["--format", "json", "--at", at]).await;
        let report = report(&ended);
        assert_eq!((&report["verdict"], &report["cause"]), (&"undetermined".into(), &cause.into()), "{report}");
        assert_eq!(ended.status.code(), Some(2));
    }
    prints(folder).await;
}

/// The same report as a text in both languages.
async fn prints(folder: &Path) {
    let evidence = folder.join("suspended.sdjwt.evidence.json").to_string_lossy().into_owned();
    for (lang, words) in [("en", ["suspended", "2026-11-25"]), ("zh-CN", ["真实但当前无效", "已暂停"])] {
        let more = ["--at", AT, "--evidence", &evidence, "--lang", lang];
        let ended = verify(folder, "suspended.sdjwt", &more).await;
        assert_eq!(ended.status.code(), Some(1));
        for words in words {
            assert!(ended.stdout.contains(words), "{words}:\n{}", ended.stdout);
        }
    }
}

/// What comes with a licence brings no anchors: a bundle that lies where `up` leaves one counts only for a user in whose own
/// data folder its root stands as a demonstration's (formats §6).
#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_that_lies_beside_the_licence_is_not_trusted() {
    Logs::capture();
    let samples = samples().await;
    let (folder, home) = (Folder::new("beside"), Folder::new("home"));
    std::fs::create_dir_all(folder.path().join("data")).expect("a folder");
    std::fs::rename(samples.path(), folder.path().join("data/samples")).expect("moves");
    let bundle = "data/samples/trust-bundle.json";
    let verdict = async |more: &[&str]| {
        let mut arguments = vec!["verify", "data/samples/valid.sdjwt", "--offline", "--format", "json", "--at", AT];
        arguments.extend(["--evidence", "data/samples/valid.sdjwt.evidence.json"]);
        arguments.extend(more);
        let report = report(&process::run_in(folder.path(), home.path(), &arguments).await);
        assert_eq!(report["licence"].is_null(), report["verdict"] != "valid", "{report}");
        (report["verdict"].clone(), report["cause"].clone(), report["trust"]["root_sha256"].clone())
    };
    let (valid, _, root) = verdict(&["--trust", bundle]).await;
    assert_eq!(valid, "valid", "named, it is this user's own decision");
    let pinned = |targets: u64, demonstration: bool| {
        let row = serde_json::json!({
            "authority": "x", "root_sha256": root, "root": 1, "targets": targets, "timestamp": 1,
            "demonstration": demonstration,
        });
        std::fs::create_dir_all(home.path().join("xinyin")).expect("a folder");
        let pins = serde_json::json!({ "authorities": [row] }).to_string();
        std::fs::write(home.path().join("xinyin/pins.json"), pins).expect("writes");
    };
    assert_eq!(verdict(&[]).await.1, "trust.none", "no pin");
    pinned(1, false);
    assert_eq!(verdict(&[]).await.1, "trust.none", "a root that was met elsewhere");
    pinned(1, true);
    assert_eq!(verdict(&[]).await.0, "valid", "what `up` made here");
    pinned(99, true);
    assert_eq!(verdict(&[]).await.1, "trust.rollback", "an older one");
    assert_eq!(verdict(&["--trust", bundle]).await.1, "trust.rollback", "an older one by name");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_document_is_undetermined_and_misuse_is_told_apart() {
    let folder = Folder::new("no-document");
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    for (name, bytes, cause) in [
        ("unknown.txt", b"what somebody typed".to_vec(), "input.unrecognised"),
        ("empty", Vec::new(), "input.unrecognised"),
        ("blank", b" \r\n\t".to_vec(), "input.unrecognised"),
        ("picture.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec(), "input.unrecognised"),
        ("large.sdjwt", b"eyJ".repeat(30_000), "input.too_large"),
        ("huge", b"eyJ".repeat(6_000_000), "input.too_large"),
    ] {
        std::fs::write(folder.path().join(name), bytes).expect("writes");
        let ended = process::run(&["verify", &path(name), "--offline", "--format", "json"]).await;
        let report = report(&ended);
        assert_eq!(
            (report["verdict"].as_str(), ended.status.code()),
            (Some("undetermined"), Some(2)),
            "{name}: {report}"
        );
        let checks = report["checks"].to_string();
        assert!(checks.contains(cause), "{name}: {report}");
    }
    let (file, missing) = (path("unknown.txt"), path("there-is-no-such-file"));
    for arguments in [
        &["verify"][..],
        &["verify", &missing],
        &["verify", &file, "--at", "yesterday"],
        &["verify", &file, "--format", "xml"],
        &["verify", &file, "--no-such-flag"],
        &["verify", &file, "--evidence", &missing],
        &["verify", &file, "--evidence", &file],
        &["verify", &file, "--trust", &missing],
        &["no-such-command"],
    ] {
        let ended = process::run(arguments).await;
        assert_eq!(ended.status.code(), Some(64), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stdout.is_empty() && !ended.stderr.is_empty(), "{arguments:?}: {}", ended.stdout);
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    }
}
