//! Starting everything, in an order in which each finds what it needs, and stopping it again.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use idp::Idp;
use idp::settings::{Register, Registers};
use keys::sources::Sources;
use keys::{KeyStore, Purpose};
use licence_signer::{LicenceSigner, Stop};
use tokio::sync::watch;
use tokio::task::JoinSet;
use verifier::encoding::hex;
use verifier_desk::{Desk, TrustSource};
use web::outbound::{Outbound, OutboundSettings};
use web::relying_party::{ClientAuthentication, RelyingParty, RelyingPartySettings};
use web::serve::{Limits, Listener};
use zeroize::Zeroizing;

use super::clients::{self, ServiceKeys};
use super::data::Data;
use super::load;
use super::say::{self, Progress};
use super::{PORTS, url};
use crate::cli::Up;
use crate::commands::{Failure, Outcome};
use crate::demo::portal::{Kind, Portal, PortalSettings};
use crate::demo::simulators::Simulators;
use crate::pins::{Pinned, Pins};
use crate::serve::rules;
use crate::signals;

/// The client under which idp calls the registers.
const REGISTER_CLIENT: &str = "idp";

/// Runs the demonstration in `folder` until it is told to stop.
pub(crate) async fn up(args: &Up) -> Outcome {
    let began = Instant::now();
    web::install_crypto();
    web::telemetry::init("warn", web::telemetry::LogFormat::Text);
    let stop_after = rules::stop_after(args.danger_stop_after.as_deref())?;
    let ground = Ground::lay(&args.data, stop_after).await?;
    let mut running = Running::default();
    let idp = ground.identity().await?;
    let (signer, root_sha256) = ground.licences(&mut running).await?;
    ground.portals(&mut running)?;
    running.serve(ground.listener("idp")?, idp.router());
    running.serve(ground.listener("licence-signer")?, signer.router());
    // The desk fetches its trust bundle from licence-signer, which listens by now.
    let desk = ground.desk(root_sha256).await?;
    running.serve(ground.listener("desk")?, desk.router());
    running.spawn({
        let (idp, stopped) = (idp.clone(), running.stopped());
        async move { idp.run_background(wait(stopped)).await }
    });
    running.spawn({
        let (desk, stopped) = (desk.clone(), running.stopped());
        async move { desk.run_background(wait(stopped)).await }
    });
    say::test_persons(&ground.data, &ground.secrets)?;
    ground.progress.done();
    say::ready(&ground.data, began.elapsed().as_secs_f64());
    signals::stop().await;
    running.stop().await;
    for db in [idp.db(), signer.db(), desk.db()] {
        db.close().await;
    }
    Ok(ExitCode::SUCCESS)
}

/// What all parts stand on.
struct Ground {
    data: Data,
    progress: Progress,
    sources: Sources,
    outbound: Outbound,
    /// Bound before anything else, so that a port in use is told at once.
    listeners: Mutex<BTreeMap<&'static str, Listener>>,
    keys: Keys,
    secrets: BTreeMap<String, String>,
    stop_after: Option<Stop>,
}

/// The key stores.
struct Keys {
    idp: KeyStore,
    signer: KeyStore,
    desk: KeyStore,
    project: KeyStore,
}

impl Ground {
    async fn lay(folder: &Path, stop_after: Option<Stop>) -> Result<Self, Failure> {
        let data = Data::open(folder)?;
        let progress = Progress::new(7);
        let sources = Sources::system();
        progress.step("addresses");
        let mut listeners = BTreeMap::new();
        for (name, port) in PORTS {
            let listener = Listener::loopback(port).await.map_err(|error| {
                let reason = Failure::from(error).sentence;
                Failure::new(format!("{name} cannot listen on port {port}: {reason}; stop what uses it"))
            })?;
            listeners.insert(name, listener);
        }
        let outbound = Outbound::new(&OutboundSettings {
            allowed_origins: PORTS.iter().map(|(_, port)| url(*port)).collect(),
            ..OutboundSettings::default()
        })?;
        progress.step("keys");
        let keys = Keys {
            idp: data.key_store("idp")?,
            signer: data.key_store("licence-signer")?,
            desk: data.key_store("desk")?,
            project: data.key_store("project-portal")?,
        };
        load::authority(&keys.signer, sources.now())?;
        let secrets = data.client_secrets(&clients::SECRET_CLIENTS, &sources)?;
        Ok(Self { data, progress, sources, outbound, listeners: Mutex::new(listeners), keys, secrets, stop_after })
    }

    /// The listener of a service; once.
    fn listener(&self, name: &str) -> Result<Listener, Failure> {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.remove(name).ok_or_else(|| Failure::new(format!("{name} is served twice")))
    }

    async fn identity(&self) -> Result<Idp, Failure> {
        self.progress.step("identity");
        let db = self.data.database("idp", idp::MIGRATIONS).await?;
        let idp = Idp::open(idp_settings()?, db, self.keys.idp.clone(), self.sources.clone(), self.outbound.clone())?;
        idp.prepare().await?;
        let now = self.sources.now();
        let keys = ServiceKeys {
            signer: load::assertion_keys(&self.keys.signer, now)?,
            desk: load::assertion_keys(&self.keys.desk, now)?,
            project: load::assertion_keys(&self.keys.project, now)?,
        };
        clients::clients(&idp, keys, &self.secrets).await?;
        self.progress.step("people");
        load::people(&idp).await?;
        Ok(idp)
    }

