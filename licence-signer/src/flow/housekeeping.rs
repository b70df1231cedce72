//! What runs beside the requests.

use std::time::Duration;

use tokio::sync::watch;

use super::{complete, sequence};
use crate::LicenceSigner;
use crate::storage::{presentations, tries};

/// How often what was left is looked for.
const RECOVER: Duration = Duration::from_secs(5);
/// Older than this, a recorded licence counts as left: its own request is done with it.
const LEFT_SECONDS: i64 = 15;
/// How often catalogue, keys and bundle are read again.
const REREAD: Duration = Duration::from_secs(30);
/// How often the bundle is published anew if it must be: its timestamp is renewed daily.
const PUBLISH_EVERY: u32 = 120;
/// How long an ended presentation is kept.
const KEEP_SECONDS: i64 = 86_400;

/// Runs all of it until `stop` is done.
pub(crate) async fn run(signer: &LicenceSigner, stop: impl Future<Output = ()> + Send) {
    let (end, ended) = watch::channel(false);
    let work = async {
        if let Err(error) = signer.publish_trust().await {
            tracing::error!(%error, "the trust bundle could not be published");
        }
        tokio::join!(
            sequence::run(signer, over(ended.clone())),
            store::audit::run(signer.beside(), signer.sources(), over(ended.clone())),
            recover(signer, ended.clone()),
            upkeep(signer, ended.clone()),
        );
    };
    let mut work = std::pin::pin!(work);
    tokio::select! {
        () = &mut work => {}
        () = stop => {
            end.send_replace(true);
            work.await;
        }
    }
}

async fn over(mut ended: watch::Receiver<bool>) {
    let _ = ended.wait_for(|ended| *ended).await;
}

/// Rests; `false` when it is time to stop.
async fn rest(ended: &mut watch::Receiver<bool>, time: Duration) -> bool {
    tokio::select! {
        _ = ended.wait_for(|ended| *ended) => false,
        () = tokio::time::sleep(time) => true,
    }
}

/// At start all that was left, later what its request gave up.
async fn recover(signer: &LicenceSigner, mut ended: watch::Receiver<bool>) {
    let mut older_than = 0;
    loop {
        let round = async {
            if let Err(error) = complete::recover(signer, older_than).await {
                tracing::warn!(%error, "recorded licences could not be looked for");
            }
        };
        tokio::select! {
            () = round => {}
            _ = ended.wait_for(|ended| *ended) => return,
        }
        older_than = LEFT_SECONDS;
        if !rest(&mut ended, RECOVER).await {
            return;
        }
    }
}

async fn upkeep(signer: &LicenceSigner, mut ended: watch::Receiver<bool>) {
    let mut round: u32 = 0;
    while rest(&mut ended, REREAD).await {
        round = round.wrapping_add(1);
        if let Err(error) = signer.key_store().reload_if_changed() {
            tracing::warn!(%error, "the key store could not be read again");
        }
        if let Err(error) = signer.reload().await {
            tracing::warn!(%error, "the catalogue could not be read again");
        }
        if round.is_multiple_of(PUBLISH_EVERY)
            && let Err(error) = signer.publish_trust().await
        {
            tracing::error!(%error, "the trust bundle could not be published");
        }
        if let Err(error) = signer.reload_trust().await {
            tracing::warn!(%error, "the trust bundle could not be read again");
        }
        if let Err(error) = sweep(signer).await {
            tracing::warn!(%error, "ended presentations, sessions and tries could not be swept");
        }
    }
}

async fn sweep(signer: &LicenceSigner) -> Result<(), store::StorageError> {
    let now = signer.sources().now();
    store::sweep(signer.beside(), &[store::page_sessions::SWEEP], now).await?;
    store::sweep(signer.beside(), &[tries::SWEEP], now.plus(-tries::PERIOD_SECONDS)).await?;
    let before = now.plus(-KEEP_SECONDS);
    let mut tx = signer.beside().begin().await?;
    presentations::sweep(&mut tx, before).await?;
    tx.commit().await
}
