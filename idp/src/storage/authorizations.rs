//! The table `authorizations` until a code is issued: a request and its interaction. What the row is from then on stands in `families`.

use serde::{Deserialize, Serialize};
use store::{StorageError, Tx, on, sqlx};
use verifier::time::Timestamp;

use crate::Idp;
use crate::error::Error;
use crate::grant::Granted;
use crate::ids::{InteractionId, MandateId, OrganisationId, PersonId, SessionId};
use crate::interaction::state::{Acting, Asker, Interaction, LIFE_SECONDS, Request};

const FIND_PENDING: &str = "SELECT id, client_id, request, login_hint, created_at, session_id, authenticated_at, acting, consented_at
    FROM authorizations
    WHERE id = $1 AND browser_digest IN ($2, $3, $4, $5) AND code_digest IS NULL AND ended_at IS NULL AND created_at > $6";
const FIND_STORED: &str =
    "SELECT id, client_id, request, login_hint, created_at, session_id, authenticated_at, acting, consented_at
    FROM authorizations
    WHERE id = $1 AND browser_digest IS NULL AND code_digest IS NULL AND ended_at IS NULL AND created_at > $2";
const INSERT: &str = "INSERT INTO authorizations
    (id, client_id, request, login_hint, browser_digest, created_at, expires_at, session_id, authenticated_at, acting, consented_at,
     code_digest, code_expires_at, granted, person_id, organisation_id, mandate_id, offline)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)";
const UPDATE: &str = "UPDATE authorizations SET request = $2, login_hint = $3, expires_at = $4, session_id = $5,
    authenticated_at = $6, acting = $7, consented_at = $8, code_digest = $9, code_expires_at = $10, granted = $11,
    person_id = $12, organisation_id = $13, mandate_id = $14, offline = $15
    WHERE id = $1 AND code_digest IS NULL AND ended_at IS NULL";
const END: &str = "UPDATE authorizations SET ended_at = $2, login_hint = NULL
    WHERE id = $1 AND code_digest IS NULL AND ended_at IS NULL";
/// How `acting` stands for nobody else.
const SELF: &str = "-";
/// How `client_id` stands for a page of ours; the path follows.
const PAGE: &str = "page:";

type PendingRow =
    (String, String, String, Option<Vec<u8>>, i64, Option<String>, Option<i64>, Option<String>, Option<i64>);

/// Reads a stored `acting`.
pub(crate) fn acting(text: &str) -> Acting {
    if text == SELF { Acting::Self_ } else { Acting::Mandate(MandateId::stored(text.to_owned())) }
}

/// A pending row, not yet joined with its client.
#[derive(Serialize, Deserialize)]
pub(crate) struct Pending(PendingRow);

/// What was decided together with a code.
pub(crate) struct Issued {
    pub(crate) code_digest: String,
    pub(crate) code_expires_at: Timestamp,
    pub(crate) granted: Granted,
    pub(crate) person: PersonId,
    pub(crate) organisation: Option<OrganisationId>,
    pub(crate) mandate: Option<MandateId>,
    pub(crate) offline: bool,
}

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
        .bind(now.plus(-LIFE_SECONDS).seconds())
        .fetch_optional(c).await)?;
    Ok(row.map(Pending))
}

/// A request that came by POST and belongs to no browser yet.
pub(crate) async fn find_stored(
    tx: &mut Tx,
    id: &InteractionId,
    now: Timestamp,
) -> Result<Option<Pending>, StorageError> {
    let row: Option<PendingRow> = on!(tx, c => sqlx::query_as(FIND_STORED)
        .bind(id.as_str())
        .bind(now.plus(-LIFE_SECONDS).seconds())
        .fetch_optional(c).await)?;
    Ok(row.map(Pending))
}

impl Pending {
    /// The row of an interaction that has just begun: nothing is chosen or done yet.
    pub(crate) fn begun(idp: &Idp, interaction: &Interaction) -> Result<Self, Error> {
        let id = interaction.id.as_str();
        let hint = interaction.login_hint.as_ref().map(|hint| idp.seal_login_hint(id, hint)).transpose()?;
        let (asker, request) = (asker_text(&interaction.asker), request_text(&interaction.request)?);
        Ok(Self((id.to_owned(), asker, request, hint, interaction.created_at.seconds(), None, None, None, None)))
    }

