//! `xinyin client list` and `xinyin client end`.

use std::collections::BTreeSet;
use std::process::ExitCode;

use idp::Idp;
use idp::client::{AuthMethod, Client, GrantType, Origin};
use keys::sources::Sources;
use serde::Serialize;
use serde_json::json;
use store::Db;
use web::Lang;
use web::outbound::{Outbound, OutboundSettings};

use super::{Failure, Outcome, demonstration_database, read_config};
use crate::cli::{Format, IdpArgs, Service};
use crate::config::Config;
use crate::serve::{self, Base, open};
use crate::{out, up};

/// Where a registration comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Source {
    /// It stands in the configuration.
    File,
    /// It stood there once.
    LeftOver,
    /// `client add` made it, or `up`.
    Added,
}

impl Source {
    fn of(client: &Client, named: &BTreeSet<&str>) -> Self {
        if named.contains(client.client_id.as_str()) {
            Self::File
        } else if client.origin == Origin::Configuration {
            Self::LeftOver
        } else {
            Self::Added
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::LeftOver => "left_over",
            Self::Added => "added",
        }
    }
}

/// Prints the registered clients; nothing secret is among it.
pub(crate) async fn list(args: &IdpArgs, format: Format) -> Outcome {
    let config = args.config.as_deref().map(read_config).transpose()?;
    let idp = open(args).await?;
    let found = all(&idp).await;
    idp.db().close().await;
    let found = found?;
    let named = named(config.as_ref());
    match format {
        Format::Json => {
            let clients: Vec<_> = found.iter().map(|client| described(client, Source::of(client, &named))).collect();
            out::line(&json!({ "clients": clients }).to_string());
        }
        Format::Text => print(&found, &named),
    }
    Ok(ExitCode::SUCCESS)
}

/// Ends a client that no configuration would bring back.
pub(crate) async fn end(client_id: &str, args: &IdpArgs, format: Format) -> Outcome {
    let config = args.config.as_deref().map(read_config).transpose()?;
    if named(config.as_ref()).contains(client_id) {
        return Err(Failure::new(format!(
            "client {client_id} stands in the configuration, and the next start would register it anew; take it out there first"
        )));
    }
    let idp = open(args).await?;
    let ended = idp::provision::end_client(&idp, client_id).await;
    idp.db().close().await;
    let Some(ended) = ended? else {
        return Err(Failure::new(format!("no client {client_id} is registered; `xinyin client list` names them")));
    };
    if format == Format::Json {
        let (grants, consents) = (ended.grants, ended.consents);
        out::line(
            &json!({ "client_id": client_id, "grants_revoked": grants, "consents_forgotten": consents }).to_string(),
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// idp of the configuration, or of the demonstration, which may be running meanwhile.
pub(super) async fn open(args: &IdpArgs) -> Result<Idp, Failure> {
    web::install_crypto();
    if let Some(file) = &args.config {
        let config = read_config(file)?;
        serve::check(Service::Idp, &config)?;
        return open::idp(&config, Base::open(&config)?).await;
    }
    let folder = args.data.join("keys");
    if !folder.join("idp.keys").is_file() {
        return Err(Failure::usage(format!(
            "no demonstration in {}; give --data, or --config of idp",
            args.data.display()
        )));
    }
    let keys = open::key_store(&folder.join("idp.keys"), &folder.join("passphrase"))?;
    let db = Db::open(&demonstration_database(&args.data, "idp"), idp::MIGRATIONS).await?;
    let outbound = Outbound::new(&OutboundSettings::default())?;
    Ok(Idp::open(up::idp_settings()?, db, keys, Sources::system(), outbound)?)
}

fn named(config: Option<&Config>) -> BTreeSet<&str> {
    config.iter().flat_map(|config| &config.clients).map(|client| client.client_id.as_str()).collect()
}

async fn all(idp: &Idp) -> Result<Vec<Client>, Failure> {
    let mut found: Vec<Client> = Vec::new();
    loop {
        let after = found.last().map_or("", |client| client.client_id.as_str()).to_owned();
        let page = idp::provision::clients(idp, &after).await?;
        if page.is_empty() {
            return Ok(found);
        }
        found.extend(page);
    }
}

const fn method(client: &Client) -> &'static str {
    match client.auth {
        AuthMethod::ClientSecretBasic { .. } => "client_secret_basic",
        AuthMethod::ClientSecretPost { .. } => "client_secret_post",
        AuthMethod::PrivateKeyJwt { .. } => "private_key_jwt",
        AuthMethod::None => "none",
    }
}

fn described(client: &Client, source: Source) -> serde_json::Value {
    let grants: Vec<_> = client.grants.iter().map(|grant: &GrantType| grant.as_str()).collect();
    json!({
        "client_id": client.client_id.as_str(), "name": client.name.get(Lang::ZhCn), "source": source,
        "auth_method": method(client), "grants": grants, "scopes": client.scopes, "resources": client.resources,
        "redirect_uris": client.redirect_uris, "sector": client.sector, "region": client.region,
        "organisation": client.organisation,
    })
}

fn print(found: &[Client], named: &BTreeSet<&str>) {
    let width = found.iter().map(|client| client.client_id.as_str().len()).max().unwrap_or(0);
    for client in found {
        let (id, source) = (client.client_id.as_str(), Source::of(client, named).word());
        out::line(&format!("{id:width$}  {source:9}  {:19}  {}", method(client), client.name.get(Lang::ZhCn)));
    }
}
