//! Evidence: what was fetched beside the document, in the file of formats §8 and prepared for many documents.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::encoding::{b64, json as strict};
use crate::rendition::members::{Malformed, Members};
use crate::status::StatusList;
use crate::time::Timestamp;

/// The largest evidence file.
pub const MAX_BYTES: usize = 64 * 1024 * 1024;
/// The most items in one file.
pub const MAX_ITEMS: usize = 1024;

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EvidenceKind {
    /// A status list.
    StatusList,
    /// A certificate revocation list.
    Crl,
    /// An OCSP response.
    Ocsp,
    /// A trusted timestamp.
    Timestamp,
    /// A log checkpoint.
    Checkpoint,
}

impl EvidenceKind {
    const ALL: [Self; 5] = [Self::StatusList, Self::Crl, Self::Ocsp, Self::Timestamp, Self::Checkpoint];

    /// The word in the file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StatusList => "status_list",
            Self::Crl => "crl",
            Self::Ocsp => "ocsp",
            Self::Timestamp => "timestamp",
            Self::Checkpoint => "checkpoint",
        }
    }
}

/// One thing that was fetched, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceItem {
    /// What it is.
    pub kind: EvidenceKind,
    /// From where.
    pub uri: String,
    /// When.
    pub fetched_at: Timestamp,
    /// The media type that the answer named.
    pub media_type: String,
    /// The bytes.
    pub body: Vec<u8>,
}

/// All evidence for a report: items as they came, and status lists that were prepared once.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    items: Vec<EvidenceItem>,
    prepared: Vec<Arc<StatusList>>,
}

/// Why an evidence file is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an evidence file of format 1")]
pub struct EvidenceError;

impl From<Malformed> for EvidenceError {
    fn from(_: Malformed) -> Self {
        Self
    }
}

impl Evidence {
    /// Of items as they came.
    pub fn new(items: Vec<EvidenceItem>) -> Self {
        Self { items, prepared: Vec::new() }
    }

    /// Adds an item.
    pub fn add(&mut self, item: EvidenceItem) {
        self.items.push(item);
    }

    /// Adds a status list that was prepared with the same trust bundle.
    pub fn add_prepared(&mut self, list: Arc<StatusList>) {
        self.prepared.push(list);
    }

    /// The items as they came.
    pub fn items(&self) -> &[EvidenceItem] {
        &self.items
    }

    /// The prepared status lists.
    pub fn prepared(&self) -> &[Arc<StatusList>] {
        &self.prepared
    }

    /// Reads an evidence file. Members that the format does not have are refused.
    pub fn read(bytes: &[u8]) -> Result<Self, EvidenceError> {
        let mut file = Members::of(strict::read_object(bytes, MAX_BYTES).map_err(|_| EvidenceError)?);
        let Some(Value::Array(items)) = file.take("items") else { return Err(EvidenceError) };
        if file.unsigned("format")? != 1 || items.len() > MAX_ITEMS {
            return Err(EvidenceError);
        }
        file.end()?;
        items.into_iter().map(item).collect::<Result<_, _>>().map(Self::new)
    }

    /// Writes the items as an evidence file; prepared lists have no bytes any more and are left out.
    pub fn write(&self) -> String {
        let items: Vec<Value> = self
            .items
            .iter()
            .map(|item| {
                json!({
                    "kind": item.kind.name(),
                    "uri": item.uri,
                    "fetched_at": item.fetched_at.to_string(),
                    "media_type": item.media_type,
                    "body": b64::encode(&item.body),
                })
            })
            .collect();
        json!({"format": 1, "items": items}).to_string()
    }
}

fn item(value: Value) -> Result<EvidenceItem, EvidenceError> {
    let mut members = Members::of_value(value)?;
    let kind = members.text("kind")?;
    let item = EvidenceItem {
        kind: EvidenceKind::ALL.into_iter().find(|known| known.name() == kind).ok_or(EvidenceError)?,
        uri: members.text("uri")?,
        fetched_at: members.text("fetched_at")?.parse().map_err(|_| EvidenceError)?,
        media_type: members.text("media_type")?,
        body: b64::decode(&members.text("body")?).map_err(|_| EvidenceError)?,
    };
    members.end()?;
    Ok(item)
}
