//! Clerks' sessions at the desk. The cookie's value is stored as a digest; tokens and name are encrypted in the row.

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use store::{StorageError, Tx, on};
use verifier::time::Timestamp;
use web::claims::{Identity, SubType};
use web::relying_party::Login;
use zeroize::Zeroizing;

/// How long idp's word on a session holds: with the time of an answer, a session ends within five minutes of its mandate.
pub(crate) const CHECKED_SECONDS: i64 = 240;

/// A session of a clerk who is signed in at our idp and acts for a department.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// Digest of the cookie's value: its key.
    pub id_digest: Vec<u8>,
    /// Credit code of the department that the clerk acts for.
    pub department: String,
    /// Its name.
    pub department_name: String,
    /// The clerk's own `sub` at the desk.
    pub clerk: String,
    /// Tokens and name.
    pub secrets: Secrets,
    /// What the clerk works on.
    pub case: Option<Case>,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// What a row holds encrypted.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Secrets {
    /// The clerk's name.
    pub name: String,
    /// The department's `sub` at the desk.
    pub sub: String,
    /// The token to be exchanged: its audience is the desk.
    pub access_token: String,
    /// When that ends.
    pub access_until: i64,
    /// When idp last vouched for the session, the mandate and the account.
    #[serde(default)]
    pub checked_at: i64,
    /// For the next one.
    pub refresh_token: Option<String>,
    /// For signing out at the idp.
    pub id_token: Option<String>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}

impl Secrets {
    /// Whether idp's word is young enough to rest on.
    pub(crate) fn is_vouched(&self, now: Timestamp) -> bool {
        (0..CHECKED_SECONDS).contains(&now.seconds().saturating_sub(self.checked_at))
    }

    /// As a login that can be renewed.
    pub(crate) fn as_login(&self) -> Login {
        Login {
            identity: Identity {
                sub: self.sub.clone(),
                sub_type: SubType::Organisation,
                acr: None,
                amr: Vec::new(),
                auth_time: None,
                sid: None,
                act: None,
                mandate: None,
                organisation: None,
                name: Some(self.name.clone()),
                id_number_masked: None,
                id_type: None,
                id_number: None,
                phone_number: None,
                locale: None,
            },
            id_token: self.id_token.clone().unwrap_or_default(),
            access_token: Zeroizing::new(self.access_token.clone()),
            refresh_token: self.refresh_token.clone().map(Zeroizing::new),
            expires_in_seconds: 0,
            scope: String::new(),
            return_to: String::new(),
        }
    }

    /// With the refresh token of a renewal whose access token was for another audience.
    pub(crate) fn with_refresh_token(self, login: &Login) -> Self {
        Self { refresh_token: login.refresh_token.as_ref().map(|token| token.to_string()), ..self }
    }

    /// With the tokens of a login or a renewal.
    pub(crate) fn renewed(&self, login: &Login, now: Timestamp) -> Self {
        let seconds = i64::try_from(login.expires_in_seconds).unwrap_or(0);
        Self {
            name: self.name.clone(),
            sub: self.sub.clone(),
            access_token: login.access_token.to_string(),
            access_until: now.plus(seconds).seconds(),
            checked_at: now.seconds(),
            refresh_token: login.refresh_token.as_ref().map(|token| token.to_string()),
            id_token: Some(login.id_token.clone()).filter(|token| !token.is_empty()),
        }
    }
}

/// For which case somebody looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    /// Code of the matter.
    pub matter: String,
    /// Case number.
    pub number: String,
    /// Purpose; the holder reads it.
    pub purpose: String,
}

#[derive(sqlx::FromRow)]
struct Row {
    department: String,
    department_name: String,
    clerk: String,
    secrets: Vec<u8>,
    matter: Option<String>,
    case_number: Option<String>,
    purpose: Option<String>,
    expires_at: i64,
}

