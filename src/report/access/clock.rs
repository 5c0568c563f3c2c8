//! The time as access logs write it.

use std::time::{SystemTime, UNIX_EPOCH};

/// The last second that four digits of a year can tell; later ones are written as this one.
const END: u64 = 253_402_300_799;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The text of one second, in both forms; made anew only if the second is another one.
#[derive(Debug)]
pub(crate) struct Clock {
    second: u64,
    /// `29/Nov/2026:06:23:52 +0000`
    combined: String,
    /// `2026-11-29T06:23:52`
    iso: String,
}

impl Clock {
    pub(crate) const fn new() -> Self {
        Self { second: u64::MAX, combined: String::new(), iso: String::new() }
    }

    /// Turns to the second of `now`; its milliseconds come back. What is before 1970 is 1970.
    pub(crate) fn turn(&mut self, now: SystemTime) -> u32 {
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let second = since.as_secs().min(END);
        if second != self.second {
            self.second = second;
            self.write(second);
        }
        since.subsec_millis()
    }

    /// The second, counted from the begin of 1970.
    pub(super) const fn unix(&self) -> u64 {
        self.second
    }

    pub(super) fn combined(&self) -> &[u8] {
        self.combined.as_bytes()
    }

    pub(crate) fn iso(&self) -> &[u8] {
        self.iso.as_bytes()
    }

    /// The parts of `Sun, 29 Nov 2026 06:23:52 GMT`, in other orders.
    fn write(&mut self, second: u64) {
        let time = UNIX_EPOCH + std::time::Duration::from_secs(second);
        let text = httpdate::fmt_http_date(time);
        let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or("");
        let (day, month, year, time) = (part(5..7), part(8..11), part(12..16), part(17..25));
        let number = 1 + MONTHS.iter().position(|name| *name == month).unwrap_or(0);
        self.combined = format!("{day}/{month}/{year}:{time} +0000");
        self.iso = format!("{year}-{number:02}-{day}T{time}");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64, millis: u32) -> (String, String) {
        let mut clock = Clock::new();
        let time = UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_millis(millis.into());
        assert_eq!(clock.turn(time), millis);
        (clock.combined.clone(), clock.iso.clone())
    }

    #[test]
    fn a_second_is_written_in_both_forms() {
        let both = |combined: &str, iso: &str| (combined.to_owned(), iso.to_owned());
        let epoch = both("01/Jan/1970:00:00:00 +0000", "1970-01-01T00:00:00");
        assert_eq!(at(0, 0), epoch);
        let leap = both("29/Feb/2024:23:59:59 +0000", "2024-02-29T23:59:59");
        assert_eq!(at(1_709_251_199, 999), leap);
        let last = both("31/Dec/9999:23:59:59 +0000", "9999-12-31T23:59:59");
        assert_eq!(at(END, 7), last.clone());
        assert_eq!(at(END + 1, 7), last, "a clock that is wrong is no panic");
    }

    #[test]
    fn the_text_follows_the_second() {
        let mut clock = Clock::new();
        clock.turn(UNIX_EPOCH + Duration::from_millis(1_900));
        assert_eq!(clock.iso(), b"1970-01-01T00:00:01");
        clock.turn(UNIX_EPOCH + Duration::from_secs(2));
        assert_eq!(clock.iso(), b"1970-01-01T00:00:02");
        clock.turn(UNIX_EPOCH - Duration::from_secs(5));
        assert_eq!(clock.combined(), b"01/Jan/1970:00:00:00 +0000");
    }
}
