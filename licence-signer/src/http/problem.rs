//! Refusals of flows as status and body.

use http::StatusCode;
use serde_json::json;
use web::Problem;

use crate::flow::error::FlowError;
use crate::life_cycle::EventRefused;

impl From<FlowError> for Problem {
    fn from(error: FlowError) -> Self {
        let code = error.code();
        match &error {
            FlowError::Rejected(rejection) => {
                let faults: Vec<_> = rejection.0.iter().map(|f| json!({"member": f.member, "code": f.code})).collect();
                let first = rejection.0.first().map(|fault| fault.member.clone()).unwrap_or_default();
                Self::unprocessable(code).member(first).extension("faults", faults)
            }
            FlowError::TypeUnknown => Self::unprocessable(code).member("type"),
            FlowError::Member(name) => Self::unprocessable("input.invalid_member").member(*name),
            FlowError::Event(EventRefused::State { state, event }) => {
                Self::conflict(code).with("state", state.as_str()).with("event", event.as_str())
            }
            FlowError::Event(_) => Self::unprocessable(code).member("effective_at"),
            FlowError::NumberTaken => Self::conflict(code).member("number"),
            FlowError::IdempotencyReused => Self::unprocessable(code),
            FlowError::NotGranted(what) => Self::forbidden(code).with("right", what.clone()),
            FlowError::DepartmentMayNotIssue
            | FlowError::Matter
            | FlowError::MatterMayNotRead
            | FlowError::SubjectUnknown
            | FlowError::PresentationForAnother => Self::forbidden(code),
            FlowError::LicenceUnknown | FlowError::PresentationUnknown => Self::not_found(code),
            FlowError::RenditionAbsent(name) => Self::not_found(code).member(name.clone()),
            FlowError::PresentationExpired => Self::new(StatusCode::GONE, code),
            FlowError::PresentationUsed | FlowError::NotInForce => Self::conflict(code),
            FlowError::NotReleased | FlowError::AwaitingHolder => Self::conflict(code).retry_after(2),
            FlowError::TooManyTries(seconds) => Self::too_many(*seconds),
            FlowError::Storage(error) if error.is_transient() => Self::unavailable(2).cause(error),
            _ => Self::internal(&error),
        }
    }
}
