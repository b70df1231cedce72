//! What the stories stand on: real databases, a real browser, foreign judges, a standing clock.
//!
//! A story is one file in `tests/`. It runs over real HTTP on the real routers, on SQLite and on a real PostgreSQL.
//! A helper here panics where a story should fail, and names what to install where a tool is missing.
#![allow(clippy::missing_panics_doc, reason = "a panic is how a story fails")]

pub mod axe;
pub mod backend;
pub mod folder;
pub mod foreign;
pub mod hostile;
pub mod idp;
pub mod issuer;
pub mod journey;
pub mod leaks;
pub mod logs;
pub mod looks;
pub mod network;
pub mod numbers;
pub mod postgres;
pub mod process;
pub mod signer;
pub mod sources;
pub mod tools;
pub mod visitor;
pub mod webdriver;
pub mod world;
pub mod zbar;

pub use backend::{Backend, Database};
pub use logs::Logs;
pub use looks::Looks;
pub use sources::{Seeded, StandingClock, standing};
pub use visitor::Visitor;
pub use webdriver::Browser;
pub use world::World;
