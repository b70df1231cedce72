//! The registers that a real installation reaches by contract, simulated: natural persons, legal persons, and an
//! operator of phones with an inbox in which its messages are read.
//!
//! Kept in memory and bounded; nothing is sent anywhere. `docs/reference/registers.md` is the contract.

mod api;
mod inbox;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::{get, post};
use keys::sources::Sources;
use verifier::algorithm::PublicKey;
use verifier::time::Timestamp;

use super::world;

/// Messages kept; the oldest leaves first.
const KEPT: usize = 200;

/// The simulators.
#[derive(Clone)]
pub(crate) struct Simulators {
    inner: Arc<Inner>,
}

struct Inner {
    /// The base URL, which callers name as `aud`.
    url: String,
    /// Keys of those who may ask: `client_id` and public key.
    callers: Vec<(String, PublicKey)>,
    sources: Sources,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    messages: VecDeque<Message>,
    fault: Option<Fault>,
    seen: VecDeque<String>,
}

/// One message of the operator.
#[derive(Clone)]
struct Message {
    at: Timestamp,
    name: &'static str,
    phone: String,
    text: String,
}

/// What goes wrong next, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// The next message is not answered for ten seconds.
    Timeout,
    /// The next comparison says "somebody else".
    OtherOwner,
}

impl Simulators {
    /// Simulators at `url` for `callers`.
    pub(crate) fn new(url: String, callers: Vec<(String, PublicKey)>, sources: Sources) -> Self {
        Self { inner: Arc::new(Inner { url, callers, sources, state: Mutex::default() }) }
    }

    /// Their routes.
    pub(crate) fn router(&self) -> Router {
        let routes = Router::new()
            .route("/", get(inbox::page).post(inbox::fault))
            .route("/start", get(crate::demo::home::page))
            .route("/v1/persons/match", post(api::match_person))
            .route("/v1/organisations/read", post(api::read_organisation))
            .route("/v1/messages", post(api::message_by_number))
            .route("/v1/messages/direct", post(api::message_direct))
            .with_state(self.clone());
        web::shell::shell(routes, &inbox::site(self), web::shell::ShellSettings::default())
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn take_fault(&self, fault: Fault) -> bool {
        let mut state = self.state();
        let due = state.fault == Some(fault);
        if due {
            state.fault = None;
        }
        due
    }

    fn deliver(&self, name: &'static str, phone: &str, text: &str) {
        let message = Message { at: self.inner.sources.now(), name, phone: phone.to_owned(), text: text.to_owned() };
        let mut state = self.state();
        state.messages.push_front(message);
        state.messages.truncate(KEPT);
    }
}
