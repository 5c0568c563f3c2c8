//! Comma-separated lists, spread over any number of field lines (RFC 9110, section 5.6.1).

use std::borrow::Cow;

use http::header::{HeaderMap, HeaderName, HeaderValue};

/// Whether a line of `name` lists `token`, in any letter case.
///
/// A member with parameters (`trailers;q=0.5`) is not the bare token. A line that is not visible
/// ASCII has no members: hyper reads it so, and what both agree on is what reaches the wire.
pub(crate) fn lists(fields: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    has_any(fields, [name])
        && fields.get_all(name).iter().any(|line| {
            line.to_str()
                .is_ok_and(|line| tokens(line).any(|member| member.eq_ignore_ascii_case(token)))
        })
}

/// Up to so many fields a head is small: a look at every name is several times cheaper than a hash for
/// each wanted one.
pub(crate) const SMALL: usize = 8;

/// Whether a line of one of `names` is there.
pub(crate) fn has_any<const N: usize>(fields: &HeaderMap, names: [&HeaderName; N]) -> bool {
    if fields.keys_len() <= SMALL {
        fields.keys().any(|present| names.contains(&present))
    } else {
        names.iter().any(|name| fields.contains_key(*name))
    }
}

/// Whether the lines of `name` together list nothing but `token`.
pub(crate) fn is_at_most(fields: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    fields.get_all(name).iter().all(|line| {
        line.to_str()
            .is_ok_and(|line| tokens(line).all(|member| member.eq_ignore_ascii_case(token)))
    })
}

/// The field names that the lines of `name` list; members that are no field name are left out.
pub(crate) fn names(fields: &HeaderMap, name: &HeaderName) -> Vec<HeaderName> {
    let mut found = Vec::new();
    for line in fields.get_all(name) {
        for member in tokens(line.to_str().unwrap_or("")) {
            if let Ok(member) = HeaderName::from_bytes(member.as_bytes()) {
                if !found.contains(&member) {
                    found.push(member);
                }
            }
        }
    }
    found
}

/// One field value that lists `names`.
pub(crate) fn value(names: &[HeaderName]) -> HeaderValue {
    let mut text = String::new();
    for name in names {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(name.as_str());
    }
    // A field name has no byte that a value may not have.
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

fn tokens(line: &str) -> impl Iterator<Item = &str> {
    line.split(',').map(str::trim).filter(|member| !member.is_empty())
}

/// The members of a list, without the blanks around them; empty ones are no members.
///
/// A comma inside a quoted string is no end of a member, nor is one behind a backslash there. A
/// string that is not closed runs to the end of the line.
pub(crate) fn members(line: &[u8]) -> Members<'_> {
    Members { rest: line, links: false }
}

/// The members of a list like `Link`, which may open with a URI between `<` and `>`: what stands
/// there is neither comma nor quote (RFC 8288, section 3).
pub(crate) fn link_members(line: &[u8]) -> Members<'_> {
    Members { rest: line, links: true }
}

/// What is left of a line that is being taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Members<'a> {
    rest: &'a [u8],
    links: bool,
}

impl<'a> Iterator for Members<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.rest.is_empty() {
            let end = self.end();
            let (member, rest) = self.rest.split_at(end);
            self.rest = rest.get(1..).unwrap_or(&[]);
            let member = trim(member);
            if !member.is_empty() {
                return Some(member);
            }
        }
        None
    }
}

impl Members<'_> {
    /// Where the first member of the rest ends.
    fn end(&self) -> usize {
        let uri = match self.rest.iter().position(|byte| !is_blank(*byte)) {
            Some(open) if self.links && self.rest[open] == b'<' => {
                let closed = self.rest[open..].iter().position(|byte| *byte == b'>');
                closed.map_or(self.rest.len(), |at| open + at)
            }
            Some(_) | None => 0,
        };
        let bare = bare(&self.rest[uri..]).find(|(_, byte)| *byte == b',');
        bare.map_or(self.rest.len(), |(at, _)| uri + at)
    }
}

/// The bytes outside of quoted strings, each with its place.
pub(crate) fn bare(text: &[u8]) -> impl Iterator<Item = (usize, u8)> {
    let mut quotes = Quotes::default();
    text.iter().copied().enumerate().filter(move |(_, byte)| quotes.are_closed(*byte))
}

/// Where a reader stands with respect to quoted strings (RFC 9110, section 5.6.4).
#[derive(Clone, Copy, Debug, Default)]
enum Quotes {
    #[default]
    Closed,
    Open,
    /// Behind a backslash.
    Escaped,
}

