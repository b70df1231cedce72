//! The stories: each module is one.

mod browser;
mod callers;
mod commands;
mod deployment;
mod desk;
mod documents;
mod foreign;
mod idp;
mod issuing;
mod keyboard;
mod languages;
mod licences;
mod main_job;
mod portal;
mod print;
mod registers;
mod resolving;
mod samples;
mod sessions;
mod sign_on;
mod signer;
mod statements;
mod store;
mod tutorials;
mod twice;
mod without_script;
