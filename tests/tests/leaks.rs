//! After the main job no number, name, secret, code or token stands where it should not: in tables and database files, in the
//! log at its most verbose, in metrics, on pages of errors, in addresses.
//!
//! In tables and files nothing of a person is allowed as it is; what the other places may hold stands at the function that
//! searches them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};
use url::Url;
use xinyin_tests::backend::on_both;
use xinyin_tests::leaks::{Seeker, Watch, cells};
use xinyin_tests::visitor::Page;
use xinyin_tests::world::{self, CITIZENS, PROJECTS, Person, Tokens, World, answer, types};
use xinyin_tests::{Backend, Logs, Visitor, network};

const MARKET: &str = "示例县市场监督管理局";
const HALL: &str = "示范市政务服务中心";
const COMPANY: &str = "示例远景投资有限公司";
/// RFC 7636, appendix B: what the portals of these stories hold back until they trade their code.
const CODE_VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// A number that nobody of the demonstration has.
const NOBODY: &str = "11010519491231002X";

/// What the story saw, and what it knows that nobody else should read.
struct Seen {
    watch: Watch,
    /// Answers that are refusals, by the address asked.
    refusals: Vec<(String, String)>,
    /// Every address that a browser was led to or asked for.
    addresses: BTreeSet<String>,
}

impl Seen {
    fn new() -> Self {
        let mut watch = Watch::default();
        for (number, name, phone, password) in world::everyone() {
            watch.add("id number", number);
            watch.add("name", name);
            watch.add("phone", phone);
            watch.add("password", password.unwrap_or_default());
        }
        watch.add("id number", NOBODY);
        watch.add("client secret", world::SECRET);
        watch.add("code verifier", CODE_VERIFIER);
        Self { watch, refusals: Vec::new(), addresses: BTreeSet::new() }
    }

    /// Takes up what a browser saw.
    fn browser(&mut self, visitor: &Visitor) {
        for page in visitor.seen() {
            self.page(&page);
        }
    }

    fn page(&mut self, page: &Page) {
        self.addresses.insert(page.url.to_string());
        for cookie in page.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok()) {
            let (_, value) = cookie.split(';').next().and_then(|pair| pair.split_once('=')).unwrap_or_default();
            if value.len() >= 20 {
                self.watch.add("cookie", value);
            }
        }
        if page.status.is_success() {
            for (name, value) in page.forms().into_iter().flat_map(|form| form.fields) {
                if name == "form_token" {
                    self.watch.add("form token", &value);
                }
            }
        }
        if page.status.is_client_error() || page.status.is_server_error() {
            self.refusals.push((page.url.to_string(), page.body.clone()));
        }
        if let Some(next) = page.redirect() {
            self.addresses.insert(next.to_string());
            if let Some((_, code)) = next.query_pairs().find(|(name, _)| name == "code") {
                self.watch.add("authorization code", &code);
            }
        }
    }

    fn tokens(&mut self, tokens: &Tokens) {
        for (kind, name) in
            [("access token", "access_token"), ("refresh token", "refresh_token"), ("ID token", "id_token")]
        {
            self.token(kind, tokens.answer[name].as_str().unwrap_or_default());
        }
    }

    /// A token as a whole, and the signature of a JWT alone.
    fn token(&mut self, kind: &'static str, token: &str) {
        self.watch.add(kind, token);
        if let Some((_, signature)) = token.rsplit_once('.') {
            self.watch.add(kind, signature);
        }
    }

    fn refusal(&mut self, what: &str, (status, body): (u16, Value), expected: u16) {
        assert_eq!(status, expected, "{what}: {body}");
        self.refusals.push((what.to_owned(), body.to_string()));
    }
}

