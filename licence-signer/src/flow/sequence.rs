//! The sequencer: gives leaves their places, a batch a transaction, under a lease with a fencing token.
//!
//! The signed checkpoint of a batch is stored by the commit that the batch is, conditional on the size that was read and
//! on the token; nobody sees a checkpoint before. A process that slept past its lease commits nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use keys::Purpose;
use store::StorageError;
use store::lease::{self, Lease};
use verifier::encoding::hex;
use verifier::log::merkle::{frontier_nodes, inclusion_proof, leaf_hash, node_hash};
use verifier::log::{Checkpoint, Frontier, Hash, NodeId};

use super::error::FlowError;
use crate::LicenceSigner;
use crate::storage::log::{self, Head, TileRow};

/// The most leaves of one batch.
const BATCH: i64 = 256;
/// How long a commit may wait for others to join its batch.
const GATHER: Duration = Duration::from_millis(8);
/// How long the sequencer rests when nobody wakes it: other processes' leaves are seen then.
const REST: Duration = Duration::from_millis(200);
/// The lease's seconds.
const LEASE_SECONDS: i64 = 5;
/// The lease's name.
const NAME: &str = "log";

/// The tiles at the right edge, as far as a batch reads and writes them. The nodes of the tree's root and those of every
/// new leaf's path stand in them: a path leaves its own tile for the tile above alone.
#[derive(Default)]
struct Edge {
    tiles: BTreeMap<(i64, i64), Vec<Hash>>,
    changed: BTreeSet<(i64, i64)>,
}

impl Edge {
    fn of(rows: Vec<TileRow>) -> Result<Self, StorageError> {
        let mut edge = Self::default();
        for row in rows {
            let (hashes, rest) = row.hashes.as_chunks::<32>();
            if !rest.is_empty() || hashes.len() > 256 {
                return Err(StorageError::Damaged("a tile of the log"));
            }
            edge.tiles.insert((row.level, row.tile), hashes.to_vec());
        }
        Ok(edge)
    }

    /// The hash of a node, computed from the stored nodes of its tile.
    fn node(&self, node: NodeId) -> Result<Hash, StorageError> {
        let damaged = StorageError::Damaged("the log lacks a tile of its edge");
        let (tile_level, within) = (node.level / 8, node.level % 8);
        let first = node.index << within;
        let key = (i64::from(tile_level), i64::try_from(first >> 8).map_err(|_| StorageError::Damaged("the log"))?);
        let Some(hashes) = self.tiles.get(&key) else { return Err(damaged) };
        let from = usize::try_from(first & 255).map_err(|_| StorageError::Damaged("the log"))?;
        let Some(part) = hashes.get(from..from + (1 << within)) else { return Err(damaged) };
        let mut level = part.to_vec();
        while level.len() > 1 {
            level = level.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
        }
        Ok(level[0])
    }

    /// Keeps a node that a tile holds; others are computed when asked for.
    fn created(&mut self, node: NodeId, hash: Hash) {
        if !node.level.is_multiple_of(8) {
            return;
        }
        let Ok(tile) = i64::try_from(node.index >> 8) else { return };
        let key = (i64::from(node.level / 8), tile);
        let hashes = self.tiles.entry(key).or_default();
        if hashes.len() as u64 == node.index & 255 {
            hashes.push(hash);
            self.changed.insert(key);
        }
    }

    fn rows(&self) -> impl Iterator<Item = TileRow> + '_ {
        self.changed.iter().filter_map(|key| {
            let hashes = self.tiles.get(key)?;
            Some(TileRow { level: key.0, tile: key.1, hashes: hashes.concat() })
        })
    }
}

/// Runs until `stop` is done, in whichever process holds the lease.
pub(crate) async fn run(signer: &LicenceSigner, stop: impl Future<Output = ()>) {
    let Ok(bytes) = signer.sources().bytes::<16>() else {
        tracing::error!("the random source failed; this process does not sequence the log");
        return;
    };
    let holder = hex::encode(bytes);
    let mut held: Option<Lease> = None;
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            () = signer.woken() => tokio::time::sleep(GATHER).await,
            () = tokio::time::sleep(REST) => {}
        }
        if let Err(error) = round(signer, &holder, &mut held).await {
            tracing::warn!(%error, "a batch of the log failed and will be tried again");
            tokio::time::sleep(GATHER).await;
        }
    }
    if let Some(lease) = held {
        let _ = lease::release(signer.beside(), &lease).await; // it ends by itself otherwise
    }
}

