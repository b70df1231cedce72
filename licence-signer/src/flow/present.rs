//! Showing (亮证): the holder makes a code, a clerk or a department's client resolves it once, as itself.

use serde::{Deserialize, Serialize};
use store::{StorageError, Tx, audit};
use verifier::encoding::hex;
use verifier::rendition::code::write::Profile;
use verifier::time::Timestamp;

use super::error::FlowError;
use super::licence::{Standing, load};
use super::lookup::{Seen, reason_row};
use super::own::own;
use super::task;
use crate::LicenceSigner;
use crate::lookup::Reason;
use crate::officer::{HolderSession, Officer};
use crate::presentation::{ACCEPTED_SECONDS, ANSWER_SECONDS, PresentationCode, digits_from, read_digits};
use crate::storage::presentations::{self, PresentationRow};
use crate::storage::{licences, looks, tries};

/// A presentation that was made.
pub struct Presentation {
    /// Its id, for the holder's page.
    pub id: String,
    /// The code for the QR.
    pub code: String,
    /// The digits to say.
    pub digits: String,
    /// When the code ends.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for Presentation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Presentation({})", self.id)
    }
}

/// What the holder wants to show.
#[derive(Clone, Debug, Default)]
pub struct Showing {
    /// The licence.
    pub licence: String,
    /// The items.
    pub items: Vec<String>,
    /// The only department that may resolve it, by credit code.
    pub verifier: Option<String>,
    /// What for, at most 200 characters.
    pub purpose: Option<String>,
}

/// Who typed the digits, as the holder is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The department's name.
    pub department: String,
    /// The matter's name.
    pub matter: String,
    /// The purpose.
    pub purpose: String,
}

/// Where a presentation stands, for the holder's page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nobody came yet.
    Waiting,
    /// Somebody typed the digits: the holder is to agree.
    Asked(Asked),
    /// The holder agreed.
    Agreed,
    /// It was resolved.
    Resolved,
    /// Its time is over.
    Over,
}

/// A code for a screen.
pub struct ScreenCode {
    /// Its text.
    pub text: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for ScreenCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ScreenCode(…)")
    }
}

impl LicenceSigner {
    /// Makes a presentation of the holder's licence.
    ///
    /// # Errors
    ///
    /// `LicenceUnknown`; `Member` for an item that the type lacks, a verifier that is no credit code, a long purpose.
    pub async fn present(&self, holder: &HolderSession, showing: &Showing) -> Result<Presentation, FlowError> {
        let now = self.sources().now();
        if let Some(verifier) = &showing.verifier
            && verifier.parse::<verifier::subject::SocialCreditCode>().is_err()
        {
            return Err(FlowError::Member("verifier"));
        }
        if let Some(purpose) = &showing.purpose
            && (purpose.chars().count() > 200 || purpose.chars().any(char::is_control))
        {
            return Err(FlowError::Member("purpose"));
        }
        let code = PresentationCode::from_random(self.sources().bytes::<16>()?);
        let digits = digits_from(self.sources().bytes::<8>()?);
        let keys = self.field_keys(now)?;
        let mut tx = self.db().begin().await?;
        let row = own(&mut tx, holder, &showing.licence).await?;
        let known = self.licence_type(&row.type_code, u32::try_from(row.type_version).ok());
        let known = known.ok_or(StorageError::Damaged("a licence of an unknown type"))?;
        if showing.items.iter().any(|item| known.definition().item_titles(item).is_none()) || showing.items.len() > 64 {
            return Err(FlowError::Member("items"));
        }
        let expires_at = now.plus(ACCEPTED_SECONDS);
        let presentation = PresentationRow {
            id: self.random_id()?,
            licence: row.id,
            holder_digest: row.holder_digest,
            items: serde_json::to_string(&showing.items).map_err(|error| FlowError::Internal(error.to_string()))?,
            verifier: showing.verifier.clone(),
            purpose: showing.purpose.clone(),
            created_at: now.seconds(),
            expires_at: expires_at.seconds(),
            resolved_by: None,
            resolved_at: None,
            asked_by: None,
            asked: None,
            asked_at: None,
            agreed_at: None,
        };
        let code_digest = keys.digest("presentation", &hex::encode(code.bits()));
        let digits_digest = keys.digest("presentation.digits", &digits);
        presentations::add(&mut tx, &presentation, &code_digest, &digits_digest).await?;
        self.audit_holder(&mut tx, holder, "presentation.make", Some(&showing.licence)).await?;
        tx.commit().await?;
        Ok(Presentation { id: presentation.id, code: code.text(), digits, expires_at })
    }

