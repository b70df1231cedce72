//! Dates and times as pages write them, at UTC+08:00.

use verifier::time::Timestamp;

use crate::words::Lang;

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

/// 2026年11月25日 / 25 November 2026.
pub fn day(lang: Lang, at: Timestamp) -> String {
    let (year, month, day) = civil(at.plus(8 * 3_600).seconds().div_euclid(86_400));
    match lang {
        Lang::ZhCn => format!("{year}年{month}月{day}日"),
        Lang::En => format!("{day} {} {year}", MONTHS[usize::from(month - 1)]),
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

/// The proleptic Gregorian day that many days after 1970-01-01 (eras of 400 years, years beginning in March).
fn civil(days: i64) -> (i64, u8, u8) {
    let shifted = days.saturating_add(719_468);
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let small = |n: i64| u8::try_from(n).expect("a day and a month are small");
    (year, small(month), small(day))
}

#[cfg(test)]
mod tests {
    use super::*;

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
