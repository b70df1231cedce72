//! The stories: each module is one.

mod browser;
mod deployment;
mod documents;
mod idp;
mod main_job;
mod signer;
mod statements;
mod store;
