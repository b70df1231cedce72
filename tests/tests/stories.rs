//! The stories: each module is one.

mod browser;
mod signer;
mod statements;
mod store;
