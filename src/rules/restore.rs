//! What of a head that was replaced still holds for the one that took its place.

use http::StatusCode;
use http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LOCATION, CONTENT_RANGE, DATE, ETAG, EXPIRES,
    HeaderName, HeaderValue, LAST_MODIFIED, LINK, LOCATION, PROXY_AUTHENTICATE, RETRY_AFTER,
    UPGRADE, VARY, WWW_AUTHENTICATE,
};

use super::{Rules, merge};
use crate::field::cache_control;

/// Fields that belong to an answer's status and not to its content: where the status stays, they stay
/// true, whoever writes the page.
const OF_STATUS: &[(u16, &[HeaderName])] = &[
    // Where it was made, or is: RFC 9110, sections 15.3.2 and 15.4.1 to 15.4.9.
    (201, &[LOCATION]),
    (300, &[LOCATION]),
    (301, &[LOCATION]),
    (302, &[LOCATION]),
    (303, &[LOCATION]),
    (307, &[LOCATION]),
    (308, &[LOCATION]),
    // The challenge, without which the client cannot ask again: sections 15.5.2 and 15.5.8.
    (401, &[WWW_AUTHENTICATE]),
    (407, &[PROXY_AUTHENTICATE]),
    // How long the representation is: section 15.5.17.
    (416, &[CONTENT_RANGE]),
    // What to switch to, and that this is of the connection: sections 15.5.22 and 7.8.
    (426, &[UPGRADE, CONNECTION]),
    // Who blocks it: RFC 7725, section 3.
    (451, &[LINK]),
];

/// Fields that hold for any status that stays: what may be asked (RFC 9110, section 10.2.1; a 405 has to say it,
/// section 15.5.6), and when to ask again (section 10.2.3; of 413, 429, 503 and redirects, sections
/// 15.5.14, 15.6.4 and 15.4, and RFC 6585, section 4).
const OF_ANY_STATUS: &[HeaderName] = &[ALLOW, RETRY_AFTER];

/// What a 304 has to have if the 200 to the same request had it (RFC 9110, section 15.4.5).
const OF_NOT_MODIFIED: &[HeaderName] =
    &[CACHE_CONTROL, CONTENT_LOCATION, DATE, ETAG, EXPIRES, VARY];

/// What a field of a head that was lost still says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    /// All of it: it is put back.
    Whole,
    /// Of a `Cache-Control`, what only restricts: no cache may keep the new answer longer than the old.
    Restrictions,
}

/// Whether a 304 asks for this field, which the representation's 200 had.
pub(super) fn is_of_not_modified(field: &HeaderName) -> bool {
    OF_NOT_MODIFIED.contains(field) || merge::is_cache_control(field)
}

/// What a 304 would be made of: a head of the representation that it says is unchanged.
fn is_of_the_representation(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::OK
            | StatusCode::NON_AUTHORITATIVE_INFORMATION
            | StatusCode::PARTIAL_CONTENT
            | StatusCode::NOT_MODIFIED
    )
}

/// What is due of `field`, which a head with the status `was` had, in one with `now`.
///
/// What states a policy always is. `etag` says whether the new head or the lost one has a tag: where
/// there is none, a 304 is recognised by its date.
pub(super) fn due(
    rules: &Rules,
    field: &HeaderName,
    was: Option<StatusCode>,
    now: StatusCode,
    etag: bool,
) -> Due {
    if rules.outlives(field) {
        return Due::Whole;
    }
    let of_representation = was.is_some_and(is_of_the_representation);
    if now == StatusCode::NOT_MODIFIED && of_representation {
        let asked = is_of_not_modified(field) || *field == LAST_MODIFIED && !etag;
        return if asked { Due::Whole } else { Due::Nothing };
    }
    if was != Some(now) {
        return Due::Nothing;
    }
    let own = OF_STATUS.iter().find(|(status, _)| *status == now.as_u16());
    let own = own.is_some_and(|(_, fields)| fields.contains(field));
    if own || OF_ANY_STATUS.contains(field) {
        Due::Whole
    } else if merge::is_cache_control(field) {
        Due::Restrictions
    } else {
        Due::Nothing
    }
}

/// What of `lines`, which a field had, is due.
pub(super) fn part(due: Due, lines: Vec<HeaderValue>) -> Vec<HeaderValue> {
    match due {
        Due::Nothing => Vec::new(),
        Due::Whole => lines,
        Due::Restrictions => match cache_control::restrictions(&lines) {
            None => lines,
            Some(rest) if rest.is_empty() => Vec::new(),
            Some(rest) => vec![rest],
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(was: u16, now: u16, field: &'static str, expected: Due) {
        let status = |code| StatusCode::from_u16(code).expect("a status");
        let name = HeaderName::from_static(field);
        let due = due(&Rules::standard(), &name, Some(status(was)), status(now), true);
        assert_eq!(due, expected, "{field} of a {was} in a {now}");
    }

    #[test]
    fn each_status_keeps_what_is_its_own() {
        for (status, field) in [
            (201, "location"),
            (302, "location"),
            (308, "location"),
            (401, "www-authenticate"),
            (405, "allow"),
            (407, "proxy-authenticate"),
            (413, "retry-after"),
            (416, "content-range"),
            (426, "upgrade"),
            (426, "connection"),
            (429, "retry-after"),
            (451, "link"),
            (503, "retry-after"),
            (503, "allow"),
        ] {
            check(status, status, field, Due::Whole);
            // With another status it says something about an answer that is gone.
            let other = if class_is_policy(field) { Due::Whole } else { Due::Nothing };
            check(status, 500, field, other);
        }
        check(206, 206, "content-range", Due::Nothing);
        check(200, 200, "etag", Due::Nothing);
        check(200, 200, "content-type", Due::Nothing);
        check(429, 429, "cache-control", Due::Restrictions);
        check(429, 503, "cache-control", Due::Nothing);
    }

    fn class_is_policy(field: &'static str) -> bool {
        Rules::standard().outlives(&HeaderName::from_static(field))
    }

    #[test]
    fn a_304_has_what_its_200_would_have() {
        let fields = ["cache-control", "content-location", "date", "etag", "expires", "vary"];
        for field in fields.into_iter().chain(["cdn-cache-control", "set-cookie"]) {
            for was in [200, 206, 304] {
                check(was, 304, field, Due::Whole);
            }
        }
        for field in ["content-type", "content-length", "content-encoding", "last-modified"] {
            check(200, 304, field, Due::Nothing);
        }
        check(404, 304, "etag", Due::Nothing);
        let (rules, field) = (Rules::standard(), LAST_MODIFIED);
        let (was, now) = (Some(StatusCode::OK), StatusCode::NOT_MODIFIED);
        assert_eq!(due(&rules, &field, was, now, false), Due::Whole, "there is no tag");
    }

    #[test]
    fn of_a_cache_control_only_what_restricts_is_due() {
        let check = |line: &'static str, expected: &[&str]| {
            let lines = vec![HeaderValue::from_static(line)];
            assert_eq!(part(Due::Restrictions, lines), expected, "{line}");
        };
        check("public, max-age=60", &[]);
        check("private, max-age=60", &["private"]);
        check("no-store", &["no-store"]);
    }
}
