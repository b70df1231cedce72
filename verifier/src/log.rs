//! The public log: an append-only Merkle tree (RFC 6962) in C2SP's formats tlog-tiles, signed-note, checkpoint and tlog-proof.
//!
//! Readers and the pure half of the writer are here; keys sign elsewhere.

pub mod checkpoint;
pub mod entry;
pub mod merkle;
pub mod note;
pub mod proof;
pub mod tile;

pub use checkpoint::Checkpoint;
pub use entry::{Commitment, Event};
pub use merkle::{Frontier, Hash, NodeId};
pub use note::{KeyKind, Note, VerifierKey};
pub use proof::LogProof;
pub use tile::Tile;
