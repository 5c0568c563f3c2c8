//! Entity tags as they stand in a line, one or many, and when two of them match.

use http::header::HeaderValue;

use super::list;

/// A tag that lies in a field value (RFC 9110, section 8.8.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag<'a> {
    pub(crate) weak: bool,
    /// What stands between the quotes.
    pub(crate) opaque: &'a [u8],
}

impl<'a> Tag<'a> {
    /// Reads a line that is one tag and nothing else.
    pub(crate) fn read(line: &'a [u8]) -> Option<Self> {
        let (tag, rest) = Self::first(list::trim(line))?;
        rest.is_empty().then_some(tag)
    }

    /// The tag that `text` begins with, and what is behind it.
    fn first(text: &'a [u8]) -> Option<(Self, &'a [u8])> {
        // `W/` is case-sensitive.
        let (weak, quoted) = match text.strip_prefix(b"W/") {
            Some(quoted) => (true, quoted),
            None => (false, text),
        };
        let inside = quoted.strip_prefix(b"\"")?;
        let end = inside.iter().position(|byte| !is_etagc(*byte))?;
        // A backslash escapes nothing in a tag.
        let rest = inside[end..].strip_prefix(b"\"")?;
        Some((Self { weak, opaque: &inside[..end] }, rest))
    }

    /// Equal, and both strong (RFC 9110, section 8.8.3.2).
    pub(crate) fn matches_strongly(self, other: Tag<'_>) -> bool {
        !self.weak && !other.weak && self.opaque == other.opaque
    }

    /// Equal, weak or not.
    pub(crate) fn matches_weakly(self, other: Tag<'_>) -> bool {
        self.opaque == other.opaque
    }
}

/// A byte that may stand between the quotes: visible and no quote, or above ASCII.
pub(crate) const fn is_etagc(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x7e | 0x80..)
}

/// Whether the lines together are nothing but `*`.
pub(crate) fn is_any<'a>(lines: impl IntoIterator<Item = &'a HeaderValue>) -> bool {
    let mut members = lines
        .into_iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .map(list::trim)
        .filter(|member| !member.is_empty())
        .peekable();
    members.peek().is_some() && members.all(|member| member == b"*")
}

/// The tags of a list. What is no tag is left out, up to the next comma.
pub(crate) fn tags(line: &[u8]) -> Tags<'_> {
    Tags { rest: line }
}

