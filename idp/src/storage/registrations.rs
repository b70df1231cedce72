//! The table `registrations`.

use keys::field::FieldKeys;
use keys::sources::Sources;
use store::{StorageError, Tx, on, sqlx};
use verifier::time::Timestamp;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::ids::PersonId;

/// Tries of one code.
pub(crate) const TRIES: i64 = 5;
/// For how long a code is good.
pub(crate) const CODE_SECONDS: i64 = 600;
/// How many messages one registration may send, and how long between two.
pub(crate) const SENDS: i64 = 5;
/// Seconds between two messages.
pub(crate) const BETWEEN_SENDS: i64 = 60;
/// For how long a registration may be under way.
const LIFE_SECONDS: i64 = 3_600;

const INSERT: &str = "INSERT INTO registrations
    (id, purpose, person_id, name, number, phone, matched, phone_is_held, code_digest, sent_at, code_expires_at,
     tries, sends, level, created_at, expires_at, browser_digest, interaction_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9, $10, $11, 1, 1, $9, $12, $13, $14)
    ON CONFLICT (id) DO NOTHING";
const KNOWN: &str = "SELECT id FROM registrations WHERE id = $1";
const HELD: &str = "UPDATE registrations SET phone_is_held = $2 WHERE id = $1";
const FIND: &str = "SELECT purpose, person_id, name, number, phone, matched, phone_is_held, sent_at, code_expires_at,
        tries, sends, level, confirmed_at, ready_at, interaction_id
    FROM registrations WHERE id = $1 AND ended_at IS NULL AND expires_at > $2 AND browser_digest IN ($3, $4, $5, $6)";
/// Spends a try and judges it in one statement; a spent or expired code is judged by nobody.
const TRY: &str = "UPDATE registrations SET tries = tries - 1,
        confirmed_at = CASE WHEN code_digest = $2 THEN CAST($3 AS BIGINT) ELSE NULL END,
        level = CASE WHEN code_digest = $2 THEN 2 ELSE level END,
        ready_at = CASE WHEN code_digest = $2 THEN CAST($3 AS BIGINT) ELSE ready_at END
    WHERE id = $1 AND ended_at IS NULL AND confirmed_at IS NULL AND tries > 0 AND code_expires_at > $3 AND expires_at > $3
    RETURNING confirmed_at, tries";
const RESEND: &str = "UPDATE registrations SET code_digest = $2, sent_at = $3, code_expires_at = $4, tries = $5,
        sends = sends + 1
    WHERE id = $1 AND ended_at IS NULL AND confirmed_at IS NULL AND sends < $6 AND sent_at <= $7 AND expires_at > $3";
const LATER: &str = "UPDATE registrations SET ready_at = $2
    WHERE id = $1 AND ended_at IS NULL AND expires_at > $2 AND confirmed_at IS NULL";
const END: &str = "UPDATE registrations SET ended_at = $2
    WHERE id = $1 AND ended_at IS NULL AND ready_at IS NOT NULL AND expires_at > $2";
const PREPARE: &str = "UPDATE registrations SET person_id = coalesce(person_id, $2)
    WHERE id = $1 AND ended_at IS NULL RETURNING person_id";
const DROP: &str = "DELETE FROM registrations WHERE id = $1";

/// Statements of this file, for the test that prepares all of them.
pub(crate) const STATEMENTS: [(&str, &str); 10] = [
    ("registrations.insert", INSERT),
    ("registrations.known", KNOWN),
    ("registrations.held", HELD),
    ("registrations.find", FIND),
    ("registrations.try", TRY),
    ("registrations.resend", RESEND),
    ("registrations.later", LATER),
    ("registrations.end", END),
    ("registrations.prepare", PREPARE),
    ("registrations.drop", DROP),
];

/// Why somebody registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// For the first time.
    Register,
    /// Because the means to sign in are lost.
    Anew,
    /// To raise the level of an account that is signed in.
    Confirm,
}

impl Purpose {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Anew => "anew",
            Self::Confirm => "confirm",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Register, Self::Anew, Self::Confirm].into_iter().find(|purpose| purpose.as_str() == text)
    }
}

