//! A transaction that met another is tried again.

use std::future::Future;
use std::time::Duration;

use crate::StorageError;

/// An error behind which a [`StorageError`] may stand.
pub trait MayConflict {
    /// Whether two writers met, so that the whole transaction may be tried again.
    fn is_conflict(&self) -> bool;
}

impl MayConflict for StorageError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict(_))
    }
}

/// Runs a whole transaction (begin to commit), and again up to three times if it met another one.
///
/// # Errors
///
/// The last answer of `transaction`.
pub async fn retrying<T, E, Running>(mut transaction: impl FnMut() -> Running) -> Result<T, E>
where
    E: MayConflict,
    Running: Future<Output = Result<T, E>>,
{
    for wait in [5, 20, 80] {
        match transaction().await {
            Err(error) if error.is_conflict() => tokio::time::sleep(Duration::from_millis(wait)).await,
            result => return result,
        }
    }
    transaction().await
}
