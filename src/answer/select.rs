//! Which bytes go out: the whole, a part, several parts, or none that could.

use std::ops::Range;

use crate::answer::asked::Asked;
use crate::field::range::{MAX_SPECS, Ranges};

/// The most parts that one answer has. Who asks for more gets the whole.
pub const MAX_PARTS: usize = 16;

/// The most members of a `Range` that are read, before they are joined. Who asks for more gets the
/// whole.
pub const MAX_RANGES: usize = MAX_SPECS;

/// What a `Range` selects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    /// There is no `Range`, or it is ignored.
    Whole,
    /// One part; it is not empty.
    Part(Range<u64>),
    /// Two to [`MAX_PARTS`] parts, none empty, none touching another.
    Parts(Vec<Range<u64>>),
    /// Nothing of what is asked for is there.
    Unsatisfiable,
}

/// Selects from something of this length; the method is `GET` or `QUERY`.
pub(crate) fn select(asked: &Asked, length: u64) -> Selection {
    let specs = match asked.ranges() {
        Ranges::Bytes(specs) => specs,
        Ranges::Absent | Ranges::OtherUnit | Ranges::TooMany | Ranges::Malformed => {
            return Selection::Whole;
        }
    };
    // RFC 9110, section 14.2: a range of nothing may be ignored; 200 is what clients expect that
    // ask for ranges always.
    if length == 0 {
        return Selection::Whole;
    }
    let parts = joined(specs.into_iter().filter_map(|spec| spec.within(length)));
    match parts.as_slice() {
        [] => Selection::Unsatisfiable,
        [part] => Selection::Part(part.clone()),
        [_, _, ..] if parts.len() <= MAX_PARTS => Selection::Parts(parts),
        [_, _, ..] => Selection::Whole,
    }
}

/// Joins parts that overlap or touch (RFC 9110, section 15.3.7.2). The others keep the order in which
/// they were asked for; a joined one stands where the first of it stood.
fn joined(parts: impl Iterator<Item = Range<u64>>) -> Vec<Range<u64>> {
    let mut asked: Vec<(usize, Range<u64>)> = parts.enumerate().collect();
    asked.sort_by_key(|(_, part)| part.start);
    let mut joined: Vec<(usize, Range<u64>)> = Vec::with_capacity(asked.len());
    for (place, part) in asked {
        match joined.last_mut() {
            Some((first, last)) if part.start <= last.end => {
                last.end = last.end.max(part.end);
                *first = place.min(*first);
            }
            Some(_) | None => joined.push((place, part)),
        }
    }
    joined.sort_by_key(|(place, _)| *place);
    joined.into_iter().map(|(_, part)| part).collect()
}

#[cfg(test)]
mod tests {
    use http::Method;
    use http::header::{HeaderMap, HeaderValue, RANGE};

    use super::*;

    fn check(range: &str, length: u64, expected: &Selection) {
        let mut fields = HeaderMap::new();
        fields.insert(RANGE, HeaderValue::from_str(range).expect("a legal value"));
        let asked = Asked::new(&Method::GET, &fields);
        assert_eq!(select(&asked, length), *expected, "{range:?} of {length}");
    }

    #[test]
    fn parts_that_touch_become_one() {
        let one = |part| Selection::Part(part);
        check("bytes=0-1,2-3", 10_000, &one(0..4));
        check("bytes=2-3,0-1", 10_000, &one(0..4));
        check("bytes=0-9,0-9,0-9", 10_000, &one(0..10));
        check("bytes=0-9999,5-6", 10_000, &one(0..10_000));
        check("bytes=0-3,8-9,2-8", 10_000, &one(0..10));
        check("bytes=10000-,4-5", 10_000, &one(4..6));
    }

    #[test]
    fn the_others_keep_their_order() {
        let many = |parts: &[Range<u64>]| Selection::Parts(parts.to_vec());
        check("bytes=9-9,0-0", 10_000, &many(&[9..10, 0..1]));
        check("bytes=9-9,0-0,8-8", 10_000, &many(&[8..10, 0..1]));
        check("bytes=0-1,3-4", 10_000, &many(&[0..2, 3..5]));
        check("bytes=-1,0-0", u64::MAX, &many(&[u64::MAX - 1..u64::MAX, 0..1]));
    }

    #[test]
    fn who_asks_for_too_many_parts_gets_the_whole() {
        let apart = |count: u64| {
            let set: Vec<_> = (0..count).map(|at| format!("{0}-{0}", at * 2)).collect();
            format!("bytes={}", set.join(","))
        };
        let cap = MAX_PARTS as u64;
        let parts = (0..cap).map(|at| at * 2..at * 2 + 1).collect();
        check(&apart(cap), 10_000, &Selection::Parts(parts));
        check(&apart(cap + 1), 10_000, &Selection::Whole);
        check(&apart(MAX_RANGES as u64 + 1), 10_000, &Selection::Whole);
        check(&format!("bytes={}", "0-0,".repeat(MAX_RANGES)), 10_000, &Selection::Part(0..1));
    }

    #[test]
    fn nothing_has_no_ranges() {
        check("bytes=0-", 0, &Selection::Whole);
        check("bytes=-1", 0, &Selection::Whole);
        check("bytes=1-", 1, &Selection::Unsatisfiable);
        check("bytes=-0", 1, &Selection::Unsatisfiable);
    }

    #[test]
    fn joined_parts_hold_what_was_asked_for_and_no_more() {
        let mut random = fastrand::Rng::with_seed(14);
        for _ in 0..2_000 {
            let asked: Vec<_> = (0..random.usize(1..20))
                .map(|_| {
                    let first = random.u64(0..60);
                    first..first + random.u64(1..10)
                })
                .collect();
            let parts = joined(asked.iter().cloned());
            for byte in 0..80 {
                let wanted = asked.iter().any(|part| part.contains(&byte));
                let given = parts.iter().filter(|part| part.contains(&byte)).count();
                assert_eq!(given, usize::from(wanted), "{byte} of {asked:?}");
            }
            for part in &parts {
                assert!(parts.iter().all(|other| other.start != part.end), "{parts:?}");
            }
        }
    }
}