/// Portals, departments, holder and desk do what the main job is; answers what there was to see.
async fn main_job(world: &World) -> Seen {
    let mut seen = Seen::new();
    let (holder, citizen) = (Person::neighbour(), Person::citizen());
    portals(world, &mut seen, &citizen).await;

    let card = world.issue(types::SOCIAL_SECURITY_CARD, citizen.id_number).await;
    let issued = world.issue(types::OPERATOR_CERTIFICATE, holder.id_number).await;
    let (card, issued) = (card["id"].as_str().expect("an id"), issued["id"].as_str().expect("an id"));

    let clerk = Visitor::new();
    world.at_signer(&clerk, &Person::market_clerk(), Some(MARKET)).await;
    let form_url = format!("{}/department/issue/{}", world.signer_url, types::OPERATOR_CERTIFICATE);
    let form = clerk.get(&form_url).await.form("holder_code");
    clerk.submit(&form, &[("holder_name", holder.name), ("holder_code", NOBODY)]).await;
    clerk.get(&format!("{}/department/licences/{issued}", world.signer_url)).await;

    let own = Visitor::new();
    world.at_signer(&own, &citizen, None).await;
    let code = show(world, &mut seen, &own, card).await;
    let hall = Visitor::new();
    world.at_desk(&hall, &Person::hall_clerk(), Some(HALL)).await;
    at_the_desk(world, &hall, &code, &citizen).await;
    own.get(&format!("{}/who-looked", world.signer_url)).await;
    own.get(&format!("{}/account", world.idp_url)).await;
    systems(world, &mut seen, issued, &citizen).await;

    let home = clerk.get(&world.signer_url).await;
    clerk.submit_and_follow(&home.form("/sign-out"), &[]).await;
    for visitor in [&clerk, &own, &hall] {
        seen.browser(visitor);
    }
    wrong_turns(world, &mut seen, &citizen).await;
    seen
}

/// Two portals: code, tokens, refresh, userinfo, exchange of what is used up.
async fn portals(world: &World, seen: &mut Seen, citizen: &Person) {
    let visitor = Visitor::new();
    let scope = "openid profile organisation phone offline_access licence.own presentation.make";
    let asked = [("scope", scope), ("resource", world.signer_url.as_str()), ("prompt", "consent")];
    let tokens = CITIZENS.log_in(world, &visitor, citizen, None, &asked).await;
    seen.tokens(&tokens);
    // licence-signer does not know the holder yet.
    assert_eq!(world.get_signer("/v1/looks", tokens.access(), "application/json").await.0, 403);
    let (status, renewed) = CITIZENS.refresh(world, &tokens).await;
    assert_eq!(status, 200, "{}", renewed.answer);
    seen.tokens(&renewed);
    let company = [("scope", "openid profile organisation phone offline_access"), ("prompt", "consent")];
    let second = PROJECTS.log_in(world, &visitor, citizen, Some(COMPANY), &company).await;
    seen.tokens(&second);
    assert_eq!(PROJECTS.userinfo(world, second.access()).await.0, 200);
    world.clock.advance(60);
    let reuse = CITIZENS.refresh(world, &tokens).await;
    seen.refusal("a refresh token again", (reuse.0, reuse.1.answer), 400);
    let home = visitor.get(&format!("{}/logout", world.idp_url)).await;
    visitor.submit_and_follow(&home.form("/logout"), &[]).await;
    seen.browser(&visitor);
}

/// The holder shows: a code for a clerk and one that is checked offline.
async fn show(world: &World, seen: &mut Seen, holder: &Visitor, licence: &str) -> String {
    let at = format!("{}/licences/{licence}", world.signer_url);
    holder.get(&at).await;
    let page = holder.get(&format!("{at}/show")).await;
    let item = page.choice("item", "卡号");
    let shown = holder.submit(&page.form(&format!("/licences/{licence}/show")), &[("item", &item)]).await;
    let code = shown.text_in("code-text");
    seen.watch.add("presentation code", code.trim_start_matches("XYP:"));
    let page = holder.get(&format!("{at}/offline-code")).await;
    holder.submit(&page.form(&format!("/licences/{licence}/offline-code")), &[]).await;
    code
}