pub(crate) const INSERT: &str = "INSERT INTO sessions
    (id_digest, department, department_name, clerk, secrets, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
pub(crate) const FIND: &str =
    "SELECT department, department_name, clerk, secrets, matter, case_number, purpose, expires_at
    FROM sessions WHERE id_digest = $1 AND expires_at > $2";
pub(crate) const SET_CASE: &str =
    "UPDATE sessions SET matter = $2, case_number = $3, purpose = $4 WHERE id_digest = $1 AND expires_at > $5";
pub(crate) const SET_SECRETS: &str = "UPDATE sessions SET secrets = $2 WHERE id_digest = $1";
pub(crate) const DELETE: &str = "DELETE FROM sessions WHERE id_digest = $1";

/// The key of a session's row for a cookie's value.
pub(crate) fn digest_of(cookie: &str) -> Vec<u8> {
    digest(&SHA256, cookie.as_bytes()).as_ref().to_vec()
}

/// The associated name of a row, for its encryption.
pub(crate) fn row_name(id_digest: &[u8]) -> String {
    verifier::encoding::b64u::encode(id_digest)
}

/// Stores a new session; `sealed` is its encrypted [`Secrets`].
pub(crate) async fn insert(tx: &mut Tx, session: &Session, sealed: &[u8], now: Timestamp) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(INSERT).bind(&session.id_digest).bind(&session.department).bind(&session.department_name)
        .bind(&session.clerk).bind(sealed).bind(now.seconds()).bind(session.expires_at.seconds())
        .execute(c).await.map(drop))
}

/// The live session of a key, its secrets opened by `open`.
pub(crate) async fn find(
    tx: &mut Tx,
    id_digest: &[u8],
    now: Timestamp,
    open: impl FnOnce(&str, &[u8]) -> Option<Secrets>,
) -> Result<Option<Session>, StorageError> {
    let row: Option<Row> =
        on!(tx, c => sqlx::query_as(FIND).bind(id_digest).bind(now.seconds()).fetch_optional(c).await)?;
    let Some(row) = row else { return Ok(None) };
    let secrets = open(&row_name(id_digest), &row.secrets).ok_or(StorageError::Damaged("sessions.secrets"))?;
    let case = match (row.matter, row.case_number, row.purpose) {
        (Some(matter), Some(number), Some(purpose)) => Some(Case { matter, number, purpose }),
        _ => None,
    };
    Ok(Some(Session {
        id_digest: id_digest.to_vec(),
        department: row.department,
        department_name: row.department_name,
        clerk: row.clerk,
        secrets,
        case,
        expires_at: Timestamp::from_seconds(row.expires_at),
    }))
}

/// Sets what the clerk works on; `None` ends it.
pub(crate) async fn set_case(
    tx: &mut Tx,
    id_digest: &[u8],
    case: Option<&Case>,
    now: Timestamp,
) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(SET_CASE).bind(id_digest).bind(case.map(|c| &c.matter)).bind(case.map(|c| &c.number))
        .bind(case.map(|c| &c.purpose)).bind(now.seconds()).execute(c).await.map(drop))
}

/// Replaces the encrypted part, after the tokens were renewed.
pub(crate) async fn set_secrets(tx: &mut Tx, id_digest: &[u8], sealed: &[u8]) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(SET_SECRETS).bind(id_digest).bind(sealed).execute(c).await.map(drop))
}

/// Ends a session.
pub(crate) async fn delete(tx: &mut Tx, id_digest: &[u8]) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(DELETE).bind(id_digest).execute(c).await.map(drop))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_of_idp_holds_for_four_minutes() {
        let checked = |checked_at| Secrets {
            name: String::new(),
            sub: String::new(),
            access_token: String::new(),
            access_until: 0,
            checked_at,
            refresh_token: None,
            id_token: None,
        };
        for (checked_at, holds) in
            [(1_000, true), (761, true), (760, false), (0, false), (1_001, false), (i64::MIN, false)]
        {
            assert_eq!(checked(checked_at).is_vouched(Timestamp::from_seconds(1_000)), holds, "{checked_at}");
        }
    }
}
