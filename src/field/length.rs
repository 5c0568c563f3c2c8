//! `Content-Length` as a sender may have written it: once, twice, or wrongly.

use http::header::{CONTENT_LENGTH, HeaderMap, HeaderValue};

/// What the `Content-Length` lines of a head say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Declared {
    /// There is no such line.
    Absent,
    /// One line with a decimal number of bytes.
    Once(u64),
    /// Several lines, a list, or blanks around it, and all say the same.
    Untidy(u64),
    /// Lines that disagree, or a value that is not `1*DIGIT` (RFC 9110, section 8.6).
    Unusable,
}

impl Declared {
    /// Reads every `Content-Length` line of `fields`.
    pub(crate) fn read(fields: &HeaderMap) -> Self {
        if fields.is_empty() {
            return Self::Absent;
        }
        let mut lines = fields.get_all(CONTENT_LENGTH).iter();
        let Some(first) = lines.next() else { return Self::Absent };
        let (mut declared, mut untidy) = (None, false);
        for line in std::iter::once(first).chain(lines) {
            for member in line.as_bytes().split(|byte| *byte == b',') {
                let bare = member.trim_ascii();
                untidy |= bare.len() < member.len();
                let Some(bytes) = digits(bare) else { return Self::Unusable };
                match declared {
                    None => declared = Some(bytes),
                    Some(earlier) if earlier == bytes => untidy = true,
                    Some(_) => return Self::Unusable,
                }
            }
        }
        match declared {
            None => Self::Unusable,
            Some(bytes) if untidy => Self::Untidy(bytes),
            Some(bytes) => Self::Once(bytes),
        }
    }

    /// The number of bytes, if the lines agree on one.
    pub(crate) const fn bytes(self) -> Option<u64> {
        match self {
            Self::Once(bytes) | Self::Untidy(bytes) => Some(bytes),
            Self::Absent | Self::Unusable => None,
        }
    }
}

/// `1*DIGIT`, no sign, no blank, at most `u64::MAX`.
fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

/// A field value that says `bytes`.
pub(crate) fn value(bytes: u64) -> HeaderValue {
    HeaderValue::from(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[&'static str], expected: Declared) {
        let mut fields = HeaderMap::new();
        for line in lines {
            fields.append(CONTENT_LENGTH, HeaderValue::from_static(line));
        }
        assert_eq!(Declared::read(&fields), expected, "{lines:?}");
    }

    #[test]
    fn every_way_to_write_a_length_has_one_reading() {
        check(&[], Declared::Absent);
        check(&["0"], Declared::Once(0));
        check(&["120"], Declared::Once(120));
        check(&["007"], Declared::Once(7));
        check(&["5", "5"], Declared::Untidy(5));
        check(&["5, 5"], Declared::Untidy(5));
        check(&["5", "6"], Declared::Unusable);
        check(&["5,6"], Declared::Unusable);
        check(&["+5"], Declared::Unusable);
        check(&["-1"], Declared::Unusable);
        check(&[" 5"], Declared::Untidy(5));
        check(&["5\t"], Declared::Untidy(5));
        check(&["5 5"], Declared::Unusable);
        check(&[""], Declared::Unusable);
        check(&["5,"], Declared::Unusable);
        check(&["18446744073709551615"], Declared::Once(u64::MAX));
        check(&["18446744073709551616"], Declared::Unusable);
    }
}
