//! The Merkle tree of RFC 6962 §2.1: hashes, proofs and their verification, and what a writer keeps to append and to prove.
//!
//! A *node* (level, index) is the root of the perfect subtree over the leaves `index << level` up to `(index + 1) << level`.
//! A node never changes once its leaves are there, so a writer stores nodes and computes everything else.

use crate::digest::sha256_of;

/// A hash of the tree: SHA-256.
pub type Hash = [u8; 32];

/// The root of the tree without leaves: SHA-256 of nothing (RFC 6962 §2.1).
pub fn empty_root() -> Hash {
    sha256_of(&[])
}

/// The hash of an entry as a leaf: SHA-256(00 ‖ entry).
pub fn leaf_hash(entry: &[u8]) -> Hash {
    sha256_of(&[&[0], entry])
}

/// The hash of two subtrees: SHA-256(01 ‖ left ‖ right).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256_of(&[&[1], left, right])
}

/// The root that an inclusion proof leads to, or `None` where its length does not fit (RFC 9162 §2.1.3.2).
pub fn root_of_inclusion(index: u64, size: u64, leaf: &Hash, path: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    let (mut position, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in path {
        if last == 0 {
            return None;
        }
        if position & 1 == 1 || position == last {
            hash = node_hash(sibling, &hash);
            while position & 1 == 0 && position != 0 {
                position >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        position >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(hash)
}

/// Whether `path` proves that `leaf` is entry `index` of the tree of `size` leaves with `root`.
pub fn includes(index: u64, size: u64, leaf: &Hash, path: &[Hash], root: &Hash) -> bool {
    root_of_inclusion(index, size, leaf, path).is_some_and(|found| found == *root)
}

/// Whether `proof` shows that the tree of `first` leaves is the beginning of the tree of `second` leaves (RFC 9162 §2.1.4.2).
///
/// Every tree extends the empty one, whose root is [`empty_root`].
pub fn extends(first: u64, second: u64, first_root: &Hash, second_root: &Hash, proof: &[Hash]) -> bool {
    if first > second {
        return false;
    }
    if first == 0 {
        return proof.is_empty() && *first_root == empty_root() && (second > 0 || first_root == second_root);
    }
    if first == second {
        return proof.is_empty() && first_root == second_root;
    }
    let mut rest = proof.iter();
    let (mut position, mut last) = (first - 1, second - 1);
    while position & 1 == 1 {
        position >>= 1;
        last >>= 1;
    }
    let start = if position == 0 { Some(first_root) } else { rest.next() };
    let Some(start) = start else { return false };
    let (mut old, mut new) = (*start, *start);
    for sibling in rest {
        if last == 0 {
            return false;
        }
        if position & 1 == 1 || position == last {
            old = node_hash(sibling, &old);
            new = node_hash(sibling, &new);
            while position & 1 == 0 && position != 0 {
                position >>= 1;
                last >>= 1;
            }
        } else {
            new = node_hash(&new, sibling);
        }
        position >>= 1;
        last >>= 1;
    }
    last == 0 && old == *first_root && new == *second_root
}

/// A perfect subtree's root: `level` 0 is a leaf hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId {
    /// The height of the subtree: it has `2^level` leaves.
    pub level: u8,
    /// Its position among the nodes of that level.
    pub index: u64,
}

/// The nodes whose hashes together make the root of the leaves `from..to`, from left to right.
fn cover(from: u64, to: u64) -> Vec<NodeId> {
    let (mut nodes, mut at) = (Vec::new(), from);
    while at < to {
        let aligned = if at == 0 { 63 } else { at.trailing_zeros().min(63) };
        let level = aligned.min((to - at).ilog2());
        nodes.push(NodeId { level: u8::try_from(level).unwrap_or(63), index: at >> level });
        at += 1 << level;
    }
    nodes
}

/// The ranges of leaves whose roots are the inclusion proof of `index`, in the proof's order (RFC 6962 §2.1.1).
fn inclusion_ranges(index: u64, size: u64) -> Vec<(u64, u64)> {
    let (mut ranges, mut from, mut to) = (Vec::new(), 0, size);
    while to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            ranges.push((middle, to));
            to = middle;
        } else {
            ranges.push((from, middle));
            from = middle;
        }
    }
    ranges.reverse();
    ranges
}

/// The ranges of leaves whose roots are the consistency proof from `first` to `second` (RFC 6962 §2.1.2).
fn consistency_ranges(first: u64, second: u64) -> Vec<(u64, u64)> {
    let (mut ranges, mut from, mut to, mut whole) = (Vec::new(), 0, second, true);
    while first < to {
        let middle = from + split(to - from);
        if first <= middle {
            ranges.push((middle, to));
            to = middle;
        } else {
            ranges.push((from, middle));
            from = middle;
            whole = false;
        }
    }
    if !whole {
        ranges.push((from, to));
    }
    ranges.reverse();
    ranges
}

/// The largest power of two below `size`, which is at least 2.
fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// The root over hashes of adjoining subtrees, the largest first.
fn fold(hashes: &[Hash]) -> Hash {
    let mut rest = hashes.iter().rev();
    let Some(last) = rest.next() else { return empty_root() };
    rest.fold(*last, |right, left| node_hash(left, &right))
}

fn roots_of<E>(ranges: &[(u64, u64)], mut node: impl FnMut(NodeId) -> Result<Hash, E>) -> Result<Vec<Hash>, E> {
    ranges
        .iter()
        .map(|&(from, to)| Ok(fold(&cover(from, to).into_iter().map(&mut node).collect::<Result<Vec<_>, E>>()?)))
        .collect()
}

fn nodes_of(ranges: &[(u64, u64)]) -> Vec<NodeId> {
    ranges.iter().flat_map(|&(from, to)| cover(from, to)).collect()
}

/// The nodes that [`inclusion_proof`] will ask for; nothing where `index` is not in the tree.
pub fn inclusion_nodes(index: u64, size: u64) -> Vec<NodeId> {
    if index < size { nodes_of(&inclusion_ranges(index, size)) } else { Vec::new() }
}

/// The inclusion proof of `index` in the tree of `size` leaves, made from stored nodes; empty where `index` is not in it.
pub fn inclusion_proof<E>(index: u64, size: u64, node: impl FnMut(NodeId) -> Result<Hash, E>) -> Result<Vec<Hash>, E> {
    if index < size { roots_of(&inclusion_ranges(index, size), node) } else { Ok(Vec::new()) }
}

/// The nodes that [`consistency_proof`] will ask for.
pub fn consistency_nodes(first: u64, second: u64) -> Vec<NodeId> {
    if 0 < first && first < second { nodes_of(&consistency_ranges(first, second)) } else { Vec::new() }
}

/// The consistency proof from the tree of `first` leaves to that of `second`; empty where nothing is to prove.
pub fn consistency_proof<E>(
    first: u64,
    second: u64,
    node: impl FnMut(NodeId) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    if 0 < first && first < second { roots_of(&consistency_ranges(first, second), node) } else { Ok(Vec::new()) }
}

/// The nodes that together make the root of the tree of `size` leaves, from left to right: what a [`Frontier`] holds.
pub fn frontier_nodes(size: u64) -> Vec<NodeId> {
    cover(0, size)
}

/// The right edge of a tree: enough to append leaves and to compute the root, and never more than 64 hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    hashes: Vec<Hash>,
}

impl Frontier {
    /// The edge of the tree of `size` leaves, from the hashes of [`frontier_nodes`]; `None` where their number is another.
    pub fn resume(size: u64, hashes: Vec<Hash>) -> Option<Self> {
        (hashes.len() == size.count_ones() as usize).then_some(Self { size, hashes })
    }

    /// How many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        fold(&self.hashes)
    }

    /// Appends a leaf; `created` hears of each node that is complete by it, the leaf first, to be stored.
    pub fn append(&mut self, leaf: Hash, mut created: impl FnMut(NodeId, Hash)) {
        let (mut hash, mut index, mut level) = (leaf, self.size, 0);
        created(NodeId { level, index }, hash);
        while index & 1 == 1 {
            let Some(left) = self.hashes.pop() else { break };
            hash = node_hash(&left, &hash);
            index >>= 1;
            level += 1;
            created(NodeId { level, index }, hash);
        }
        self.hashes.push(hash);
        self.size += 1;
    }
}

/// The root over all leaves, for trees that are at hand whole.
pub fn root_of(leaves: &[Hash]) -> Hash {
    let mut tree = Frontier::default();
    for leaf in leaves {
        tree.append(*leaf, |_, _| ());
    }
    tree.root()
}