    /// Resolves a presentation code, or finds one by its digits. What it spends is committed before anything is answered;
    /// the same caller may repeat for a minute; the look is in the holder's history at once.
    ///
    /// # Errors
    ///
    /// `NotGranted` and `Matter` spend nothing. `PresentationUnknown`, `PresentationExpired`, `PresentationUsed`,
    /// `PresentationForAnother`; `AwaitingHolder` after digits, until the holder agrees; `TooManyTries` of digits.
    pub async fn resolve(&self, officer: &Officer, text: &str, reason: &Reason) -> Result<Seen, FlowError> {
        let seen = self.resolve_once(officer, text, reason).await;
        self.audit_refusal(officer, "presentation.resolve", reason, &seen).await?;
        seen
    }

    async fn resolve_once(&self, officer: &Officer, text: &str, reason: &Reason) -> Result<Seen, FlowError> {
        if !officer.may_resolve() {
            return Err(FlowError::NotGranted("presentation.resolve".to_owned()));
        }
        self.matter_of(officer, &reason.matter)?;
        let guesses = PresentationCode::read(text).is_none() && read_digits(text).is_some();
        if guesses {
            let taken = tries::take(self.db(), officer.caller(), self.sources().now()).await?;
            taken.map_err(FlowError::TooManyTries)?;
        }
        let seen = self.resolve_in_a_task(officer, text, reason).await;
        if guesses && matches!(seen, Ok(_) | Err(FlowError::AwaitingHolder)) {
            tries::give_back(self.db(), officer.caller()).await?;
        }
        seen
    }

    async fn resolve_in_a_task(&self, officer: &Officer, text: &str, reason: &Reason) -> Result<Seen, FlowError> {
        let (signer, officer, text, reason) = (self.clone(), officer.clone(), text.to_owned(), reason.clone());
        task::in_its_own(async move { signer.resolve_now(&officer, &text, &reason).await }).await
    }

    async fn resolve_now(&self, officer: &Officer, text: &str, reason: &Reason) -> Result<Seen, FlowError> {
        let now = self.sources().now();
        let mut tx = self.db().begin().await?;
        let (row, by_code) = self.shown(&mut tx, text, now).await?;
        if row.verifier.as_ref().is_some_and(|only| *only != officer.department().code) {
            return Err(FlowError::PresentationForAnother);
        }
        if !by_code && row.resolved_by.is_none() && row.agreed_at.is_none() {
            return self.ask_holder(tx, officer, &row, reason, now).await;
        }
        let first = take(&mut tx, officer, &row, by_code, now).await?;
        let items: Vec<String> =
            serde_json::from_str(&row.items).map_err(|_| StorageError::Damaged("a presentation's items"))?;
        let licence = licences::find(&mut tx, &row.licence).await?;
        let licence = licence.ok_or(StorageError::Damaged("a presentation without its licence"))?;
        let (id, version) = (licence.id.clone(), licence.version);
        let (licence, disclosures) = load(self, &mut tx, licence).await?;
        let kept = licences::rendition(&mut tx, &id, version, "sdjwt").await?;
        let kept = kept.ok_or(StorageError::Damaged("a released licence without its credential"))?;
        if first {
            let look = self.look(officer, &id, &row.holder_digest, "presentation", reason, &items, now)?;
            looks::add(&mut tx, &look).await?;
        }
        let row = reason_row(officer, "presentation.resolve", reason, now).object(format!("licence:{id}"));
        audit::append(&mut tx, &row).await?;
        tx.commit().await?;
        self.seen(&licence, &disclosures, &kept, &items, false, now).await
    }

