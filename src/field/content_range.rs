//! `Content-Range`: which part of how much (RFC 9110, section 14.4).

use std::ops::Range;

use http::header::HeaderValue;

/// `bytes 0-499/1234` for a part that is not empty. The end of `part` is the byte behind it.
pub(crate) fn part(part: &Range<u64>, complete: u64) -> HeaderValue {
    value(format!("bytes {}-{}/{complete}", part.start, part.end.saturating_sub(1)))
}

/// `bytes */1234`: no byte of what was asked for is there.
pub(crate) fn unsatisfied(complete: u64) -> HeaderValue {
    value(format!("bytes */{complete}"))
}

fn value(text: String) -> HeaderValue {
    // Digits and signs: no value may not have them.
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_byte_is_named_and_not_the_one_behind_it() {
        // RFC 9110, sections 14.4 and 15.5.17.
        assert_eq!(part(&(42..1234), 1234), "bytes 42-1233/1234");
        assert_eq!(part(&(0..500), 1234), "bytes 0-499/1234");
        assert_eq!(part(&(734..1234), 1234), "bytes 734-1233/1234");
        assert_eq!(part(&(0..1), 1), "bytes 0-0/1");
        assert_eq!(unsatisfied(1234), "bytes */1234");
        assert_eq!(
            part(&(u64::MAX - 1..u64::MAX), u64::MAX),
            "bytes 18446744073709551614-18446744073709551614/18446744073709551615"
        );
    }
}
