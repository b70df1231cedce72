//! Connectors to the registers of others: population, legal persons, operators of phones.
//!
//! JSON by POST; each call carries a signed assertion of our own (RFC 7523 form: `iss` and `sub` our id there, `aud` the
//! register's base URL, at most 60 seconds, `jti`).

use std::sync::Arc;

use http::StatusCode;
use keys::Signer;
use serde_json::{Value, json};
use verifier::subject::IdNumber;
use verifier::time::Timestamp;

use super::{Name, Phone};
use crate::Idp;
use crate::ids::random_text;
use crate::settings::Register;

/// How long an assertion holds.
const ASSERTION_SECONDS: i64 = 60;

/// Why a register gave no answer. Nothing of the question is in it.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// None is configured.
    #[error("no such register is configured")]
    None,
    /// Our assertion could not be signed.
    #[error("the call could not be signed")]
    Key,
    /// It cannot be reached.
    #[error(transparent)]
    Unreachable(#[from] web::outbound::OutboundError),
    /// It answered something that the contract does not know.
    #[error("the register answered {0}")]
    Answer(StatusCode),
}

/// What the population register says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// Number and name belong together, and the person lives.
    Alive,
    /// They belong together; the person has died.
    Deceased,
    /// They do not belong together, or the number is not known.
    No,
}

/// What the register of legal persons says of an organisation.
#[derive(Clone)]
pub struct Registered {
    /// Its name.
    pub name: String,
    /// Whether it is registered still.
    pub is_registered: bool,
    /// Its legal representative's name and number.
    pub representative: Option<(Name, IdNumber)>,
}

impl std::fmt::Debug for Registered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registered").field("is_registered", &self.is_registered).finish_non_exhaustive()
    }
}

/// Whether number and name belong together. Registers differ in the dot within a name and compare characters, so a name with one
/// is asked for in each spelling until one fits.
///
/// # Errors
///
/// `RegisterError`.
pub async fn match_person(idp: &Idp, number: &IdNumber, name: &Name, now: Timestamp) -> Result<Match, RegisterError> {
    let register = idp.settings().registers.population.as_ref();
    for spelling in name.spellings() {
        let body = json!({ "id_number": number.as_str(), "name": spelling });
        let (status, answer) = call(idp, register, "/v1/persons/match", &body, now).await?;
        match (status, answer["match"].as_bool(), answer["status"].as_str()) {
            (StatusCode::OK, Some(true), Some("deceased")) => return Ok(Match::Deceased),
            (StatusCode::OK, Some(true), _) => return Ok(Match::Alive),
            (StatusCode::OK, Some(false), _) => {}
            (StatusCode::NOT_FOUND, ..) => return Ok(Match::No),
            _ => return Err(RegisterError::Answer(status)),
        }
    }
    Ok(Match::No)
}

/// Sends a text to the phone that the operator holds for the number; whether that is `phone`. The operator compares the whole
/// numbers: one that says nothing of it, or only masks, has confirmed nothing, because strangers share four digits. A number
/// without a phone is no error: nobody learns of it here.
///
/// # Errors
///
/// `RegisterError`.
pub async fn send_to_holder(
    idp: &Idp,
    number: &IdNumber,
    phone: &Phone,
    text: &str,
    now: Timestamp,
) -> Result<bool, RegisterError> {
    let register = idp.settings().registers.phone.as_ref();
    let body = json!({ "id_number": number.as_str(), "text": text, "phone": phone.as_str() });
    let (status, answer) = call(idp, register, "/v1/messages", &body, now).await?;
    match status {
        StatusCode::ACCEPTED | StatusCode::OK => Ok(answer["phone_matches"].as_bool() == Some(true)),
        StatusCode::NOT_FOUND => Ok(false),
        _ => Err(RegisterError::Answer(status)),
    }
}

/// Sends a notice to the phone that the operator holds for the number; whether it holds one.
///
/// # Errors
///
/// `RegisterError`.
pub async fn notify_holder(idp: &Idp, number: &IdNumber, text: &str, now: Timestamp) -> Result<bool, RegisterError> {
    let register = idp.settings().registers.phone.as_ref();
    let body = json!({ "id_number": number.as_str(), "text": text });
    let (status, _) = call(idp, register, "/v1/messages", &body, now).await?;
    match status {
        StatusCode::ACCEPTED | StatusCode::OK => Ok(true),
        StatusCode::NOT_FOUND => Ok(false),
        _ => Err(RegisterError::Answer(status)),
    }
}

/// What the register of legal persons holds under a credit code.
///
/// # Errors
///
/// `RegisterError`.
pub async fn organisation(idp: &Idp, code: &str, now: Timestamp) -> Result<Option<Registered>, RegisterError> {
    let register = idp.settings().registers.legal_persons.as_ref();
    let (status, answer) = call(idp, register, "/v1/organisations/read", &json!({ "code": code }), now).await?;
    match status {
        StatusCode::OK => {
            let person = &answer["legal_representative"];
            let name = person["name"].as_str().and_then(|name| Name::read(name).ok());
            let number = person["id_number"].as_str().and_then(|number| IdNumber::read(number).ok());
            Ok(Some(Registered {
                name: answer["name"].as_str().ok_or(RegisterError::Answer(status))?.to_owned(),
                is_registered: answer["status"].as_str() == Some("registered"),
                representative: name.zip(number),
            }))
        }
        StatusCode::NOT_FOUND => Ok(None),
        _ => Err(RegisterError::Answer(status)),
    }
}

async fn call(
    idp: &Idp,
    register: Option<&Register>,
    path: &str,
    body: &Value,
    now: Timestamp,
) -> Result<(StatusCode, Value), RegisterError> {
    let register = register.ok_or(RegisterError::None)?;
    let base = register.url.as_str().trim_end_matches('/');
    let claims = json!({
        "iss": register.client_id, "sub": register.client_id, "aud": base,
        "iat": now.seconds(), "exp": now.plus(ASSERTION_SECONDS).seconds(),
        "jti": random_text::<16>(idp.sources()).map_err(|_| RegisterError::Key)?,
    });
    let signer: Arc<dyn Signer> = match &register.key {
        Some(key) => key.clone(),
        None => idp.assertion_signer(now).map_err(|_| RegisterError::Key)?,
    };
    let token = keys::jws::sign_json(&*signer, "JWT", &claims).map_err(|_| RegisterError::Key)?;
    let answer = idp.outbound().post_json(&format!("{base}{path}"), body, Some(&token)).await?;
    let value = answer.json().unwrap_or(Value::Null);
    Ok((answer.status, value))
}
