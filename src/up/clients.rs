//! Resources and clients of the demonstration's idp.

use std::collections::{BTreeMap, BTreeSet};

use idp::Idp;
use idp::client::{ExchangeRule, GrantType, Names, Resource};
use idp::provision::{self, NewAuth, NewClient};
use serde_json::Value;

use super::url;
use crate::commands::Failure;
use crate::demo::world;

/// Clients that prove themselves by a secret.
pub(crate) const SECRET_CLIENTS: [&str; 4] = ["citizen-portal", "police-system", "market-system", "hrss-system"];

/// What licence-signer lets holders do.
const OF_HOLDERS: [&str; 2] = ["licence.own", "presentation.make"];
/// What licence-signer lets departments do.
const AT_SIGNER: [&str; 5] = ["licence.issue", "licence.end", "licence.read", "licence.lookup", "presentation.resolve"];
/// What both portals may ask for.
const PORTAL_SCOPES: [&str; 5] = ["openid", "profile", "organisation", "phone", "offline_access"];

/// Public keys of the services that prove themselves by a key.
pub(crate) struct ServiceKeys {
    pub signer: Value,
    pub desk: Value,
    pub project: Value,
}

/// Registers them all.
pub(crate) async fn clients(idp: &Idp, keys: ServiceKeys, secrets: &BTreeMap<String, String>) -> Result<(), Failure> {
    let (signer, desk) = (url(8081), url(8082));
    let known_at_signer = [&AT_SIGNER[..], &OF_HOLDERS[..]].concat();
    for (resource, sector, known) in
        [(&signer, "licence-signer", &known_at_signer[..]), (&desk, "verifier-desk", &["verify"][..])]
    {
        let resource = Resource { resource: resource.clone(), sector: sector.to_owned(), scopes: scopes(known) };
        provision::resource(idp, resource).await?;
    }
    services(idp, keys.signer, keys.desk).await?;
    citizen_portal(idp, secrets.get("citizen-portal").cloned().unwrap_or_default()).await?;
    project_portal(idp, keys.project).await?;
    systems(idp, secrets).await
}

fn names(zh: &str, en: &str) -> Names {
    Names { zh_cn: zh.to_owned(), en: en.to_owned() }
}

fn scopes(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|scope| (*scope).to_owned()).collect()
}

/// licence-signer and the desk as relying parties, trusted as the house's own.
async fn services(idp: &Idp, signer_keys: Value, desk_keys: Value) -> Result<(), Failure> {
    let (signer, desk) = (url(8081), url(8082));
    let own = |id: &str, names: Names, keys: Value, at: &str| NewClient {
        trusted: true,
        acts_for_organisations: true,
        region: world::CITY.into(),
        post_logout_redirect_uris: vec![format!("{at}/signed-out")],
        ..NewClient::portal(id, names, NewAuth::PrivateKeyJwt(keys), &format!("{at}/callback"))
    };
    provision::client(
        idp,
        NewClient {
            scopes: scopes(&["openid", "profile", "organisation", "id_number", "offline_access"]),
            is_resource: Some(signer.clone()),
            number_purpose: names("用来找到您的证照", "to find your licences"),
            ..own("licence-signer", names("电子证照", "Electronic licences"), signer_keys, &signer)
        },
    )
    .await?;
    provision::client(
        idp,
        NewClient {
            scopes: scopes(&["openid", "profile", "organisation", "offline_access", "verify"]),
            resources: BTreeSet::from([desk.clone()]),
            is_resource: Some(desk.clone()),
            grants: BTreeSet::from([GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::TokenExchange]),
            exchange: Some(ExchangeRule {
                aud: desk.clone(),
                resource: signer,
                scopes: scopes(&["presentation.resolve", "licence.lookup", "licence.read"]),
            }),
            ..own("verifier-desk", names("证照核验台", "Verification desk"), desk_keys, &desk)
        },
    )
    .await?;
    Ok(())
}

async fn citizen_portal(idp: &Idp, secret: String) -> Result<(), Failure> {
    let citizen = url(8083);
    provision::client(
        idp,
        NewClient {
            operator: names("示范市数据局", "Data Bureau of Shifan City"),
            acts_for_organisations: true,
            region: world::CITY.into(),
            scopes: scopes(&PORTAL_SCOPES),
            post_logout_redirect_uris: vec![format!("{citizen}/signed-out")],
            ..NewClient::portal(
                "citizen-portal",
                names("示范市市民个人网页", "Citizens' pages of Shifan City"),
                NewAuth::SecretBasic(secret),
                &format!("{citizen}/callback"),
            )
        },
    )
    .await?;
    Ok(())
}

async fn project_portal(idp: &Idp, keys: Value) -> Result<(), Failure> {
    let project = url(8085);
    let mut scopes = scopes(&PORTAL_SCOPES);
    scopes.insert("licence.lookup".into());
    provision::client(
        idp,
        NewClient {
            operator: names("示范省发展和改革委员会", "Development and Reform Commission of Shifan Province"),
            acts_for_organisations: true,
            region: world::PROVINCE.into(),
            scopes,
            resources: BTreeSet::from([url(8081)]),
            organisation: Some(world::REFORM.into()),
            grants: BTreeSet::from([
                GrantType::AuthorizationCode,
                GrantType::RefreshToken,
                GrantType::ClientCredentials,
            ]),
            post_logout_redirect_uris: vec![format!("{project}/signed-out")],
            ..NewClient::portal(
                "project-portal",
                names("投资项目在线审批监管平台", "Investment Projects Approval Platform"),
                NewAuth::PrivateKeyJwt(keys),
                &format!("{project}/callback"),
            )
        },
    )
    .await?;
    Ok(())
}

/// Departments' own systems.
async fn systems(idp: &Idp, secrets: &BTreeMap<String, String>) -> Result<(), Failure> {
    for (id, department, zh, en) in [
        ("police-system", world::POLICE, "公安局业务系统", "Police system"),
        ("market-system", world::MARKET, "市场监督管理局业务系统", "Market bureau's system"),
        ("hrss-system", world::HRSS, "人力资源和社会保障局业务系统", "HRSS bureau's system"),
    ] {
        let secret = secrets.get(id).map(String::as_str).unwrap_or_default();
        let mut client = NewClient::system(id, names(zh, en), secret, department, &url(8081), &AT_SIGNER);
        client.region = world::CITY.into();
        client.scopes.insert("verify".into());
        client.resources.insert(url(8082));
        provision::client(idp, client).await?;
    }
    Ok(())
}
