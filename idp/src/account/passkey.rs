//! Passkeys: the rules around webauthn-rs. State of a ceremony is text that the database keeps.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64U;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;
use webauthn_rs::prelude::{
    CredentialID, DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Webauthn, WebauthnBuilder, WebauthnError,
};

/// The largest answer of a browser that is read.
pub const MAX_ANSWER_BYTES: usize = 32 * 1024;
/// Transport names kept with one passkey, and their longest.
const MAX_TRANSPORTS: usize = 16;
const MAX_TRANSPORT_BYTES: usize = 32;
/// Flags of the authenticator data (WebAuthn L3 §6.1).
const BACKUP_ELIGIBLE: u8 = 0x08;
const BACKUP_STATE: u8 = 0x10;

/// The ceremonies of one relying party: its id is the issuer's host, its only origin the issuer's.
#[derive(Clone)]
pub struct Passkeys {
    webauthn: Webauthn,
    rp_id: String,
}

/// A passkey as the database keeps it.
#[derive(Clone)]
pub struct StoredPasskey {
    /// The person's random handle, 16 bytes, which the authenticator keeps beside the key.
    pub handle: Uuid,
    /// The credential's id.
    pub credential_id: Vec<u8>,
    /// The credential as webauthn-rs writes it.
    pub record: String,
    /// The names of transports that the browser gave, known to us or not, in its order.
    pub transports: Vec<String>,
    /// Whether it may be backed up; `None` where it was stored before that was known.
    pub backup_eligible: Option<bool>,
}

/// What a registration gives to be kept.
#[derive(Clone)]
pub struct NewPasskey {
    /// As in [`StoredPasskey`].
    pub credential_id: Vec<u8>,
    /// As in [`StoredPasskey`].
    pub record: String,
    /// As in [`StoredPasskey`].
    pub transports: Vec<String>,
    /// Whether it may be backed up.
    pub backup_eligible: bool,
    /// Whether it is backed up now.
    pub backed_up: bool,
}

/// What a sign-in changes in the row, and what it proved.
#[derive(Clone)]
pub struct Used {
    /// The credential as it is now; `None` if nothing changed.
    pub record: Option<String>,
    /// The signature counter.
    pub counter: u32,
    /// Whether it may be backed up (learnt once for rows without the flag).
    pub backup_eligible: bool,
    /// Whether it is backed up now.
    pub backed_up: bool,
}

/// What to tell the browser, and what to keep until it answers.
pub struct Ceremony {
    /// `publicKey` options for `navigator.credentials`.
    pub options: Value,
    /// The state to keep.
    pub state: String,
}

/// Why a ceremony did not end well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyError {
    /// The answer cannot be read.
    #[error("the answer cannot be read")]
    Unreadable,
    /// The answer is not to our question: another challenge, origin, relying party or kind.
    #[error("the answer belongs to another question")]
    Foreign,
    /// The person was not verified by the device.
    #[error("the device did not verify the person")]
    NotVerified,
    /// The passkey said it may be backed up and says otherwise now, or the reverse; or claims an impossible pair.
    #[error("the backup flag changed")]
    BackupFlag,
    /// The signature counter went back: there may be a second copy of the key.
    #[error("the counter went back")]
    Counter,
    /// The signature differs, or the passkey is another person's.
    #[error("the passkey does not fit")]
    Refused,
    /// A kind of key or attestation that is not supported.
    #[error("the kind of passkey is not supported")]
    Unsupported,
    /// A stored row cannot be read, or the library failed.
    #[error("the ceremony failed")]
    Failed,
}

impl Passkeys {
    /// For the issuer at `issuer`. `None` where its host is an address: passkeys need a name (WebAuthn L3 §5.1.2).
    pub fn new(issuer: &Url, name: &str) -> Option<Self> {
        let rp_id = issuer.domain()?.to_owned();
        let origin = Url::parse(&issuer.origin().ascii_serialization()).ok()?;
        let webauthn = WebauthnBuilder::new(&rp_id, &origin).ok()?.rp_name(name).build().ok()?;
        Some(Self { webauthn, rp_id })
    }

    /// The relying party id: the issuer's host.
    pub fn rp_id(&self) -> &str {
        &self.rp_id
    }

