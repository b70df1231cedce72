//! `xinyin keys init | list | rotate | export-trust`.

use std::path::Path;
use std::process::ExitCode;

use keys::authority::Authority;
use keys::publish::Bundle;
use keys::sources::Sources;
use keys::{KeyKind, KeyStore, Purpose, administration};
use serde_json::json;

use super::{Failure, Outcome, read_config};
use crate::cli::{Format, Keys, Service, StoreArgs};
use crate::out;
use crate::serve::{self, Base, open};

/// How long others keep the keys that we publish: a successor signs when all of them can know it.
const CACHE_LIFE_SECONDS: i64 = 300;

/// Does one of the commands about keys.
pub(crate) async fn keys(command: Keys) -> Outcome {
    match command {
        Keys::Init { service, config } => init(service, &config)?,
        Keys::List { store, format } => list(&store, format)?,
        Keys::Rotate { purpose, kind, store, format } => rotate(&purpose, kind.as_deref(), &store, format)?,
        Keys::ExportTrust { folder, config, format } => export_trust(&folder, &config, format).await?,
    }
    Ok(ExitCode::SUCCESS)
}

fn init(service: Service, config: &Path) -> Result<(), Failure> {
    let config = read_config(config)?;
    if service == Service::LicenceSigner {
        serve::founding(&config)?;
    }
    let path = &config.key_store.path;
    let passphrase = open::passphrase(&config.key_store.passphrase_file)?;
    let owner = match service {
        Service::Idp => administration::Service::Idp,
        Service::LicenceSigner => administration::Service::LicenceSigner,
        Service::Desk => administration::Service::Desk,
    };
    let now = Sources::system().now();
    let store = administration::init(path, &passphrase, owner, false, now)
        .map_err(|error| Failure::new(format!("key_store.path: {error}")))?;
    if service == Service::LicenceSigner
        && let Err(error) = Authority::found(&store, &open::founding(&config), now)
    {
        // What was made a moment ago holds no authority: the next try begins anew.
        std::fs::remove_file(path).ok();
        return Err(error.into());
    }
    Ok(())
}

fn store(args: &StoreArgs) -> Result<KeyStore, Failure> {
    match (&args.config, &args.store, &args.passphrase_file) {
        (Some(config), ..) => {
            let known = read_config(config)?.key_store;
            open::key_store(&known.path, &known.passphrase_file)
        }
        (None, Some(store), Some(passphrase_file)) => open::key_store(store, passphrase_file),
        _ => Err(Failure::usage("give --config, or --store and --passphrase-file")),
    }
}

fn list(args: &StoreArgs, format: Format) -> Result<(), Failure> {
    let lines = administration::list(&store(args)?, Sources::system().now());
    if format == Format::Json {
        out::line(&serde_json::to_string(&lines)?);
        return Ok(());
    }
    let width = lines.iter().map(|line| line.purpose.len()).max().unwrap_or(0);
    for line in lines {
        let at = line.at.map(|at| at.to_string()).unwrap_or_default();
        let until = line.signs_until.map(|until| format!("  signs until {until}")).unwrap_or_default();
        let withdrawn = if line.withdrawn { "  withdrawn" } else { "" };
        let (purpose, kind, kid, life) = (line.purpose, line.kind, line.kid, line.life);
        out::line(&format!("{purpose:width$}  {kind:6}  {kid:43}  {life:11}  {at}{until}{withdrawn}"));
    }
    Ok(())
}

fn rotate(purpose: &str, kind: Option<&str>, args: &StoreArgs, format: Format) -> Result<(), Failure> {
    let usage = |_| Failure::usage(format!("no such purpose or kind: {purpose}; `xinyin keys list` prints them"));
    let purpose: Purpose = purpose.parse().map_err(usage)?;
    let kind = kind.map_or_else(|| Ok(purpose.default_kind()), str::parse::<KeyKind>).map_err(usage)?;
    let made = administration::rotate(&store(args)?, &purpose, kind, CACHE_LIFE_SECONDS, Sources::system().now())?;
    match format {
        Format::Json => out::line(&json!({ "kid": made.kid, "active_from": made.active_from }).to_string()),
        Format::Text => out::line(&format!("{} is active from {}", made.kid, made.active_from)),
    }
    Ok(())
}

async fn export_trust(folder: &Path, config: &Path, format: Format) -> Result<(), Failure> {
    let config = read_config(config)?;
    serve::check(Service::LicenceSigner, &config)?;
    let base = Base::open(&config)?;
    let (keys, now) = (base.keys.clone(), base.sources.now());
    let signer = open::licence_signer(&config, base).await?;
    let published = signer.trust_bundle().await?;
    signer.db().close().await;
    let bundle = published.and_then(|text| Bundle::from_json(text.as_bytes()));
    let bundle = bundle.ok_or_else(|| {
        Failure::new("no trust bundle has been published yet; `xinyin load licence-signer` publishes the first")
    })?;
    std::fs::create_dir_all(folder)
        .map_err(|error| Failure::new(format!("cannot make the folder {}: {error}", folder.display())))?;
    let written = administration::export_trust(&keys, &bundle, folder, now)?;
    let [root, targets, timestamp] = written.versions;
    match format {
        Format::Json => out::line(
            &json!({ "root_sha256": written.root_sha256, "files": written.files,
                     "root": root, "targets": targets, "timestamp": timestamp })
            .to_string(),
        ),
        Format::Text => out::line(&written.root_sha256),
    }
    Ok(())
}
