//! What the services stand on, on both databases: transactions, leases, the audit record.

use std::time::{Duration, Instant};

use store::audit::{self, Break, Filter, Head, Row};
use store::{Db, Migration, Settings, StorageError, Sweep, lease, on, sqlx, sweep};
use verifier::time::Timestamp;
use xinyin_tests::backend::on_both;
use xinyin_tests::postgres::Postgres;
use xinyin_tests::{Backend, Database, standing};

const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "audit and leases", sql: audit::MIGRATION_SQL },
    Migration {
        version: 2,
        name: "notes",
        sql: "CREATE TABLE notes (id TEXT NOT NULL PRIMARY KEY, at BIGINT NOT NULL)",
    },
    Migration { version: 3, name: "page sessions", sql: store::page_sessions::MIGRATION_SQL },
];
const NOW: Timestamp = Timestamp::from_seconds(1_795_593_600);
const NOTE: &str = "INSERT INTO notes (id, at) VALUES ($1, $2)";
const COUNT: &str = "SELECT count(*) FROM notes";

async fn open(backend: Backend) -> (Db, Database) {
    let database = backend.fresh("store").await;
    (Db::open(&database.url, MIGRATIONS).await.expect("opens"), database)
}

async fn note(tx: &mut store::Tx, id: &str) -> Result<(), StorageError> {
    on!(tx, c => sqlx::query(NOTE).bind(id).bind(1_i64).execute(c).await.map(drop))
}

async fn notes(db: &Db) -> i64 {
    let mut reader = db.reader().await.expect("a reader");
    let (count,): (i64,) = on!(&mut reader, c => sqlx::query_as(COUNT).fetch_one(c).await).expect("counts");
    count
}

