//! Programs of others that the stories use: found, never installed silently.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// A program of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tool {
    /// The names under which it may be found.
    pub names: &'static [&'static str],
    /// Where it may lie beside the folders of `PATH`; `*` stands for one folder.
    pub places: &'static [&'static str],
    /// The one line that gets it on Debian.
    pub install: &'static str,
}

/// PostgreSQL's programs are not on Debian's `PATH`.
const POSTGRES_PLACES: &[&str] = &["/usr/lib/postgresql/*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/bin"];
/// One line for everything.
const ALL: &str = "apt-get install -y postgresql chromium chromium-driver zbar-tools openssl nodejs npm";

/// Makes a PostgreSQL folder.
pub const INITDB: Tool = Tool { names: &["initdb"], places: POSTGRES_PLACES, install: ALL };
/// PostgreSQL itself.
pub const POSTGRES: Tool = Tool { names: &["postgres"], places: POSTGRES_PLACES, install: ALL };
/// The browser.
pub const CHROMIUM: Tool =
    Tool { names: &["chromium", "chromium-browser", "google-chrome"], places: &[], install: ALL };
/// What drives it.
pub const CHROMEDRIVER: Tool = Tool { names: &["chromedriver"], places: &["/usr/lib/chromium"], install: ALL };
/// Reads QR codes in pictures.
pub const ZBARIMG: Tool = Tool { names: &["zbarimg"], places: &[], install: ALL };
/// Reads the text of a PDF; stories look at more where it is there.
pub const PDFTOTEXT: Tool = Tool { names: &["pdftotext"], places: &[], install: "apt-get install -y poppler-utils" };
/// A judge of certificates and signatures.
pub const OPENSSL: Tool = Tool { names: &["openssl"], places: &[], install: ALL };
/// Gets packages for Node.js.
pub const NPM: Tool = Tool { names: &["npm"], places: &[], install: ALL };
/// Runs foreign clients.
pub const NODE: Tool = Tool { names: &["node", "nodejs"], places: &[], install: ALL };

impl Tool {
    /// Where it is.
    ///
    /// # Panics
    ///
    /// If it is nowhere, with the line that installs it.
    pub fn path(&self) -> PathBuf {
        self.find().unwrap_or_else(|| panic!("{} is missing; install it with: {}", self.names[0], self.install))
    }

    /// Where it is, if it is anywhere; of several versions the newest.
    pub fn find(&self) -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let places = self.places.iter().flat_map(|place| folders(place));
        std::env::split_paths(&path)
            .chain(places)
            .flat_map(|folder| self.names.iter().map(move |name| folder.join(name)))
            .find(|file| file.is_file())
    }
}

/// The folders that a place with at most one `*` names, the highest number first.
fn folders(place: &str) -> Vec<PathBuf> {
    let Some((before, after)) = place.split_once("/*/") else { return vec![PathBuf::from(place)] };
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir(before)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| (entry.file_name().to_string_lossy().parse().unwrap_or(0), entry.path().join(after)))
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, path)| path).collect()
}

static INSTALLING: Mutex<()> = Mutex::new(());

/// Gets a package of Node.js into the target folder, once, and answers its folder.
///
/// # Panics
///
/// If npm is missing or cannot get it.
pub fn node_package(name: &str, version: &str) -> PathBuf {
    let _one_at_a_time = INSTALLING.lock();
    let tools = crate::folder::kept("tools").join(name);
    std::fs::create_dir_all(&tools).expect("the target folder can be written");
    let folder = tools.join("node_modules").join(name);
    if installed(&folder, version) {
        return folder;
    }
    let output = Command::new(NPM.path())
        .args(["install", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts", "--prefix"])
        .arg(&tools)
        .arg(format!("{name}@{version}"))
        .output()
        .expect("npm starts");
    assert!(
        installed(&folder, version),
        "npm could not get {name}@{version} (is the registry reachable?): {}",
        String::from_utf8_lossy(&output.stderr)
    );
    folder
}

fn installed(folder: &Path, version: &str) -> bool {
    std::fs::read_to_string(folder.join("package.json"))
        .ok()
        .and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok())
        .is_some_and(|package| package["version"] == version)
}
