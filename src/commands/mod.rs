//! The commands, a file each. A command is quiet on success, and explains a failure with the next step.

mod audit;
mod client_add;
mod clients;
mod config_check;
mod conformance;
mod doctor;
mod keys;
mod load;
mod verify;

use std::path::Path;
use std::process::ExitCode;

pub(crate) use audit::verify as audit_verify;
pub(crate) use client_add::add as client_add;
pub(crate) use clients::{end as client_end, list as client_list};
pub(crate) use config_check::check as config_check;
pub(crate) use conformance::conformance_config;
pub(crate) use doctor::doctor;
pub(crate) use keys::keys;
pub(crate) use load::load;
pub(crate) use verify::verify;

/// Why a command failed: one clear sentence, printed by `main`.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The sentence.
    pub sentence: String,
    /// The exit code.
    pub code: u8,
}

impl Failure {
    /// A failure with exit code 1.
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), code: 1 }
    }

    /// Wrong usage: exit code 64.
    pub(crate) fn usage(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), code: 64 }
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut sentence = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !sentence.contains(&text) {
                sentence.push_str(": ");
                sentence.push_str(&text);
            }
            source = cause.source();
        }
        Self::new(sentence)
    }
}

/// What a command answers.
pub(crate) type Outcome = Result<ExitCode, Failure>;

/// The address of a database in the demonstration's folder.
pub(crate) fn demonstration_database(data: &Path, service: &str) -> String {
    format!("sqlite://{}", data.join(format!("{service}.db")).display())
}

/// The configuration in a file, with the variables of this process.
pub(crate) fn read_config(file: &Path) -> Result<crate::config::Config, Failure> {
    let folder = file.parent().unwrap_or(Path::new(""));
    Ok(crate::config::Layers::read(file, std::env::vars())?.config()?.rooted_at(folder))
}
