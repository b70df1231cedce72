//! The stories: each module is one.

mod browser;
mod commands;
mod callers;
mod deployment;
mod documents;
mod foreign;
mod idp;
mod issuing;
mod licences;
mod main_job;
mod registers;
mod resolving;
mod samples;
mod sessions;
mod sign_on;
mod signer;
mod statements;
mod store;
mod tutorials;
