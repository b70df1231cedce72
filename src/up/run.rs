//! Starting everything, in an order in which each finds what it needs, and stopping it again.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use idp::Idp;
use idp::settings::{Register, Registers};
use keys::Purpose;
use keys::sources::Sources;
use licence_signer::LicenceSigner;
use tokio::sync::watch;
use verifier_desk::{Desk, TrustSource};
use web::outbound::{Outbound, OutboundSettings};
use web::relying_party::{ClientAuthentication, RelyingParty, RelyingPartySettings};
use web::serve::{Limits, Listener};
use zeroize::Zeroizing;

use super::data::Data;
use super::load::{self, ServiceKeys};
use super::say::{self, Progress};
use super::{PORTS, url};
use crate::commands::{Failure, Outcome};
use crate::demo::portal::{Kind, Portal, PortalSettings};
use crate::demo::simulators::Simulators;
use crate::pins::{Pinned, Pins};
use crate::signals;

/// The client under which idp calls the registers.
const REGISTER_CLIENT: &str = "idp";

/// Runs the demonstration in `folder` until it is told to stop.
pub(crate) async fn up(folder: &Path) -> Outcome {
    let began = Instant::now();
    web::install_crypto();
    web::telemetry::init("warn", web::telemetry::LogFormat::Text);
    let data = Data::open(folder)?;
    let progress = Progress::new(9);
    let sources = Sources::system();
    progress.step("addresses");
    let mut listeners = Vec::new();
    for (name, port) in PORTS {
        let listener = Listener::loopback(port).await.map_err(|error| {
            Failure::new(format!(
                "{name} cannot listen on port {port}: {}; stop what uses it",
                Failure::from(error).sentence
            ))
        })?;
        listeners.push(listener);
    }
    let outbound = Outbound::new(&OutboundSettings {
        allowed_origins: PORTS.iter().map(|(_, port)| url(*port)).collect(),
        ..OutboundSettings::default()
    })?;
    progress.step("keys");
    let now = sources.now();
    let idp_keys = data.key_store("idp")?;
    let signer_keys = data.key_store("licence-signer")?;
    let desk_keys = data.key_store("desk")?;
    let project_keys = data.key_store("project-portal")?;
    load::authority(&signer_keys, now)?;
    let secrets = data.client_secrets(&load::SECRET_CLIENTS, &sources)?;

    progress.step("identity");
    let idp_db = data.database("idp", idp::MIGRATIONS).await?;
    let idp = Idp::open(idp_settings()?, idp_db, idp_keys.clone(), sources.clone(), outbound.clone())?;
    idp.prepare().await?;
    let service_keys = ServiceKeys {
        signer: load::assertion_keys(&signer_keys, now)?,
        desk: load::assertion_keys(&desk_keys, now)?,
        project: load::assertion_keys(&project_keys, now)?,
    };
    load::clients(&idp, service_keys, &secrets).await?;
    progress.step("people");
    load::people(&idp).await?;

    progress.step("licences");
    let signer_db = data.database("licence-signer", licence_signer::storage::MIGRATIONS).await?;
    let mut settings = licence_signer::Settings::new(&url(8081), &url(8080), load::REGION);
    settings.demonstration = true;
    let signer = LicenceSigner::open(settings, signer_db, signer_keys, sources.clone(), outbound.clone()).await?;
    load::catalogue(&signer).await?;

    let (stop, stopped) = watch::channel(false);
    let mut tasks = tokio::task::JoinSet::new();
    {
        let (signer, stopped) = (signer.clone(), stopped.clone());
        tasks.spawn(async move { signer.run_background(wait(stopped)).await });
    }
    load::licences(&signer, |n, of| progress.detail(format!("licences {n} of {of}"))).await?;

    progress.step("samples");
    let samples = data.file("samples");
    if !samples.join("manifest.json").is_file() {
        load::samples(&signer, &samples).await?;
    }
    let bundle = pin(&signer, &samples).await?;

    progress.step("desk");
    let desk_db = data.database("desk", verifier_desk::MIGRATIONS).await?;
    let trust = TrustSource::Url { url: format!("{}/v1/trust-bundle", url(8081)), root_sha256: bundle };
    let mut settings = verifier_desk::Settings::new(&url(8082), &url(8080), &url(8081), trust);
    settings.demonstration = true;
    settings.place = "示范市政务服务中心".into();
    settings.samples = Some(samples);

    progress.step("pages");
    let now = sources.now();
    let simulators = simulators(&idp_keys, &sources, now)?;
    let citizen = portal(Kind::Citizen, 8083, secret_auth(&secrets), &sources, &outbound)?;
    let project_key = project_keys.ensure(&Purpose::ClientAssertion, now)?.active(now)?;
    let project = portal(Kind::Project, 8085, ClientAuthentication::PrivateKeyJwt(project_key), &sources, &outbound)?;
    let mut routers = vec![
        Some(idp.router()),
        Some(signer.router()),
        None,
        Some(citizen.router()),
        Some(simulators.router()),
        Some(project.router()),
    ];
    let mut desk_listener = None;
    for (index, listener) in listeners.into_iter().enumerate() {
        match routers[index].take() {
            Some(router) => {
                tasks.spawn(web::serve::run(vec![listener], router, Limits::default(), wait(stopped.clone())));
            }
            None => desk_listener = Some(listener),
        }
    }
    // The desk fetches its trust bundle from licence-signer, which listens by now.
    let desk = Desk::open(settings, desk_db, desk_keys, sources.clone(), outbound).await?;
    if let Some(listener) = desk_listener {
        tasks.spawn(web::serve::run(vec![listener], desk.router(), Limits::default(), wait(stopped.clone())));
    }
    {
        let (idp, desk, stopped) = (idp.clone(), desk.clone(), stopped.clone());
        tasks.spawn(async move {
            tokio::join!(idp.run_background(wait(stopped.clone())), desk.run_background(wait(stopped)));
        });
    }
    say::test_persons(&data, &secrets)?;
    progress.step("ready");
    progress.done();
    say::ready(&data, began.elapsed().as_secs_f64());
    signals::stop().await;
    // An error means that nobody runs any more.
    let _ = stop.send(true);
    while tasks.join_next().await.is_some() {}
    for db in [idp.db(), signer.db(), desk.db()] {
        db.close().await;
    }
    Ok(ExitCode::SUCCESS)
}

