//! Status positions: drawn uniformly from the free ones of a list that is not three quarters full, never used twice.

use store::Tx;
use verifier::status::ENTRIES;
use verifier::time::Timestamp;

use super::error::FlowError;
use crate::LicenceSigner;
use crate::storage::status;

/// How full a list may be: three quarters.
const FULL: i64 = ENTRIES.cast_signed() / 4 * 3;
/// How often a draw that met a taken position is repeated: at three quarters, 64 misses in a row are one in 10^8 licences.
const DRAWS: u32 = 64;

/// Takes one position for a licence, or two. A draw that meets a taken one is drawn again.
pub(crate) async fn reserve(
    signer: &LicenceSigner,
    tx: &mut Tx,
    list: &str,
    licence: &str,
    two: bool,
) -> Result<(i64, Option<i64>), FlowError> {
    for _ in 0..DRAWS {
        let first = draw(signer)?;
        if !two {
            if status::reserve_one(tx, list, first, licence).await? {
                return Ok((first, None));
            }
            continue;
        }
        let second = draw(signer)?;
        if first != second && status::reserve_two(tx, list, [first, second], licence).await? == 2 {
            return Ok((first, Some(second)));
        }
    }
    Err(FlowError::Internal("no free status position was drawn".to_owned()))
}

fn draw(signer: &LicenceSigner) -> Result<i64, FlowError> {
    let bytes = signer.sources().bytes::<4>()?;
    Ok(i64::from(u32::from_le_bytes(bytes)) % ENTRIES.cast_signed()) // 2^32 is a multiple of 2^20: uniform
}

impl LicenceSigner {
    /// The list from which positions are drawn now; a full one is closed and another opened.
    pub(crate) async fn open_list(&self, now: Timestamp) -> Result<String, FlowError> {
        if let Some(list) = self.drawn_list() {
            return Ok(list);
        }
        let mut tx = self.db().begin().await?;
        loop {
            let Some(list) = status::open_list(&mut tx).await? else {
                let list = self.random_serial()?[..6].to_ascii_lowercase();
                status::add_list(&mut tx, &list, now).await?;
                continue;
            };
            let taken = status::count(&mut tx, &list).await?;
            if taken >= FULL {
                status::close_list(&mut tx, &list).await?;
                continue;
            }
            tx.commit().await?;
            self.draw_from(&list, FULL - taken);
            return Ok(list);
        }
    }
}
