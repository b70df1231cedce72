//! Self-registration: who somebody says he is, the code that proves it, the means to come back.

use keys::field::FieldKeys;
use store::{Tx, audit};
use verifier::subject::IdNumber;
use verifier::time::Timestamp;
use zeroize::Zeroizing;

use crate::Idp;
use crate::account::attempts::{self, Tried as Try, Wait};
use crate::account::evidence::{Evidence, Means};
use crate::account::registers::{self, Match};
use crate::account::{Login, Name, Phone};
use crate::digest;
use crate::error::Error;
use crate::flow::sign_in::{From, account_key};
use crate::ids::{PersonId, random_text};
use crate::session;
use crate::storage::registrations::{self, New, Purpose, Registration, Tried};
use crate::storage::{accounts, attempts as attempts_store, recognition};

/// What a page's form carries for the second click: 128 random bits as base64url, and something to spare.
const MIN_REQUEST: usize = 22;
const MAX_REQUEST: usize = 64;

/// Who somebody says he is.
pub(crate) struct Said {
    pub(crate) name: Name,
    pub(crate) number: IdNumber,
    pub(crate) phone: Phone,
}

/// Why a registration does not begin.
pub(crate) enum NotBegun {
    /// The register says that name and number do not belong together, or that the person has died.
    NoMatch,
    /// Too many tries.
    Wait(Wait),
    /// The register cannot be reached.
    Unavailable,
}

/// A number, its name and where it goes on.
pub(crate) struct Beginning<'a> {
    pub(crate) purpose: Purpose,
    pub(crate) person: Option<&'a PersonId>,
    pub(crate) browser: &'a str,
    pub(crate) interaction: Option<&'a str>,
    /// What the form's page was made with: a second click brings the same. Empty where a page of before sent none.
    pub(crate) request: &'a str,
    /// The text of the message, with `{code}` in its place.
    pub(crate) message: &'a (dyn Fn(&str) -> String + Sync),
}

/// Asks the population register, keeps what was said, and sends a code to the phone that the operator holds for the number.
/// Whether an account exists already changes nothing of it. The id of the registration: the same form sent twice begins one, and
/// sends one message.
pub(crate) async fn begin(
    idp: &Idp,
    said: &Said,
    beginning: &Beginning<'_>,
    from: From<'_>,
) -> Result<Result<String, NotBegun>, Error> {
    let now = idp.sources().now();
    let fields = idp.field_keys(now)?;
    let id = id_of(idp, &fields, said, beginning)?;
    let mut tx = idp.db().begin().await?;
    if registrations::is_known(&mut tx, &id).await? {
        return Ok(Ok(id)); // a second click: the first one was right
    }
    let taken = take_a_try(&mut tx, &fields, said, beginning, &from, now).await?;
    tx.commit().await?;
    if let Err(wait) = taken {
        return Ok(Err(NotBegun::Wait(wait)));
    }
    match registers::match_person(idp, &said.number, &said.name, now).await {
        Ok(Match::Alive) => {}
        Ok(Match::Deceased | Match::No) => return Ok(Err(NotBegun::NoMatch)),
        Err(error) => {
            tracing::warn!(%error, "the population register gave no answer");
            return Ok(Err(NotBegun::Unavailable));
        }
    }
    let code = code(idp)?;
    let new = New {
        id: &id,
        browser: beginning.browser,
        interaction: beginning.interaction,
        purpose: beginning.purpose,
        person: beginning.person,
        name: said.name.as_str(),
        number: said.number.as_str(),
        phone: said.phone.as_str(),
        matched: true,
        code: &code,
    };
    let mut tx = idp.db().begin().await?;
    if !registrations::insert(&mut tx, &fields, idp.sources(), &new, now).await? {
        return Ok(Ok(id)); // two clicks at once: the other one sends the message
    }
    let actor = beginning.person.map_or("anonymous", PersonId::as_str);
    let row = audit::Row::new(actor, "registration.begin", "done", now).incident(from.incident);
    audit::append(&mut tx, &row).await?;
    tx.commit().await?;
    send(idp, &id, &said.number, &said.phone, &(beginning.message)(&code), now).await?;
    Ok(Ok(id))
}

/// Counts a try of the source and one of the number; how long to wait where there are none left. The number's holder, signed in
/// or at a device of his, has tries of his own. The same statements whether the number has an account or none.
async fn take_a_try(
    tx: &mut Tx,
    fields: &FieldKeys,
    said: &Said,
    beginning: &Beginning<'_>,
    from: &From<'_>,
    now: Timestamp,
) -> Result<Result<(), Wait>, Error> {
    let login = Login::Number(said.number.clone());
    let account = account_key(&fields.digest(login.kind(), &login.canonical()));
    let holder = accounts::find(tx, fields, &login).await?.map_or_else(PersonId::nobody, |found| found.person);
    let is_known = recognition::is_known(tx, from.device, &holder, now).await?;
    let own = match beginning.person {
        Some(person) if *person == holder => Some(format!("person:{holder}")),
        _ => is_known.then(|| format!("device:{}", from.device)),
    };
    let taken = attempts_store::take(tx, &attempts::buckets(Try::Registration, &account, from.source), now).await?;
    if taken.is_err() {
        return Ok(taken);
    }
    Ok(attempts_store::take(tx, &[attempts::of_number(&account, own.as_deref())], now).await?)
}

