//! Every SQL statement that stands in a service's source prepares against that service's tables, on both databases.

use std::path::{Path, PathBuf};

use store::{Db, Migration};
use xinyin_tests::Backend;
use xinyin_tests::backend::on_both;
use xinyin_tests::folder::repository;

/// Service, its folder, its tables, and the fewest statements that its source holds.
type Service = (&'static str, &'static str, &'static [Migration], usize);

const SERVICES: &[Service] = &[
    ("idp", "idp/src", idp::storage::MIGRATIONS, 20),
    ("licence-signer", "licence-signer/src", licence_signer::storage::MIGRATIONS, 40),
    ("verifier-desk", "verifier/desk/src", verifier_desk::MIGRATIONS, 8),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_prepares() {
    on_both(async |backend| {
        for (name, folder, migrations, fewest) in SERVICES {
            let database = backend.fresh("statements").await;
            let db = Db::open(&database.url, migrations).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
            let mut wrong = Vec::new();
            let mut count = 0;
            for (place, sql) in statements(&repository().join(folder)) {
                if for_the_other(backend, &place, &sql) {
                    continue;
                }
                count += 1;
                if let Err(error) = db.prepare(sql.clone().leak()).await {
                    wrong.push(format!("{place}: {error:?}\n{sql}"));
                }
            }
            assert!(wrong.is_empty(), "{name} on {backend:?}:\n{}", wrong.join("\n\n"));
            assert!(count >= *fewest, "{name}: only {count} statements were found");
            db.close().await;
        }
    })
    .await;
}

fn for_the_other(backend: Backend, place: &str, sql: &str) -> bool {
    match backend {
        Backend::Sqlite => place.ends_with("_POSTGRES") || sql.contains("SKIP LOCKED") || sql.contains("pg_"),
        Backend::Postgres => place.ends_with("_SQLITE"),
    }
}

/// The string literals below `folder` that begin as a statement does, with the place and the name before them; pieces
/// that are put together at run time or by `concat!` are left to the stories that run them, and what stands behind `#[cfg(test)]` is left out.
fn statements(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for file in sources(folder) {
        let text = std::fs::read_to_string(&file).expect("a source is text");
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        let mut rest = text;
        while let Some(at) = rest.find('"') {
            let before = &rest[..at];
            let raw = before.ends_with("r#");
            let close = if raw { "\"#" } else { "\"" };
            let inside = &rest[at + 1..];
            let end = if raw { inside.find(close) } else { end_of_literal(inside) }.unwrap_or(inside.len());
            let literal = &inside[..end];
            let name = before.rsplit_once("const ").map_or("", |(_, name)| name);
            let name = name.split(':').next().unwrap_or_default().trim();
            let built = literal.matches('(').count() != literal.matches(')').count();
            let whole = !built && !before.trim_end().ends_with("concat!(");
            if whole
                && ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH "].iter().any(|verb| literal.starts_with(verb))
            {
                let line = text[..text.len() - rest.len() + at].lines().count();
                let sql = literal.replace("\\\n", "").replace("\\\"", "\"");
                found.push((format!("{}:{line} {name}", file.display()), sql));
            }
            rest = inside.get(end + close.len()..).unwrap_or_default();
        }
    }
    found
}

fn end_of_literal(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends.then_some(at)
    })
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder of sources").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}
