//! Status lists: signed when asked for, kept in memory while nothing changed and they are young.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use keys::{Purpose, Signer as _};
use verifier::algorithm::Algorithm;
use verifier::status::Value;
use verifier::status::write::{Draft, TTL, jwt_header, pack};
use verifier::time::Timestamp;

use super::error::FlowError;
use crate::LicenceSigner;
use crate::storage::status;

/// How many lists are kept in memory.
const MOST: usize = 64;

/// A signed list in both encodings.
#[derive(Debug)]
pub struct SignedList {
    /// The compact JWS.
    pub jwt: String,
    /// The tagged `COSE_Sign1`.
    pub cwt: Vec<u8>,
    /// As of when.
    pub issued_at: Timestamp,
    revision: i64,
    kid: String,
}

/// The lists in memory.
#[derive(Debug, Default)]
pub(crate) struct Lists(Mutex<HashMap<String, Arc<SignedList>>>);

impl LicenceSigner {
    /// The URI of a list.
    pub fn status_uri(&self, list: &str) -> String {
        format!("{}/status/{list}", self.external_url())
    }

    /// The list, signed: at most as old as its `ttl`, and never older than its last change. `None` if it is not there.
    ///
    /// # Errors
    ///
    /// What database and key answer.
    pub async fn status_list(&self, list: &str) -> Result<Option<Arc<SignedList>>, FlowError> {
        let now = self.sources().now();
        let mut reader = self.db().reader().await?;
        let Some(revision) = status::revision(&mut reader, list).await? else { return Ok(None) };
        let key = self.key_store().certified(&Purpose::Status, now)?;
        let kept = self.lists().0.lock().unwrap_or_else(PoisonError::into_inner).get(list).cloned();
        if let Some(kept) = kept
            && kept.revision == revision
            && kept.kid == key.kid()
            && (0..TTL).contains(&now.since(kept.issued_at))
        {
            return Ok(Some(kept));
        }
        let rows = status::values(&mut reader, list).await?;
        drop(reader);
        let positions = rows.into_iter().filter_map(|(position, value)| {
            let value = if value == 2 { Value::Suspended } else { Value::Invalid };
            Some((u64::try_from(position).ok()?, value))
        });
        let uri = self.status_uri(list);
        let draft = Draft::new(&uri, now, &pack(positions));
        let jwt = keys::jws::sign(&key, jwt_header(key.chain()), &draft.jwt_payload())?;
        let algorithm = if key.algorithm() == Algorithm::EdDsa { -8 } else { -7 };
        let to_sign = draft.cwt(algorithm, key.chain());
        let cwt = to_sign.assemble(&key.sign(&to_sign.message())?);
        let signed = Arc::new(SignedList { jwt, cwt, issued_at: now, revision, kid: key.kid().to_owned() });
        let mut lists = self.lists().0.lock().unwrap_or_else(PoisonError::into_inner);
        if lists.len() >= MOST && !lists.contains_key(list) {
            lists.clear();
        }
        lists.insert(list.to_owned(), signed.clone());
        Ok(Some(signed))
    }
}
