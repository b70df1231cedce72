//! `xinyin client add`.

use std::process::ExitCode;

use keys::sources::Sources;
use serde_json::json;
use verifier::encoding::b64u;
use zeroize::Zeroizing;

use super::{Failure, Outcome};
use crate::cli::{ClientAdd, Format};
use crate::config::Client;
use crate::out;
use crate::serve::client;

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
    let idp = super::clients::open(&args.idp).await?;
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
