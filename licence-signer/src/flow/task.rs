//! Work that a caller who hangs up does not cut off.

use super::error::FlowError;

/// Runs a flow in a task of its own, as part of the request with its incident number: whoever hangs up neither leaves a
/// transaction open nor a licence half made.
pub(crate) async fn in_its_own<T: Send + 'static>(
    flow: impl Future<Output = Result<T, FlowError>> + Send + 'static,
) -> Result<T, FlowError> {
    let incident = crate::incident();
    let work = tokio::spawn(async move {
        match incident {
            Some(incident) => crate::within(incident, flow).await,
            None => flow.await,
        }
    });
    work.await.map_err(|error| FlowError::Internal(error.to_string()))?
}
