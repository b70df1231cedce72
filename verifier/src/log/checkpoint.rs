//! Checkpoints (C2SP tlog-checkpoint): the text that a log signs about its size and root.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::merkle::Hash;
use super::note::NoteError;

/// What a log said at one size: lines of extension, which a reader passes over, are not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name: `{host[:port]}/log`.
    pub origin: String,
    /// The number of leaves.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

impl Checkpoint {
    /// Reads the text of a note as a checkpoint.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let text = text.strip_suffix('\n').ok_or(NoteError("the checkpoint's last line has no end"))?;
        let mut lines = text.split('\n');
        let origin = lines.next().filter(|line| !line.is_empty()).ok_or(NoteError("no origin"))?;
        let size = lines.next().and_then(decimal).ok_or(NoteError("no size"))?;
        let root = lines.next().and_then(hash).ok_or(NoteError("no root"))?;
        if lines.any(str::is_empty) {
            return Err(NoteError("an empty line of extension"));
        }
        Ok(Self { origin: origin.to_owned(), size, root })
    }

    /// The text to be signed.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root))
    }

    /// The note of this checkpoint with the signature lines given.
    pub fn note(&self, lines: &[String]) -> String {
        format!("{}\n{}", self.text(), lines.concat())
    }
}

/// A number without sign and leading zeros.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let shortest = text == "0" || !text.starts_with('0');
    (shortest && !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

/// A hash in base64.
pub(super) fn hash(text: &str) -> Option<Hash> {
    if text.len() != 44 {
        return None;
    }
    STANDARD.decode(text).ok()?.try_into().ok()
}
