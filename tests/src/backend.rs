//! Both databases, fresh for each story.

use crate::folder::{Folder, tools_line};
use crate::postgres::Postgres;

/// One of the two kinds of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A file.
    Sqlite,
    /// The server that the stories start.
    Postgres,
}

/// An empty database of a story.
#[derive(Debug)]
pub struct Database {
    /// Its address, as configuration takes it.
    pub url: String,
    _folder: Option<Folder>,
}

impl From<String> for Database {
    fn from(url: String) -> Self {
        Self { url, _folder: None }
    }
}

impl Backend {
    /// An empty database; of SQLite it is gone when the value is dropped.
    pub async fn fresh(self, label: &str) -> Database {
        match self {
            Self::Sqlite => {
                let folder = Folder::new(label);
                let url = format!("sqlite://{}", folder.path().join(format!("{label}.db")).display());
                Database { url, _folder: Some(folder) }
            }
            Self::Postgres => Database { url: Postgres::shared().await.fresh(label).await, _folder: None },
        }
    }
}

/// The backends that stories run on: both, or the one that `XINYIN_BACKEND` (`sqlite`, `postgres`) names.
pub fn backends() -> Vec<Backend> {
    match std::env::var("XINYIN_BACKEND").as_deref() {
        Ok("sqlite") => vec![Backend::Sqlite],
        Ok("postgres") => vec![Backend::Postgres],
        _ => vec![Backend::Sqlite, Backend::Postgres],
    }
}

/// Runs a story on each backend, and says on which one it stands.
pub async fn on_both<Running: Future<Output = ()>>(story: impl Fn(Backend) -> Running) {
    for backend in backends() {
        tools_line(&format!("on {backend:?}"));
        story(backend).await;
    }
}
