//! Failed authentications of clients: how many are looked at, and how many stand in the audit record.
//!
//! Counted in this process's memory, so that a client that proves itself costs no statement. A secret has at least 32 characters
//! and is not found by trying, whatever the number of processes; the count keeps a guesser slow and the record short. It belongs to
//! client *and* network: a stranger elsewhere keeps nobody out. What carries its own proof (an assertion) is never made to wait.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use verifier::time::Timestamp;

use crate::account::attempts::{self, MEMORY_SECONDS, WAITS, Wait};

/// How many failures of one client from one network pass without a wait.
const ALLOWED: usize = 10;
/// The most pairs of client and network that are remembered.
const MOST_PAIRS: usize = 10_000;
/// The most audit rows of failures in one period, from all networks together.
const MOST_ROWS: u32 = 200;
/// That period, in seconds.
const PERIOD_SECONDS: i64 = 600;

/// What somebody brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Brought {
    /// A secret, which could be a guess.
    Secret,
    /// An assertion, or nothing.
    Other,
}

/// Who failed, from where.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pair {
    /// The client; empty for all that are not registered.
    client: String,
    network: String,
    brought: Brought,
}

impl Pair {
    pub(crate) fn new(client: &str, source: Option<IpAddr>, brought: Brought) -> Self {
        Self { client: client.to_owned(), network: attempts::network(source), brought }
    }
}

#[derive(Clone, Copy, Default)]
struct Count {
    failures: usize,
    blocked_until: i64,
    ends_at: i64,
}

#[derive(Default)]
struct Kept {
    pairs: HashMap<Pair, Count>,
    period_ends: i64,
    rows: u32,
    unrecorded: u64,
}

/// The counts of this process.
#[derive(Default)]
pub(crate) struct Failures {
    kept: Mutex<Kept>,
    /// How many pairs there are: while there is none, nobody waits for the lock.
    pairs: AtomicUsize,
}

impl Failures {
    /// How long a pair has to wait; only who brings a secret ever has.
    pub(crate) fn wait(&self, pair: &Pair, now: Timestamp) -> Option<Wait> {
        if self.pairs.load(Ordering::Acquire) == 0 || pair.brought != Brought::Secret {
            return None;
        }
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let until = kept.pairs.get(pair)?.blocked_until;
        (until > now.seconds()).then(|| Wait::until(Timestamp::from_seconds(until), now))
    }

    /// Counts a failure; whether it is to stand in the audit record by itself. The others come in a sum.
    pub(crate) fn count(&self, pair: &Pair, now: Timestamp) -> bool {
        let now_s = now.seconds();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.pairs.len() >= MOST_PAIRS && !kept.pairs.contains_key(pair) {
            kept.pairs.retain(|_, count| count.ends_at > now_s);
            if kept.pairs.len() >= MOST_PAIRS
                && let Some(any) = kept.pairs.keys().next().cloned()
            {
                kept.pairs.remove(&any);
            }
        }
        let count = kept.pairs.entry(pair.clone()).or_default();
        if count.ends_at <= now_s {
            *count = Count::default();
        }
        let waits = count.blocked_until > now_s;
        if !waits {
            count.failures += 1;
            if let Some(beyond) = count.failures.checked_sub(ALLOWED) {
                count.blocked_until = now.plus(WAITS[beyond.min(WAITS.len() - 1)]).seconds();
            }
        }
        count.ends_at = now.plus(MEMORY_SECONDS).seconds();
        self.pairs.store(kept.pairs.len(), Ordering::Release);
        if kept.period_ends <= now_s {
            kept.period_ends = now.plus(PERIOD_SECONDS).seconds();
            kept.rows = 0;
        }
        let recorded = !waits && kept.rows < MOST_ROWS;
        if recorded {
            kept.rows += 1;
        } else {
            kept.unrecorded += 1;
        }
        recorded
    }

    /// Notes a request that was not looked at.
    pub(crate) fn passed_over(&self) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).unrecorded += 1;
    }

    /// How many failures stand in no row since this was last asked.
    pub(crate) fn take_unrecorded(&self) -> u64 {
        std::mem::take(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner).unrecorded)
    }

    /// Gives back what could not be written down.
    pub(crate) fn put_back(&self, count: u64) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.unrecorded = kept.unrecorded.saturating_add(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(client: &str, n: u32, brought: Brought) -> Pair {
        Pair::new(client, Some(IpAddr::from(n.to_be_bytes())), brought)
    }

    #[test]
    fn a_guesser_waits_and_nobody_else_does() {
        let failures = Failures::default();
        let at = Timestamp::from_seconds;
        let guesser = pair("a", 1, Brought::Secret);
        for n in 0..10 {
            assert_eq!(failures.wait(&guesser, at(n)), None, "{n}");
            assert!(failures.count(&guesser, at(n)));
        }
        assert_eq!(failures.wait(&guesser, at(9)), Some(Wait { seconds: 30 }));
        for other in [pair("a", 2, Brought::Secret), pair("b", 1, Brought::Secret), pair("a", 1, Brought::Other)] {
            assert_eq!(failures.wait(&other, at(9)), None);
        }
        assert_eq!(failures.wait(&guesser, at(39)), None);
        failures.count(&guesser, at(39));
        assert_eq!(failures.wait(&guesser, at(39)), Some(Wait { seconds: 60 }), "one step longer");
        assert_eq!(failures.take_unrecorded(), 0);
    }

    #[test]
    fn memory_and_record_are_bounded() {
        let failures = Failures::default();
        let now = Timestamp::from_seconds(1_000);
        let rows = (0..50_000).filter(|n| failures.count(&pair("", *n, Brought::Secret), now)).count();
        assert_eq!(rows, 200);
        assert_eq!(failures.kept.lock().expect("no panic").pairs.len(), MOST_PAIRS);
        assert_eq!((failures.take_unrecorded(), failures.take_unrecorded()), (49_800, 0));
        failures.put_back(49_800);
        assert_eq!(failures.take_unrecorded(), 49_800);
        let own = pair("a", 1, Brought::Other);
        let later = Timestamp::from_seconds(2_000);
        let rows = (0..1_000).filter(|_| failures.count(&own, later)).count();
        assert_eq!(rows, 10, "and of one pair, the first ten");
    }
}
