//! The demonstration's words.

use std::sync::Arc;

use web::words::{Source, Vocabulary};

/// Words of portals, inbox and first page.
pub(crate) const WORDS: Source = Source { zh_cn: include_str!("words/zh-CN.ftl"), en: include_str!("words/en.ftl") };

/// The vocabulary of a demonstration site.
pub(crate) fn vocabulary() -> Arc<Vocabulary> {
    Vocabulary::new(&[WORDS]).expect("the demonstration's words are read by its tests")
}

#[cfg(test)]
mod tests {
    #[test]
    fn both_languages_say_the_same_things() {
        assert_eq!(web::words::differing_keys(&super::WORDS), Vec::<String>::new());
        super::vocabulary();
    }
}
