//! The log from outside.

use licence_signer::provision;
use verifier::encoding::b64;
use verifier::log::merkle::{extends, leaf_hash, root_of};
use verifier::log::tile::bundle_entries;
use verifier::log::{Checkpoint, Note};

use crate::world::{BUREAU, World, another_request};

fn checkpoint(note: &str) -> Checkpoint {
    let note = Note::parse(note).unwrap();
    Checkpoint::parse(note.text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_licences_make_a_log_that_only_grows() {
    let world = World::start().await;
    let officer = provision::officer(&world.signer, BUREAU, "operator").unwrap();
    let mut seen = vec![checkpoint(&world.get("/log/checkpoint", None, None).await.text())];
    for _ in 0..5 {
        let mut running = Vec::new();
        for _ in 0..10 {
            let (signer, officer) = (world.signer.clone(), officer.clone());
            let draft = serde_json::from_value(another_request()).unwrap();
            running.push(tokio::spawn(async move { signer.issue(&officer, draft, None).await }));
        }
        for one in running {
            one.await.unwrap().unwrap();
        }
        seen.push(checkpoint(&world.get("/log/checkpoint", None, None).await.text()));
    }
    let last = seen.last().unwrap().clone();
    assert_eq!(last.size, 50);
    let bundle = world.get("/log/tile/entries/000.p/50", None, None).await;
    assert_eq!(bundle.status, 200, "{}", bundle.text());
    let leaves: Vec<_> = bundle_entries(&bundle.body).unwrap().into_iter().map(leaf_hash).collect();
    assert_eq!(leaves.len(), 50);
    assert_eq!(root_of(&leaves), last.root, "{}", b64::encode(last.root));
    let tile = world.get("/log/tile/0/000.p/50", None, None).await;
    assert_eq!(tile.body, leaves.concat());
    for pair in seen.windows(2).filter(|pair| pair[0].size > 0) {
        assert_eq!(root_of(&leaves[..usize::try_from(pair[0].size).unwrap()]), pair[0].root);
        let proof = verifier::log::merkle::consistency_proof(pair[0].size, pair[1].size, |node| {
            let width = 1 << node.level;
            let from = usize::try_from(node.index).unwrap() * width;
            Ok::<_, ()>(root_of(&leaves[from..from + width]))
        })
        .unwrap();
        assert!(extends(pair[0].size, pair[1].size, &pair[0].root, &pair[1].root, &proof));
    }
    for path in ["0/000", "0/000.p/51", "0/001", "entries/000.p/0", "x/000", "1/000.p/1", "entries/../0/000"] {
        assert_eq!(world.get(&format!("/log/tile/{path}"), None, None).await.status, 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_leaves_fill_a_tile() {
    let world = World::start().await;
    let officer = provision::officer(&world.signer, BUREAU, "operator").unwrap();
    let mut running = Vec::new();
    for _ in 0..300 {
        let (signer, officer) = (world.signer.clone(), officer.clone());
        let draft = serde_json::from_value(another_request()).unwrap();
        running.push(tokio::spawn(async move { signer.issue(&officer, draft, None).await }));
    }
    for one in running {
        one.await.unwrap().unwrap();
    }
    let last = checkpoint(&world.get("/log/checkpoint", None, None).await.text());
    assert_eq!(last.size, 300);
    let (full, rest) = (
        world.get("/log/tile/entries/000", None, None).await.body,
        world.get("/log/tile/entries/001.p/44", None, None).await.body,
    );
    let leaves: Vec<_> = [full, rest]
        .iter()
        .flat_map(|b| bundle_entries(b).unwrap().into_iter().map(leaf_hash).collect::<Vec<_>>())
        .collect();
    assert_eq!(root_of(&leaves), last.root);
    let above = world.get("/log/tile/1/000.p/1", None, None).await;
    assert_eq!(above.body, root_of(&leaves[..256]));
}
