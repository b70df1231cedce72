//! Renewing a session of the pages: a token that was spent is a token that is kept.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;
use verifier::time::Timestamp;
use web::Problem;
use web::claims::SubType;
use web::page_session::{PageSessions, Rows, SignedIn};
use web::relying_party::LoginCookie;

use crate::common::{Standing, sources};
use crate::login::World;

const KEY: &[u8] = b"key";
const WAIT: Duration = Duration::from_secs(20);

/// One session in memory, as several processes see it. Nothing is written before the gate lets it.
#[derive(Clone)]
struct OneRow {
    row: Arc<Mutex<Option<(SignedIn, Timestamp)>>>,
    gate: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    clock: Arc<Standing>,
    /// The reading of this number finds what another process has written.
    theirs_at: Arc<AtomicUsize>,
}

impl OneRow {
    fn new(world: &World) -> Self {
        let row = Some((signed_in("first"), Timestamp::from_seconds(1_799_999_000)));
        let (gate, waiting) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        Self { row: Arc::new(Mutex::new(row)), gate, waiting, clock: world.clock.clone(), theirs_at: Arc::default() }
    }

    fn write_theirs(&self) {
        *self.row.lock().expect("lock") = Some((signed_in("theirs"), Timestamp::from_seconds(1_800_000_000)));
    }

    fn sessions(&self, world: &World) -> Arc<PageSessions<Self>> {
        let sources = sources(&self.clock);
        let logins = LoginCookie::new(&[7; 32], sources.clone());
        Arc::new(PageSessions::new(self.clone(), world.secret_party(), logins, sources, |_, _| true))
    }

    fn token(&self) -> Option<String> {
        self.row.lock().expect("lock").as_ref().and_then(|(who, _)| who.refresh_token.clone())
    }
}

impl Rows for OneRow {
    fn key_of(&self, cookie: &str) -> Vec<u8> {
        cookie.as_bytes().to_vec()
    }

    async fn begin(&self, who: &SignedIn, at: Timestamp, _incident: &str) -> Result<String, Problem> {
        *self.row.lock().expect("lock") = Some((who.clone(), at));
        Ok("key".into())
    }

    async fn find(&self, _key: &[u8]) -> Result<Option<(SignedIn, Timestamp)>, Problem> {
        if self.theirs_at.load(Ordering::SeqCst) > 0 && self.theirs_at.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.write_theirs();
        }
        Ok(self.row.lock().expect("lock").clone())
    }

    async fn renew(&self, _key: &[u8], who: &SignedIn, before: Timestamp) -> Result<bool, Problem> {
        self.waiting.add_permits(1);
        self.gate.acquire().await.expect("open").forget();
        let mut row = self.row.lock().expect("lock");
        let kept = row.as_ref().is_some_and(|(_, checked_at)| *checked_at == before);
        if kept {
            *row = Some((who.clone(), sources(&self.clock).now()));
        }
        Ok(kept)
    }

    async fn end(&self, _key: &[u8], _: &SignedIn, _: &'static str, _incident: &str) -> Result<(), Problem> {
        *self.row.lock().expect("lock") = None;
        Ok(())
    }
}

fn signed_in(refresh_token: &str) -> SignedIn {
    SignedIn {
        sub: "s-org".into(),
        sub_type: SubType::Organisation,
        acr: None,
        person: "s-person".into(),
        name: "阿依古丽·买买提".into(),
        organisation: None,
        mandate: None,
        id_token: String::new(),
        access_token: "AT".into(),
        access_until: 0,
        refresh_token: Some(refresh_token.into()),
    }
}

#[tokio::test]
async fn a_caller_who_hangs_up_loses_no_token() {
    let world = World::start().await;
    world.idp.lock().expect("lock").id_token = world.claims("");
    let row = OneRow::new(&world);
    let sessions = row.sessions(&world);
    let asking = tokio::spawn({
        let sessions = sessions.clone();
        async move { sessions.renewed(KEY, "incident", |_, _, _| false).await.is_ok() }
    });
    let at_the_row =
        tokio::time::timeout(WAIT, row.waiting.acquire()).await.expect("the token is spent").expect("open");
    asking.abort();
    assert!(asking.await.is_err(), "the caller is gone");
    assert_eq!(row.token().as_deref(), Some("first"));
    row.gate.add_permits(1);
    // the next request stands in line until the first one's work is done
    let next = sessions.renewed(KEY, "incident", |who, _, _| who.refresh_token.as_deref() == Some("second"));
    tokio::time::timeout(WAIT, next).await.expect("in time").expect("lives");
    assert_eq!(row.token().as_deref(), Some("second"));
    assert_eq!(world.idp.lock().expect("lock").asked.len(), 1, "one token is spent once");
    drop(at_the_row);
}

/// Whichever process comes second takes the word of the first, and ends nothing.
#[tokio::test]
async fn of_two_processes_that_renew_one_session_one_writes() {
    for spent_already in [false, true] {
        let world = World::start().await;
        world.idp.lock().expect("lock").id_token = world.claims("");
        let row = OneRow::new(&world);
        if spent_already {
            row.row.lock().expect("lock").as_mut().expect("a row").0.refresh_token = Some("spent".into());
            // idp answers the second one with a refusal, after the first one's renewal was kept
            row.theirs_at.store(2, Ordering::SeqCst);
        } else {
            let other = row.clone();
            tokio::spawn(async move {
                other.waiting.acquire().await.expect("open").forget();
                other.write_theirs();
                other.gate.add_permits(1);
            });
        }
        let sessions = row.sessions(&world);
        let renewed = tokio::time::timeout(WAIT, sessions.renewed(KEY, "incident", |_, _, _| false)).await;
        let who = renewed.expect("in time").expect("lives");
        assert_eq!(who.refresh_token.as_deref(), Some("theirs"), "{spent_already}");
        assert_eq!(row.token().as_deref(), Some("theirs"), "{spent_already}");
    }
}
