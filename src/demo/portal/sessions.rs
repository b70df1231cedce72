//! Sessions and logins under way, in memory, bounded: the oldest leave first.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use keys::sources::{RandomError, Sources};
use verifier::encoding::b64u;
use verifier::time::Timestamp;
use web::claims::Identity;
use web::relying_party::Login;

use super::lookup::LookedUp;
use super::trace::{Parameter, Trace};

/// Sessions and logins kept at once.
const MOST: usize = 2_000;

/// A visitor who is signed in.
#[derive(Clone)]
pub(super) struct Session {
    pub login: Login,
    pub userinfo: Identity,
    pub trace: Trace,
    /// What the second portal found.
    pub looked_up: Option<LookedUp>,
}

/// A login under way: what was asked, and when.
#[derive(Clone)]
pub(super) struct Begun {
    pub parameters: Vec<Parameter>,
    pub at: Timestamp,
}

/// All of a portal's sessions.
#[derive(Default)]
pub(super) struct Sessions {
    live: Mutex<Bounded<Session>>,
    begun: Mutex<Bounded<Begun>>,
}

struct Bounded<T> {
    values: HashMap<String, T>,
    order: VecDeque<String>,
}

impl<T> Default for Bounded<T> {
    fn default() -> Self {
        Self { values: HashMap::new(), order: VecDeque::new() }
    }
}

impl<T> Bounded<T> {
    fn insert(&mut self, key: String, value: T) {
        if self.values.insert(key.clone(), value).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > MOST {
            if let Some(oldest) = self.order.pop_front() {
                self.values.remove(&oldest);
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sessions {
    /// Remembers what a login asked.
    pub(super) fn began(&self, state: &str, parameters: Vec<Parameter>, at: Timestamp) {
        locked(&self.begun).insert(state.to_owned(), Begun { parameters, at });
    }

    /// What the login of this `state` asked; once.
    pub(super) fn take_begun(&self, state: &str) -> Option<Begun> {
        locked(&self.begun).values.remove(state)
    }

    /// Stores a session under a new random name, which is the cookie's value.
    pub(super) fn store(&self, session: Session, sources: &Sources) -> Result<String, RandomError> {
        let id = b64u::encode(sources.bytes::<24>()?);
        locked(&self.live).insert(id.clone(), session);
        Ok(id)
    }

    /// The session of a cookie's value.
    pub(super) fn find(&self, id: &str) -> Option<Session> {
        locked(&self.live).values.get(id).cloned()
    }

    /// Keeps what was looked up.
    pub(super) fn looked_up(&self, id: &str, found: LookedUp) {
        if let Some(session) = locked(&self.live).values.get_mut(id) {
            session.looked_up = Some(found);
        }
    }

    /// Ends a session.
    pub(super) fn forget(&self, id: &str) {
        locked(&self.live).values.remove(id);
    }
}