/// The id of a registration: of one page and what was typed into it, in one browser, always the same.
fn id_of(idp: &Idp, fields: &FieldKeys, said: &Said, beginning: &Beginning<'_>) -> Result<String, Error> {
    if beginning.request.len() < MIN_REQUEST || beginning.request.len() > MAX_REQUEST {
        return Ok(random_text::<24>(idp.sources())?);
    }
    let said = [said.number.as_str(), said.phone.as_str(), said.name.as_str()].join("\n");
    Ok(digest::parts(&[
        "registration",
        beginning.browser,
        beginning.request,
        beginning.purpose.as_str(),
        beginning.person.map_or("", PersonId::as_str),
        beginning.interaction.unwrap_or_default(),
        &account_key(&fields.digest("registration_said", &said)),
    ]))
}

/// Sends the message and notes whether the operator holds the entered phone. A message that cannot be sent is sent again by
/// the person: the page offers it.
async fn send(idp: &Idp, id: &str, number: &IdNumber, phone: &Phone, text: &str, now: Timestamp) -> Result<(), Error> {
    match registers::send_to_holder(idp, number, phone, text, now).await {
        Ok(held) => {
            let mut tx = idp.db().begin().await?;
            registrations::phone_is_held(&mut tx, id, held).await?;
            tx.commit().await?;
        }
        Err(error) => tracing::warn!(%error, "the operator of phones gave no answer"),
    }
    Ok(())
}

/// Sends another code; whether one may be sent yet.
pub(crate) async fn resend(
    idp: &Idp,
    id: &str,
    registration: &Registration,
    message: &(dyn Fn(&str) -> String + Sync),
) -> Result<bool, Error> {
    let now = idp.sources().now();
    let fields = idp.field_keys(now)?;
    let code = code(idp)?;
    let mut tx = idp.db().begin().await?;
    let may = registrations::resend(&mut tx, &fields, id, &code, now).await?;
    tx.commit().await?;
    if may {
        let (number, phone) = numbers(registration)?;
        send(idp, id, &number, &phone, &message(&code), now).await?;
    }
    Ok(may)
}

/// Tries a code; whoever tried too often from one network waits, and so does everybody for one number, whatever registration it is.
pub(crate) async fn confirm(
    idp: &Idp,
    id: &str,
    registration: &Registration,
    code: &str,
    from: From<'_>,
) -> Result<Result<Tried, Wait>, Error> {
    let now = idp.sources().now();
    let fields = idp.field_keys(now)?;
    let (number, _) = numbers(registration)?;
    let login = Login::Number(number);
    let mut tx = idp.db().begin().await?;
    // The same statements whether the number has an account or none.
    let holder = accounts::find(&mut tx, &fields, &login).await?.map_or_else(PersonId::nobody, |found| found.person);
    let device = recognition::is_known(&mut tx, from.device, &holder, now).await?.then_some(from.device);
    let account = account_key(&fields.digest(login.kind(), &login.canonical()));
    let of_codes = attempts::of_codes(&account, device);
    let mut taken = attempts_store::take(&mut tx, &[attempts::of_source(Try::Code, from.source)], now).await?;
    if taken.is_ok() {
        taken =
            attempts_store::take_with(&mut tx, std::slice::from_ref(&of_codes), attempts::WAITS_OF_CODES, now).await?;
    }
    if let Err(wait) = taken {
        tx.commit().await?;
        return Ok(Err(wait));
    }
    let tried = registrations::try_code(&mut tx, &fields, id, code, now).await?;
    let result = if tried == Tried::Confirmed { "done" } else { "registration.code_differs" };
    let row = audit::Row::new("anonymous", "registration.confirm", result, now).incident(from.incident);
    audit::append(&mut tx, &row).await?;
    if tried == Tried::Confirmed {
        attempts_store::begin_anew(&mut tx, &of_codes).await?;
    }
    tx.commit().await?; // the try is spent, whatever came out
    Ok(Ok(tried))
}

/// How somebody is going to sign in.
pub(crate) enum NewMeans<'a> {
    /// By this password's hash.
    Password(&'a str),
    /// By a passkey, whose ceremony has ended well for this person.
    Passkey,
    /// As before.
    AsBefore,
}

