//! What holds after every story.

use store::{Db, on, sqlx};
use verifier::log::checkpoint::Checkpoint;
use verifier::log::merkle::{self, Hash};
use verifier::log::note::{Note, Vouched};
use verifier::log::tile::{TILE_WIDTH, Tile, bundle_entries};

use super::{SECRET, Tokens, World, trust_of};
use crate::{Logs, network};

/// Each counts rows that must not be.
const NEVER_IN_IDP: &[(&str, &str)] = &[
    (
        "a refresh token without its grant",
        "SELECT count(*) FROM refresh_tokens r LEFT JOIN authorizations a ON a.id = r.family_id WHERE a.id IS NULL",
    ),
    (
        "a grant that ends before a refresh token of its own",
        "SELECT count(*) FROM refresh_tokens r JOIN authorizations a ON a.id = r.family_id WHERE a.expires_at < r.issued_at",
    ),
    ("a code taken after its end", "SELECT count(*) FROM authorizations WHERE taken_at >= code_expires_at"),
];

const NEVER_IN_SIGNER: &[(&str, &str)] = &[
    (
        "a sealed credential without its leaf in the log",
        "SELECT count(*) FROM renditions r JOIN sealings s ON s.id = r.sealing
            LEFT JOIN log_leaves l ON l.id = s.leaf AND l.place IS NOT NULL WHERE r.rendition = 'sdjwt' AND l.id IS NULL",
    ),
    (
        "an event without its leaf",
        "SELECT count(*) FROM events e LEFT JOIN log_leaves l ON l.id = e.leaf WHERE l.id IS NULL",
    ),
    (
        "a released licence without a credential",
        "SELECT count(*) FROM licences l LEFT JOIN renditions r ON r.licence = l.id AND r.rendition = 'sdjwt'
            WHERE l.released_at IS NOT NULL AND r.sealing IS NULL",
    ),
    (
        "a look without its audit row",
        "SELECT count(*) FROM looks k WHERE NOT EXISTS
            (SELECT 1 FROM audit a WHERE a.object = 'licence:' || k.licence AND a.at = k.at)",
    ),
];

impl World {
    /// What holds after any story: no token outlives its grant, every sealed licence has its leaf, the log only grew, the
    /// audit records are whole, and nothing personal or secret was logged.
    pub async fn check(&self) {
        never(self.idp.db(), NEVER_IN_IDP).await;
        never(self.signer.db(), NEVER_IN_SIGNER).await;
        self.log_grew().await;
        for (name, db) in [("idp", self.idp.db()), ("licence-signer", self.signer.db()), ("desk", self.desk.db())] {
            let found = store::audit::verify(db, None).await.expect("walks");
            assert!(found.is_whole(), "{name}: {found:?}");
        }
        let logs = Logs::capture();
        logs.check();
        logs.check_without(SECRET);
    }

    /// The tokens of a grant that has ended are worth nothing: not at userinfo, not for new ones.
    pub async fn ended(&self, party: &super::RelyingParty, tokens: &Tokens) {
        let (status, body) = party.userinfo(self, tokens.access()).await;
        assert_eq!(status, 401, "the access token outlives its grant: {body}");
        if tokens.answer["refresh_token"].is_null() {
            return;
        }
        let (status, renewed) = party.refresh(self, tokens).await;
        assert_eq!((status, &renewed.answer["error"]), (400, &"invalid_grant".into()), "{}", renewed.answer);
    }

    /// Reads the whole log as anyone can: the checkpoint is signed by the key of the trust bundle, its root is that of the
    /// entries, and what was there at the last look still is.
    async fn log_grew(&self) {
        let note = self.public("/log/checkpoint").await;
        let note = String::from_utf8(note).expect("a checkpoint is text");
        let parsed = Note::parse(&note).expect("a checkpoint is a note");
        let checkpoint = Checkpoint::parse(parsed.text).expect("its text is a checkpoint's");
        let trust = trust_of(&self.signer).await;
        let log = trust.log(&checkpoint.origin).expect("the trust bundle lists the log");
        assert!(matches!(parsed.vouched(&log.key), Vouched::Signed(_)), "the log's own key signed");
        let leaves = self.leaves(checkpoint.size).await;
        assert_eq!(merkle::root_of(&leaves), checkpoint.root, "the root is that of the entries");
        let before = std::mem::replace(&mut *self.log.lock().expect("no holder panics"), leaves.clone());
        let (first, second) = (before.len() as u64, leaves.len() as u64);
        assert!(first <= second, "the log shrank from {first} to {second}");
        let node = |node: merkle::NodeId| {
            let (from, width) = (node.index << node.level, 1_u64 << node.level);
            let range = usize::try_from(from).expect("small")..usize::try_from(from + width).expect("small");
            Ok::<Hash, ()>(merkle::root_of(&leaves[range]))
        };
        let proof = merkle::consistency_proof(first, second, node).expect("all leaves are here");
        let old = merkle::root_of(&before);
        assert!(merkle::extends(first, second, &old, &checkpoint.root, &proof), "the log was rewritten below {first}");
    }

    async fn leaves(&self, size: u64) -> Vec<Hash> {
        let mut leaves = Vec::new();
        for index in 0..size.div_ceil(TILE_WIDTH) {
            let width = (size - index * TILE_WIDTH).min(TILE_WIDTH);
            let tile = Tile { level: None, index, width: u16::try_from(width).expect("at most 256") };
            let body = self.public(&format!("/log/{}", tile.path())).await;
            let entries = bundle_entries(&body).expect("a bundle of entries");
            leaves.extend(entries.into_iter().map(merkle::leaf_hash));
        }
        leaves
    }

    /// Something public of licence-signer.
    pub async fn public(&self, path: &str) -> Vec<u8> {
        let response = network::client().get(format!("{}{path}", self.signer_url)).send().await.expect("answers");
        assert_eq!(response.status(), 200, "{path}");
        response.bytes().await.expect("a body is read").to_vec()
    }
}

async fn never(db: &Db, table: &[(&str, &'static str)]) {
    let mut reader = db.reader().await.expect("a reader");
    for (what, sql) in table {
        let (count,): (i64,) = on!(&mut reader, c => sqlx::query_as(*sql).fetch_one(c).await).expect("counts");
        assert_eq!(count, 0, "{what}");
    }
}
