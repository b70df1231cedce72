//! The databases of the foundation's last commit, e83cd48, are migrated by this program, and what stood in them goes on.
//!
//! `tests/data/e83cd48/` holds that commit's tables. A world lives here for a while, its databases are taken back to those
//! tables with all their rows, and migrated once more.

use std::collections::BTreeSet;

use store::{Db, Migration, on, sqlx};
use xinyin_tests::backend::on_both;
use xinyin_tests::world::{CITIZENS, Person, World, types};
use xinyin_tests::{Backend, Logs, Visitor, network};

/// A service, its tables then, its steps now, and what takes its database back.
type Service = (&'static str, &'static str, &'static [Migration], &'static str);

const SERVICES: [Service; 3] = [
    (
        "idp",
        include_str!("../data/e83cd48/idp.sql"),
        idp::MIGRATIONS,
        "INSERT INTO known_devices (device_digest, person_id, seen_at, expires_at)
            SELECT replace(replace(bucket, 'device:', ''), ':' || person_id, ''), person_id, 0, known_until
            FROM attempts WHERE known_until IS NOT NULL;
        DELETE FROM attempts WHERE known_until IS NOT NULL;
        DROP INDEX attempts_person;
        ALTER TABLE attempts DROP COLUMN allowed;
        ALTER TABLE attempts DROP COLUMN person_id;
        ALTER TABLE attempts DROP COLUMN known_until;
        DELETE FROM schema_version WHERE version > 11;",
    ),
    (
        "licence-signer",
        include_str!("../data/e83cd48/licence-signer.sql"),
        licence_signer::storage::MIGRATIONS,
        "DROP TABLE licence_numbers; DROP TABLE subject_digests; DROP TABLE digit_tries;
        DELETE FROM schema_version WHERE version > 3;",
    ),
    (
        "desk",
        include_str!("../data/e83cd48/desk.sql"),
        verifier_desk::MIGRATIONS,
        "DROP TABLE page_sessions; DROP TABLE cases; DELETE FROM schema_version WHERE version > 2;",
    ),
];

/// Tables and columns, each with its kind and whether it may be empty.
async fn columns(db: &Db, backend: Backend) -> BTreeSet<String> {
    let sql = match backend {
        Backend::Sqlite => {
            "SELECT m.name || '.' || p.name || ' ' || p.type || ' ' || (1 - p.\"notnull\")
            FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'"
        }
        Backend::Postgres => {
            "SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable
            FROM information_schema.columns WHERE table_schema = 'public'"
        }
    };
    let mut reader = db.reader().await.expect("a reader");
    let rows: Vec<(String,)> = on!(&mut reader, c => sqlx::query_as(sql).fetch_all(c).await).expect("are listed");
    rows.into_iter().map(|(row,)| row).collect()
}

async fn run(db: &Db, sql: &'static str) {
    let mut tx = db.begin().await.expect("begins");
    on!(&mut tx, c => sqlx::raw_sql(sql).execute(c).await.map(drop)).expect("runs");
    tx.commit().await.expect("is kept");
}

/// Takes the world's databases back to the tables of then, and migrates them; answers nothing, finds what a version that still
/// runs beside would miss.
async fn back_and_forth(world: &World, backend: Backend) {
    for ((name, then, now, back), (_, db, database)) in SERVICES.iter().zip(world.databases()) {
        let fresh = backend.fresh("then").await;
        let old = Db::connect(&fresh.url, &store::Settings::default()).await.expect("opens");
        run(&old, then).await;
        let expected = columns(&old, backend).await;
        run(db, back).await;
        assert_eq!(columns(db, backend).await, expected, "{name}: not the tables of then");
        Db::open(&database.url, now).await.expect("is migrated").close().await;
        let missing: Vec<_> = expected.difference(&columns(db, backend).await).cloned().collect();
        assert!(missing.is_empty(), "{name}: the version before, which still runs, would miss {missing:?}");
        // The empty one too.
        Db::open(&fresh.url, now).await.expect("is migrated").close().await;
        assert_eq!(columns(&old, backend).await, columns(db, backend).await, "{name}");
        old.close().await;
    }
}

