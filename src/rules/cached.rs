//! Conflicts in what a head says to caches: contradictions, shared cookies, and errors that are kept.

use http::header::{CACHE_CONTROL, HeaderName, HeaderValue, SET_COOKIE, VARY};

use super::case::Case;
use super::history::Cast;
use super::{Conflict, Rule, merge};
use crate::field::cache_control;
use crate::ledger::{Values, Writer};

/// The conflicts of a head whose `Cache-Control` contradicts itself.
const COOKIE: &str = "a cookie on a response that shared caches may keep";

/// The conflicts of what the head tells caches.
pub(super) fn cached(case: &Case<'_>, cast: Cast<'_>) -> Vec<Conflict> {
    let mut found = Vec::new();
    let cache: Vec<HeaderValue> = case.fields.get_all(CACHE_CONTROL).iter().cloned().collect();
    if cache.is_empty() {
        return found;
    }
    if let Some(detail) = cache_control::contradicts(&cache) {
        found.push(about(case, cast, Rule::Contradiction, &CACHE_CONTROL, None, detail));
    }
    if case.fields.contains_key(SET_COOKIE)
        && cache_control::shares_cookies(&cache)
        && !varies_by_all(case)
    {
        let other = Some((cast.writer(&SET_COOKIE), cast.time(&SET_COOKIE)));
        found.push(about(case, cast, Rule::Contradiction, &CACHE_CONTROL, other, COOKIE));
    }
    found
}

/// A response that no request but its own may be answered with (RFC 9111, section 4.1).
fn varies_by_all(case: &Case<'_>) -> bool {
    let vary: Vec<HeaderValue> = case.fields.get_all(VARY).iter().cloned().collect();
    merge::has_star(&vary)
}

/// The answer to a failure of the server that shared caches may keep, by `Cache-Control` or by one of its kind
/// for caches of one sort (RFC 9213).
pub(super) fn kept_error(case: &Case<'_>, cast: Cast<'_>) -> Vec<Conflict> {
    if !case.status.is_server_error() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for field in case.fields.keys().filter(|field| merge::is_cache_control(field)) {
        let lines: Vec<HeaderValue> = case.fields.get_all(field).iter().cloned().collect();
        if cache_control::is_shared(&lines) {
            let detail = "shared caches may keep this answer to a failure";
            let other = Some((cast.status_writer(), cast.status_time()));
            found.push(about(case, cast, Rule::CachedError, field, other, detail));
        }
    }
    found
}

fn about(
    case: &Case<'_>,
    cast: Cast<'_>,
    rule: Rule,
    field: &HeaderName,
    other: Option<(&Writer, u64)>,
    detail: &'static str,
) -> Conflict {
    let (writer, time) = (cast.writer(field), cast.time(field));
    // Both stand, so what was written first is named first.
    let (first, second) = match other {
        Some((other, when)) if when > time => (Some(writer), other),
        Some((other, _)) => (Some(other), writer),
        None => (None, writer),
    };
    Conflict {
        field: Some(field.clone()),
        first: first.cloned(),
        second: Some(second.clone()),
        after: Values::of(case.fields.get_all(field).iter()),
        secrecy: case.ledger.secrecy(field),
        detail: Some(detail.into()),
        ..Conflict::new(rule)
    }
}

/// The lines of a contradictory `Cache-Control` without the contradiction: the stricter word stands.
/// `None` for a contradiction of other fields.
pub(super) fn without_contradiction(
    conflict: &Conflict,
    now: &[HeaderValue],
) -> Option<Vec<HeaderValue>> {
    if conflict.field.as_ref() != Some(&CACHE_CONTROL) {
        return None;
    }
    let word = if conflict.detail.as_deref() == Some(COOKIE) { "private" } else { "" };
    Some(and(now, word))
}

/// The same lines, and this word.
pub(super) fn and(now: &[HeaderValue], word: &'static str) -> Vec<HeaderValue> {
    let more: Vec<_> = now.iter().cloned().chain([HeaderValue::from_static(word)]).collect();
    vec![cache_control::stricter(now, &more)]
}
