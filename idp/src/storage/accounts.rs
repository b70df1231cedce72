//! The tables of persons and of how they are recognised.

use keys::field::FieldKeys;
use keys::sources::Sources;
use store::{StorageError, Tx, on, sqlx};
use verifier::time::Timestamp;
use zeroize::Zeroizing;

use crate::account::evidence::{Evidence, Means};
use crate::account::login::PHONE;
use crate::account::{Login, Name, Phone};
use crate::error::Error;
use crate::ids::{PersonId, random_text};

/// How many digests of one value are looked up: of the key in use and of two before it.
const DIGESTS: usize = 3;

const RP_ID: &str = "INSERT INTO installation (name, value) VALUES ('passkey_rp_id', $1)
    ON CONFLICT (name) DO UPDATE SET value = installation.value RETURNING value";
const FIND: &str = "SELECT c.person_id, (SELECT coalesce(max(e.level), 0) FROM evidence e
            WHERE e.person_id = c.person_id AND e.voided_at IS NULL)
    FROM claims c JOIN persons p ON p.id = c.person_id AND p.state = 'active'
    WHERE c.digest IN ($1, $2, $3) ORDER BY c.level DESC LIMIT 1";
const CLAIM: &str = "INSERT INTO claims (digest, kind, person_id, level, since) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (digest) DO UPDATE
        SET person_id = excluded.person_id, level = excluded.level, since = excluded.since
    WHERE claims.person_id = excluded.person_id OR claims.level < excluded.level
        OR (claims.level = excluded.level AND (claims.level < 2 OR claims.kind = 'phone'))";
const CLOSE_WEAKER: &str = "UPDATE persons SET state = 'closed', updated_at = $5
    WHERE state = 'active' AND id <> $4 AND id IN
        (SELECT person_id FROM identity_documents WHERE number_digest IN ($1, $2, $3) AND is_current = 1)";
const DROP_DOCUMENTS: &str = "UPDATE identity_documents SET is_current = 0
    WHERE number_digest IN ($1, $2, $3) AND person_id <> $4";
const DROP_CLAIMS: &str = "DELETE FROM claims WHERE person_id IN
        (SELECT person_id FROM identity_documents WHERE number_digest IN ($1, $2, $3) AND is_current = 1)
    AND person_id <> $4";
const LEVEL: &str = "SELECT coalesce(max(level), 0) FROM evidence WHERE person_id = $1 AND voided_at IS NULL";
const INSERT_PERSON: &str = "INSERT INTO persons (id, state, name, locale, created_at, updated_at)
    VALUES ($1, 'active', $2, $3, $4, $4)";
const INSERT_DOCUMENT: &str = "INSERT INTO identity_documents
    (id, person_id, id_type, number, number_digest, is_current, recorded_at) VALUES ($1, $2, $3, $4, $5, 1, $6)";
const SET_PHONE: &str = "INSERT INTO phones (person_id, number, number_digest, verified, recorded_at)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (person_id) DO UPDATE SET number = excluded.number, number_digest = excluded.number_digest,
        verified = excluded.verified, recorded_at = excluded.recorded_at";
const INSERT_EVIDENCE: &str = "INSERT INTO evidence (id, person_id, means, source, result, level, at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";
const EVIDENCE: &str = "SELECT means, source, level, at FROM evidence
    WHERE person_id = $1 AND voided_at IS NULL ORDER BY level DESC, at DESC LIMIT 1";
const SET_PASSWORD: &str = "INSERT INTO passwords (person_id, hash, changed_at) VALUES ($1, $2, $3)
    ON CONFLICT (person_id) DO UPDATE SET hash = excluded.hash, changed_at = excluded.changed_at";
