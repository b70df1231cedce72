//! A portal, written here by hand so that the judge is not the judged: authorization code with PKCE, refresh, userinfo.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use url::Url;

use super::{Person, SECRET, World, answer};
use crate::visitor::Page;
use crate::{Visitor, network};

/// RFC 7636, appendix B.
const CODE_VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CODE_CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A portal; nobody listens where it is, since the stories read the answer before anyone goes there.
#[derive(Clone, Copy, Debug)]
pub struct RelyingParty {
    /// Its `client_id`.
    pub client_id: &'static str,
    /// Its redirect URI.
    pub callback: &'static str,
}

/// The citizens' pages.
pub const CITIZENS: RelyingParty =
    RelyingParty { client_id: "citizen-portal", callback: "http://localhost:1/callback" };
/// The platform of investment projects.
pub const PROJECTS: RelyingParty =
    RelyingParty { client_id: "project-portal", callback: "http://localhost:3/callback" };

/// What a login gave.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The whole answer of the token endpoint.
    pub answer: Value,
    /// The ID token's claims. (The signature is `openid-client`'s to check, in a story of its own.)
    pub claims: Value,
}

impl Tokens {
    fn of(answer: Value) -> Self {
        let claims = answer["id_token"].as_str().map(claims).unwrap_or_default();
        Self { answer, claims }
    }

    /// The access token.
    pub fn access(&self) -> &str {
        self.answer["access_token"].as_str().expect("an access token")
    }

    /// The ID token.
    pub fn id_token(&self) -> &str {
        self.answer["id_token"].as_str().expect("an ID token")
    }

    /// The refresh token.
    pub fn refresh(&self) -> &str {
        self.answer["refresh_token"].as_str().expect("a refresh token")
    }
}

/// The claims of a JWT, unchecked.
pub(super) fn claims(jwt: &str) -> Value {
    let payload = jwt.split('.').nth(1).expect("a JWT has a payload");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("JSON")
}

impl RelyingParty {
    /// Where it lets people go after a logout.
    pub fn signed_out(&self) -> String {
        self.callback.replace("callback", "signed-out")
    }

    /// Whether an address is its redirect URI.
    pub fn is_called(&self, url: &Url) -> bool {
        url.as_str().starts_with(self.callback)
    }

    /// The address of an authorization request.
    pub fn request(&self, world: &World, more: &[(&str, &str)]) -> String {
        let mut url = Url::parse(&format!("{}/authorize", world.idp_url)).expect("an address");
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", self.client_id)
            .append_pair("redirect_uri", self.callback)
            .append_pair("code_challenge", CODE_CHALLENGE)
            .append_pair("code_challenge_method", "S256")
            .append_pair("state", "the-state")
            .append_pair("nonce", "the-nonce");
        if more.iter().all(|(name, _)| *name != "scope") {
            query.append_pair("scope", "openid profile organisation");
        }
        for (name, value) in more {
            query.append_pair(name, value);
        }
        drop(query);
        url.into()
    }

    /// Logs a person in and answers the tokens.
    pub async fn log_in(
        &self,
        world: &World,
        visitor: &Visitor,
        person: &Person,
        acting: Option<&str>,
        more: &[(&str, &str)],
    ) -> Tokens {
        let stop = |url: &Url| self.is_called(url);
        let page = world.go(visitor, &self.request(world, more), person, acting, stop).await;
        self.trade(world, &page).await
    }

    /// Trades the code of the answer at which a visitor stopped.
    pub async fn trade(&self, world: &World, page: &Page) -> Tokens {
        let parameter = |name: &str| page.parameter(name);
        assert_eq!(parameter("state").as_deref(), Some("the-state"), "{} {}\n{}", page.url, page.status, page.body);
        assert_eq!(parameter("iss").as_deref(), Some(world.idp_url.as_str()), "RFC 9207");
        let code = parameter("code").unwrap_or_else(|| panic!("no code: {:?}", page.redirect()));
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", self.callback),
            ("code_verifier", CODE_VERIFIER),
        ];
        let (status, body) = self.token(world, &form).await;
        assert_eq!(status, 200, "{body}");
        let tokens = Tokens::of(body);
        let claims = &tokens.claims;
        assert_eq!((&claims["iss"], &claims["aud"]), (&world.idp_url.as_str().into(), &self.client_id.into()));
        assert_eq!(claims["nonce"], "the-nonce");
        tokens
    }

    /// Asks the token endpoint.
    pub async fn token(&self, world: &World, form: &[(&str, &str)]) -> (u16, Value) {
        let request = network::client().post(format!("{}/token", world.idp_url));
        answer(request.basic_auth(self.client_id, Some(SECRET)).form(form)).await
    }

    /// Renews tokens.
    pub async fn refresh(&self, world: &World, tokens: &Tokens) -> (u16, Tokens) {
        let form = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh())];
        let (status, body) = self.token(world, &form).await;
        (status, Tokens::of(body))
    }

    /// Userinfo.
    pub async fn userinfo(&self, world: &World, access_token: &str) -> (u16, Value) {
        answer(network::client().get(format!("{}/userinfo", world.idp_url)).bearer_auth(access_token)).await
    }
}
