//! The tables of the service. One file per rule folder; every statement stands here and nowhere else.

pub(crate) mod catalogue;
pub(crate) mod digests;
pub(crate) mod idempotency;
pub(crate) mod licences;
pub(crate) mod log;
pub(crate) mod looks;
pub(crate) mod numbers;
pub(crate) mod presentations;
pub(crate) mod status;
pub(crate) mod subjects;
pub(crate) mod tries;
pub(crate) mod trust;

use store::Migration;

/// The steps of this service's database, oldest first.
pub const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "audit record and leases", sql: store::audit::MIGRATION_SQL },
    Migration { version: 2, name: "licences, status, log", sql: include_str!("../../migrations/2-licences.sql") },
    Migration { version: 3, name: "sessions of the pages", sql: store::page_sessions::MIGRATION_SQL },
    Migration {
        version: 4,
        name: "numbers taken, digests of subjects",
        sql: include_str!("../../migrations/4-numbers.sql"),
    },
    Migration { version: 5, name: "tries of digits", sql: include_str!("../../migrations/5-tries.sql") },
];