    /// Begins a registration. `display` is shown by the device; it must hold no number.
    ///
    /// # Errors
    ///
    /// `Failed` if the library does.
    pub fn begin_registration(
        &self,
        handle: Uuid,
        display: &str,
        existing: &[Vec<u8>],
    ) -> Result<Ceremony, PasskeyError> {
        let exclude: Vec<CredentialID> = existing.iter().map(|id| CredentialID::from(id.clone())).collect();
        let (options, state) =
            self.webauthn.start_passkey_registration(handle, display, display, Some(exclude)).map_err(reason)?;
        let mut options = serde_json::to_value(options).map_err(|_| PasskeyError::Failed)?;
        // A passkey that can be found without a number: the library asks for the contrary.
        options["publicKey"]["authenticatorSelection"]["residentKey"] = json!("required");
        options["publicKey"]["authenticatorSelection"]["requireResidentKey"] = json!(true);
        Ok(Ceremony { options: options["publicKey"].take(), state: text(&state)? })
    }

    /// Ends a registration with what `navigator.credentials.create` answered, as JSON.
    ///
    /// # Errors
    ///
    /// Says what does not hold.
    pub fn finish_registration(&self, state: &str, answer: &str) -> Result<NewPasskey, PasskeyError> {
        let state: PasskeyRegistration = serde_json::from_str(state).map_err(|_| PasskeyError::Failed)?;
        let mut value = read(answer)?;
        let transports = transports(&value);
        if let Some(response) = value["response"].as_object_mut() {
            response.remove("transports"); // an open list, which is ours to keep: no library reads it
        }
        let answer: RegisterPublicKeyCredential =
            serde_json::from_value(value).map_err(|_| PasskeyError::Unreadable)?;
        let passkey = self.webauthn.finish_passkey_registration(&answer, &state).map_err(reason)?;
        let record = serde_json::to_value(&passkey).map_err(|_| PasskeyError::Failed)?;
        let flag = |name: &str| record["cred"][name].as_bool().ok_or(PasskeyError::Failed);
        Ok(NewPasskey {
            credential_id: passkey.cred_id().clone(),
            transports,
            backup_eligible: flag("backup_eligible")?,
            backed_up: flag("backup_state")?,
            record: record.to_string(),
        })
    }

    /// Begins a sign-in. With `allowed` empty the device offers whatever it holds for this site.
    ///
    /// # Errors
    ///
    /// `Failed` if the library does.
    pub fn begin_sign_in(&self, allowed: &[(Vec<u8>, Vec<String>)]) -> Result<Ceremony, PasskeyError> {
        let (options, state) = self.webauthn.start_discoverable_authentication().map_err(reason)?;
        let mut options = serde_json::to_value(options).map_err(|_| PasskeyError::Failed)?;
        options["publicKey"]["allowCredentials"] = allowed
            .iter()
            .map(|(id, transports)| json!({"type": "public-key", "id": B64U.encode(id), "transports": transports}))
            .collect();
        Ok(Ceremony { options: options["publicKey"].take(), state: text(&state)? })
    }

    /// Which credential an answer speaks of, before anything is believed.
    ///
    /// # Errors
    ///
    /// `Unreadable`.
    pub fn credential_id(answer: &str) -> Result<Vec<u8>, PasskeyError> {
        let id = read(answer)?["rawId"].as_str().map(|id| B64U.decode(id));
        match id {
            Some(Ok(id)) if !id.is_empty() && id.len() <= 1023 => Ok(id),
            _ => Err(PasskeyError::Unreadable),
        }
    }

    /// Ends a sign-in with the stored passkey that the answer names.
    ///
    /// User verification is required (the state says so), the origin must be the issuer's own and not in a foreign frame, the counter must
    /// rise unless the authenticator has none, and the backup flag must be the one of the registration (WebAuthn L3 §7.2).
    ///
    /// # Errors
    ///
    /// Says what does not hold.
    pub fn finish_sign_in(&self, state: &str, answer: &str, stored: &StoredPasskey) -> Result<Used, PasskeyError> {
        let state: DiscoverableAuthentication = serde_json::from_str(state).map_err(|_| PasskeyError::Failed)?;
        let value = read(answer)?;
        let flags = flags(&value)?;
        if flags & BACKUP_STATE != 0 && flags & BACKUP_ELIGIBLE == 0 {
            return Err(PasskeyError::BackupFlag);
        }
        if in_foreign_frame(&value) {
            return Err(PasskeyError::Foreign);
        }
        let mut record: Value = serde_json::from_str(&stored.record).map_err(|_| PasskeyError::Failed)?;
        if stored.backup_eligible.is_none() {
            record["cred"]["backup_eligible"] = json!(flags & BACKUP_ELIGIBLE != 0);
        }
        let mut passkey: Passkey = serde_json::from_value(record).map_err(|_| PasskeyError::Failed)?;
        let answer: PublicKeyCredential = serde_json::from_value(value).map_err(|_| PasskeyError::Unreadable)?;
        if answer.get_user_unique_id().is_some_and(|handle| handle != stored.handle.as_bytes()) {
            return Err(PasskeyError::Refused);
        }
        let result = self.webauthn.finish_discoverable_authentication_v2(&answer, state, &passkey).map_err(reason)?;
        let changed = passkey.update_credential(&result).ok_or(PasskeyError::Refused)?;
        let learnt = stored.backup_eligible.is_none();
        Ok(Used {
            record: (changed || learnt).then(|| text(&passkey)).transpose()?,
            counter: result.counter(),
            backup_eligible: result.backup_eligible(),
            backed_up: result.backup_state(),
        })
    }

