//! The table `authorizations`: a request, its interaction, its code, the family of its tokens.

use serde::{Deserialize, Serialize};
use store::{StorageError, Tx, on, sqlx};
use verifier::time::Timestamp;

use crate::Idp;
use crate::error::Error;
use crate::grant::Granted;
use crate::ids::{ClientId, InteractionId, MandateId, OrganisationId, PersonId, SessionId};
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
// A family `a` may act as long as it was not revoked, the person's account is active, the session lives (unless access
// offline was granted), and so does the mandate. That stands in every statement that lets it act, here and in `tokens`, so
// that nothing written after a revocation counts.
const TAKE: &str = "UPDATE authorizations AS a SET taken_at = $3
    WHERE a.code_digest = $1 AND a.client_id = $2 AND a.taken_at IS NULL AND a.code_expires_at > $3
        AND a.revoked_at IS NULL
        AND EXISTS (SELECT 1 FROM persons lp WHERE lp.id = a.person_id AND lp.state = 'active')
        AND (a.offline = 1 OR EXISTS (SELECT 1 FROM sessions ls
            WHERE ls.id = a.session_id AND ls.ended_at IS NULL AND ls.expires_at > $3))
        AND (a.mandate_id IS NULL OR EXISTS (SELECT 1 FROM mandates lm
            JOIN organisations lo ON lo.id = lm.organisation_id AND lo.state = 'registered'
            WHERE lm.id = a.mandate_id AND lm.ended_at IS NULL AND lm.starts_at <= $3
                AND (lm.until IS NULL OR lm.until > $3)))
    RETURNING id, request, granted, person_id, organisation_id";
const FIND_CODE: &str = "SELECT id, taken_at FROM authorizations WHERE code_digest = $1 AND client_id = $2";
const FIND_FAMILY: &str = "SELECT a.id, a.request, a.granted, a.person_id, a.organisation_id FROM authorizations a
    WHERE a.id = $1
        AND a.revoked_at IS NULL
        AND EXISTS (SELECT 1 FROM persons lp WHERE lp.id = a.person_id AND lp.state = 'active')
        AND (a.offline = 1 OR EXISTS (SELECT 1 FROM sessions ls
            WHERE ls.id = a.session_id AND ls.ended_at IS NULL AND ls.expires_at > $2))
        AND (a.mandate_id IS NULL OR EXISTS (SELECT 1 FROM mandates lm
            JOIN organisations lo ON lo.id = lm.organisation_id AND lo.state = 'registered'
            WHERE lm.id = a.mandate_id AND lm.ended_at IS NULL AND lm.starts_at <= $2
                AND (lm.until IS NULL OR lm.until > $2)))";
const REVOKE: &str = "UPDATE authorizations SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
const REVOKE_OF_CLIENT: &str = "UPDATE authorizations SET revoked_at = $3, ended_at = coalesce(ended_at, $3)
    WHERE person_id = $1 AND client_id = $2 AND revoked_at IS NULL";
const REVOKE_OF_ENDED_CLIENT: &str =
    "UPDATE authorizations SET revoked_at = $2, ended_at = coalesce(ended_at, $2), login_hint = NULL
    WHERE client_id = $1 AND revoked_at IS NULL";
const REVOKE_OF_PERSON: &str = "UPDATE authorizations SET revoked_at = $2, ended_at = coalesce(ended_at, $2)
    WHERE person_id = $1 AND revoked_at IS NULL";

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

/// A family of tokens that may act.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) id: String,
    pub(crate) request: Request,
    pub(crate) granted: Granted,
    pub(crate) person: PersonId,
    pub(crate) organisation: Option<OrganisationId>,
}

