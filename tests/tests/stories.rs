//! The stories: each module is one.

mod browser;
mod statements;
mod store;
