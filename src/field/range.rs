//! `Range`: which bytes a client wants (RFC 9110, sections 14.1 and 14.2).

use std::cmp::Ordering;
use std::ops;

use http::header::HeaderValue;

use super::list;

/// The most members of one field that are read. Who asks for more gets the whole.
pub(crate) const MAX_SPECS: usize = 64;

/// What the `Range` lines of a request say together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ranges {
    /// There is no such line.
    Absent,
    /// Bytes; at least one member, at most [`MAX_SPECS`].
    Bytes(Vec<Spec>),
    /// A unit other than bytes, which is ignored (RFC 9110, section 14.2).
    OtherUnit,
    /// More members than are read.
    TooMany,
    /// Several lines, a member that is none, or no member.
    Malformed,
}

/// One member of a set of byte ranges. A number that is too large stands for the largest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spec {
    /// `first-last`, both meant.
    Within { first: u64, last: u64 },
    /// `first-`
    From(u64),
    /// `-length`
    Suffix(u64),
}

impl Ranges {
    /// Reads every `Range` line; `Range` is no list, so two of them mean nothing together.
    pub(crate) fn read<'a>(lines: impl IntoIterator<Item = &'a HeaderValue>) -> Self {
        let mut lines = lines.into_iter();
        let Some(line) = lines.next() else { return Self::Absent };
        if lines.next().is_some() {
            return Self::Malformed;
        }
        let line = list::trim(line.as_bytes());
        let Some(at) = line.iter().position(|byte| *byte == b'=') else { return Self::Malformed };
        let (unit, set) = (&line[..at], &line[at + 1..]);
        // Names of units are case-insensitive (RFC 9110, section 14.1).
        if !unit.eq_ignore_ascii_case(b"bytes") {
            return if unit.is_empty() { Self::Malformed } else { Self::OtherUnit };
        }
        let mut specs = Vec::new();
        for member in set.split(|byte| *byte == b',').map(list::trim).filter(|m| !m.is_empty()) {
            if specs.len() == MAX_SPECS {
                return Self::TooMany;
            }
            let Some(spec) = Spec::read(member) else { return Self::Malformed };
            specs.push(spec);
        }
        if specs.is_empty() { Self::Malformed } else { Self::Bytes(specs) }
    }
}

impl Spec {
    fn read(member: &[u8]) -> Option<Self> {
        let dash = member.iter().position(|byte| *byte == b'-')?;
        let (first, last) = (&member[..dash], &member[dash + 1..]);
        Some(match (first, last) {
            ([], length) => Self::Suffix(number(length)?),
            (first, []) => Self::From(number(first)?),
            (from, to) => {
                let (first, last) = (number(from)?, number(to)?);
                // Also where both are beyond what a number holds.
                if magnitude(to, from) == Ordering::Less {
                    return None;
                }
                Self::Within { first, last }
            }
        })
    }

    /// The bytes of a representation of this length that are meant; `None` if there are none.
    pub(crate) fn within(self, length: u64) -> Option<ops::Range<u64>> {
        let range = match self {
            // A last byte beyond the end is the last one there is (section 14.1.2).
            Self::Within { first, last } => first..last.saturating_add(1).min(length),
            Self::From(first) => first..length,
            Self::Suffix(suffix) => length.saturating_sub(suffix)..length,
        };
        (range.start < range.end).then_some(range)
    }
}

/// `1*DIGIT`; what is too large becomes the largest.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        Some(sum.saturating_mul(10).saturating_add(digit))
    })
}