impl Quotes {
    /// Reads `byte`; whether it stands outside of every string. The quotes themselves do not.
    fn are_closed(&mut self, byte: u8) -> bool {
        let before = *self;
        *self = match (before, byte) {
            (Self::Closed, b'"') | (Self::Escaped, _) => Self::Open,
            (Self::Closed, _) | (Self::Open, b'"') => Self::Closed,
            (Self::Open, b'\\') => Self::Escaped,
            (Self::Open, _) => Self::Open,
        };
        matches!((before, *self), (Self::Closed, Self::Closed))
    }
}

/// `text` with the blanks outside of its strings made alike: none beside `;`, `=` and `,`, and one
/// where else there is any.
pub(crate) fn compact(text: &[u8]) -> Cow<'_, [u8]> {
    let is_tight = |byte: u8| matches!(byte, b';' | b'=' | b',');
    if !text.iter().any(|byte| is_blank(*byte)) {
        return Cow::Borrowed(text);
    }
    let mut compact = Vec::with_capacity(text.len());
    let (mut quotes, mut gap) = (Quotes::default(), false);
    for byte in trim(text).iter().copied() {
        if quotes.are_closed(byte) && is_blank(byte) {
            gap = true;
            continue;
        }
        let beside = compact.last().copied();
        if gap && !is_tight(byte) && !beside.is_some_and(is_tight) {
            compact.push(b' ');
        }
        gap = false;
        compact.push(byte);
    }
    Cow::Owned(compact)
}

/// `text` without the blanks around it (`OWS`, RFC 9110, section 5.6.3).
pub(crate) fn trim(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text {
        if !is_blank(*first) {
            break;
        }
        text = rest;
    }
    while let [rest @ .., last] = text {
        if !is_blank(*last) {
            break;
        }
        text = rest;
    }
    text
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// The text before the first `=` and, if there is one, the text behind it, without blanks.
pub(crate) fn pair(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|byte| *byte == b'=') {
        Some(at) => (trim(&text[..at]), Some(trim(&text[at + 1..]))),
        None => (trim(text), None),
    }
}

/// `text` in lower case, copied only if it was not.
pub(crate) fn lower(text: &[u8]) -> Cow<'_, [u8]> {
    if text.iter().any(u8::is_ascii_uppercase) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

