use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use http::HeaderMap;
use keys::signer::Signer;
use keys::software::SoftwareKey;
use serde_json::{Value, json};
use verifier::algorithm::Algorithm;
use web::access_token::{Needs, TokenError, Verifier};
use web::input::Pairs;
use web::outbound::{Outbound, OutboundSettings};
use web::relying_party::{
    Callback, ClientAuthentication, Grant, LoginCookie, LoginError, LoginRequest, RelyingParty, RelyingPartySettings,
};
use web::serve::{Limits, Listener, run};

use crate::common::{Standing, request, site, sources};

/// A provider that signs what it is told to.
pub(crate) struct FakeIdp {
    issuer: String,
    key: Arc<dyn Signer>,
    published: Vec<Arc<dyn Signer>>,
    pub(crate) id_token: Value,
    pub(crate) asked: Vec<(HeaderMap, Pairs)>,
    fetched: usize,
}

pub(crate) type Shared = Arc<Mutex<FakeIdp>>;

fn key(algorithm: Algorithm) -> Arc<dyn Signer> {
    let der = SoftwareKey::generate(algorithm).expect("key");
    Arc::new(SoftwareKey::from_pkcs8(algorithm, &der).expect("key"))
}

async fn discovery(State(idp): State<Shared>) -> Json<Value> {
    let idp = idp.lock().expect("lock");
    let i = &idp.issuer;
    Json(json!({
        "issuer": i, "authorization_endpoint": format!("{i}/authorize"), "token_endpoint": format!("{i}/token"),
        "userinfo_endpoint": format!("{i}/userinfo"), "jwks_uri": format!("{i}/jwks"),
        "end_session_endpoint": format!("{i}/logout"), "response_types_supported": ["code"],
        "subject_types_supported": ["pairwise"], "id_token_signing_alg_values_supported": ["ES256", "EdDSA"],
        "authorization_response_iss_parameter_supported": true,
    }))
}

async fn jwks(State(idp): State<Shared>) -> Json<Value> {
    let mut idp = idp.lock().expect("lock");
    idp.fetched += 1;
    let keys = idp.published.iter().map(|key| {
        let mut jwk = key.public_key().to_jwk();
        jwk.insert("kid".into(), key.kid().into());
        jwk.insert("use".into(), "sig".into());
        jwk.insert("alg".into(), key.algorithm().name().into());
        Value::Object(jwk)
    });
    Json(json!({ "keys": keys.collect::<Vec<_>>() }))
}

