//! Strict readers and writers of the encodings that anything signed here uses.

pub mod b45;
pub mod b64;
pub mod b64u;
pub mod cbor;
pub(crate) mod emit;
pub mod hex;
pub mod json;

/// The most arrays, objects, maps and tags within each other that any reader here takes; the outermost is 1.
pub const MAX_DEPTH: usize = 16;

/// The bytes of a text without the byte order mark before them, which editors and spreadsheets put there (RFC 8259 §8.1 for JSON).
///
/// # Errors
///
/// Where a mark stands further on: files were joined, and whoever reads by lines or names would lose what follows.
pub fn without_mark(text: &[u8]) -> Result<&[u8], usize> {
    const MARK: &[u8] = b"\xEF\xBB\xBF";
    let rest = text.strip_prefix(MARK).unwrap_or(text);
    let before = text.len() - rest.len();
    rest.windows(MARK.len()).position(|bytes| bytes == MARK).map_or(Ok(rest), |at| Err(at + before))
}

/// A text that is not the canonical form of its encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not in the canonical form of its encoding")]
pub struct NotCanonical;

#[cfg(test)]
mod tests {
    use super::*;

    /// KF-34: a mark is dropped where a text begins and refused by its place anywhere else.
    #[test]
    fn a_byte_order_mark_stands_at_the_beginning_alone() {
        for (text, expected) in [
            ("\u{feff}a", Ok("a")),
            ("a", Ok("a")),
            ("", Ok("")),
            ("\u{feff}", Ok("")),
            ("\u{feff}\u{feff}a", Err(3)),
            ("a\u{feff}", Err(1)),
            ("\u{feff}a\n\u{feff}b", Err(5)),
            ("\u{ffee}a\u{fefe}", Ok("\u{ffee}a\u{fefe}")),
        ] {
            assert_eq!(without_mark(text.as_bytes()), expected.map(str::as_bytes), "{text:?}");
        }
    }
}
