//! The order in which people look for names: numbers in them by what they say.

use std::cmp::Ordering;

/// The order of names by their bytes, but of numbers by what they say: `file2` before `file10`.
pub(super) fn natural_order(one: &[u8], two: &[u8]) -> Ordering {
    let (mut left, mut right) = (one, two);
    loop {
        let ordering = match (left, right) {
            ([a, ..], [b, ..]) if a.is_ascii_digit() && b.is_ascii_digit() => {
                let (first, second) = (number(&mut left), number(&mut right));
                first.len().cmp(&second.len()).then_with(|| first.cmp(second))
            }
            ([a, after @ ..], [b, behind @ ..]) => {
                (left, right) = (after, behind);
                a.cmp(b)
            }
            // Of `a01` and `a1` the bytes decide.
            ([], []) => return one.cmp(two),
            (_, _) => left.len().cmp(&right.len()),
        };
        if ordering.is_ne() {
            return ordering;
        }
    }
}

/// Takes the digits that `text` begins with, and returns them without zeros before them.
fn number<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    *text = rest;
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    digits.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_by_what_they_say_and_the_rest_by_bytes() {
        let sorted: [&[u8]; 12] = [
            b"",
            b"0",
            b"1",
            b"a",
            b"a01",
            b"a1",
            b"a2",
            b"a2b",
            b"a10",
            b"a18446744073709551616",
            b"ab",
            b"b1.2",
        ];
        let mut random = fastrand::Rng::with_seed(12);
        for _ in 0..100 {
            let mut names = sorted;
            random.shuffle(&mut names);
            names.sort_unstable_by(|one, two| natural_order(one, two));
            assert_eq!(names, sorted);
        }
    }

    #[test]
    fn it_is_an_order_whatever_the_bytes() {
        let mut random = fastrand::Rng::with_seed(13);
        let mut name = || -> Vec<u8> {
            let length = random.usize(0..5);
            (0..length).map(|_| b"019a\xff"[random.usize(0..5)]).collect()
        };
        for _ in 0..20_000 {
            let (one, two, three) = (name(), name(), name());
            let ordering = natural_order(&one, &two);
            assert_eq!(ordering, natural_order(&two, &one).reverse());
            assert_eq!(ordering.is_eq(), one == two, "{one:?} {two:?}");
            if ordering.is_le() && natural_order(&two, &three).is_le() {
                assert!(natural_order(&one, &three).is_le(), "{one:?} {two:?} {three:?}");
            }
        }
    }
}
