//! People, organisations and mandates that the operator of the platform loads: `up`'s demonstration world, imports.
//! Everything may be done again.

use store::audit;
use verifier::subject::{IdNumber, SocialCreditCode};
use verifier::time::Timestamp;

use super::evidence::{Evidence, Means};
use super::{Login, Name, Password, Phone};
use crate::error::Error;
use crate::ids::{MandateId, OrganisationId, PersonId};
use crate::mandate::{Mandate, Role, storage as mandates};
use crate::storage::accounts;
use crate::{Idp, digest};

/// A person to be loaded.
#[derive(Clone, Debug)]
pub struct NewPerson {
    /// The resident identity card's number.
    pub number: IdNumber,
    /// The name.
    pub name: Name,
    /// A verified phone.
    pub phone: Option<Phone>,
    /// A password.
    pub password: Option<Password>,
    /// The identity level, 1 or 2.
    pub level: i64,
}

/// An organisation to be loaded.
#[derive(Clone, Debug)]
pub struct NewOrganisation {
    /// Its unified social credit code.
    pub code: SocialCreditCode,
    /// Its name.
    pub name: String,
    /// Its region (GB/T 2260).
    pub region: String,
    /// Whether it is registered still.
    pub is_registered: bool,
}

/// A mandate to be loaded.
#[derive(Clone, Debug)]
pub struct NewMandate {
    /// Who may act.
    pub person: PersonId,
    /// For which organisation: its code.
    pub organisation: SocialCreditCode,
    /// In which role.
    pub role: Role,
    /// For which matters; `*` alone for all.
    pub matters: Vec<String>,
    /// From when on; `None`: always.
    pub starts_at: Option<Timestamp>,
    /// Until when, exclusive; `None`: without end.
    pub until: Option<Timestamp>,
    /// Who gave it; `None`: a register.
    pub given_by: Option<PersonId>,
}

/// Why something was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// What the house stands on failed.
    #[error(transparent)]
    Failed(#[from] Error),
    /// There is no organisation of that code.
    #[error("no organisation has the code {0}")]
    NoOrganisation(String),
    /// A matter holds characters that no matter has, or there are too many.
    #[error("these are no matters")]
    Matters,
    /// The password could not be hashed.
    #[error("the password could not be hashed")]
    Password,
}

impl From<store::StorageError> for LoadError {
    fn from(error: store::StorageError) -> Self {
        Self::Failed(error.into())
    }
}

/// Loads a person, unless one of that number is there at level 2; the person's id. Whoever is there is left as he is.
///
/// # Errors
///
/// `LoadError`.
pub async fn person(idp: &Idp, new: &NewPerson) -> Result<PersonId, LoadError> {
    let now = idp.sources().now();
    let fields = idp.field_keys(now)?;
    let login = Login::Number(new.number.clone());
    let found = accounts::find(&mut idp.db().reader().await?, &fields, &login).await?;
    if let Some(found) = found.filter(|found| found.level >= new.level.min(2)) {
        return Ok(found.person);
    }
    let hash = match &new.password {
        Some(password) => {
            let salt = idp.sources().bytes::<16>().map_err(Error::from)?;
            Some(idp.people().passwords.hash(password, salt).await.map_err(|_| LoadError::Password)?)
        }
        None => None,
    };
    let id = PersonId::random(idp.sources()).map_err(Error::from)?;
    let mut tx = idp.db().begin().await?;
    accounts::insert(&mut tx, &fields, idp.sources(), &id, &new.name, None, now).await?;
    accounts::insert_document(&mut tx, &fields, idp.sources(), &id, &login, now).await?;
    let level = new.level.clamp(1, 2);
    let evidence =
        Evidence { means: Means::Provisioned, source: "operator".to_owned(), result: "entered", level, at: now };
    accounts::insert_evidence(&mut tx, idp.sources(), &id, &evidence).await?;
    if level >= 2 {
        accounts::evict_weaker(&mut tx, &fields, &login, &id, now).await?;
    }
    accounts::claim(&mut tx, &fields, &login, &id, level, now).await?;
    if let Some(phone) = &new.phone {
        accounts::set_phone(&mut tx, &fields, idp.sources(), &id, phone, level >= 2, now).await?;
        accounts::claim(&mut tx, &fields, &Login::Phone(phone.clone()), &id, level, now).await?;
    }
    if let Some(hash) = &hash {
        accounts::set_password(&mut tx, &id, hash, now).await?;
    }
    let row = audit::Row::new("operator", "person.provision", "done", now).object(format!("person:{id}"));
    audit::append(&mut tx, &row).await?;
    tx.commit().await?;
    Ok(id)
}

/// Loads an organisation under its code; its id. Name, region and state become the ones given.
///
/// # Errors
///
/// `LoadError`.
pub async fn organisation(idp: &Idp, new: &NewOrganisation) -> Result<OrganisationId, LoadError> {
    let now = idp.sources().now();
    let fresh = OrganisationId::random(idp.sources()).map_err(Error::from)?;
    let mut tx = idp.db().begin().await?;
    let code = new.code.as_str();
    let id = mandates::set_organisation(&mut tx, &fresh, code, &new.name, &new.region, new.is_registered, now).await?;
    let row = audit::Row::new("operator", "organisation.provision", "done", now).object(format!("organisation:{id}"));
    audit::append(&mut tx, &row).await?;
    tx.commit().await?;
    Ok(id)
}

/// Loads a mandate; its id follows from person, organisation and role, so that loading it again changes that one. One that
/// was ended stays ended.
///
/// # Errors
///
/// `NoOrganisation`, `Matters`, or what the house stands on.
pub async fn mandate(idp: &Idp, new: &NewMandate) -> Result<MandateId, LoadError> {
    if new.matters.len() > crate::mandate::MAX_MATTERS || !new.matters.iter().all(|m| crate::mandate::is_matter(m)) {
        return Err(LoadError::Matters);
    }
    let now = idp.sources().now();
    let mut tx = idp.db().begin().await?;
    let code = new.organisation.as_str();
    let organisation = mandates::organisation(&mut tx, code).await?;
    let organisation = organisation.ok_or_else(|| LoadError::NoOrganisation(code.to_owned()))?;
    let text = digest::parts(&["mandate", new.person.as_str(), organisation.as_str(), new.role.as_str()]);
    let id = MandateId::stored(text[..22].to_owned());
    let mandate = Mandate {
        id: id.clone(),
        person: new.person.clone(),
        organisation,
        role: new.role,
        matters: new.matters.clone(),
        starts_at: new.starts_at.unwrap_or(Timestamp::from_seconds(0)),
        until: new.until,
        ended_at: None,
        given_by: new.given_by.clone(),
    };
    mandates::set(&mut tx, &mandate, now).await?;
    let row = audit::Row::new("operator", "mandate.provision", "done", now).object(format!("mandate:{id}"));
    audit::append(&mut tx, &row).await?;
    tx.commit().await?;
    Ok(id)
}
