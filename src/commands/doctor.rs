//! `xinyin doctor`: what would keep a service from working, each line with the next step.

use std::path::Path;
use std::process::{Command, ExitCode};

use http::header;
use keys::KeyStore;
use keys::sources::Sources;
use serde::Serialize;
use store::{Db, Migration};
use verifier::certificate::Certificate;
use verifier::time::Timestamp;

use super::{Outcome, demonstration_database, read_config};
use crate::cli::{Doctor, Format, Service};
use crate::config::Config;
use crate::serve::{self, open};
use crate::{out, up};

/// A certificate with less life than this is complained of.
const CERTIFICATE_DAYS: i64 = 14;
/// Assertions and tokens bear this much.
const SKEW_SECONDS: i64 = 30;
/// Less room than this is complained of.
const ROOM_MIB: u64 = 512;

/// One line of the report.
#[derive(Debug, Serialize)]
struct Line {
    check: String,
    passed: bool,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Looks at everything that it can, and tells.
pub(crate) async fn doctor(args: &Doctor) -> Outcome {
    web::install_crypto();
    let lines = match &args.config {
        Some(file) => of_configuration(file).await,
        None => of_demonstration(&args.data).await,
    };
    let whole = lines.iter().all(|line| line.passed);
    match args.format {
        Format::Json => out::line(&serde_json::to_string(&lines)?),
        Format::Text => lines.iter().for_each(print),
    }
    Ok(if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(line: &Line) {
    let word = if line.passed { "passed" } else { "FAILED" };
    out::line(&format!("{word}  {}: {}", line.check, line.found));
    if let Some(next) = &line.next {
        out::line(&format!("        {next}"));
    }
}

fn passed(check: &str, found: impl Into<String>) -> Line {
    Line { check: check.into(), passed: true, found: found.into(), next: None }
}

fn failed(check: &str, found: impl Into<String>, next: &str) -> Line {
    Line { check: check.into(), passed: false, found: found.into(), next: Some(next.into()) }
}

async fn of_configuration(file: &Path) -> Vec<Line> {
    let config = match read_config(file) {
        Ok(config) => config,
        Err(failure) => return vec![failed("configuration", failure.sentence, "mend the file, then ask again")],
    };
    let service = serve::service_of(&config);
    let mut lines = vec![match serve::check(service, &config) {
        Ok(()) => passed("configuration", format!("{service:?} at {}", config.external_url)),
        Err(failure) => failed("configuration", failure.sentence, "mend the file, then ask again"),
    }];
    lines.push(database(&config.database.url, "database", migrations(service)).await);
    if service == Service::Idp {
        lines.extend(clients(&config).await);
    }
    lines.push(mode(&config.key_store.path, "key store's file"));
    lines.push(mode(&config.key_store.passphrase_file, "passphrase's file"));
    lines.push(match open::key_store(&config.key_store.path, &config.key_store.passphrase_file) {
        Ok(store) => key_store(&store, "key store"),
        Err(failure) => failed("key store", failure.sentence, "check path, passphrase and owner"),
    });
    lines.extend(config.tls.as_ref().map(|tls| certificate(&tls.certificate, Sources::system().now())));
    lines.extend(others(&config).await);
    let folder = config.key_store.path.parent().unwrap_or(Path::new("."));
    lines.push(room(folder));
    if let Some(path) = config.database.url.strip_prefix("sqlite://") {
        let other = Path::new(path).parent().unwrap_or(Path::new("."));
        lines.extend((other != folder).then(|| room(other)));
    }
    lines
}

async fn of_demonstration(data: &Path) -> Vec<Line> {
    if !data.join("keys").is_dir() {
        let next = "start it with `xinyin up`, or give --data, or --config of a service";
        return vec![failed("demonstration", format!("none in {}", data.display()), next)];
    }
    let mut lines = Vec::new();
    for (name, service) in [("idp", Service::Idp), ("licence-signer", Service::LicenceSigner), ("desk", Service::Desk)]
    {
        let url = demonstration_database(data, name);
        lines.push(database(&url, &format!("database of {name}"), migrations(service)).await);
        let keys = data.join("keys");
        let path = keys.join(format!("{name}.keys"));
        lines.push(mode(&path, &format!("key store's file of {name}")));
        let check = format!("key store of {name}");
        lines.push(match open::key_store(&path, &keys.join("passphrase")) {
            Ok(store) => passed(&check, format!("{} keys", keys_of(&store))),
            Err(failure) => failed(&check, failure.sentence, "move the folder away, and `xinyin up` makes a new one"),
        });
    }
    for (name, port) in up::PORTS {
        let free = std::net::TcpListener::bind(("127.0.0.1", port)).is_ok();
        let found = if free { "free" } else { "in use: by `xinyin up`, if that is running" };
        lines.push(passed(&format!("port {port} ({name})"), found));
    }
    lines.push(room(data));
    lines
}

fn migrations(service: Service) -> &'static [Migration] {
    match service {
        Service::Idp => idp::MIGRATIONS,
        Service::LicenceSigner => licence_signer::storage::MIGRATIONS,
        Service::Desk => verifier_desk::MIGRATIONS,
    }
}

async fn database(url: &str, check: &str, migrations: &[Migration]) -> Line {
    let newest = migrations.last().map_or(0, |last| last.version);
    if url.strip_prefix("sqlite://").is_some_and(|path| !Path::new(path).exists()) {
        return passed(check, "not there yet; the first start makes it");
    }
    let db = match Db::connect(url, &store::Settings::default()).await {
        Ok(db) => db,
        Err(error) => {
            return failed(check, error.to_string(), "is it running, and are address, user and password right?");
        }
    };
    let found = db.version().await;
    db.close().await;
    match found {
        Ok(version) if version == newest => passed(check, format!("reachable, tables of version {version}")),
        Ok(version) if version < newest => {
            passed(check, format!("reachable, tables of version {version}; the next start brings them to {newest}"))
        }
        Ok(version) => failed(
            check,
            format!("tables of version {version}, and this program knows {newest}"),
            "start the newer program",
        ),
        Err(error) if error.is_transient() => failed(check, error.to_string(), "is it running?"),
        Err(_) => passed(check, "reachable, without tables; the first start makes them"),
    }
}

/// Registered clients that the file no longer names, if the tables can be read.
async fn clients(config: &Config) -> Option<Line> {
    if config.database.url.strip_prefix("sqlite://").is_some_and(|path| !Path::new(path).exists()) {
        return None;
    }
    let db = Db::connect(&config.database.url, &store::Settings::default()).await.ok()?;
    let found = open::left_over(config, &db).await;
    db.close().await;
    let left = found.ok()?;
    if left.is_empty() {
        return Some(passed("clients", "none is left over from an earlier configuration"));
    }
    let next = "end each with `xinyin client end`, or write it into the file again";
    let found = format!("no longer in the file, and still registered: {}", left.join(", "));
    Some(Line { next: Some(next.into()), ..passed("clients", found) })
}

fn mode(path: &Path, check: &str) -> Line {
    use std::os::unix::fs::PermissionsExt as _;
    match std::fs::metadata(path) {
        Ok(found) if found.permissions().mode().trailing_zeros() >= 6 => passed(check, "no one else can read it"),
        Ok(_) => failed(check, format!("others can read {}", path.display()), &format!("chmod 600 {}", path.display())),
        Err(error) => failed(check, format!("{}: {error}", path.display()), "is the path right, and the owner?"),
    }
}

fn key_store(store: &KeyStore, check: &str) -> Line {
    if store.is_demonstration() {
        return failed(check, "bears the mark of the demonstration", "make one with `xinyin keys init`");
    }
    passed(check, format!("opens, {} keys", keys_of(store)))
}

fn keys_of(store: &KeyStore) -> usize {
    keys::administration::list(store, Sources::system().now()).len()
}

fn certificate(path: &Path, now: Timestamp) -> Line {
    let check = "TLS certificate";
    let next = "put the chain, leaf first, in PEM where tls.certificate says";
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return failed(check, format!("{}: {error}", path.display()), next),
    };
    let Some(leaf) = first_certificate(&text) else {
        return failed(check, format!("{} holds no certificate that reads", path.display()), next);
    };
    let days = leaf.not_after().since(now).div_euclid(86_400);
    let found = format!("until {} ({days} days)", leaf.not_after());
    if leaf.not_before() > now {
        return failed(check, format!("not before {}", leaf.not_before()), "is the clock right?");
    }
    if days < CERTIFICATE_DAYS {
        return failed(check, found, "renew it; a renewed file is read within 30 s, without a restart");
    }
    passed(check, found)
}

fn first_certificate(text: &str) -> Option<Certificate> {
    use base64::Engine as _;
    let (_, rest) = text.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let body: String = body.split_ascii_whitespace().collect();
    let der = base64::engine::general_purpose::STANDARD.decode(body).ok()?;
    Certificate::parse(&der).ok()
}

/// The services that this one calls, and their clocks.
async fn others(config: &Config) -> Vec<Line> {
    let outbound = match open::outbound(config) {
        Ok(outbound) => outbound,
        Err(failure) => return vec![failed("outbound", failure.sentence, "mend outbound.ca_file")],
    };
    let mut lines = Vec::new();
    if let Some(issuer) = &config.issuer {
        let url = format!("{issuer}/.well-known/openid-configuration");
        let next = "is idp running there? a private address needs outbound.allowed_origins, a CA of one's own outbound.ca_file";
        match outbound.get(&url, "application/json").await {
            Ok(answer) if answer.status.is_success() => {
                let named = answer.json().and_then(|found| found["issuer"].as_str().map(str::to_owned));
                lines.push(if named.as_deref() == Some(issuer) {
                    passed("issuer", format!("{issuer} answers"))
                } else {
                    failed(
                        "issuer",
                        format!("it calls itself {}", named.unwrap_or_default()),
                        "write issuer as it does",
                    )
                });
                let date = answer.headers.get(header::DATE).and_then(|date| date.to_str().ok());
                lines.push(clock(date.and_then(http_date), Sources::system().now()));
            }
            Ok(answer) => lines.push(failed("issuer", format!("{issuer} answers {}", answer.status), next)),
            Err(error) => lines.push(failed("issuer", error.to_string(), next)),
        }
    }
    if let Some(signer) = &config.signer {
        let found = outbound.get(&format!("{signer}/readyz"), "*/*").await;
        lines.push(match found {
            Ok(answer) if answer.status.is_success() => passed("licence-signer", format!("{signer} answers")),
            Ok(answer) => failed("licence-signer", format!("answers {}", answer.status), "look into its log"),
            Err(error) => failed("licence-signer", error.to_string(), "is it running, and is signer right?"),
        });
    }
    lines
}

fn clock(theirs: Option<Timestamp>, ours: Timestamp) -> Line {
    let check = "clock";
    let Some(theirs) = theirs else {
        return failed(check, "the issuer's answer has no Date", "does a proxy between take it away?");
    };
    let skew = ours.since(theirs);
    if skew.abs() > SKEW_SECONDS {
        return failed(check, format!("{skew} s away from the issuer's"), "let both machines follow NTP");
    }
    passed(check, format!("{skew} s away from the issuer's"))
}

/// The usual form of a date in HTTP (RFC 9110 §5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
fn http_date(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let parts: Vec<&str> = text.split(' ').collect();
    let [_, day, month, year, time, "GMT"] = parts.as_slice() else { return None };
    let month = MONTHS.iter().position(|name| name == month)? + 1;
    format!("{year}-{month:02}-{day}T{time}Z").parse().ok()
}

fn room(folder: &Path) -> Line {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let check = format!("room in {}", folder.display());
    let output = Command::new("df").arg("-Pk").arg(folder).output();
    let free = output.ok().and_then(|output| {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines().nth(1)?.split_ascii_whitespace().nth(3)?.parse::<u64>().ok()
    });
    match free.map(|kib| kib / 1_024) {
        Some(mib) if mib >= ROOM_MIB => passed(&check, format!("{mib} MiB free")),
        Some(mib) => failed(&check, format!("{mib} MiB free"), "make room before writing fails"),
        None => failed(&check, "unknown: `df` did not answer", "look yourself"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_http_are_read() {
        for (text, expected) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08:49:37 CET", None),
            ("Sun, 06 Nix 1994 08:49:37 GMT", None),
            ("", None),
        ] {
            assert_eq!(http_date(text).map(Timestamp::seconds), expected, "{text}");
        }
        let at = Timestamp::from_seconds;
        assert!(clock(Some(at(100)), at(130)).passed && clock(Some(at(100)), at(70)).passed);
        assert!(!clock(Some(at(100)), at(131)).passed && !clock(None, at(0)).passed);
    }
}
