//! Why no samples were written.

use crate::flow::error::FlowError;

/// Why no samples were written.
#[derive(Debug, thiserror::Error)]
pub enum SamplesError {
    /// The folder or a file cannot be written.
    #[error("the samples cannot be written: {0}")]
    Io(#[from] std::io::Error),
    /// A flow refused.
    #[error(transparent)]
    Flow(#[from] FlowError),
    /// A sample has not the verdict that it should have.
    #[error("sample {file} has the verdict {verdict}")]
    Verdict {
        /// Which.
        file: String,
        /// What it has.
        verdict: String,
    },
    /// What should not happen.
    #[error("{0}")]
    Internal(String),
}

/// What should not happen.
pub(super) fn internal(error: impl std::fmt::Display) -> SamplesError {
    SamplesError::Internal(error.to_string())
}