/// What is left of a list of tags. Each byte is looked at a fixed number of times.
#[derive(Clone, Debug)]
pub(crate) struct Tags<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Tags<'a> {
    type Item = Tag<'a>;

    fn next(&mut self) -> Option<Tag<'a>> {
        while !self.rest.is_empty() {
            let begin = self.rest.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b','));
            let text = &self.rest[begin?..];
            let (tag, behind) = match Tag::first(text) {
                Some((tag, behind)) => (Some(tag), behind),
                None => (None, text),
            };
            let comma = behind.iter().position(|byte| *byte == b',').unwrap_or(behind.len());
            self.rest = &behind[comma..];
            // Two tags without a comma between them are none.
            if list::trim(&behind[..comma]).is_empty() {
                if let Some(tag) = tag {
                    return Some(tag);
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &[u8]) -> HeaderValue {
        HeaderValue::from_bytes(text).expect("a legal value")
    }

    fn check(line: &[u8], expected: &[(bool, &[u8])]) {
        let found: Vec<_> = tags(line).map(|tag| (tag.weak, tag.opaque)).collect();
        assert_eq!(found, expected, "{line:?}");
        let one = Tag::read(line).map(|tag| (tag.weak, tag.opaque));
        if let Some(one) = one {
            assert_eq!(expected, [one], "{line:?}");
        }
    }

    #[test]
    fn a_line_is_taken_apart_at_the_commas_between_its_tags() {
        // RFC 9110, sections 8.8.3 and 13.1.2.
        check(br#""xyzzy""#, &[(false, b"xyzzy")]);
        check(br#"W/"xyzzy""#, &[(true, b"xyzzy")]);
        check(br#""""#, &[(false, b"")]);
        check(
            br#""xyzzy", "r2d2xxxx", "c3piozzzz""#,
            &[(false, b"xyzzy"), (false, b"r2d2xxxx"), (false, b"c3piozzzz")],
        );
        check(br#"W/"xyzzy", W/"r2d2xxxx""#, &[(true, b"xyzzy"), (true, b"r2d2xxxx")]);
        check(b" , \"a\"\t,, \"b\" ,", &[(false, b"a"), (false, b"b")]);
        check(br#""a,b","c""#, &[(false, b"a,b"), (false, b"c")]);
        check(br#""a\","b""#, &[(false, br"a\"), (false, b"b")]);
        check(b"\"\xe4\xff\"", &[(false, b"\xe4\xff")]);
        check(br#""a","W/b",W/"c""#, &[(false, b"a"), (false, b"W/b"), (true, b"c")]);
    }

    #[test]
    fn what_is_no_tag_is_left_out_and_harms_no_other() {
        check(b"", &[]);
        check(b" , ,", &[]);
        check(b"*", &[]);
        check(br#"a, "b""#, &[(false, b"b")]);
        check(br#""a" "b", "c""#, &[(false, b"c")]);
        check(br#""a"b, "c""#, &[(false, b"c")]);
        check(br#"w/"a", "c""#, &[(false, b"c")]);
        check(br#"W/ "a", "c""#, &[(false, b"c")]);
        check(br#""a b", "c""#, &[(false, b"c")]);
        check(br#""a, "b""#, &[(false, b"b")]);
        check(br#""open"#, &[]);
        check(b"\"\x7f\", \"c\"", &[(false, b"c")]);
    }

    #[test]
    fn a_star_stands_alone() {
        for (lines, any) in [
            (&["*"][..], true),
            (&[" * "], true),
            (&["", "*,"], true),
            (&["*", "*"], true),
            (&[], false),
            (&[""], false),
            (&["\"*\""], false),
            (&["*, \"a\""], false),
            (&["*", "\"a\""], false),
            (&["**"], false),
        ] {
            let lines: Vec<_> = lines.iter().map(|line| value(line.as_bytes())).collect();
            assert_eq!(is_any(&lines), any, "{lines:?}");
        }
    }

    #[test]
    fn the_table_of_the_rfc_holds() {
        // RFC 9110, section 8.8.3.2, table 3.
        for (one, other, strongly, weakly) in [
            (r#"W/"1""#, r#"W/"1""#, false, true),
            (r#"W/"1""#, r#"W/"2""#, false, false),
            (r#"W/"1""#, r#""1""#, false, true),
            (r#""1""#, r#""1""#, true, true),
        ] {
            let tag = |text: &'static str| Tag::read(text.as_bytes()).expect("a tag");
            assert_eq!(tag(one).matches_strongly(tag(other)), strongly, "{one} {other}");
            assert_eq!(tag(other).matches_strongly(tag(one)), strongly, "{other} {one}");
            assert_eq!(tag(one).matches_weakly(tag(other)), weakly, "{one} {other}");
        }
    }

    #[test]
    fn no_bytes_are_too_much_for_it() {
        let mut random = fastrand::Rng::with_seed(3);
        let alphabet = b"\"\"\",, W/*\\ab\t\xff\x7f";
        for _ in 0..20_000 {
            let length = random.usize(0..40);
            let line: Vec<_> =
                (0..length).map(|_| alphabet[random.usize(0..alphabet.len())]).collect();
            for tag in tags(&line) {
                assert!(tag.opaque.iter().all(|byte| is_etagc(*byte)), "{line:?}");
            }
            let _ = Tag::read(&line);
        }
        // 16 KiB and more of the worst, in time that is not felt.
        for unit in ["\"", "\",", "\"a\",", "W/\"", ",", "*,", "\"a\" ", "\"a\"\"b\""] {
            let line = unit.repeat((1 << 20) / unit.len());
            assert!(tags(line.as_bytes()).count() <= line.len());
            let _ = is_any([&value(line.as_bytes())]);
        }
    }
}