/// What a registration begins with.
pub(crate) struct New<'a> {
    pub(crate) id: &'a str,
    /// The mark of the browser in which alone it goes on.
    pub(crate) browser: &'a str,
    /// The interaction that waits for it.
    pub(crate) interaction: Option<&'a str>,
    pub(crate) purpose: Purpose,
    pub(crate) person: Option<&'a PersonId>,
    pub(crate) name: &'a str,
    pub(crate) number: &'a str,
    pub(crate) phone: &'a str,
    pub(crate) matched: bool,
    pub(crate) code: &'a str,
}

/// A registration under way.
pub(crate) struct Registration {
    pub(crate) purpose: Purpose,
    pub(crate) person: Option<PersonId>,
    pub(crate) name: Zeroizing<String>,
    pub(crate) number: Zeroizing<String>,
    pub(crate) phone: Zeroizing<String>,
    pub(crate) matched: bool,
    /// Whether the operator holds the entered phone for the number, as far as it says.
    pub(crate) phone_is_held: bool,
    pub(crate) sent_at: Timestamp,
    pub(crate) code_expires_at: Timestamp,
    pub(crate) tries: i64,
    pub(crate) sends: i64,
    pub(crate) level: i64,
    /// Confirmed, or put off: the means to sign in come next.
    pub(crate) is_ready: bool,
    pub(crate) interaction: Option<String>,
}

/// What a try of the code gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tried {
    /// It was the code.
    Confirmed,
    /// It was not; so many tries are left.
    Differs(i64),
    /// There is no code to try: none left, expired, confirmed already.
    Closed,
}

fn code_digest(fields: &FieldKeys, id: &str, code: &str) -> Vec<u8> {
    fields.digest("registration_code", &format!("{id}/{code}"))
}

/// Whether there is one of that id, under way or over.
pub(crate) async fn is_known(tx: &mut Tx, id: &str) -> Result<bool, StorageError> {
    let row: Option<(String,)> = on!(tx, c => sqlx::query_as(KNOWN).bind(id).fetch_optional(c).await)?;
    Ok(row.is_some())
}

/// Keeps a new one; whether this call did it (of two with one id, one).
pub(crate) async fn insert(
    tx: &mut Tx,
    fields: &FieldKeys,
    sources: &Sources,
    new: &New<'_>,
    now: Timestamp,
) -> Result<bool, Error> {
    let seal = |column, plain: &str| fields.seal("registrations", column, new.id, plain.as_bytes(), &*sources.random);
    let (name, number, phone) = (seal("name", new.name)?, seal("number", new.number)?, seal("phone", new.phone)?);
    let code = code_digest(fields, new.id, new.code);
    Ok(on!(tx, c => sqlx::query(INSERT)
        .bind(new.id)
        .bind(new.purpose.as_str())
        .bind(new.person.map(PersonId::as_str))
        .bind(&name)
        .bind(&number)
        .bind(&phone)
        .bind(i64::from(new.matched))
        .bind(&code)
        .bind(now.seconds())
        .bind(now.plus(CODE_SECONDS).seconds())
        .bind(TRIES)
        .bind(now.plus(LIFE_SECONDS).seconds())
        .bind(new.browser)
        .bind(new.interaction)
        .execute(c).await.map(|done| done.rows_affected() > 0))?)
}

/// Notes what the operator said of the phone.
pub(crate) async fn phone_is_held(tx: &mut Tx, id: &str, held: bool) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(HELD).bind(id).bind(i64::from(held)).execute(c).await.map(drop))
}

type Row = (
    String,
    Option<String>,
    Vec<u8>,
    Vec<u8>,
    Vec<u8>,
    i64,
    i64,
    i64,
    i64,
    i64,
    i64,
    i64,
    Option<i64>,
    Option<i64>,
    Option<String>,
);

