//! `xinyin audit verify`.

use std::path::Path;
use std::process::ExitCode;

use serde_json::json;
use store::Db;
use store::audit::{Head, Verification};

use super::{Failure, Outcome, demonstration_database, read_config};
use crate::cli::Format;
use crate::out;

/// The services of the demonstration that keep a record.
const SERVICES: [&str; 3] = ["idp", "licence-signer", "desk"];

/// Walks the record of one service, or of each one of the demonstration.
pub(crate) async fn verify(config: Option<&Path>, data: &Path, known: Option<&str>, format: Format) -> Outcome {
    let known = known.map(head).transpose()?;
    let mut whole = true;
    for (name, url) in databases(config, data)? {
        let db = Db::open(&url, &[]).await?;
        let found = store::audit::verify(&db, known.as_ref()).await?;
        db.close().await;
        whole &= found.is_whole();
        print(&name, &found, format);
    }
    Ok(if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A head as a run prints it.
fn head(text: &str) -> Result<Head, Failure> {
    let wrong = || Failure::usage("--head: SIZE:DIGEST, as an earlier run printed it");
    let (size, digest) = text.split_once(':').ok_or_else(wrong)?;
    let is_digest = digest.len() == 64 && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    match size.parse() {
        Ok(size) if is_digest && size > 0 => Ok(Head { size, digest: digest.to_owned() }),
        _ => Err(wrong()),
    }
}

fn databases(config: Option<&Path>, data: &Path) -> Result<Vec<(String, String)>, Failure> {
    if let Some(file) = config {
        let config = read_config(file)?;
        return Ok(vec![(config.external_url, config.database.url)]);
    }
    let found: Vec<_> = SERVICES
        .iter()
        .filter(|service| data.join(format!("{service}.db")).is_file())
        .map(|service| ((*service).to_owned(), demonstration_database(data, service)))
        .collect();
    if found.is_empty() {
        return Err(Failure::usage(format!(
            "no databases in {}; give --data, or --config of a service",
            data.display()
        )));
    }
    Ok(found)
}

fn print(name: &str, found: &Verification, format: Format) {
    if format == Format::Json {
        out::line(&json!({ "service": name, "whole": found.is_whole(), "found": found }).to_string());
        return;
    }
    let state = match &found.first_break {
        None => "whole".to_owned(),
        Some(first) => format!("BROKEN: {first}"),
    };
    let open = match found.open_since {
        Some(since) if found.open_rows > 0 => {
            format!("; {} rows since {since} not chained yet", found.open_rows)
        }
        _ => String::new(),
    };
    let Head { size, digest } = &found.head;
    out::line(&format!("{name}: {state}, {} rows, head {size}:{digest}{open}", found.checked));
}
