//! Instants and days. An instant is whole seconds UTC; a legal day begins at 00:00 UTC+08:00, fixed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Seconds by which the legal day begins before the day in UTC.
const LEGAL_OFFSET: i64 = 8 * 3600;
/// Seconds in a day; there are no others (no leap seconds, no summer time).
const DAY: i64 = 86_400;

/// An instant: whole seconds since 1970-01-01T00:00:00Z, negative before. No leap seconds, no zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The instant that many seconds after 1970-01-01T00:00:00Z.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// This instant moved by `seconds`, held at the ends of the range instead of overflowing.
    #[must_use]
    pub const fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Seconds from `earlier` to this instant; negative if `earlier` is later.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 with `Z`; outside the years 0000 to 9999 the bare seconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match time::OffsetDateTime::from_unix_timestamp(self.0) {
            Ok(t) if (0..=9999).contains(&t.year()) => write!(
                f,
                "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
                t.year(),
                u8::from(t.month()),
                t.day(),
                t.hour(),
                t.minute(),
                t.second()
            ),
            _ => write!(f, "@{}", self.0),
        }
    }
}

/// A text that is no instant or no day in the form asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a date or time in the form asked for")]
pub struct TimeError;

impl FromStr for Timestamp {
    type Err = TimeError;

    /// Reads RFC 3339 with `T` and with `Z` or an offset; parts of a second are dropped, leap seconds are refused.
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let bytes = text.as_bytes();
        let days = i64::from(days(bytes.get(..10).ok_or(TimeError)?, 0)?);
        if bytes.get(10) != Some(&b'T') {
            return Err(TimeError);
        }
        let clock = bytes.get(11..19).ok_or(TimeError)?;
        if clock[2] != b':' || clock[5] != b':' {
            return Err(TimeError);
        }
        let hour_minute = |two: &[u8]| Ok((number(&two[..2], 23)?, number(&two[3..5], 59)?));
        let (hour, minute) = hour_minute(clock)?;
        let second = number(&clock[6..], 59)?;
        let mut rest = &bytes[19..];
        if let Some(fraction) = rest.strip_prefix(b".") {
            let digits = fraction.iter().take_while(|c| c.is_ascii_digit()).count();
            if digits == 0 {
                return Err(TimeError);
            }
            rest = &fraction[digits..];
        }
        let offset = match rest {
            b"Z" => 0,
            [sign @ (b'+' | b'-'), zone @ ..] if zone.len() == 5 && zone[2] == b':' => {
                let (hours, minutes) = hour_minute(zone)?;
                let seconds = hours * 3600 + minutes * 60;
                if *sign == b'+' { seconds } else { -seconds }
            }
            _ => return Err(TimeError),
        };
        Ok(Self(days * DAY + hour * 3600 + minute * 60 + second - offset))
    }
}

/// A legal day: a date of the Gregorian calendar that begins at 00:00 UTC+08:00 and never passes through a time zone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// Days since 1970-01-01.
    days: i32,
}

impl Date {
    /// The day of a calendar year (1 to 9999), month and day, if there is one.
    pub fn new(year: i32, month: u8, day: u8) -> Option<Self> {
        if !(1..=9999).contains(&year) {
            return None;
        }
        let date = time::Date::from_calendar_date(year, time::Month::try_from(month).ok()?, day).ok()?;
        Some(Self { days: date.to_julian_day() - EPOCH_JULIAN })
    }

    /// The legal day on which `at` lies; none outside the years 1 to 9999.
    pub fn of(at: Timestamp) -> Option<Self> {
        let days = at.0.checked_add(LEGAL_OFFSET)?.div_euclid(DAY);
        Self::from_days(i32::try_from(days).ok()?)
    }

    /// The first second of the day, at UTC+08:00.
    pub fn first_second(self) -> Timestamp {
        Timestamp(i64::from(self.days) * DAY - LEGAL_OFFSET)
    }

    /// The first second after the day: what is valid to this day expires then (end exclusive).
    pub fn end(self) -> Timestamp {
        self.first_second().plus(DAY)
    }

    /// The day after; none after 9999-12-31.
    pub fn next_day(self) -> Option<Self> {
        self.plus_days(1)
    }

