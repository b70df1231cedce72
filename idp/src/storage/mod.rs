//! The statements. One SQL text for both databases; columns named, lists bounded.

pub(crate) mod accounts;
pub(crate) mod attempts;
pub(crate) mod authorizations;
pub(crate) mod begun;
pub(crate) mod clients;
pub(crate) mod families;
pub(crate) mod passkeys;
pub(crate) mod people;
pub(crate) mod recognition;
pub(crate) mod refresh_tokens;
pub(crate) mod registrations;
pub(crate) mod sessions;
pub(crate) mod subjects;
pub(crate) mod tokens;

use store::Migration;

/// The tables of idp, in order. 1 to 9 are the protocol's, 10 to 19 people's.
pub const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "protocol", sql: include_str!("../../migrations/0001_protocol.sql") },
    Migration { version: 2, name: "audit", sql: store::audit::MIGRATION_SQL },
    Migration { version: 10, name: "people", sql: include_str!("../../migrations/0010_people.sql") },
    Migration { version: 11, name: "sign-in", sql: include_str!("../../migrations/0011_sign_in.sql") },
    Migration { version: 12, name: "devices", sql: include_str!("../../migrations/0012_devices.sql") },
];

/// The statements of people's tables, with their names: for the test that prepares each on both databases.
pub fn people_statements() -> Vec<(&'static str, &'static str)> {
    let mut all = Vec::new();
    all.extend(accounts::STATEMENTS);
    all.extend(attempts::STATEMENTS);
    all.extend(recognition::STATEMENTS);
    all.extend(passkeys::STATEMENTS);
    all.extend(registrations::STATEMENTS);
    all.extend(crate::mandate::storage::STATEMENTS);
    all
}
