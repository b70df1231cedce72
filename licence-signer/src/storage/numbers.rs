//! Which licence has a number: of a department's type one that is in force, or will be again.

use store::{StorageError, Tx, on};
use verifier::time::Timestamp;

use super::digests::{Digests, with_digests};

/// Takes a number that nobody has, or whose licence has ended or expired. The condition on the row that is there already is
/// put so that a licence which this statement cannot see yet (recorded by one that was faster) counts as standing.
const TAKE: &str = "INSERT INTO licence_numbers (department, digest, licence)
    SELECT $1, $2, $3 WHERE NOT EXISTS (SELECT 1 FROM licence_numbers AS n JOIN licences AS l ON l.id = n.licence
        WHERE n.department = $1 AND n.digest IN ($5, $6, $7, $8, $9, $10, $11, $12)
        AND l.state IN ('in_force', 'suspended') AND (l.valid_end IS NULL OR l.valid_end > $4))
    ON CONFLICT (department, digest) DO UPDATE SET licence = excluded.licence
        WHERE EXISTS (SELECT 1 FROM licences AS l WHERE l.id = licence_numbers.licence
        AND (l.state NOT IN ('in_force', 'suspended') OR l.valid_end <= $4))";

/// Takes a number for a licence. Of two that race exactly one gets `true`.
pub(crate) async fn take(
    tx: &mut Tx,
    department: &str,
    number: &Digests,
    licence: &str,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let rows = on!(tx, c => with_digests!(sqlx::query(TAKE).bind(department).bind(number.current()).bind(licence)
        .bind(now.seconds()), number).execute(c).await.map(|done| done.rows_affected()))?;
    Ok(rows == 1)
}
