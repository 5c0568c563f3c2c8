//! Points in time as HTTP tells them: whole seconds, in three forms (RFC 9110, section 5.6.7).

use std::cell::RefCell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::HeaderValue;

use super::list;

/// Seconds since the epoch; there may be less than none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Date(i64);

/// The calendar repeats itself, days of the week included, after this many years and seconds.
const CYCLE: (u16, i64) = (400, 146_097 * 86_400);

/// The end of the year 9999, the last that four digits can tell.
const END: i64 = 253_402_300_800;

/// The seconds of a mean year.
const YEAR: i64 = 31_556_952;

/// The year before the first that the `httpdate` crate reads and prints.
const BEFORE_FIRST_YEAR: u16 = 1969;

const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// How many dates a thread remembers: the present second, and those of files that are asked for again.
const PLACES: usize = 64;

thread_local! {
    /// Dates that were written lately, each in the place of its second.
    static TOLD: RefCell<[Option<(Date, HeaderValue)>; PLACES]> =
        const { RefCell::new([const { None }; PLACES]) };
}

impl Date {
    /// The second that `time` lies in.
    pub(crate) fn of(time: SystemTime) -> Self {
        Self(match time.duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            Err(before) => {
                let before = before.duration();
                let whole = i64::try_from(before.as_secs()).unwrap_or(i64::MAX);
                let begun = i64::from(before.subsec_nanos() > 0);
                whole.saturating_neg().saturating_sub(begun)
            }
        })
    }

    /// Reads an `HTTP-date` in one of its three forms; `None` for everything else.
    ///
    /// `now` is what a year of two digits is held against.
    pub(crate) fn parse(value: &HeaderValue, now: Self) -> Option<Self> {
        let text = std::str::from_utf8(list::trim(value.as_bytes())).ok()?;
        // The only second that is in the grammar and in no calendar.
        if let Some((before, behind)) = text.split_once("23:59:60") {
            let second = Self::read(&format!("{before}23:59:59{behind}"), now)?;
            return Some(Self(second.0.saturating_add(1)));
        }
        Self::read(text, now)
    }

    fn read(text: &str, now: Self) -> Option<Self> {
        match text.len() {
            29 => Self::with_full_year(text, 12),
            24 => Self::with_full_year(text, 20),
            _ => None,
        }
        .or_else(|| Self::with_short_year(text, now))
    }

    /// Reads `Sun, 06 Nov 1994 08:49:37 GMT` or `Sun Nov  6 08:49:37 1994`, with the year at `at`.
    fn with_full_year(text: &str, at: usize) -> Option<Self> {
        let year = text.get(at..at + 4).filter(|year| year.bytes().all(|b| b.is_ascii_digit()))?;
        let year: u16 = year.parse().ok()?;
        // `httpdate` knows no year before 1970: one that is a few cycles later has the same days.
        let cycles = (BEFORE_FIRST_YEAR + CYCLE.0).saturating_sub(year) / CYCLE.0;
        let seconds = if cycles == 0 {
            Self::of(httpdate::parse_http_date(text).ok()?).0
        } else {
            let (before, behind) = (text.get(..at)?, text.get(at + 4..)?);
            let later = format!("{before}{:04}{behind}", year + cycles * CYCLE.0);
            let later = Self::of(httpdate::parse_http_date(&later).ok()?).0;
            later - i64::from(cycles) * CYCLE.1
        };
        Some(Self(seconds))
    }

    /// Reads `Sunday, 06-Nov-94 08:49:37 GMT`.
    ///
    /// What would be more than fifty years ahead is the latest year of the past that ends so.
    fn with_short_year(text: &str, now: Self) -> Option<Self> {
        let (weekday, rest) = text.split_once(", ")?;
        let (day, rest) = rest.split_once('-')?;
        let (month, rest) = rest.split_once('-')?;
        let (year, time) = rest.split_at_checked(2)?;
        if !WEEKDAYS.contains(&weekday) || !year.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let year: i64 = year.parse().ok()?;
        let weekday = weekday.get(..3)?;
        let read = |year: i64| {
            let text = format!("{weekday}, {day} {month} {year:04}{time}");
            (text.len() == 29).then(|| Self::with_full_year(&text, 12)).flatten()
        };
        let limit = now.0.saturating_add(50 * YEAR);
        let last = limit.div_euclid(YEAR).saturating_add(1970).clamp(1999, 9999);
        let latest = last - (last - year).rem_euclid(100);
        match read(latest) {
            // In the fiftieth year from now the day decides.
            None if latest == last => read(latest - 100),
            Some(date) if date.0 > limit => read(latest - 100),
            date => date,
        }
    }

    /// Whether it lies in the years from 1970 to 9999.
    pub(crate) fn can_be_told(self) -> bool {
        (0..END).contains(&self.0)
    }

    /// The date as a field writes it, if HTTP has a form for it.
    pub(crate) fn value(self) -> Option<HeaderValue> {
        let place = usize::try_from(self.0).ok()? % PLACES;
        TOLD.with_borrow_mut(|told| match told.get_mut(place)? {
            Some((date, value)) if *date == self => Some(value.clone()),
            other => {
                let value = self.print()?;
                *other = Some((self, value.clone()));
                Some(value)
            }
        })
    }

    fn print(self) -> Option<HeaderValue> {
        let since = u64::try_from(self.0).ok().filter(|_| self.can_be_told())?;
        let time = UNIX_EPOCH.checked_add(Duration::from_secs(since))?;
        HeaderValue::try_from(httpdate::fmt_http_date(time)).ok()
    }

    /// How many seconds `self` is before `other`; none if it is not.
    pub(crate) fn seconds_before(self, other: Self) -> u64 {
        u64::try_from(other.0.saturating_sub(self.0)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-07-01, as a year of two digits is held against it.
    const NOW: Date = Date(1_782_864_000);

    fn check(text: &str, expected: Option<i64>) {
        let value = HeaderValue::from_bytes(text.as_bytes()).expect("a legal value");
        assert_eq!(Date::parse(&value, NOW), expected.map(Date), "{text:?}");
    }

    #[test]
    fn three_forms_tell_the_same_second() {
        // RFC 9110, section 5.6.7.
        check("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777));
        check("Sunday, 06-Nov-94 08:49:37 GMT", Some(784_111_777));
        check("Sun Nov  6 08:49:37 1994", Some(784_111_777));
        check(" \tSun, 06 Nov 1994 08:49:37 GMT ", Some(784_111_777));
        check("Thu, 01 Jan 1970 00:00:00 GMT", Some(0));
        check("Fri, 31 Dec 9999 23:59:59 GMT", Some(END - 1));
        check("Thu, 29 Feb 2024 00:00:00 GMT", Some(1_709_164_800));
    }

    #[test]
    fn a_date_before_the_epoch_is_a_date() {
        check("Wed, 31 Dec 1969 23:59:59 GMT", Some(-1));
        check("Mon, 01 Jan 1900 00:00:00 GMT", Some(-2_208_988_800));
        check("Mon Jan  1 00:00:00 1601", Some(-11_644_473_600));
        check("Tue, 01 Jan 1900 00:00:00 GMT", None);
    }

    #[test]
    fn a_leap_second_is_the_one_after() {
        check("Sat, 31 Dec 2016 23:59:60 GMT", Some(1_483_228_800));
        check("Sat, 31 Dec 2016 12:59:60 GMT", None);
    }

    #[test]
    fn two_digits_are_at_most_fifty_years_ahead() {
        check("Wednesday, 01-Jul-26 00:00:00 GMT", Some(1_782_864_000));
        // 2076 has begun when fifty years are over, and has not ended.
        check("Wednesday, 01-Jan-76 00:00:00 GMT", Some(3_345_062_400));
        check("Friday, 31-Dec-76 00:00:00 GMT", Some(220_838_400));
        check("Saturday, 01-Jan-77 00:00:00 GMT", Some(220_924_800));
        check("Thursday, 31-Dec-76 00:00:00 GMT", None);
        // A wrong weekday does not find another century.
        check("Thursday, 01-Jan-20 00:00:00 GMT", None);
        let late = HeaderValue::from_static("Saturday, 01-Jan-00 00:00:00 GMT");
        assert_eq!(Date::parse(&late, Date(i64::MIN)), None);
        assert_eq!(Date::parse(&late, Date(i64::MAX)), None);
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "0",
            "784111777",
            "-1",
            "now",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37 +0000",
            "sun, 06 nov 1994 08:49:37 gmt",
            "Sun,  6 Nov 1994 08:49:37 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:60:37 GMT",
            "Wed, 30 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov +994 08:49:37 GMT",
            "Sunday, 06-Nov-1994 08:49:37 GMT",
            "Sun, 06-Nov-94 08:49:37 GMT",
            "Sunday, 06-Nov-94X08:49:37 GMT",
            "Sunday, 06 Nov 94 08:49:37 GMT",
            "Sun Nov 6 08:49:37 1994",
            "1994-11-06T08:49:37Z",
            "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
            "S\u{fc}n, 06 Nov 1994 08:49:37 GM",
            "\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn what_is_printed_is_read_again() {
        let mut random = fastrand::Rng::with_seed(6);
        for _ in 0..20_000 {
            let date = Date(random.i64(0..END));
            let value = date.value().expect("a year of four digits");
            assert_eq!(Date::parse(&value, NOW), Some(date), "{value:?}");
        }
        for outside in [i64::MIN, -1, END, i64::MAX] {
            assert_eq!(Date(outside).value(), None, "{outside}");
        }
    }

    #[test]
    fn a_moment_lies_in_its_second() {
        let second = Duration::from_secs(1);
        let half = Duration::from_millis(500);
        assert_eq!(Date::of(UNIX_EPOCH + half), Date(0));
        assert_eq!(Date::of(UNIX_EPOCH - half), Date(-1));
        assert_eq!(Date::of(UNIX_EPOCH - second), Date(-1));
        assert_eq!(Date(1).seconds_before(Date(3)), 2);
        assert_eq!(Date(3).seconds_before(Date(1)), 0);
        assert_eq!(Date(i64::MIN).seconds_before(Date(i64::MAX)), i64::MAX.unsigned_abs());
    }

    #[test]
    fn no_bytes_are_too_much_for_it() {
        let mut random = fastrand::Rng::with_seed(9);
        let seeds = [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ];
        for _ in 0..50_000 {
            let mut bytes = seeds[random.usize(0..seeds.len())].as_bytes().to_vec();
            for _ in 0..random.usize(1..4) {
                let at = random.usize(0..bytes.len());
                match random.u8(0..3) {
                    0 => bytes[at] = random.u8(..),
                    1 => bytes.insert(at, random.u8(..)),
                    _ => drop(bytes.remove(at)),
                }
            }
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let _ = Date::parse(&value, Date(random.i64(..)));
            }
        }
    }
}
