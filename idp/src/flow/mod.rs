//! Flows: each tells one story; it is given the time, asks the rules, saves. The caller commits.

pub(crate) mod account;
pub(crate) mod authorize;
pub(crate) mod client;
pub(crate) mod exchange;
pub(crate) mod issue;
pub(crate) mod register;
pub(crate) mod request;
pub(crate) mod sign_in;
pub(crate) mod step_up;
pub(crate) mod tell;
pub(crate) mod token;
