//! Sentences in both languages, and how they write days.

use std::borrow::Cow;

use serde::Serialize;

use crate::time::Date;

/// A language of the pages and reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// zh-CN.
    Chinese,
    /// en.
    English,
}

/// One thing said in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sentence {
    /// zh-CN.
    #[serde(rename = "zh-CN")]
    pub zh: Cow<'static, str>,
    /// en.
    pub en: Cow<'static, str>,
}

impl Sentence {
    /// Of two texts that never change.
    pub const fn fixed(zh: &'static str, en: &'static str) -> Self {
        Self { zh: Cow::Borrowed(zh), en: Cow::Borrowed(en) }
    }

    /// Of two texts with names in them.
    pub fn new(zh: String, en: String) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }

    /// The text in one language.
    pub fn of(&self, language: Language) -> &str {
        match language {
            Language::Chinese => &self.zh,
            Language::English => &self.en,
        }
    }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A day as both languages write it: 2026年11月25日, 25 November 2026.
pub fn day(date: Date) -> Sentence {
    let (year, month, day) = date.parts();
    let name = MONTHS.get(usize::from(month).saturating_sub(1)).copied().unwrap_or_default();
    Sentence::new(format!("{year}年{month}月{day}日"), format!("{day} {name} {year}"))
}
