//! Loads the demonstration world. Everything may be loaded again: what stands already is left alone.

use idp::Idp;
use idp::client::Names;
use keys::authority::{Authority, Founding};
use keys::{KeyStore, Purpose};
use licence_signer::LicenceSigner;
use licence_signer::catalogue::TypeDefinition;
use licence_signer::flow::claim::IdempotencyKey;
use licence_signer::flow::error::FlowError;
use licence_signer::flow::event::Order;
use licence_signer::flow::issue::Issued;
use licence_signer::issuance::Draft;
use licence_signer::life_cycle::Event;
use licence_signer::lookup::Matter;
use licence_signer::officer::Department;
use serde::Deserialize;
use serde_json::Value;
use verifier::time::{Date, Timestamp};

use super::url;
use crate::commands::Failure;
use crate::demo::world::{self, COUNTY};

const TYPES: &str = include_str!("../demo/types.json");
const MATTERS: &str = include_str!("../demo/matters.json");
const LICENCES: &str = include_str!("../demo/licences.json");
/// The arc for examples: `serve` refuses it.
const OID_ARC: &str = "1.3.6.1.4.1.32473";

/// Founds the demonstration's authority in licence-signer's key store.
pub(crate) fn authority(keys: &KeyStore, now: Timestamp) -> Result<(), Failure> {
    let founding = Founding {
        authority: "localhost".into(),
        title: "示范省".into(),
        oid_arc: OID_ARC.into(),
        signer: url(8081),
        bound: None,
    };
    Authority::found(keys, &founding, now)?;
    Ok(())
}

/// The JWK Set of a key store's client assertions.
pub(crate) fn assertion_keys(keys: &KeyStore, now: Timestamp) -> Result<Value, Failure> {
    Ok(keys.ensure(&Purpose::ClientAssertion, now)?.jwk_set(now))
}

/// What the matters of the world are called.
pub(crate) fn matter_names() -> Result<std::collections::BTreeMap<String, Names>, Failure> {
    #[derive(Deserialize)]
    struct Named {
        code: String,
        name: Names,
    }
    Ok(serde_json::from_str::<Vec<Named>>(MATTERS)?.into_iter().map(|matter| (matter.code, matter.name)).collect())
}

/// People, organisations and mandates of idp.
pub(crate) async fn people(idp: &Idp) -> Result<(), Failure> {
    use idp::account::provision::{NewMandate, NewOrganisation, NewPerson, mandate, organisation, person};
    for entry in world::ORGANISATIONS {
        let new = NewOrganisation {
            code: entry.code.parse()?,
            name: entry.name.to_owned(),
            region: entry.region.to_owned(),
            is_registered: true,
        };
        organisation(idp, &new).await?;
    }
    for entry in world::PERSONS {
        let Some(password) = entry.password else { continue };
        let new = NewPerson {
            number: entry.id_number.parse()?,
            name: idp::account::Name::read(entry.name)?,
            phone: Some(idp::account::Phone::read(entry.phone)?),
            password: Some(idp::account::Password::new(password.to_owned())),
            level: 2,
        };
        let id = person(idp, &new).await?;
        for acts in entry.acts_for {
            let until = acts.until.map(str::parse::<Date>).transpose()?.map(Date::end);
            let new = NewMandate {
                person: id.clone(),
                organisation: acts.code.parse()?,
                role: idp::mandate::Role::parse(acts.role)
                    .ok_or_else(|| Failure::new(format!("no such role: {}", acts.role)))?,
                matters: if acts.matters.is_empty() {
                    vec!["*".into()]
                } else {
                    acts.matters.iter().map(|m| (*m).to_owned()).collect()
                },
                starts_at: None,
                until,
                given_by: None,
            };
            mandate(idp, &new).await?;
        }
    }
    Ok(())
}