    /// When the request came.
    pub(crate) fn created_at(&self) -> Timestamp {
        Timestamp::from_seconds(self.0.4)
    }

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
            fresh: None,
            authenticated_at: authenticated_at.map(Timestamp::from_seconds),
            acting: acting.map(|text| self::acting(&text)),
            consented_at: consented_at.map(Timestamp::from_seconds),
            stored: true,
        }))
    }
}

fn request_text(request: &Request) -> Result<String, Error> {
    serde_json::to_string(request).map_err(|_| Error::Damaged("authorizations.request"))
}

fn asker_text(asker: &Asker) -> String {
    match asker {
        Asker::Client(client) => client.client_id.as_str().to_owned(),
        Asker::Page(path) => format!("{PAGE}{path}"),
    }
}

/// Writes an interaction down, with its code where one was issued. `false`: it is over already (another tab or a race
/// was faster); nothing was written then.
pub(crate) async fn save(
    tx: &mut Tx,
    idp: &Idp,
    interaction: &mut Interaction,
    mark: Option<&str>,
    issued: Option<&Issued>,
    now: Timestamp,
) -> Result<bool, Error> {
    let request = request_text(&interaction.request)?;
    let client_id = asker_text(&interaction.asker);
    let hint = match (&interaction.login_hint, issued) {
        (Some(hint), None) => Some(idp.seal_login_hint(interaction.id.as_str(), hint)?),
        _ => None,
    };
    let granted = issued
        .map(|issued| serde_json::to_string(&issued.granted))
        .transpose()
        .map_err(|_| Error::Damaged("authorizations.granted"))?;
    let acting = interaction.acting.as_ref().map(|acting| match acting {
        Acting::Self_ => SELF.to_owned(),
        Acting::Mandate(id) => id.as_str().to_owned(),
    });
    let expires_at = now.plus(LIFE_SECONDS).seconds();
    let session = interaction.session.as_ref().map(SessionId::as_str);
    let authenticated_at = interaction.authenticated_at.map(Timestamp::seconds);
    let consented_at = interaction.consented_at.map(Timestamp::seconds);
    let code = issued.map(|i| i.code_digest.as_str());
    let code_expires_at = issued.map(|i| i.code_expires_at.seconds());
    let person = issued.map(|i| i.person.as_str());
    let organisation = issued.and_then(|i| i.organisation.as_ref()).map(OrganisationId::as_str);
    let mandate = issued.and_then(|i| i.mandate.as_ref()).map(MandateId::as_str);
    let offline = issued.map_or(0, |i| i64::from(i.offline));
    if interaction.stored {
        let changed = on!(tx, c => sqlx::query(UPDATE)
            .bind(interaction.id.as_str())
            .bind(&request).bind(&hint).bind(expires_at)
            .bind(session).bind(authenticated_at).bind(&acting).bind(consented_at)
            .bind(code).bind(code_expires_at).bind(&granted)
            .bind(person).bind(organisation).bind(mandate).bind(offline)
            .execute(c).await.map(|d| d.rows_affected()))?;
        return Ok(changed == 1);
    }
    on!(tx, c => sqlx::query(INSERT)
        .bind(interaction.id.as_str())
        .bind(&client_id).bind(&request).bind(&hint).bind(mark)
        .bind(interaction.created_at.seconds()).bind(expires_at)
        .bind(session).bind(authenticated_at).bind(&acting).bind(consented_at)
        .bind(code).bind(code_expires_at).bind(&granted)
        .bind(person).bind(organisation).bind(mandate).bind(offline)
        .execute(c).await.map(drop))?;
    interaction.stored = true;
    Ok(true)
}

/// Ends an interaction without a code. `false` if it was over.
pub(crate) async fn end(tx: &mut Tx, id: &InteractionId, now: Timestamp) -> Result<bool, StorageError> {
    on!(tx, c => sqlx::query(END)
        .bind(id.as_str()).bind(now.seconds())
        .execute(c).await.map(|d| d.rows_affected() == 1))
}