/// What became of a code.
pub(crate) enum Taken {
    /// It was good, and is taken now.
    Family(Box<Family>),
    /// It was taken before: its family has been revoked by this.
    Replayed(String),
    /// There is none for this client, or it has expired, or what it stands for has ended.
    Unknown,
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

type FamilyRow = (String, String, Option<String>, Option<String>, Option<String>);

pub(crate) fn family(row: FamilyRow) -> Result<Family, StorageError> {
    let (id, request, granted, person, organisation) = row;
    let damaged = StorageError::Damaged("authorizations");
    let (Some(granted), Some(person)) = (granted, person) else { return Err(damaged) };
    Ok(Family {
        id,
        request: serde_json::from_str(&request).map_err(|_| StorageError::Damaged("authorizations.request"))?,
        granted: serde_json::from_str(&granted).map_err(|_| StorageError::Damaged("authorizations.granted"))?,
        person: PersonId::stored(person),
        organisation: organisation.map(OrganisationId::stored),
    })
}

/// Takes a code out of use. Of two callers that race, in one process or in two, exactly one gets the family (RFC 6749
/// §4.1.2). A code of another client is `Unknown` and stays untouched. Whoever asks commits a `Replayed` too: its family
/// of tokens is revoked by it.
pub(crate) async fn take(
    tx: &mut Tx,
    code_digest: &str,
    client: &ClientId,
    now: Timestamp,
) -> Result<Taken, StorageError> {
    let row: Option<FamilyRow> = on!(tx, c => sqlx::query_as(TAKE)
        .bind(code_digest).bind(client.as_str()).bind(now.seconds())
        .fetch_optional(c).await)?;
    if let Some(row) = row {
        return Ok(Taken::Family(Box::new(family(row)?)));
    }
    let found: Option<(String, Option<i64>)> = on!(tx, c => sqlx::query_as(FIND_CODE)
        .bind(code_digest).bind(client.as_str())
        .fetch_optional(c).await)?;
    match found {
        Some((id, Some(_))) => {
            revoke(tx, &id, now).await?;
            Ok(Taken::Replayed(id))
        }
        _ => Ok(Taken::Unknown),
    }
}

/// A family that may act.
pub(crate) async fn find_family(tx: &mut Tx, id: &str, now: Timestamp) -> Result<Option<Family>, StorageError> {
    let row: Option<FamilyRow> =
        on!(tx, c => sqlx::query_as(FIND_FAMILY).bind(id).bind(now.seconds()).fetch_optional(c).await)?;
    row.map(family).transpose()
}

/// Revokes a family; whether it was not yet.
pub(crate) async fn revoke(tx: &mut Tx, id: &str, now: Timestamp) -> Result<bool, StorageError> {
    on!(tx, c => sqlx::query(REVOKE).bind(id).bind(now.seconds()).execute(c).await.map(|d| d.rows_affected() == 1))
}

/// Revokes whatever a client holds for a person.
pub(crate) async fn revoke_of_client(
    tx: &mut Tx,
    person: &PersonId,
    client: &ClientId,
    now: Timestamp,
) -> Result<u64, StorageError> {
    on!(tx, c => sqlx::query(REVOKE_OF_CLIENT)
        .bind(person.as_str()).bind(client.as_str()).bind(now.seconds())
        .execute(c).await.map(|d| d.rows_affected()))
}

/// Revokes whatever a client holds for anyone, and ends the sign-ins for it that are under way.
pub(crate) async fn revoke_of_ended_client(tx: &mut Tx, client: &str, now: Timestamp) -> Result<u64, StorageError> {
    on!(tx, c => sqlx::query(REVOKE_OF_ENDED_CLIENT)
        .bind(client).bind(now.seconds())
        .execute(c).await.map(|d| d.rows_affected()))
}

/// Revokes whatever anyone holds for a person, offline access too (a new password, a locked account).
pub(crate) async fn revoke_of_person(tx: &mut Tx, person: &PersonId, now: Timestamp) -> Result<u64, StorageError> {
    on!(tx, c => sqlx::query(REVOKE_OF_PERSON)
        .bind(person.as_str()).bind(now.seconds())
        .execute(c).await.map(|d| d.rows_affected()))
}
