//! What the network sees: a file per endpoint, and the one table of routes.

pub mod browser;
pub mod problem;
pub mod router;
pub mod steps;

pub(crate) mod account;
pub(crate) mod act_for;
pub(crate) mod authorize;
pub(crate) mod consent;
pub(crate) mod discovery;
pub(crate) mod introspect;
pub(crate) mod logout;
pub(crate) mod mandates;
pub(crate) mod oauth_error;
pub(crate) mod people;
pub(crate) mod register;
pub(crate) mod revoke;
pub(crate) mod select_account;
pub(crate) mod sign_in;
pub(crate) mod step_up;
pub(crate) mod token;
pub(crate) mod userinfo;
