//! Numbers as people type them.

/// The longest text looked at; more is never a number.
const MAX_BYTES: usize = 256;

/// Full-width characters made plain, blanks, hyphens and invisible marks taken out, `x` made large.
pub(crate) fn plain(text: &str) -> String {
    if text.len() > MAX_BYTES {
        return text.chars().take(64).collect();
    }
    text.chars()
        .filter(|c| {
            !c.is_whitespace()
                && !matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{FF0D}' | '\u{FEFF}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}')
        })
        .map(|c| match c {
            '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
            _ => c,
        })
        .map(|c| if matches!(c, 'x' | '×' | '✕') { 'X' } else { c })
        .collect()
}
