//! One table of routes builds the router and tells stories what stands where.

use axum::Router;
use axum::routing::{MethodRouter, get, post};
use web::shell::{ShellSettings, shell};

use super::{api, home, look_up, matter, session, today};
use crate::desk::Desk;

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone.
    Anyone,
    /// A clerk who is signed in; others are sent to sign in.
    Clerk,
    /// Anyone; a bearer token, where one is sent, must be good.
    Token,
}

/// A route.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The method.
    pub method: &'static str,
    /// The path.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
    /// What it does, in a line.
    pub purpose: &'static str,
}

const fn route(method: &'static str, path: &'static str, access: Access, purpose: &'static str) -> Route {
    Route { method, path, access, purpose }
}

/// Every route of the desk beside the shell's.
pub const ROUTES: &[Route] = &[
    route("GET", "/", Access::Anyone, "the desk's page"),
    route("POST", "/", Access::Anyone, "verify what was scanned, pasted or dropped"),
    route("GET", "/samples/{state}", Access::Anyone, "verify a sample of the demonstration"),
    route("GET", "/matter", Access::Clerk, "choose a case"),
    route("POST", "/matter", Access::Clerk, "work on a case"),
    route("GET", "/lookup", Access::Clerk, "the form to look a licence up"),
    route("POST", "/lookup", Access::Clerk, "look a licence up"),
    route("GET", "/today", Access::Clerk, "today's records"),
    route("GET", "/login", Access::Anyone, "sign in at idp"),
    route("GET", "/callback", Access::Anyone, "come back from idp"),
    route("POST", "/sign-out", Access::Anyone, "sign out"),
    route("GET", "/signed-out", Access::Anyone, "the page after signing out"),
    route("POST", "/v1/verifications", Access::Token, "verify a document or a code"),
    route("GET", "/v1/trust-bundle", Access::Anyone, "the trust bundle by which the desk judges"),
    route("GET", "/openapi.json", Access::Anyone, "this API, as OpenAPI 3.1"),
];

/// How many bytes an upload may have: a document of 64 KiB and what stands around it.
const UPLOAD_BYTES: usize = 96 * 1024;

impl Desk {
    /// Its routes, with the shell around them.
    pub fn router(&self) -> Router {
        let mut router = Router::new();
        for route in ROUTES {
            router = router.route(route.path, handler(route));
        }
        let settings = ShellSettings { ready: ready(self), ..ShellSettings::default() };
        let routes = router.layer(web::input::max_body(UPLOAD_BYTES)).with_state(self.clone());
        shell(routes, self.site(), settings)
    }
}

fn ready(desk: &Desk) -> web::shell::Ready {
    let desk = desk.clone();
    std::sync::Arc::new(move || {
        let desk = desk.clone();
        Box::pin(async move { desk.trust().current().is_some() && desk.db().reader().await.is_ok() })
    })
}

fn handler(route: &Route) -> MethodRouter<Desk> {
    match (route.method, route.path) {
        ("GET", "/") => get(home::page),
        ("POST", "/") => post(home::verify),
        ("GET", "/samples/{state}") => get(home::sample),
        ("GET", "/matter") => get(matter::page),
        ("POST", "/matter") => post(matter::choose),
        ("GET", "/lookup") => get(look_up::page),
        ("POST", "/lookup") => post(look_up::look_up),
        ("GET", "/today") => get(today::page),
        ("GET", "/login") => get(session::login),
        ("GET", "/callback") => get(session::callback),
        ("POST", "/sign-out") => post(session::sign_out),
        ("GET", "/signed-out") => get(session::signed_out),
        ("POST", "/v1/verifications") => post(api::verify),
        ("GET", "/v1/trust-bundle") => get(api::trust_bundle),
        ("GET", "/openapi.json") => get(api::openapi),
        (method, path) => unreachable!("a route without a handler: {method} {path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_has_a_handler() {
        for route in ROUTES {
            let _ = handler(route);
        }
    }
}
