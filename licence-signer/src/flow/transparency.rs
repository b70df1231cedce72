//! What the log answers: checkpoint, tiles, entry bundles (C2SP tlog-tiles). All of it is public.

use store::StorageError;
use verifier::log::Tile;

use super::error::FlowError;
use crate::LicenceSigner;
use crate::storage::log;

impl LicenceSigner {
    /// The newest signed checkpoint.
    ///
    /// # Errors
    ///
    /// What the database answers.
    pub async fn checkpoint(&self) -> Result<String, FlowError> {
        let mut reader = self.db().reader().await?;
        let head = log::head(&mut reader, self.log_origin()).await?;
        Ok(head.ok_or(StorageError::Damaged("the log's head is gone"))?.checkpoint)
    }

    /// A tile or entry bundle by its path below `/log/tile/`; `None` where the log has none of that width.
    ///
    /// # Errors
    ///
    /// What the database answers.
    pub async fn log_tile(&self, path: &str) -> Result<Option<Vec<u8>>, FlowError> {
        let Some(tile) = Tile::parse(&format!("tile/{path}")) else { return Ok(None) };
        let Ok(index) = i64::try_from(tile.index) else { return Ok(None) };
        let width = usize::from(tile.width);
        let mut reader = self.db().reader().await?;
        let Some(head) = log::head(&mut reader, self.log_origin()).await? else { return Ok(None) };
        if !tile.within(u64::try_from(head.size).unwrap_or_default()) {
            return Ok(None);
        }
        if let Some(level) = tile.level {
            let hashes = log::tile(&mut reader, i64::from(level), index).await?;
            return Ok(hashes.and_then(|hashes| hashes.get(..width * 32).map(<[u8]>::to_vec)));
        }
        let from = index << 8;
        let entries = log::entries(&mut reader, from, from + i64::from(tile.width)).await?;
        if entries.len() != width {
            return Err(StorageError::Damaged("the log lacks an entry").into());
        }
        Ok(verifier::log::tile::bundle_body(entries.iter().map(Vec::as_slice)))
    }
}
