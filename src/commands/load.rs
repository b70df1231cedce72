//! `xinyin load`: what a service works upon, from JSON files. Everything may be loaded again: the second time changes what
//! differs and nothing else.

use std::path::Path;
use std::process::ExitCode;

use idp::account::{Name, Password, Phone};
use idp::mandate::Role;
use idp::provision::{NewMandate, NewOrganisation, NewPerson};
use licence_signer::catalogue::TypeDefinition;
use licence_signer::lookup::Matter;
use licence_signer::officer::Department;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use verifier::time::Date;

use super::{Failure, Outcome, read_config};
use crate::cli::{Load, Loadable, Service};
use crate::config::Config;
use crate::serve::{self, Base, open};

/// Brings in what the folder holds.
pub(crate) async fn load(args: &Load) -> Outcome {
    web::install_crypto();
    let config = read_config(&args.config)?;
    match args.service {
        Loadable::Idp => idp(&config, &args.folder).await?,
        Loadable::LicenceSigner => licence_signer(&config, &args.folder).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The entries of a file, if the folder has it; the place of a fault is told by line and column.
fn entries<T: DeserializeOwned>(folder: &Path, name: &str) -> Result<Option<Vec<T>>, Failure> {
    let path = folder.join(name);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::new(format!("cannot read {}: {error}", path.display()))),
    };
    let read = serde_json::from_slice(&bytes);
    read.map(Some).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
}

fn nothing(folder: &Path, names: &str) -> Failure {
    Failure::usage(format!("{} holds none of {names}", folder.display()))
}

async fn licence_signer(config: &Config, folder: &Path) -> Result<(), Failure> {
    use licence_signer::provision::{certify, department, licence_type, matter};
    serve::check(Service::LicenceSigner, config)?;
    let departments = entries::<Department>(folder, "departments.json")?;
    let types = entries::<TypeDefinition>(folder, "types.json")?;
    let matters = entries::<Matter>(folder, "matters.json")?;
    if departments.is_none() && types.is_none() && matters.is_none() {
        return Err(nothing(folder, "departments.json, types.json, matters.json"));
    }
    let signer = open::licence_signer(config, Base::open(config)?).await?;
    for entry in departments.iter().flatten() {
        let done = department(&signer, entry).await;
        done.map_err(|error| Failure::new(format!("departments.json, {}: {error}", entry.code)))?;
    }
    for entry in types.iter().flatten() {
        licence_type(&signer, entry).await.map_err(|error| Failure::new(format!("types.json: {error}")))?;
    }
    for entry in matters.iter().flatten() {
        matter(&signer, entry).await.map_err(|error| Failure::new(format!("matters.json: {error}")))?;
    }
    certify(&signer).await?;
    signer.db().close().await;
    Ok(())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Organisation {
    code: String,
    name: String,
    region: String,
    #[serde(default = "yes")]
    registered: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Person {
    id_number: String,
    name: String,
    phone: Option<String>,
    password: Option<String>,
    #[serde(default = "two")]
    level: i64,
    #[serde(default)]
    acts_for: Vec<ActsFor>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ActsFor {
    code: String,
    role: String,
    /// None means all.
    #[serde(default)]
    matters: Vec<String>,
    /// The last day.
    until: Option<Date>,
}

const fn yes() -> bool {
    true
}

const fn two() -> i64 {
    2
}

async fn idp(config: &Config, folder: &Path) -> Result<(), Failure> {
    serve::check(Service::Idp, config)?;
    let organisations = entries::<Organisation>(folder, "organisations.json")?;
    let persons = entries::<Person>(folder, "persons.json")?;
    if organisations.is_none() && persons.is_none() {
        return Err(nothing(folder, "organisations.json, persons.json"));
    }
    let idp = open::idp(config, Base::open(config)?).await?;
    for (index, entry) in organisations.unwrap_or_default().into_iter().enumerate() {
        let fault = |why: String| Failure::new(format!("organisations.json, entry {}: {why}", index + 1));
        let new = NewOrganisation {
            code: entry.code.parse().map_err(|error| fault(format!("code: {error}")))?,
            name: entry.name,
            region: entry.region,
            is_registered: entry.registered,
        };
        idp::provision::organisation(&idp, &new).await.map_err(|error| fault(error.to_string()))?;
    }
    for (index, entry) in persons.unwrap_or_default().into_iter().enumerate() {
        // A number or a name is never repeated in a complaint.
        let fault = |why: String| Failure::new(format!("persons.json, entry {}: {why}", index + 1));
        person(&idp, entry).await.map_err(|failure| fault(failure.sentence))?;
    }
    idp.db().close().await;
    Ok(())
}

async fn person(idp: &idp::Idp, entry: Person) -> Result<(), Failure> {
    let fault = |what: &str| Failure::new(format!("{what} does not fit"));
    let new = NewPerson {
        number: entry.id_number.parse().map_err(|_| fault("id_number"))?,
        name: Name::read(&entry.name).map_err(|_| fault("name"))?,
        phone: entry.phone.as_deref().map(Phone::read).transpose().map_err(|_| fault("phone"))?,
        password: entry.password.map(Password::new),
        level: entry.level,
    };
    let id = idp::provision::person(idp, &new).await?;
    for acts in entry.acts_for {
        let new = NewMandate {
            person: id.clone(),
            organisation: acts.code.parse().map_err(|_| fault("acts_for.code"))?,
            role: Role::parse(&acts.role).ok_or_else(|| fault("acts_for.role"))?,
            matters: if acts.matters.is_empty() { vec!["*".into()] } else { acts.matters },
            starts_at: None,
            until: acts.until.map(Date::end),
            given_by: None,
        };
        idp::provision::mandate(idp, &new).await?;
    }
    Ok(())
}
