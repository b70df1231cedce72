//! The `Cookie` headers of a request. A reader of bytes alone, which the fuzz targets compile for themselves.

use http::{HeaderMap, header};

/// Names and values that a request brought, in the order sent, bounded.
#[derive(Clone, Default)]
pub struct Cookies(Vec<(String, String)>);

/// How many cookies of a request are looked at.
const MOST: usize = 128;

impl Cookies {
    /// Reads all `Cookie` headers (HTTP/2 may split them). A pair that cannot be read is passed over, the rest counts.
    pub fn read(headers: &HeaderMap) -> Self {
        let pairs = headers.get_all(header::COOKIE).iter().flat_map(|header| header.as_bytes().split(|b| *b == b';'));
        let read = pairs.take(MOST).filter_map(|pair| {
            let (name, value) = std::str::from_utf8(pair).ok()?.trim().split_once('=')?;
            let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
            Some((name.to_owned(), value.to_owned()))
        });
        Self(read.collect())
    }

    /// All values of `name`, in the order sent: which of them is live only the store knows.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.values_of(name.to_owned())
    }

    pub(crate) fn values_of(&self, name: String) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(n, _)| *n == name).map(|(_, value)| value.as_str())
    }

    /// The names, each once.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl std::fmt::Debug for Cookies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}
