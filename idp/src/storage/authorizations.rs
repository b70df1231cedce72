//! The table `authorizations`: a request, its interaction, its code, the family of its tokens.

use store::{StorageError, Tx, on, sqlx};
use verifier::time::Timestamp;

use crate::Idp;
use crate::error::Error;
use crate::ids::{InteractionId, MandateId, SessionId};
use crate::interaction::{Acting, Asker, Interaction, Request};

const FIND_PENDING: &str = "SELECT id, client_id, request, login_hint, created_at, session_id, authenticated_at, acting, consented_at
    FROM authorizations
    WHERE id = $1 AND browser_digest IN ($2, $3, $4, $5) AND code_digest IS NULL AND ended_at IS NULL AND created_at > $6";

/// How `acting` stands for nobody else.
const SELF: &str = "-";
/// How `client_id` stands for a page of ours; the path follows.
const PAGE: &str = "page:";

type PendingRow =
    (String, String, String, Option<Vec<u8>>, i64, Option<String>, Option<i64>, Option<String>, Option<i64>);

/// A pending row, not yet joined with its client.
pub(crate) struct Pending(PendingRow);

pub(crate) async fn find_pending(
    tx: &mut Tx,
    id: &InteractionId,
    marks: &[String],
    now: Timestamp,
) -> Result<Option<Pending>, StorageError> {
    let at = |n: usize| marks.get(n).map_or("", String::as_str);
    let row: Option<PendingRow> = on!(tx, c => sqlx::query_as(FIND_PENDING)
        .bind(id.as_str())
        .bind(at(0)).bind(at(1)).bind(at(2)).bind(at(3))
        .bind(now.plus(-crate::interaction::LIFE_SECONDS).seconds())
        .fetch_optional(c).await)?;
    Ok(row.map(Pending))
}

impl Pending {
    /// The interaction; `None` if its client has gone.
    pub(crate) async fn interaction(self, idp: &Idp, tx: &mut Tx) -> Result<Option<Interaction>, Error> {
        let (id, client_id, request, hint, created_at, session, authenticated_at, acting, consented_at) = self.0;
        let request: Request = serde_json::from_str(&request).map_err(|_| Error::Damaged("authorizations.request"))?;
        let asker = if let Some(path) = client_id.strip_prefix(PAGE) {
            Asker::Page(path.to_owned())
        } else {
            match idp.client(tx, &client_id).await? {
                Some(client) => Asker::Client(client),
                None => return Ok(None),
            }
        };
        let login_hint = hint.map(|sealed| idp.open_login_hint(&id, &sealed)).transpose()?;
        Ok(Some(Interaction {
            id: InteractionId::stored(id),
            asker,
            request,
            login_hint,
            created_at: Timestamp::from_seconds(created_at),
            session: session.map(SessionId::stored),
            authenticated_at: authenticated_at.map(Timestamp::from_seconds),
            acting: acting.map(|a| if a == SELF { Acting::Self_ } else { Acting::Mandate(MandateId::stored(a)) }),
            consented_at: consented_at.map(Timestamp::from_seconds),
            stored: true,
        }))
    }
}
