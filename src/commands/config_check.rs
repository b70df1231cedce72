//! `xinyin config check`.

use std::path::Path;
use std::process::ExitCode;

use serde_json::json;

use super::Outcome;
use crate::cli::Format;
use crate::config::{Layers, purpose};
use crate::{out, serve};

/// Prints every value in force and where it came from; refuses what a service would refuse.
pub(crate) fn check(file: &Path, format: Format) -> Outcome {
    let layers = Layers::read(file, std::env::vars())?;
    let listing = layers.listing();
    let whole = layers.config();
    match format {
        Format::Json => {
            let values: Vec<_> = listing
                .iter()
                .map(|(key, value, source)| json!({ "key": key, "value": value, "source": source, "purpose": purpose(key) }))
                .collect();
            let problem = match &whole {
                Ok(config) => serve::check(serve::service_of(config), config).err().map(|failure| failure.sentence),
                Err(error) => Some(error.to_string()),
            };
            out::line(&json!({ "file": file, "values": values, "problem": problem }).to_string());
        }
        Format::Text => {
            let width = listing.iter().map(|row| row.0.len()).max().unwrap_or(0);
            for (key, value, source) in &listing {
                out::line(&format!("{key:width$}  {value}    ({source})"));
            }
        }
    }
    let config = whole?;
    serve::check(serve::service_of(&config), &config)?;
    Ok(ExitCode::SUCCESS)
}
