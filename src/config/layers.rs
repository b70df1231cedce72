//! Merging the layers and remembering where each value came from.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::Config;
use super::keys::{KEYS, Key, Kind, nearest};

/// A configuration that cannot be used: each variant is one clear sentence with the next step.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}: {source}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{path} is not TOML: {message}")]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// The parser's words, with line and column.
        message: String,
    },
    /// A key that nobody knows.
    #[error("unknown key `{key}` in {source_name}{}", .nearest.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default())]
    Unknown {
        /// The key.
        key: String,
        /// The layer.
        source_name: String,
        /// A known key like it.
        nearest: Option<&'static str>,
    },
    /// A value of another kind.
    #[error("`{key}` in {source_name} must be {expected}")]
    Kind {
        /// The key.
        key: String,
        /// The layer.
        source_name: String,
        /// What it must be.
        expected: &'static str,
    },
    /// Something required is missing, or does not fit.
    #[error("{0}")]
    Rule(String),
}

/// The merged layers, before they become a [`Config`].
pub(crate) struct Layers {
    merged: Table,
    sources: BTreeMap<String, String>,
}

impl Layers {
    /// Merges the built-in values, the file and the variables.
    ///
    /// # Errors
    ///
    /// An unreadable file, an unknown key or a value of another kind.
    pub(crate) fn read(file: &Path, variables: impl Iterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(file)
            .map_err(|source| ConfigError::Unreadable { path: file.to_owned(), source })?;
        Self::of(&text, file, variables)
    }

    /// The same with the text of the file.
    ///
    /// # Errors
    ///
    /// As `read`.
    pub(crate) fn of(
        text: &str,
        file: &Path,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut layers = Self { merged: Table::new(), sources: BTreeMap::new() };
        for key in KEYS {
            if let Some(text) = key.built_in {
                let value = parse_value(text);
                layers.set(key.path, value, "built in");
            }
        }
        let text = without_mark(text, file)?;
        let table: Table = text.parse().map_err(|error: toml::de::Error| ConfigError::Syntax {
            path: file.to_owned(),
            message: error.to_string(),
        })?;
        layers.table("", &table, &file.display().to_string())?;
        for (name, value) in variables {
            layers.variable(&name, &value)?;
        }
        Ok(layers)
    }

    fn table(&mut self, prefix: &str, table: &Table, source: &str) -> Result<(), ConfigError> {
        for (name, value) in table {
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            self.value(&path, value, source)?;
        }
        Ok(())
    }

    fn value(&mut self, path: &str, value: &Value, source: &str) -> Result<(), ConfigError> {
        match value {
            Value::Table(inner) if is_prefix(path) => self.table(path, inner, source),
            Value::Array(items) if is_prefix(&format!("{path}[]")) => {
                for (index, item) in items.iter().enumerate() {
                    let Value::Table(inner) = item else {
                        return Err(kind_error(path, source, "a list of tables"));
                    };
                    check(&format!("{path}[]"), inner, &format!("{path}[{index}]"), source)?;
                }
                self.set(path, value.clone(), source);
                Ok(())
            }
            _ => {
                let key = known(path, source)?;
                fits(key, path, value, source)?;
                self.set(path, value.clone(), source);
                Ok(())
            }
        }
    }

    fn variable(&mut self, name: &str, text: &str) -> Result<(), ConfigError> {
        let Some(rest) = name.strip_prefix("XINYIN_") else { return Ok(()) };
        // Read elsewhere: where `verify` finds its trust; what the tests use.
        if matches!(rest, "TRUST" | "VECTORS" | "BINARY" | "BACKEND") {
            return Ok(());
        }
        let path = rest.to_lowercase().replace("__", ".");
        let key = known(&path, name)?;
        let value = match key.kind {
            Kind::Text => Value::String(text.to_owned()),
            Kind::Texts => Value::Array(
                text.split(',').map(str::trim).filter(|t| !t.is_empty()).map(|t| Value::String(t.to_owned())).collect(),
            ),
            Kind::Number => Value::Integer(text.trim().parse().map_err(|_| kind_error(&path, name, "a whole number"))?),
            Kind::Flag => Value::Boolean(text.trim().parse().map_err(|_| kind_error(&path, name, "true or false"))?),
        };
        self.set(&path, value, &format!("variable {name}"));
        Ok(())
    }

