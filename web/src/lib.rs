//! What every service shares toward the network: pages, words, refusals, headers, cookies, the server's loop, telemetry, the
//! one door out, and the relying party's side of idp.
//!
//! A service builds its `axum::Router`, describes itself once as a [`site::Site`] and hands both to [`shell::shell`]. Handlers
//! take [`asker::Asker`] (who asks: language, incident number, cookies) and answer with [`page::Page`], [`input::Json`] or
//! [`problem::Problem`]; the shell renders both into what the asker wants.
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use axum::{Router, routing::get};
//! # use web::{Asker, Html, Page, Problem, Site, Vocabulary, words::Bilingual};
//! async fn licence(asker: Asker) -> Result<Page, Problem> {
//!     let main = Html::already_escaped("<h1>…</h1>"); // an askama template's, in a service
//!     Ok(Page::new(&asker, asker.words().get("title-licence"), main).who("…"))
//! }
//!
//! # async fn start(sources: keys::sources::Sources) -> Result<(), Box<dyn std::error::Error>> {
//! let vocabulary = Vocabulary::new(&[])?; // the sources of the service's own crate
//! let brand = Bilingual::new("信印 电子证照", "Xinyin Licences");
//! let site = Arc::new(Site::new("signer", "http://localhost:8081".parse()?, brand, vocabulary, sources)?);
//! let app = web::shell::shell(Router::new().route("/licence", get(licence)), &site, Default::default());
//! let listeners = vec![web::serve::Listener::loopback(8081).await?];
//! web::serve::run(listeners, app, Default::default(), std::future::pending()).await;
//! # Ok(()) }
//! ```
//!
//! axum serves HEAD from `get` handlers by itself: a `get` handler therefore never spends anything (a code, a try, a link);
//! what spends is a POST from a page (RFC 9110 §9.2.1).

pub mod access_token;
pub mod asker;
pub mod claims;
pub mod cookie;
pub mod csrf;
pub mod dates;
pub mod headers;
pub mod html;
pub mod icons;
pub mod input;
pub mod issuer_keys;
pub mod outbound;
pub mod page;
pub mod page_session;
pub mod problem;
pub mod relying_party;
pub mod serve;
pub mod shell;
pub mod site;
pub mod telemetry;
pub mod words;

mod about;
mod assets;
mod form_text;
mod slow;
mod tls;

pub use asker::Asker;
pub use html::Html;
pub use input::{Form, Json, Query};
pub use page::Page;
pub use problem::Problem;
pub use site::Site;
pub use words::{Lang, Vocabulary, Words};

/// Installs ring as the process's provider of TLS. Called once by `main` (and by tests) before any TLS or outbound call; a
/// second call changes nothing.
pub fn install_crypto() {
    // The only failure is that a provider stands already, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