/// Departments, types and matters of licence-signer, and the keys that they sign with.
pub(crate) async fn catalogue(signer: &LicenceSigner) -> Result<(), Failure> {
    use licence_signer::provision::{certify, department, licence_type, matter};
    for entry in world::ORGANISATIONS.iter().filter(|o| o.legal_representative.is_none()) {
        let new = Department {
            code: entry.code.to_owned(),
            name: entry.name.to_owned(),
            former_names: Vec::new(),
            region: entry.region.to_owned(),
            predecessors: Vec::new(),
        };
        department(signer, &new).await?;
    }
    for definition in serde_json::from_str::<Vec<TypeDefinition>>(TYPES)? {
        licence_type(signer, &definition).await?;
    }
    for mut new in serde_json::from_str::<Vec<Matter>>(MATTERS)? {
        // The hall's window takes every matter of the city and its counties in.
        if new.region != world::PROVINCE {
            new.taken_in_by.push(world::SERVICE_CENTRE.to_owned());
        }
        matter(signer, &new).await?;
    }
    certify(signer).await?;
    Ok(())
}

#[derive(Deserialize)]
struct DemoLicence {
    department: String,
    request: Value,
    event: Option<DemoEvent>,
}

#[derive(Deserialize)]
struct DemoEvent {
    event: Event,
    legal_ground: String,
    reason: String,
}

/// The licences of the world, issued through the flow itself. Needs the background tasks at work.
pub(crate) async fn licences(signer: &LicenceSigner, mut step: impl FnMut(usize, usize)) -> Result<(), Failure> {
    let all: Vec<DemoLicence> = serde_json::from_str(LICENCES)?;
    let count = all.len();
    for (index, entry) in all.into_iter().enumerate() {
        step(index + 1, count);
        let actor = "operator:up";
        let officer = licence_signer::provision::officer(signer, &entry.department, actor)
            .ok_or_else(|| Failure::new(format!("department {} is missing", entry.department)))?;
        let draft: Draft = serde_json::from_value(dated(entry.request.clone(), signer.sources().now()))?;
        let key = |path: &str, body: Value| IdempotencyKey {
            key: format!("demonstration-{index}"),
            method: "POST".into(),
            path: path.into(),
            body,
        };
        let issued = signer.issue(&officer, draft, Some(key("/v1/licences", entry.request))).await;
        let id = match issued {
            Ok(Issued::Released(licence)) => licence.id,
            Ok(Issued::Recorded(id)) => id,
            Err(FlowError::NumberTaken) => continue, // another version of the program issued it in this folder
            Err(FlowError::Rejected(rejection)) => {
                let members: Vec<String> =
                    rejection.0.iter().map(|fault| format!("{} ({})", fault.member, fault.code)).collect();
                return Err(Failure::new(format!("licence {} of the world: {}", index + 1, members.join(", "))));
            }
            Err(error) => return Err(error.into()),
        };
        if let Some(event) = entry.event {
            let order = Order {
                event: event.event,
                legal_ground: event.legal_ground,
                reason: event.reason,
                effective_at: None,
            };
            let path = format!("/v1/licences/{id}/{}", event.event.as_str());
            signer.act(&officer, &id, order, Some(key(&path, Value::Null))).await?;
        }
    }
    Ok(())
}

/// The samples of `formats.md` §8, made of a licence of the world.
pub(crate) async fn samples(signer: &LicenceSigner, folder: &std::path::Path) -> Result<(), Failure> {
    let all: Vec<DemoLicence> = serde_json::from_str(LICENCES)?;
    let entry = all
        .into_iter()
        .find(|entry| entry.request.get("type").and_then(Value::as_str) == Some(world::types::DRIVING_LICENCE))
        .ok_or_else(|| Failure::new("the world has no driving licence"))?;
    let draft: Draft = serde_json::from_value(dated(entry.request, signer.sources().now()))?;
    let officer = licence_signer::provision::officer(signer, &entry.department, "operator:up")
        .ok_or_else(|| Failure::new("the samples' department is missing"))?;
    licence_signer::samples::write(signer, &officer, &draft, folder).await?;
    Ok(())
}

/// `today+23` as the day that it means, so that the world never ages.
fn dated(mut request: Value, now: Timestamp) -> Value {
    let today = Date::of(now);
    for name in ["issue_date", "valid_from", "valid_until"] {
        let Some(Value::String(text)) = request.get_mut(name) else { continue };
        let days = text.strip_prefix("today").and_then(|days| days.parse::<i32>().ok());
        if let Some(day) = days.zip(today).and_then(|(days, today)| today.plus_days(days)) {
            *text = day.to_string();
        }
    }
    request
}

/// The region for which the demonstration stands.
pub(crate) const REGION: &str = COUNTY;
