//! Names, sizes and dates as they stand in a list.

use std::fmt::Write as _;

/// A name as people read it: what is no text or a control character is replaced.
pub(super) fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).replace(char::is_control, "\u{fffd}")
}

/// What has a meaning in HTML, without it; in an attribute too.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A name as a component of a path (RFC 3986, section 2.3): all but unreserved characters encoded. So there is
/// no colon in it that would read as a scheme (section 4.2).
pub(super) fn percent_encoded(name: &[u8], text: &mut String) {
    for byte in name {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            text.push(char::from(*byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
}

/// A size as people read it, in powers of 1024: `5 B`, `1.5 KiB`, `12 MiB`.
pub(super) fn size(bytes: u64, text: &mut String) {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        let _ = write!(text, "{bytes} B");
        return;
    }
    let mut unit = 1_u128;
    for name in UNITS {
        unit *= 1024;
        // Rounded; what would be 1024 of a unit is 1.0 of the next.
        let tenths = (u128::from(bytes) * 10 + unit / 2) / unit;
        let whole = (u128::from(bytes) + unit / 2) / unit;
        if tenths < 100 {
            let _ = write!(text, "{}.{} {name}", tenths / 10, tenths % 10);
            return;
        }
        if whole < 1024 {
            let _ = write!(text, "{whole} {name}");
            return;
        }
    }
}

/// A point of the Gregorian calendar, in UTC.
pub(super) struct Date {
    year: i64,
    month: i64,
    day: i64,
    /// Of the day.
    second: i64,
}

impl Date {
    /// So many seconds behind the epoch, or before it.
    pub(super) fn of(seconds: i64) -> Self {
        let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        // Days since the first of March of the year 0, so that a leap day is the last of its year; years
        // repeat every 400.
        let day = day.saturating_add(719_468);
        let (era, of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = era * 400 + year + i64::from(month <= 2);
        Self { year, month, day, second }
    }

    /// For people: `1994-11-06 08:49`.
    pub(super) fn minute(&self, text: &mut String) {
        let Self { year, month, day, second } = self;
        let (hour, minute) = (second / 3_600, second % 3_600 / 60);
        let _ = write!(text, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}");
    }

    /// For programs: `1994-11-06T08:49:37Z` (RFC 3339, section 5.6), which has years of four digits and no
    /// others. Whether that is known.
    pub(super) fn instant(&self, text: &mut String) -> bool {
        let Self { year, month, day, second } = self;
        if !(0..=9999).contains(year) {
            return false;
        }
        let (hour, minute, second) = (second / 3_600, second % 3_600 / 60, second % 60);
        let day = format_args!("{year:04}-{month:02}-{day:02}");
        write!(text, "{day}T{hour:02}:{minute:02}:{second:02}Z").is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_of_the_gregorian_calendar() {
        for (seconds, minute, instant) in [
            (0, "1970-01-01 00:00", "1970-01-01T00:00:00Z"),
            (784_111_777, "1994-11-06 08:49", "1994-11-06T08:49:37Z"),
            (951_782_400, "2000-02-29 00:00", "2000-02-29T00:00:00Z"),
            (4_107_542_400, "2100-03-01 00:00", "2100-03-01T00:00:00Z"),
            (1_709_251_199, "2024-02-29 23:59", "2024-02-29T23:59:59Z"),
            (-1, "1969-12-31 23:59", "1969-12-31T23:59:59Z"),
            (-62_167_219_200, "0000-01-01 00:00", "0000-01-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31 23:59", "9999-12-31T23:59:59Z"),
            // Of which RFC 3339 knows nothing.
            (253_402_300_800, "10000-01-01 00:00", ""),
            (-62_167_219_201, "-001-12-31 23:59", ""),
        ] {
            let (mut people, mut programs) = (String::new(), String::new());
            Date::of(seconds).minute(&mut people);
            assert_eq!(people, minute, "{seconds}");
            assert_eq!(Date::of(seconds).instant(&mut programs), !instant.is_empty());
            assert_eq!(programs, instant, "{seconds}");
        }
        // Whatever a filesystem says, it is no reason to panic.
        for seconds in [i64::MIN, i64::MAX] {
            Date::of(seconds).minute(&mut String::new());
        }
    }

    #[test]
    fn a_size_has_two_digits_or_more_and_never_1024_of_a_unit() {
        for (bytes, expected) in [
            (0, "0 B"),
            (1, "1 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (10_188, "9.9 KiB"),
            (10_200, "10 KiB"),
            (10_240, "10 KiB"),
            (1_047_552, "1023 KiB"),
            (1_048_064, "1.0 MiB"),
            (1_048_575, "1.0 MiB"),
            (5_368_709_120, "5.0 GiB"),
            (u64::MAX, "16 EiB"),
        ] {
            let mut text = String::new();
            size(bytes, &mut text);
            assert_eq!(text, expected, "{bytes}");
        }
    }

    #[test]
    fn a_name_is_text_to_people_and_bytes_to_links() {
        let text = escaped(&shown(b"<b>&\"'\n\xff"));
        assert_eq!(text, "&lt;b&gt;&amp;&quot;&#39;\u{fffd}\u{fffd}");
        let mut text = String::new();
        percent_encoded(b"a b:/?#%~\xe9", &mut text);
        assert_eq!(text, "a%20b%3A%2F%3F%23%25~%E9");
    }
}
