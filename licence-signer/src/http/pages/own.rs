//! A licence that the session may see as its holder.

use web::Problem;

use super::Pages;
use super::session::Session;
use crate::flow::licence::Licence;
use crate::officer::HolderSession;

/// A licence of the session's holder, or of the person behind it.
pub(super) async fn find(pages: &Pages, session: &Session, id: &str) -> Result<(HolderSession, Licence), Problem> {
    let holder = pages.holder(session).await?;
    match pages.signer().own_licence(&holder, id).await {
        Ok((licence, _)) => Ok((holder, licence)),
        Err(error) => match pages.person(session).await {
            Some(person) => {
                let (licence, _) = pages.signer().own_licence(&person, id).await?;
                Ok((person, licence))
            }
            None => Err(error.into()),
        },
    }
}
