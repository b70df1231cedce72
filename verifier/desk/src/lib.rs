//! The verification desk: a page and an API that decide whether a document, a shown code or a looked-up licence is what it
//! says. A relying party of idp, a client of licence-signer, and a caller of `verifier`.
//!
//! Anyone may verify a document or an offline code. A presentation code, and looking a licence up, need a clerk who is
//! signed in at our idp for a department, or a department's client, and a matter, a case and a purpose.

pub mod desk;
pub mod http;
pub mod settings;

pub(crate) mod catalogue;
pub(crate) mod evidence;
pub(crate) mod flow;
pub(crate) mod page;
pub(crate) mod session;
pub(crate) mod signer;
pub(crate) mod storage;
pub(crate) mod trust;

pub use desk::{Desk, StartError};
pub use http::router::ROUTES;
pub use settings::{Settings, TrustSource};

/// The tables of the desk's database, for [`store::Db::open`].
pub const MIGRATIONS: &[store::Migration] = storage::MIGRATIONS;
