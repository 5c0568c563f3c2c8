//! What `Cache-Control` lets caches do: keep, share, transform; and what of it only restricts.

use http::header::{CACHE_CONTROL, EXPIRES, HeaderMap, HeaderName, HeaderValue};

use super::{Bound, Directives, Flag};

/// Whether a cache that serves several users may store the response and use it again without asking
/// (RFC 9111, section 3): it is `public` or has a lifetime there, and nothing forbids it.
pub(crate) fn is_shared(values: &[HeaderValue]) -> bool {
    Directives::read(values).are_shared()
}

/// What a head says to caches that serve several users about keeping it (RFC 9111, section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    /// None may keep it.
    Forbidden,
    /// Nothing: a cache may keep it by its own rules.
    Unsaid,
    /// One may keep it, if only to ask whether it still holds.
    Possible,
}

/// Whether a cache that serves several users may keep a response with these fields.
pub(crate) fn shared_storage(fields: &HeaderMap) -> Storage {
    let forbids = |name: &HeaderName| {
        let said = Directives::read(fields.get_all(name));
        said.forbids_storage() && said.is_bare(Flag::NoStore) || said.private == Bound::Whole
    };
    let mut of_some = fields.keys().filter(|name| is_targeted(name)).peekable();
    let is_said = fields.contains_key(CACHE_CONTROL) || fields.contains_key(EXPIRES);
    if !is_said && of_some.peek().is_none() {
        Storage::Unsaid
    } else if forbids(&CACHE_CONTROL) && of_some.all(forbids) {
        Storage::Forbidden
    } else {
        Storage::Possible
    }
}

/// Whether such a cache may also give the cookies of the response to somebody else: it
/// [is shared](is_shared), and neither `private` nor `no-cache` is said of `Set-Cookie`.
pub(crate) fn shares_cookies(values: &[HeaderValue]) -> bool {
    let said = Directives::read(values);
    let names = |bound: &Bound<'_>| match bound {
        Bound::Fields(names) => names.iter().any(|name| name.eq_ignore_ascii_case(b"set-cookie")),
        Bound::Nothing | Bound::Garbled | Bound::Whole => false,
    };
    said.are_shared() && !names(&said.private) && !names(&said.no_cache)
}

/// Whether the content may not be coded on its way (RFC 9111, section 5.2.2.6).
pub(crate) fn forbids_transform(values: &[HeaderValue]) -> bool {
    Directives::read(values).has(Flag::NoTransform)
}

/// What of `values` only restricts: everything but `public`, `immutable`, lifetimes above 0, and what no
/// standard names. `None` if that is all that they say.
pub(crate) fn restrictions(values: &[HeaderValue]) -> Option<HeaderValue> {
    let mut said = Directives::read(values);
    let lives = said.lifetimes.iter().any(|lifetime| lifetime.is_some_and(|seconds| seconds > 0));
    let allows = said.has(Flag::Public) || said.has(Flag::Immutable) || lives;
    if !allows && said.extensions.is_empty() && !said.is_taken_back() {
        return None;
    }
    if said.is_taken_back() {
        said.flags[Flag::MustUnderstand as usize] = false;
    }
    (said.flags[Flag::Public as usize], said.flags[Flag::Immutable as usize]) = (false, false);
    for lifetime in &mut said.lifetimes {
        *lifetime = lifetime.filter(|seconds| *seconds == 0);
    }
    said.extensions.clear();
    Some(said.print())
}

impl Directives<'_> {
    /// Whether there is a `no-store` that `must-understand` takes back.
    const fn is_taken_back(&self) -> bool {
        self.has(Flag::NoStore) && self.has(Flag::MustUnderstand)
    }

    fn are_shared(&self) -> bool {
        let kept = self.shared().map_or(self.has(Flag::Public), |seconds| seconds > 0);
        kept && !self.forbids_storage() && !self.private.is_whole() && !self.no_cache.is_whole()
    }
}

