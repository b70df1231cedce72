//! Base64url without padding (RFC 4648 §5, RFC 7515 §2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::NotCanonical;

/// The text of `bytes`, without padding.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of `text`; padding, blanks and leftover bits are refused.
pub fn decode(text: &str) -> Result<Vec<u8>, NotCanonical> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| NotCanonical)
}

/// The bytes of `text` if they are exactly `N`.
pub fn decode_array<const N: usize>(text: &str) -> Result<[u8; N], NotCanonical> {
    decode(text)?.try_into().map_err(|_| NotCanonical)
}

#[cfg(test)]
mod tests {
    use super::super::{b64, hex};
    use super::*;

    #[test]
    fn one_text_for_one_value() {
        for (text, good) in [
            ("", true),
            ("AA", true),
            ("_-8", true),
            ("AB", false),   // leftover bits
            ("AA==", false), // padding
            ("+/8", false),
            ("A", false),
            ("A A", false),
            ("AA\n", false),
        ] {
            assert_eq!(decode(text).is_ok(), good, "{text:?}");
        }
        for (text, good) in [("AA==", true), ("AA", false), ("AB==", false), ("_-8=", false), ("AAA=AAA=", false)] {
            assert_eq!(b64::decode(text).is_ok(), good, "{text:?}");
        }
        for (text, good) in [("00ff", true), ("00FF", false), ("0", false), ("0g", false), ("张三", false)] {
            assert_eq!(hex::decode(text).is_ok(), good, "{text:?}");
        }
        assert_eq!(decode_array::<2>("AAAA"), Err(NotCanonical));
        assert_eq!(hex::encode([0, 255, 16]), "00ff10");
    }
}
