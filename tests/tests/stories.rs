//! The stories: each module is one.

mod browser;
mod deployment;
mod documents;
mod foreign;
mod idp;
mod licences;
mod main_job;
mod resolving;
mod samples;
mod sessions;
mod sign_on;
mod signer;
mod statements;
mod store;
