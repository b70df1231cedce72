//! The desk's pages: what a report says, in the clerk's words.

pub(crate) mod report_view;
pub(crate) mod templates;

use web::words::Source;

/// The desk's words.
pub(crate) const WORDS: Source =
    Source { zh_cn: include_str!("../../words/zh-CN.ftl"), en: include_str!("../../words/en.ftl") };

#[cfg(test)]
mod tests {
    #[test]
    fn both_languages_say_the_same_things() {
        assert_eq!(web::words::differing_keys(&super::WORDS), Vec::<String>::new());
    }
}
