//! What a browser itself carries of an interaction that has just begun, sealed for it: the row as it was written.
//!
//! It spares reading that row again until the interaction goes on. It decides nothing: whatever follows is written under the
//! conditions that the row itself must meet, so an interaction that is over stays so.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use store::Tx;
use verifier::time::Timestamp;

use crate::browser::Browser;
use crate::error::Error;
use crate::ids::InteractionId;
use crate::interaction::state::{Interaction, LIFE_SECONDS};
use crate::storage::authorizations::Pending;
use crate::{Idp, digest};

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Begun {
    row: Pending,
    /// A digest of the client's registration: after a change of it the row itself is asked.
    registration: String,
}

fn registration(interaction: &Interaction) -> Result<String, Error> {
    let client = interaction.client().map(serde_json::to_string).transpose();
    let client = client.map_err(|_| Error::Damaged("clients.registration"))?;
    Ok(digest::parts(&["registration", client.as_deref().unwrap_or_default()]))
}

/// Seals an interaction for the browser of `mark`.
pub(crate) fn seal(idp: &Idp, interaction: &Interaction, mark: &str) -> Result<String, Error> {
    let begun = Begun { row: Pending::begun(idp, interaction)?, registration: registration(interaction)? };
    let text = serde_json::to_vec(&begun).map_err(|_| Error::Damaged("an interaction"))?;
    let keys = idp.field_keys(idp.sources().now())?;
    let sealed = keys.seal(
        "authorizations",
        "begun",
        &bound_to(interaction.id.as_str(), mark),
        &text,
        idp.sources().random.as_ref(),
    )?;
    Ok(URL_SAFE_NO_PAD.encode(sealed))
}

/// The interaction of that id, if the browser carries it. Of what cannot be opened nothing is said: it is read from the database.
pub(crate) async fn open(
    idp: &Idp,
    tx: &mut Tx,
    id: &InteractionId,
    browser: &Browser,
    now: Timestamp,
) -> Result<Option<Interaction>, Error> {
    if browser.begun().is_empty() {
        return Ok(None);
    }
    let keys = idp.field_keys(now)?;
    for sealed in browser.begun().iter().filter_map(|value| URL_SAFE_NO_PAD.decode(value).ok()) {
        for mark in browser.mark_digests() {
            let Ok(text) = keys.open("authorizations", "begun", &bound_to(id.as_str(), mark), &sealed) else {
                continue;
            };
            let begun: Begun = serde_json::from_slice(&text).map_err(|_| Error::Damaged("an interaction"))?;
            if begun.row.created_at() <= now.plus(-LIFE_SECONDS) {
                return Ok(None);
            }
            let Some(interaction) = begun.row.interaction(idp, tx).await? else { return Ok(None) };
            return Ok((registration(&interaction)? == begun.registration).then_some(interaction));
        }
    }
    Ok(None)
}

fn bound_to(id: &str, mark: &str) -> String {
    format!("{id} {mark}")
}
