//! The log's part of a credential: event, leaf, key, proof, witnesses; and the time that witnesses prove (formats §5).

use crate::facts::Facts;
use crate::log::note::Vouched;
use crate::log::{Commitment, Event, LogProof, merkle};
use crate::rendition::credential::{Claims, LogMember};
use crate::report::{CheckCode, Reason};
use crate::subject::SocialCreditCode;
use crate::time::Timestamp;
use crate::trust::Trust;

use super::findings::Findings;

/// The digest that the leaf commits to, recomputed from what is open.
fn facts_digest(claims: &Claims, type_version: u64) -> [u8; 32] {
    let (issue_date, valid_from) = (claims.issue_date.to_string(), claims.valid_from.to_string());
    let valid_until = claims.valid_until.map(|day| day.to_string());
    let facts = Facts {
        identifier: &claims.identifier,
        type_version,
        issuing_authority_code: &claims.issuing_authority.code,
        issue_date: &issue_date,
        valid_from: &valid_from,
        valid_until: valid_until.as_deref(),
        top: &claims.top,
        items: &claims.items,
    };
    let digest = facts.digest();
    claims.copy.as_ref().map_or(digest, |copy| copy.terms.digest(&digest))
}

/// Judges the log's part; the answer is the time that a quorum of witnesses proves for the facts.
///
/// Without a bundle, or with one that names no log, only a leaf that was computed and differs counts.
pub(super) fn judge(
    claims: &Claims,
    type_version: Option<u64>,
    department: Option<&str>,
    trust: Option<&Trust>,
    findings: &mut Findings,
) -> Option<Timestamp> {
    let logs = trust.filter(|trust| !trust.logs().is_empty());
    let Some(member) = &claims.log else {
        if logs.is_some() {
            findings.find(CheckCode::Log, Reason::LogMissing);
        }
        return None;
    };
    let proof = LogProof::parse(&member.proof);
    let event = Event::from_name(&member.event);
    let differs = match (&proof, event, type_version) {
        (Ok(proof), Some(event), Some(version)) => !proof.includes(&leaf(claims, member, event, version)),
        _ => false,
    };
    if differs {
        findings.find(CheckCode::Log, Reason::LogLeaf);
    }
    let trust = logs?;
    if !event.is_some_and(|event| fits(claims, member, event)) {
        findings.find(CheckCode::Log, Reason::LogEvent);
    }
    key(member, department, trust, findings);
    let Ok(proof) = proof else {
        findings.find(CheckCode::Log, Reason::LogMalformed);
        return None;
    };
    let proven = vouched(&proof, trust, findings);
    findings.pass(CheckCode::Log);
    if !findings.holds(CheckCode::Log) {
        return None;
    }
    findings.rests_on(CheckCode::Log, proven);
    proven
}

fn leaf(claims: &Claims, member: &LogMember, event: Event, type_version: u64) -> merkle::Hash {
    let facts_digest = facts_digest(claims, type_version);
    let commitment = Commitment {
        salt: &member.salt,
        identifier: &claims.identifier,
        event,
        effective: member.effective,
        facts_digest: Some(&facts_digest),
        status: Some((&claims.status.uri, claims.status.idx)),
    };
    merkle::leaf_hash(&commitment.entry(&member.key))
}

/// Whether a credential, or a copy, can carry the event, effective from when it must be.
fn fits(claims: &Claims, member: &LogMember, event: Event) -> bool {
    let effective = if event.begins_version() { claims.valid_from.first_second() } else { claims.iat };
    event.seals() && (event == Event::Copy) == claims.copy.is_some() && member.effective == effective
}

/// The key in the entry is listed for the department.
fn key(member: &LogMember, department: Option<&str>, trust: &Trust, findings: &mut Findings) {
    let mut owners = trust.rows_of_key(&member.key).peekable();
    if owners.peek().is_none() {
        findings.find(CheckCode::Log, Reason::LogKeyUnlisted);
    } else if !owners.any(|row| row.department.as_ref().map(SocialCreditCode::as_str) == department) {
        findings.find(CheckCode::Log, Reason::LogKey);
    }
}

/// The log's own signature and its witnesses'; the time is the quorum-th earliest cosignature's.
fn vouched(proof: &LogProof, trust: &Trust, findings: &mut Findings) -> Option<Timestamp> {
    let Some(log) = trust.log(&proof.checkpoint.origin) else {
        findings.find(CheckCode::Log, Reason::LogUnknown);
        return None;
    };
    match proof.note.vouched(&log.key) {
        Vouched::Signed(_) => {}
        Vouched::Absent => findings.find(CheckCode::Log, Reason::LogUnknown),
        Vouched::Differs => findings.find(CheckCode::Log, Reason::LogSignature),
    }
    if log.quorum == 0 {
        return None;
    }
    let dated = |witness| match proof.note.vouched(witness) {
        Vouched::Signed(time) => time,
        _ => None,
    };
    let mut times: Vec<i64> = log.witnesses.iter().filter_map(dated).collect();
    times.sort_unstable();
    let proven = times.get(log.quorum - 1).copied().map(Timestamp::from_seconds);
    if proven.is_none() {
        findings.find(CheckCode::Log, Reason::LogQuorum);
    }
    proven
}
