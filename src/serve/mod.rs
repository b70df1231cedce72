//! `xinyin serve`: one service by itself, from a configuration file.

pub(crate) mod client;
pub(crate) mod open;
pub(crate) mod rules;

use std::fs::File;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use idp::Idp;
use licence_signer::LicenceSigner;
use store::Db;
use tokio::sync::watch;
use verifier_desk::Desk;
use web::serve::{Limits, Listener, Tls};
use web::telemetry::LogFormat;

use crate::cli::{Serve, Service};
use crate::commands::{Failure, Outcome, read_config};
use crate::config::Config;
use crate::signals;
pub(crate) use open::Base;
pub(crate) use rules::{check, founding, service_of};

/// How often the key store is read again, so that another process's change is seen.
const KEYS_READ_AGAIN: Duration = Duration::from_secs(30);

/// The service at work.
enum Running {
    Idp(Idp),
    LicenceSigner(LicenceSigner),
    Desk(Desk),
}

/// Runs a service until it is told to stop.
pub(crate) async fn serve(args: &Serve) -> Outcome {
    let config = read_config(&args.config)?;
    check(args.service, &config)?;
    web::install_crypto();
    let format = if config.log.format == "text" { LogFormat::Text } else { LogFormat::Json };
    web::telemetry::init(&config.log.level, format);
    let listener = listen(&config).await?;
    let _alone = alone(&config)?;
    let base = Base::open(&config)?;
    let keys = base.keys.clone();
    let running = match args.service {
        Service::Idp => Running::Idp(identity(&config, base).await?),
        Service::LicenceSigner => Running::LicenceSigner(open::licence_signer(&config, base).await?),
        Service::Desk => Running::Desk(open::desk(&config, base).await?),
    };
    let (stop, stopped) = watch::channel(false);
    let addresses: Vec<SocketAddr> = listener.addresses();
    let serving =
        tokio::spawn(web::serve::run(vec![listener], running.router(), Limits::default(), wait(stopped.clone())));
    tracing::info!(?addresses, url = config.external_url, "{:?} is listening", args.service);
    let beside = async {
        tokio::join!(running.background(wait(stopped.clone())), read_keys_again(&keys, wait(stopped.clone())));
    };
    let end = async {
        signals::stop().await;
        tracing::info!("stopping: requests under way are finished first");
        // An error means that nobody runs any more.
        let _ = stop.send(true);
    };
    tokio::join!(beside, end);
    // It fails only if serving panicked, and then there is nothing to wait for.
    let _ = serving.await;
    running.db().close().await;
    Ok(ExitCode::SUCCESS)
}

/// idp, after a word on clients that are in its database alone.
async fn identity(config: &Config, base: Base) -> Result<Idp, Failure> {
    let idp = open::idp(config, base).await?;
    for client in open::left_over(config, idp.db()).await? {
        tracing::warn!(
            client,
            "this client is no longer in the configuration and still counts; end it with `xinyin client end`"
        );
    }
    Ok(idp)
}

/// On SQLite one process serves a file: keeps others away until it is dropped.
fn alone(config: &Config) -> Result<Option<File>, Failure> {
    let Some(path) = config.database.url.strip_prefix("sqlite://") else { return Ok(None) };
    let path = format!("{path}.lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|error| Failure::new(format!("database.url: cannot write {path}: {error}")))?;
    file.try_lock().map_err(|_| {
        Failure::new("database.url: another process serves this file; several processes need PostgreSQL")
    })?;
    Ok(Some(file))
}

impl Running {
    fn router(&self) -> Router {
        match self {
            Self::Idp(idp) => idp.router(),
            Self::LicenceSigner(signer) => signer.router(),
            Self::Desk(desk) => desk.router(),
        }
    }

    fn db(&self) -> &Db {
        match self {
            Self::Idp(idp) => idp.db(),
            Self::LicenceSigner(signer) => signer.db(),
            Self::Desk(desk) => desk.db(),
        }
    }

    async fn background(&self, stop: impl Future<Output = ()> + Send) {
        match self {
            Self::Idp(idp) => idp.run_background(stop).await,
            Self::LicenceSigner(signer) => signer.run_background(stop).await,
            Self::Desk(desk) => desk.run_background(stop).await,
        }
    }
}

async fn wait(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender has gone, which is a stop too.
    let _ = stopped.wait_for(|stop| *stop).await;
}

async fn read_keys_again(keys: &keys::KeyStore, stop: impl Future<Output = ()>) {
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => return,
            () = tokio::time::sleep(KEYS_READ_AGAIN) => {}
        }
        if let Err(error) = keys.reload_if_changed() {
            tracing::warn!(%error, "the key store could not be read again");
        }
    }
}

async fn listen(config: &Config) -> Result<Listener, Failure> {
    let listener = Listener::bind(rules::address("listen", &config.listen)?).await;
    let mut listener = listener
        .map_err(|error| Failure::new(format!("listen: {error}; stop what uses it, or give another address")))?;
    if let Some(tls) = &config.tls {
        listener =
            listener.tls(Tls::from_files(&tls.certificate, &tls.key).map_err(|error| tls_failure(config, &error))?);
    }
    Ok(listener)
}

fn tls_failure(config: &Config, error: &web::serve::ServeError) -> Failure {
    let files = config.tls.as_ref().map(|tls| format!("{}, {}", tls.certificate.display(), tls.key.display()));
    Failure::new(format!("tls ({}): {error}", files.unwrap_or_default()))
}