    fn set(&mut self, path: &str, value: Value, source: &str) {
        let mut table = &mut self.merged;
        let mut parts = path.split('.').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                table.insert(part.to_owned(), value);
                break;
            }
            let next = table.entry(part).or_insert_with(|| Value::Table(Table::new()));
            let Value::Table(inner) = next else { break };
            table = inner;
        }
        self.sources.insert(path.to_owned(), source.to_owned());
    }

    /// The typed configuration.
    ///
    /// # Errors
    ///
    /// The first thing that is missing.
    pub(crate) fn config(&self) -> Result<Config, ConfigError> {
        Value::Table(self.merged.clone()).try_into().map_err(|error: toml::de::Error| {
            ConfigError::Rule(format!("the configuration is incomplete: {}", error.message()))
        })
    }

    /// Every value in force with its source, secrets as `***`, in the order of [`KEYS`].
    pub(crate) fn listing(&self) -> Vec<(String, String, String)> {
        let mut rows = Vec::new();
        for key in KEYS.iter().filter(|key| !key.path.contains("[]")) {
            if let Some(value) = lookup(&self.merged, key.path) {
                let shown = if key.secret { "***".to_owned() } else { value.to_string() };
                let source = self.sources.get(key.path).cloned().unwrap_or_default();
                rows.push((key.path.to_owned(), shown, source));
            }
        }
        for list in ["resources", "clients"] {
            let Some(Value::Array(items)) = self.merged.get(list) else { continue };
            let source = self.sources.get(list).cloned().unwrap_or_default();
            for (index, item) in items.iter().enumerate() {
                let Value::Table(table) = item else { continue };
                for (name, value) in table {
                    let mut shown = String::new();
                    let _ = write!(shown, "{value}");
                    rows.push((format!("{list}[{index}].{name}"), shown, source.clone()));
                }
            }
        }
        rows
    }
}

fn parse_value(text: &str) -> Value {
    let table: Table = format!("v = {text}").parse().expect("built-in values are TOML");
    table.get("v").cloned().expect("just written")
}

fn lookup<'a>(table: &'a Table, path: &str) -> Option<&'a Value> {
    let mut parts = path.split('.');
    let mut value = table.get(parts.next()?)?;
    for part in parts {
        value = value.as_table()?.get(part)?;
    }
    Some(value)
}

fn is_prefix(path: &str) -> bool {
    let with_dot = format!("{path}.");
    KEYS.iter().any(|key| key.path.starts_with(&with_dot))
}

fn known(path: &str, source: &str) -> Result<&'static Key, ConfigError> {
    KEYS.iter().find(|key| key.path == path).ok_or_else(|| ConfigError::Unknown {
        key: path.to_owned(),
        source_name: source.to_owned(),
        nearest: nearest(path),
    })
}

fn check(pattern: &str, table: &Table, shown: &str, source: &str) -> Result<(), ConfigError> {
    for (name, value) in table {
        let path = format!("{pattern}.{name}");
        if let (Value::Table(inner), true) = (value, is_prefix(&path)) {
            check(&path, inner, &format!("{shown}.{name}"), source)?;
        } else {
            fits(known(&path, source)?, &format!("{shown}.{name}"), value, source)?;
        }
    }
    Ok(())
}

fn fits(key: &Key, path: &str, value: &Value, source: &str) -> Result<(), ConfigError> {
    let (ok, expected) = match key.kind {
        Kind::Text => (value.is_str(), "a text"),
        Kind::Texts => (value.as_array().is_some_and(|items| items.iter().all(Value::is_str)), "a list of texts"),
        Kind::Number => (value.is_integer(), "a whole number"),
        Kind::Flag => (value.is_bool(), "true or false"),
    };
    if ok { Ok(()) } else { Err(kind_error(path, source, expected)) }
}

