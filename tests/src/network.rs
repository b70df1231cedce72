//! HTTP between a story and what it tests.

use std::net::SocketAddr;
use std::sync::Once;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;

static PROVIDER: Once = Once::new();

/// Makes ring the provider of TLS, once in a process.
pub fn provide_tls() {
    PROVIDER.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// A client without a proxy and without redirects, which waits for thirty seconds at most.
pub fn client() -> reqwest::Client {
    provide_tls();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(30))
        .build()
        .expect("a client can be made")
}

/// A free place on loopback, to be known before what listens there is built.
pub async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound listener has an address");
    (listener, address)
}

/// Serves `router` on `listener` until the runtime ends.
pub fn serve(listener: TcpListener, router: Router) {
    tokio::spawn(async move { axum::serve(listener, router).await });
}
