//! Dates and times as pages write them, at UTC+08:00.

use verifier::time::{Date, Timestamp};

use crate::words::Lang;

/// 2026年11月25日 / 25 November 2026.
pub fn day(lang: Lang, at: Timestamp) -> String {
    let Some(date) = Date::of(at) else { return at.to_string() }; // outside the years 1 to 9999
    let both = verifier::report::day(date);
    match lang {
        Lang::ZhCn => both.zh.into_owned(),
        Lang::En => both.en.into_owned(),
    }
}

/// 2026年11月25日 14:32:08 / 25 November 2026, 14:32:08.
pub fn instant(lang: Lang, at: Timestamp) -> String {
    let comma = if lang == Lang::En { "," } else { "" };
    format!("{}{comma} {}", day(lang, at), time(at))
}

/// 14:32:08.
pub fn time(at: Timestamp) -> String {
    let second = at.plus(8 * 3_600).seconds().rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// KF-38: a page shows the day of the one rule.
    #[test]
    fn days_are_those_of_the_calendar_at_utc_plus_8() {
        for (seconds, zh, en) in [
            (0, "1970年1月1日 08:00:00", "1 January 1970, 08:00:00"),
            (-1, "1970年1月1日 07:59:59", "1 January 1970, 07:59:59"),
            (-28_801, "1969年12月31日 23:59:59", "31 December 1969, 23:59:59"),
            (951_753_600, "2000年2月29日 00:00:00", "29 February 2000, 00:00:00"),
            (4_107_513_600, "2100年3月1日 00:00:00", "1 March 2100, 00:00:00"),
            (1_795_588_328, "2026年11月25日 14:32:08", "25 November 2026, 14:32:08"),
        ] {
            let at = Timestamp::from_seconds(seconds);
            assert_eq!((instant(Lang::ZhCn, at).as_str(), instant(Lang::En, at).as_str()), (zh, en));
        }
        for end in [i64::MIN, i64::MAX] {
            assert!(!day(Lang::En, Timestamp::from_seconds(end)).is_empty());
        }
    }
}
