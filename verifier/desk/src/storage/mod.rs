//! The desk's own tables: clerks' sessions, and which reports a clerk has had.

pub(crate) mod reports;
pub(crate) mod sessions;

use store::{Migration, Sweep};

/// The tables, step by step.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "sessions, reports", sql: include_str!("../../migrations/0001.sql") },
    Migration { version: 2, name: "audit record", sql: store::audit::MIGRATION_SQL },
];

/// What leaves by itself: ended sessions, and reports' lines after 400 days (the audit record stays).
pub(crate) const SWEEPS: &[Sweep] = &[
    Sweep {
        name: "sessions",
        sql: "DELETE FROM sessions WHERE id_digest IN (SELECT id_digest FROM sessions WHERE expires_at <= $1 LIMIT $2)",
    },
    Sweep {
        name: "reports",
        sql: "DELETE FROM reports WHERE id IN (SELECT id FROM reports WHERE at <= $1 - 34560000 LIMIT $2)",
    },
];
