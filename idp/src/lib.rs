//! The identity provider: OpenID Connect for natural persons, who may act for organisations.
//!
//! A request travels `http` → `flow` → `storage` → rules (`client`, `grant`, `token`, `account`, `mandate`).

pub mod account;
pub mod assurance;
pub mod client;
pub mod error;
pub mod http;
pub mod ids;
pub mod interaction;
pub mod mandate;
pub mod session;
pub mod settings;
pub mod storage;

pub(crate) mod digest;
pub(crate) mod grant;

use std::sync::Arc;

use keys::sources::Sources;
use store::{Db, Tx};

use crate::client::Client;
use crate::error::Error;
use crate::settings::Settings;

/// The service: everything that its handlers share. Cheap to clone.
#[derive(Clone)]
pub struct Idp(Arc<Inner>);

struct Inner {
    settings: Settings,
    db: Db,
    sources: Sources,
}

impl Idp {
    /// What the installation decided.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The database.
    pub fn db(&self) -> &Db {
        &self.0.db
    }

    /// Time and chance.
    pub fn sources(&self) -> &Sources {
        &self.0.sources
    }

    pub(crate) async fn client(&self, _tx: &mut Tx, _client_id: &str) -> Result<Option<Arc<Client>>, Error> {
        Ok(None)
    }

    pub(crate) fn open_login_hint(&self, _id: &str, _sealed: &[u8]) -> Result<String, Error> {
        Ok(String::new())
    }
}

impl std::fmt::Debug for Idp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Idp({})", self.0.settings.issuer_text())
    }
}
