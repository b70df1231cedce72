//! What is done, in the order in which it is done: each flow reads the clock once, asks the rules, saves and commits.

pub mod claim;
pub mod error;
pub mod event;
pub mod history;
pub mod issue;
pub mod licence;
pub mod lookup;
pub mod present;
pub mod read;
pub mod rendition;
pub mod status_list;

pub(crate) mod audited;
pub(crate) mod check;
pub(crate) mod complete;
pub(crate) mod housekeeping;
pub(crate) mod own;
pub(crate) mod positions;
pub(crate) mod record;
pub(crate) mod recorded;
pub(crate) mod seal;
pub(crate) mod sequence;
pub(crate) mod task;
pub(crate) mod transparency;
pub(crate) mod trust;
pub(crate) mod waiting;
