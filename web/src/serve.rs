//! The loop that accepts connections: bounded in number, headers, time and idleness; TLS; an orderly end.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::{sleep, timeout};
use tower::Service;

use crate::slow::{Idle, PausingBody};
use crate::telemetry;

pub use crate::slow::TooSlow;
pub use crate::tls::Tls;

/// Who is at the other end of a connection; an extension of every request that came over a socket.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The address, a trusted proxy's included: `Asker::client` looks past it.
    pub address: SocketAddr,
    /// Whether the connection is TLS that ends here.
    pub tls: bool,
    /// The client's certificate (DER), where the listener asked for one; its chain was checked by nobody yet.
    pub certificate: Option<Arc<[u8]>>,
}

/// The bounds of all listeners. Whoever is slower or larger is closed or refused, on every listener alike.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once; further ones wait in the system's queue.
    pub connections: usize,
    /// How long the TLS handshake may take.
    pub handshake: Duration,
    /// How long a request's head may take, the wait for the next one on an open connection included.
    pub head: Duration,
    /// How long a body may stand still.
    pub body_pause: Duration,
    /// How long a connection may carry nothing in either direction. More than the shell's `request_time`.
    pub idle: Duration,
    /// Bytes of a request's head.
    pub head_bytes: usize,
    /// How long requests under way may still take when the service stops.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 8_000,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(15),
            body_pause: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            head_bytes: 32 * 1024,
            grace: Duration::from_secs(20),
        }
    }
}

/// Why a service does not start to listen.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, #[source] io::Error),
    /// No address was given, or none exists on this machine.
    #[error("no address to listen on")]
    NoAddress,
    /// A file of certificates or keys cannot be read.
    #[error("{0}: {1}")]
    File(std::path::PathBuf, #[source] io::Error),
    /// A byte order mark stands in the middle of a file: what follows it would be lost.
    #[error("{0}: a byte order mark (EF BB BF) stands at byte {1}; take it out")]
    Mark(std::path::PathBuf, usize),
    /// The certificate or key does not read.
    #[error("the TLS certificate or key does not read: {0}")]
    Pem(#[from] rustls::pki_types::pem::Error),
    /// Certificate and key do not fit each other or this program.
    #[error("the TLS certificate or key cannot be used: {0}")]
    Tls(#[from] rustls::Error),
}

/// Sockets that are listened on, with the same TLS or none.
pub struct Listener {
    sockets: Vec<TcpListener>,
    tls: Option<Tls>,
}

impl Listener {
    /// Listens on an address.
    pub async fn bind(address: SocketAddr) -> Result<Self, ServeError> {
        let socket = TcpListener::bind(address).await.map_err(|error| ServeError::Listen(address, error))?;
        Ok(Self { sockets: vec![socket], tls: None })
    }

    /// Listens on the loopback addresses `127.0.0.1` and `::1` at `port` (0: any, the same on both). A machine without `::1` is no
    /// error.
    pub async fn loopback(port: u16) -> Result<Self, ServeError> {
        let mut listener = Self::bind((Ipv4Addr::LOCALHOST, port).into()).await?;
        let port = listener.port().ok_or(ServeError::NoAddress)?;
        let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
        match TcpListener::bind(v6).await {
            Ok(socket) => listener.sockets.push(socket),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(ServeError::Listen(v6, error)),
            Err(error) => tracing::debug!(%error, "no ::1 on this machine"),
        }
        Ok(listener)
    }

    /// With TLS.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// The addresses listened on.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.sockets.iter().filter_map(|socket| socket.local_addr().ok()).collect()
    }

    /// The port listened on.
    pub fn port(&self) -> Option<u16> {
        self.addresses().first().map(SocketAddr::port)
    }
}

/// How soon a renewed certificate is used without a restart.
const CERTIFICATES_READ_AGAIN: Duration = Duration::from_secs(30);

/// How far an ending has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Stage {
    Serving,
    Stopping,
    Closed,
}

/// Serves `app` until `shutdown` comes, then takes no new connection, lets requests under way finish within the grace, and
/// closes the rest.
pub async fn run(listeners: Vec<Listener>, app: Router, limits: Limits, shutdown: impl Future<Output = ()>) {
    let (stage, watching) = watch::channel(Stage::Serving);
    let (alive, mut all_gone) = mpsc::channel::<()>(1);
    let places = Arc::new(Semaphore::new(limits.connections));
    let certificates: Vec<Tls> = listeners.iter().filter_map(|listener| listener.tls.clone()).collect();
    for listener in listeners {
        for socket in listener.sockets {
            let acceptor = Acceptor {
                app: app.clone(),
                tls: listener.tls.clone(),
                limits,
                places: places.clone(),
                stage: watching.clone(),
                _alive: alive.clone(),
            };
            tokio::spawn(acceptor.accept(socket));
        }
    }
    drop((watching, alive));
    let mut upkeep = tokio::time::interval(Duration::from_secs(5));
    let mut renewal = tokio::time::interval(CERTIFICATES_READ_AGAIN);
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            _ = upkeep.tick() => telemetry::upkeep(),
            _ = renewal.tick() => certificates.iter().cloned().for_each(|tls| drop(tokio::task::spawn_blocking(move || tls.read_again()))),
        }
    }
    let _ = stage.send(Stage::Stopping); // fails only when nobody serves any more
    if timeout(limits.grace, all_gone.recv()).await.is_err() {
        tracing::warn!("connections were cut off when the grace was over");
    }
    let _ = stage.send(Stage::Closed);
    let _ = timeout(Duration::from_secs(1), all_gone.recv()).await;
}

