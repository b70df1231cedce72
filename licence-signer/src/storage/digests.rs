//! Keyed digests of one value under every live key: rows of before a change of keys carry the old one.

/// How many a statement asks for: the service does not start with more keys.
pub(crate) const LIVE: usize = keys::field::MOST_DIGEST_KEYS;

/// The digests of one value, the one by the key in use first.
#[derive(Clone)]
pub(crate) struct Digests(Vec<Vec<u8>>);

impl Digests {
    /// `None` where there is none at all, or one more than a statement asks for: what is kept under it would seem to be gone.
    pub(crate) fn new(digests: Vec<Vec<u8>>) -> Option<Self> {
        (1..=LIVE).contains(&digests.len()).then_some(Self(digests))
    }

    /// The one by the key in use: what a new row stores.
    pub(crate) fn current(&self) -> &[u8] {
        &self.0[0]
    }

    /// Whether more than one key is live.
    pub(crate) fn are_many(&self) -> bool {
        self.0.len() > 1
    }

    /// Whether `digest` is one of them.
    pub(crate) fn contain(&self, digest: &[u8]) -> bool {
        self.0.iter().any(|one| one == digest)
    }

    /// All of them, as many as a statement asks for: the first stands again where there are fewer.
    pub(crate) fn padded(&self) -> impl Iterator<Item = &[u8]> {
        (0..LIVE).map(|at| self.0.get(at).unwrap_or(&self.0[0]).as_slice())
    }
}

impl std::fmt::Debug for Digests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Digests({})", self.0.len())
    }
}

/// A query with all the digests bound to it, behind what is bound already.
macro_rules! with_digests {
    ($query:expr, $digests:expr) => {{
        let mut query = $query;
        for digest in $digests.padded() {
            query = query.bind(digest);
        }
        query
    }};
}
pub(crate) use with_digests;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_gets_eight_whatever_their_number() {
        for (count, expected) in [(1, 1), (3, 3), (8, 8)] {
            let digests = Digests::new((0..count).map(|n| vec![n]).collect()).expect("some");
            let mut asked: Vec<&[u8]> = digests.padded().collect();
            assert_eq!(asked.len(), LIVE);
            asked.sort_unstable();
            asked.dedup();
            assert_eq!(asked.len(), expected, "{count}");
            assert!(digests.contain(&[0]) && !digests.contain(&[99]));
        }
        assert!(Digests::new(Vec::new()).is_none());
        assert!(Digests::new(vec![Vec::new(); 9]).is_none(), "nothing is left out in silence");
    }
}
