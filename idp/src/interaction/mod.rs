//! A stored authorization request on its way to an answer: what the pages of a sign-in work on.
//!
//! The steps belong to different files, the order to one (`flow::authorize`): sign in, choose an account, choose
//! for whom to act, consent, code. A page's handler finds its interaction ([`find`]), changes it by one of the methods
//! here, and lets it go on ([`crate::http::steps::go_on`]), all in one transaction.

pub(crate) mod state;

use store::Tx;
use verifier::time::Timestamp;

use crate::Idp;
use crate::browser::Browser;
use crate::error::Error;
use crate::ids::InteractionId;
pub use crate::interaction::state::{
    Acting, Asker, ClaimsAsked, Interaction, LIFE_SECONDS, Prompt, Request, ResponseMode,
};
use crate::storage::authorizations;

/// Finds a pending interaction of this browser. `None` if there is none, it is over, or it is another browser's.
///
/// # Errors
///
/// `Error` of storage.
pub async fn find(
    tx: &mut Tx,
    idp: &Idp,
    id: &InteractionId,
    browser: &Browser,
    now: Timestamp,
) -> Result<Option<Interaction>, Error> {
    let marks = browser.mark_digests();
    if marks.is_empty() {
        return Ok(None);
    }
    let Some(row) = authorizations::find_pending(tx, id, marks, now).await? else { return Ok(None) };
    row.interaction(idp, tx).await
}

/// Begins an interaction for one of our own pages at `path` (as `/account`), which goes there once somebody has signed in.
///
/// # Errors
///
/// `Error` of randomness.
pub fn for_page(idp: &Idp, path: &str, now: Timestamp) -> Result<Interaction, Error> {
    Ok(Interaction::new(idp, Asker::Page(path.to_owned()), Request::default(), None, now)?)
}
