//! The one table of routes: it builds the router, and the stories walk it.

use axum::Router;
use axum::routing::{MethodRouter, get, post};

use crate::Idp;
use crate::http::{
    account, act_for, authorize, consent, discovery, introspect, logout, mandates, people, register, revoke,
    select_account, sign_in, steps, token, userinfo,
};

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
    route!(GET "/static/passkey.js", Nothing, people::script),
    route!(GET "/sign-in/{id}", Interaction, sign_in::show),
    route!(POST "/sign-in/{id}", Interaction, sign_in::answer),
    route!(POST "/sign-in/{id}/passkey", Interaction, sign_in::options),
    route!(GET "/select-account/{id}", Interaction, select_account::show),
    route!(POST "/select-account/{id}", Interaction, select_account::answer),
    route!(GET "/act-for/{id}", Interaction, act_for::show),
    route!(POST "/act-for/{id}", Interaction, act_for::answer),
    route!(GET "/register", Nothing, register::who),
    route!(POST "/register", Nothing, register::who_answer),
    route!(GET "/register/confirm", Session, register::confirm),
    route!(POST "/register/confirm", Session, register::confirm_answer),
    route!(GET "/register/{id}/code", Interaction, register::code),
    route!(POST "/register/{id}/code", Interaction, register::code_answer),
    route!(GET "/register/{id}/means", Interaction, register::means),
    route!(POST "/register/{id}/means", Interaction, register::means_answer),
    route!(POST "/register/{id}/passkey", Interaction, register::options),
    route!(GET "/account", Session, account::show),
    route!(POST "/account", Session, account::answer),
    route!(GET "/account/level", Nothing, account::level),
    route!(GET "/account/password", Session, account::means::password),
    route!(POST "/account/password", Session, account::means::password_answer),
    route!(GET "/account/passkey", Session, account::means::passkey),
    route!(POST "/account/passkey", Session, account::means::passkey_answer),
    route!(POST "/account/passkey/options", Session, account::means::passkey_options),
    route!(GET "/account/mandates/{code}", Session, mandates::show),
    route!(POST "/account/mandates/{code}", Session, mandates::answer),
    route!(GET "/account/mandates/{code}/level", Nothing, mandates::level),
];

/// The router of the table.
pub(crate) fn routes(idp: &Idp) -> Router {
    let router = ROUTES.iter().fold(Router::new(), |router, route| router.route(route.path, (route.handler)()));
    router.layer(axum::middleware::from_fn(web::input::bounded)).with_state(idp.clone())
}
