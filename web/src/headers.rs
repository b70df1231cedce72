//! The headers that keep a page to itself: content security policy, referrer, sniffing, framing, caching, transport.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::site::Site;

/// What a page may load and where its forms may go. The default is the strictest that our pages work under: nothing but our
/// own style sheet and pictures, forms to ourselves, framed by nobody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one permission of its own")]
pub struct Policy {
    /// Scripts of ours (passkeys, camera), and requests of theirs to ourselves.
    pub script: bool,
    /// The camera, for scanning.
    pub camera: bool,
    /// Pictures written into the page as `data:`.
    pub data_images: bool,
    /// Forms that leave for elsewhere. Browsers hold a form's whole redirect chain to `form-action`, so only the page that
    /// answers `response_mode=form_post` goes without.
    pub forms_leave: bool,
    /// Frames of other sites, for `check_session_iframe` alone.
    pub framed: bool,
    /// Frames that the page itself loads from anywhere, for front-channel logout alone.
    pub frames_others: bool,
}

impl Policy {
    /// The page's scripts run.
    pub const SCRIPT: Self = Self {
        script: true,
        camera: false,
        data_images: false,
        forms_leave: false,
        framed: false,
        frames_others: false,
    };

    /// The value of `Content-Security-Policy`.
    pub fn content_security_policy(self) -> String {
        let mut policy = String::from("default-src 'none'; style-src 'self'; base-uri 'none'");
        policy.push_str(if self.data_images { "; img-src 'self' data:" } else { "; img-src 'self'" });
        if self.script {
            policy.push_str("; script-src 'self'; connect-src 'self'; manifest-src 'self'");
        }
        if self.camera {
            policy.push_str("; media-src 'self' blob:; worker-src 'self'");
        }
        if self.frames_others {
            policy.push_str("; frame-src http: https:");
        }
        policy.push_str(if self.forms_leave { "" } else { "; form-action 'self'" });
        policy.push_str(if self.framed { "" } else { "; frame-ancestors 'none'" });
        policy
    }

    /// Writes what belongs to a page.
    pub(crate) fn write(self, headers: &mut HeaderMap) {
        let policy = HeaderValue::try_from(self.content_security_policy()).expect("the policy is plain ASCII");
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        if self.framed {
            headers.remove(header::X_FRAME_OPTIONS);
            headers.insert(CORP, HeaderValue::from_static("cross-origin"));
        } else {
            headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        }
        let camera = if self.camera { "camera=(self)" } else { "camera=()" };
        let permissions = format!("{camera}, microphone=(), geolocation=(), payment=(), usb=()");
        headers.insert(PERMISSIONS, HeaderValue::try_from(permissions).expect("plain ASCII"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

const COOP: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const PERMISSIONS: HeaderName = HeaderName::from_static("permissions-policy");

/// Writes what every answer carries, where the handler has not said otherwise. An answer that names no policy of its own is
/// data, and may do nothing where a browser shows it; one that says nothing of caches is kept by none.
pub(crate) fn write_everywhere(site: &Site, headers: &mut HeaderMap) {
    let mut default = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    default(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    default(header::REFERRER_POLICY, "same-origin");
    default(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; base-uri 'none'");
    default(header::CACHE_CONTROL, "no-store");
    default(COOP, "same-origin");
    default(CORP, "same-origin");
    if site.secure() {
        default(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
}

/// Lets pages of any origin read an answer: discovery documents, keys, status lists, the log (CORS; Fetch §3.2).
pub fn readable_by_all(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(CORP, HeaderValue::from_static("cross-origin"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_opens_only_what_it_names() {
        assert_eq!(
            Policy::default().content_security_policy(),
            "default-src 'none'; style-src 'self'; base-uri 'none'; img-src 'self'; form-action 'self'; frame-ancestors 'none'"
        );
        assert!(!Policy { forms_leave: true, ..Policy::default() }.content_security_policy().contains("form-action"));
        assert!(!Policy { framed: true, ..Policy::default() }.content_security_policy().contains("frame-ancestors"));
        assert!(Policy::SCRIPT.content_security_policy().contains("script-src 'self'"));
    }
}
