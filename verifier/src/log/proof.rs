//! Proofs that travel with what they prove (C2SP tlog-proof): index, path and a signed checkpoint in one text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::checkpoint::{Checkpoint, decimal, hash};
use super::merkle::{self, Hash};
use super::note::{Note, NoteError};

const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// The longest path of a tree of 2^64 leaves.
const MAX_PATH: usize = 64;
/// The largest proof that is looked at.
const MAX_BYTES: usize = 32 * 1024;

/// A proof that a leaf stands in a log, as far as the text says it: verify path and signatures yourself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogProof<'a> {
    /// The leaf's position.
    pub index: u64,
    /// The inclusion path.
    pub path: Vec<Hash>,
    /// What the log said.
    pub checkpoint: Checkpoint,
    /// The checkpoint with its signature lines.
    pub note: Note<'a>,
}

impl<'a> LogProof<'a> {
    /// Reads a proof without extra line.
    pub fn parse(text: &'a str) -> Result<Self, NoteError> {
        if text.len() > MAX_BYTES {
            return Err(NoteError("the proof is too large"));
        }
        let (head, note) = text.split_once("\n\n").ok_or(NoteError("no checkpoint"))?;
        let mut lines = head.split('\n');
        if lines.next() != Some(HEADER) {
            return Err(NoteError("not a proof of version 1"));
        }
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).and_then(decimal);
        let index = index.ok_or(NoteError("no index"))?;
        let path = lines.map(hash).collect::<Option<Vec<_>>>().ok_or(NoteError("a hash of the path"))?;
        if path.len() > MAX_PATH {
            return Err(NoteError("the path is too long"));
        }
        let note = Note::parse(note)?;
        let checkpoint = Checkpoint::parse(note.text)?;
        Ok(Self { index, path, checkpoint, note })
    }

    /// Whether the path leads from the leaf to the checkpoint's root.
    pub fn includes(&self, leaf: &Hash) -> bool {
        merkle::includes(self.index, self.checkpoint.size, leaf, &self.path, &self.checkpoint.root)
    }
}

/// Writes a proof from its parts; `note` is the signed checkpoint.
pub fn proof_text(index: u64, path: &[Hash], note: &str) -> String {
    let mut text = format!("{HEADER}\nindex {index}\n");
    for hash in path {
        text.push_str(&STANDARD.encode(hash));
        text.push('\n');
    }
    text.push('\n');
    text.push_str(note);
    text
}