    /// The day `days` later, or earlier if negative; none outside the years 1 to 9999.
    pub fn plus_days(self, days: i32) -> Option<Self> {
        Self::from_days(self.days.checked_add(days)?)
    }

    /// The same day `years` later; of 29 February, in a year without one, 1 March less a day.
    pub fn plus_years(self, years: i32) -> Option<Self> {
        let (year, month, day) = self.parts();
        let year = year.checked_add(years)?;
        Self::new(year, month, day).or_else(|| Self::new(year, month, 28))
    }

    /// Year, month from 1, day from 1.
    pub fn parts(self) -> (i32, u8, u8) {
        let date = time::Date::from_julian_day(self.days + EPOCH_JULIAN).expect("a Date is within the years 1 to 9999");
        (date.year(), date.month().into(), date.day())
    }

    /// The day as the number YYYYMMDD.
    pub fn compact(self) -> u32 {
        let (year, month, day) = self.parts();
        year.unsigned_abs() * 10_000 + u32::from(month) * 100 + u32::from(day)
    }

    /// The day of a number YYYYMMDD, if there is one.
    pub fn from_compact(number: u64) -> Option<Self> {
        let year = i32::try_from(number / 10_000).ok()?;
        let part = |n: u64| u8::try_from(n % 100).ok();
        Self::new(year, part(number / 100)?, part(number)?)
    }

    /// Full years from `born` to this day; on 28 February nobody born on a 29th is a year older yet.
    pub fn years_since(self, born: Self) -> i32 {
        let (this, that) = (self.parts(), born.parts());
        this.0 - that.0 - i32::from((this.1, this.2) < (that.1, that.2))
    }

    fn from_days(days: i32) -> Option<Self> {
        let date = time::Date::from_julian_day(days.checked_add(EPOCH_JULIAN)?).ok()?;
        (1..=9999).contains(&date.year()).then_some(Self { days })
    }
}

/// Julian day of 1970-01-01.
const EPOCH_JULIAN: i32 = 2_440_588;

impl FromStr for Date {
    type Err = TimeError;