async fn wait(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender has gone, which is a stop too.
    let _ = stopped.wait_for(|stop| *stop).await;
}

fn idp_settings() -> Result<idp::settings::Settings, Failure> {
    let mut settings = idp::settings::Settings::new(url(8080).parse()?);
    settings.demonstration = true;
    settings.place = "示范省 示范市".into();
    settings.region = load::REGION.into();
    settings.help_phone = "0000-12345".into();
    let register = Register { url: url(8084).parse()?, client_id: REGISTER_CLIENT.into() };
    settings.registers =
        Registers { population: Some(register.clone()), legal_persons: Some(register.clone()), phone: Some(register) };
    Ok(settings)
}

fn simulators(
    idp_keys: &keys::KeyStore,
    sources: &Sources,
    now: verifier::time::Timestamp,
) -> Result<Simulators, Failure> {
    let ring = idp_keys.ensure(&Purpose::ClientAssertion, now)?;
    let callers = vec![(REGISTER_CLIENT.to_owned(), ring.active(now)?.public_key().clone())];
    Ok(Simulators::new(url(8084), callers, sources.clone()))
}

fn secret_auth(secrets: &std::collections::BTreeMap<String, String>) -> ClientAuthentication {
    let secret = secrets.get("citizen-portal").cloned().unwrap_or_default();
    ClientAuthentication::SecretBasic(Zeroizing::new(secret))
}

fn portal(
    kind: Kind,
    port: u16,
    authentication: ClientAuthentication,
    sources: &Sources,
    outbound: &Outbound,
) -> Result<Portal, Failure> {
    let client_id = match kind {
        Kind::Citizen => "citizen-portal",
        Kind::Project => "project-portal",
    };
    let relying_party = RelyingParty::new(
        RelyingPartySettings {
            issuer: url(8080),
            client_id: client_id.into(),
            authentication,
            redirect_uri: format!("{}/callback", url(port)),
            scopes: ["openid", "profile", "organisation"].map(String::from).to_vec(),
        },
        outbound.clone(),
        sources.clone(),
    );
    Ok(Portal::new(PortalSettings {
        kind,
        url: url(port),
        project_url: url(8085),
        signer_url: url(8081),
        relying_party,
        outbound: outbound.clone(),
        sources: sources.clone(),
    })?)
}

/// Writes the root's fingerprint into this user's data folder, so that `verify` trusts the samples that `up` made; answers
/// the fingerprint.
async fn pin(signer: &LicenceSigner, samples: &Path) -> Result<String, Failure> {
    let bytes = signer.trust_bundle().await?.ok_or_else(|| Failure::new("licence-signer has no trust bundle"))?;
    let trust = verifier::trust::Trust::read_unexpired(bytes.as_bytes())?;
    let root_sha256: String = trust.root_sha256().iter().map(|byte| format!("{byte:02x}")).collect();
    let versions = trust.versions();
    let seen = Pinned {
        authority: trust.authority().to_owned(),
        root_sha256: root_sha256.clone(),
        root: versions.root,
        targets: versions.targets,
        timestamp: versions.timestamp,
        url: None,
        demonstration: true,
    };
    let mut pins = Pins::read()?;
    pins.remember(seen);
    pins.write()?;
    tokio::fs::write(samples.join("trust-bundle.json"), bytes.as_bytes()).await.ok();
    Ok(root_sha256)
}
