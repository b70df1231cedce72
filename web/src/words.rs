//! The words of the pages, in zh-CN and English, from Fluent sources that each crate brings.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};

use crate::html::{Html, escape};

/// A language of the pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Lang {
    /// Chinese as written in mainland China.
    #[default]
    ZhCn,
    /// English.
    En,
}

impl Lang {
    /// The tag for `lang` attributes and `Content-Language`.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::ZhCn => "zh-CN",
            Self::En => "en",
        }
    }

    /// The language of a tag (BCP 47, its first part alone), if it is one of ours.
    pub fn from_tag(tag: &str) -> Option<Self> {
        match tag.split(['-', '_']).next()?.to_ascii_lowercase().as_str() {
            "zh" => Some(Self::ZhCn),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// The first of a space-separated list of tags (`ui_locales`, OpenID Connect Core §3.1.2.1) that is one of ours.
    pub fn from_ui_locales(tags: &str) -> Option<Self> {
        tags.split(' ').take(16).find_map(Self::from_tag)
    }

    /// The best of ours for an `Accept-Language` header (RFC 9110 §12.5.4).
    pub fn from_accept_language(header: &str) -> Option<Self> {
        let mut best: Option<(f32, Self)> = None;
        for part in header.split(',').take(16) {
            let mut pieces = part.trim().split(';');
            let Some(lang) = pieces.next().and_then(Self::from_tag) else { continue };
            let weight = pieces.find_map(|p| p.trim().strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
            if weight > 0.0 && best.is_none_or(|(w, _)| weight > w) {
                best = Some((weight, lang));
            }
        }
        best.map(|(_, lang)| lang)
    }

    /// The other language.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::ZhCn => Self::En,
            Self::En => Self::ZhCn,
        }
    }
}

/// One short text in both languages, for names that come from settings or registers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bilingual {
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

impl Bilingual {
    /// Both texts.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }

    /// The same text in both languages.
    pub fn same(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { zh: text.clone(), en: text }
    }

    /// The text in `lang`; the other one where it is empty.
    pub fn get(&self, lang: Lang) -> &str {
        match lang {
            Lang::En if self.en.is_empty() => &self.zh,
            Lang::ZhCn if !self.zh.is_empty() => &self.zh,
            Lang::En | Lang::ZhCn => &self.en,
        }
    }
}

/// A crate's words: the Fluent source in each language.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// Chinese.
    pub zh_cn: &'static str,
    /// English.
    pub en: &'static str,
}

/// The words that all services share.
pub const COMMON: Source = Source { zh_cn: include_str!("../words/zh-CN.ftl"), en: include_str!("../words/en.ftl") };

/// All words of a service in both languages, built once at start.
pub struct Vocabulary {
    zh_cn: Words,
    en: Words,
}

/// The words in one language. Cheap to clone.
#[derive(Clone)]
pub struct Words {
    lang: Lang,
    bundle: Arc<FluentBundle<FluentResource>>,
}

/// A source that Fluent does not read.
#[derive(Debug, thiserror::Error)]
#[error("the words in {lang} do not read: {what}")]
pub struct WordsError {
    lang: &'static str,
    what: String,
}

impl Vocabulary {
    /// Reads the common words and those of `sources`; a later source's message replaces an earlier one of that name.
    pub fn new(sources: &[Source]) -> Result<Arc<Self>, WordsError> {
        let all = || std::iter::once(&COMMON).chain(sources);
        Ok(Arc::new(Self {
            zh_cn: bundle(Lang::ZhCn, all().map(|s| s.zh_cn))?,
            en: bundle(Lang::En, all().map(|s| s.en))?,
        }))
    }

    /// The words in `lang`.
    pub fn words(&self, lang: Lang) -> &Words {
        match lang {
            Lang::ZhCn => &self.zh_cn,
            Lang::En => &self.en,
        }
    }
}

impl fmt::Debug for Vocabulary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vocabulary")
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Words({})", self.lang.tag())
    }
}

fn bundle<'a>(lang: Lang, sources: impl Iterator<Item = &'a str>) -> Result<Words, WordsError> {
    let bad = |what: String| WordsError { lang: lang.tag(), what };
    let identifier = lang.tag().parse().map_err(|_| bad("its tag".into()))?;
    let mut bundle = FluentBundle::new_concurrent(vec![identifier]);
    bundle.set_use_isolating(false); // isolating marks would stand in titles, names to copy and tests
    for source in sources {
        let resource = FluentResource::try_new(source.into()).map_err(|(_, errors)| bad(format!("{errors:?}")))?;
        bundle.add_resource_overriding(resource);
    }
    Ok(Words { lang, bundle: Arc::new(bundle) })
}

impl Words {
    /// The language.
    pub const fn lang(&self) -> Lang {
        self.lang
    }

