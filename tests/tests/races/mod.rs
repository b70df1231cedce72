//! What may happen once, tried by a hundred at the same moment at two processes of `xinyin serve` over one PostgreSQL.

mod pairs;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use keys::sources::Sources;
use pairs::{CLERK, HOLDER, MATTER, Outcome, POLICE, Pairs, aim, outcome};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use store::{Db, Settings, on, sqlx};
use tokio::sync::Barrier;
use xinyin_tests::folder::repository;
use xinyin_tests::process::run;
use xinyin_tests::world::go;
use xinyin_tests::{Backend, Database, Visitor, network};

const TRIES: usize = 100;

/// Runs all at the same moment, each on a task of its own.
async fn at_once<T: Send + 'static>(tries: Vec<impl Future<Output = T> + Send + 'static>) -> Vec<T> {
    let barrier = Arc::new(Barrier::new(tries.len()));
    let running: Vec<_> = tries
        .into_iter()
        .map(|one| {
            let barrier = barrier.clone();
            tokio::spawn(async move {
                barrier.wait().await;
                one.await
            })
        })
        .collect();
    let mut outcomes = Vec::new();
    for one in running {
        outcomes.push(one.await.expect("no try panics"));
    }
    outcomes
}

/// A hundred tries at two processes, each over a connection of its own that is open already.
async fn hundred(urls: &[String; 2], make: impl Fn(&reqwest::Client, usize, usize) -> RequestBuilder) -> Vec<Outcome> {
    let mut tries = Vec::new();
    for number in 0..TRIES {
        let (client, at) = (network::client(), number % 2);
        aim(&client, "GET", urls, at, "/livez").send().await.expect("answers");
        tries.push(outcome(make(&client, at, number)));
    }
    at_once(tries).await
}

fn succeeded(outcomes: &[Outcome]) -> Vec<&Outcome> {
    outcomes.iter().filter(|outcome| (200..300).contains(&outcome.status)).collect()
}

fn statuses(outcomes: &[Outcome]) -> Vec<u16> {
    let mut all: Vec<u16> = outcomes.iter().map(|outcome| outcome.status).collect();
    all.sort_unstable();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_happen_once_happens_once_whoever_races() {
    let pairs = Pairs::start().await;
    code_and_refresh_token(&pairs).await;
    assertion(&pairs).await;
    one_time_code(&pairs).await;
    let licence = idempotency_key(&pairs).await;
    presentation(&pairs, &licence).await;
    status_position(&pairs).await;
    for what in ["revocation", "sign-out", "end of a mandate"] {
        revocation(&pairs, what).await;
    }
}

async fn code_and_refresh_token(pairs: &Pairs) {
    let scope = [("scope", "openid offline_access"), ("prompt", "consent")];
    let code = pairs.code(&Visitor::new(), None, &scope).await;
    let outcomes = hundred(&pairs.idp, |client, at, _| pairs.redeem(client, at, &code)).await;
    let won = succeeded(&outcomes);
    assert_eq!(won.len(), 1, "a code: {:?}", statuses(&outcomes));
    assert_eq!(outcomes.iter().filter(|outcome| outcome.body["error"] == "invalid_grant").count(), TRIES - 1);
    pairs.nothing_lives("a code that was replayed", &won[0].body).await;

    let code = pairs.code(&Visitor::new(), None, &scope).await;
    let tokens = pairs.tokens(&code).await;
    let token = tokens["refresh_token"].as_str().expect("a refresh token");
    let outcomes = hundred(&pairs.idp, |client, at, _| pairs.refresh(client, at, token)).await;
    let won = succeeded(&outcomes);
    assert_eq!(won.len(), 1, "a refresh token: {:?}", statuses(&outcomes));
    for answer in won {
        pairs.nothing_lives("a refresh token that was reused", &answer.body).await;
    }
}

async fn assertion(pairs: &Pairs) {
    let now = Sources::system().now().seconds();
    let claims = json!({"iss": "key-system", "sub": "key-system", "aud": pairs.idp[0], "iat": now, "exp": now + 60, "jti": "once"});
    let assertion = keys::jws::sign_json(&pairs.key, "JWT", &claims).expect("signs");
    let outcomes = hundred(&pairs.idp, |client, at, _| {
        let form = [
            ("grant_type", "client_credentials"),
            ("scope", "licence.read"),
            ("resource", pairs.signer[0].as_str()),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion.as_str()),
        ];
        aim(client, "POST", &pairs.idp, at, "/token").form(&form)
    })
    .await;
    assert_eq!(succeeded(&outcomes).len(), 1, "an assertion: {:?} {:?}", statuses(&outcomes), outcomes[0].body);
}

