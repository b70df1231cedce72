//! The one door out: every call to another machine passes here, bounded in time and size, its address checked after
//! resolution, redirects not followed, no proxy of the environment.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// The bounds and exceptions of the door.
#[derive(Clone, Debug)]
pub struct OutboundSettings {
    /// Origins that may be private, loopback or plain http: scheme, host and port exactly (`http://localhost:8081`).
    pub allowed_origins: Vec<String>,
    /// Certificates (PEM) of private authorities that count besides the system's.
    pub extra_roots_pem: Option<Vec<u8>>,
    /// How long one call may take, from connecting to the last byte.
    pub time: Duration,
    /// How many bytes an answer may have.
    pub max_bytes: usize,
}

impl Default for OutboundSettings {
    fn default() -> Self {
        Self {
            allowed_origins: Vec::new(),
            extra_roots_pem: None,
            time: Duration::from_secs(10),
            max_bytes: 4 * 1024 * 1024,
        }
    }
}

/// The door. Cheap to clone.
#[derive(Clone)]
pub struct Outbound(Arc<Inner>);

struct Inner {
    allowed: Vec<url::Origin>,
    /// For everyone: resolves to public addresses alone.
    guarded: reqwest::Client,
    /// For the allowed origins.
    open: reqwest::Client,
    max_bytes: usize,
}

/// Why a call gave no answer. Holds no address beyond the host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The address is no http or https URL with a host, or holds a user.
    #[error("not an address to call")]
    Address,
    /// Plain http to an origin that is not allowed.
    #[error("plain http is not allowed to {0}")]
    PlainHttp(String),
    /// The address leads into a private or special network.
    #[error("the address of {0} is not public")]
    NotPublic(String),
    /// No answer in time.
    #[error("no answer in time from {0}")]
    Time(String),
    /// More bytes than the bound.
    #[error("the answer of {0} is too large")]
    TooLarge(String),
    /// No connection, or it broke.
    #[error("no connection to {0}: {1}")]
    Connection(String, String),
    /// The door cannot be built: the extra roots do not read, for one.
    #[error("the client cannot be built: {0}")]
    Setup(String),
}

/// An answer, whatever its status.
#[derive(Clone)]
pub struct Answer {
    /// The status; a redirect is an answer like any other.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// The media type without parameters, in lower case.
    pub fn media_type(&self) -> String {
        let value = self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// The body as JSON, strictly read.
    pub fn json(&self) -> Option<serde_json::Value> {
        verifier::encoding::json::read(&self.body, usize::MAX).ok()
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Answer({}, {} bytes)", self.status, self.body.len())
    }
}

impl std::fmt::Debug for Outbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Outbound")
    }
}

impl Outbound {
    /// Builds the door; [`crate::install_crypto`] is called by it.
    pub fn new(settings: &OutboundSettings) -> Result<Self, OutboundError> {
        crate::install_crypto();
        let mut allowed = Vec::new();
        for origin in &settings.allowed_origins {
            let url = Url::parse(origin).map_err(|_| OutboundError::Setup("an allowed origin is no URL".into()))?;
            allowed.push(url.origin());
        }
        Ok(Self(Arc::new(Inner {
            allowed,
            guarded: client(settings, true)?,
            open: client(settings, false)?,
            max_bytes: settings.max_bytes,
        })))
    }