    /// Whether an answer names its person: a sign-in without a number needs it.
    pub fn names_person(answer: &str) -> bool {
        read(answer)
            .is_ok_and(|value| value["response"]["userHandle"].as_str().is_some_and(|handle| !handle.is_empty()))
    }
}

impl fmt::Debug for Passkeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Passkeys({})", self.rp_id)
    }
}

fn read(answer: &str) -> Result<Value, PasskeyError> {
    if answer.len() > MAX_ANSWER_BYTES {
        return Err(PasskeyError::Unreadable);
    }
    let mut value: Value = serde_json::from_str(answer).map_err(|_| PasskeyError::Unreadable)?;
    if !value["response"].is_object() {
        return Err(PasskeyError::Unreadable);
    }
    // Whatever extensions answer is not used: nothing there may make an answer unreadable.
    if let Some(members) = value.as_object_mut() {
        members.remove("clientExtensionResults");
        members.remove("extensions");
    }
    Ok(value)
}

/// The list is open (WebAuthn L3 §5.2.1): unknown names are kept and handed back.
fn transports(value: &Value) -> Vec<String> {
    let Some(list) = value["response"]["transports"].as_array() else { return Vec::new() };
    list.iter()
        .filter_map(Value::as_str)
        .filter(|name| {
            !name.is_empty() && name.len() <= MAX_TRANSPORT_BYTES && name.bytes().all(|b| b.is_ascii_graphic())
        })
        .take(MAX_TRANSPORTS)
        .map(str::to_owned)
        .collect()
}

fn flags(value: &Value) -> Result<u8, PasskeyError> {
    let data = value["response"]["authenticatorData"].as_str().ok_or(PasskeyError::Unreadable)?;
    let data = B64U.decode(data).map_err(|_| PasskeyError::Unreadable)?;
    data.get(32).copied().ok_or(PasskeyError::Unreadable)
}

/// Our pages may not be framed, so an answer made inside another site's page is none of ours.
fn in_foreign_frame(value: &Value) -> bool {
    let client_data = value["response"]["clientDataJSON"].as_str().and_then(|text| B64U.decode(text).ok());
    let client_data = client_data.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    client_data.is_some_and(|data| data["crossOrigin"].as_bool() == Some(true))
}

fn text<T: serde::Serialize>(value: &T) -> Result<String, PasskeyError> {
    serde_json::to_string(value).map_err(|_| PasskeyError::Failed)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn reason(error: WebauthnError) -> PasskeyError {
    match error {
        WebauthnError::InvalidClientDataType
        | WebauthnError::MismatchedChallenge
        | WebauthnError::InvalidRPOrigin
        | WebauthnError::InvalidRPIDHash
        | WebauthnError::CredentialCrossOrigin => PasskeyError::Foreign,
        WebauthnError::UserNotPresent | WebauthnError::UserNotVerified => PasskeyError::NotVerified,
        WebauthnError::CredentialBackupEligibilityInconsistent | WebauthnError::CredentialMayNotBeHardwareBound => {
            PasskeyError::BackupFlag
        }
        WebauthnError::CredentialPossibleCompromise => PasskeyError::Counter,
        WebauthnError::AttestationNotSupported | WebauthnError::CredentialAlteredAlgFromRequest => {
            PasskeyError::Unsupported
        }
        WebauthnError::CredentialNotFound | WebauthnError::AuthenticationFailure => PasskeyError::Refused,
        WebauthnError::Configuration => PasskeyError::Failed,
        _ => PasskeyError::Unreadable,
    }
}

#[cfg(test)]
mod tests;
