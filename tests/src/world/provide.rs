//! The demonstration's registrations, with the addresses of this process.

use std::collections::BTreeSet;

use idp::Idp;
use idp::client::{ExchangeRule, GrantType, Names, Resource};
use idp::provision::{self, NewAuth, NewClient, NewMandate, NewOrganisation, NewPerson};
use keys::KeyStore;
use licence_signer::LicenceSigner;
use licence_signer::catalogue::TypeDefinition;
use licence_signer::lookup::Matter;
use licence_signer::officer::Department;
use verifier::time::{Date, Timestamp};

use super::people::demonstration::{self as world, CITY, PROVINCE};
use super::people::{MATTERS, TYPES};
use super::relying_party::{CITIZENS, PROJECTS};
use super::{SECRET, assertion_keys};

const AT_SIGNER: [&str; 5] = ["licence.issue", "licence.end", "licence.read", "licence.lookup", "presentation.resolve"];

/// What a holder's own token may do there.
const OF_HOLDERS: [&str; 2] = ["licence.own", "presentation.make"];

fn names(zh: &str) -> Names {
    Names { zh_cn: zh.to_owned(), en: String::new() }
}

fn set(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// Resources and clients.
pub(super) async fn clients(idp: &Idp, urls: [&str; 3], keys: &[KeyStore; 3], now: Timestamp) {
    let [_, signer, desk] = urls;
    let at_signer = [&AT_SIGNER[..], &OF_HOLDERS[..]].concat();
    for (resource, sector, scopes) in
        [(signer, "licence-signer", &at_signer[..]), (desk, "verifier-desk", &["verify"][..])]
    {
        let resource = Resource { resource: resource.into(), sector: sector.into(), scopes: set(scopes) };
        provision::resource(idp, resource).await.expect("a resource is kept");
    }
    let own = |id: &str, zh: &str, keys, at: &str| NewClient {
        trusted: true,
        acts_for_organisations: true,
        region: CITY.into(),
        is_resource: Some(at.into()),
        post_logout_redirect_uris: vec![format!("{at}/signed-out")],
        ..NewClient::portal(id, names(zh), NewAuth::PrivateKeyJwt(keys), &format!("{at}/callback"))
    };
    let mut all = vec![
        NewClient {
            scopes: set(&["openid", "profile", "organisation", "id_number", "offline_access"]),
            ..own("licence-signer", "电子证照", assertion_keys(&keys[1], now), signer)
        },
        NewClient {
            scopes: set(&["openid", "profile", "organisation", "offline_access", "verify"]),
            resources: set(&[desk]),
            grants: [GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::TokenExchange].into(),
            exchange: Some(ExchangeRule {
                aud: desk.into(),
                resource: signer.into(),
                scopes: set(&["presentation.resolve", "licence.lookup", "licence.read"]),
            }),
            ..own("verifier-desk", "证照核验台", assertion_keys(&keys[2], now), desk)
        },
    ];
    for (party, zh, region) in [(CITIZENS, "市民个人网页", CITY), (PROJECTS, "投资项目平台", PROVINCE)] {
        let secret = NewAuth::SecretBasic(SECRET.into());
        all.push(NewClient {
            acts_for_organisations: true,
            region: region.into(),
            scopes: set(&[&["openid", "profile", "organisation", "phone", "offline_access"], &OF_HOLDERS[..]].concat()),
            resources: set(&[signer]),
            post_logout_redirect_uris: vec![party.signed_out()],
            ..NewClient::portal(party.client_id, names(zh), secret, party.callback)
        });
    }
    for department in [world::POLICE, world::MARKET, world::HRSS] {
        let id = super::people::system_of(department);
        system(idp, id, signer, desk, |client| client.organisation = Some(department.to_owned())).await;
    }
    for client in all {
        provision::client(idp, client).await.expect("a client is kept");
    }
}

/// One more system, of the HRSS bureau unless `change` says otherwise.
pub(super) async fn system(idp: &Idp, id: &str, signer: &str, desk: &str, change: impl FnOnce(&mut NewClient)) {
    let mut client = NewClient::system(id, names(id), SECRET, world::HRSS, signer, &AT_SIGNER);
    client.region = CITY.into();
    client.scopes.insert("verify".into());
    client.resources.insert(desk.into());
    change(&mut client);
    provision::client(idp, client).await.expect("a client is kept");
}

/// People, organisations and mandates.
pub(super) async fn people(idp: &Idp) {
    for entry in world::ORGANISATIONS {
        let new = NewOrganisation {
            code: entry.code.parse().expect("a code"),
            name: entry.name.into(),
            region: entry.region.into(),
            is_registered: true,
        };
        provision::organisation(idp, &new).await.expect("an organisation is kept");
    }
    for entry in world::PERSONS {
        let Some(password) = entry.password else { continue };
        let new = NewPerson {
            number: entry.id_number.parse().expect("a number"),
            name: idp::account::Name::read(entry.name).expect("a name"),
            phone: Some(idp::account::Phone::read(entry.phone).expect("a phone")),
            password: Some(idp::account::Password::new(password.to_owned())),
            level: 2,
        };
        let person = provision::person(idp, &new).await.expect("a person is kept");
        for acts in entry.acts_for {
            let matters = if acts.matters.is_empty() { &["*"][..] } else { acts.matters };
            let new = NewMandate {
                person: person.clone(),
                organisation: acts.code.parse().expect("a code"),
                role: idp::mandate::Role::parse(acts.role).expect("a role"),
                matters: matters.iter().map(|matter| (*matter).to_owned()).collect(),
                starts_at: None,
                until: acts.until.map(|day| day.parse::<Date>().expect("a day").end()),
                given_by: None,
            };
            provision::mandate(idp, &new).await.expect("a mandate is kept");
        }
    }
}

/// A department that issues a type which no matter needs, after everything else is there: the code of the type.
pub(super) async fn newcomer(signer: &LicenceSigner, code: &str) -> String {
    use licence_signer::provision::{certify, department, licence_type};
    let new = Department {
        code: code.into(),
        name: "示例县新设局".into(),
        former_names: Vec::new(),
        region: super::people::REGION.into(),
        predecessors: Vec::new(),
    };
    department(signer, &new).await.expect("a department is kept");
    let all: Vec<TypeDefinition> = serde_json::from_str(TYPES).expect("the types read");
    let known = |definition: &&TypeDefinition| definition.code == super::types::OPERATOR_CERTIFICATE;
    let mut definition = all.iter().find(known).expect("a type of the demonstration").clone();
    definition.code = format!("{code}001");
    definition.departments = vec![code.to_owned()];
    licence_type(signer, &definition).await.expect("a type is kept");
    certify(signer).await.expect("keys are certified");
    definition.code
}

/// Departments, types, matters and their certificates.
pub(super) async fn catalogue(signer: &LicenceSigner) {
    use licence_signer::provision::{certify, department, licence_type, matter};
    for entry in world::ORGANISATIONS.iter().filter(|entry| entry.legal_representative.is_none()) {
        let new = Department {
            code: entry.code.into(),
            name: entry.name.into(),
            former_names: Vec::new(),
            region: entry.region.into(),
            predecessors: Vec::new(),
        };
        department(signer, &new).await.expect("a department is kept");
    }
    for definition in serde_json::from_str::<Vec<TypeDefinition>>(TYPES).expect("the types read") {
        licence_type(signer, &definition).await.expect("a type is kept");
    }
    for mut new in serde_json::from_str::<Vec<Matter>>(MATTERS).expect("the matters read") {
        if new.region != PROVINCE {
            new.taken_in_by.push(world::SERVICE_CENTRE.into());
        }
        matter(signer, &new).await.expect("a matter is kept");
    }
    certify(signer).await.expect("keys are certified");
}
