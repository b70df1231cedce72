//! What this user has trusted before: for each authority the root's fingerprint and the highest versions seen, in the
//! user's own data folder, which no licence can bring along (`formats.md` §6).

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The file's name in the user's data folder.
const FILE: &str = "pins.json";
/// Authorities remembered; far more than anyone meets.
const MOST: usize = 1_000;

/// An authority as it was last seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pinned {
    /// The authority's name in its bundle.
    pub authority: String,
    /// SHA-256 of the first root's payload, hex.
    pub root_sha256: String,
    /// Highest version of the root seen.
    pub root: u64,
    /// Of the targets.
    pub targets: u64,
    /// Of the timestamp.
    pub timestamp: u64,
    /// Where it was fetched from, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Whether `up` made it on this machine.
    #[serde(default)]
    pub demonstration: bool,
}

/// All pins of this user.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Pins {
    #[serde(default)]
    authorities: Vec<Pinned>,
}

/// The pins could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PinsError {
    /// Reading or writing failed.
    #[error("cannot use {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not what we write.
    #[error("{path} is damaged; move it away to begin anew, and compare fingerprints again")]
    Damaged {
        /// The file.
        path: PathBuf,
    },
}

impl Pins {
    /// Reads this user's pins; none if there is no file yet.
    ///
    /// # Errors
    ///
    /// A file that cannot be read is an error, never "no pins".
    pub(crate) fn read() -> Result<Self, PinsError> {
        Self::read_from(&folder())
    }

    fn read_from(folder: &Path) -> Result<Self, PinsError> {
        let path = folder.join(FILE);
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|_| PinsError::Damaged { path }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(PinsError::Io { path, source }),
        }
    }

    /// The authority with this root.
    pub(crate) fn of_root(&self, root_sha256: &str) -> Option<&Pinned> {
        self.authorities.iter().find(|pinned| pinned.root_sha256 == root_sha256)
    }

    /// Remembers what was seen; versions only rise.
    pub(crate) fn remember(&mut self, seen: Pinned) {
        if let Some(known) = self.authorities.iter_mut().find(|pinned| pinned.root_sha256 == seen.root_sha256) {
            known.root = known.root.max(seen.root);
            known.targets = known.targets.max(seen.targets);
            known.timestamp = known.timestamp.max(seen.timestamp);
            known.url = seen.url.or_else(|| known.url.take());
            known.demonstration |= seen.demonstration;
        } else {
            self.authorities.push(seen);
            if self.authorities.len() > MOST {
                self.authorities.remove(0);
            }
        }
    }

    /// Writes them, whole or not at all.
    ///
    /// # Errors
    ///
    /// What the file system answers.
    pub(crate) fn write(&self) -> Result<(), PinsError> {
        self.write_to(&folder())
    }

    fn write_to(&self, folder: &Path) -> Result<(), PinsError> {
        let path = folder.join(FILE);
        let attempt = || -> std::io::Result<()> {
            std::fs::create_dir_all(folder)?;
            let new = folder.join(format!("{FILE}.{}.new", std::process::id()));
            std::fs::write(&new, serde_json::to_vec_pretty(self)?)?;
            std::fs::rename(new, &path)
        };
        attempt().map_err(|source| PinsError::Io { path: path.clone(), source })
    }
}

/// This user's data folder: `$XDG_DATA_HOME/xinyin`, else `~/.local/share/xinyin`.
fn folder() -> PathBuf {
    let base = std::env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share")));
    base.unwrap_or_else(std::env::temp_dir).join("xinyin")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_only_rise_and_a_damaged_file_is_no_empty_one() {
        let folder = std::env::temp_dir().join(format!("xinyin-pins-{}", std::process::id()));
        let pin = |targets| Pinned {
            authority: "示范省".into(),
            root_sha256: "ab".into(),
            root: 1,
            targets,
            timestamp: targets,
            url: None,
            demonstration: true,
        };
        let mut pins = Pins::read_from(&folder).expect("none yet");
        pins.remember(pin(7));
        pins.remember(pin(3));
        pins.write_to(&folder).expect("writes");
        assert_eq!(Pins::read_from(&folder).expect("reads").of_root("ab"), Some(&pin(7)));
        std::fs::write(folder.join(FILE), b"{").expect("damages it");
        assert!(matches!(Pins::read_from(&folder), Err(PinsError::Damaged { .. })));
        std::fs::remove_dir_all(folder).expect("cleans up");
    }
}
