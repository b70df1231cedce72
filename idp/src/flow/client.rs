//! A client proves who it is.

use std::sync::Arc;

use store::Tx;
use verifier::time::Timestamp;

use crate::Idp;
use crate::client::Client;
use crate::client::authentication::{Credential, Once, Refusal};
use crate::http::oauth_error::OAuthError;
use crate::http::parameters::Parameters;
use crate::storage::tokens;

/// A client that has proved itself, but for the assertion that is still to be marked as used.
pub(crate) struct Authenticated {
    pub(crate) client: Arc<Client>,
    once: Option<Once>,
}

impl Authenticated {
    /// Marks the assertion as used; of two requests with the same one, exactly one passes (RFC 7523 §3).
    pub(crate) async fn spend(&self, tx: &mut Tx) -> Result<(), OAuthError> {
        let Some(once) = &self.once else { return Ok(()) };
        if tokens::see(tx, &self.client.client_id, &once.jti_digest, once.until).await? {
            return Ok(());
        }
        Err(OAuthError::client("the assertion was used before"))
    }
}

/// Checks the credential of a request to `path`. Unknown clients get the same answer as wrong credentials.
pub(crate) async fn authenticate(
    idp: &Idp,
    authorization: Option<&str>,
    parameters: &Parameters,
    path: &str,
    now: Timestamp,
) -> Result<Authenticated, OAuthError> {
    let assertion = parameters.one("client_assertion")?;
    let assertion_type = parameters.one("client_assertion_type")?;
    let credential = Credential::read(
        authorization,
        parameters.one("client_id")?,
        parameters.one("client_secret")?,
        assertion.map(|assertion| (assertion, assertion_type)),
    )
    .map_err(refused)?;
    let wrong = || OAuthError::client("client authentication failed");
    let client = idp.known_client(credential.client_id()).await?.ok_or_else(wrong)?;
    let (issuer, endpoint, token) =
        (idp.settings().issuer_text(), idp.settings().at(path), idp.settings().at("/token"));
    let once = credential.proves(&client, &[issuer, &endpoint, &token], now).map_err(refused)?;
    Ok(Authenticated { client, once })
}

fn refused(refusal: Refusal) -> OAuthError {
    match refusal {
        Refusal::Malformed("no client is named") => OAuthError::client("no client is named"),
        Refusal::Malformed(why) => OAuthError::request(why),
        Refusal::Wrong(why) => OAuthError::client(why),
    }
}
