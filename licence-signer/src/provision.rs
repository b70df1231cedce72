//! What `up` and the operator's command line bring in: departments with certified keys, licence types, matters. All of it
//! may be called again: what stands already is left alone.

use keys::DepartmentUse;
use keys::authority::{Authority, AuthorityError, DepartmentOrder};
use keys::certify::Power;
use store::StorageError;
use verifier::subject::SocialCreditCode;
use verifier::trust::{Trust, TrustError};

use crate::catalogue::{CatalogueError, EndRule, LicenceType, TypeDefinition};
use crate::flow::error::FlowError;
use crate::lookup::Matter;
use crate::officer::{Department, Officer, Rights};
use crate::storage::catalogue;
use crate::{LicenceSigner, StartError};

/// Why something was not brought in.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// The department's code or name does not fit.
    #[error("the department's credit code or name does not fit")]
    Department,
    /// The matter's members do not fit.
    #[error("matter {0} does not fit")]
    Matter(String),
    /// The type does not fit.
    #[error("licence type {0}: {1}")]
    Type(String, CatalogueError),
    /// The version of the type stands already with another content; raise the version.
    #[error("licence type {0} stands already in this version with another content")]
    TypeChanged(String),
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The catalogue could not be read again.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The certification authority.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// A bundle that does not hold.
    #[error("the trust bundle: {0}")]
    Bundle(TrustError),
    /// Publishing the bundle.
    #[error(transparent)]
    Flow(#[from] FlowError),
}

/// Keeps a department. Its keys come by [`certify`].
///
/// # Errors
///
/// `Department` for a code that fails its check or a name that is empty or over 100 characters.
pub async fn department(signer: &LicenceSigner, department: &Department) -> Result<(), ProvisionError> {
    let name = department.name.chars().count();
    if department.code.parse::<SocialCreditCode>().is_err() || !(1..=100).contains(&name) {
        return Err(ProvisionError::Department);
    }
    if signer.department(&department.code).as_deref() == Some(department) {
        return Ok(());
    }
    let body = json(department);
    let now = signer.sources().now();
    let mut tx = signer.db().begin().await?;
    catalogue::save_department(&mut tx, &department.code, &department.name, &department.region, &body, now).await?;
    tx.commit().await?;
    Ok(signer.reload().await?)
}

/// Keeps a version of a licence type.
///
/// # Errors
///
/// `Type` with what does not fit; `TypeChanged` if the version stands with another content.
pub async fn licence_type(signer: &LicenceSigner, definition: &TypeDefinition) -> Result<(), ProvisionError> {
    let checked = LicenceType::new(definition.clone())
        .map_err(|error| ProvisionError::Type(definition.code.chars().take(21).collect(), error))?;
    if let Some(known) = signer.licence_type(checked.code(), Some(checked.version())) {
        if known.definition() == definition {
            return Ok(());
        }
        if !changes_readers_alone(known.definition(), definition) {
            return Err(ProvisionError::TypeChanged(checked.code().to_owned()));
        }
    }
    let body = json(definition);
    let mut tx = signer.db().begin().await?;
    catalogue::save_type(&mut tx, checked.code(), checked.version(), &body, signer.sources().now()).await?;
    tx.commit().await?;
    Ok(signer.reload().await?)
}

/// Whether only departments, face and lookup rules differ: what a sealed licence says does not depend on them.
fn changes_readers_alone(one: &TypeDefinition, other: &TypeDefinition) -> bool {
    TypeDefinition {
        departments: other.departments.clone(),
        lookup: other.lookup.clone(),
        face: other.face.clone(),
        ..one.clone()
    } == *other
}

/// Keeps a matter of the register.
///
/// # Errors
///
/// `Matter` if a member is empty or too long.
pub async fn matter(signer: &LicenceSigner, matter: &Matter) -> Result<(), ProvisionError> {
    if !matter.is_well_formed() {
        return Err(ProvisionError::Matter(matter.code.chars().take(64).collect()));
    }
    if signer.world().matter(&matter.code).is_some_and(|known| **known == *matter) {
        return Ok(());
    }
    let body = json(matter);
    let mut tx = signer.db().begin().await?;
    let now = signer.sources().now();
    catalogue::save_matter(&mut tx, &matter.code, &matter.department, &matter.region, &body, now).await?;
    tx.commit().await?;
    Ok(signer.reload().await?)
}

/// Certifies credential and code keys for every department that issues something, and the status signer, then publishes the
/// trust bundle. Called after departments and types were brought in. The key store must hold an authority
/// ([`Authority::found`]). A type that comes later gets a successor of the department's key, which signs after its notice.
///
/// # Errors
///
/// `Authority`, `Flow`.
pub async fn certify(signer: &LicenceSigner) -> Result<(), ProvisionError> {
    let now = signer.sources().now();
    let authority = Authority::open(signer.key_store())?;
    let world = signer.world();
    for department in world.departments() {
        let issued: Vec<_> = world.types().filter(|known| known.may_be_issued_by(&department.code)).collect();
        if issued.is_empty() {
            continue;
        }
        let longest = issued
            .iter()
            .map(|known| {
                let rule = known.definition().validity;
                (rule.end == EndRule::Required).then(|| rule.most_years.unwrap_or(30))
            })
            .try_fold(0, |longest: u32, years| Some(longest.max(years?)));
        let order = DepartmentOrder {
            code: department.code.clone(),
            name: department.name.clone(),
            uri: format!("{}/departments/{}", signer.external_url(), department.code),
            power: Power {
                types: issued.iter().map(|known| known.code().to_owned()).collect(),
                regions: vec![department.region.clone()],
            },
            longest_licence_years: longest,
        };
        authority.certify_department(&order, &[DepartmentUse::Credential, DepartmentUse::Code], now)?;
    }
    authority.certify_status(signer.external_url(), now)?;
    Ok(signer.publish_trust().await?)
}

/// Keeps a trust bundle that an authority outside this key store published: the one that `/v1/trust-bundle` answers and by
/// which everything is read back before it is released. Of the same first root an older one is refused.
///
/// # Errors
///
/// `Bundle` with the reason.
pub async fn trust_bundle(signer: &LicenceSigner, bundle: &str) -> Result<(), ProvisionError> {
    let now = signer.sources().now();
    let pin = signer.trust().await.ok().map(|trust| trust.pin());
    Trust::read(bundle.as_bytes(), now, pin.as_ref()).map_err(ProvisionError::Bundle)?;
    let mut tx = signer.db().begin().await?;
    crate::storage::trust::save(&mut tx, bundle, now).await?;
    tx.commit().await?;
    signer.reload_trust().await?;
    Ok(())
}

/// An officer with all rights of a department, for the operator's own tools: `actor` stands in the audit record.
pub fn officer(signer: &LicenceSigner, department: &str, actor: &str) -> Option<Officer> {
    let department = signer.department(department)?;
    Some(Officer::new(department, actor.to_owned(), actor.to_owned(), Rights::all()))
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("our own types write as JSON")
}
