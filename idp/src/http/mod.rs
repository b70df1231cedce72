//! What the network sees: a file per endpoint, and the one table of routes.

pub mod browser;