/// One line with all `members` between commas. One whose string or URI is not closed stands last,
/// where it swallows no other.
pub(crate) fn join<'a>(members: impl IntoIterator<Item = &'a [u8]>) -> HeaderValue {
    let (open, closed): (Vec<_>, Vec<_>) = members.into_iter().partition(|member| is_open(member));
    let line = closed.into_iter().chain(open).collect::<Vec<_>>().join(&b", "[..]);
    // The bytes of members are those of the values that they come from.
    HeaderValue::try_from(line).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Whether `member` ends within a quoted string or a URI.
fn is_open(member: &[u8]) -> bool {
    let mut quotes = Quotes::default();
    for byte in member {
        quotes.are_closed(*byte);
    }
    let in_string = match quotes {
        Quotes::Closed => false,
        Quotes::Open | Quotes::Escaped => true,
    };
    in_string || member.first() == Some(&b'<') && !member.contains(&b'>')
}

#[cfg(test)]
mod tests {
    use http::header::{TE, TRAILER};

    use super::*;

    fn te(lines: &[&'static [u8]]) -> bool {
        let mut fields = HeaderMap::new();
        for line in lines {
            fields.append(TE, HeaderValue::from_bytes(line).expect("a legal value"));
        }
        lists(&fields, &TE, "trailers")
    }

    #[test]
    fn trailers_are_accepted_only_by_the_bare_token() {
        assert!(te(&[b"trailers"]));
        assert!(te(&[b"Trailers"]));
        assert!(te(&[b"gzip;q=0.5 , trailers"]));
        assert!(te(&[b"gzip", b"trailers"]));
        assert!(!te(&[]));
        assert!(!te(&[b""]));
        assert!(!te(&[b"trailers;q=1"]));
        assert!(!te(&[b"trailersx"]));
        assert!(!te(&[b"trailers, \xff"]));
    }

    #[test]
    fn a_name_is_found_in_a_small_head_and_in_a_large_one() {
        let mut fields = HeaderMap::new();
        for number in 0..20 {
            assert!(!has_any(&fields, [&TRAILER, &TE]), "{number}");
            let mut with = fields.clone();
            with.insert(TE, HeaderValue::from_static("gzip"));
            assert!(has_any(&with, [&TRAILER, &TE]), "{number}");
            let name = HeaderName::try_from(format!("x-{number}")).expect("a name");
            fields.insert(name, HeaderValue::from_static("1"));
        }
    }

    #[test]
    fn names_are_merged_in_order_and_once() {
        let mut fields = HeaderMap::new();
        fields.append(TRAILER, HeaderValue::from_static("X-B, x-a,, no name"));
        fields.append(TRAILER, HeaderValue::from_static("x-b , x-c"));
        let names = names(&fields, &TRAILER);
        assert_eq!(names, ["x-b", "x-a", "x-c"]);
        assert_eq!(value(&names), "x-b, x-a, x-c");
        assert_eq!(value(&[]), "");
    }

    fn check(line: &[u8], expected: &[&str], as_links: &[&str]) {
        let text = |members: Vec<&[u8]>| {
            members.into_iter().map(|member| member.escape_ascii().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(text(members(line).collect()), expected, "{}", line.escape_ascii());
        assert_eq!(text(link_members(line).collect()), as_links, "{}", line.escape_ascii());
    }

    #[test]
    fn a_comma_parts_members_unless_a_quote_or_a_uri_is_open() {
        // RFC 9110, section 5.6.1.2.
        for line in
            ["foo ,bar,charlie", "foo , ,bar,charlie", " foo,bar\t, charlie, ,", ",foo,bar,charlie"]
        {
            check(line.as_bytes(), &["foo", "bar", "charlie"], &["foo", "bar", "charlie"]);
        }
        for line in ["", ",", ",   ,", " \t "] {
            check(line.as_bytes(), &[], &[]);
        }
        check(br#"a="1,2", b"#, &[r#"a=\"1,2\""#, "b"], &[r#"a=\"1,2\""#, "b"]);
        check(br#""a\",b",c"#, &[r#"\"a\\\",b\""#, "c"], &[r#"\"a\\\",b\""#, "c"]);
        check(br#""a\\",b"#, &[r#"\"a\\\\\""#, "b"], &[r#"\"a\\\\\""#, "b"]);
        check(br#"a, "b, c"#, &["a", r#"\"b, c"#], &["a", r#"\"b, c"#]);
        check(br#"a, "b\"#, &["a", r#"\"b\\"#], &["a", r#"\"b\\"#]);
        check(b"\xff,\xfe\xfd", &["\\xff", "\\xfe\\xfd"], &["\\xff", "\\xfe\\xfd"]);
        check(b"</a,b>; rel=x, <c>", &["</a", "b>; rel=x", "<c>"], &["</a,b>; rel=x", "<c>"]);
        check(b" </a\",b>,<c>", &["</a\\\",b>,<c>"], &["</a\\\",b>", "<c>"]);
        check(b"a, <b,c", &["a", "<b", "c"], &["a", "<b,c"]);
        check(b"a<b,c>", &["a<b", "c>"], &["a<b", "c>"]);
    }

    #[test]
    fn lines_are_made_of_members_again() {
        assert_eq!(join([&b"a"[..], b"b", b"\xff"]), b"a, b, \xff"[..]);
        assert_eq!(join([]), "");
        assert_eq!(join([&b"\"a"[..], b"<b", b"c", b"\"d\""]), "c, \"d\", \"a, <b");
        assert_eq!(trim(b"\t a b "), b"a b");
        assert_eq!(trim(b" \t"), b"");
        assert_eq!(*lower(b"a\xff"), b"a\xff"[..]);
        assert_eq!(*lower(b"A\xff"), b"a\xff"[..]);
    }

    #[test]
    fn blanks_are_alike_outside_of_strings() {
        for (text, expected) in [
            ("a", "a"),
            ("a ; b\t=  c", "a;b=c"),
            ("1.1 \t a", "1.1 a"),
            (r#"a; b="c ; d" ;e"#, r#"a;b="c ; d";e"#),
            (r#"a="\" ; " ; b"#, r#"a="\" ; ";b"#),
            (r#"a="b ; c"#, r#"a="b ; c"#),
            ("  ", ""),
        ] {
            assert_eq!(
                compact(text.as_bytes()).escape_ascii().to_string(),
                expected.as_bytes().escape_ascii().to_string()
            );
        }
    }
}
