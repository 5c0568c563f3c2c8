//! When two members of a list field are the same one.

use std::borrow::Cow;

use http::header::{HeaderName, HeaderValue};

use super::list;

/// How the members of a list are distinguished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// By their text, whatever blanks it has.
    Text,
    /// By their text in any letter case, as field names are.
    Name,
    /// By their text; a URI between `<` and `>` may have commas.
    Link,
    /// By what stands before the first `=` or `;`, as the members of a dictionary (RFC 9651, section
    /// 3.2), where the later one of two counts, and as the directives of `Cache-Control`.
    Key,
}

impl Identity {
    /// How the members of the list field `name` are distinguished.
    pub(crate) fn of(name: &HeaderName) -> Self {
        match name.as_str() {
            "accept-ch"
            | "accept-encoding"
            | "accept-ranges"
            | "access-control-allow-headers"
            | "access-control-expose-headers"
            | "content-encoding"
            | "content-language"
            | "critical-ch"
            | "variant-vary"
            | "vary" => Self::Name,
            "dasl" | "dav" | "link" | "uri" => Self::Link,
            "accept-signature"
            | "cmsd-static"
            | "content-digest"
            | "digest"
            | "document-policy"
            | "expect-ct"
            | "integrity-policy"
            | "integrity-policy-report-only"
            | "permissions-policy"
            | "permissions-policy-report-only"
            | "priority"
            | "ratelimit"
            | "ratelimit-policy"
            | "reporting-endpoints"
            | "repr-digest"
            | "require-document-policy"
            | "signature"
            | "signature-input"
            | "surrogate-control"
            | "unencoded-digest"
            | "use-as-dictionary"
            | "want-content-digest"
            | "want-digest"
            | "want-repr-digest" => Self::Key,
            name if name.ends_with("cache-control") => Self::Key,
            _ => Self::Text,
        }
    }

    /// The members of all `lines`, in order.
    pub(crate) fn members(self, lines: &[HeaderValue]) -> impl Iterator<Item = &[u8]> {
        lines.iter().flat_map(move |line| match self {
            Self::Link => list::link_members(line.as_bytes()),
            Self::Text | Self::Name | Self::Key => list::members(line.as_bytes()),
        })
    }

    /// What is equal for two members that are the same one.
    pub(crate) fn key(self, member: &[u8]) -> Cow<'_, [u8]> {
        match self {
            Self::Text | Self::Link => list::compact(member),
            Self::Name => match list::compact(member) {
                Cow::Borrowed(text) => list::lower(text),
                Cow::Owned(text) => Cow::Owned(text.to_ascii_lowercase()),
            },
            Self::Key => {
                let end = list::bare(member).find(|(_, byte)| matches!(byte, b'=' | b';'));
                let end = end.map_or(member.len(), |(at, _)| at);
                let key = list::trim(&member[..end]);
                // A name in quotes is a string, in which letter case counts too.
                if key.starts_with(b"\"") { Cow::Borrowed(key) } else { list::lower(key) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, one: &str, other: &str, same: bool) {
        let identity = Identity::of(&HeaderName::try_from(name).expect("a name"));
        let (one, other) = (one.as_bytes(), other.as_bytes());
        assert_eq!(
            identity.key(one) == identity.key(other),
            same,
            "{name}: {} and {}",
            one.escape_ascii(),
            other.escape_ascii()
        );
    }

    #[test]
    fn each_list_has_its_own_sameness() {
        check("vary", "Accept-Encoding", "accept-encoding", true);
        check("allow", "GET", "get", false);
        check("accept-encoding", "gzip; q=1", "GZIP;Q=1", true);
        check("link", "</a>; rel=preload", "</a>;rel=preload", true);
        check("link", "</a>; rel=preload", "</A>; rel=preload", false);
        check("server-timing", "db;dur=1", "db;dur=2", false);
        check("permissions-policy", "camera=()", "camera=(self)", true);
        check("permissions-policy", "camera=()", "microphone=()", false);
        check("ratelimit", r#""a;b";r=1"#, r#""a;b";r=2"#, true);
        check("ratelimit", r#""a;b";r=1"#, r#""a;c";r=1"#, false);
        check("cache-control", "Max-Age=1", "max-age=2", true);
        check("cdn-cache-control", "max-age=1", "s-maxage=1", false);
        check("x-of-ours", "a = 1", "a=1", true);
    }
}