    /// GET, with what is accepted.
    pub async fn get(&self, url: &str, accept: &str) -> Result<Answer, OutboundError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_str(accept).map_err(|_| OutboundError::Address)?);
        self.send(Method::GET, url, headers, Vec::new()).await
    }

    /// GET with a bearer token.
    pub async fn get_with_token(&self, url: &str, accept: &str, token: &str) -> Result<Answer, OutboundError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_str(accept).map_err(|_| OutboundError::Address)?);
        headers.insert(header::AUTHORIZATION, bearer(token)?);
        self.send(Method::GET, url, headers, Vec::new()).await
    }

    /// POST of a form.
    pub async fn post_form(
        &self,
        url: &str,
        form: &[(&str, &str)],
        headers: HeaderMap,
    ) -> Result<Answer, OutboundError> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        self.post_bytes(url, "application/x-www-form-urlencoded", body.into_bytes(), headers).await
    }

    /// POST of JSON, with a bearer token if there is one.
    pub async fn post_json(
        &self,
        url: &str,
        body: &serde_json::Value,
        token: Option<&str>,
    ) -> Result<Answer, OutboundError> {
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            headers.insert(header::AUTHORIZATION, bearer(token)?);
        }
        self.post_bytes(url, "application/json", body.to_string().into_bytes(), headers).await
    }

    /// POST of bytes.
    pub async fn post_bytes(
        &self,
        url: &str,
        media_type: &str,
        body: Vec<u8>,
        mut headers: HeaderMap,
    ) -> Result<Answer, OutboundError> {
        let media_type = HeaderValue::from_str(media_type).map_err(|_| OutboundError::Address)?;
        headers.insert(header::CONTENT_TYPE, media_type);
        self.send(Method::POST, url, headers, body).await
    }

    /// Any call.
    pub async fn send(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<Answer, OutboundError> {
        let url = Url::parse(url).map_err(|_| OutboundError::Address)?;
        let (client, host) = self.client_for(&url)?;
        let failed = |error: reqwest::Error| failure(&error.without_url(), &host);
        let mut response = client.request(method, url).headers(headers).body(body).send().await.map_err(failed)?;
        let mut bytes = Vec::new();
        if response.content_length().is_some_and(|length| length > self.0.max_bytes as u64) {
            return Err(OutboundError::TooLarge(host));
        }
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if bytes.len() + chunk.len() > self.0.max_bytes {
                return Err(OutboundError::TooLarge(host));
            }
            bytes.extend_from_slice(&chunk);
        }
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        Ok(Answer { status, headers, body: bytes.into() })
    }

    /// Which of the two clients may call, and the host for errors.
    fn client_for(&self, url: &Url) -> Result<(&reqwest::Client, String), OutboundError> {
        let host = url.host().ok_or(OutboundError::Address)?;
        let name = host.to_string();
        if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
            return Err(OutboundError::Address);
        }
        if self.0.allowed.contains(&url.origin()) {
            return Ok((&self.0.open, name));
        }
        if url.scheme() == "http" {
            return Err(OutboundError::PlainHttp(name));
        }
        let literal = match host {
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
            Host::Domain(_) => None, // the resolver looks at what it resolves to
        };
        if literal.is_some_and(|address| !is_public(address)) {
            return Err(OutboundError::NotPublic(name));
        }
        Ok((&self.0.guarded, name))
    }
}

fn bearer(token: &str) -> Result<HeaderValue, OutboundError> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| OutboundError::Address)?;
    value.set_sensitive(true);
    Ok(value)
}

fn failure(error: &reqwest::Error, host: &str) -> OutboundError {
    if error.is_timeout() {
        return OutboundError::Time(host.to_owned());
    }
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut last = String::new();
    while let Some(error) = cause {
        if error.is::<NotPublic>() {
            return OutboundError::NotPublic(host.to_owned());
        }
        last = error.to_string(); // the innermost says what happened and holds no address
        cause = error.source();
    }
    OutboundError::Connection(host.to_owned(), last)
}

fn client(settings: &OutboundSettings, guarded: bool) -> Result<reqwest::Client, OutboundError> {
    let setup = |error: reqwest::Error| OutboundError::Setup(error.to_string());
    let builder = || {
        let builder = reqwest::Client::builder()
            .user_agent(concat!("xinyin/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(settings.time)
            .connect_timeout(settings.time.min(Duration::from_secs(5)))
            .pool_idle_timeout(Duration::from_secs(30));
        if guarded { builder.dns_resolver(Arc::new(PublicOnly)) } else { builder }
    };
    let roots = match &settings.extra_roots_pem {
        Some(pem) => {
            let pem = verifier::encoding::without_mark(pem).map_err(|at| {
                OutboundError::Setup(format!("a byte order mark stands at byte {at} of the extra roots"))
            })?;
            reqwest::Certificate::from_pem_bundle(pem).map_err(setup)?
        }
        None => Vec::new(),
    };
    builder().tls_certs_merge(roots.clone()).build().or_else(|error| {
        // a machine without certificates of its own still calls the authorities that the settings name
        tracing::warn!(%error, "the system's certificates cannot be used");
        builder().tls_certs_only(roots).build().map_err(setup)
    })
}

/// Resolves names to public addresses alone. The connection goes to what was looked at: there is no second resolution.
struct PublicOnly;

#[derive(Debug, thiserror::Error)]
#[error("the name leads to no public address")]
struct NotPublic;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(NotPublic.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is a host on the public internet: none of the special blocks of RFC 6890 and its updates, and none
/// that carries such an IPv4 address inside an IPv6 one.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = matches!(
        (a, b, c),
        (0 | 10 | 127, ..)
            | (100, 64..=127, _) // shared address space, RFC 6598
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 168, _)
            | (192, 0, 0 | 2)
            | (192, 31, 196) | (192, 52, 193) | (192, 88, 99) | (192, 175, 48)
            | (198, 18..=19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    );
    !special && a < 224 // multicast, reserved, broadcast
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inside) = address.to_ipv4_mapped() {
        return is_public_v4(inside);
    }
    let s = address.segments();
    let v4_in = |high: u16, low: u16| is_public_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match s {
        // NAT64 (RFC 6052) and 6to4 carry an IPv4 address
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => v4_in(high, low),
        [0x2001, second, ..] => second >= 0x200 && second != 0xdb8, // protocol assignments, Teredo, documentation
        [0x3fff, second, ..] => second >= 0x1000,                   // documentation, RFC 9637
        [first, ..] => (0x2000..0x4000).contains(&first),           // global unicast is 2000::/3 alone
    }
}