async fn at_the_desk(world: &World, hall: &Visitor, code: &str, citizen: &Person) {
    let page = hall.get(&format!("{}/matter", world.desk_url)).await;
    let fields = [("matter", "social-security-transfer"), ("case", "办件-1"), ("purpose", "核对材料")];
    hall.submit(&page.form("matter"), &fields).await;
    let page = hall.get(&world.desk_url).await;
    let shown = hall.upload(&page.form("code"), &[("code", code)]).await;
    assert_eq!(shown.text_in("verdict-word"), "有效", "{}", shown.body);
    let page = hall.get(&format!("{}/lookup", world.desk_url)).await;
    for holder in [citizen.id_number, NOBODY, "110105194912310021"] {
        let fields = [("holder", holder), ("type", types::SOCIAL_SECURITY_CARD), ("purpose", "核对参保关系")];
        hall.submit(&page.form("holder"), &fields).await;
    }
    hall.get(&format!("{}/today", world.desk_url)).await;
}

/// Departments' systems look up, verify, revoke, and make mistakes.
async fn systems(world: &World, seen: &mut Seen, licence: &str, citizen: &Person) {
    let token = world.system("hrss-system", "licence.lookup").await;
    let ask = |code: &str| {
        json!({"holder": {"code_type": "111", "code": code}, "type": types::SOCIAL_SECURITY_CARD,
            "matter": "social-security-transfer", "case": "办件-8", "purpose": "核对"})
    };
    assert_eq!(world.post_signer("/v1/lookups", &token, &ask(citizen.id_number)).await.0, 200);
    assert_eq!(world.post_signer("/v1/lookups", &token, &ask(NOBODY)).await.0, 200);
    let wrong = citizen.id_number.replace("19910308", "19910309");
    seen.watch.add("id number", &wrong);
    let refused = world.post_signer("/v1/lookups", &token, &ask(&wrong)).await;
    seen.refusal("a wrong number", refused, 422);
    seen.token("access token", &token);
    let issuing = world.system("market-system", "licence.issue licence.read").await;
    seen.token("access token", &issuing);
    let (_, mut draft) = world::draft(types::OPERATOR_CERTIFICATE, Person::neighbour().id_number, world.now());
    draft["holder"]["code"] = wrong.as_str().into();
    draft["items"]["operation"] = citizen.id_number.into();
    let request = network::client().post(format!("{}/v1/licences", world.signer_url)).bearer_auth(&issuing);
    let (status, body) = answer(request.header("Idempotency-Key", "wrong").json(&draft)).await;
    assert!((400..500).contains(&status), "{body}");
    seen.refusals.push(("a wrong draft".to_owned(), body.to_string()));
    let accept = "application/dc+sd-jwt";
    let (status, document) = world.get_signer(&format!("/v1/licences/{licence}"), &issuing, accept).await;
    assert_eq!((status, world.verify(&document).await.0), (200, 200));
    assert_eq!(world.event("market-system", licence, "revocation").await.0, 200);
}

