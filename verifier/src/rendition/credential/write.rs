//! The pure half of the writer: disclosures, header, payload, and the text around what a key signs.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use crate::facts::{CopyTerms, Disclosure, Facts};
use crate::log::{Commitment, Event};
use crate::time::{Date, Timestamp};

/// Why a draft makes no credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// A date is no day of the calendar in the form `YYYY-MM-DD`.
    #[error("{0} is not a day")]
    Date(&'static str),
    /// The last valid day is before the first.
    #[error("valid_until is before valid_from")]
    Order,
}

/// The log's part of a credential (formats §2 `log`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogClaim {
    /// SHA-256 of the department key's SPKI, as in the entry.
    pub key: [u8; 32],
    /// The event of this sealing.
    pub event: Event,
    /// From when the event holds: see [`Draft::effective`].
    pub effective: Timestamp,
    /// The commitment's salt.
    pub salt: [u8; 32],
    /// The text of the inclusion proof.
    pub proof: String,
}

/// All that a credential says, before it is signed. Dates are `YYYY-MM-DD`.
#[derive(Clone, Debug)]
pub struct Draft<'a> {
    /// The signer's external URL, without a slash at its end.
    pub signer: &'a str,
    /// The credit code of the department whose key signs.
    pub department_code: &'a str,
    /// The licence type's code.
    pub type_code: &'a str,
    /// The licence type's version.
    pub type_version: u64,
    /// When it is sealed (`iat`).
    pub issued_at: Timestamp,
    /// The licence identifier.
    pub identifier: &'a str,
    /// The issuing authority's credit code: the department's, or a predecessor's.
    pub authority_code: &'a str,
    /// The issuing authority's name.
    pub authority_name: &'a str,
    /// The day of issue.
    pub issue_date: &'a str,
    /// The first valid day.
    pub valid_from: &'a str,
    /// The last valid day; none: without end (长期).
    pub valid_until: Option<&'a str>,
    /// The status list's URI.
    pub status_uri: &'a str,
    /// The position in it.
    pub status_idx: u64,
    /// The hidden members at the top: [`super::HIDDEN`] and perhaps the portrait's digest.
    pub top: &'a [Disclosure],
    /// The hidden items of the type.
    pub items: &'a [Disclosure],
    /// What makes it a copy.
    pub copy: Option<&'a CopyTerms>,
}

impl Draft<'_> {
    /// The digest that the log's leaf commits to: the facts digest, of a copy its copy digest.
    pub fn facts_digest(&self) -> [u8; 32] {
        let digests = |list: &[Disclosure]| list.iter().map(|d| d.digest).collect::<Vec<_>>();
        let (top, items) = (digests(self.top), digests(self.items));
        let facts = Facts {
            identifier: self.identifier,
            type_version: self.type_version,
            issuing_authority_code: self.authority_code,
            issue_date: self.issue_date,
            valid_from: self.valid_from,
            valid_until: self.valid_until,
            top: &top,
            items: &items,
        };
        let digest = facts.digest();
        self.copy.map_or(digest, |copy| copy.digest(&digest))
    }

    /// From when `event` holds in the log: of a version's first sealing the first second of `valid_from`, else `iat`.
    pub fn effective(&self, event: Event) -> Result<Timestamp, DraftError> {
        if event.begins_version() { Ok(day("valid_from", self.valid_from)?.first_second()) } else { Ok(self.issued_at) }
    }

    /// The commitment of this sealing's leaf.
    pub fn commitment(&self, event: Event, salt: &[u8; 32]) -> Result<[u8; 32], DraftError> {
        let facts_digest = self.facts_digest();
        let commitment = Commitment {
            salt,
            identifier: self.identifier,
            event,
            effective: self.effective(event)?,
            facts_digest: Some(&facts_digest),
            status: Some((self.status_uri, self.status_idx)),
        };
        Ok(commitment.digest())
    }

    /// When the credential ends (`exp`): behind the last valid day, of a copy behind the earlier of that and `until`.
    pub fn expires(&self) -> Result<Option<Timestamp>, DraftError> {
        let end = self.valid_until.map(|date| day("valid_until", date)).transpose()?;
        let until = self.copy.map(|copy| day("copy.until", &copy.until)).transpose()?;
        let last = match (end, until) {
            (Some(end), Some(until)) => Some(end.min(until)),
            (end, until) => end.or(until),
        };
        Ok(last.map(Date::end))
    }

    /// The payload to be signed.
    pub fn payload(&self, log: Option<&LogClaim>) -> Result<Vec<u8>, DraftError> {
        let not_before = day("valid_from", self.valid_from)?;
        day("issue_date", self.issue_date)?;
        if let Some(until) = self.valid_until
            && day("valid_until", until)? < not_before
        {
            return Err(DraftError::Order);
        }
        let kind = if self.copy.is_some() { "copies" } else { "types" };
        let mut claims = json!({
            "iss": format!("{}/departments/{}", self.signer, self.department_code),
            "vct": format!("{}/{kind}/{}/{}", self.signer, self.type_code, self.type_version),
            "iat": self.issued_at.seconds(),
            "nbf": not_before.first_second().seconds(),
            "_sd_alg": "sha-256",
            "status": {"status_list": {"idx": self.status_idx, "uri": self.status_uri}},
            "identifier": self.identifier,
            "issuing_authority": {"code": self.authority_code, "name": self.authority_name},
            "issue_date": self.issue_date,
            "valid_from": self.valid_from,
            "_sd": digests(self.top),
            "items": {"_sd": digests(self.items)},
        });
        let mut add = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                claims[name] = value;
            }
        };
        add("exp", self.expires()?.map(|exp| exp.seconds().into()));
        add("valid_until", self.valid_until.map(Value::from));
        add("copy", self.copy.map(copy_claim));
        add("log", log.map(log_claim));
        Ok(claims.to_string().into_bytes())
    }
}

/// The header's members beside `alg` and `kid`; `x5c` is the leaf and its intermediates (DER), never the root.
pub fn header(x5c: &[Vec<u8>]) -> Map<String, Value> {
    let chain = x5c.iter().map(|der| STANDARD.encode(der).into()).collect();
    Map::from_iter([("typ".to_owned(), super::TYP.into()), ("x5c".to_owned(), Value::Array(chain))])
}

/// The credential: the signed JWT and the disclosures that the reader is to see.
pub fn assemble<'a>(jwt: &str, disclosures: impl IntoIterator<Item = &'a Disclosure>) -> String {
    let mut text = format!("{jwt}~");
    for disclosure in disclosures {
        text.push_str(&disclosure.text);
        text.push('~');
    }
    text
}

fn day(name: &'static str, date: &str) -> Result<Date, DraftError> {
    date.parse().map_err(|_| DraftError::Date(name))
}

/// Digests in ascending order, so that their order says nothing (RFC 9901 §4.2.4.1).
fn digests(disclosures: &[Disclosure]) -> Vec<String> {
    let mut digests: Vec<String> = disclosures.iter().map(Disclosure::digest_text).collect();
    digests.sort_unstable();
    digests
}

fn copy_claim(copy: &CopyTerms) -> Value {
    json!({
        "recipient": {"code": copy.recipient_code, "name": copy.recipient_name},
        "purpose": copy.purpose,
        "until": copy.until,
    })
}

fn log_claim(log: &LogClaim) -> Value {
    json!({
        "key": URL_SAFE_NO_PAD.encode(log.key),
        "event": log.event.name(),
        "effective": log.effective.seconds(),
        "salt": URL_SAFE_NO_PAD.encode(log.salt),
        "proof": log.proof,
    })
}