    /// The presentation that a code or digits name, and whether it was a code.
    async fn shown(&self, tx: &mut Tx, text: &str, now: Timestamp) -> Result<(PresentationRow, bool), FlowError> {
        let code = PresentationCode::read(text);
        let row = match (&code, read_digits(text)) {
            (Some(code), _) => {
                let digests = self.digests("presentation", &hex::encode(code.bits()))?;
                presentations::by_code(tx, &digests).await?
            }
            (None, Some(digits)) => {
                let digests = self.digests("presentation.digits", &digits)?;
                presentations::by_digits(tx, &digests, now.plus(-2 * ANSWER_SECONDS)).await?
            }
            (None, None) => None,
        };
        Ok((row.ok_or(FlowError::PresentationUnknown)?, code.is_some()))
    }

    /// Writes down who typed the digits: the holder's page asks him.
    async fn ask_holder(
        &self,
        mut tx: Tx,
        officer: &Officer,
        row: &PresentationRow,
        reason: &Reason,
        now: Timestamp,
    ) -> Result<Seen, FlowError> {
        match &row.asked_by {
            Some(caller) if caller == officer.caller() => {
                // without an instant the holder has refused
                let since = row.asked_at.map_or(i64::MAX, |at| now.seconds() - at);
                return Err(if since < ANSWER_SECONDS {
                    FlowError::AwaitingHolder
                } else {
                    FlowError::PresentationExpired
                });
            }
            Some(_) => return Err(FlowError::PresentationUsed),
            None => {}
        }
        let matter = self.matter_of(officer, &reason.matter)?;
        let asked = Asked {
            department: officer.department().name.clone(),
            matter: matter.name.zh.clone(),
            purpose: reason.purpose.clone(),
        };
        let asked = serde_json::to_string(&asked).map_err(|error| FlowError::Internal(error.to_string()))?;
        if !presentations::ask(&mut tx, &row.id, officer.caller(), &asked, now).await? {
            return Err(FlowError::PresentationExpired);
        }
        let audit_row = reason_row(officer, "presentation.ask", reason, now).object(format!("licence:{}", row.licence));
        audit::append(&mut tx, &audit_row).await?;
        tx.commit().await?;
        Err(FlowError::AwaitingHolder)
    }

    /// Where the holder's presentation stands.
    ///
    /// # Errors
    ///
    /// `PresentationUnknown`, of another holder's too.
    pub async fn stage(&self, holder: &HolderSession, presentation: &str) -> Result<Stage, FlowError> {
        let now = self.sources().now().seconds();
        let mut reader = self.db().reader().await?;
        let row = presentations::by_id(&mut reader, presentation).await?;
        let row = row.filter(|row| holder.digests.contain(&row.holder_digest)).ok_or(FlowError::PresentationUnknown)?;
        let asked = row.asked.as_ref().and_then(|text| serde_json::from_str(text).ok());
        Ok(match (row.resolved_at, row.agreed_at, row.asked_at, asked) {
            (Some(_), ..) => Stage::Resolved,
            (_, Some(at), ..) if now - at < ACCEPTED_SECONDS => Stage::Agreed,
            (_, None, Some(at), Some(asked)) if now - at < ANSWER_SECONDS => Stage::Asked(asked),
            _ if row.asked_at.is_none() && now < row.expires_at => Stage::Waiting,
            _ => Stage::Over,
        })
    }

