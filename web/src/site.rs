//! What a service says about itself: its address, its name and place, its words. Built once at start.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use keys::sources::Sources;
use url::Url;

use crate::words::{Bilingual, Vocabulary};

/// A service as its pages and cookies know it.
#[derive(Clone)]
pub struct Site {
    /// The short name in cookie names and metrics: `idp`, `signer`, `desk`, `portal`, `project` …
    pub service: &'static str,
    /// Where the service is reached from outside.
    pub external_url: Url,
    /// `data-site` of pages that are not Xinyin's own: `portal`, `project`, `simulator`.
    pub look: Option<&'static str>,
    /// The mark's one character; `None` is the seal 信印.
    pub mark: Option<&'static str>,
    /// The name in the head.
    pub brand: Bilingual,
    /// The place or owner under the name.
    pub place: Bilingual,
    /// Where the name leads to, a local path.
    pub home: String,
    /// The telephone number for people who are stuck.
    pub telephone: String,
    /// A line in the foot beside the version: that this is a demonstration, or who runs the site.
    pub notice: Option<Bilingual>,
    /// Whether the foot names Xinyin's version (a portal of others does not).
    pub version_line: bool,
    /// Further links of the foot, behind privacy, accessibility and help: text and address.
    pub foot_links: Vec<(Bilingual, String)>,
    /// Where the sign-out form of the head posts to, a local path.
    pub sign_out: String,
    /// All words.
    pub vocabulary: Arc<Vocabulary>,
    /// The proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// The clock and the random source.
    pub sources: Sources,
}

/// An external URL that a service cannot stand at.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the external URL must be http or https with a host and without path, query, user or fragment")]
pub struct SiteError;

impl Site {
    /// A service of Xinyin with an empty place, no telephone and no notice; set those fields as needed.
    pub fn new(
        service: &'static str,
        external_url: Url,
        brand: Bilingual,
        vocabulary: Arc<Vocabulary>,
        sources: Sources,
    ) -> Result<Self, SiteError> {
        let bare = matches!(external_url.scheme(), "http" | "https")
            && external_url.host_str().is_some()
            && external_url.path() == "/"
            && external_url.query().is_none()
            && external_url.fragment().is_none()
            && external_url.username().is_empty()
            && external_url.password().is_none();
        if !bare {
            return Err(SiteError);
        }
        Ok(Self {
            service,
            external_url,
            look: None,
            mark: None,
            brand,
            place: Bilingual::default(),
            home: "/".into(),
            telephone: "0000-12345".into(),
            notice: None,
            version_line: true,
            foot_links: Vec::new(),
            sign_out: "/sign-out".into(),
            vocabulary,
            trusted_proxies: Vec::new(),
            sources,
        })
    }

    /// Whether the service is reached over TLS: decides `Secure`, `__Host-` and HSTS.
    pub fn secure(&self) -> bool {
        self.external_url.scheme() == "https"
    }

    /// The origin as browsers write it, without a slash at the end.
    pub fn origin(&self) -> String {
        self.external_url.origin().ascii_serialization()
    }

    /// The host, with the port unless it is the scheme's own, as a `Host` header holds it.
    pub fn authority(&self) -> String {
        let host = self.external_url.host_str().unwrap_or_default();
        self.external_url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// The whole address of a local path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin())
    }

    /// The name of a cookie of ours: `xy_{service}{suffix}`, with `__Host-` over TLS.
    pub fn cookie_name(&self, suffix: &str) -> String {
        let prefix = if self.secure() { "__Host-" } else { "" };
        format!("{prefix}xy_{}{suffix}", self.service)
    }

    /// The client's address: the connection's, or what a trusted proxy says it saw. The header is read from its end, past the
    /// proxies that are trusted themselves; what a client wrote before it is not believed.
    pub fn client_address(&self, peer: Option<IpAddr>, forwarded_for: Option<&str>) -> Option<IpAddr> {
        let trusted = |address: IpAddr| self.trusted_proxies.iter().any(|network| network.holds(address));
        let mut address = peer?.to_canonical();
        for hop in forwarded_for.unwrap_or_default().rsplit(',').take(16) {
            if !trusted(address) {
                break;
            }
            let Ok(next) = hop.trim().parse::<IpAddr>() else { break };
            address = next.to_canonical();
        }
        Some(address)
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Site({} at {})", self.service, self.external_url)
    }
}

/// A network: an address and how many of its first bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// A text that is no network.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not an IP address or a network like 10.0.0.0/8")]
pub struct NetworkError;

impl std::str::FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.parse().map_err(|_| NetworkError)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), |b| b.parse().map_err(|_| NetworkError))?;
        if bits > most { Err(NetworkError) } else { Ok(Self { address, bits }) }
    }
}

impl Network {
    /// Whether `address` lies in it; an IPv4 address mapped into IPv6 counts as the IPv4 address.
    pub fn holds(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                (a.to_bits() ^ b.to_bits()).checked_shr(32 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                (a.to_bits() ^ b.to_bits()).checked_shr(128 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(url: &str) -> Result<Site, SiteError> {
        let vocabulary = Vocabulary::new(&[]).expect("common words read");
        Site::new("idp", url.parse().expect("url"), Bilingual::same("信印"), vocabulary, Sources::system())
    }

    #[test]
    fn an_external_url_is_an_origin() {
        for (url, good) in [
            ("http://localhost:8080", true),
            ("https://id.shifan.example/", true),
            ("https://id.shifan.example/idp", false),
            ("https://u@id.shifan.example/", false),
            ("https://id.shifan.example/?q", false),
            ("ftp://id.shifan.example/", false),
        ] {
            assert_eq!(site(url).is_ok(), good, "{url}");
        }
        let site = site("https://id.shifan.example:443").expect("good");
        assert_eq!(site.authority(), "id.shifan.example");
        assert_eq!(site.cookie_name(""), "__Host-xy_idp");
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let mut site = site("http://localhost:8080").expect("good");
        site.trusted_proxies = vec!["10.0.0.0/8".parse().expect("network"), "::1".parse().expect("network")];
        for (peer, header, expected) in [
            ("203.0.113.9", Some("1.2.3.4"), "203.0.113.9"),
            ("10.1.1.1", None, "10.1.1.1"),
            ("10.1.1.1", Some("1.2.3.4"), "1.2.3.4"),
            ("10.1.1.1", Some("6.6.6.6, 1.2.3.4"), "1.2.3.4"),
            ("10.1.1.1", Some("6.6.6.6, 1.2.3.4, 10.2.2.2"), "1.2.3.4"),
            ("::ffff:10.1.1.1", Some("1.2.3.4"), "1.2.3.4"),
            ("10.1.1.1", Some("nonsense"), "10.1.1.1"),
        ] {
            let peer = peer.parse().expect("address");
            assert_eq!(site.client_address(Some(peer), header), Some(expected.parse().expect("address")), "{header:?}");
        }
        assert!("10.0.0.0/33".parse::<Network>().is_err());
        let all: Network = "0.0.0.0/0".parse().expect("network");
        assert!(all.holds("9.9.9.9".parse().expect("address")));
    }
}
