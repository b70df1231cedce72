//! Showing a licence (亮证): the code that a holder's page carries, and the digits that he can say instead.

/// Seconds for which a presentation code is accepted, and for which the same caller may repeat its resolution.
pub const ACCEPTED_SECONDS: i64 = 60;
/// Seconds that the holder has to answer whoever typed the digits.
pub const ANSWER_SECONDS: i64 = 180;
/// Crockford's base 32 alphabet.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const PREFIX: &str = "XYP:";

/// A presentation code: 128 random bits, written `XYP:` and 26 characters of Crockford's base 32 (formats §9).
#[derive(Clone, PartialEq, Eq)]
pub struct PresentationCode([u8; 16]);

impl std::fmt::Debug for PresentationCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PresentationCode(…)")
    }
}

impl PresentationCode {
    /// The code of these random bits.
    pub const fn from_random(bits: [u8; 16]) -> Self {
        Self(bits)
    }

    /// Its bits: what a digest is taken of, never stored.
    pub const fn bits(&self) -> &[u8; 16] {
        &self.0
    }

    /// Its text.
    pub fn text(&self) -> String {
        // 128 bits and two spare ones, zero, behind them: 26 times 5.
        let number = u128::from_be_bytes(self.0);
        let mut text = String::from(PREFIX);
        for place in 0..26 {
            let shift = 123_i32 - 5 * place;
            let five = if shift >= 0 { number >> shift } else { number << -shift };
            text.push(char::from(ALPHABET[usize::try_from(five & 31).expect("five bits")]));
        }
        text
    }

    /// Reads the text; lower case and blanks at the ends are taken, nothing else.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_uppercase();
        let body = text.strip_prefix(PREFIX)?;
        if body.len() != 26 {
            return None;
        }
        let mut number: u128 = 0;
        for (place, character) in body.bytes().enumerate() {
            let five = u128::try_from(ALPHABET.iter().position(|c| *c == character)?).ok()?;
            if place < 25 {
                number = number << 5 | five;
            } else if five.trailing_zeros() >= 2 {
                number = number << 3 | five >> 2;
            } else {
                return None; // the spare bits are zero
            }
        }
        Some(Self(number.to_be_bytes()))
    }
}

/// The eight digits that a holder can say: they find the presentation, and nothing opens until he agrees.
pub fn digits_from(random: [u8; 8]) -> String {
    format!("{:08}", u64::from_be_bytes(random) % 100_000_000)
}

/// Reads digits as typed: eight of them, blanks and hyphens between them passed over.
pub fn read_digits(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '\u{3000}')).collect();
    (digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_digit())).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_written_and_read_in_one_form() {
        for bits in [[0; 16], [255; 16], *b"0123456789abcdef"] {
            let code = PresentationCode::from_random(bits);
            let text = code.text();
            assert_eq!(text.len(), 30, "{text}");
            assert!(PresentationCode::read(&text) == Some(code.clone()), "{text}");
            assert!(PresentationCode::read(&format!(" {}\n", text.to_lowercase())) == Some(code));
        }
        assert_eq!(PresentationCode::from_random([255; 16]).text(), "XYP:ZZZZZZZZZZZZZZZZZZZZZZZZZW");
        for bad in [
            "",
            "XYP:",
            "XYP:ZZZZZZZZZZZZZZZZZZZZZZZZZZ",
            "XY1:00000000000000000000000000",
            "XYP:0000000000000000000000000U",
        ] {
            assert!(PresentationCode::read(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn digits_are_eight() {
        assert_eq!(digits_from([0; 8]), "00000000");
        assert_eq!(read_digits("1234-5678").as_deref(), Some("12345678"));
        assert_eq!(read_digits("1234567"), None);
        assert_eq!(read_digits("1234567８"), None);
    }
}