    /// The holder agrees to whoever typed the digits.
    ///
    /// # Errors
    ///
    /// `PresentationExpired` if nobody asked, it was answered already, or too late.
    pub async fn agree(&self, holder: &HolderSession, presentation: &str) -> Result<(), FlowError> {
        let now = self.sources().now();
        let mut tx = self.db().begin().await?;
        if !presentations::agree(&mut tx, presentation, &holder.digests, now, now.plus(-ANSWER_SECONDS)).await? {
            return Err(FlowError::PresentationExpired);
        }
        self.audit_holder(&mut tx, holder, "presentation.agree", None).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The holder takes a presentation back: it ends at once, unless it was resolved.
    ///
    /// # Errors
    ///
    /// What the database answers.
    pub async fn withdraw(&self, holder: &HolderSession, presentation: &str) -> Result<bool, FlowError> {
        let now = self.sources().now();
        let mut tx = self.db().begin().await?;
        let done = presentations::withdraw(&mut tx, presentation, &holder.digests, now).await?;
        self.audit_holder(&mut tx, holder, "presentation.withdraw", None).await?;
        tx.commit().await?;
        Ok(done)
    }

    /// Signs the offline code for the holder's screen: after a look at the state, for a licence in force alone.
    ///
    /// # Errors
    ///
    /// `LicenceUnknown`, `NotInForce`; `RenditionAbsent` with the name of what is too long.
    pub async fn screen_code(&self, holder: &HolderSession, licence: &str) -> Result<ScreenCode, FlowError> {
        let now = self.sources().now();
        let mut tx = self.db().begin().await?;
        let row = own(&mut tx, holder, licence).await?;
        let (licence, _) = load(self, &mut tx, row).await?;
        if licence.standing(now) != Standing::InForce {
            return Err(FlowError::NotInForce);
        }
        let known = self.licence_type(&licence.facts.type_code, Some(licence.facts.type_version));
        let known = known.ok_or(StorageError::Damaged("a licence of an unknown type"))?;
        let row = super::seal::code(self, &licence.facts, &known, &licence.department, None, now)?;
        self.audit_holder(&mut tx, holder, "code.screen", Some(&licence.id)).await?;
        tx.commit().await?;
        let text = super::seal::code_text(&row.body, Profile::Screen)?;
        let expires_at = now.plus(verifier::rendition::code::SCREEN_SECONDS);
        Ok(ScreenCode { text, expires_at })
    }
}

/// Takes a presentation for the officer: `true` the first time, `false` where he repeats within a minute. By digits alone, and
/// only after the holder agreed, whoever typed them first takes it.
async fn take(
    tx: &mut Tx,
    officer: &Officer,
    row: &PresentationRow,
    by_code: bool,
    now: Timestamp,
) -> Result<bool, FlowError> {
    if let Some(judged) = again_by(officer, row, now) {
        return judged.map(|()| false);
    }
    if !by_code && row.asked_by.as_deref() != Some(officer.caller()) {
        return Err(FlowError::PresentationUsed);
    }
    let agreed_since = now.plus(-ACCEPTED_SECONDS);
    if presentations::take(tx, &row.id, officer.caller(), now, agreed_since).await? {
        return Ok(true);
    }
    // Another request was first: perhaps the same caller's, who may repeat.
    match presentations::by_id(tx, &row.id).await? {
        Some(again) => again_by(officer, &again, now).unwrap_or(Err(FlowError::PresentationExpired)).map(|()| false),
        None => Err(FlowError::PresentationExpired),
    }
}

/// What comes of one that is resolved already: its first caller may repeat for a while. `None`: it is not resolved.
fn again_by(officer: &Officer, row: &PresentationRow, now: Timestamp) -> Option<Result<(), FlowError>> {
    let caller = row.resolved_by.as_ref()?;
    if caller != officer.caller() {
        return Some(Err(FlowError::PresentationUsed));
    }
    let since = row.resolved_at.map_or(i64::MAX, |at| now.seconds() - at);
    Some(if since < ACCEPTED_SECONDS { Ok(()) } else { Err(FlowError::PresentationExpired) })
}