const REMOVE_PASSWORD: &str = "DELETE FROM passwords WHERE person_id = $1";
const SHOWN: &str = "SELECT p.name, i.id, i.id_type, i.number, f.number, f.verified, w.changed_at
    FROM persons p
    LEFT JOIN identity_documents i ON i.person_id = p.id AND i.is_current = 1
    LEFT JOIN phones f ON f.person_id = p.id
    LEFT JOIN passwords w ON w.person_id = p.id
    WHERE p.id = $1 AND p.state = 'active' ORDER BY i.recorded_at DESC LIMIT 1";

/// Statements of this file, for the test that prepares all of them.
pub(crate) const STATEMENTS: [(&str, &str); 15] = [
    ("accounts.rp_id", RP_ID),
    ("accounts.find", FIND),
    ("accounts.claim", CLAIM),
    ("accounts.close_weaker", CLOSE_WEAKER),
    ("accounts.drop_documents", DROP_DOCUMENTS),
    ("accounts.drop_claims", DROP_CLAIMS),
    ("accounts.level", LEVEL),
    ("accounts.insert_person", INSERT_PERSON),
    ("accounts.insert_document", INSERT_DOCUMENT),
    ("accounts.set_phone", SET_PHONE),
    ("accounts.insert_evidence", INSERT_EVIDENCE),
    ("accounts.evidence", EVIDENCE),
    ("accounts.set_password", SET_PASSWORD),
    ("accounts.remove_password", REMOVE_PASSWORD),
    ("accounts.shown", SHOWN),
];

/// Whom a number or phone leads to.
pub(crate) struct Found {
    pub(crate) person: PersonId,
    /// The identity level.
    pub(crate) level: i64,
}

/// What pages show a person of himself.
pub(crate) struct Shown {
    pub(crate) name: String,
    pub(crate) number_masked: String,
    pub(crate) phone_masked: String,
    pub(crate) phone: Option<Zeroizing<String>>,
    pub(crate) number: Option<Zeroizing<String>>,
    pub(crate) phone_verified: bool,
    pub(crate) password_changed_at: Option<Timestamp>,
}

/// The passkey RP ID of this installation; `host` becomes it at the first start.
pub(crate) async fn rp_id(tx: &mut Tx, host: &str) -> Result<String, StorageError> {
    let (stored,): (String,) = on!(tx, c => sqlx::query_as(RP_ID).bind(host).fetch_one(c).await)?;
    Ok(stored)
}

/// The digests under which a value may stand, padded to [`DIGESTS`].
pub(super) fn digests(fields: &FieldKeys, kind: &str, canonical: &str) -> Vec<Vec<u8>> {
    let mut digests = fields.digests(kind, canonical);
    let first = digests.first().cloned().unwrap_or_default();
    digests.resize(DIGESTS, first);
    digests
}

/// Finds whom a login leads to; the same one statement for known and unknown.
pub(crate) async fn find(tx: &mut Tx, fields: &FieldKeys, login: &Login) -> Result<Option<Found>, StorageError> {
    let digests = digests(fields, login.kind(), &login.canonical());
    let row: Option<(String, i64)> = on!(tx, c => sqlx::query_as(FIND)
        .bind(&digests[0])
        .bind(&digests[1])
        .bind(&digests[2])
        .fetch_optional(c).await)?;
    Ok(row.map(|(person, level)| Found { person: PersonId::stored(person), level }))
}

/// Lets a number or phone lead to `person`, unless a stronger proof holds it; whether it does now.
///
/// A number proved at level 2 stays where it is; one of level 1 gives way to an equal one, because it reserves nothing;
/// a phone goes to whoever proved it last.
pub(crate) async fn claim(
    tx: &mut Tx,
    fields: &FieldKeys,
    login: &Login,
    person: &PersonId,
    level: i64,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let digest = fields.digest(login.kind(), &login.canonical());
    let kind = if login.kind() == PHONE { "phone" } else { "number" };
    on!(tx, c => sqlx::query(CLAIM)
        .bind(&digest)
        .bind(kind)
        .bind(person.as_str())
        .bind(level)
        .bind(now.seconds())
        .execute(c).await.map(|done| done.rows_affected() > 0))
}