/// What people, portals and strangers get wrong; numbers in addresses among it, where whoever asks wrote them.
async fn wrong_turns(world: &World, seen: &mut Seen, citizen: &Person) {
    let visitor = Visitor::new();
    for (login, password) in [(citizen.id_number, "not the password 1"), (NOBODY, citizen.password)] {
        let page = visitor.get(&format!("{}/account", world.idp_url)).await;
        let refused = visitor.submit(&page.form("login"), &[("login", login), ("password", password)]).await;
        assert_eq!(refused.status, 422);
        // The form shows its own reader what he typed, once.
        let body = refused.body.replacen(&format!("value=\"{login}\""), "", 1);
        seen.refusals.push(("sign-in".to_owned(), body));
    }
    let page = visitor.get(&format!("{}/register", world.idp_url)).await;
    visitor.submit(&page.form("number"), &[("name", citizen.name), ("number", citizen.id_number)]).await;
    let client = network::client();
    for url in [&world.idp_url, &world.signer_url, &world.desk_url] {
        for path in [citizen.id_number.to_owned(), format!("licences/{}?name={}", citizen.id_number, citizen.name)] {
            let request = client.get(format!("{url}/{path}")).header("Referer", format!("{url}/{NOBODY}"));
            let (status, body) = answer(request.header("Accept", "text/html")).await;
            assert!((300..500).contains(&status), "{path}: {status} {body}");
            // The page leads back to the address that was asked, in another language or size: whoever asked wrote it.
            let body = body.to_string();
            let mut parts = body.split("to=/");
            let first = parts.next().unwrap_or_default().to_owned();
            let rest = parts.map(|part| part.find(['"', '\\']).map_or("", |end| &part[end..]));
            seen.refusals.push((path, rest.fold(first, |body, part| body + part)));
        }
    }
    let hint = [("login_hint", citizen.id_number)];
    visitor.look(&CITIZENS.request(world, &hint)).await;
    seen.refusals.extend(visitor.seen().iter().map(|page| (page.url.path().to_owned(), hideable(page))));
    for (what, form) in [
        ("an unknown code", vec![("grant_type", "authorization_code"), ("code", citizen.id_number)]),
        ("an unknown grant", vec![("grant_type", citizen.id_number)]),
        ("an unknown token", vec![("grant_type", "refresh_token"), ("refresh_token", NOBODY)]),
        ("an unknown scope", vec![("grant_type", "client_credentials"), ("scope", citizen.id_number)]),
    ] {
        seen.refusal(what, CITIZENS.token(world, &form).await, 400);
    }
    let request = client.post(format!("{}/token", world.idp_url)).basic_auth(citizen.id_number, Some(world::SECRET));
    seen.refusal("an unknown client", answer(request.form(&[("grant_type", "client_credentials")])).await, 401);
    for url in [&world.idp_url, &world.signer_url, &world.desk_url] {
        let path = if url == &world.idp_url { "userinfo" } else { "v1/licences/x" };
        let request = client.get(format!("{url}/{path}")).bearer_auth(format!("eyJ.{}.x", citizen.id_number));
        let (status, body) = answer(request).await;
        assert!((400..500).contains(&status), "{url}: {body}");
        seen.refusals.push((path.to_owned(), body.to_string()));
    }
}

/// A page without what its own form holds of what was typed into it.
fn hideable(page: &Page) -> String {
    let mut body = page.body.clone();
    for (_, value) in page.forms().into_iter().flat_map(|form| form.fields).filter(|(_, value)| !value.is_empty()) {
        body = body.replace(&format!("value=\"{value}\""), "");
    }
    body
}

/// Place, kind and form of a finding in a table.
type Place = (String, &'static str, &'static str);

/// Every table: what stands there as it is, with an example of each.
async fn in_tables(world: &World, backend: Backend, seeker: &Seeker) -> BTreeMap<Place, String> {
    let mut found = BTreeMap::new();
    for (service, db, _) in world.databases() {
        for (place, value) in cells(db, backend).await {
            for what in seeker.find(&value) {
                found.insert((format!("{service} {place}"), what.kind, what.form), what.value);
            }
        }
    }
    found
}

/// The files of SQLite, its write-ahead log among them: nothing that stands in no table, such as what was deleted.
fn in_files(world: &World, seeker: &Seeker) -> Vec<String> {
    let mut found = Vec::new();
    let mut searched = 0;
    for (service, _, database) in world.databases() {
        let file = database.url.trim_start_matches("sqlite://");
        for end in ["", "-wal", "-journal"] {
            let Ok(bytes) = std::fs::read(Path::new(&format!("{file}{end}"))) else { continue };
            searched += 1;
            let rest = seeker.find(&bytes).into_iter();
            found.extend(rest.map(|what| format!("{service}.db{end}: {what:?}")));
        }
    }
    assert!(searched >= 6, "each database has its file and its write-ahead log: {searched}");
    found
}

/// The log, line by line.
fn in_log(log: &[u8], seeker: &Seeker) -> Vec<String> {
    let mut found = BTreeMap::new();
    for line in log.split(|byte| *byte == b'\n') {
        for what in seeker.find(line) {
            found.entry(what).or_insert_with(|| String::from_utf8_lossy(line).into_owned());
        }
    }
    found.into_iter().map(|(what, line)| format!("{what:?} in {line}")).collect()
}

