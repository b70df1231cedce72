use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::{get, post};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use web::input::Raw;
use web::serve::{Limits, Listener, Tls, run};
use web::shell::{ShellSettings, shell};

use crate::common::site;

fn limits() -> Limits {
    Limits {
        handshake: Duration::from_millis(300),
        head: Duration::from_millis(300),
        body_pause: Duration::from_millis(300),
        idle: Duration::from_millis(900),
        grace: Duration::from_millis(700),
        ..Limits::default()
    }
}

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

impl Running {
    async fn start(tls: Option<Tls>) -> Self {
        let mut listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.expect("listens");
        let address = listener.addresses()[0];
        if let Some(tls) = tls {
            listener = listener.tls(tls);
        }
        let scheme_site = site(&format!("http://localhost:{}", address.port()));
        let routes = Router::new()
            .route("/", get(|| async { "hello" }))
            .route("/slow", get(|| async { tokio::time::sleep(Duration::from_millis(400)).await }))
            .route("/body", post(|raw: Raw| async move { raw.bytes.len().to_string() }));
        let settings = ShellSettings { request_time: Duration::from_millis(1_500), ..ShellSettings::default() };
        let app = shell(routes, &Arc::new(scheme_site), settings);
        let (stop, stopped) = oneshot::channel();
        let ended = tokio::spawn(run(vec![listener], app, limits(), async {
            let _ = stopped.await;
        }));
        Self { address, stop, ended }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("connects")
    }

    fn host(&self) -> String {
        format!("localhost:{}", self.address.port())
    }

    /// As [`Running::exchange`], with a byte of `drops` every tenth of a second until the server closes.
    async fn drip(&self, sent: &str, drops: u8) -> (String, Duration) {
        let (mut read, mut write) = self.connect().await.into_split();
        write.write_all(sent.as_bytes()).await.expect("sent");
        let began = Instant::now();
        let dripping = tokio::spawn(async move {
            while write.write_all(&[drops]).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        let mut answer = Vec::new();
        tokio::time::timeout(Duration::from_secs(8), read.read_to_end(&mut answer)).await.expect("closes").ok();
        dripping.abort();
        (String::from_utf8_lossy(&answer).into_owned(), began.elapsed())
    }

    /// What the server still says after `sent`, until it closes, and how long that took.
    async fn exchange(&self, sent: &str) -> (String, Duration) {
        let mut stream = self.connect().await;
        stream.write_all(sent.as_bytes()).await.expect("sent");
        let began = Instant::now();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer));
        read.await.expect("the server closes").ok();
        (String::from_utf8_lossy(&answer).into_owned(), began.elapsed())
    }
}

/// KF-32: silent, half a head, half a body, or a byte now and then: each is closed within its bound, on plain and TLS listeners,
/// and others are served meanwhile.
#[tokio::test]
async fn slow_clients_are_closed_and_others_served() {
    let server = Running::start(None).await;
    let host = server.host();
    let within = Duration::from_millis(250)..Duration::from_secs(2);
    for (what, sent) in [
        ("silent after connect", String::new()),
        ("half a head", format!("GET / HTTP/1.1\r\nHost: {host}\r\nX-")),
        ("half a body", format!("POST /body HTTP/1.1\r\nHost: {host}\r\nContent-Length: 10\r\n\r\nabc")),
        ("idle after an answer", format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")),
    ] {
        let (answer, took) = server.exchange(&sent).await;
        assert!(within.contains(&took), "{what}: {took:?}");
        match what {
            "half a body" => assert!(answer.starts_with("HTTP/1.1 408"), "{answer}"),
            "idle after an answer" => assert!(answer.ends_with("hello"), "{answer}"),
            _ => assert!(!answer.contains("200"), "{what}: {answer}"),
        }
    }
    let half_a_head = format!("GET / HTTP/1.1\r\nHost: {host}\r\nX-A: ");
    let half_a_body = format!("POST /body HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000\r\n\r\n");
    for (what, sent) in [("a head byte by byte", half_a_head), ("a body byte by byte", half_a_body)] {
        let (answer, took) = server.drip(&sent, b'a').await;
        assert!(took < Duration::from_secs(4) && !answer.starts_with("HTTP/1.1 200"), "{what}: {took:?} {answer}");
    }
    let mut hanging: Vec<TcpStream> = futures(many(), || server.connect()).await;
    for (n, stream) in hanging.iter_mut().enumerate() {
        let sent = if n % 2 == 0 { "GET / HT" } else { "" };
        let _ = stream.write_all(sent.as_bytes()).await; // the first may be closed already
    }
    let (answer, took) = server.exchange(&format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 200") && took < Duration::from_secs(1), "{took:?} {answer}");
    drop(hanging);
}

/// Three thousand connections, or as many as this process may open with room to spare.
fn many() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let files =
        limits.lines().find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next()?.parse().ok());
    files.map_or(100, |files: usize| (files / 4).min(3_000))
}