/// Ends every account that holds the number by a weaker proof than `person`'s.
pub(crate) async fn evict_weaker(
    tx: &mut Tx,
    fields: &FieldKeys,
    number: &Login,
    person: &PersonId,
    now: Timestamp,
) -> Result<(), StorageError> {
    let digests = digests(fields, number.kind(), &number.canonical());
    on!(tx, c => sqlx::query(CLOSE_WEAKER)
        .bind(&digests[0]).bind(&digests[1]).bind(&digests[2])
        .bind(person.as_str())
        .bind(now.seconds())
        .execute(c).await.map(drop))?;
    for statement in [DROP_CLAIMS, DROP_DOCUMENTS] {
        on!(tx, c => sqlx::query(statement)
            .bind(&digests[0]).bind(&digests[1]).bind(&digests[2])
            .bind(person.as_str())
            .execute(c).await.map(drop))?;
    }
    Ok(())
}

/// The identity level: of the strongest evidence that was not voided.
pub(crate) async fn level(tx: &mut Tx, person: &PersonId) -> Result<i64, StorageError> {
    let (level,): (i64,) = on!(tx, c => sqlx::query_as(LEVEL).bind(person.as_str()).fetch_one(c).await)?;
    Ok(level)
}

/// Makes a person with a name; nothing else is known yet.
pub(crate) async fn insert(
    tx: &mut Tx,
    fields: &FieldKeys,
    sources: &Sources,
    id: &PersonId,
    name: &Name,
    locale: Option<&str>,
    now: Timestamp,
) -> Result<(), Error> {
    let sealed = fields.seal("persons", "name", id.as_str(), name.as_str().as_bytes(), &*sources.random)?;
    on!(tx, c => sqlx::query(INSERT_PERSON)
        .bind(id.as_str())
        .bind(&sealed)
        .bind(locale)
        .bind(now.seconds())
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Records a resident identity card.
pub(crate) async fn insert_document(
    tx: &mut Tx,
    fields: &FieldKeys,
    sources: &Sources,
    person: &PersonId,
    number: &Login,
    now: Timestamp,
) -> Result<(), Error> {
    let id = random_text::<16>(sources)?;
    let canonical = Zeroizing::new(number.canonical());
    let sealed = fields.seal("identity_documents", "number", &id, canonical.as_bytes(), &*sources.random)?;
    let digest = fields.digest(number.kind(), &canonical);
    on!(tx, c => sqlx::query(INSERT_DOCUMENT)
        .bind(&id)
        .bind(person.as_str())
        .bind("111")
        .bind(&sealed)
        .bind(&digest)
        .bind(now.seconds())
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Sets the person's phone.
pub(crate) async fn set_phone(
    tx: &mut Tx,
    fields: &FieldKeys,
    sources: &Sources,
    person: &PersonId,
    phone: &Phone,
    verified: bool,
    now: Timestamp,
) -> Result<(), Error> {
    let sealed = fields.seal("phones", "number", person.as_str(), phone.as_str().as_bytes(), &*sources.random)?;
    let digest = fields.digest(PHONE, phone.as_str());
    on!(tx, c => sqlx::query(SET_PHONE)
        .bind(person.as_str())
        .bind(&sealed)
        .bind(&digest)
        .bind(i64::from(verified))
        .bind(now.seconds())
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Records a piece of evidence.
pub(crate) async fn insert_evidence(
    tx: &mut Tx,
    sources: &Sources,
    person: &PersonId,
    evidence: &Evidence,
) -> Result<(), Error> {
    let id = random_text::<16>(sources)?;
    on!(tx, c => sqlx::query(INSERT_EVIDENCE)
        .bind(&id)
        .bind(person.as_str())
        .bind(evidence.means.as_str())
        .bind(&evidence.source)
        .bind(evidence.result)
        .bind(evidence.level)
        .bind(evidence.at.seconds())
        .execute(c).await.map(drop))?;
    Ok(())
}

/// The strongest and newest evidence: means, source, level, time.
pub(crate) async fn strongest_evidence(
    tx: &mut Tx,
    person: &PersonId,
) -> Result<Option<(Means, String, i64, Timestamp)>, StorageError> {
    let row: Option<(String, String, i64, i64)> =
        on!(tx, c => sqlx::query_as(EVIDENCE).bind(person.as_str()).fetch_optional(c).await)?;
    row.map(|(means, source, level, at)| {
        let means = Means::parse(&means).ok_or(StorageError::Damaged("evidence.means"))?;
        Ok((means, source, level, Timestamp::from_seconds(at)))
    })
    .transpose()
}

/// Sets the password's hash.
pub(crate) async fn set_password(
    tx: &mut Tx,
    person: &PersonId,
    hash: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(SET_PASSWORD)
        .bind(person.as_str())
        .bind(hash)
        .bind(now.seconds())
        .execute(c).await.map(drop))
}

/// Takes the password away: another means has taken its place.
pub(crate) async fn remove_password(tx: &mut Tx, person: &PersonId) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(REMOVE_PASSWORD).bind(person.as_str()).execute(c).await.map(drop))
}

type ShownRow = (Vec<u8>, Option<String>, Option<String>, Option<Vec<u8>>, Option<Vec<u8>>, Option<i64>, Option<i64>);

/// What pages show of a person; `None` if there is no active one.
pub(crate) async fn shown(tx: &mut Tx, fields: &FieldKeys, person: &PersonId) -> Result<Option<Shown>, Error> {
    let row: Option<ShownRow> = on!(tx, c => sqlx::query_as(SHOWN).bind(person.as_str()).fetch_optional(c).await)?;
    let Some((name, document, _, number, phone, verified, changed)) = row else { return Ok(None) };
    let open = |table: &str, column: &str, row: &str, sealed: &[u8]| -> Result<Zeroizing<String>, Error> {
        let plain = fields.open(table, column, row, sealed).map_err(|_| Error::Damaged("a sealed field"))?;
        let text = std::str::from_utf8(&plain).map_err(|_| Error::Damaged("a sealed field"))?;
        Ok(Zeroizing::new(text.to_owned()))
    };
    let number = match (document, number) {
        (Some(id), Some(sealed)) => Some(open("identity_documents", "number", &id, &sealed)?),
        _ => None,
    };
    let phone = phone.map(|sealed| open("phones", "number", person.as_str(), &sealed)).transpose()?;
    Ok(Some(Shown {
        name: open("persons", "name", person.as_str(), &name)?.to_string(),
        number_masked: number.as_ref().map(|number| masked(number, 14)).unwrap_or_default(),
        phone_masked: phone.as_ref().map(|phone| masked(phone, 7)).unwrap_or_default(),
        number,
        phone,
        phone_verified: verified == Some(1),
        password_changed_at: changed.map(Timestamp::from_seconds),
    }))
}

/// `stars` stars and the last four characters; nothing of a text that has no more than that.
fn masked(text: &str, stars: usize) -> String {
    let characters = text.chars().count();
    let last: String = text.chars().skip(characters.saturating_sub(4)).collect();
    let last = if characters > 6 { last } else { String::new() };
    format!("{}{last}", "*".repeat(stars))
}

#[cfg(test)]
mod tests {
    use super::masked;

    /// KF-37: no length and no width of character makes a mask panic or shows the whole.
    #[test]
    fn no_number_is_shown_whole() {
        for piece in ["1", "é", "张", "𠮷", "e\u{301}"] {
            for count in 0..=40 {
                let text = piece.repeat(count);
                let shown = masked(&text, 7).trim_start_matches('*').chars().count();
                assert!(shown <= 4 && (shown == 0 || shown < text.chars().count()), "{text}");
            }
        }
    }
}
