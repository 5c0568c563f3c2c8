//! `Range` lines: no byte twice, none beyond the end, none that was not asked for, and never more
//! than the whole.
#![no_main]

use std::ops::Range;
use std::time::SystemTime;

use http::Method;
use http::header::{HeaderMap, HeaderValue, RANGE};
use letterhead::answer::{Answer, Asked, Facts, MAX_PARTS, Piece, Plan, answer};
use libfuzzer_sys::fuzz_target;

const LENGTHS: [u64; 8] = [0, 1, 2, 1000, 1 << 20, 1 << 32, u64::MAX - 1, u64::MAX];

fuzz_target!(|data: &[u8]| {
    let Some((first, line)) = data.split_first() else { return };
    let length = LENGTHS[usize::from(*first) % LENGTHS.len()];
    let Ok(value) = HeaderValue::from_bytes(line) else { return };
    let mut fields = HeaderMap::new();
    fields.insert(RANGE, value);
    let asked = Asked::new(&Method::GET, &fields);
    let answer = answer(&asked, &Facts::new(length), SystemTime::UNIX_EPOCH);
    let is_refused = matches!(answer, Answer::RangeNotSatisfiable(_));
    let parts = match answer.into_parts().1 {
        Plan::Nothing => Vec::new(),
        Plan::Whole => vec![0..length],
        Plan::Part(part) => vec![part],
        Plan::Parts(parts) => {
            assert!(parts.length() < length, "more than the whole");
            let (mut sum, mut contents) = (0, Vec::new());
            for piece in parts.pieces() {
                match piece {
                    Piece::Glue(glue) => sum += glue.len() as u64,
                    Piece::Content(part) => {
                        sum += part.end - part.start;
                        contents.push(part);
                    }
                }
            }
            assert_eq!(sum, parts.length(), "another length than was told");
            assert!((2..=MAX_PARTS).contains(&contents.len()), "{}", contents.len());
            contents
        }
    };
    for (at, part) in parts.iter().enumerate() {
        assert!(part.end <= length && (part.start < part.end || length == 0), "{part:?}");
        let others = parts.iter().enumerate().filter(|(other, _)| *other != at);
        let overlaps = |other: &Range<u64>| part.start < other.end && other.start < part.end;
        assert!(others.map(|(_, other)| other).all(|other| !overlaps(other)), "{parts:?}");
    }
    let Some(wanted) = simple(line, length) else { return };
    let is_in = |byte: u64, ranges: &[Range<u64>]| ranges.iter().any(|range| range.contains(&byte));
    if length == 0 {
        return;
    }
    assert_eq!(is_refused, wanted.is_empty(), "{wanted:?}");
    for range in &wanted {
        assert!(is_in(range.start, &parts) && is_in(range.end - 1, &parts), "{range:?}");
    }
    if wanted.len() == 1 {
        assert_eq!(parts, wanted);
    }
    if parts != [0..length] {
        for part in &parts {
            assert!(is_in(part.start, &wanted) && is_in(part.end - 1, &wanted), "{part:?}");
        }
    }
});

/// What a line without anything odd asks for: `bytes=`, up to 16 members of short numbers, no spaces.
fn simple(line: &[u8], length: u64) -> Option<Vec<Range<u64>>> {
    let text = std::str::from_utf8(line).ok()?.strip_prefix("bytes=")?;
    let mut wanted = Vec::new();
    if text.split(',').count() > MAX_PARTS {
        return None;
    }
    for member in text.split(',') {
        let (first, last) = member.split_once('-')?;
        let number = |text: &str| {
            let is_short = text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u64>().ok().filter(|_| is_short)
        };
        let range = match (first, last) {
            ("", last) => length.saturating_sub(number(last)?)..length,
            (first, "") => number(first)?..length,
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                if last < first {
                    return None;
                }
                first..length.min(last + 1)
            }
        };
        if range.start < range.end {
            wanted.push(range);
        }
    }
    Some(wanted)
}
