//! Identifiers, regions, days, instants, masks.

use std::fmt::Display;
use std::str::FromStr;

use verifier::licence::identifier::{LicenceIdentifier, TypeCode};
use verifier::region::Region;
use verifier::subject::{IdNumber, SocialCreditCode, mask};
use verifier::time::{Date, Timestamp};

/// What is read is written as it stood, or in one form that reads as the same.
fn returns<T: FromStr + Display + PartialEq>(text: &str, as_it_stood: bool) {
    let Ok(read) = text.parse::<T>() else { return };
    let written = read.to_string();
    assert!(written.parse::<T>().is_ok_and(|again| again == read), "{text:?} is written as {written:?}");
    assert!(!as_it_stood || written == text, "{text:?} is written as {written:?}");
}

pub(crate) fn identifiers(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    returns::<SocialCreditCode>(text, true);
    returns::<LicenceIdentifier>(text, true);
    returns::<TypeCode>(text, true);
    returns::<Region>(text, true);
    returns::<Date>(text, true);
    returns::<Timestamp>(text, false);
    // The strict reader takes the standard's form alone, the lenient one what people type; on the first they agree.
    let (strict, lenient) = (text.parse::<IdNumber>(), IdNumber::read(text));
    if let Ok(number) = &strict {
        assert!(lenient.as_ref().is_ok_and(|other| other == number), "a standard form that a person may not type");
    }
    if let Ok(number) = &lenient {
        assert!(number.as_str().parse::<IdNumber>().is_ok_and(|again| again == *number));
    }
    if let Ok(date) = text.parse::<Date>() {
        assert_eq!(Date::from_compact(date.compact().into()), Some(date));
        assert_eq!(Date::of(date.first_second()), Some(date));
        assert_eq!(Date::of(date.end().plus(-1)), Some(date));
    }
    if let (Ok(region), Some(short)) = (text.parse::<Region>(), text.get(..6)) {
        assert!(region.contains(&region));
        assert!(short.parse::<Region>().is_ok_and(|whole| whole.contains(&region)), "{text} lies outside {short}");
    }
    // A mask hides: of a number of eighteen digits no more than the last four remain.
    if strict.is_ok() {
        assert!(!mask::id_number(text).contains(&text[..14]));
    }
    let _ = (mask::name(text), mask::phone(text), mask::id_number(text), verifier::verify::normalise(text));
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    [
        "11010519491231002X",
        "110105491231002",
        "91110000600037341L",
        "11990100001000010R001",
        "1.2.156.3005.2.11100000000013127D001.11640000MB00XY126D.202600000001.001.S",
        "2026-11-25T06:00:00+08:00",
        "1969-12-31T23:59:59Z",
        "2024-02-29",
        "990101001002",
        "张三·李𠮷",
        "13800000000",
        "\\000026]Q1XY1:AB",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}
