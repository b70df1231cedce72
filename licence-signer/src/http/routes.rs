//! Every route of the service, once.

use axum::routing::{MethodRouter, get, post};

use super::{history, licences, lookups, openapi, presentations, public};
use crate::LicenceSigner;

/// Whom a route serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Anyone: public data alone.
    Public,
    /// A department's client or clerk with this scope.
    Scope(&'static str),
    /// A holder (`acr` 2 or more) with this scope.
    Holder(&'static str),
    /// A department with `licence.read`, or the holder with `licence.own`.
    Reader,
    /// A person signed in at the pages, by session cookie.
    Session,
}

/// One route.
pub struct Route {
    /// `get` or `post`.
    pub method: &'static str,
    /// The path with `{names}`.
    pub path: &'static str,
    /// Whom it serves.
    pub guard: Guard,
    /// What it does, in one line; empty for pages, which the OpenAPI text leaves out.
    pub summary: &'static str,
    /// The schema of its request's body in the OpenAPI text.
    pub request: Option<&'static str>,
    /// Its answers: status, media type, schema.
    pub answers: &'static [(u16, &'static str, &'static str)],
    /// Makes the handler.
    pub handler: fn() -> MethodRouter<LicenceSigner>,
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

const JSON: &str = "application/json";
const SDJWT: &str = "application/dc+sd-jwt";
const CWT: &str = "application/cwt";
const TEXT: &str = "text/plain";
const BYTES: &str = "application/octet-stream";

/// The table. The router, the OpenAPI text and the story "each route without a credential" are made of it.
pub const ROUTES: &[Route] = &[
    Route {
        method: "post",
        path: "/v1/licences",
        guard: Guard::Scope("licence.issue"),
        summary: "Issue a licence. Honours Idempotency-Key; 202 where the release takes longer than ten seconds",
        request: Some("IssueRequest"),
        answers: &[(201, JSON, "Issued"), (202, JSON, "Recorded")],
        handler: || post(licences::issue),
    },
    Route {
        method: "get",
        path: "/v1/licences",
        guard: Guard::Scope("licence.read"),
        summary: "The department's licences, newest first, a page at a time",
        request: None,
        answers: &[(200, JSON, "LicencePage")],
        handler: || get(licences::list),
    },
    Route {
        method: "get",
        path: "/v1/licences/{id}",
        guard: Guard::Reader,
        summary: "One licence, in the form that Accept names",
        request: None,
        answers: &[(200, JSON, "Licence"), (200, SDJWT, "Text"), (200, CWT, "Bytes"), (200, TEXT, "Text")],
        handler: || get(licences::read),
    },
    Route {
        method: "get",
        path: "/v1/licences/{id}/renditions/{rendition}",
        guard: Guard::Reader,
        summary: "One rendition of a licence: sdjwt or cwt",
        request: None,
        answers: &[(200, SDJWT, "Text"), (200, CWT, "Bytes"), (200, TEXT, "Text")],
        handler: || get(licences::rendition),
    },
    Route {
        method: "post",
        path: "/v1/licences/{id}/{event}",
        guard: Guard::Scope("licence.end"),
        summary: "A state event: suspension, resumption, annulment, recall, revocation or cancellation",
        request: Some("EventRequest"),
        answers: &[(200, JSON, "Event")],
        handler: || post(licences::act),
    },
    Route {
        method: "post",
        path: "/v1/lookups",
        guard: Guard::Scope("licence.lookup"),
        summary: "What a matter needs of a holder's licences, instead of asking him for them",
        request: Some("LookupRequest"),
        answers: &[(200, JSON, "LookupAnswer")],
        handler: || post(lookups::look_up),
    },
    Route {
        method: "post",
        path: "/v1/presentations",
        guard: Guard::Holder("presentation.make"),
        summary: "Show a licence: the code for a QR, and digits to say",
        request: Some("PresentationRequest"),
        answers: &[(201, JSON, "Presentation")],
        handler: || post(presentations::present),
    },
    Route {
        method: "post",
        path: "/v1/presentations/resolutions",
        guard: Guard::Scope("presentation.resolve"),
        summary: "Resolve what a holder shows, once, with matter, case and purpose",
        request: Some("ResolutionRequest"),
        answers: &[(200, JSON, "Seen")],
        handler: || post(presentations::resolve),
    },
    Route {
        method: "get",
        path: "/v1/looks",
        guard: Guard::Holder("licence.own"),
        summary: "Who looked at the holder's licences, when and why",
        request: None,
        answers: &[(200, JSON, "LookPage")],
        handler: || get(history::looks),
    },
    Route {
        method: "get",
        path: "/v1/matters",
        guard: Guard::Public,
        summary: "The register of matters: which licence types each needs",
        request: None,
        answers: &[(200, JSON, "Matters")],
        handler: || get(public::matters),
    },
    Route {
        method: "get",
        path: "/types/{code}/{version}",
        guard: Guard::Public,
        summary: "What a licence type and its items are called (SD-JWT VC Type Metadata); the address is a credential's vct",
        request: None,
        answers: &[(200, JSON, "TypeMetadata")],
        handler: || get(public::type_metadata),
    },
    Route {
        method: "get",
        path: "/v1/trust-bundle",
        guard: Guard::Public,
        summary: "The trust bundle",
        request: None,
        answers: &[(200, JSON, "TrustBundle")],
        handler: || get(public::trust_bundle),
    },
    Route {
        method: "get",
        path: "/status/{list}",
        guard: Guard::Public,
        summary: "A status list (Token Status List), as JWT or CWT by Accept",
        request: None,
        answers: &[(200, "application/statuslist+jwt", "Text"), (200, "application/statuslist+cwt", "Bytes")],
        handler: || get(public::status),
    },
    Route {
        method: "get",
        path: "/log/checkpoint",
        guard: Guard::Public,
        summary: "The log's newest signed checkpoint",
        request: None,
        answers: &[(200, TEXT, "Text")],
        handler: || get(public::checkpoint),
    },
    Route {
        method: "get",
        path: "/log/tile/{*path}",
        guard: Guard::Public,
        summary: "A tile of hashes, or of entries under entries/",
        request: None,
        answers: &[(200, BYTES, "Bytes")],
        handler: || get(public::tile),
    },
    Route {
        method: "get",
        path: "/openapi.json",
        guard: Guard::Public,
        summary: "This text",
        request: None,
        answers: &[(200, JSON, "OpenApi")],
        handler: || get(openapi::text),
    },
];
