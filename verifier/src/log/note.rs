//! Signed notes (C2SP signed-note) and cosignatures (C2SP tlog-cosignature): a text, and lines by those who vouch for it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, UnparsedPublicKey};

use crate::digest::sha256_of;
use crate::encoding::hex;

/// The most signature lines that a reader looks at.
const MAX_SIGNATURES: usize = 64;

/// What a note key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// 0x01: Ed25519 over the text.
    Ed25519,
    /// 0x04: Ed25519 over a time and the text (`cosignature/v1`): a witness's key.
    Cosignature,
}

impl KeyKind {
    const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 1,
            Self::Cosignature => 4,
        }
    }
}

/// A key that verifies signature lines of a note: `NAME+HASH+BASE64(KIND ‖ KEY)`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VerifierKey {
    name: String,
    kind: KeyKind,
    key: [u8; 32],
    id: [u8; 4],
}

/// Why a text is no signed note, vkey, checkpoint or proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not in the form of C2SP: {0}")]
pub struct NoteError(pub &'static str);

impl VerifierKey {
    /// The key of that name and kind; `None` for a name that a note cannot hold (empty, blanks, `+`).
    pub fn new(name: &str, kind: KeyKind, key: [u8; 32]) -> Option<Self> {
        if !name_fits(name) {
            return None;
        }
        let hash = sha256_of(&[name.as_bytes(), b"\n", &[kind.byte()], &key]);
        let id = [hash[0], hash[1], hash[2], hash[3]];
        Some(Self { name: name.to_owned(), kind, key, id })
    }

    /// Reads a vkey; its hash must be right.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(hash), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError("a key has three parts"));
        };
        let bytes = STANDARD.decode(key).map_err(|_| NoteError("the key is not base64"))?;
        let (kind, key) = match bytes.split_first() {
            Some((1, key)) => (KeyKind::Ed25519, key),
            Some((4, key)) => (KeyKind::Cosignature, key),
            _ => return Err(NoteError("the kind of key is unknown")),
        };
        let key = key.try_into().map_err(|_| NoteError("an Ed25519 key has 32 bytes"))?;
        let found = Self::new(name, kind, key).ok_or(NoteError("the key's name"))?;
        if hex::encode(found.id) != hash {
            return Err(NoteError("the key's hash differs"));
        }
        Ok(found)
    }

    /// The name, of a log its origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What this key signs.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The Ed25519 public key.
    pub fn key(&self) -> &[u8; 32] {
        &self.key
    }

    /// The first four bytes of the key's hash, which stand before each of its signatures.
    pub fn id(&self) -> [u8; 4] {
        self.id
    }

    /// The signature line for a signature by this key: of a cosignature give the time too.
    pub fn line(&self, signature: &[u8; 64], time: Option<u64>) -> String {
        let mut bytes = self.id.to_vec();
        if let Some(time) = time {
            bytes.extend_from_slice(&time.to_be_bytes());
        }
        bytes.extend_from_slice(signature);
        format!("\u{2014} {} {}\n", self.name, STANDARD.encode(bytes))
    }

    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.key).verify(message, signature).is_ok()
    }
}

impl std::fmt::Display for VerifierKey {
    /// The vkey text.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut bytes = vec![self.kind.byte()];
        bytes.extend_from_slice(&self.key);
        write!(f, "{}+{}+{}", self.name, hex::encode(self.id), STANDARD.encode(bytes))
    }
}

/// One signature line of a note, not yet judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature<'a> {
    /// The key's name as the line says it.
    pub name: &'a str,
    /// The key's id as the line says it.
    pub id: [u8; 4],
    /// What follows the id.
    pub signature: Vec<u8>,
}

/// What a note says about one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vouched {
    /// No line names the key.
    Absent,
    /// A line names the key and its signature differs.
    Differs,
    /// The signature is right; a witness's is dated.
    Signed(Option<i64>),
}

/// A text and the lines of those who vouch for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note<'a> {
    /// The text, its last line feed included.
    pub text: &'a str,
    /// The signature lines in their order.
    pub signatures: Vec<NoteSignature<'a>>,
}

impl<'a> Note<'a> {
    /// Reads a note: text, a blank line, at least one signature line, each ended by a line feed; no other control character.
    pub fn parse(note: &'a str) -> Result<Self, NoteError> {
        if note.bytes().any(|b| b < 0x20 && b != b'\n') {
            return Err(NoteError("control characters"));
        }
        let at = note.rfind("\n\n").ok_or(NoteError("no blank line before the signatures"))?;
        let (text, lines) = (&note[..=at], &note[at + 2..]);
        let lines = lines.strip_suffix('\n').ok_or(NoteError("the last line has no end"))?;
        let mut signatures = Vec::new();
        for line in lines.split('\n') {
            if signatures.len() == MAX_SIGNATURES {
                return Err(NoteError("too many signatures"));
            }
            signatures.push(signature_line(line).ok_or(NoteError("a signature line"))?);
        }
        Ok(Self { text, signatures })
    }

    /// What the note says about `key`. Of several lines of one key a right one counts, a witness's earliest.
    pub fn vouched(&self, key: &VerifierKey) -> Vouched {
        let mut found = Vouched::Absent;
        for line in self.signatures.iter().filter(|line| line.name == key.name && line.id == key.id) {
            let judged = match key.kind {
                KeyKind::Ed25519 => key.verifies(self.text.as_bytes(), &line.signature).then_some(None),
                KeyKind::Cosignature => self.cosigned(key, &line.signature).map(Some),
            };
            found = match (found, judged) {
                (Vouched::Signed(old), Some(new)) => Vouched::Signed(old.min(new)),
                (_, Some(new)) => Vouched::Signed(new),
                (Vouched::Absent, None) => Vouched::Differs,
                (found, None) => found,
            };
        }
        found
    }

    fn cosigned(&self, key: &VerifierKey, signature: &[u8]) -> Option<i64> {
        let (time, signature) = signature.split_first_chunk::<8>()?;
        let time = u64::from_be_bytes(*time);
        let dated = i64::try_from(time).ok()?;
        key.verifies(&cosignature_message(time, self.text), signature).then_some(dated)
    }
}

/// What a witness signs: its time and the note's text (C2SP tlog-cosignature, `cosignature/v1`).
pub fn cosignature_message(time: u64, text: &str) -> Vec<u8> {
    format!("cosignature/v1\ntime {time}\n{text}").into_bytes()
}

fn signature_line(line: &str) -> Option<NoteSignature<'_>> {
    let (name, bytes) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    let bytes = STANDARD.decode(bytes).ok()?;
    let (id, signature) = bytes.split_first_chunk::<4>()?;
    (name_fits(name) && !signature.is_empty()).then(|| NoteSignature { name, id: *id, signature: signature.to_vec() })
}

fn name_fits(name: &str) -> bool {
    !name.is_empty() && !name.contains('+') && !name.chars().any(|c| c.is_whitespace() || c.is_control())
}
