//! The stories: each module is one.

mod browser;
mod documents;
mod deployment;
mod idp;
mod main_job;
mod signer;
mod statements;
mod store;