/// Addresses: an authorization code comes back to its client as the protocol wants it (RFC 6749 §4.1.2), counts once, for a
/// minute, and for whoever has the verifier and the client's proof alone. Nothing else.
fn in_addresses(addresses: &BTreeSet<String>, seeker: &Seeker) -> Vec<String> {
    let mut found = Vec::new();
    for address in addresses {
        let url = Url::parse(address).expect("an address");
        let back = url.path() == "/callback";
        let rest = seeker.find(address.as_bytes()).into_iter();
        let rest = rest.filter(|what| !(back && what.kind == "authorization code"));
        found.extend(rest.map(|what| format!("{what:?} in {address}")));
    }
    found
}

/// Pages of errors: a page may hold its own form's token.
fn on_refusals(refusals: &[(String, String)], seeker: &Seeker) -> Vec<String> {
    let mut found = Vec::new();
    for (what, body) in refusals {
        let rest = seeker.find(body.as_bytes()).into_iter().filter(|found| found.kind != "form token");
        found.extend(rest.map(|value| format!("{what}: {value:?}")));
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_main_job_nothing_stands_where_it_should_not() {
    on_both(async |backend| {
        let logs = Logs::capture_all();
        let start = logs.size();
        let world = World::start(backend).await;
        let seen = main_job(&world).await;
        for (kind, fewest) in [
            ("id number", 9),
            ("name", 9),
            ("phone", 9),
            ("password", 5),
            ("authorization code", 4),
            ("refresh token", 3),
            ("access token", 6),
            ("ID token", 4),
            ("cookie", 6),
            ("form token", 8),
            ("presentation code", 1),
        ] {
            assert!(seen.watch.count(kind) >= fewest, "only {} of {kind} were seen", seen.watch.count(kind));
        }
        assert!(seen.refusals.len() >= 20, "{} refusals", seen.refusals.len());
        let seeker = seen.watch.seeker();
        proves_itself(&world, backend, logs).await;

        let in_tables = in_tables(&world, backend, &seeker).await.into_iter();
        let mut found: Vec<String> = in_tables.map(|(place, value)| format!("{place:?}: {value}")).collect();
        if backend == Backend::Sqlite {
            found.extend(in_files(&world, &seeker));
        }
        found.extend(in_log(&logs.since(start), &seeker));
        found.extend(in_addresses(&seen.addresses, &seeker));
        found.extend(on_refusals(&seen.refusals, &seeker));
        for url in [&world.idp_url, &world.signer_url, &world.desk_url] {
            let (status, text) = answer(network::client().get(format!("{url}/metrics"))).await;
            assert!(status == 200 && text.to_string().contains("http_requests_total"), "{text}");
            found
                .extend(seeker.find(text.to_string().as_bytes()).iter().map(|what| format!("{url}/metrics: {what:?}")));
        }
        assert!(found.is_empty(), "{} findings:\n{}", found.len(), found.join("\n"));
    })
    .await;
}

/// What is planted is found: a number in a line of the log, in a row, in an address. (A number of its own: SQLite's files keep
/// for a while what was overwritten.)
async fn proves_itself(world: &World, backend: Backend, logs: &Logs) {
    use store::{on, sqlx};
    const PLANTED: &str = "110105200001010007";
    let mut watch = Watch::default();
    watch.add("id number", PLANTED);
    let seeker = watch.seeker();
    let start = logs.size();
    tracing::trace!(hint = PLANTED, "planted by the story");
    assert_eq!(in_log(&logs.since(start), &seeker).len(), 1, "the log is not searched");
    let insert = "INSERT INTO installation (name, value) VALUES ('planted', $1)";
    let mut tx = world.idp.db().begin().await.expect("begins");
    let hint = json!({"hint": PLANTED}).to_string();
    let planted = on!(&mut tx, c => sqlx::query(insert).bind(&hint).execute(c).await.map(drop));
    planted.expect("a row is planted");
    tx.commit().await.expect("is kept");
    let found: Vec<_> = in_tables(world, backend, &seeker).await.into_keys().collect();
    assert_eq!(found, [("idp installation.value".to_owned(), "id number", "plain")]);
    if backend == Backend::Sqlite {
        assert_eq!(in_files(world, &seeker).len(), 1, "files are not searched");
    }
    let address = format!("{}/lookup?holder={PLANTED}", world.desk_url);
    assert_eq!(in_addresses(&BTreeSet::from([address]), &seeker).len(), 1, "addresses are not searched");
}
