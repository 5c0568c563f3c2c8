//! What a `Cache-Control` forbids, without what it allows.

use http::header::HeaderValue;

use crate::field::list;

/// The directives that keep a response out of caches, or ask before it is used again (RFC 9111,
/// sections 5.2.2.4, 5.2.2.5 and 5.2.2.7).
const RESTRICT: [&str; 3] = ["no-cache", "no-store", "private"];

/// Directives that only narrow what a cache may do; they say nothing without one of the others.
const NARROW: [&str; 4] =
    ["must-revalidate", "must-understand", "no-transform", "proxy-revalidate"];

/// The restricting directives of `line`, as they were written; `None` if it has none.
///
/// `private, max-age=60` is `private`: a lifetime was meant for one response, a restriction holds
/// for any that goes out in its place.
pub(crate) fn restriction(line: &HeaderValue) -> Option<HeaderValue> {
    let is_one_of = |member: &[u8], names: &[&str]| {
        let name = list::pair(member).0;
        names.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
    };
    let members = || list::members(line.as_bytes());
    if !members().any(|member| is_one_of(member, &RESTRICT)) {
        return None;
    }
    let narrows = |member: &&[u8]| is_one_of(member, &RESTRICT) || is_one_of(member, &NARROW);
    if members().all(|member| narrows(&member)) {
        return Some(line.clone());
    }
    Some(list::join(members().filter(narrows)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &'static str, expected: Option<&str>) {
        let found = restriction(&HeaderValue::from_static(line));
        assert_eq!(found.as_ref().map(|value| value.to_str().expect("text")), expected, "{line}");
    }

    #[test]
    fn a_restriction_is_separated_from_a_lifetime() {
        check("no-store", Some("no-store"));
        check("private, max-age=60", Some("private"));
        check("No-Cache=\"set-cookie, x\" , max-age=1, must-revalidate", {
            Some("No-Cache=\"set-cookie, x\", must-revalidate")
        });
        check("public, max-age=3600", None);
        check("max-age=0, must-revalidate", None);
        check("x=\"no-store\"", None);
        check("", None);
    }
}