#[derive(Clone)]
struct Acceptor {
    app: Router,
    tls: Option<Tls>,
    limits: Limits,
    places: Arc<Semaphore>,
    stage: watch::Receiver<Stage>,
    _alive: mpsc::Sender<()>,
}

impl Acceptor {
    async fn accept(mut self, socket: TcpListener) {
        loop {
            let Ok(place) = self.places.clone().acquire_owned().await else { return };
            let accepted = tokio::select! {
                accepted = socket.accept() => accepted,
                () = reached(&mut self.stage, Stage::Stopping) => return,
            };
            match accepted {
                Ok((stream, address)) => {
                    let _ = stream.set_nodelay(true); // a socket that is gone says so at the next read
                    tokio::spawn(self.clone().connection(stream, address, place));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(Duration::from_millis(100)).await; // out of descriptors: others have to end first
                }
            }
        }
    }

    async fn connection(mut self, stream: TcpStream, address: SocketAddr, _place: OwnedSemaphorePermit) {
        let stream = Idle::new(stream, self.limits.idle);
        let Some(tls) = self.tls.take() else {
            let peer = Peer { address, tls: false, certificate: None };
            return self.http1(TokioIo::new(stream), peer).await;
        };
        let mut stopping = self.stage.clone();
        let shaken = tokio::select! {
            shaken = timeout(self.limits.handshake, tls.acceptor().accept(stream)) => shaken,
            () = reached(&mut stopping, Stage::Stopping) => return,
        };
        let Ok(Ok(stream)) = shaken else { return };
        let session = stream.get_ref().1;
        let certificate = session.peer_certificates().and_then(|chain| Some(Arc::from(chain.first()?.as_ref())));
        let h2 = session.alpn_protocol() == Some(b"h2");
        let peer = Peer { address, tls: true, certificate };
        if h2 { self.http2(TokioIo::new(stream), peer).await } else { self.http1(TokioIo::new(stream), peer).await }
    }

    async fn http1(mut self, io: impl hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static, peer: Peer) {
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder
            .timer(TokioTimer::new()) // without it the next line does nothing
            .header_read_timeout(self.limits.head)
            .max_buf_size(self.limits.head_bytes.max(8_192));
        let (app, pause) = (self.app.clone(), self.limits.body_pause);
        let connection =
            builder.serve_connection(io, service_fn(move |request| call(app.clone(), request, &peer, pause)));
        self.until_it_ends(connection).await;
    }

    async fn http2(mut self, io: impl hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static, peer: Peer) {
        let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        let head_bytes = u32::try_from(self.limits.head_bytes).unwrap_or(u32::MAX);
        builder.timer(TokioTimer::new()).max_concurrent_streams(100).max_header_list_size(head_bytes);
        let (app, pause) = (self.app.clone(), self.limits.body_pause);
        let connection =
            builder.serve_connection(io, service_fn(move |request| call(app.clone(), request, &peer, pause)));
        self.until_it_ends(connection).await;
    }

    /// Drives a connection until it ends, or the service does.
    async fn until_it_ends(&mut self, connection: impl GracefulConnection) {
        tokio::pin!(connection);
        tokio::select! {
            _ = connection.as_mut() => return,
            () = reached(&mut self.stage, Stage::Stopping) => connection.as_mut().graceful_shutdown(),
        }
        tokio::select! {
            _ = connection => {}
            () = reached(&mut self.stage, Stage::Closed) => {}
        }
    }
}

/// Waits until the ending has come to `wanted`.
async fn reached(stage: &mut watch::Receiver<Stage>, wanted: Stage) {
    let _ = stage.wait_for(|now| *now >= wanted).await; // the sender gone is the end, too
}

/// Hands one request to the routes.
fn call(
    mut app: Router,
    request: Request<Incoming>,
    peer: &Peer,
    pause: Duration,
) -> impl Future<Output = Result<axum::response::Response, Infallible>> + use<> {
    let mut request = request.map(|body| Body::new(PausingBody::new(body, pause)));
    request.extensions_mut().insert(peer.clone());
    app.call(request)
}
