//! Where the vectors are, and how they are read.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

/// The folder of vectors, or `None` (said plainly, and a failure under `CI=true`) where it is absent.
pub(crate) fn folder() -> Option<PathBuf> {
    let mut candidates: Vec<PathBuf> = std::env::var_os("XINYIN_VECTORS").map(PathBuf::from).into_iter().collect();
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    candidates.extend(own.ancestors().map(|folder| folder.join("../shared/vectors")));
    let found = candidates.into_iter().find(|folder| folder.join("xinyin").is_dir());
    if found.is_none() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "the vectors are absent");
        eprintln!("the vectors are absent: nothing was compared");
    }
    found
}

/// A JSON file of the vectors.
pub(crate) fn read(name: &str) -> Option<Value> {
    let path = folder()?.join(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    Some(serde_json::from_slice(&bytes).unwrap())
}

/// Says how many cases ran; fewer than `least` is a failure.
pub(crate) fn ran(what: &str, count: usize, least: usize) {
    eprintln!("{what}: {count} cases ran");
    assert!(count >= least, "{what}: {count} cases ran, at least {least} were expected");
}

pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no text {name}"))
}

pub(crate) fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
}

pub(crate) fn hex32(text: &str) -> [u8; 32] {
    hex(text).try_into().unwrap()
}

pub(crate) fn b64(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap()
}

pub(crate) fn b64u(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

pub(crate) fn b64u32(text: &str) -> [u8; 32] {
    b64u(text).try_into().unwrap()
}

pub(crate) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

/// All JSON files below a folder of the vectors, by name.
pub(crate) fn files(name: &str) -> Option<Vec<(String, Value)>> {
    let root = folder()?.join(name);
    let (mut folders, mut files) = (vec![root.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "json") {
                let name = path.strip_prefix(&root).unwrap().display().to_string();
                files.push((name, serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap()));
            }
        }
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    Some(files)
}
