//! A provider for the OpenID Foundation's conformance suite: TLS on loopback, everything in memory or a temporary folder,
//! one person, the suite's static clients. `docs/conformance.md` says how it is used.
//!
//! `cargo run -p idp --example conformance -- PORT CERTIFICATE.pem KEY.pem SUITE ALIAS`

#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs, reason = "a tool for the suite, no product")]

use std::collections::BTreeSet;
use std::path::Path;

use idp::account::{Name, Password, Phone};
use idp::client::{GrantType, Names};
use idp::provision::{self, NewAuth, NewClient, NewPerson};
use idp::{Idp, Settings};
use keys::key_store::KeyStore;
use keys::sources::Sources;
use store::Db;
use url::Url;
use verifier::algorithm::Algorithm;
use web::outbound::{Outbound, OutboundSettings};
use web::serve::{Limits, Listener, Tls};

/// The person who signs in: a made-up number of the demonstration's kind.
const NUMBER: &str = "110101199001010015";
const PASSWORD: &str = "conformance of 2026";
const SECRETS: [&str; 3] = [
    "first-secret-of-the-conformance-suite-alone",
    "second-secret-of-the-conformance-suite-alone",
    "third-secret-of-the-conformance-suite-alone",
];

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, certificate, key, suite, alias] = arguments.as_slice() else {
        println!("usage: conformance PORT CERTIFICATE.pem KEY.pem SUITE ALIAS");
        std::process::exit(64);
    };
    web::install_crypto();
    web::telemetry::init("info", web::telemetry::LogFormat::Text);
    let issuer = format!("https://localhost:{port}");
    let mut settings = Settings::new(Url::parse(&issuer).unwrap());
    settings.demonstration = true;
    settings.place = "示范省".into();
    settings.region = "110101".into();
    let folder = std::env::temp_dir().join(format!("xinyin-conformance-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let db = Db::open(&format!("sqlite://{}", folder.join("idp.db").display()), idp::MIGRATIONS).await.unwrap();
    let outbound =
        Outbound::new(&OutboundSettings { allowed_origins: vec![suite.clone()], ..OutboundSettings::default() })
            .unwrap();
    let idp = Idp::open(settings, db, KeyStore::in_memory(), Sources::system(), outbound).unwrap();
    idp.prepare().await.unwrap();
    let person = NewPerson {
        number: verifier::subject::IdNumber::read(NUMBER).unwrap(),
        name: Name::read("测试").unwrap(),
        phone: Some(Phone::read("13800000000").unwrap()),
        password: Some(Password::new(PASSWORD.into())),
        level: 2,
    };
    provision::person(&idp, &person).await.unwrap();
    let base = format!("{suite}/test/a/{alias}");
    for (at, secret) in SECRETS.into_iter().enumerate() {
        provision::client(&idp, client(at, secret, &base)).await.unwrap();
    }
    println!("{issuer} {NUMBER} {PASSWORD}");
    let tls = Tls::from_files(Path::new(certificate), Path::new(key)).unwrap();
    let listener = Listener::loopback(port.parse().unwrap()).await.unwrap().tls(tls);
    let stop = async || drop(tokio::signal::ctrl_c().await);
    let worker = idp.clone();
    let background = tokio::spawn(async move { Box::pin(worker.run_background(stop())).await });
    web::serve::run(vec![listener], idp.router(), Limits::default(), stop()).await;
    background.await.unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
}

fn client(at: usize, secret: &str, base: &str) -> NewClient {
    let id = format!("conformance-{}", at + 1);
    let auth = if at == 2 { NewAuth::SecretPost(secret.into()) } else { NewAuth::SecretBasic(secret.into()) };
    let scopes = ["openid", "profile", "email", "address", "phone", "offline_access"].map(str::to_owned);
    NewClient {
        sector: "conformance".into(),
        scopes: BTreeSet::from(scopes),
        grants: BTreeSet::from([GrantType::AuthorizationCode, GrantType::RefreshToken]),
        post_logout_redirect_uris: vec![format!("{base}/post_logout_redirect")],
        region: "110101".into(),
        danger_pkce_optional: true,
        id_token_alg: Algorithm::Rs256,
        ..NewClient::portal(&id, Names::same(&format!("conformance {}", at + 1)), auth, &format!("{base}/callback"))
    }
}