    /// The words of `key` (`name` or `name.attribute`); the key itself where there are none, so that a gap shows.
    pub fn get(&self, key: &str) -> Cow<'_, str> {
        self.find(key, None).unwrap_or_else(|| Cow::Owned(key.to_owned()))
    }

    /// The words of `key` with texts in their places.
    pub fn with(&self, key: &str, values: &[(&str, &str)]) -> Cow<'_, str> {
        let args = arguments(values.iter().map(|(name, value)| (*name, Cow::Borrowed(*value))));
        self.find(key, Some(&args)).unwrap_or_else(|| Cow::Owned(key.to_owned()))
    }

    /// As [`Words::with`], with a number under `count` that plural rules can see.
    pub fn count(&self, key: &str, count: i64, values: &[(&str, &str)]) -> Cow<'_, str> {
        let mut args = arguments(values.iter().map(|(name, value)| (*name, Cow::Borrowed(*value))));
        args.set("count", count);
        self.find(key, Some(&args)).unwrap_or_else(|| Cow::Owned(key.to_owned()))
    }

    /// Words that hold markup of ours: what stands in their places is escaped, the words are not.
    pub fn html(&self, key: &str, values: &[(&str, &str)]) -> Html {
        let args = arguments(values.iter().map(|(name, value)| (*name, Cow::Owned(escape(value)))));
        let text = self.find(key, Some(&args)).map_or_else(|| escape(key), Cow::into_owned);
        Html::already_escaped(text)
    }

    /// As [`Words::html`], where what stands in the places is HTML already.
    pub fn html_of(&self, key: &str, values: &[(&str, &Html)]) -> Html {
        let args = arguments(values.iter().map(|(name, value)| (*name, Cow::Borrowed(value.as_str()))));
        let text = self.find(key, Some(&args)).map_or_else(|| escape(key), Cow::into_owned);
        Html::already_escaped(text)
    }

    /// Whether there are words for `key`.
    pub fn has(&self, key: &str) -> bool {
        self.find(key, None).is_some()
    }

    /// The words of `key` with texts in their places, if there are any.
    pub fn find_with(&self, key: &str, values: &[(&str, &str)]) -> Option<Cow<'_, str>> {
        let args = arguments(values.iter().map(|(name, value)| (*name, Cow::Borrowed(*value))));
        self.find(key, Some(&args))
    }

    fn find(&self, key: &str, args: Option<&FluentArgs<'_>>) -> Option<Cow<'_, str>> {
        let (name, attribute) = key.split_once('.').map_or((key, None), |(n, a)| (n, Some(a)));
        let message = self.bundle.get_message(name)?;
        let pattern = match attribute {
            Some(attribute) => message.get_attribute(attribute)?.value(),
            None => message.value()?,
        };
        let mut errors = Vec::new(); // a missing argument shows as {$name}; the page still stands
        Some(self.bundle.format_pattern(pattern, args, &mut errors))
    }
}

fn arguments<'a>(values: impl Iterator<Item = (&'a str, Cow<'a, str>)>) -> FluentArgs<'a> {
    let mut args = FluentArgs::new();
    for (name, value) in values {
        args.set(name, FluentValue::String(value));
    }
    args
}

/// What keys `source` has in one language only, as `tag: key` (attributes as `key.attribute`). For each crate's test that both
/// languages say the same things: `assert!(web::words::differing_keys(&WORDS).is_empty())`.
pub fn differing_keys(source: &Source) -> Vec<String> {
    let (zh, en) = (keys_of(source.zh_cn), keys_of(source.en));
    let only = |a: &BTreeSet<String>, b: &BTreeSet<String>, tag: &str| -> Vec<String> {
        a.difference(b).map(|key| format!("{tag}: {key}")).collect()
    };
    [only(&zh, &en, "zh-CN"), only(&en, &zh, "en")].concat()
}

/// The keys of a Fluent source, a line of ours being one message or one attribute.
fn keys_of(source: &str) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    let mut message = "";
    for line in source.lines() {
        let Some((name, _)) = line.split_once('=') else { continue };
        let name = name.trim_end();
        let plain = |n: &str| !n.is_empty() && n.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if plain(name) {
            message = name;
            keys.insert(name.to_owned());
        } else if let Some(attribute) = name.trim_start().strip_prefix('.').filter(|a| plain(a)) {
            keys.insert(format!("{message}.{attribute}"));
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_say_the_same_things() {
        assert_eq!(differing_keys(&COMMON), Vec::<String>::new());
        let uneven = Source { zh_cn: "a = 1\nb = 2\n    .c = 3\n", en: "a = 1\nb = 2\nd = 4\n" };
        assert_eq!(differing_keys(&uneven), ["zh-CN: b.c", "en: d"]);
    }

    #[test]
    fn words_are_found_filled_and_escaped() {
        let own = Source {
            zh_cn: "n = { $count } 份\nm = 给<b>{ $who }</b>",
            en: "n = { $count ->\n    [one] one\n   *[other] { $count } pieces\n }\nm = for <b>{ $who }</b>",
        };
        let vocabulary = Vocabulary::new(&[own]).expect("reads");
        let (zh, en) = (vocabulary.words(Lang::ZhCn), vocabulary.words(Lang::En));
        assert_eq!(zh.get("skip"), "跳到主要内容");
        assert_eq!(zh.get("no-such"), "no-such");
        assert_eq!(zh.with("foot-number", &[("incident", "7K3M-20PD")]), "报障时请说出本页编号 7K3M-20PD");
        assert_eq!(en.count("n", 1, &[]), "one");
        assert_eq!(en.count("n", 3, &[]), "3 pieces");
        assert_eq!(en.html("m", &[("who", "<i>")]).as_str(), "for <b>&lt;i&gt;</b>");
        assert!(!en.with("foot-number", &[("incident", "x")]).contains('\u{2068}'), "no isolating marks");
    }

    #[test]
    fn accept_language_gives_the_best_of_ours() {
        for (header, expected) in [
            ("zh-CN,zh;q=0.9,en;q=0.8", Some(Lang::ZhCn)),
            ("en-GB", Some(Lang::En)),
            ("de;q=1.0, en;q=0.5, zh;q=0.6", Some(Lang::ZhCn)),
            ("en;q=0, zh;q=0.1", Some(Lang::ZhCn)),
            ("fr", None),
            ("", None),
            ("*", None),
        ] {
            assert_eq!(Lang::from_accept_language(header), expected, "{header}");
        }
        assert_eq!(Lang::from_ui_locales("fr en zh"), Some(Lang::En));
    }
}