async fn futures<F: Future>(times: usize, make: impl Fn() -> F) -> Vec<F::Output> {
    let mut all = Vec::new();
    for _ in 0..times {
        all.push(make().await);
    }
    all
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let server = Running::start(None).await;
    let sent = format!("GET / HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\n\r\n", server.host(), "a".repeat(70_000));
    let (answer, _) = server.exchange(&sent).await;
    assert!(answer.starts_with("HTTP/1.1 431") || answer.is_empty(), "{answer}");
}

#[tokio::test]
async fn a_stop_lets_requests_finish_and_waits_for_nobody_else() {
    let server = Running::start(None).await;
    let host = server.host();
    let mut half = server.connect().await;
    half.write_all(b"GET / HT").await.expect("sent");
    let mut slow = server.connect().await;
    slow.write_all(format!("GET /slow HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await.expect("sent");
    tokio::time::sleep(Duration::from_millis(100)).await;
    let began = Instant::now();
    server.stop.send(()).expect("running");
    let mut answer = Vec::new();
    slow.read_to_end(&mut answer).await.expect("read");
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    server.ended.await.expect("ended");
    assert!(began.elapsed() < Duration::from_millis(1_500), "{:?}", began.elapsed());
    assert!(TcpStream::connect(server.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn loopback_listens_on_what_there_is() {
    let listener = Listener::loopback(0).await.expect("127.0.0.1 at least");
    let addresses = listener.addresses();
    assert!(addresses.iter().any(|address| address.ip().is_ipv4()));
    assert!(addresses.iter().all(|address| Some(address.port()) == listener.port() && address.ip().is_loopback()));
}

async fn http2(
    server: &Running,
    root: &rustls::pki_types::CertificateDer<'static>,
) -> (hyper::client::conn::http2::SendRequest<axum::body::Body>, JoinHandle<()>) {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(root.clone()).expect("root");
    let mut config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let name = "localhost".try_into().expect("name");
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = connector.connect(name, server.connect().await).await.expect("handshake");
    let io = TokioIo::new(stream);
    let (sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.expect("HTTP/2");
    let ended = tokio::spawn(async move { connection.await.unwrap_or_default() });
    (sender, ended)
}

/// A body that never comes.
struct Never;

impl http_body::Body for Never {
    type Data = bytes::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
        std::task::Poll::Pending
    }
}

/// KF-32: neither a connection nor a request whose body never comes keeps its place.
async fn idle_over_http2(server: &Running, root: &rustls::pki_types::CertificateDer<'static>) {
    for half_a_body in [false, true] {
        let (mut sender, ended) = http2(server, root).await;
        let mut answered = None;
        if half_a_body {
            let request = http::Request::post(format!("https://{}/body", server.host()));
            let request = request.body(axum::body::Body::new(Never));
            answered = Some(tokio::spawn(sender.send_request(request.expect("request"))));
        }
        tokio::time::timeout(Duration::from_secs(5), ended).await.expect("the server closes").expect("ended");
        drop((sender, answered));
    }
}

async fn over_http2(server: &Running, root: &rustls::pki_types::CertificateDer<'static>) -> (u16, String) {
    let (mut sender, _) = http2(server, root).await;
    let request = http::Request::get(format!("https://{}/", server.host())).body(axum::body::Body::empty());
    let response = sender.send_request(request.expect("request")).await.expect("answer");
    let status = response.status().as_u16();
    let body = http_body_util::BodyExt::collect(response.into_body()).await.expect("body").to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn tls_speaks_both_versions_of_http_and_drops_the_silent() {
    web::install_crypto();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("certificate");
    let folder = std::env::temp_dir().join(format!("xinyin-web-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("folder");
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).expect("written");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    let tls = Tls::from_files(&certificate, &key).expect("TLS");
    let server = Running::start(Some(tls.clone())).await;
    let port = server.address.port();
    let settings = web::outbound::OutboundSettings {
        allowed_origins: vec![format!("https://localhost:{port}")],
        extra_roots_pem: Some(made.cert.pem().into_bytes()),
        ..web::outbound::OutboundSettings::default()
    };
    let door = web::outbound::Outbound::new(&settings).expect("door");
    let answer = door.get(&format!("https://localhost:{port}/"), "*/*").await.expect("answer");
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (200, &b"hello"[..]));
    let (status, body) = over_http2(&server, made.cert.der()).await;
    assert_eq!((status, body.as_str()), (200, "hello"));
    let (answer, took) = server.exchange("").await;
    assert!(answer.is_empty() && took < Duration::from_secs(2), "silent in the handshake: {took:?}");
    let (answer, took) = server.drip("", 0x16).await; // KF-32: a handshake byte by byte
    assert!(!answer.starts_with("HTTP") && took < Duration::from_secs(4), "{took:?}");
    idle_over_http2(&server, made.cert.der()).await;
    let mut plain = server.connect().await;
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("sent");
    let mut rest = Vec::new();
    plain.read_to_end(&mut rest).await.ok();
    assert!(!rest.starts_with(b"HTTP"), "plain text gets no page");
    assert!(Tls::from_files(&key, &certificate).is_err());
    let renewed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("certificate");
    std::fs::write(&certificate, renewed.cert.pem()).expect("written");
    tls.read_again();
    assert_eq!(over_http2(&server, made.cert.der()).await.0, 200, "half a renewal changes nothing");
    std::fs::write(&key, renewed.signing_key.serialize_pem()).expect("written");
    tls.read_again();
    assert_eq!(over_http2(&server, renewed.cert.der()).await.0, 200, "the renewed certificate is served");
    std::fs::remove_dir_all(&folder).ok();
}

/// KF-34: a byte order mark before a certificate hides nothing; in the middle of a chain it is refused by its place.
#[tokio::test]
async fn a_mark_before_a_certificate_changes_nothing() {
    web::install_crypto();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("certificate");
    let folder = std::env::temp_dir().join(format!("xinyin-web-mark-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("folder");
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    let (pem, key_pem) = (made.cert.pem(), made.signing_key.serialize_pem());
    std::fs::write(&certificate, format!("\u{feff}{pem}")).expect("written");
    std::fs::write(&key, format!("\u{feff}{key_pem}")).expect("written");
    let server = Running::start(Some(Tls::from_files(&certificate, &key).expect("TLS"))).await;
    let port = server.address.port();
    let door = |roots: String| {
        let settings = web::outbound::OutboundSettings {
            allowed_origins: vec![format!("https://localhost:{port}")],
            extra_roots_pem: Some(roots.into_bytes()),
            ..web::outbound::OutboundSettings::default()
        };
        web::outbound::Outbound::new(&settings)
    };
    let marked = door(format!("\u{feff}{pem}")).expect("door");
    assert_eq!(marked.get(&format!("https://localhost:{port}/"), "*/*").await.expect("answer").status.as_u16(), 200);
    assert!(door(format!("{pem}\u{feff}{pem}")).is_err());
    std::fs::write(&certificate, format!("{pem}\u{feff}{pem}")).expect("written");
    let refused = Tls::from_files(&certificate, &key).err().expect("a mark in the middle");
    assert!(refused.to_string().contains(&format!("at byte {}", pem.len())), "{refused}");
    std::fs::remove_dir_all(&folder).ok();
}
