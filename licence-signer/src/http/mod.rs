//! The HTTP side: extractors, bodies, refusals; one table of routes builds the router and the OpenAPI text.

mod bodies;
mod caller;
mod history;
mod licences;
mod lookups;
mod openapi;
pub(crate) mod pages;
mod presentations;
mod problem;
mod public;
mod routes;

pub use caller::{For, Holder, scope};
pub use routes::{Guard, ROUTES, Route};

use axum::Router;
use web::shell::{ShellSettings, shell};

use crate::LicenceSigner;

/// The routes of [`ROUTES`] in the shell.
pub(crate) fn router(signer: LicenceSigner) -> Router {
    let site = signer.site().clone();
    let ready = signer.clone();
    let settings = ShellSettings {
        ready: std::sync::Arc::new(move || {
            let signer = ready.clone();
            Box::pin(async move { signer.db().ready().await.is_ok() })
        }),
        ..ShellSettings::default()
    };
    let routes = ROUTES.iter().fold(Router::new(), |router, route| router.route(route.path, (route.handler)()));
    let api = routes.with_state(signer.clone());
    shell(api.merge(pages::routes(signer)), &site, settings)
}
