//! Which cookie a `Set-Cookie` line is about: the same key overwrites, another key adds.

use std::borrow::Cow;

use http::header::HeaderValue;

use super::list;

/// What tells one cookie of a browser from another (RFC 6265, section 5.3, step 11).
///
/// A partitioned cookie lives in a jar of its own (CHIPS), so it never overwrites one that is not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key<'a> {
    name: &'a [u8],
    /// In lower case and without its leading dot; `None` for the host that answers.
    domain: Option<Cow<'a, [u8]>>,
    /// `None` for the default path of the request.
    path: Option<&'a [u8]>,
    partitioned: bool,
}

/// The key of the cookie that `line` sets; `None` if a browser would drop the line.
pub(crate) fn key(line: &HeaderValue) -> Option<Key<'_>> {
    let mut parts = line.as_bytes().split(|byte| *byte == b';');
    let (name, value) = list::pair(parts.next()?);
    if name.is_empty() || value.is_none() {
        return None;
    }
    let mut key = Key { name, domain: None, path: None, partitioned: false };
    for part in parts {
        let (attribute, value) = list::pair(part);
        let value = value.unwrap_or(b"");
        // The last attribute of a kind counts (RFC 6265, section 5.3).
        if attribute.eq_ignore_ascii_case(b"domain") {
            // Section 5.2.3: an empty one is as if it were not there.
            if !value.is_empty() {
                let bare = value.strip_prefix(b".").unwrap_or(value);
                key.domain = (!bare.is_empty()).then(|| list::lower(bare));
            }
        } else if attribute.eq_ignore_ascii_case(b"path") {
            // Section 5.2.4: what is no path stands for the default one.
            key.path = value.starts_with(b"/").then_some(value);
        } else if attribute.eq_ignore_ascii_case(b"partitioned") {
            key.partitioned = true;
        }
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(line: &[u8]) -> HeaderValue {
        HeaderValue::from_bytes(line).expect("a legal value")
    }

    fn check(line: &[u8], name: &str, domain: Option<&str>, path: Option<&str>) {
        let line = value(line);
        let key = key(&line).expect("a cookie");
        assert_eq!(key.name, name.as_bytes(), "{line:?}");
        assert_eq!(key.domain.as_deref(), domain.map(str::as_bytes), "{line:?}");
        assert_eq!(key.path, path.map(str::as_bytes), "{line:?}");
    }

    #[test]
    fn a_cookie_is_known_by_name_domain_and_path() {
        // RFC 6265, section 3.1.
        check(b"SID=31d4d96e407aad42", "SID", None, None);
        check(
            b"SID=31d4d96e407aad42; Path=/; Domain=example.com",
            "SID",
            Some("example.com"),
            Some("/"),
        );
        check(b"lang=; Expires=Sun, 06 Nov 1994 08:49:37 GMT", "lang", None, None);
        check(b" \ta = b=c ; path = /x ", "a", None, Some("/x"));
        check(b"a=b;DOMAIN=.Example.COM", "a", Some("example.com"), None);
        check(b"a=b; Domain=..x", "a", Some(".x"), None);
        check(b"a=b; Domain=x; Domain=", "a", Some("x"), None);
        check(b"a=b; Domain=x; Domain=.", "a", None, None);
        check(b"a=b; Domain", "a", None, None);
        check(b"a=b; Path=/x; Path=/Y", "a", None, Some("/Y"));
        check(b"a=b; Path=/x; Path=y", "a", None, None);
        check(b"a=b; Path", "a", None, None);
        check(b"a=\"b;c=d\"", "a", None, None);
    }

    #[test]
    fn a_line_that_sets_no_cookie_has_no_key() {
        for line in [&b""[..], b"a", b"=b", " \t=b".as_bytes(), b"; a=b", b"a; b=c", b"\xff"] {
            let line = value(line);
            assert_eq!(key(&line), None, "{line:?}");
        }
    }

    fn same(one: &[u8], other: &[u8], expected: bool) {
        let (one, other) = (value(one), value(other));
        assert_eq!(key(&one) == key(&other), expected, "{one:?} and {other:?}");
    }

    #[test]
    fn keys_are_equal_where_a_browser_would_overwrite() {
        same(b"a=1", b"a=2; Secure; HttpOnly; SameSite=Lax; Max-Age=0", true);
        same(b"a=1; Domain=X.org", b"a=2; domain=.x.ORG", true);
        same(b"a=1", b"A=1", false);
        same(b"a=1", b"a=1; Domain=x.org", false);
        same(b"a=1; Path=/x", b"a=1; Path=/X", false);
        same(b"a=1; Path=/", b"a=1", false);
        same(b"a=1; Partitioned", b"a=1", false);
        same(b"\xff=1", b"\xff=2", true);
        same(b"\xff=1", b"\xfe=2", false);
    }
}
