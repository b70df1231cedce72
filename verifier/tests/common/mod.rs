//! Other people's test data: where it lies, and that enough of it ran.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::print_stdout, clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The folder of the vectors: `XINYIN_VECTORS`, or `../shared/vectors` beside the repository; none if absent.
pub fn folder(suite: &str) -> Option<PathBuf> {
    let from_environment = std::env::var_os("XINYIN_VECTORS").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|folder| folder.join("../shared/vectors"))
        .find(|folder| folder.is_dir());
    let folder = from_environment.or(beside).map(|folder| folder.join(suite)).filter(|folder| folder.is_dir());
    if folder.is_none() {
        println!("{suite}: NOT RUN, the vectors are absent (set XINYIN_VECTORS)");
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{suite}: vectors are required here");
    }
    folder
}

/// A file of JSON.
pub fn json(path: impl AsRef<Path>) -> Value {
    let path = path.as_ref();
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Says how many cases ran, and that they were enough.
pub fn ran(suite: &str, cases: usize, least: usize) {
    println!("{suite}: {cases} cases ran");
    assert!(cases >= least, "{suite}: {cases} cases ran, at least {least} should");
}

/// The text of a member.
pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} is no text"))
}
