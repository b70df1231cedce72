//! A person's name as the register writes it, without a rule about what names look like.

use std::fmt;

/// The longest name taken, in characters.
pub const MAX_CHARACTERS: usize = 100;

/// The separation dot of names in Chinese documents (GB 18030: 间隔号).
const DOT: char = '\u{B7}';

/// A name, in one spelling: dots as U+00B7, single blanks, no blank beside a dot or between Han characters.
///
/// Nothing else is judged: whether anyone is called so is for a register to say.
#[derive(Clone, PartialEq, Eq)]
pub struct Name(String);

/// Why a text cannot be kept as a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing but blanks.
    #[error("no name")]
    Empty,
    /// More than [`MAX_CHARACTERS`]; holds how many.
    #[error("{0} characters, too many")]
    TooLong(usize),
    /// A control or direction character, at this place counted from 1.
    #[error("a character that cannot be printed, at {0}")]
    Unprintable(usize),
}

impl Name {
    /// Reads what somebody typed.
    ///
    /// # Errors
    ///
    /// Only what cannot be printed or is out of bounds.
    pub fn read(text: &str) -> Result<Self, NameError> {
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{FEFF}' || c == '\u{200B}');
        let count = text.chars().count();
        if count == 0 {
            return Err(NameError::Empty);
        }
        if count > MAX_CHARACTERS {
            return Err(NameError::TooLong(count));
        }
        if let Some(at) = text.chars().position(unprintable) {
            return Err(NameError::Unprintable(at + 1));
        }
        Ok(Self(one_spelling(text)))
    }

    /// The name, to be printed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as registers may hold it: with our dot, and where it has one with the others that keyboards write, the most usual
    /// first. No more than five.
    pub(crate) fn spellings(&self) -> impl Iterator<Item = String> {
        let others = ['\u{2022}', '\u{FF0E}', '\u{30FB}', '\u{2027}'].into_iter().filter(|_| self.0.contains(DOT));
        std::iter::once(self.0.clone()).chain(others.map(|dot| self.0.replace(DOT, dot.encode_utf8(&mut [0; 4]))))
    }

    /// Whether both are one name: dots of every kind are alike, and so are capital and small latin letters.
    pub fn matches(&self, other: &Self) -> bool {
        self.0 == other.0 || self.0.to_lowercase() == other.0.to_lowercase()
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Name(…)")
    }
}

fn unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}' | '\u{FFFD}')
}

/// The dots that keyboards, registers and scanners write between the parts of a name.
fn is_dot(c: char) -> bool {
    matches!(
        c,
        DOT | '\u{2022}'
            | '\u{2027}'
            | '\u{2219}'
            | '\u{22C5}'
            | '\u{30FB}'
            | '\u{FF65}'
            | '\u{FF0E}'
            | '\u{FE52}'
            | '\u{2024}'
    )
}

/// Script=Han with its extensions, and what stands for such a character.
fn is_han(c: char) -> bool {
    matches!(c,
        '\u{2E80}'..='\u{2FDF}' | '\u{3005}' | '\u{3007}' | '\u{3021}'..='\u{3029}' | '\u{3038}'..='\u{303B}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{E000}'..='\u{F8FF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{16FE2}'..='\u{16FF6}' | '\u{20000}'..='\u{3FFFD}')
}

/// Full-width latin letters and digits as plain ones.
fn plain_width(c: char) -> char {
    match c {
        '\u{FF01}'..='\u{FF5E}' if c != '\u{FF0E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        _ if c.is_whitespace() => ' ',
        _ => c,
    }
}

fn one_spelling(text: &str) -> String {
    let chars: Vec<char> = text.chars().map(plain_width).collect();
    let mut out: Vec<char> = Vec::with_capacity(chars.len());
    for (at, &c) in chars.iter().enumerate() {
        let next = chars[at + 1..].iter().copied().find(|c| *c != ' ');
        let before = out.iter().rev().copied().find(|c| *c != ' ');
        let beside_han = before.is_some_and(is_han) || next.is_some_and(is_han);
        if is_dot(c) || (c == '.' && beside_han) {
            while out.last() == Some(&' ') {
                out.pop();
            }
            if out.last() != Some(&DOT) {
                out.push(DOT);
            }
        } else if c == ' ' {
            let between_han = before.is_some_and(is_han) && next.is_some_and(is_han);
            if !between_han && !matches!(out.last(), None | Some(&(' ' | DOT))) {
                out.push(' ');
            }
        } else {
            out.push(c);
        }
    }
    out.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// KF-36: no rule about what names look like; every dot is our dot.
    #[test]
    fn names_that_rules_did_not_foresee_are_taken() {
        for (text, kept) in [
            ("欧阳测试", "欧阳测试"),
            ("䮌", "䮌"),
            ("𠮷", "𠮷"),
            ("〇", "〇"),
            ("张", "张"),
            ("𠮷田", "𠮷田"),
            ("𬀩〇", "𬀩〇"),
            ("阿依古丽·买买提", "阿依古丽·买买提"),
            ("阿依古丽•买买提", "阿依古丽·买买提"),
            ("阿依古丽・买买提", "阿依古丽·买买提"),
            ("阿依古丽．买买提", "阿依古丽·买买提"),
            ("阿依古丽‧买买提", "阿依古丽·买买提"),
            ("阿依古丽.买买提", "阿依古丽·买买提"),
            ("阿依古丽 · 买买提", "阿依古丽·买买提"),
            ("阿依古丽··买买提", "阿依古丽·买买提"),
            (" 张　三 ", "张三"),
            ("Jean-Luc  O'Brien", "Jean-Luc O'Brien"),
            ("J. Smith", "J. Smith"),
            ("ＪＩＮ", "JIN"),
            ("买买提·阿依古丽·测试·示范·一二三四五六七八九十", "买买提·阿依古丽·测试·示范·一二三四五六七八九十"),
        ] {
            assert_eq!(Name::read(text).expect(text).as_str(), kept, "{text}");
        }
    }

    #[test]
    fn limits_count_characters() {
        let long = format!("{}·{}", "买".repeat(12), "𠮷".repeat(12));
        assert_eq!(Name::read(&long).expect("25 characters").as_str(), long);
        assert!(Name::read(&"𠮷".repeat(100)).is_ok());
        assert_eq!(Name::read(&"𠮷".repeat(101)), Err(NameError::TooLong(101)));
        assert_eq!(Name::read(" \u{3000} "), Err(NameError::Empty));
        assert_eq!(Name::read("张\0三"), Err(NameError::Unprintable(2)));
        assert_eq!(Name::read("张\u{202E}三"), Err(NameError::Unprintable(2)));
    }

    #[test]
    fn a_register_may_write_another_dot() {
        let spellings = |text: &str| Name::read(text).expect(text).spellings().collect::<Vec<_>>();
        assert_eq!(spellings("欧阳测试"), ["欧阳测试"]);
        assert_eq!(spellings("甲．乙"), ["甲·乙", "甲•乙", "甲．乙", "甲・乙", "甲‧乙"]);
    }

    #[test]
    fn one_name_in_two_spellings_matches() {
        for (a, b, same) in [
            ("阿依古丽·买买提", "阿依古丽．买买提", true),
            ("jin smith", "JIN  Smith", true),
            ("阿依古丽·买买提", "阿依古丽买买提", false),
            ("吉田", "𠮷田", false),
        ] {
            assert_eq!(Name::read(a).expect(a).matches(&Name::read(b).expect(b)), same, "{a} {b}");
        }
    }
}
