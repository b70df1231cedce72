//! `xinyin conformance-config`: what a run of the OpenID Foundation's conformance suite needs: a provider with the suite's
//! clients and one person, and the suite's own configuration for it.

mod suite;

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use keys::sources::Sources;
use serde_json::json;
use url::Url;
use verifier::encoding::{b64u, hex};

use super::{Failure, Outcome};
use crate::cli::{ConformanceConfig, Format, Service};
use crate::config::Config;
use crate::up::write_private;
use crate::{out, serve};

use suite::Suite;

/// A number that passes every check and was never assigned.
const LOGIN: &str = "640104199103080009";
/// Client, how it proves itself, the file of its secret.
const CLIENTS: [(&str, &str, &str); 3] = [
    ("conformance-1", "client_secret_basic", "one.secret"),
    ("conformance-2", "client_secret_basic", "two.secret"),
    ("conformance-3", "client_secret_post", "three.secret"),
];
/// The plans that the files are for, with their variants.
const PLANS: [&str; 4] = [
    "oidcc-config-certification-test-plan",
    "oidcc-basic-certification-test-plan[server_metadata=discovery][client_registration=static_client]",
    "oidcc-formpost-basic-certification-test-plan[server_metadata=discovery][client_registration=static_client]",
    "oidcc-rp-initiated-logout-certification-test-plan[response_type=code][client_registration=static_client]",
];

/// Writes the files and prints the next step.
pub(crate) fn conformance_config(args: &ConformanceConfig) -> Outcome {
    let suite = args.suite.trim_end_matches('/');
    if Url::parse(suite).is_err() {
        return Err(Failure::usage(format!("--suite: {suite} is no URL")));
    }
    if args.alias.is_empty() || !args.alias.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Err(Failure::usage("--alias: letters, digits and - alone"));
    }
    let files = files(args, suite)?;
    if let Some((name, _)) = files.iter().find(|(name, _)| !args.force && args.folder.join(name).exists()) {
        return Err(Failure::new(format!(
            "{} is there already; give another folder, or --force to write it anew",
            args.folder.join(name).display()
        )));
    }
    let people = args.folder.join("people");
    std::fs::create_dir_all(&people)
        .map_err(|error| Failure::new(format!("cannot make the folder {}: {error}", people.display())))?;
    for (name, text) in &files {
        write_private(&args.folder.join(name), text.as_bytes())?;
    }
    match args.format {
        Format::Json => {
            let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
            out::line(&json!({ "folder": args.folder, "files": names, "plans": PLANS }).to_string());
        }
        Format::Text => out::line(next(&args.folder, suite).trim_end()),
    }
    Ok(ExitCode::SUCCESS)
}

/// The files, by name.
fn files(args: &ConformanceConfig, suite: &str) -> Result<Vec<(&'static str, String)>, Failure> {
    let sources = Sources::system();
    let mut secrets = Vec::new();
    for _ in CLIENTS {
        secrets.push(b64u::encode(sources.bytes::<32>()?));
    }
    let password = hex::encode(sources.bytes::<12>()?);
    let provider = provider(args, suite);
    let config: Config = toml::from_str(&provider)?;
    serve::check(Service::Idp, &config)?;
    let clients = std::array::from_fn(|at| {
        let (id, ..) = CLIENTS[at];
        (id, secrets.get(at).map_or("", String::as_str))
    });
    let known = Suite { provider: &args.external_url, alias: &args.alias, login: LOGIN, password: &password, clients };
    let person =
        json!([{ "id_number": LOGIN, "name": "阿依古丽·买买提", "phone": "10000000009", "password": password }]);
    let mut files = vec![
        ("idp.toml", provider),
        ("suite.json", format!("{:#}\n", known.configuration())),
        ("people/persons.json", format!("{person:#}\n")),
        ("idp.passphrase", format!("{}\n", b64u::encode(sources.bytes::<32>()?))),
    ];
    files.extend(CLIENTS.iter().zip(secrets).map(|((.., file), secret)| (*file, format!("{secret}\n"))));
    Ok(files)
}

/// The provider's configuration.
fn provider(args: &ConformanceConfig, suite: &str) -> String {
    let ConformanceConfig { external_url, listen, database_url, alias, .. } = args;
    let mut text = format!(
        r#"# The provider for the conformance suite: xinyin serve idp --config idp.toml
external_url = {external_url:?}
listen = {listen:?}
region = "640100"
place = "示范省 示范市"

[tls]
certificate = "tls.pem"
key = "tls.key"

[database]
url = {database_url:?}

[key_store]
path = "idp.keys"
passphrase_file = "idp.passphrase"

# The suite's static clients. PKCE is optional, because the basic plan sends none; the plans ask for RS256.
"#
    );
    for (id, method, file) in CLIENTS {
        let _ = write!(
            text,
            r#"
[[clients]]
client_id = "{id}"
name = "{id}"
region = "640100"
sector = "conformance"
redirect_uris = ["{suite}/test/a/{alias}/callback"]
post_logout_redirect_uris = ["{suite}/test/a/{alias}/post_logout_redirect"]
auth_method = "{method}"
secret_file = "{file}"
scopes = ["openid", "profile", "phone", "offline_access"]
danger_pkce_optional = true
id_token_alg = "RS256"
"#
        );
    }
    text
}

/// What to do with the files.
fn next(folder: &Path, suite: &str) -> String {
    let plans = PLANS.map(|plan| format!("  {plan}\n")).concat();
    format!(
        "cd {}
openssl req -x509 -newkey rsa:2048 -nodes -keyout tls.key -out tls.pem -days 30 -subj /CN=localhost -addext subjectAltName=DNS:localhost
xinyin keys init idp --config idp.toml
xinyin load idp people --config idp.toml
xinyin serve idp --config idp.toml

Then give suite.json to the suite at {suite} with each of these plans:
{plans}",
        folder.display()
    )
}