/// Whether one kind of cache reads this field in the place of `Cache-Control` (RFC 9213, section 2.2, and what
/// there was before it).
#[allow(dead_code, reason = "a policy and its nonces ask, and are an option")]
pub(crate) fn is_targeted(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.ends_with("-cache-control")
        || matches!(name, "edge-control" | "surrogate-control" | "x-accel-expires")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(line: &str) -> [HeaderValue; 1] {
        [HeaderValue::try_from(line).expect("a legal value")]
    }

    #[test]
    fn a_shared_cache_needs_leave_and_no_restriction() {
        let check = |line: &str, shared: bool, cookies: bool| {
            let values = values(line);
            assert_eq!(is_shared(&values), shared, "{line}");
            assert_eq!(shares_cookies(&values), cookies, "cookies: {line}");
        };
        for line in ["public", "max-age=1", "s-maxage=1", "PUBLIC, max-age=9", "max-age=\"5\""] {
            check(line, true, true);
        }
        for line in [
            "",
            "max-age=0",
            "public, max-age=0",
            "s-maxage=0, max-age=60",
            "max-age=x",
            "private, max-age=60",
            "no-store, max-age=60",
            "no-cache, max-age=60",
            "must-revalidate",
            "no-transform",
            "stale-if-error=60",
        ] {
            check(line, false, false);
        }
        // Of these fields alone: the rest may be kept, and a cookie only if it is not among them.
        check(r#"max-age=60, private="set-cookie""#, true, false);
        check(r#"max-age=60, no-cache="x, Set-Cookie""#, true, false);
        check(r#"max-age=60, no-cache="x""#, true, true);
    }

    #[test]
    fn storage_is_forbidden_by_a_bare_word_alone() {
        let check = |lines: &[(&'static str, &str)], expected: Storage| {
            let mut fields = HeaderMap::new();
            for (name, value) in lines {
                fields.append(*name, HeaderValue::try_from(*value).expect("a legal value"));
            }
            assert_eq!(shared_storage(&fields), expected, "{lines:?}");
        };
        check(&[("etag", "\"v1\"")], Storage::Unsaid);
        for line in
            ["no-store", "private", "Private, max-age=60", "public, no-store", "no-cache, private"]
        {
            check(&[("cache-control", line)], Storage::Forbidden);
        }
        for line in [
            "",
            "public",
            "max-age=0",
            "no-cache",
            "must-revalidate",
            "private=\"set-cookie\"",
            "no-store=1",
            "no-store, must-understand",
        ] {
            check(&[("cache-control", line)], Storage::Possible);
        }
        check(&[("cache-control", "max-age=9"), ("cache-control", "private")], Storage::Forbidden);
        check(&[("expires", "0")], Storage::Possible);
        check(&[("cdn-cache-control", "max-age=9")], Storage::Possible);
        check(
            &[("cache-control", "private"), ("cdn-cache-control", "max-age=9")],
            Storage::Possible,
        );
        check(
            &[("cache-control", "private"), ("cdn-cache-control", "no-store")],
            Storage::Forbidden,
        );
    }

    #[test]
    fn what_allows_is_parted_from_what_restricts() {
        let check = |line: &str, expected: Option<&str>| {
            let rest = restrictions(&values(line));
            assert_eq!(rest.as_ref().map(|rest| rest.to_str().expect("text")), expected, "{line}");
            // What is left has nothing more to part with.
            assert_eq!(rest.and_then(|rest| restrictions(&[rest])), None, "{line}");
        };
        for line in [
            "",
            "no-store",
            "no-cache, private, max-age=0",
            "must-revalidate, no-transform",
            r#"private="set-cookie""#,
            "must-understand",
        ] {
            check(line, None);
        }
        check("public, max-age=60", Some(""));
        check("s-maxage=9, stale-if-error=60, immutable", Some(""));
        check("private, max-age=60, no-transform", Some("private, no-transform"));
        check("no-store, max-age=60", Some("no-store"));
        check("no-cache, max-age=0, ext=1", Some("no-cache, max-age=0"));
        check("no-store, must-understand, max-age=5", Some("no-store"));
    }

    #[test]
    fn a_transformation_is_forbidden_by_its_word() {
        assert!(forbids_transform(&values("max-age=60, No-Transform")));
        assert!(!forbids_transform(&values("no-transformation, x=no-transform")));
    }
}