pub(crate) async fn find(
    tx: &mut Tx,
    fields: &FieldKeys,
    id: &str,
    browser: &[String],
    now: Timestamp,
) -> Result<Option<Registration>, Error> {
    let mark = |n: usize| browser.get(n).map_or("", String::as_str);
    let row: Option<Row> = on!(tx, c => sqlx::query_as(FIND)
        .bind(id)
        .bind(now.seconds())
        .bind(mark(0)).bind(mark(1)).bind(mark(2)).bind(mark(3))
        .fetch_optional(c).await)?;
    let Some(row) = row else { return Ok(None) };
    let (purpose, person, name, number, phone, matched, held, sent, expires, tries, sends, level, .., ready, asker) =
        row;
    let open = |column, sealed: &[u8]| -> Result<Zeroizing<String>, Error> {
        let plain = fields.open("registrations", column, id, sealed).map_err(|_| Error::Damaged("registrations"))?;
        let text = std::str::from_utf8(&plain).map_err(|_| Error::Damaged("registrations"))?;
        Ok(Zeroizing::new(text.to_owned()))
    };
    Ok(Some(Registration {
        purpose: Purpose::parse(&purpose).ok_or(Error::Damaged("registrations.purpose"))?,
        person: person.map(PersonId::stored),
        name: open("name", &name)?,
        number: open("number", &number)?,
        phone: open("phone", &phone)?,
        matched: matched == 1,
        phone_is_held: held == 1,
        sent_at: Timestamp::from_seconds(sent),
        code_expires_at: Timestamp::from_seconds(expires),
        tries,
        sends,
        level,
        is_ready: ready.is_some(),
        interaction: asker,
    }))
}

/// Tries a code. Commit whatever comes out: the try is spent.
pub(crate) async fn try_code(
    tx: &mut Tx,
    fields: &FieldKeys,
    id: &str,
    code: &str,
    now: Timestamp,
) -> Result<Tried, StorageError> {
    let digest = code_digest(fields, id, code);
    let row: Option<(Option<i64>, i64)> = on!(tx, c => sqlx::query_as(TRY)
        .bind(id)
        .bind(&digest)
        .bind(now.seconds())
        .fetch_optional(c).await)?;
    Ok(match row {
        Some((Some(_), _)) => Tried::Confirmed,
        Some((None, left)) => Tried::Differs(left),
        None => Tried::Closed,
    })
}

/// Puts another code in the place of the one that is out; whether another message may be sent.
pub(crate) async fn resend(
    tx: &mut Tx,
    fields: &FieldKeys,
    id: &str,
    code: &str,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let digest = code_digest(fields, id, code);
    on!(tx, c => sqlx::query(RESEND)
        .bind(id)
        .bind(&digest)
        .bind(now.seconds())
        .bind(now.plus(CODE_SECONDS).seconds())
        .bind(TRIES)
        .bind(SENDS)
        .bind(now.plus(-BETWEEN_SENDS).seconds())
        .execute(c).await.map(|done| done.rows_affected() > 0))
}

/// Goes on without a confirmed code, at level 1.
pub(crate) async fn later(tx: &mut Tx, id: &str, now: Timestamp) -> Result<bool, StorageError> {
    on!(tx, c => sqlx::query(LATER).bind(id).bind(now.seconds()).execute(c).await.map(|done| done.rows_affected() > 0))
}

/// Ends a registration that is ready; whether this call did it (of two, one).
pub(crate) async fn end(tx: &mut Tx, id: &str, now: Timestamp) -> Result<bool, StorageError> {
    on!(tx, c => sqlx::query(END).bind(id).bind(now.seconds()).execute(c).await.map(|done| done.rows_affected() > 0))
}

/// The id that the person of a registration is going to have; `fresh` becomes it if there is none yet.
pub(crate) async fn prepare(tx: &mut Tx, id: &str, fresh: &PersonId) -> Result<Option<PersonId>, StorageError> {
    let row: Option<(String,)> =
        on!(tx, c => sqlx::query_as(PREPARE).bind(id).bind(fresh.as_str()).fetch_optional(c).await)?;
    Ok(row.map(|(person,)| PersonId::stored(person)))
}

/// Throws a registration away.
pub(crate) async fn forget(tx: &mut Tx, id: &str) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(DROP).bind(id).execute(c).await.map(drop))
}
