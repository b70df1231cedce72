//! The open members of a credential: these and no others, inside as well (formats §2).

use serde_json::{Map, Value};

use crate::facts::CopyTerms;
use crate::rendition::StatusReference;
use crate::rendition::members::{Malformed, Members};
use crate::time::{Date, Timestamp};

/// The open members, in their types; whether they agree is not judged here.
#[derive(Clone, Debug)]
pub struct Claims {
    /// `{signer}/departments/{credit code}`.
    pub iss: String,
    /// `{signer}/types/{type code}/{version}`, of a copy `{signer}/copies/…`.
    pub vct: String,
    /// When it was signed, as it claims.
    pub iat: Timestamp,
    /// From when it holds.
    pub nbf: Timestamp,
    /// When it ends; none: without end.
    pub exp: Option<Timestamp>,
    /// Where its state is published.
    pub status: StatusReference,
    /// The licence identifier.
    pub identifier: String,
    /// Who issued it.
    pub issuing_authority: AuthorityClaim,
    /// The day of issue.
    pub issue_date: Date,
    /// The first valid day.
    pub valid_from: Date,
    /// The last valid day.
    pub valid_until: Option<Date>,
    /// The log's part.
    pub log: Option<LogMember>,
    /// What makes it a copy.
    pub copy: Option<CopyClaim>,
    /// The digests of the top `_sd`.
    pub top: Vec<[u8; 32]>,
    /// The digests of `items._sd`.
    pub items: Vec<[u8; 32]>,
}

/// `issuing_authority`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityClaim {
    /// The credit code.
    pub code: String,
    /// The name.
    pub name: String,
}

/// `log`, its proof still a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogMember {
    /// SHA-256 of the SPKI in the log's entry.
    pub key: [u8; 32],
    /// The event's word.
    pub event: String,
    /// From when the event holds.
    pub effective: Timestamp,
    /// The commitment's salt.
    pub salt: [u8; 32],
    /// The tlog-proof.
    pub proof: String,
}

/// `copy`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyClaim {
    /// What the log's leaf commits to besides the facts.
    pub terms: CopyTerms,
    /// The last day of use.
    pub until: Date,
}

impl Claims {
    pub(super) fn read(map: Map<String, Value>) -> Result<Self, Malformed> {
        let mut members = Members::of(map);
        if members.text("_sd_alg")? != "sha-256" {
            return Err(Malformed);
        }
        let claims = Self {
            iss: members.text("iss")?,
            vct: members.text("vct")?,
            iat: members.seconds("iat")?,
            nbf: members.seconds("nbf")?,
            exp: members.seconds_if_any("exp")?,
            status: status(members.object("status")?)?,
            identifier: members.text("identifier")?,
            issuing_authority: authority(members.object("issuing_authority")?)?,
            issue_date: members.date("issue_date")?,
            valid_from: members.date("valid_from")?,
            valid_until: members.date_if_any("valid_until")?,
            log: members.object_if_any("log")?.map(log).transpose()?,
            copy: members.object_if_any("copy")?.map(copy).transpose()?,
            top: members.digests("_sd")?,
            items: items(members.object("items")?)?,
        };
        members.end()?;
        Ok(claims)
    }
}

fn status(mut outer: Members) -> Result<StatusReference, Malformed> {
    let mut members = outer.object("status_list")?;
    outer.end()?;
    let status = StatusReference { uri: members.text("uri")?, idx: members.unsigned("idx")? };
    members.end()?;
    Ok(status)
}

fn authority(mut members: Members) -> Result<AuthorityClaim, Malformed> {
    let authority = AuthorityClaim { code: members.text("code")?, name: members.text("name")? };
    members.end()?;
    Ok(authority)
}

fn log(mut members: Members) -> Result<LogMember, Malformed> {
    let log = LogMember {
        key: members.digest("key")?,
        event: members.text("event")?,
        effective: members.seconds("effective")?,
        salt: members.digest("salt")?,
        proof: members.text("proof")?,
    };
    members.end()?;
    Ok(log)
}

fn copy(mut members: Members) -> Result<CopyClaim, Malformed> {
    let recipient = authority(members.object("recipient")?)?;
    let until = members.date("until")?;
    let terms = CopyTerms {
        recipient_code: recipient.code,
        recipient_name: recipient.name,
        purpose: members.text("purpose")?,
        until: until.to_string(),
    };
    members.end()?;
    Ok(CopyClaim { terms, until })
}

fn items(mut members: Members) -> Result<Vec<[u8; 32]>, Malformed> {
    let digests = members.digests("_sd")?;
    members.end()?;
    Ok(digests)
}