/// Does to the record what only someone with the database in his hands can do.
async fn tamper(db: &Db, sql: &'static str) {
    let mut tx = db.begin().await.expect("begins");
    on!(&mut tx, c => sqlx::raw_sql(sql).execute(c).await.map(drop)).expect(sql);
    tx.commit().await.expect("commits");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_of_the_store_prepares() {
    on_both(async |backend| {
        let (db, _database) = open(backend).await;
        let statements = store::statements(db.is_postgres());
        assert!(statements.len() >= 13);
        for (name, sql) in statements {
            db.prepare(sql).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        }
        assert!(db.prepare("SELECT nothing FROM nowhere").await.is_err());
        db.ready().await.expect("ready");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_is_kept_whole_or_not_at_all() {
    on_both(async |backend| {
        let (db, _database) = open(backend).await;
        let mut tx = db.begin().await.expect("begins");
        note(&mut tx, "dropped").await.expect("writes");
        drop(tx);
        assert_eq!(notes(&db).await, 0);

        let mut tx = db.begin().await.expect("begins");
        note(&mut tx, "kept").await.expect("writes");
        tx.commit().await.expect("commits");
        assert_eq!(notes(&db).await, 1);

        let mut tx = db.begin().await.expect("begins");
        note(&mut tx, "another").await.expect("writes");
        assert!(matches!(note(&mut tx, "kept").await, Err(StorageError::Duplicate(_))));
        assert!(matches!(tx.commit().await, Err(StorageError::Aborted)), "the same on both");
        assert_eq!(notes(&db).await, 1);

        if backend == Backend::Sqlite {
            let mut reader = db.reader().await.expect("a reader");
            assert!(note(&mut reader, "by a reader").await.is_err());
        }
    })
    .await;
}

/// How many callers go away, and after how long at most (in thousandths of a millisecond).
const GONE: u64 = 2_000;
const PATIENCE: u64 = 3_000;

/// What callers who went away left behind: the rows that a second process sees, and who idles in a transaction.
async fn left_behind(url: &str) -> (i64, i64) {
    let second = Db::connect(url, &Settings::default()).await.expect("a second process");
    let seen = notes(&second).await;
    if !second.is_postgres() {
        return (seen, 0);
    }
    let open = "SELECT count(*) FROM pg_stat_activity
        WHERE state LIKE 'idle in transaction%' AND datname = current_database()";
    let mut idle = -1_i64;
    for _ in 0..20 {
        let mut reader = second.reader().await.expect("a reader");
        (idle,) = on!(&mut reader, c => sqlx::query_as(open).fetch_one(c).await).expect("counts");
        if idle == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    (seen, idle)
}

/// KF-30: whoever goes away in the middle leaves no transaction open, and the next one is not caught in it.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_goes_away_leaves_nothing_open() {
    on_both(async |backend| {
        let database = backend.fresh("cancel").await;
        let settings = Settings { connections: 1, ..Settings::default() };
        let db = Db::open_with(&database.url, MIGRATIONS, &settings).await.expect("opens");
        for round in 0..GONE {
            let work = async {
                let mut tx = db.begin().await?;
                note(&mut tx, &format!("cancelled-{round}")).await?;
                note(&mut tx, &format!("cancelled-{round}-too")).await?;
                tokio::time::sleep(Duration::from_millis(4)).await; // the time limit always comes first
                drop(tx);
                Ok::<(), StorageError>(())
            };
            let limit = Duration::from_micros(round * 37 % PATIENCE);
            let _ = tokio::time::timeout(limit, work).await;
        }
        let mut tx = db.begin().await.expect("begins, whatever went before");
        note(&mut tx, "the one that counts").await.expect("writes");
        tx.commit().await.expect("commits");

        let left = left_behind(&database.url).await;
        assert_eq!(left, (1, 0), "what was committed and nothing else; nobody idles in a transaction");
    })
    .await;
}

/// KF-30, the counter-proof: BEGIN without our protection fails the same check, so the check can fail.
#[tokio::test(flavor = "multi_thread")]
async fn a_begin_without_protection_is_found_out() {
    use sqlx::postgres::{PgPool, PgPoolOptions};

    /// Ends its connection when it is dropped in the middle. Only the way to it is unguarded: until BEGIN has answered, the
    /// connection goes back to the pool as if nothing were under way.
    struct Naive(Option<sqlx::pool::PoolConnection<sqlx::Postgres>>);

    impl Naive {
        async fn begin(pool: &PgPool) -> sqlx::Result<Self> {
            let mut connection = pool.acquire().await?;
            sqlx::raw_sql("BEGIN").execute(&mut *connection).await?;
            Ok(Self(Some(connection)))
        }
    }

    impl Drop for Naive {
        fn drop(&mut self) {
            drop(self.0.take().map(sqlx::pool::PoolConnection::detach));
        }
    }

    let database = Backend::Postgres.fresh("naive").await;
    Db::open(&database.url, MIGRATIONS).await.expect("opens").close().await;
    let pool = PgPoolOptions::new().max_connections(1).connect(&database.url).await.expect("connects");
    let mut left = (1, 0);
    for round in 0..GONE {
        let work = async {
            let _begun = Naive::begin(&pool).await;
            tokio::time::sleep(Duration::from_millis(4)).await;
        };
        let _ = tokio::time::timeout(Duration::from_micros(round * 37 % PATIENCE), work).await;
        if round % 100 == 99 {
            let id = format!("the one that counts {round}");
            let written = sqlx::query(NOTE).bind(id).bind(1_i64).execute(&pool).await;
            let expected = i64::try_from(round / 100 + 1).expect("small");
            let (seen, idle) = left_behind(&database.url).await;
            left = (seen - expected + 1, idle);
            if left != (1, 0) {
                println!("after {round} callers: {written:?}, {left:?}");
                break;
            }
        }
    }
    assert_ne!(left, (1, 0), "a write is lost or somebody idles in a transaction");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_goes_on_without_its_caller() {
    on_both(async |backend| {
        let (db, _database) = open(backend).await;
        let mut tx = db.begin().await.expect("begins");
        note(&mut tx, "kept").await.expect("writes");
        let mut commit = Box::pin(tx.commit());
        let waker = std::task::Waker::noop();
        assert!(commit.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_pending());
        drop(commit);
        let mut tx = db.begin().await.expect("begins");
        note(&mut tx, "after").await.expect("writes");
        tx.commit().await.expect("commits");
        for _ in 0..50 {
            if notes(&db).await == 2 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the commit was lost");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_has_one_holder_and_a_rising_token() {
    on_both(async |backend| {
        let (db, _database) = open(backend).await;
        let takers = (0..8).map(|n| {
            let db = db.clone();
            tokio::spawn(async move { lease::take(&db, "work", &format!("holder-{n}"), NOW, 10).await })
        });
        let mut held = Vec::new();
        for taker in takers.collect::<Vec<_>>() {
            held.extend(taker.await.expect("runs").expect("the database answers"));
        }
        assert_eq!(held.len(), 1, "of eight that race one gets it");
        let first = held.remove(0);
        assert_eq!(lease::take(&db, "work", &first.holder, NOW.plus(9), 10).await.expect("answers"), None);
        let renewed =
            lease::renew(&db, &first, NOW.plus(9), 10).await.expect("answers").expect("renews before the end");
        assert_eq!(lease::take(&db, "work", "next", NOW.plus(18), 10).await.expect("answers"), None);
        let next = lease::take(&db, "work", "next", NOW.plus(19), 10).await.expect("answers").expect("free at its end");
        assert!(next.token > first.token);
        assert_eq!(lease::renew(&db, &renewed, NOW.plus(19), 10).await.expect("answers"), None);
        let mut tx = db.begin().await.expect("begins");
        assert!(!lease::guard(&mut tx, &renewed).await.expect("answers"), "a holder that slept writes nothing");
        assert!(lease::guard(&mut tx, &next).await.expect("answers"));
        drop(tx);
        lease::release(&db, &renewed).await.expect("answers");
        assert_eq!(lease::take(&db, "work", "third", NOW.plus(20), 10).await.expect("answers"), None);
        lease::release(&db, &next).await.expect("answers");
        let third = lease::take(&db, "work", "third", NOW.plus(20), 10).await.expect("answers").expect("given back");
        assert!(third.token > next.token);
    })
    .await;
}

async fn append(db: &Db, count: i64) {
    let mut tx = db.begin().await.expect("begins");
    for n in 0..count {
        let row = Row::new("person:7", "licence.read", "done", NOW.plus(n % 5))
            .department("dept")
            .case(format!("case-{n}"))
            .object("licence:1");
        audit::append(&mut tx, &row).await.expect("writes");
    }
    tx.commit().await.expect("commits");
}

async fn chained(backend: Backend, rows: i64) -> (Db, Database, Head) {
    let (db, database) = open(backend).await;
    append(&db, rows).await;
    let lease = lease::take(&db, "audit", "me", NOW, 60).await.expect("answers").expect("free");
    assert_eq!(audit::sequence(&db, &lease).await.expect("chains"), rows.unsigned_abs());
    let found = audit::verify(&db, None).await.expect("walks");
    assert!(found.is_whole() && found.checked == rows && found.open_rows == 0, "{found:?}");
    (db, database, found.head)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_out_of_the_record_is_noticed() {
    let rows: &[(&'static str, Break)] = &[
        ("DELETE FROM audit WHERE place = 300", Break::Missing { place: 300 }),
        ("UPDATE audit SET result = 'refused' WHERE place = 7", Break::Changed { place: 7 }),
        ("UPDATE audit SET case_number = NULL WHERE place = 7", Break::Changed { place: 7 }),
        ("UPDATE audit SET at = at + 1 WHERE place = 450", Break::Changed { place: 450 }),
        (
            "UPDATE audit SET place = -1 WHERE place = 8; UPDATE audit SET place = 8 WHERE place = 9;
             UPDATE audit SET place = 9 WHERE place = -1",
            Break::Changed { place: 8 },
        ),
        ("UPDATE audit SET place = NULL, digest = NULL WHERE place = 12", Break::Missing { place: 12 }),
        ("DELETE FROM audit WHERE place > 440", Break::Missing { place: 441 }),
        ("UPDATE audit_head SET size = 440", Break::Head),
        (
            "UPDATE audit_head SET size = 440, digest = (SELECT digest FROM audit WHERE place = 440)",
            Break::BeyondHead { size: 440 },
        ),
    ];
    on_both(async |backend| {
        for (sql, expected) in rows {
            let (db, _database, _) = chained(backend, 450).await;
            tamper(&db, sql).await;
            let found = audit::verify(&db, None).await.expect("walks");
            assert!(found.first_break.as_ref() == Some(expected), "{sql}: {found:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_kept_elsewhere_finds_what_was_cut_off_with_the_head() {
    on_both(async |backend| {
        let (db, _database, head) = chained(backend, 20).await;
        append(&db, 3).await;
        let found = audit::verify(&db, Some(&head)).await.expect("walks");
        assert!(found.is_whole() && found.open_rows == 3 && found.open_since == Some(NOW), "{found:?}");
        tamper(
            &db,
            "DELETE FROM audit WHERE place > 15;
             UPDATE audit_head SET size = 15, digest = (SELECT digest FROM audit WHERE place = 15)",
        )
        .await;
        assert!(audit::verify(&db, None).await.expect("walks").is_whole(), "unseen from inside");
        let found = audit::verify(&db, Some(&head)).await.expect("walks");
        assert_eq!(found.first_break, Some(Break::Known { size: 20 }));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sequencers_that_race_give_each_place_once() {
    on_both(async |backend| {
        let (db, _database) = open(backend).await;
        append(&db, 300).await;
        let old = lease::take(&db, "audit", "old", NOW, 1).await.expect("answers").expect("free");
        let new = lease::take(&db, "audit", "new", NOW.plus(1), 60).await.expect("answers").expect("free at its end");
        let (slow, quick) = tokio::join!(audit::sequence(&db, &old), audit::sequence(&db, &new));
        assert_eq!((slow.expect("answers"), quick.expect("answers")), (0, 300));
        let (sources, _) = standing(7);
        let stop = tokio::time::sleep(Duration::from_millis(200));
        lease::release(&db, &new).await.expect("answers");
        append(&db, 10).await;
        audit::run(&db, &sources, stop).await;
        let found = audit::verify(&db, None).await.expect("walks");
        assert!(found.is_whole() && found.checked == 310, "{found:?}");
        let taken = lease::take(&db, "audit", "after", NOW, 60).await.expect("answers");
        assert!(taken.is_some(), "whoever stops gives the lease back");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_found_by_filter_and_page_and_carried_out() {
    on_both(async |backend| {
        let (db, _database) = open(backend).await;
        append(&db, 450).await;
        let mut tx = db.begin().await.expect("begins");
        let row = Row::new("client:p", "session.sign_in", "denied", NOW.plus(60)).incident("abc");
        audit::append(&mut tx, &row).await.expect("writes");
        tx.commit().await.expect("commits");
        let by = |filter: Filter| {
            let db = db.clone();
            async move {
                let mut out = Vec::new();
                audit::export(&db, &filter, &mut out).await.expect("exports")
            }
        };
        assert_eq!(by(Filter::default()).await, 451);
        assert_eq!(by(Filter { action: Some("licence".into()), ..Filter::default() }).await, 450);
        assert_eq!(by(Filter { action: Some("licen".into()), ..Filter::default() }).await, 0);
        assert_eq!(by(Filter { case: Some("case-449".into()), ..Filter::default() }).await, 1);
        assert_eq!(by(Filter { incident: Some("abc".into()), ..Filter::default() }).await, 1);
        let window = Filter { from: Some(NOW.plus(1)), until: Some(NOW.plus(2)), ..Filter::default() };
        assert_eq!(by(window).await, 90);
        let mut reader = db.reader().await.expect("a reader");
        let page = audit::search(&mut reader, &Filter::default(), None, 1).await.expect("finds");
        assert_eq!(page.len(), 1);
        assert_eq!(page[0].row, row, "the newest first, as it was written");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_that_a_database_cannot_hold_are_refused_alike() {
    on_both(async |backend| {
        let (db, _database) = open(backend).await;
        let mut tx = db.begin().await.expect("begins");
        for actor in ["a\0b".to_owned(), "长".repeat(301)] {
            let row = Row::new(actor, "x", "done", NOW);
            assert!(matches!(audit::append(&mut tx, &row).await, Err(StorageError::Damaged(_))));
        }
        audit::append(&mut tx, &Row::new("长".repeat(300), "x", "done", NOW)).await.expect("three hundred fit");
        tx.commit().await.expect("commits");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_rows_leave_in_batches() {
    on_both(async |backend| {
        let (db, _database) = open(backend).await;
        let mut tx = db.begin().await.expect("begins");
        for n in 0..1_200_i64 {
            on!(&mut tx, c => sqlx::query(NOTE).bind(format!("n{n}")).bind(n).execute(c).await.map(drop))
                .expect("writes");
        }
        tx.commit().await.expect("commits");
        let sql = "DELETE FROM notes WHERE id IN (SELECT id FROM notes WHERE at <= $1 LIMIT $2)";
        let gone = sweep(&db, &[Sweep { name: "notes", sql }], Timestamp::from_seconds(1_099)).await.expect("sweeps");
        assert_eq!((gone, notes(&db).await), (1_100, 100));
    })
    .await;
}

/// KF-30, second half: a frozen server is an error within the limits, not a hang, and the service recovers by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_away_comes_back() {
    let server = Postgres::start().await;
    let url = server.fresh("frozen").await;
    let second = Duration::from_secs(1);
    let settings = Settings { connections: 2, acquire: second, statement: second, ..Settings::default() };
    let db = Db::open_with(&url, MIGRATIONS, &settings).await.expect("opens");
    let mut under_way = db.begin().await.expect("begins");
    note(&mut under_way, "under way").await.expect("writes");

    server.freeze();
    let begun = Instant::now();
    assert!(matches!(note(&mut under_way, "frozen").await, Err(StorageError::Unavailable(_))));
    drop(under_way);
    assert!(matches!(db.begin().await, Err(StorageError::Unavailable(_))));
    assert!(matches!(db.ready().await, Err(StorageError::Unavailable(_))));
    assert!(begun.elapsed() < 15 * second, "{:?}", begun.elapsed());
    server.thaw();

    for cut in [false, true] {
        if cut {
            server.cut_connections().await;
        }
        let name = format!("after, cut: {cut}");
        let mut tx = db.begin().await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        note(&mut tx, &name).await.expect("writes");
        tx.commit().await.expect("commits");
    }
    assert_eq!(notes(&db).await, 2, "what was under way is not there");
    db.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_and_loses_nothing() {
    let (db, _database) = open(Backend::Sqlite).await;
    tamper(&db, "PRAGMA max_page_count = 80").await;
    let mut kept = 0;
    let refused = loop {
        let mut tx = db.begin().await.expect("begins");
        let written = note(&mut tx, &format!("{kept}-{}", "x".repeat(3_000))).await;
        match written {
            Ok(()) => match tx.commit().await {
                Ok(()) => kept += 1,
                Err(error) => break error,
            },
            Err(error) => break error,
        }
        assert!(kept < 1_000, "it never got full");
    };
    assert!(matches!(refused, StorageError::Full(_)) && refused.is_transient(), "{refused:?}");
    assert_eq!(notes(&db).await, kept, "what was acknowledged is there");
    tamper(&db, "PRAGMA max_page_count = 100000").await;
    let mut tx = db.begin().await.expect("begins");
    note(&mut tx, "after").await.expect("there is room again");
    tx.commit().await.expect("commits");
    assert_eq!(notes(&db).await, kept + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_be_used_is_one_clear_sentence() {
    let folder = xinyin_tests::folder::Folder::new("bad");
    let file = folder.path().join("damaged.db");
    std::fs::write(&file, b"this was a database once, and is not one any more; it has a few bytes").expect("writes");
    for (url, expected) in [
        (format!("sqlite://{}", file.display()), "storage.not_a_database"),
        (format!("sqlite://{}/no/such/folder.db", folder.path().display()), "storage.unavailable"),
        ("mysql://localhost/x".to_owned(), "storage.address"),
        ("postgres://nobody@127.0.0.1:1/x".to_owned(), "storage.unavailable"),
    ] {
        let error = Db::open(&url, MIGRATIONS).await.expect_err(&url);
        assert_eq!(error.code(), expected, "{url}: {error:?}");
    }
}