/// Sequences all that waits, if this process has or gets the lease.
pub(crate) async fn round(signer: &LicenceSigner, holder: &str, held: &mut Option<Lease>) -> Result<(), FlowError> {
    loop {
        let mut reader = signer.beside().reader().await?;
        let waiting = log::any_open(&mut reader).await?;
        drop(reader);
        if !waiting {
            return Ok(());
        }
        let Some(lease) = keep(signer, holder, held.take()).await? else { return Ok(()) };
        *held = Some(lease.clone());
        let Some(placed) = batch(signer, &lease).await? else {
            *held = None; // another has it now
            return Ok(());
        };
        if placed < BATCH {
            return Ok(());
        }
    }
}

async fn keep(signer: &LicenceSigner, holder: &str, held: Option<Lease>) -> Result<Option<Lease>, StorageError> {
    let now = signer.sources().now();
    match held {
        Some(lease) if lease.until.since(now) >= 2 => return Ok(Some(lease)),
        Some(lease) => {
            if let Some(renewed) = lease::renew(signer.beside(), &lease, now, LEASE_SECONDS).await? {
                return Ok(Some(renewed));
            }
        }
        None => {}
    }
    lease::take(signer.beside(), NAME, holder, now, LEASE_SECONDS).await
}

/// One transaction: the waiting leaves get their places, the tiles grow, the signed checkpoint is stored. Answers how many,
/// or nothing if the lease is another's.
async fn batch(signer: &LicenceSigner, lease: &Lease) -> Result<Option<i64>, FlowError> {
    let now = signer.sources().now();
    let origin = signer.log_origin();
    let mut tx = signer.beside().begin().await?;
    if !lease::guard(&mut tx, lease).await? {
        return Ok(None);
    }
    let head = log::head(&mut tx, origin).await?.ok_or(StorageError::Damaged("the log's head is gone"))?;
    let leaves = log::open(&mut tx, BATCH).await?;
    if leaves.is_empty() {
        return Ok(Some(0)); // whoever had the lease before placed them
    }
    let mut edge = Edge::of(log::edge(&mut tx, head.size).await?)?;
    let before = u64::try_from(head.size).map_err(|_| StorageError::Damaged("the log's size"))?;
    let hashes = frontier_nodes(before).into_iter().map(|node| edge.node(node)).collect::<Result<Vec<_>, _>>()?;
    let mut tree = Frontier::resume(before, hashes).ok_or(StorageError::Damaged("the log's edge"))?;
    for leaf in &leaves {
        tree.append(leaf_hash(&leaf.entry), |node, hash| edge.created(node, hash));
    }
    let checkpoint = Checkpoint { origin: origin.to_owned(), size: tree.size(), root: tree.root() };
    let key = signer.key_store().ring(&Purpose::Log)?.active(now)?;
    let note = keys::note::sign(origin, key.as_ref(), &checkpoint.text())?;
    let mut rows = Vec::with_capacity(leaves.len());
    for (offset, leaf) in leaves.iter().enumerate() {
        let index = before + offset as u64;
        let path = inclusion_proof(index, tree.size(), |node| edge.node(node))?;
        let place = i64::try_from(index).map_err(|_| StorageError::Damaged("the log's size"))?;
        rows.push((leaf.id.clone(), place, verifier::log::proof::proof_text(index, &path, &note)));
    }
    if log::place(&mut tx, &rows).await? != leaves.len() as u64 {
        return Err(FlowError::Internal("a leaf left before it was placed".to_owned()));
    }
    for row in edge.rows() {
        log::save_tile(&mut tx, &row).await?;
    }
    let size = i64::try_from(tree.size()).map_err(|_| StorageError::Damaged("the log's size"))?;
    let head_after = Head { size, checkpoint: note, at: now.seconds() };
    if !log::advance(&mut tx, origin, head.size, &head_after, lease.token).await? {
        return Ok(None); // another was faster: nothing of this batch is kept
    }
    tx.commit().await?;
    signer.waiting().placed(rows.iter().map(|(leaf, _, proof)| (leaf.as_str(), proof.as_str())));
    Ok(Some(i64::try_from(leaves.len()).unwrap_or(BATCH)))
}