/// The right code of a message: confirmed once; whoever clicks again is led on or told to wait.
async fn one_time_code(pairs: &Pairs) {
    let visitor = Visitor::new();
    let page = visitor.get(&format!("{}/register", pairs.idp[0])).await;
    let fields = [("name", "林演示"), ("number", "640104199510100003"), ("phone", "10000000101")];
    let page = visitor.submit_and_follow(&page.form("number"), &fields).await;
    let form = page.form("code");
    let text = pairs.messages.lock().expect("no panic").last().cloned().expect("a message");
    let code: String = text.chars().skip_while(|c| !c.is_ascii_digit()).take(6).collect();
    let token = &form.fields.iter().find(|(name, _)| name == "form_token").expect("a token").1;
    let cookies = visitor.cookies_for("localhost");
    let outcomes = hundred(&pairs.idp, |client, at, _| {
        let request = aim(client, "POST", &pairs.idp, at, form.action.path()).header("Origin", &pairs.idp[0]);
        request.header("Cookie", &cookies).form(&[("form_token", token.as_str()), ("code", code.as_str())])
    })
    .await;
    let done = "SELECT count(*) FROM audit WHERE action = 'registration.confirm' AND result = 'done'";
    assert_eq!(pairs.count(0, done).await, 1, "a one-time code: {:?}", statuses(&outcomes));
    assert!(outcomes.iter().any(|outcome| outcome.location.ends_with("/means")), "{:?}", statuses(&outcomes));
    assert!(outcomes.iter().all(|outcome| [303, 422, 429].contains(&outcome.status)), "{:?}", statuses(&outcomes));
}

/// Answers the licence.
async fn idempotency_key(pairs: &Pairs) -> String {
    let token = pairs.system("police-system", "licence.issue").await;
    let draft = json!({
        "type": format!("{POLICE}002"), "number": "DL640104-0009",
        "issue_date": "2026-01-05", "valid_from": "2026-01-05", "valid_until": "2032-01-04",
        "items": {"vehicle_class": "C1", "first_issued": "2017-02-09"},
        "holder": {"kind": "person", "code_type": "111", "code": HOLDER.id_number, "name": HOLDER.name},
    });
    let send = |client: &reqwest::Client, at, _| {
        let request = aim(client, "POST", &pairs.signer, at, "/v1/licences").header("Idempotency-Key", "once");
        request.bearer_auth(&token).json(&draft)
    };
    let outcomes = hundred(&pairs.signer, send).await;
    let licences: BTreeSet<&str> = outcomes.iter().filter_map(|outcome| outcome.body["id"].as_str()).collect();
    assert_eq!(licences.len(), 1, "{:?} {}", statuses(&outcomes), outcomes[0].body);
    for table in [
        "SELECT count(*) FROM licences",
        "SELECT count(*) FROM idempotency",
        "SELECT count(*) FROM audit WHERE action = 'licence.issue'",
        "SELECT count(*) / 2 FROM sealings",
    ] {
        assert_eq!(pairs.count(1, table).await, 1, "{table}");
    }
    let known = [200, 201, 202, 409, 503];
    assert!(outcomes.iter().all(|outcome| known.contains(&outcome.status)), "{:?}", statuses(&outcomes));
    licences.into_iter().next().expect("one").to_owned()
}

