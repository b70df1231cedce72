//! Who a licence is about: numbers of persons and organisations, and how little of them is shown.

mod id_number;
pub mod mask;
mod social_credit_code;

pub use id_number::{IdNumber, IdNumberError, IdNumberKind};
pub use social_credit_code::{SocialCreditCode, SocialCreditCodeError};

/// The text without blanks, full-width letters and digits made plain, letters upper-case; other characters stay.
///
/// Blanks are those of Unicode, and the invisible ones that copying brings along (U+200B, U+FEFF).
fn normalised(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '\u{200b}' | '\u{feff}'))
        .map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
            _ => c,
        })
        .map(|c| c.to_ascii_uppercase())
        .collect()
}