async fn token(State(idp): State<Shared>, headers: HeaderMap, form: Pairs) -> (http::StatusCode, Json<Value>) {
    let mut idp = idp.lock().expect("lock");
    let refused = form.all("code").next() == Some("spent") || form.all("refresh_token").next() == Some("spent");
    let refreshing = form.all("grant_type").next() == Some("refresh_token");
    idp.asked.push((headers, form));
    if refused {
        return (http::StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" })));
    }
    let id_token = keys::jws::sign_json(idp.key.as_ref(), "JWT", &idp.id_token).expect("signed");
    let mut answer = json!({ "access_token": "AT", "token_type": "Bearer", "expires_in": 300, "id_token": id_token });
    if refreshing {
        answer["refresh_token"] = "second".into();
    }
    (http::StatusCode::OK, Json(answer))
}

async fn userinfo() -> Json<Value> {
    Json(json!({ "sub": "s-org", "name": "阿依古丽·买买提", "id_number_masked": "**************0012",
        "organisation": { "code": "91640104MA0000015Y", "name": "示范清和食品有限公司" } }))
}

pub(crate) struct World {
    pub(crate) idp: Shared,
    issuer: String,
    pub(crate) clock: Arc<Standing>,
    outbound: Outbound,
}

impl World {
    pub(crate) async fn start() -> Self {
        let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.expect("listens");
        let issuer = format!("http://127.0.0.1:{}", listener.port().expect("port"));
        let key = key(Algorithm::Es256);
        let idp = Arc::new(Mutex::new(FakeIdp {
            issuer: issuer.clone(),
            published: vec![key.clone()],
            key,
            id_token: json!({}),
            asked: Vec::new(),
            fetched: 0,
        }));
        let app = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/jwks", get(jwks))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .with_state(idp.clone());
        tokio::spawn(run(vec![listener], app, Limits::default(), std::future::pending()));
        let settings = OutboundSettings { allowed_origins: vec![issuer.clone()], ..OutboundSettings::default() };
        let outbound = Outbound::new(&settings).expect("door");
        Self { idp, issuer, clock: Standing::at(1_800_000_000), outbound }
    }

    fn party(&self, authentication: ClientAuthentication) -> RelyingParty {
        let settings = RelyingPartySettings {
            issuer: self.issuer.clone(),
            client_id: "citizen-portal".into(),
            authentication,
            redirect_uri: "http://localhost:8083/callback".into(),
            scopes: vec!["openid".into(), "profile".into()],
        };
        RelyingParty::new(settings, self.outbound.clone(), sources(&self.clock))
    }

    pub(crate) fn secret_party(&self) -> RelyingParty {
        self.party(ClientAuthentication::SecretBasic("s+cret".to_owned().into()))
    }

    pub(crate) fn claims(&self, nonce: &str) -> Value {
        json!({ "iss": self.issuer, "sub": "s-org", "aud": "citizen-portal", "iat": 1_800_000_000, "exp": 1_800_000_300,
            "nonce": nonce, "acr": "urn:xinyin:acr:2", "amr": ["pwd", "otp"], "auth_time": 1_799_999_990, "sid": "sid-1",
            "sub_type": "organisation", "act": { "sub": "s-person" },
            "mandate": { "id": "m-1", "role": "operator", "matters": ["verify"], "exp": 1_900_000_000 } })
    }
}

fn callback(state: &str, issuer: &str) -> Callback {
    Callback {
        state: state.into(),
        code: Some("c0de".into()),
        error: None,
        error_description: None,
        iss: Some(issuer.into()),
    }
}

fn parameter(url: &url::Url, name: &str) -> String {
    url.query_pairs().find(|(n, _)| n == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

#[tokio::test]
async fn a_login_brings_the_claims() {
    let world = World::start().await;
    let party = world.secret_party();
    let request = LoginRequest {
        acr_values: vec!["urn:xinyin:acr:2".into()],
        prompt: vec!["login".into()],
        resource: Some("http://localhost:8081".into()),
        return_to: "/licences".into(),
        ..LoginRequest::default()
    };
    let (url, pending) = party.begin(&request).await.expect("begun");
    for (name, expected) in [
        ("response_type", "code"),
        ("client_id", "citizen-portal"),
        ("redirect_uri", "http://localhost:8083/callback"),
        ("scope", "openid profile"),
        ("code_challenge_method", "S256"),
        ("acr_values", "urn:xinyin:acr:2"),
        ("prompt", "login"),
        ("resource", "http://localhost:8081"),
        ("state", &pending.state),
        ("nonce", &pending.nonce),
    ] {
        assert_eq!(parameter(&url, name), expected, "{name}");
    }
    world.idp.lock().expect("lock").id_token = world.claims(&pending.nonce);
    let login = party.finish(&pending, &callback(&pending.state, &world.issuer)).await.expect("logged in");
    let identity = &login.identity;
    assert_eq!((identity.sub.as_str(), identity.person(), identity.level()), ("s-org", "s-person", 2));
    assert_eq!(identity.sid.as_deref(), Some("sid-1"));
    assert_eq!(identity.mandate.as_ref().map(|m| (m.id.as_str(), m.matters.len())), Some(("m-1", 1)));
    assert_eq!(identity.auth_time, Some(1_799_999_990));
    assert_eq!((login.return_to.as_str(), login.expires_in_seconds), ("/licences", 300));
    {
        let idp = world.idp.lock().expect("lock");
        let (headers, form) = &idp.asked[0];
        let basic = base64::engine::general_purpose::STANDARD.encode("citizen-portal:s%2Bcret");
        assert_eq!(headers["authorization"].to_str().ok(), Some(format!("Basic {basic}").as_str()));
        assert_eq!(form.all("code_verifier").next(), Some(pending.code_verifier.as_str()));
    }
    let person = party.userinfo(&login.access_token, "s-org").await.expect("userinfo");
    assert_eq!(person.name.as_deref(), Some("阿依古丽·买买提"));
    assert_eq!(person.organisation.map(|o| o.code).as_deref(), Some("91640104MA0000015Y"));
    assert!(matches!(party.userinfo(&login.access_token, "s-other").await, Err(LoginError::IdToken(_))));
    let out =
        party.logout_url(&login.id_token, Some("http://localhost:8083/"), None).await.expect("url").expect("there");
    assert_eq!(parameter(&out, "client_id"), "citizen-portal");
}

type Alter = Box<dyn Fn(&mut Value)>;

#[tokio::test]
async fn what_was_not_asked_for_is_not_taken() {
    let world = World::start().await;
    let party = world.secret_party();
    let request = LoginRequest { acr_values: vec!["urn:xinyin:acr:2".into()], ..LoginRequest::default() };
    let change = |name: &'static str, value: Value| move |claims: &mut Value| claims[name] = value.clone();
    let rows: Vec<(&str, Alter)> = vec![
        ("nonce", Box::new(change("nonce", json!("another")))),
        ("no nonce", Box::new(|claims: &mut Value| drop(claims.as_object_mut().expect("object").remove("nonce")))),
        ("issuer", Box::new(change("iss", json!("http://evil.example")))),
        ("audience", Box::new(change("aud", json!("project-portal")))),
        ("expired", Box::new(change("exp", json!(1_799_999_999)))),
        ("level", Box::new(change("acr", json!("urn:xinyin:acr:1")))),
    ];
    for (what, alter) in rows {
        let (_, pending) = party.begin(&request).await.expect("begun");
        let mut claims = world.claims(&pending.nonce);
        alter(&mut claims);
        world.idp.lock().expect("lock").id_token = claims;
        let done = party.finish(&pending, &callback(&pending.state, &world.issuer)).await;
        assert!(matches!(done, Err(LoginError::IdToken(_))), "{what}: {done:?}");
    }
    let (_, pending) = party.begin(&request).await.expect("begun");
    let good = callback(&pending.state, &world.issuer);
    for (what, callback) in [
        ("state", Callback { state: "other".into(), ..good.clone() }),
        ("no state", Callback { state: String::new(), ..good.clone() }),
        ("another issuer", Callback { iss: Some("http://evil.example".into()), ..good.clone() }),
        ("no issuer", Callback { iss: None, ..good.clone() }),
        ("refused", Callback { error: Some("access_denied".into()), code: None, ..good.clone() }),
        ("spent", Callback { code: Some("spent".into()), ..good.clone() }),
    ] {
        let done = party.finish(&pending, &callback).await.expect_err(what);
        let expected = match what {
            "state" | "no state" => matches!(done, LoginError::State),
            "refused" => matches!(&done, LoginError::Refused { code, .. } if code == "access_denied"),
            "spent" => matches!(&done, LoginError::Refused { code, .. } if code == "invalid_grant"),
            _ => matches!(done, LoginError::Issuer),
        };
        assert!(expected, "{what}: {done:?}");
    }
    world.clock.advance(3_601);
    assert!(matches!(party.finish(&pending, &good).await, Err(LoginError::State)), "too late");
}

#[tokio::test]
async fn a_login_survives_new_keys_and_not_foreign_ones() {
    let world = World::start().await;
    let party = world.secret_party();
    let begin = || async { party.begin(&LoginRequest::default()).await.expect("begun").1 };
    let first = begin().await;
    let new = key(Algorithm::EdDsa);
    {
        let mut idp = world.idp.lock().expect("lock");
        idp.published.push(new.clone());
        idp.key = new;
        idp.id_token = world.claims(&first.nonce);
    }
    world.clock.advance(10);
    party.finish(&first, &callback(&first.state, &world.issuer)).await.expect("the new key is found");
    let second = begin().await;
    let before = {
        let mut idp = world.idp.lock().expect("lock");
        idp.key = key(Algorithm::Es256);
        idp.id_token = world.claims(&second.nonce);
        idp.fetched
    };
    for _ in 0..5 {
        let done = party.finish(&second, &callback(&second.state, &world.issuer)).await;
        assert!(matches!(done, Err(LoginError::IdToken(_))), "{done:?}");
    }
    assert!(world.idp.lock().expect("lock").fetched <= before + 1, "unknown keys cost one fetch at most");
}

#[tokio::test]
async fn a_client_shows_itself_by_its_key() {
    let world = World::start().await;
    let signer = key(Algorithm::Es256);
    let party = world.party(ClientAuthentication::PrivateKeyJwt(signer.clone()));
    let (_, pending) = party.begin(&LoginRequest::default()).await.expect("begun");
    world.idp.lock().expect("lock").id_token = world.claims(&pending.nonce);
    party.finish(&pending, &callback(&pending.state, &world.issuer)).await.expect("logged in");
    let exchange = Grant::Exchange { subject_token: "AT" };
    let answer = party.token(exchange, "http://localhost:8081", "licence.lookup").await.expect("exchanged");
    assert_eq!(answer.access_token.as_str(), "AT");
    party.token(Grant::ClientCredentials, "", "verify").await.expect("given");
    let idp = world.idp.lock().expect("lock");
    let mut seen = Vec::new();
    for (headers, form) in &idp.asked {
        assert!(!headers.contains_key("authorization"));
        assert_eq!(form.all("client_id").next(), Some("citizen-portal"));
        let assertion = form.all("client_assertion").next().expect("assertion");
        let jws = verifier::jws::Jws::parse(assertion, 4_096).expect("JWS");
        jws.verify(signer.public_key(), &[Algorithm::Es256]).expect("ours");
        let claims: Value = serde_json::from_slice(&jws.payload).expect("JSON");
        assert_eq!((&claims["aud"], &claims["sub"]), (&json!(world.issuer), &json!("citizen-portal")));
        seen.push(claims["jti"].to_string());
    }
    seen.dedup();
    assert_eq!(seen.len(), 3, "each assertion is its own");
    assert_eq!(idp.asked[1].1.all("resource").next(), Some("http://localhost:8081"));
    assert_eq!(idp.asked[2].1.all("resource").next(), None);
}

#[tokio::test]
async fn logins_under_way_stay_bounded() {
    let world = World::start().await;
    let party = world.secret_party();
    let site = Arc::new(site("http://localhost:8080"));
    let keeper = LoginCookie::new(&[7; 32], sources(&world.clock));
    let asker = |cookie: &str| {
        let head = request("GET", "/", &[("cookie", cookie)], "").into_parts().0;
        let incident = web::asker::Incident::random(sources(&world.clock).random.as_ref());
        web::Asker::read(&site, incident, &head, None)
    };
    let mut cookie = String::new();
    let mut all = Vec::new();
    for at in 0..80 {
        let request = LoginRequest { return_to: format!("/{}", "p".repeat(at * 10)), ..LoginRequest::default() };
        let (_, pending) = party.begin(&request).await.expect("begun");
        let set = keeper.keep(&asker(&cookie), &pending).expect("kept").into_header();
        cookie = set.to_str().expect("text").split(';').next().expect("pair").to_owned();
        assert!(cookie.len() < 3_000, "{}", cookie.len());
        all.push(pending);
        world.clock.advance(1);
    }
    let last = all.last().expect("80");
    let (found, _) = keeper.take(&asker(&format!("xy_idp_login=junk; {cookie}")), &last.state).expect("the last tab");
    assert_eq!(found.code_verifier, last.code_verifier);
    assert!(matches!(keeper.take(&asker(&cookie), &all[0].state), Err(LoginError::State)), "the oldest was dropped");
    assert!(keeper.take(&asker(""), &last.state).is_err());
    assert!(LoginCookie::new(&[8; 32], sources(&world.clock)).take(&asker(&cookie), &last.state).is_err());
}

#[tokio::test]
async fn an_access_token_is_taken_for_one_audience() {
    let world = World::start().await;
    let checker = Verifier::new(&world.issuer, "http://localhost:8081", world.outbound.clone(), sources(&world.clock));
    let signer = world.idp.lock().expect("lock").key.clone();
    let good = || {
        json!({ "iss": world.issuer, "aud": "http://localhost:8081", "sub": "d-1", "client_id": "desk", "sub_type": "client",
            "scope": "licence.read licence.lookup", "jti": "j", "iat": 1_800_000_000, "exp": 1_800_000_300 })
    };
    let sign = |typ: &str, claims: &Value| keys::jws::sign_json(signer.as_ref(), typ, claims).expect("signed");
    let with = |name: &str, value: Value| {
        let mut claims = good();
        claims[name] = value;
        claims
    };
    let timed = |iat: i64, exp: i64| {
        let mut claims = with("iat", json!(iat));
        claims["exp"] = json!(exp);
        claims
    };
    let stranger = key(Algorithm::Es256);
    for (what, token, expected) in [
        ("good", sign("at+jwt", &good()), None),
        ("long typ", sign("application/at+jwt", &good()), None),
        ("one of one", sign("at+jwt", &with("aud", json!(["http://localhost:8081"]))), None),
        ("ID token", sign("JWT", &good()), Some(TokenError::Type)),
        ("logout token", sign("logout+jwt", &good()), Some(TokenError::Type)),
        ("audience", sign("at+jwt", &with("aud", json!("http://localhost:8082"))), Some(TokenError::Audience)),
        ("slash", sign("at+jwt", &with("aud", json!("http://localhost:8081/"))), Some(TokenError::Audience)),
        ("two", sign("at+jwt", &with("aud", json!(["http://localhost:8081", "x"]))), Some(TokenError::Audience)),
        ("none", sign("at+jwt", &with("aud", Value::Null)), Some(TokenError::Audience)),
        ("issuer", sign("at+jwt", &with("iss", json!("http://evil.example"))), Some(TokenError::Issuer)),
        ("last second", sign("at+jwt", &timed(1_799_999_701, 1_800_000_001)), None),
        ("expired", sign("at+jwt", &timed(1_799_999_700, 1_800_000_000)), Some(TokenError::Time)),
        ("ahead", sign("at+jwt", &timed(1_800_000_030, 1_800_000_330)), None),
        ("not before", sign("at+jwt", &with("nbf", json!(1_800_000_031))), Some(TokenError::Time)),
        ("nbf", sign("at+jwt", &with("nbf", json!("now"))), Some(TokenError::Malformed)),
        ("future", sign("at+jwt", &with("iat", json!(1_800_000_031))), Some(TokenError::Time)),
        ("too long", sign("at+jwt", &with("exp", json!(1_800_000_301))), Some(TokenError::Time)),
        ("no jti", sign("at+jwt", &with("jti", Value::Null)), Some(TokenError::Malformed)),
        (
            "key",
            keys::jws::sign_json(stranger.as_ref(), "at+jwt", &good()).expect("signed"),
            Some(TokenError::Signature),
        ),
        ("cut", sign("at+jwt", &good())[..100].to_owned(), Some(TokenError::Malformed)),
        ("opaque", "AT".to_owned(), Some(TokenError::Malformed)),
    ] {
        assert_eq!(checker.check(&token).await.err(), expected, "{what}");
    }
    let mut flipped = sign("at+jwt", &good());
    let at = flipped.rfind('.').expect("dot") + 5;
    let other = if flipped.as_bytes()[at] == b'A' { "B" } else { "A" };
    flipped.replace_range(at..=at, other);
    assert_eq!(checker.check(&flipped).await.err(), Some(TokenError::Signature));
    assert!(world.idp.lock().expect("lock").fetched <= 2, "strangers' keys cost no fetch each");
}

#[tokio::test]
async fn a_challenge_says_what_would_do() {
    let world = World::start().await;
    let checker = Verifier::new(&world.issuer, "http://localhost:8081", world.outbound.clone(), sources(&world.clock));
    let signer = world.idp.lock().expect("lock").key.clone();
    let claims = json!({ "iss": world.issuer, "aud": "http://localhost:8081", "sub": "p", "client_id": "c", "scope": "a b",
        "jti": "j", "iat": 1_800_000_000, "exp": 1_800_000_300, "acr": "urn:xinyin:acr:1", "auth_time": 1_799_999_000 });
    let token = keys::jws::sign_json(signer.as_ref(), "at+jwt", &claims).expect("signed");
    let bearer = format!("bearer {token}");
    let level = Needs { level: 2, ..Needs::default() };
    let fresh = Needs { max_age_seconds: Some(300), ..Needs::default() };
    let scope = |scope| Needs { scope: Some(scope), ..Needs::default() };
    for (header, needs, expected) in [
        (None, Needs::default(), Some((401, "Bearer realm=\"http://localhost:8081\""))),
        (Some("Basic YTpi"), Needs::default(), Some((401, "Bearer realm="))),
        (Some("Bearer x"), Needs::default(), Some((401, "error=\"invalid_token\""))),
        (Some(bearer.as_str()), scope("c"), Some((403, "error=\"insufficient_scope\", scope=\"c\""))),
        (Some(&bearer), level, Some((401, "insufficient_user_authentication\", acr_values=\"urn:xinyin:acr:2\""))),
        (Some(&bearer), fresh, Some((401, "max_age=\"300\""))),
        (Some(&bearer), scope("b"), None),
    ] {
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert("authorization", header.parse().expect("header"));
        }
        let got = checker.bearer(&headers, needs).await;
        match (got, expected) {
            (Ok(_), None) => {}
            (Err(problem), Some((status, challenge))) => {
                assert_eq!(problem.status(), status);
                let text = problem.header_value("www-authenticate").unwrap_or_default();
                assert!(text.contains(challenge), "{text}");
            }
            (got, expected) => assert!(expected.is_none() && got.is_ok(), "{expected:?}: {got:?}"),
        }
    }
}

#[tokio::test]
async fn a_logout_token_is_told_from_others() {
    let world = World::start().await;
    let party = world.secret_party();
    let signer = world.idp.lock().expect("lock").key.clone();
    let good = json!({ "iss": world.issuer, "aud": "citizen-portal", "sid": "sid-1", "jti": "j", "iat": 1_800_000_000,
        "exp": 1_800_000_120, "events": { "http://schemas.openid.net/event/backchannel-logout": {} } });
    for (what, name, value, typ, taken) in [
        ("good", "sid", json!("sid-1"), "logout+jwt", true),
        ("ID token", "sid", json!("sid-1"), "JWT", false),
        ("nonce", "nonce", json!("n"), "logout+jwt", false),
        ("no event", "events", json!({}), "logout+jwt", false),
        ("audience", "aud", json!("project-portal"), "logout+jwt", false),
        ("issuer", "iss", json!("http://evil.example"), "logout+jwt", false),
        ("nobody", "sid", Value::Null, "logout+jwt", false),
        ("over", "exp", json!(1_799_999_900), "logout+jwt", false),
    ] {
        let mut claims = good.clone();
        claims[name] = value;
        let token = keys::jws::sign_json(signer.as_ref(), typ, &claims).expect("signed");
        assert_eq!(party.logout_token(&token).await.is_ok(), taken, "{what}");
    }
    let foreign = keys::jws::sign_json(key(Algorithm::Es256).as_ref(), "logout+jwt", &good).expect("signed");
    assert!(party.logout_token(&foreign).await.is_err());
}
