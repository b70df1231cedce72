//! The life of a licence after it was issued: which event may follow which state, and when it takes effect.

use serde::{Deserialize, Serialize};
use verifier::time::Timestamp;

/// The legal state as stored. Whether a day has come or passed is judged from the dates beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing stands against it.
    InForce,
    /// 暂扣.
    Suspended,
    /// 撤销.
    Annulled,
    /// 撤回.
    Recalled,
    /// 吊销.
    Revoked,
    /// 注销.
    Cancelled,
}

impl State {
    /// The word in tables and bodies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InForce => "in_force",
            Self::Suspended => "suspended",
            Self::Annulled => "annulled",
            Self::Recalled => "recalled",
            Self::Revoked => "revoked",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state behind a stored word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::InForce, Self::Suspended, Self::Annulled, Self::Recalled, Self::Revoked, Self::Cancelled]
            .into_iter()
            .find(|state| state.as_str() == word)
    }

    /// What the status list says: 0 valid, 1 invalid, 2 suspended (formats §4).
    pub const fn status_value(self) -> u8 {
        match self {
            Self::InForce => 0,
            Self::Suspended => 2,
            Self::Annulled | Self::Recalled | Self::Revoked | Self::Cancelled => 1,
        }
    }

    /// Whether it has ended for good.
    pub const fn has_ended(self) -> bool {
        self.status_value() == 1
    }
}

/// A state event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// 暂扣: taken away for a time.
    Suspension,
    /// Given back.
    Resumption,
    /// 撤销: the grant was unlawful; may reach back.
    Annulment,
    /// 撤回: a lawful grant withdrawn in the public interest.
    Recall,
    /// 吊销: a penalty.
    Revocation,
    /// 注销: the closing entry.
    Cancellation,
}

/// An event that may not happen now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventRefused {
    /// The state does not allow it.
    #[error("a licence that is {} allows no {}", .state.as_str(), .event.as_str())]
    State {
        /// The state in which the licence is.
        state: State,
        /// What was asked.
        event: Event,
    },
    /// It would take effect in the future.
    #[error("effective_at lies in the future")]
    Future,
    /// It may not reach back.
    #[error("only an annulment or a cancellation may be back-dated")]
    BackDated,
}

/// How far back an event that may not be back-dated can reach: the decision of the same day.
const SAME_DAY_SECONDS: i64 = 24 * 3600;

impl Event {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Suspension, Self::Resumption, Self::Annulment, Self::Recall, Self::Revocation, Self::Cancellation];

    /// The word in paths, tables and the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Suspension => "suspension",
            Self::Resumption => "resumption",
            Self::Annulment => "annulment",
            Self::Recall => "recall",
            Self::Revocation => "revocation",
            Self::Cancellation => "cancellation",
        }
    }

    /// The event behind a word of a path.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == word)
    }

    /// The state that follows `state`. A closing entry (注销) may follow any other end, once.
    ///
    /// # Errors
    ///
    /// `State` where the event is not legal.
    pub const fn after(self, state: State) -> Result<State, EventRefused> {
        match (self, state) {
            (Self::Suspension, State::InForce) => Ok(State::Suspended),
            (Self::Resumption, State::Suspended) => Ok(State::InForce),
            (Self::Annulment, State::InForce | State::Suspended) => Ok(State::Annulled),
            (Self::Recall, State::InForce | State::Suspended) => Ok(State::Recalled),
            (Self::Revocation, State::InForce | State::Suspended) => Ok(State::Revoked),
            (
                Self::Cancellation,
                State::InForce | State::Suspended | State::Annulled | State::Recalled | State::Revoked,
            ) => Ok(State::Cancelled),
            _ => Err(EventRefused::State { state, event: self }),
        }
    }

    /// When it takes effect: `asked`, else `now`.
    ///
    /// # Errors
    ///
    /// `Future` and `BackDated` as their words say.
    pub fn effective(self, asked: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, EventRefused> {
        let effective = asked.unwrap_or(now);
        if effective > now {
            return Err(EventRefused::Future);
        }
        let reaches_back = now.since(effective) > SAME_DAY_SECONDS;
        if reaches_back && !matches!(self, Self::Annulment | Self::Cancellation) {
            return Err(EventRefused::BackDated);
        }
        Ok(effective)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_follows_the_states_that_the_law_allows() {
        use Event::{Annulment, Cancellation, Recall, Resumption, Revocation, Suspension};
        use State::{Annulled, Cancelled, InForce, Recalled, Revoked, Suspended};
        for (state, legal) in [
            (InForce, vec![Suspension, Annulment, Recall, Revocation, Cancellation]),
            (Suspended, vec![Resumption, Annulment, Recall, Revocation, Cancellation]),
            (Annulled, vec![Cancellation]),
            (Recalled, vec![Cancellation]),
            (Revoked, vec![Cancellation]),
            (Cancelled, vec![]),
        ] {
            for event in Event::ALL {
                assert_eq!(event.after(state).is_ok(), legal.contains(&event), "{event:?} after {state:?}");
            }
        }
    }

    #[test]
    fn only_annulment_and_cancellation_reach_back() {
        let now = Timestamp::from_seconds(1_800_000_000);
        for (event, back, fits) in [
            (Event::Revocation, 0, true),
            (Event::Revocation, 3_600, true),
            (Event::Revocation, 86_401, false),
            (Event::Annulment, 400_000_000, true),
            (Event::Cancellation, 86_401, true),
            (Event::Annulment, -1, false),
        ] {
            assert_eq!(event.effective(Some(now.plus(-back)), now).is_ok(), fits, "{event:?} {back}");
        }
        assert_eq!(Event::Suspension.effective(None, now), Ok(now));
    }
}
