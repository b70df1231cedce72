//! What can keep a flow from answering, apart from the rules.

use keys::sources::RandomError;
use store::StorageError;

/// A failure of what the house stands on. Refusals by the rules have types of their own.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The random source.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// A key is missing or did not sign.
    #[error("a key of purpose {0} could not be used")]
    Key(&'static str),
    /// What was stored cannot be read: never guessed at.
    #[error("stored data is damaged: {0}")]
    Damaged(&'static str),
}

impl Error {
    /// Whether the same request may succeed later without being changed.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Storage(error) if error.is_transient())
    }
}

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database or its tables.
    #[error("the database of idp: {0}")]
    Storage(#[from] StorageError),
    /// A key that must be there is not.
    #[error("the key store of idp: {0}")]
    Keys(String),
    /// Settings that contradict each other or what is stored.
    #[error("the settings of idp: {0}")]
    Settings(String),
}

/// An error with its sources, for the log.
pub(crate) struct Causes<'a>(pub(crate) &'a (dyn std::error::Error + 'static));

impl std::fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
