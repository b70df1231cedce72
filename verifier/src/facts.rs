//! Facts: the disclosures that hide them, and the digests that stand for them in the log (formats §2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::digest::sha256;
use crate::encoding::emit::Emit;

/// One hidden fact: its text never changes once it is made (RFC 9901 §4.2), so digests are over the text as kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disclosure {
    /// The claim's name.
    pub name: String,
    /// The base64url text, as it stands between the `~`.
    pub text: String,
    /// SHA-256 over the text.
    pub digest: [u8; 32],
}

impl Disclosure {
    /// Hides `value` behind `salt` (16 random bytes).
    pub fn make(salt: &[u8; 16], name: &str, value: &Value) -> Self {
        let salt = URL_SAFE_NO_PAD.encode(salt);
        let json = Value::Array(vec![Value::String(salt), Value::String(name.to_owned()), value.clone()]).to_string();
        Self::from_text(name, URL_SAFE_NO_PAD.encode(json))
    }

    /// A disclosure that was made before, from its kept text.
    pub fn from_text(name: &str, text: String) -> Self {
        let digest = sha256(text.as_bytes());
        Self { name: name.to_owned(), text, digest }
    }

    /// The digest as it stands in `_sd`.
    pub fn digest_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.digest)
    }
}

/// What the facts digest commits to, dates as `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The licence identifier.
    pub identifier: &'a str,
    /// The version of the licence type.
    pub type_version: u64,
    /// The issuing authority's credit code.
    pub issuing_authority_code: &'a str,
    /// The day of issue.
    pub issue_date: &'a str,
    /// The first valid day.
    pub valid_from: &'a str,
    /// The last valid day; none: without end.
    pub valid_until: Option<&'a str>,
    /// Digests of the top `_sd`, in any order.
    pub top: &'a [[u8; 32]],
    /// Digests of `items._sd`, in any order.
    pub items: &'a [[u8; 32]],
}

impl Facts<'_> {
    /// The CBOR of which the facts digest is the SHA-256.
    pub fn cbor(&self) -> Vec<u8> {
        let mut out = Emit::with_capacity(256 + 34 * (self.top.len() + self.items.len()));
        out.array(8).text(self.identifier).unsigned(self.type_version).text(self.issuing_authority_code);
        out.text(self.issue_date).text(self.valid_from);
        match self.valid_until {
            Some(day) => out.text(day),
            None => out.null(),
        };
        for digests in [self.top, self.items] {
            let mut sorted = digests.to_vec();
            sorted.sort_unstable();
            out.array(sorted.len());
            for digest in &sorted {
                out.bytes(digest);
            }
        }
        out.into_bytes()
    }

    /// The facts digest.
    pub fn digest(&self) -> [u8; 32] {
        sha256(&self.cbor())
    }
}

/// What makes a copy (加注件) a document of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyTerms {
    /// The recipient's credit code.
    pub recipient_code: String,
    /// The recipient's name.
    pub recipient_name: String,
    /// What the copy may be used for.
    pub purpose: String,
    /// The last day of that use, `YYYY-MM-DD`.
    pub until: String,
}

impl CopyTerms {
    /// The CBOR of which the copy's digest in the log is the SHA-256.
    pub fn cbor(&self, facts_digest: &[u8; 32]) -> Vec<u8> {
        let mut out = Emit::with_capacity(256);
        out.array(5).bytes(facts_digest).text(&self.recipient_code).text(&self.recipient_name);
        out.text(&self.purpose).text(&self.until);
        out.into_bytes()
    }

    /// The digest that stands for a copy in the log.
    pub fn digest(&self, facts_digest: &[u8; 32]) -> [u8; 32] {
        sha256(&self.cbor(facts_digest))
    }
}