/// Ends a registration that is ready, in `tx`: makes the person, or finds the one that proved the number before, records
/// the evidence, evicts whoever held the number by less. `None` if it is over already.
pub(crate) async fn complete(
    idp: &Idp,
    tx: &mut Tx,
    id: &str,
    registration: &Registration,
    means: &NewMeans<'_>,
    locale: &str,
    incident: &str,
) -> Result<Option<PersonId>, Error> {
    let now = idp.sources().now();
    if !registration.is_ready || !registrations::end(tx, id, now).await? {
        return Ok(None);
    }
    let fields = idp.field_keys(now)?;
    let (number, phone) = numbers(registration)?;
    let login = Login::Number(number);
    let name = Name::read(&registration.name).map_err(|_| Error::Damaged("registrations.name"))?;
    let confirmed = registration.level >= 2;
    let person = whose(tx, &fields, &login, registration).await?;
    let is_new = person.is_none();
    let person = if let Some(person) = person {
        person
    } else {
        let person = match &registration.person {
            Some(prepared) => prepared.clone(), // a passkey was made for this id already
            None => PersonId::random(idp.sources())?,
        };
        accounts::insert(tx, &fields, idp.sources(), &person, &name, Some(locale), now).await?;
        accounts::insert_document(tx, &fields, idp.sources(), &person, &login, now).await?;
        person
    };
    if is_new || confirmed {
        evidence(idp, tx, &person, registration, now).await?;
    }
    if confirmed {
        accounts::evict_weaker(tx, &fields, &login, &person, now).await?;
    }
    accounts::claim(tx, &fields, &login, &person, registration.level, now).await?;
    if is_new || (confirmed && registration.phone_is_held) {
        let verified = confirmed && registration.phone_is_held;
        accounts::set_phone(tx, &fields, idp.sources(), &person, &phone, verified, now).await?;
        let level = if verified { 2 } else { 1 };
        accounts::claim(tx, &fields, &Login::Phone(phone), &person, level, now).await?;
    }
    match means {
        NewMeans::Password(hash) => accounts::set_password(tx, &person, hash, now).await?,
        NewMeans::Passkey => accounts::remove_password(tx, &person).await?,
        NewMeans::AsBefore => {}
    }
    if !is_new && !matches!(means, NewMeans::AsBefore) {
        session::end_all(tx, &person, None, now).await?;
        session::revoke_all(tx, &person, now).await?;
        recognition::forget(tx, &person).await?;
    }
    let action = if is_new { "person.register" } else { "person.confirm" };
    let row = audit::Row::new(person.as_str(), action, "done", now).object(format!("person:{person}"));
    audit::append(tx, &row.incident(incident)).await?;
    Ok(Some(person))
}

/// The person that the registration is for, if there is one: who proved the number before, or who is signed in.
async fn whose(
    tx: &mut Tx,
    fields: &FieldKeys,
    login: &Login,
    registration: &Registration,
) -> Result<Option<PersonId>, Error> {
    if registration.level >= 2 {
        let holder = accounts::find(tx, fields, login).await?.filter(|found| found.level >= 2);
        if let Some(holder) = holder {
            return Ok(Some(holder.person));
        }
    }
    match (&registration.person, registration.purpose) {
        (Some(person), Purpose::Confirm) => Ok(Some(person.clone())),
        _ => Ok(None),
    }
}

async fn evidence(
    idp: &Idp,
    tx: &mut Tx,
    person: &PersonId,
    registration: &Registration,
    now: Timestamp,
) -> Result<(), Error> {
    let registers = &idp.settings().registers;
    let host = |register: Option<&crate::settings::Register>| {
        register.and_then(|r| r.url.host_str()).unwrap_or("none").to_owned()
    };
    let matched = Evidence {
        means: Means::RegisterMatch,
        source: host(registers.population.as_ref()),
        result: if registration.matched { "matched" } else { "entered" },
        level: 1,
        at: now,
    };
    accounts::insert_evidence(tx, idp.sources(), person, &matched).await?;
    if registration.level >= 2 {
        let received = Evidence {
            means: Means::PhoneCode,
            source: host(registers.phone.as_ref()),
            result: "received",
            level: 2,
            at: now,
        };
        accounts::insert_evidence(tx, idp.sources(), person, &received).await?;
    }
    Ok(())
}

/// Number and phone of a registration.
pub(crate) fn numbers(registration: &Registration) -> Result<(IdNumber, Phone), Error> {
    let number = registration.number.parse().map_err(|_| Error::Damaged("registrations.number"))?;
    let phone = Phone::read(&registration.phone).map_err(|_| Error::Damaged("registrations.phone"))?;
    Ok((number, phone))
}

/// Six random digits, each code equally likely.
fn code(idp: &Idp) -> Result<Zeroizing<String>, Error> {
    loop {
        let number = u32::from_be_bytes(idp.sources().bytes::<4>()?);
        // 4,294 whole millions fit; what lies above would favour small codes.
        if number < 4_294_000_000 {
            return Ok(Zeroizing::new(format!("{:06}", number % 1_000_000)));
        }
    }
}

/// The id of the person that a ready registration is going to end with, so that a passkey can be made for it.
pub(crate) async fn person_of(
    idp: &Idp,
    tx: &mut Tx,
    id: &str,
    registration: &Registration,
) -> Result<Option<PersonId>, Error> {
    let fields = idp.field_keys(idp.sources().now())?;
    let (number, _) = numbers(registration)?;
    if let Some(person) = whose(tx, &fields, &Login::Number(number), registration).await? {
        return Ok(Some(person));
    }
    Ok(registrations::prepare(tx, id, &PersonId::random(idp.sources())?).await?)
}
