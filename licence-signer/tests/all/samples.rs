//! The samples, verified from their files alone.

use std::collections::BTreeMap;

use serde_json::Value;
use verifier::evidence::Evidence;
use verifier::time::Timestamp;
use verifier::trust::Trust;

use crate::world::{BUREAU, World, request};

#[tokio::test(flavor = "multi_thread")]
async fn samples_keep_the_verdicts_that_this_table_says() {
    let world = World::start().await;
    let officer = licence_signer::provision::officer(&world.signer, BUREAU, "operator").unwrap();
    let draft = serde_json::from_value(request()).unwrap();
    let folder = world.folder.join("samples");
    licence_signer::samples::write(&world.signer, &officer, &draft, &folder).await.unwrap();
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let manifest: Value = serde_json::from_slice(&read("manifest.json")).unwrap();
    let expected = BTreeMap::from([
        ("valid", ("valid", 0)),
        ("altered", ("invalid", 1)),
        ("expired", ("not_in_force", 1)),
        ("suspended", ("not_in_force", 1)),
        ("revoked", ("not_in_force", 1)),
        ("unknown-issuer", ("undetermined", 2)),
        ("status-unavailable", ("undetermined", 2)),
        ("screen", ("valid", 0)),
    ]);
    let samples = manifest["samples"].as_array().unwrap();
    assert_eq!(samples.len(), 15);
    let bundle = read("trust-bundle.json");
    for sample in samples {
        let file = sample["file"].as_str().unwrap();
        let (verdict, exit) = expected[sample["state"].as_str().unwrap()];
        assert_eq!((sample["verdict"].as_str(), sample["exit"].as_u64()), (Some(verdict), Some(exit)), "{file}");
        let at: Timestamp = sample["at"].as_str().unwrap().parse().unwrap();
        let trust = Trust::read(&bundle, at, None).unwrap();
        let evidence = sample["evidence"].as_str().map(|name| Evidence::read(&read(name)).unwrap());
        let report = verifier::verify::open(&read(file), Some(&trust), at).conclude(&evidence.unwrap_or_default());
        assert_eq!(u64::from(report.exit_code()), exit, "{file}: {:?}", report.cause);
    }
}
