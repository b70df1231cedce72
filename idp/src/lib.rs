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
pub mod provision;
pub mod session;
pub mod settings;
pub mod storage;

pub(crate) mod browser;
pub(crate) mod cache;
pub(crate) mod digest;
pub(crate) mod flow;
pub(crate) mod grant;
pub(crate) mod idp;
pub(crate) mod oauth;
pub(crate) mod token;

pub use crate::idp::Idp;
pub use crate::settings::Settings;

/// The words of this service's pages: the protocol's and people's.
pub const WORDS: [web::words::Source; 2] = [
    web::words::Source {
        zh_cn: include_str!("../words/protocol.zh-CN.ftl"),
        en: include_str!("../words/protocol.en.ftl"),
    },
    web::words::Source { zh_cn: include_str!("../words/people.zh-CN.ftl"), en: include_str!("../words/people.en.ftl") },
];

/// The tables of idp, for `Db::open`.
pub use crate::storage::MIGRATIONS;
