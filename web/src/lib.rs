//! What every service shares toward the network: pages, words, refusals, headers, cookies, the server's loop, telemetry, the
//! one door out, and the relying party's side of idp.
//!
//! A service builds its `axum::Router`, describes itself once as a [`site::Site`] and hands both to [`shell::shell`]. Handlers
//! take [`asker::Asker`] (who asks: language, incident number, cookies) and answer with [`page::Page`], [`input::Json`] or
//! [`problem::Problem`]; the shell renders both into what the asker wants.
//!
//! axum serves HEAD from `get` handlers by itself: a `get` handler therefore never spends anything (a code, a try, a link);
//! what spends is a POST from a page (RFC 9110 §9.2.1).

pub mod access_token;
pub mod asker;
pub mod claims;
pub mod cookie;
pub mod csrf;
pub mod headers;
pub mod html;
pub mod input;
pub mod issuer_keys;
pub mod outbound;
pub mod page;
pub mod problem;
pub mod relying_party;
pub mod serve;
pub mod shell;
pub mod site;
pub mod telemetry;
pub mod words;

mod assets;
mod form_text;

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
