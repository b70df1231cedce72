//! `xinyin client add`.

use std::process::ExitCode;

use idp::Idp;
use keys::sources::Sources;
use serde_json::json;
use store::Db;
use verifier::encoding::b64u;
use web::outbound::{Outbound, OutboundSettings};
use zeroize::Zeroizing;

use super::{Failure, Outcome, demonstration_database, read_config};
use crate::cli::{ClientAdd, Format, Service};
use crate::config::Client;
use crate::serve::{self, Base, client, open};
use crate::{out, up};

/// Registers a relying party and prints its secret, which nobody can read again.
pub(crate) async fn add(args: &ClientAdd) -> Outcome {
    let known = registration(args);
    let secret = match args.auth_method.as_str() {
        "client_secret_basic" | "client_secret_post" => {
            Some(Zeroizing::new(b64u::encode(Sources::system().bytes::<32>()?)))
        }
        _ => None,
    };
    let new = client::new(&known, secret.as_ref().map(|secret| secret.as_str()))?;
    let idp = open(args).await?;
    let registered = idp.client(&mut idp.db().reader().await?, &args.client_id).await?;
    if registered.is_some() {
        idp.db().close().await;
        return Err(Failure::new(format!(
            "client {} is registered already; choose another --client-id",
            args.client_id
        )));
    }
    let done = idp::provision::client(&idp, new).await;
    idp.db().close().await;
    done?;
    match (args.format, &secret) {
        (Format::Json, Some(secret)) => {
            out::line(&json!({ "client_id": args.client_id, "client_secret": secret.as_str() }).to_string());
        }
        (Format::Json, None) => out::line(&json!({ "client_id": args.client_id }).to_string()),
        (Format::Text, Some(secret)) => out::line(secret),
        (Format::Text, None) => {}
    }
    Ok(ExitCode::SUCCESS)
}

fn registration(args: &ClientAdd) -> Client {
    Client {
        client_id: args.client_id.clone(),
        name: Some(args.name.clone()),
        operator: None,
        organisation: args.organisation.clone(),
        region: args.region.clone(),
        sector: args.sector.clone().unwrap_or_else(|| args.client_id.clone()),
        redirect_uris: args.redirect_uris.clone(),
        post_logout_redirect_uris: args.post_logout_redirect_uris.clone(),
        auth_method: args.auth_method.clone(),
        secret_file: None,
        jwks_file: args.jwks_file.clone(),
        grants: None,
        scopes: args.scope.split_ascii_whitespace().map(str::to_owned).collect(),
        is_resource: None,
        trusted: false,
        number_purpose: None,
        resources: args.resources.clone(),
        exchange: None,
        organisations: args.organisations,
        danger_pkce_optional: args.danger_pkce_optional,
        id_token_alg: Some(args.id_token_alg.clone()),
    }
}

/// idp of the configuration, or of the demonstration, which may be running meanwhile.
async fn open(args: &ClientAdd) -> Result<Idp, Failure> {
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
