//! Failures as pages and problem documents.

use web::Problem;

use crate::error::Causes;
use crate::error::Error;

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        if error.is_transient() {
            return Self::unavailable(5).cause(Causes(&error));
        }
        Self::internal(Causes(&error))
    }
}

/// A storage failure as a problem: 503 where trying again is right, else 500.
pub fn of_storage(error: store::StorageError) -> Problem {
    Error::from(error).into()
}

/// The interaction is not there, is over, or is another browser's.
pub fn no_interaction() -> Problem {
    Problem::bad_request("interaction.unknown")
}
