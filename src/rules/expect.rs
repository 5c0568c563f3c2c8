//! Fields that a response must have, or must not have, by its status and path.

use std::ops::RangeInclusive;

use http::StatusCode;
use http::header::{HeaderName, HeaderValue};

/// A field that is [required](crate::Rules::require) or [forbidden](crate::Rules::forbid), and on
/// which responses.
///
/// # Examples
///
/// ```
/// use http::{HeaderValue, header};
/// use letterhead::{Action, Expect, Rule, Rules};
///
/// // Every answer under /api/, errors too, has the field; where it is missing it is put in.
/// let hsts = Expect::field(header::STRICT_TRANSPORT_SECURITY)
///     .on_path("/api/*")
///     .or(HeaderValue::from_static("max-age=63072000"));
/// let rules = Rules::standard()
///     .require(hsts)
///     .forbid(Expect::field(header::SERVER).on_status(200..=599))
///     .on(Rule::Missing, Action::Merge);
/// # let _ = rules;
/// ```
#[derive(Clone, Debug)]
pub struct Expect {
    pub(crate) field: HeaderName,
    statuses: RangeInclusive<u16>,
    path: Option<Box<str>>,
    pub(crate) value: Option<HeaderValue>,
}

impl Expect {
    /// Any response.
    #[must_use]
    pub const fn field(field: HeaderName) -> Self {
        Self { field, statuses: 100..=999, path: None, value: None }
    }

    /// Only responses with these statuses.
    #[must_use]
    pub fn on_status(mut self, statuses: RangeInclusive<u16>) -> Self {
        self.statuses = statuses;
        self
    }

    /// Only responses to requests whose path matches; `*` stands for any characters, `/` among
    /// them.
    #[must_use]
    pub fn on_path(mut self, pattern: impl Into<Box<str>>) -> Self {
        self.path = Some(pattern.into());
        self
    }

    /// What to put in where a required field is missing and the action is
    /// [`Merge`](crate::Action::Merge).
    #[must_use]
    pub fn or(mut self, value: HeaderValue) -> Self {
        self.value = Some(value);
        self
    }

    /// Whether this is about a response with `status` to a request for `path`.
    pub(crate) fn is_about(&self, status: StatusCode, path: &str) -> bool {
        self.statuses.contains(&status.as_u16())
            && self.path.as_ref().is_none_or(|pattern| matches(pattern.as_bytes(), path.as_bytes()))
    }
}

/// Whether `text` matches `pattern`, in time of their product at most.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut from) = (0, 0);
    // Where to go on if the last star has to swallow one more byte.
    let mut star: Option<(usize, usize)> = None;
    while from < text.len() {
        if pattern.get(at) == Some(&b'*') {
            star = Some((at + 1, from));
            at += 1;
        } else if pattern.get(at) == text.get(from) {
            at += 1;
            from += 1;
        } else if let Some((after, swallowed)) = star {
            star = Some((after, swallowed + 1));
            at = after;
            from = swallowed + 1;
        } else {
            return false;
        }
    }
    pattern.iter().skip(at).all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, yes: &[&str], no: &[&str]) {
        for path in yes {
            assert!(matches(pattern.as_bytes(), path.as_bytes()), "{pattern} {path}");
        }
        for path in no {
            assert!(!matches(pattern.as_bytes(), path.as_bytes()), "{pattern} {path}");
        }
    }

    #[test]
    fn a_star_stands_for_any_characters() {
        check("/", &["/"], &["", "/a"]);
        check("/api/*", &["/api/", "/api/a/b"], &["/api", "/ap/i", "/"]);
        check("*.js", &["/a.js", ".js"], &["/a.jsx", "js"]);
        check("/a*b*c", &["/abc", "/axxbxbxc", "/ab/bc"], &["/ab", "/acb"]);
        check("*", &["", "/", "/a"], &[]);
        check("**", &["", "/a"], &[]);
        check("", &[""], &["/"]);
        let long = "a".repeat(10_000);
        check(&format!("{}b", "*a".repeat(50)), &[], &[&long]);
    }
}