    /// Reads `YYYY-MM-DD` and nothing else.
    fn from_str(text: &str) -> Result<Self, TimeError> {
        Ok(Self { days: days(text.as_bytes(), 1)? })
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.parts();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Days since 1970-01-01 of `YYYY-MM-DD`, for years from `first_year` on.
fn days(text: &[u8], first_year: i64) -> Result<i32, TimeError> {
    if text.len() != 10 || text[4] != b'-' || text[7] != b'-' {
        return Err(TimeError);
    }
    let year = number(&text[..4], 9999)?;
    if year < first_year {
        return Err(TimeError);
    }
    let month = u8::try_from(number(&text[5..7], 12)?).map_err(|_| TimeError)?;
    let day = u8::try_from(number(&text[8..], 31)?).map_err(|_| TimeError)?;
    let year = i32::try_from(year).map_err(|_| TimeError)?;
    let month = time::Month::try_from(month).map_err(|_| TimeError)?;
    let date = time::Date::from_calendar_date(year, month, day).map_err(|_| TimeError)?;
    Ok(date.to_julian_day() - EPOCH_JULIAN)
}

/// A number of ASCII digits alone, at most `most`.
fn number(digits: &[u8], most: i64) -> Result<i64, TimeError> {
    let mut value = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return Err(TimeError);
        }
        value = value * 10 + i64::from(digit - b'0');
    }
    if value <= most { Ok(value) } else { Err(TimeError) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_one_form() {
        for (text, good) in [
            ("2026-12-31", true),
            ("2024-02-29", true),
            ("0001-01-01", true),
            ("9999-12-31", true),
            ("2023-02-29", false),
            ("2026-13-01", false),
            ("2026-00-01", false),
            ("2026-1-01", false),
            ("0000-01-01", false),
            ("20261231", false),
            ("2026-12-31 ", false),
            ("+026-12-31", false),
            ("２026-12-31", false),
            ("", false),
        ] {
            assert_eq!(text.parse::<Date>().map(|d| d.to_string()).ok().as_deref(), good.then_some(text), "{text}");
        }
    }

    #[test]
    fn a_licence_to_a_day_ends_at_sixteen_utc() {
        let day: Date = "2026-12-31".parse().unwrap();
        assert_eq!(day.end().to_string(), "2026-12-31T16:00:00Z");
        assert_eq!(day.first_second().to_string(), "2026-12-30T16:00:00Z");
        assert_eq!(day.compact(), 20_261_231);
        assert_eq!(Date::from_compact(20_230_229), None);
        assert_eq!(Date::from_compact(u64::MAX), None);
        assert_eq!("9999-12-31".parse::<Date>().unwrap().next_day(), None);
        let leap: Date = "2024-02-29".parse().unwrap();
        assert_eq!(leap.plus_years(1).unwrap().to_string(), "2025-02-28");
        assert_eq!("2042-02-28".parse::<Date>().unwrap().years_since(leap), 17);
        assert_eq!("2042-03-01".parse::<Date>().unwrap().years_since(leap), 18);
    }

    /// KF-38: no day from 1900 to 2100 is lost or shifted on its way through text, number, JSON and instant.
    #[test]
    fn every_day_survives() {
        let mut day: Date = "1900-01-01".parse().unwrap();
        let last: Date = "2100-12-31".parse().unwrap();
        let mut seen = 0;
        while day <= last {
            assert_eq!(day.to_string().parse(), Ok(day));
            assert_eq!(Date::from_compact(day.compact().into()), Some(day));
            assert_eq!(serde_json::from_value::<Date>(serde_json::to_value(day).unwrap()).unwrap(), day);
            assert_eq!(Date::of(day.first_second()), Some(day));
            assert_eq!(Date::of(day.end().plus(-1)), Some(day));
            assert_eq!(day.end().since(day.first_second()), 86_400);
            seen += 1;
            day = day.next_day().unwrap();
        }
        assert_eq!(seen, 73_414);
        // days on which clocks in Shanghai were moved, and their neighbours: each follows the one before
        for text in ["1927-12-31", "1986-05-04", "1988-04-10", "1988-04-17", "1991-04-14", "1991-09-15"] {
            let day: Date = text.parse().unwrap();
            let next = day.next_day().unwrap();
            assert_eq!(next.first_second(), day.end(), "{text}");
            assert_eq!(Date::of(day.end()), Some(next), "{text}");
        }
    }

    /// KF-38: what a machine takes for its time zone changes no day.
    #[test]
    fn no_time_zone_changes_a_day() {
        let program = std::env::current_exe().unwrap();
        for zone in ["Asia/Shanghai", "UTC", "America/New_York"] {
            let tests = ["time::tests::every_day_survives", "time::tests::a_licence_to_a_day_ends_at_sixteen_utc"];
            let ran = std::process::Command::new(&program).args(tests).env("TZ", zone).output().unwrap();
            let said = String::from_utf8_lossy(&ran.stdout);
            assert!(ran.status.success() && said.contains("2 passed"), "{zone}: {said}");
        }
    }

    #[test]
    fn instants_are_rfc_3339() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1969-12-31T23:59:59Z", Some(-1)),
            ("2026-11-25T06:00:00Z", Some(1_795_586_400)),
            ("2026-11-25T14:00:00+08:00", Some(1_795_586_400)),
            ("2026-11-25T06:00:00.999Z", Some(1_795_586_400)),
            ("2026-11-25T06:00:00", None),
            ("2026-11-25 06:00:00Z", None),
            ("2026-11-25T24:00:00Z", None),
            ("2026-11-25T23:59:60Z", None),
            ("2026-11-25T06:00:00.Z", None),
            ("2026-11-25T06:00:00+0800", None),
            ("2026-11-25T06:00:0", None),
            ("2026-11-2５T06:00:00Z", None),
            ("", None),
        ] {
            assert_eq!(text.parse::<Timestamp>().map(Timestamp::seconds).ok(), seconds, "{text}");
        }
        assert_eq!(Date::of(Timestamp::from_seconds(i64::MAX)), None);
        assert_eq!(Date::of(Timestamp::from_seconds(i64::MIN)), None);
    }
}
