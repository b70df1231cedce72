//! The desk's own tables: what clerks work on, and which reports a clerk has had.

pub(crate) mod cases;
pub(crate) mod reports;

use store::{Migration, Sweep};

/// The tables, step by step.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "sessions, reports", sql: include_str!("../../migrations/0001.sql") },
    Migration { version: 2, name: "audit record", sql: store::audit::MIGRATION_SQL },
    Migration { version: 3, name: "sessions of the pages", sql: store::page_sessions::MIGRATION_SQL },
    Migration { version: 4, name: "cases", sql: include_str!("../../migrations/0004.sql") },
];

/// What leaves by itself: ended sessions, and reports' lines after 400 days (the audit record stays).
/// `sessions` is the table of before version 3; what is left in it ends by itself.
pub(crate) const SWEEPS: &[Sweep] = &[
    store::page_sessions::SWEEP,
    Sweep {
        name: "cases",
        sql: "DELETE FROM cases WHERE id_digest IN (SELECT id_digest FROM cases WHERE expires_at <= $1 LIMIT $2)",
    },
    Sweep {
        name: "sessions",
        sql: "DELETE FROM sessions WHERE id_digest IN (SELECT id_digest FROM sessions WHERE expires_at <= $1 LIMIT $2)",
    },
    Sweep {
        name: "reports",
        sql: "DELETE FROM reports WHERE id IN (SELECT id FROM reports WHERE at <= $1 - 34560000 LIMIT $2)",
    },
];