    /// licence-signer with its world and samples, and the fingerprint of its trust bundle's root.
    async fn licences(&self, running: &mut Running) -> Result<(LicenceSigner, String), Failure> {
        self.progress.step("licences");
        let db = self.data.database("licence-signer", licence_signer::storage::MIGRATIONS).await?;
        let mut settings = licence_signer::Settings::new(&url(8081), &url(8080), load::REGION);
        settings.place = "示范省 示范市".into();
        settings.demonstration = true;
        settings.danger_stop_after = self.stop_after;
        settings.danger_stop_aborts = true;
        let keys = self.keys.signer.clone();
        let signer = LicenceSigner::open(settings, db, keys, self.sources.clone(), self.outbound.clone()).await?;
        load::catalogue(&signer).await?;
        running.spawn({
            let (signer, stopped) = (signer.clone(), running.stopped());
            async move { signer.run_background(wait(stopped)).await }
        });
        load::licences(&signer, |n, of| self.progress.detail(format!("licence {n} of {of}"))).await?;
        self.progress.step("samples");
        let samples = self.data.file("samples");
        if !samples.join("manifest.json").is_file() {
            load::samples(&signer, &samples).await?;
        }
        let root_sha256 = pin(&signer, &samples).await?;
        Ok((signer, root_sha256))
    }

    async fn desk(&self, root_sha256: String) -> Result<Desk, Failure> {
        self.progress.step("desk");
        let db = self.data.database("desk", verifier_desk::MIGRATIONS).await?;
        let trust = TrustSource::Url { url: format!("{}/v1/trust-bundle", url(8081)), root_sha256 };
        let mut settings = verifier_desk::Settings::new(&url(8082), &url(8080), &url(8081), trust);
        settings.demonstration = true;
        settings.place = "示范市政务服务中心".into();
        settings.samples = Some(self.data.file("samples"));
        let keys = self.keys.desk.clone();
        Ok(Desk::open(settings, db, keys, self.sources.clone(), self.outbound.clone()).await?)
    }

    /// Both portals and the simulators.
    fn portals(&self, running: &mut Running) -> Result<(), Failure> {
        let now = self.sources.now();
        let secret = self.secrets.get("citizen-portal").cloned().unwrap_or_default();
        let citizen = ClientAuthentication::SecretBasic(Zeroizing::new(secret));
        let project = self.keys.project.ensure(&Purpose::ClientAssertion, now)?.active(now)?;
        let project = ClientAuthentication::PrivateKeyJwt(project);
        running.serve(self.listener("portal")?, self.portal(Kind::Citizen, 8083, citizen)?.router());
        running.serve(self.listener("project")?, self.portal(Kind::Project, 8085, project)?.router());
        let ring = self.keys.idp.ensure(&Purpose::ClientAssertion, now)?;
        let callers = vec![(REGISTER_CLIENT.to_owned(), ring.active(now)?.public_key().clone())];
        let simulators = Simulators::new(url(8084), callers, self.sources.clone());
        running.serve(self.listener("simulators")?, simulators.router());
        Ok(())
    }

    fn portal(&self, kind: Kind, port: u16, authentication: ClientAuthentication) -> Result<Portal, Failure> {
        let client_id = match kind {
            Kind::Citizen => "citizen-portal",
            Kind::Project => "project-portal",
        };
        let settings = RelyingPartySettings {
            issuer: url(8080),
            client_id: client_id.into(),
            authentication,
            redirect_uri: format!("{}/callback", url(port)),
            scopes: ["openid", "profile", "organisation"].map(String::from).to_vec(),
        };
        Ok(Portal::new(PortalSettings {
            kind,
            url: url(port),
            project_url: url(8085),
            signer_url: url(8081),
            relying_party: RelyingParty::new(settings, self.outbound.clone(), self.sources.clone()),
            outbound: self.outbound.clone(),
            sources: self.sources.clone(),
        })?)
    }
}

/// What runs until it is told to stop.
struct Running {
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Default for Running {
    fn default() -> Self {
        Self { tasks: JoinSet::new(), stop: watch::Sender::new(false) }
    }
}

impl Running {
    fn stopped(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    fn serve(&mut self, listener: Listener, router: axum::Router) {
        let stopped = self.stopped();
        self.spawn(web::serve::run(vec![listener], router, Limits::default(), wait(stopped)));
    }

    async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

async fn wait(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender has gone, which is a stop too.
    let _ = stopped.wait_for(|stop| *stop).await;
}

/// The settings of the demonstration's idp.
pub(crate) fn idp_settings() -> Result<idp::settings::Settings, Failure> {
    let mut settings = idp::settings::Settings::new(url(8080).parse()?);
    settings.demonstration = true;
    settings.place = "示范省 示范市".into();
    settings.region = load::REGION.into();
    settings.matter_names = load::matter_names()?;
    settings.help_phone = "0000-12345".into();
    let register = Register { url: url(8084).parse()?, client_id: REGISTER_CLIENT.into(), key: None };
    settings.registers =
        Registers { population: Some(register.clone()), legal_persons: Some(register.clone()), phone: Some(register) };
    Ok(settings)
}

/// Writes the root's fingerprint into this user's data folder, so that `verify` trusts the samples that `up` made; answers
/// the fingerprint.
async fn pin(signer: &LicenceSigner, samples: &Path) -> Result<String, Failure> {
    let bytes = signer.trust_bundle().await?.ok_or_else(|| Failure::new("licence-signer has no trust bundle"))?;
    let trust = verifier::trust::Trust::read_unexpired(bytes.as_bytes())?;
    let root_sha256 = hex::encode(trust.root_sha256());
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