/// Four callers, twenty-five tries each: one caller gets it, and may repeat; the look stands in the history once.
async fn presentation(pairs: &Pairs, licence: &str) {
    let visitor = Visitor::new();
    let login = format!("{}/login", pairs.signer[0]);
    let page = go(&pairs.idp[0], &visitor, &login, &HOLDER, None, |_| false).await;
    assert!(page.url.as_str().starts_with(&pairs.signer[0]), "{} {}", page.url, page.body);
    let asked = [("scope", "openid licence.own presentation.make"), ("resource", pairs.signer[0].as_str())];
    let tokens = pairs.tokens(&pairs.code(&visitor, None, &asked).await).await;
    let own = tokens["access_token"].as_str().expect("a token");
    let request = aim(&network::client(), "POST", &pairs.signer, 0, "/v1/presentations").bearer_auth(own);
    let shown = outcome(request.json(&json!({"licence": licence, "items": []}))).await;
    assert_eq!(shown.status, 201, "{shown:?}");
    let code = shown.body["code"].as_str().expect("a code").to_owned();
    let mut windows = Vec::new();
    for at in 0..4 {
        windows.push(pairs.system(&format!("window-{at}"), "presentation.resolve").await);
    }
    let body = json!({"code": code, "matter": MATTER, "case": "办件-1", "purpose": "核对"});
    let outcomes = hundred(&pairs.signer, |client, at, number| {
        let request = aim(client, "POST", &pairs.signer, at, "/v1/presentations/resolutions");
        request.bearer_auth(&windows[(number / 2) % 4]).json(&body)
    })
    .await;
    let winners: BTreeSet<usize> =
        (0..TRIES).filter(|number| outcomes[*number].status == 200).map(|number| (number / 2) % 4).collect();
    assert_eq!(winners.len(), 1, "a presentation: {:?} {}", statuses(&outcomes), outcomes[0].body);
    let refused = outcomes.iter().filter(|outcome| outcome.body["code"] == "presentation.used").count();
    let repeated = (0..TRIES).filter(|number| winners.contains(&((number / 2) % 4))).count();
    assert_eq!(refused, TRIES - repeated, "the winner may repeat: {:?}", statuses(&outcomes));
    assert_eq!(pairs.count(1, "SELECT count(*) FROM looks").await, 1, "one look");
}

/// The signer draws positions at random from a million; here its own statement is sent for one and the same position.
async fn status_position(pairs: &Pairs) {
    let source = std::fs::read_to_string(repository().join("licence-signer/src/storage/status.rs")).expect("a source");
    let (_, rest) = source.split_once("const RESERVE_ONE: &str = \"").expect("the statement");
    let sql = rest.split('"').next().expect("its end").to_owned();
    assert!(sql.starts_with("INSERT INTO status_positions"), "{sql}");
    let dbs = two(&pairs.databases[1]).await;
    let tries = (0..TRIES)
        .map(|number| {
            let (db, sql) = (dbs[number % 2].clone(), sql.clone());
            async move {
                let mut tx = db.begin().await.expect("begins");
                let licence = format!("race-{number}");
                let taken = on!(&mut tx, c => sqlx::query(sqlx::AssertSqlSafe(sql.clone())).bind("of-a-race").bind(7_i64)
                    .bind(&licence).execute(c).await.map(|done| done.rows_affected()));
                tx.commit().await.expect("is kept");
                taken.expect("is answered")
            }
        })
        .collect();
    let taken: u64 = at_once(tries).await.into_iter().sum();
    assert_eq!(taken, 1, "a status position");
}

/// Two pools, as two processes have them.
async fn two(database: &Database) -> [Db; 2] {
    let settings = Settings { acquire: Duration::from_secs(30), ..Settings::default() };
    [
        Db::connect(&database.url, &settings).await.expect("opens"),
        Db::connect(&database.url, &settings).await.expect("opens"),
    ]
}