/// Compares two numbers of any size by their digits.
fn magnitude(one: &[u8], other: &[u8]) -> Ordering {
    fn bare(digits: &[u8]) -> &[u8] {
        let zeros = digits.iter().position(|digit| *digit != b'0').unwrap_or(digits.len());
        &digits[zeros..]
    }
    let (one, other) = (bare(one), bare(other));
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Ranges {
        Ranges::read([&HeaderValue::from_bytes(text).expect("a legal value")])
    }

    /// The bytes that are meant, of a representation with 10,000.
    fn check(text: &str, expected: &[Option<ops::Range<u64>>]) {
        let Ranges::Bytes(specs) = read(text.as_bytes()) else { panic!("{text:?} is no set") };
        let found: Vec<_> = specs.into_iter().map(|spec| spec.within(10_000)).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn a_set_names_bytes_from_either_end() {
        // The examples of RFC 9110, section 14.1.2.
        check("bytes=0-499", &[Some(0..500)]);
        check("bytes=500-999", &[Some(500..1000)]);
        check("bytes=-500", &[Some(9500..10_000)]);
        check("bytes=9500-", &[Some(9500..10_000)]);
        check("bytes=0-0,-1", &[Some(0..1), Some(9999..10_000)]);
        check(
            "bytes= 0-999, 4500-5499, -1000",
            &[Some(0..1000), Some(4500..5500), Some(9000..10_000)],
        );
        check("bytes=500-600,601-999", &[Some(500..601), Some(601..1000)]);
        check("bytes=500-700,601-999", &[Some(500..701), Some(601..1000)]);
        check("BYTES=0-0", &[Some(0..1)]);
        check("bytes=,0-0 ,\t, 1-1,", &[Some(0..1), Some(1..2)]);
        check("bytes=007-008", &[Some(7..9)]);
        check("bytes=9999-9999", &[Some(9999..10_000)]);
        check("bytes=9999-10000", &[Some(9999..10_000)]);
        check("bytes=-10001", &[Some(0..10_000)]);
    }

    #[test]
    fn what_is_not_there_is_none() {
        check("bytes=10000-", &[None]);
        check("bytes=10000-10001", &[None]);
        check("bytes=-0", &[None]);
        check("bytes=10000-,0-1", &[None, Some(0..2)]);
        assert_eq!(Spec::From(0).within(0), None);
        assert_eq!(Spec::Suffix(1).within(0), None);
    }

    #[test]
    fn a_number_may_be_larger_than_any_file() {
        check("bytes=0-18446744073709551615", &[Some(0..10_000)]);
        check("bytes=0-99999999999999999999999", &[Some(0..10_000)]);
        check("bytes=99999999999999999999999-", &[None]);
        check("bytes=-99999999999999999999999", &[Some(0..10_000)]);
        check("bytes=99999999999999999999998-99999999999999999999999", &[None]);
        assert_eq!(
            read(b"bytes=99999999999999999999999-99999999999999999999998"),
            Ranges::Malformed
        );
        assert_eq!(Spec::From(u64::MAX - 1).within(u64::MAX), Some(u64::MAX - 1..u64::MAX));
        assert_eq!(
            Spec::From(5_000_000_000).within(6_000_000_000),
            Some(5_000_000_000..6_000_000_000)
        );
    }

    #[test]
    fn one_bad_member_spoils_the_set() {
        for text in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=1",
            "bytes=2-1",
            "bytes=0-0,2-1",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=1-+2",
            "bytes=--1",
            "bytes=1--2",
            "bytes=1-2-3",
            "bytes=0 - 1",
            "bytes=0- 1",
            "bytes=0x0-1",
            "bytes=0-1;2-3",
            "bytes=0-1,a",
            "=0-1",
            "bytes=\u{660}-1",
            "bytes=*",
            "bytes==0-1",
        ] {
            assert_eq!(read(text.as_bytes()), Ranges::Malformed, "{text:?}");
        }
        for text in ["items=0-5", "seconds=1-2", "byte=0-1", "bytes =0-1", "x=", "none=0-1"] {
            assert_eq!(read(text.as_bytes()), Ranges::OtherUnit, "{text:?}");
        }
    }

    #[test]
    fn two_lines_mean_nothing_together() {
        let line = HeaderValue::from_static("bytes=0-1");
        assert_eq!(Ranges::read([]), Ranges::Absent);
        assert_eq!(Ranges::read([&line, &line]), Ranges::Malformed);
    }

    #[test]
    fn no_more_members_are_read_than_the_cap_says() {
        let set = |count: usize| format!("bytes={}", "0-0,".repeat(count));
        let all = read(set(MAX_SPECS).as_bytes());
        assert_eq!(all, Ranges::Bytes(vec![Spec::Within { first: 0, last: 0 }; MAX_SPECS]));
        assert_eq!(read(set(MAX_SPECS + 1).as_bytes()), Ranges::TooMany);
        assert_eq!(read(set(1 << 18).as_bytes()), Ranges::TooMany);
    }

    #[test]
    fn no_bytes_are_too_much_for_it() {
        let mut random = fastrand::Rng::with_seed(4);
        let alphabet = b"0123456789--,, \t=ab\xff";
        for _ in 0..50_000 {
            let length = random.usize(0..40);
            let mut line = b"bytes=".to_vec();
            line.extend((0..length).map(|_| alphabet[random.usize(0..alphabet.len())]));
            let Ok(value) = HeaderValue::from_bytes(&line) else { continue };
            if let Ranges::Bytes(specs) = Ranges::read([&value]) {
                let length = random.u64(..) >> random.u32(0..64);
                for range in specs.into_iter().filter_map(|spec| spec.within(length)) {
                    assert!(range.start < range.end && range.end <= length, "{line:?}");
                }
            }
        }
        for unit in ["0-0,", ",", "9", "-", "9-", " ", "="] {
            let line = format!("bytes={}", unit.repeat((1 << 20) / unit.len()));
            let _ = read(line.as_bytes());
        }
    }
}
