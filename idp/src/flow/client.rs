//! A client proves who it is, and asks for a token.

use std::sync::Arc;

use store::{Tx, audit};
use verifier::time::Timestamp;
use web::Asker;

use crate::Idp;
use crate::client::Client;
use crate::client::authentication::{Credential, Once, Refusal};
use crate::client::failures::{Brought, Pair};
use crate::error::Error;
use crate::oauth::error::OAuthError;
use crate::oauth::parameters::Parameters;
use crate::storage::tokens;

/// What a failed authentication is called in the audit record.
const ACTION: &str = "client.authenticate";

/// A client that has proved itself.
pub(crate) struct Authenticated {
    pub(crate) client: Arc<Client>,
}

/// A token request of a client that has proved itself.
pub(crate) struct Request<'a> {
    pub(crate) idp: &'a Idp,
    pub(crate) authenticated: &'a Authenticated,
    pub(crate) parameters: &'a Parameters,
    pub(crate) incident: &'a str,
    pub(crate) now: Timestamp,
}

impl Request<'_> {
    /// The transaction.
    pub(crate) async fn begin(&self) -> Result<Tx, OAuthError> {
        Ok(self.idp.db().begin().await?)
    }

    /// One audit row of this request.
    pub(crate) async fn audit(
        &self,
        tx: &mut Tx,
        actor: &str,
        action: &str,
        result: &str,
        department: Option<&str>,
    ) -> Result<(), OAuthError> {
        let mut row = audit::Row::new(actor, action, result, self.now)
            .object(format!("client:{}", self.authenticated.client.client_id))
            .incident(self.incident);
        if let Some(department) = department {
            row = row.department(department);
        }
        Ok(audit::append(tx, &row).await?)
    }

    /// The one `resource`; more than one would give a token with more than one audience.
    pub(crate) fn resource(&self) -> Result<Option<&str>, OAuthError> {
        match self.parameters.all("resource")?.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(one)),
            _ => Err(OAuthError::new("invalid_target", "one resource at a time")),
        }
    }

    /// `scope`, split.
    pub(crate) fn scope(&self) -> Result<Option<Vec<String>>, OAuthError> {
        let scope = self.parameters.one("scope")?;
        Ok(scope.map(|scope| scope.split(' ').filter(|s| !s.is_empty()).map(str::to_owned).collect()))
    }
}

/// Checks the credential of a request to `path`. Unknown clients get the same answer as wrong credentials. An assertion is used up by
/// this, in a transaction of its own: whatever becomes of the request, it counts once (RFC 7523 §3).
pub(crate) async fn authenticate(
    idp: &Idp,
    asker: &Asker,
    authorization: Option<&str>,
    parameters: &Parameters,
    path: &str,
    now: Timestamp,
) -> Result<Authenticated, OAuthError> {
    let assertion = parameters.one("client_assertion")?;
    let assertion_type = parameters.one("client_assertion_type")?;
    let read = Credential::read(
        authorization,
        parameters.one("client_id")?,
        parameters.one("client_secret")?,
        assertion.map(|assertion| (assertion, assertion_type)),
    );
    let credential = match read {
        Ok(credential) => credential,
        Err(refusal) => {
            if matches!(refusal, Refusal::Wrong(_)) {
                // Nothing was tried of any client, so nobody has to wait for it.
                let pair = Pair::new("", asker.client(), Brought::Other);
                failed(idp, asker, &pair, None, "client.not_proved", now).await?;
            }
            return Err(refused(refusal));
        }
    };
    let client = idp.known_client(credential.client_id()).await?;
    let brought = if credential.is_secret() { Brought::Secret } else { Brought::Other };
    let named = client.as_ref().map_or("", |client| client.client_id.as_str());
    let pair = Pair::new(named, asker.client(), brought);
    if let Some(wait) = idp.failures().wait(&pair, now) {
        idp.failures().passed_over();
        return Err(OAuthError::too_many(wait));
    }
    let Some(client) = client else {
        failed(idp, asker, &pair, None, "client.unknown", now).await?;
        return Err(OAuthError::client("client authentication failed"));
    };
    let (issuer, endpoint, token) =
        (idp.settings().issuer_text(), idp.settings().at(path), idp.settings().at("/token"));
    let once = match credential.proves(&client, &[issuer, &endpoint, &token], now) {
        Ok(once) => once,
        Err(refusal) => {
            failed(idp, asker, &pair, Some(&client), "client.not_proved", now).await?;
            return Err(refused(refusal));
        }
    };
    if let Some(once) = once
        && !spend(idp, &client, &once).await?
    {
        failed(idp, asker, &pair, Some(&client), "client.assertion_replayed", now).await?;
        return Err(OAuthError::client("the assertion was used before"));
    }
    Ok(Authenticated { client })
}

/// Marks an assertion as used, for good; of two requests with the same one, exactly one passes.
async fn spend(idp: &Idp, client: &Client, once: &Once) -> Result<bool, Error> {
    let mut tx = idp.db().begin().await?;
    let first = tokens::see(&mut tx, &client.client_id, &once.jti_digest, once.until).await?;
    tx.commit().await?;
    Ok(first)
}

/// Counts a failure, and writes it down as long as the record keeps them one by one.
async fn failed(
    idp: &Idp,
    asker: &Asker,
    pair: &Pair,
    client: Option<&Client>,
    result: &str,
    now: Timestamp,
) -> Result<(), Error> {
    if !idp.failures().count(pair, now) {
        return Ok(());
    }
    let mut row = audit::Row::new("anonymous", ACTION, result, now).incident(asker.incident().as_str());
    if let Some(client) = client {
        row = row.object(format!("client:{}", client.client_id));
    }
    record(idp, &row).await
}

/// Writes down how many failures stand in no row of their own since the last time.
pub(crate) async fn record_the_rest(idp: &Idp) -> Result<(), Error> {
    let count = idp.failures().take_unrecorded();
    if count == 0 {
        return Ok(());
    }
    let row = audit::Row::new("anonymous", ACTION, "client.failed_more", idp.sources().now());
    let recorded = record(idp, &row.object(format!("failures:{count}"))).await;
    if recorded.is_err() {
        idp.failures().put_back(count);
    }
    recorded
}

async fn record(idp: &Idp, row: &audit::Row) -> Result<(), Error> {
    let mut tx = idp.db().begin().await?;
    audit::append(&mut tx, row).await?;
    Ok(tx.commit().await?)
}

fn refused(refusal: Refusal) -> OAuthError {
    match refusal {
        Refusal::Malformed("no client is named") => OAuthError::client("no client is named"),
        Refusal::Malformed(why) => OAuthError::request(why),
        Refusal::Wrong(why) => OAuthError::client(why),
    }
}
