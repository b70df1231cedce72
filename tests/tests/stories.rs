//! The stories: each module is one.

mod browser;
mod idp;
mod signer;
mod statements;
mod store;