/// At the same moment: something ends what a login gave, its refresh token is used, and the next code of the same session is
/// traded. After the answers nothing of it is active.
async fn revocation(pairs: &Pairs, what: &'static str) {
    for round in 0..5 {
        let visitor = Visitor::new();
        let (acting, scope) = match what {
            "end of a mandate" => (Some(CLERK), "openid organisation offline_access"),
            "sign-out" => (None, "openid"),
            _ => (None, "openid offline_access"),
        };
        let asked = [("scope", scope), ("prompt", "consent")];
        let tokens = pairs.tokens(&pairs.code(&visitor, acting, &asked).await).await;
        // What is revoked is one login's; what a sign-out or a mandate's end takes along is the session's or the mandate's.
        let second = if what == "revocation" { None } else { Some(pairs.code(&visitor, acting, &asked[..1]).await) };
        let (client, other) = (network::client(), network::client());
        let mut tries: Vec<std::pin::Pin<Box<dyn Future<Output = Outcome> + Send>>> = Vec::new();
        if let Some(token) = tokens["refresh_token"].as_str() {
            tries.push(Box::pin(outcome(pairs.refresh(&client, 1, token))));
        }
        if let Some(code) = &second {
            tries.push(Box::pin(outcome(pairs.redeem(&other, round % 2, code))));
        }
        tries.push(match what {
            "revocation" => {
                let token = tokens["refresh_token"].as_str().expect("a refresh token");
                Box::pin(outcome(pairs.portal(&other, 0, "/revoke", &[("token", token)])))
            }
            "sign-out" => {
                let page = visitor.get(&format!("{}/logout", pairs.idp[0])).await;
                let form = page.form("/logout");
                let request = aim(&client, "POST", &pairs.idp, 0, "/logout").header("Origin", &pairs.idp[0]);
                Box::pin(outcome(request.header("Cookie", visitor.cookies_for("localhost")).form(&form.fields)))
            }
            _ => {
                let (people, config) = (pairs.file("people-after"), pairs.file("idp-0.toml"));
                Box::pin(async move {
                    let ended = run(&["load", "idp", &people, "--config", &config]).await;
                    assert!(ended.status.success(), "{}", ended.stderr);
                    Outcome { status: 200, location: String::new(), body: Value::Null }
                })
            }
        });
        let outcomes = at_once(tries).await;
        let ending = outcomes.last().expect("the one that ends");
        assert!((200..400).contains(&ending.status), "{what}: {ending:?}");
        for answer in [&tokens].into_iter().chain(outcomes.iter().map(|outcome| &outcome.body)) {
            pairs.nothing_lives(&format!("{what}, round {round}"), answer).await;
        }
        if what == "end of a mandate" {
            pairs.command(&["load", "idp", &pairs.file("people"), "--config", &pairs.file("idp-0.toml")]).await;
        }
    }
}

/// The proof that these races find what they look for: who reads and then writes is seen to succeed more than once.
#[tokio::test(flavor = "multi_thread")]
async fn reading_and_then_writing_is_caught() {
    let database = Backend::Postgres.fresh("races_proof").await;
    let dbs = two(&database).await;
    for sql in [
        "CREATE TABLE once (name TEXT PRIMARY KEY, taken BIGINT NOT NULL)",
        "INSERT INTO once (name, taken) VALUES ('read', 0), ('one', 0)",
    ] {
        let mut tx = dbs[0].begin().await.expect("begins");
        on!(&mut tx, c => sqlx::query(sql).execute(c).await.map(drop)).expect("is done");
        tx.commit().await.expect("is kept");
    }
    let race = async |reads: bool| {
        let tries = (0..TRIES).map(|number| take(dbs[number % 2].clone(), reads)).collect();
        at_once(tries).await.into_iter().filter(|taken| *taken).count()
    };
    assert_eq!(race(false).await, 1, "one conditional statement");
    let seen = race(true).await;
    assert!(seen >= 2, "reading and then writing succeeded {seen} times: the barrier proves nothing");
}

async fn take(db: Db, reads: bool) -> bool {
    if !reads {
        let mut tx = db.begin().await.expect("begins");
        let sql = "UPDATE once SET taken = 1 WHERE name = 'one' AND taken = 0";
        let rows = on!(&mut tx, c => sqlx::query(sql).execute(c).await.map(|done| done.rows_affected()));
        tx.commit().await.expect("is kept");
        return rows.expect("is answered") == 1;
    }
    let mut tx = db.begin().await.expect("begins");
    let sql = "SELECT taken FROM once WHERE name = 'read'";
    let (taken,): (i64,) = on!(&mut tx, c => sqlx::query_as(sql).fetch_one(c).await).expect("is read");
    if taken == 0 {
        // The moment in which another may read the same, made long enough to be met on any machine.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let sql = "UPDATE once SET taken = 1 WHERE name = 'read'";
        on!(&mut tx, c => sqlx::query(sql).execute(c).await.map(drop)).expect("is written");
    }
    tx.commit().await.expect("is kept");
    taken == 0
}
