//! licence-signer: departments define licence types and issue, suspend, resume and end e-licences; holders show them;
//! others look them up by office; everything stands in a public log.
//!
//! A request travels one way: `http → flow → storage → rules`. A licence does too: draft → prepared → recorded → logged →
//! sealed → checked → published. What is signed is written down before a key is used, and nothing leaves the house that
//! `verifier` does not read back with the same facts.

pub mod catalogue;
pub mod facts;
pub mod flow;
pub mod http;
pub mod issuance;
pub mod life_cycle;
pub mod lookup;
pub mod officer;
pub mod presentation;
pub mod provision;
pub mod samples;
mod settings;
mod signer;
pub mod storage;
mod world;

pub use settings::{Settings, StartError, Stop};
pub use signer::LicenceSigner;
pub use world::World;

tokio::task_local! {
    /// The incident number of the request at work, for the audit rows that it writes.
    static INCIDENT: String;
}

/// The incident number of the request at work.
pub(crate) fn incident() -> Option<String> {
    INCIDENT.try_with(Clone::clone).ok()
}

/// Runs `work` as part of the request with this incident number.
pub(crate) async fn within<T>(incident: String, work: impl Future<Output = T>) -> T {
    INCIDENT.scope(incident, work).await
}