/// The printed code as bytes.
async fn code(world: &World, id: &str) -> Vec<u8> {
    let token = world.system("hrss-system", "licence.read").await;
    let request = network::client().get(format!("{}/v1/licences/{id}", world.signer_url)).bearer_auth(token);
    let answer = request.header("Accept", "application/cwt").send().await.expect("answers");
    assert_eq!(answer.status(), 200);
    answer.bytes().await.expect("a code").to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_databases_of_the_commit_before_go_on() {
    Logs::capture();
    on_both(async |backend| {
        let world = World::start(backend).await;
        let citizen = Person::citizen();
        let visitor = Visitor::new();
        let issued = world.issue(types::SOCIAL_SECURITY_CARD, citizen.id_number).await;
        let id = issued["id"].as_str().expect("an id");
        world.at_signer(&visitor, &citizen, None).await;
        let scope = [("scope", "openid profile offline_access")];
        let tokens = CITIZENS.log_in(&world, &visitor, &citizen, None, &scope).await;
        let (_, old) = CITIZENS.refresh(&world, &tokens).await;
        let printed = code(&world, id).await;
        let credential = credential(&world, id).await;
        // Then, codes stood in their rows as they are.
        let mut tx = world.signer.db().begin().await.expect("begins");
        let plain = "UPDATE renditions SET body = $1 WHERE licence = $2 AND rendition = 'cwt'";
        on!(&mut tx, c => sqlx::query(plain).bind(&printed).bind(id).execute(c).await.map(drop)).expect("is set");
        tx.commit().await.expect("is kept");

        back_and_forth(&world, backend).await;

        assert_eq!(CITIZENS.userinfo(&world, old.access()).await.0, 200, "an access token goes on");
        let (status, renewed) = CITIZENS.refresh(&world, &old).await;
        assert_eq!(status, 200, "a refresh token goes on: {}", renewed.answer);
        let silent = CITIZENS.request(&world, &[("prompt", "none"), ("scope", "openid")]);
        let page = visitor.get_until(&silent, |url| CITIZENS.is_called(url)).await;
        assert!(page.parameter("code").is_some(), "a session goes on: {:?}", page.redirect());
        let mine = visitor.get(&world.signer_url).await;
        assert!(mine.body.contains(&format!("/licences/{id}")), "a holder finds his licence: {}", mine.body);
        assert_eq!(code(&world, id).await, printed);
        assert_eq!(self::credential(&world, id).await, credential);
        assert_eq!(world.verify(&credential).await.1["verdict"], "valid");

        // What was there before obeys the rules of now: its number is taken.
        let again = again(&world, &citizen).await;
        assert_eq!((again.0, &again.1["code"]), (409, &"licence.number_taken".into()), "{}", again.1);
        assert_eq!(world.event("hrss-system", id, "revocation").await.0, 200);
        world.at_signer(&Visitor::new(), &Person::neighbour(), None).await;
        world.check().await;
    })
    .await;
}

async fn credential(world: &World, id: &str) -> String {
    let token = world.system("hrss-system", "licence.read").await;
    world.get_signer(&format!("/v1/licences/{id}"), &token, "application/dc+sd-jwt").await.1
}

/// The same licence once more, by another request.
async fn again(world: &World, holder: &Person) -> (u16, serde_json::Value) {
    let (_, draft) = xinyin_tests::world::draft(types::SOCIAL_SECURITY_CARD, holder.id_number, world.now());
    let token = world.system("hrss-system", "licence.issue").await;
    let request = network::client().post(format!("{}/v1/licences", world.signer_url)).bearer_auth(token);
    xinyin_tests::world::answer(request.header("Idempotency-Key", "once-more").json(&draft)).await
}
