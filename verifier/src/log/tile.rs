//! Tiles and entry bundles (C2SP tlog-tiles): the tree cut into files of 256 hashes, and the entries in files of 256.

use std::fmt::Write as _;

use super::merkle::{Hash, NodeId};

/// Hashes or entries in a full tile.
pub const TILE_WIDTH: u64 = 256;

/// A file of the log: a tile of hashes, or a bundle of entries where `level` is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tile {
    /// The tile's level (one is eight of the tree's), `None` for a bundle of entries.
    pub level: Option<u8>,
    /// Its number on that level.
    pub index: u64,
    /// How many hashes or entries it holds: 1 to 256; less than 256 is a partial one.
    pub width: u16,
}

impl Tile {
    /// The path below the log's prefix: `tile/0/x001/234.p/7`, `tile/entries/000`.
    pub fn path(&self) -> String {
        let kind = self.level.map_or_else(|| "entries".to_owned(), |level| level.to_string());
        let mut path = format!("tile/{kind}/{}", number(self.index));
        if u64::from(self.width) < TILE_WIDTH {
            let _ = write!(path, ".p/{}", self.width);
        }
        path
    }

    /// Reads what [`Tile::path`] writes and nothing else; the prefix `tile/` included. Levels go to 7 (a tree of 2^64 leaves).
    pub fn parse(path: &str) -> Option<Self> {
        let rest = path.strip_prefix("tile/")?;
        let (kind, rest) = rest.split_once('/')?;
        let level = if kind == "entries" { None } else { Some(decimal(kind).filter(|l| *l < 8)?) };
        let (digits, width) = match rest.split_once(".p/") {
            Some((digits, width)) => (digits, decimal(width).filter(|w| (1..TILE_WIDTH).contains(w))?),
            None => (rest, TILE_WIDTH),
        };
        let mut index: u64 = 0;
        for group in digits.split('/') {
            let group = group.strip_prefix('x').unwrap_or(group);
            if group.len() != 3 || !group.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            index = index.checked_mul(1000)?.checked_add(group.parse().ok()?)?;
        }
        let tile =
            Self { level: level.map(|l| u8::try_from(l).unwrap_or(0)), index, width: u16::try_from(width).ok()? };
        (tile.path() == path).then_some(tile)
    }

    /// Whether the tree of `size` leaves has this tile: whole, or in exactly or at least this width.
    pub fn within(&self, size: u64) -> bool {
        let count = match self.level {
            None => size,
            Some(level) => size.checked_shr(8 * u32::from(level)).unwrap_or(0),
        };
        self.index
            .checked_mul(TILE_WIDTH)
            .and_then(|start| start.checked_add(self.width.into()))
            .is_some_and(|end| end <= count)
    }

    /// The position of the first hash (as a node of the tree) or entry, and one behind the last.
    pub fn range(&self) -> (NodeId, u64) {
        let start = self.index.saturating_mul(TILE_WIDTH);
        (NodeId { level: self.level.unwrap_or(0) * 8, index: start }, start.saturating_add(self.width.into()))
    }
}

/// The tiles and bundles that a tree of `size` leaves has and one of `before` had not, partial ones at the right edge included.
pub fn tiles_since(before: u64, size: u64) -> Vec<Tile> {
    let mut tiles = Vec::new();
    for level in std::iter::once(None).chain((0..8).map(Some)) {
        let shift = 8 * u32::from(level.unwrap_or(0));
        let (old, new) = (before.checked_shr(shift).unwrap_or(0), size.checked_shr(shift).unwrap_or(0));
        if new == old {
            continue;
        }
        for index in old / TILE_WIDTH..new.div_ceil(TILE_WIDTH) {
            let width = u16::try_from((new - index * TILE_WIDTH).min(TILE_WIDTH)).unwrap_or(256);
            tiles.push(Tile { level, index, width });
        }
    }
    tiles
}

/// The body of a tile: its hashes one behind the other.
pub fn tile_body<'a>(hashes: impl IntoIterator<Item = &'a Hash>) -> Vec<u8> {
    hashes.into_iter().flatten().copied().collect()
}

/// The body of a bundle: each entry behind its length in two bytes, big-endian. An entry over 65,535 bytes is refused.
pub fn bundle_body<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    for entry in entries {
        body.extend_from_slice(&u16::try_from(entry.len()).ok()?.to_be_bytes());
        body.extend_from_slice(entry);
    }
    Some(body)
}

/// The entries of a bundle's body; `None` where it does not end with its last entry.
pub fn bundle_entries(mut body: &[u8]) -> Option<Vec<&[u8]>> {
    let mut entries = Vec::new();
    while let Some((length, rest)) = body.split_first_chunk::<2>() {
        let (entry, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        entries.push(entry);
        body = rest;
    }
    body.is_empty().then_some(entries)
}

fn number(index: u64) -> String {
    let mut path = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    path
}

fn decimal(text: &str) -> Option<u64> {
    let shortest = text == "0" || !text.starts_with('0');
    (shortest && text.len() <= 20 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}
