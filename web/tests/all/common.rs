use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use keys::sources::{Clock, Random, RandomError, Sources};
use tower::ServiceExt;
use verifier::time::Timestamp;
use web::words::{Bilingual, Source};
use web::{Site, Vocabulary};

/// A clock that stands until it is moved, and the system's chance.
pub(crate) struct Standing(AtomicI64);

impl Standing {
    pub(crate) fn at(seconds: i64) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(seconds)))
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.0.load(Ordering::SeqCst))
    }
}

struct Chance(Arc<dyn Random>);

impl Random for Chance {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        self.0.fill(bytes)
    }
}

pub(crate) fn sources(clock: &Arc<Standing>) -> Sources {
    Sources { clock: clock.clone(), random: Arc::new(Chance(Sources::system().random)) }
}

pub(crate) fn site(url: &str) -> Site {
    let own = Source { zh_cn: "hello = 您好\n", en: "hello = Hello\n" };
    let vocabulary = Vocabulary::new(&[own]).expect("words read");
    let brand = Bilingual::new("信印 统一身份认证", "Xinyin Unified Identity");
    let clock = Standing::at(1_795_588_328); // 2026-11-25 14:32:08 at UTC+08:00
    let mut site = Site::new("idp", url.parse().expect("url"), brand, vocabulary, sources(&clock)).expect("site");
    site.place = Bilingual::new("示范省 示范市", "Shifan City, Shifan Province");
    site
}

/// An answer, read whole.
pub(crate) struct Seen {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Seen {
    pub(crate) async fn of(response: Response) -> Self {
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.expect("body").to_bytes();
        Self { status: head.status, headers: head.headers, text: String::from_utf8_lossy(&bytes).into_owned() }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).expect("JSON")
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// A request to `localhost:8080` with these headers.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header(header::HOST, "localhost:8080");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.into()).expect("request")
}

pub(crate) async fn ask(app: &Router, request: Request<Body>) -> Seen {
    Seen::of(app.clone().oneshot(request).await.expect("infallible")).await
}
