//! Handlers: take, ask the flow, answer.

pub mod router;

mod api;
mod home;
mod look_up;
mod matter;
mod session;
mod today;