/// Whether an address lies in this machine's or a private network: loopback, private, link-local.
pub fn is_own_network(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(a) => a.is_loopback() || a.is_private() || a.is_link_local(),
        IpAddr::V6(a) => a.is_loopback() || a.is_unique_local() || a.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_of_the_internet_are_public() {
        for (address, public) in [
            ("93.184.216.34", true),
            ("1.1.1.1", true),
            ("100.63.255.255", true),
            ("172.32.0.1", true),
            ("2606:4700:4700::1111", true),
            ("240e::1", true),
            ("0.0.0.0", false),
            ("10.0.0.1", false),
            ("100.64.0.1", false),
            ("100.127.255.255", false),
            ("127.0.0.1", false),
            ("127.255.255.254", false),
            ("169.254.169.254", false),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("192.0.0.1", false),
            ("192.0.2.1", false),
            ("192.168.1.1", false),
            ("198.18.0.1", false),
            ("198.51.100.1", false),
            ("203.0.113.1", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::", false),
            ("::1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:8.8.8.8", true),
            ("::127.0.0.1", false),
            ("64:ff9b::7f00:1", false),
            ("64:ff9b::808:808", true),
            ("64:ff9b:1::1", false),
            ("2002:7f00:1::1", false),
            ("2001::1", false),
            ("2001:db8::1", false),
            ("2001:4860:4860::8888", true),
            ("3fff::1", false),
            ("fc00::1", false),
            ("fd00::1", false),
            ("fe80::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
        ] {
            assert_eq!(is_public(address.parse().expect("address")), public, "{address}");
        }
    }

    #[tokio::test]
    async fn the_door_opens_for_allowed_origins_alone() {
        let settings =
            OutboundSettings { allowed_origins: vec!["http://127.0.0.1:9".into()], ..OutboundSettings::default() };
        let door = Outbound::new(&settings).expect("built");
        for (url, expected) in [
            ("http://example.org/", OutboundError::PlainHttp("example.org".into())),
            ("http://127.0.0.1:10/", OutboundError::PlainHttp("127.0.0.1".into())),
            ("https://127.0.0.1/", OutboundError::NotPublic("127.0.0.1".into())),
            ("https://127.1/", OutboundError::NotPublic("127.0.0.1".into())),
            ("https://0x7f000001/", OutboundError::NotPublic("127.0.0.1".into())),
            ("https://[::1]/", OutboundError::NotPublic("[::1]".into())),
            ("https://[::ffff:10.0.0.1]/", OutboundError::NotPublic("[::ffff:a00:1]".into())),
            ("https://localhost/", OutboundError::NotPublic("localhost".into())),
            ("https://user@example.org/", OutboundError::Address),
            ("file:///etc/passwd", OutboundError::Address),
            ("nonsense", OutboundError::Address),
        ] {
            assert_eq!(door.get(url, "*/*").await.err(), Some(expected), "{url}");
        }
        let refused = door.get("http://127.0.0.1:9/", "*/*").await.err();
        assert!(matches!(refused, Some(OutboundError::Connection(..))), "allowed, but nobody listens: {refused:?}");
    }
}
