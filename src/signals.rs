//! When to stop: Ctrl C, or SIGTERM.

/// Ends when the process is asked to stop.
pub(crate) async fn stop() {
    let interrupt = async {
        // Without the handler the process ends at once on Ctrl C, which is a stop too.
        let _ = tokio::signal::ctrl_c().await;
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}
