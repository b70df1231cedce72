//! Temporary folders, and where the repository is.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

static COUNT: AtomicU64 = AtomicU64::new(0);

/// A folder that is gone when it is dropped.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// A new empty folder whose name begins with `label`.
    pub fn new(label: &str) -> Self {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("xinyin-{label}-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the folder for temporary files can be written");
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        for _ in 0..20 {
            if std::fs::remove_dir_all(&self.0).is_ok() || !self.0.exists() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50)); // a program that ends still writes into it
        }
    }
}

/// The repository's root.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies in the repository").to_owned()
}

/// A folder below the target folder that outlives a run: downloaded tools, screenshots.
pub fn kept(name: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from);
    let path = target.join(name);
    std::fs::create_dir_all(&path).expect("the target folder can be written");
    path
}

/// Other people's test data: `$XINYIN_VECTORS`, or `shared/vectors` beside the repository or further up; `None`, with a
/// line that says so, where it is absent.
///
/// # Panics
///
/// Under `CI=true` when it is absent.
pub fn vectors() -> Option<PathBuf> {
    let named = std::env::var_os("XINYIN_VECTORS").map(PathBuf::from);
    let above = || repository().ancestors().map(|folder| folder.join("shared/vectors")).find(|path| path.is_dir());
    let found = named.filter(|path| path.is_dir()).or_else(above);
    if found.is_none() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "the folder of test vectors is absent");
        tools_line("the folder of test vectors is absent: set XINYIN_VECTORS; nothing was compared with them");
    }
    found
}

#[expect(clippy::print_stderr, reason = "whoever runs the stories reads it")]
pub(crate) fn tools_line(line: &str) {
    eprintln!("{line}");
}
