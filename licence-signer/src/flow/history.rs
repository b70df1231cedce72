//! Who looked, when and why: read by the holder. And who stands behind a `sub`.

use verifier::time::Timestamp;

use super::error::FlowError;
use super::own::own;
use crate::LicenceSigner;
use crate::issuance::HolderCode;
use crate::officer::{HolderSession, Officer};
use crate::storage::looks::{self, LookRow};
use crate::storage::subjects::{self, Subject};

/// One look at a licence.
#[derive(Clone, Debug)]
pub struct Look {
    /// Its id.
    pub id: String,
    /// The licence.
    pub licence: String,
    /// When.
    pub at: Timestamp,
    /// `lookup` (by office) or `presentation` (the holder showed it).
    pub way: String,
    /// The department's name.
    pub department_name: String,
    /// Its credit code.
    pub department: String,
    /// The matter's code.
    pub matter: String,
    /// The case's number.
    pub case: String,
    /// The purpose in words.
    pub purpose: String,
    /// The items that were seen.
    pub items: Vec<String>,
}

impl From<LookRow> for Look {
    fn from(row: LookRow) -> Self {
        Self {
            id: row.id,
            licence: row.licence,
            at: Timestamp::from_seconds(row.at),
            way: row.way,
            department_name: row.department_name,
            department: row.department,
            matter: row.matter,
            case: row.case_number,
            purpose: row.purpose,
            items: serde_json::from_str(&row.items).unwrap_or_default(),
        }
    }
}

/// A page of looks.
#[derive(Debug)]
pub struct Looks {
    /// The looks, newest first.
    pub looks: Vec<Look>,
    /// Where the next page begins.
    pub next: Option<(i64, String)>,
}

impl LicenceSigner {
    /// Who looked at a holder's licences, newest first; of one licence if `licence` names it.
    ///
    /// # Errors
    ///
    /// `LicenceUnknown` for a licence that is not the holder's.
    pub async fn looks(
        &self,
        holder: &HolderSession,
        licence: Option<&str>,
        after: Option<(i64, String)>,
        limit: i64,
    ) -> Result<Looks, FlowError> {
        let limit = limit.clamp(1, 200);
        let after = after.as_ref().map_or((i64::MAX, ""), |(at, id)| (*at, id.as_str()));
        let mut tx = self.db().begin().await?;
        let rows = match licence {
            Some(licence) => {
                own(&mut tx, holder, licence).await?;
                looks::of_licence(&mut tx, licence, after, limit).await?
            }
            None => looks::of_holder(&mut tx, &holder.digests, after, limit).await?,
        };
        self.audit_holder(&mut tx, holder, "history.read", licence).await?;
        tx.commit().await?;
        let next = match rows.last() {
            Some(last) if i64::try_from(rows.len()) == Ok(limit) => Some((last.at, last.id.clone())),
            _ => None,
        };
        Ok(Looks { looks: rows.into_iter().map(Look::from).collect(), next })
    }

    /// How often a licence of the officer's department was looked at; by whom only the holder learns.
    ///
    /// # Errors
    ///
    /// `LicenceUnknown` and `NotGranted`, as for reading it.
    pub async fn looks_count(&self, officer: &Officer, licence: &str) -> Result<i64, FlowError> {
        let mut reader = self.db().reader().await?;
        self.owned(&mut reader, officer, licence).await?;
        Ok(looks::count_of_licence(&mut reader, licence).await?)
    }

    /// Keeps who stands behind `sub`, as userinfo said at sign-in: the keyed digest of the number, never the number. Of an
    /// organisation its credit code is kept too, so that a department's clerk is known as such.
    ///
    /// # Errors
    ///
    /// What the database answers.
    pub async fn remember_subject(&self, sub: &str, code: &HolderCode) -> Result<(), FlowError> {
        if sub.is_empty() || sub.len() > 255 || sub.contains('\0') {
            return Err(FlowError::Member("sub"));
        }
        let now = self.sources().now();
        let organisation = code.code_type() == "001";
        let subject = Subject {
            kind: if organisation { "organisation" } else { "person" },
            digests: self.digests("holder", &code.canonical())?,
            department: organisation.then(|| code.code().to_owned()),
        };
        let mut tx = self.db().begin().await?;
        subjects::save(&mut tx, sub, &subject, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The holder behind `sub`, who acts as `actor` (an id for the audit record). The caller has checked `acr` 2 or more.
    ///
    /// # Errors
    ///
    /// `SubjectUnknown` if nobody signed in here with that `sub`.
    pub async fn holder_session(&self, sub: &str, actor: &str) -> Result<HolderSession, FlowError> {
        let mut reader = self.db().reader().await?;
        let digests = subjects::digests(&mut reader, sub).await?.ok_or(FlowError::SubjectUnknown)?;
        Ok(HolderSession { sub: sub.to_owned(), digests, actor: actor.to_owned() })
    }

    /// The credit code of the organisation behind `sub`.
    ///
    /// # Errors
    ///
    /// What the database answers.
    pub async fn organisation_behind(&self, sub: &str) -> Result<Option<String>, FlowError> {
        let mut reader = self.db().reader().await?;
        Ok(subjects::department(&mut reader, sub).await?)
    }

    /// A look as it is written: who, when, in which matter.
    #[expect(clippy::too_many_arguments, reason = "each is a column of the row")]
    pub(crate) fn look(
        &self,
        officer: &Officer,
        licence: &str,
        holder_digest: &[u8],
        way: &str,
        reason: &crate::lookup::Reason,
        items: &[String],
        now: Timestamp,
    ) -> Result<LookRow, FlowError> {
        Ok(LookRow {
            id: self.random_id()?,
            licence: licence.to_owned(),
            holder_digest: holder_digest.to_vec(),
            at: now.seconds(),
            way: way.to_owned(),
            actor: officer.actor().to_owned(),
            department: officer.department().code.clone(),
            department_name: officer.department().name.clone(),
            matter: reason.matter.clone(),
            case_number: reason.case.clone(),
            purpose: reason.purpose.clone(),
            items: serde_json::to_string(items).map_err(|error| FlowError::Internal(error.to_string()))?,
        })
    }
}
