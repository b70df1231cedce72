//! The pages: a holder's own licences, showing one, who looked; a department's licences, issuing, state events.
//!
//! They sign in at idp through the `openidconnect` crate as any portal would, and rest on the same flows as the API.

mod department;
mod event;
mod face;
mod issue;
mod issue_form;
mod kept;
mod mine;
mod own;
mod parts;
mod qr;
mod session;
mod show;
mod sign_in;

use std::sync::Arc;

use axum::Router;
use axum::routing::{MethodRouter, get, post};
use keys::Purpose;
use web::page_session::PageSessions;
use web::relying_party::{ClientAuthentication, LoginCookie, RelyingParty, RelyingPartySettings};
use web::words::Source;

use crate::LicenceSigner;

/// The pages' words.
pub(crate) const WORDS: Source =
    Source { zh_cn: include_str!("../../../words/pages.zh-CN.ftl"), en: include_str!("../../../words/pages.en.ftl") };

/// The service with what the pages need beside it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Pages(Arc<Inner>);

struct Inner {
    signer: LicenceSigner,
    sessions: PageSessions<session::SessionRows>,
}

/// A page's route: method, path, handler.
type PageRoute = (&'static str, &'static str, fn() -> MethodRouter<Pages>);

/// Every page.
pub(crate) const ROUTES: &[PageRoute] = &[
    ("get", "/", || get(mine::licences)),
    ("get", "/login", || get(sign_in::login)),
    ("get", "/callback", || get(sign_in::callback)),
    ("post", "/sign-out", || post(sign_in::sign_out)),
    ("get", "/signed-out", || get(sign_in::signed_out)),
    ("get", "/licences/{id}", || get(mine::licence)),
    ("get", "/licences/{id}/credential", || get(mine::credential)),
    ("get", "/licences/{id}/show", || get(show::ask).post(show::present)),
    ("get", "/licences/{id}/offline-code", || get(show::ask_offline).post(show::offline)),
    ("get", "/presentations/{id}", || get(show::stage).post(show::answer)),
    ("get", "/who-looked", || get(mine::who_looked)),
    ("get", "/department", || get(department::list).post(department::search)),
    ("get", "/department/issue", || get(issue::kinds)),
    ("get", "/department/issue/{type}", || get(issue::form).post(issue::issue)),
    ("get", "/department/licences/{id}", || get(department::licence)),
    ("get", "/department/licences/{id}/{event}", || get(event::form).post(event::act)),
];

impl Pages {
    fn new(signer: LicenceSigner) -> Result<Self, keys::KeyStoreError> {
        let now = signer.sources().now();
        let keys = signer.key_store();
        let assertion_key: Arc<dyn keys::Signer> = match &signer.settings().client_key {
            Some(key) => key.clone(),
            None => keys.ensure(&Purpose::ClientAssertion, now)?.active(now)?,
        };
        let relying_party = RelyingParty::new(
            RelyingPartySettings {
                issuer: signer.settings().issuer.clone(),
                client_id: signer.settings().client_id.clone(),
                authentication: ClientAuthentication::PrivateKeyJwt(assertion_key),
                redirect_uri: format!("{}/callback", signer.external_url()),
                scopes: ["openid", "profile", "organisation", "id_number", "offline_access"].map(String::from).to_vec(),
            },
            signer.outbound().clone(),
            signer.sources().clone(),
        );
        let mac = keys.mac_keys(&Purpose::Cookie, now)?.sign("signer/login-cookie", b"1");
        let mut secret = [0; 32];
        secret.copy_from_slice(&mac[mac.len().saturating_sub(32)..]);
        let pending = LoginCookie::new(&secret, signer.sources().clone());
        let rows = session::SessionRows::of(&signer);
        let sessions = PageSessions::new(rows, relying_party, pending, signer.sources().clone(), session::still_may);
        Ok(Self(Arc::new(Inner { signer, sessions })))
    }

    fn signer(&self) -> &LicenceSigner {
        &self.0.signer
    }
}

/// The pages' routes.
pub(crate) fn routes(signer: LicenceSigner) -> Router {
    let pages = Pages::new(signer).expect("LicenceSigner::open made these rings");
    let router = ROUTES.iter().fold(Router::new(), |router, (_, path, handler)| router.route(path, handler()));
    router.with_state(pages)
}

#[cfg(test)]
mod tests {
    #[test]
    fn both_languages_say_the_same_things() {
        assert_eq!(web::words::differing_keys(&super::WORDS), Vec::<String>::new());
    }
}
