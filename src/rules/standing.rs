//! Conflicts that lie in what a head is: doubled, missing, forbidden or contradictory fields.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, HeaderName,
    HeaderValue,
};

use super::cached::{cached, kept_error};
use super::case::Case;
use super::coded::coded;
use super::history::Cast;
use super::{Conflict, Rule, merge};
use crate::field::cache_control;
use crate::field::class::Shape;
use crate::ledger::Values;

/// The conflicts of the head as it stands.
pub(crate) fn standing(case: &Case<'_>, cast: Cast<'_>) -> Vec<Conflict> {
    let mut found = Vec::new();
    let rewritten = cast.rewritten();
    let (mut tells_caches, mut shared) = (false, false);
    let several = case.fields.len() > case.fields.keys_len();
    for field in case.fields.keys() {
        if several && case.fields.get_all(field).iter().nth(1).is_some()
            || rewritten.contains(&field)
        {
            found.extend(doubled(case, cast, field));
        }
        tells_caches |= *field == CACHE_CONTROL;
        shared |= *field == ACCESS_CONTROL_ALLOW_ORIGIN;
    }
    found.extend(coded(case, cast));
    if tells_caches {
        found.extend(cached(case, cast));
    }
    if shared {
        found.extend(any_origin(case, cast));
    }
    found.extend(kept_error(case, cast));
    found.extend(expected(case, cast));
    found
}

/// Several lines of a single field, or a member that a list names twice.
fn doubled(case: &Case<'_>, cast: Cast<'_>, field: &HeaderName) -> Option<Conflict> {
    let values: Vec<HeaderValue> = case.fields.get_all(field).iter().cloned().collect();
    let shape = case.rules.shape(field);
    let rule = match shape {
        Shape::Single if values.len() > 1 => Rule::Duplicated,
        Shape::List | Shape::Lines if merge::repeats(field, shape, &values) => Rule::MemberRepeated,
        Shape::Single | Shape::List | Shape::Lines | Shape::Framing | Shape::Unknown => {
            return None;
        }
    };
    let (first, second) = (cast.first_writer(field), cast.writer(field));
    Some(Conflict {
        field: Some(field.clone()),
        first: (!first.is(second)).then(|| first.clone()),
        second: Some(second.clone()),
        after: Values::of(values.iter()),
        secrecy: case.ledger.secrecy(field),
        ..Conflict::new(rule)
    })
}

/// An origin that is open to all beside credentials, which browsers refuse.
fn any_origin(case: &Case<'_>, cast: Cast<'_>) -> Option<Conflict> {
    let is = |field: HeaderName, text: &str| case.fields.get(field).is_some_and(|v| v == text);
    if !is(ACCESS_CONTROL_ALLOW_ORIGIN, "*") || !is(ACCESS_CONTROL_ALLOW_CREDENTIALS, "true") {
        return None;
    }
    let (field, other) = (ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_ALLOW_CREDENTIALS);
    let (mut first, mut second) = (cast.writer(&other), cast.writer(&field));
    if cast.time(&other) > cast.time(&field) {
        std::mem::swap(&mut first, &mut second);
    }
    Some(Conflict {
        first: Some(first.clone()),
        second: Some(second.clone()),
        secrecy: case.ledger.secrecy(&field),
        after: Values::of(case.fields.get_all(&field).iter()),
        field: Some(field),
        detail: Some("browsers refuse `*` together with access-control-allow-credentials".into()),
        ..Conflict::new(Rule::Contradiction)
    })
}

/// What is required or forbidden, by status and path.
pub(crate) fn expected(case: &Case<'_>, cast: Cast<'_>) -> Vec<Conflict> {
    let mut found = Vec::new();
    let more = case.expected.iter().flat_map(|expected| expected.required);
    for expect in case.rules.required.iter().chain(more) {
        if !case.fields.contains_key(&expect.field) && expect.is_about(*case.status, case.path) {
            let touched = cast.touched(&expect.field);
            let wrote = touched.then(|| cast.writer(&expect.field).clone());
            found.push(Conflict {
                field: Some(expect.field.clone()),
                second: wrote,
                offer: expect.value.clone().map_or(Values::None, Values::One),
                secrecy: case.ledger.secrecy(&expect.field),
                detail: Some("required here, and not there".into()),
                ..Conflict::new(Rule::Missing)
            });
        }
    }
    let more = case.expected.iter().flat_map(|expected| expected.forbidden);
    for expect in case.rules.forbidden.iter().chain(more) {
        if is_in_the_way(case, &expect.field) && expect.is_about(*case.status, case.path) {
            found.push(Conflict {
                field: Some(expect.field.clone()),
                second: Some(cast.writer(&expect.field).clone()),
                after: Values::of(case.fields.get_all(&expect.field).iter()),
                secrecy: case.ledger.secrecy(&expect.field),
                detail: Some("forbidden here".into()),
                ..Conflict::new(Rule::Forbidden)
            });
        }
    }
    found
}

/// Whether `field` is there, and is more than restrictions of what caches may do: without those a cache
/// could keep what it must not.
fn is_in_the_way(case: &Case<'_>, field: &HeaderName) -> bool {
    if !merge::is_cache_control(field) {
        return case.fields.contains_key(field);
    }
    let lines: Vec<HeaderValue> = case.fields.get_all(field).iter().cloned().collect();
    cache_control::restrictions(&lines).is_some()
}
