//! The one table of routes: it builds the router, and the stories walk it.

use axum::Router;
use axum::routing::{MethodRouter, get, post};

use crate::Idp;
use crate::http::{authorize, consent, discovery, introspect, logout, revoke, steps, token, userinfo};

/// What a route wants to see before it answers with anything but a refusal or a page to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// Nothing: it is for everyone.
    Nothing,
    /// A pending interaction of the same browser, in the path.
    Interaction,
    /// A session of the browser.
    Session,
    /// A client's authentication.
    Client,
    /// An access token.
    AccessToken,
}

/// One route.
#[derive(Clone, Copy)]
pub struct Route {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Its path, in axum's form.
    pub path: &'static str,
    /// What it wants to see.
    pub credential: Credential,
    handler: fn() -> MethodRouter<Idp>,
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} ({:?})", self.method, self.path, self.credential)
    }
}

macro_rules! route {
    (GET $path:literal, $credential:ident, $handler:path) => {
        Route { method: "GET", path: $path, credential: Credential::$credential, handler: || get($handler) }
    };
    (POST $path:literal, $credential:ident, $handler:path) => {
        Route { method: "POST", path: $path, credential: Credential::$credential, handler: || post($handler) }
    };
}

/// All routes. First the protocol's, then people's.
pub static ROUTES: &[Route] = &[
    route!(GET "/.well-known/openid-configuration", Nothing, discovery::openid_configuration),
    route!(GET "/.well-known/oauth-authorization-server", Nothing, discovery::openid_configuration),
    route!(GET "/jwks", Nothing, discovery::jwks),
    route!(GET "/authorize", Nothing, authorize::get),
    route!(POST "/authorize", Nothing, authorize::post),
    route!(GET "/authorize/{id}", Nothing, authorize::stored),
    route!(GET "/interaction/{id}", Interaction, authorize::go_on),
    route!(GET "/consent/{id}", Interaction, consent::show),
    route!(POST "/consent/{id}", Interaction, consent::answer),
    route!(POST "/token", Client, token::post),
    route!(GET "/userinfo", AccessToken, userinfo::get),
    route!(POST "/userinfo", AccessToken, userinfo::post),
    route!(GET "/logout", Nothing, logout::get),
    route!(POST "/logout", Nothing, logout::post),
    route!(GET "/signed-out", Nothing, logout::signed_out),
    route!(POST "/revoke", Client, revoke::post),
    route!(POST "/introspect", Client, introspect::post),
    route!(GET "/static/submit.js", Nothing, steps::submit_js),
    // people
];

/// The router of the table.
pub(crate) fn routes(idp: &Idp) -> Router {
    let router = ROUTES.iter().fold(Router::new(), |router, route| router.route(route.path, (route.handler)()));
    router.with_state(idp.clone())
}