fn kind_error(path: &str, source: &str, expected: &'static str) -> ConfigError {
    ConfigError::Kind { key: path.to_owned(), source_name: source.to_owned(), expected }
}

/// The text without the byte order mark before it; one further on is refused with its line.
fn without_mark<'a>(text: &'a str, file: &Path) -> Result<&'a str, ConfigError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let Some(at) = text.find('\u{feff}') else { return Ok(text) };
    let line = text[..at].matches('\n').count() + 1;
    let message = format!("a byte order mark (U+FEFF) stands in line {line}; take it out");
    Err(ConfigError::Syntax { path: file.to_owned(), message })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, variables: &[(&str, &str)]) -> Result<Layers, ConfigError> {
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let n = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let file = std::env::temp_dir().join(format!("xinyin-config-{}-{n}.toml", std::process::id()));
        std::fs::write(&file, text).expect("a temporary file");
        let layers = Layers::read(&file, variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        std::fs::remove_file(file).expect("removes it");
        layers
    }

    const WHOLE: &str = "\u{feff}external_url = 'https://id.example'\n[database]\nurl = 'postgres://u:secret@h/d'\n\
        [key_store]\npath = 'k'\npassphrase_file = 'p'\n[[clients]]\nclient_id = 'a'\nregion = '640104'\nsector = 's'\n\
        auth_method = 'none'\n";

    /// KF-34: the first heading keeps its name behind a byte order mark, and a mark further on is refused with its line.
    #[test]
    fn a_byte_order_mark_hides_no_key() {
        let listing = read(WHOLE, &[]).expect("reads").listing();
        let first = listing.iter().find(|row| row.0 == "external_url").expect("listed");
        assert_eq!(first.1, "\"https://id.example\"");
        let message = match read(&WHOLE.replace("[database]", "\u{feff}[database]"), &[]) {
            Err(ConfigError::Syntax { message, .. }) => message,
            other => panic!("{:?}", other.err()),
        };
        assert!(message.contains("line 2"), "{message}");
        assert!(matches!(read("\u{feff}\u{feff}listen = 'x'", &[]), Err(ConfigError::Syntax { .. })));
    }

    #[test]
    fn later_layers_win_and_secrets_are_hidden() {
        let layers =
            read(WHOLE, &[("XINYIN_LOG__LEVEL", "debug"), ("XINYIN_DATABASE__URL", "sqlite://x")]).expect("reads");
        let config = layers.config().expect("whole");
        assert_eq!((config.log.level.as_str(), config.database.url.as_str()), ("debug", "sqlite://x"));
        assert_eq!(config.clients[0].client_id, "a");
        let listing = layers.listing();
        let row = |key: &str| listing.iter().find(|row| row.0 == key).expect("listed").clone();
        assert_eq!(row("database.url").1, "***");
        assert_eq!(row("log.level").2, "variable XINYIN_LOG__LEVEL");
        assert_eq!(row("listen").2, "built in");
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_known_name() {
        for (text, nearest) in [
            ("externel_url = 'x'", Some("external_url")),
            ("[database]\nurI = 'x'", Some("database.url")),
            ("[[clients]]\nclient_idd = 'x'", Some("clients[].client_id")),
            ("[zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz]\nqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq = 1", None),
        ] {
            match read(text, &[]) {
                Err(ConfigError::Unknown { nearest: found, .. }) => assert_eq!(found, nearest, "{text}"),
                other => panic!("{text}: {:?}", other.err()),
            }
        }
        assert!(matches!(read("listen = 1", &[]), Err(ConfigError::Kind { .. })));
        assert!(matches!(read("", &[("XINYIN_LISTENN", "x")]), Err(ConfigError::Unknown { .. })));
    }
}
