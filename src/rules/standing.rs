//! Conflicts that lie in what a head is: doubled, missing, forbidden or contradictory fields.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING,
    ETAG, HeaderName, HeaderValue, SET_COOKIE,
};

use super::history::Cast;
use super::judge::Case;
use super::{Conflict, Rule, merge};
use crate::field::class::Shape;
use crate::field::{cache_control, etag};
use crate::ledger::Values;

/// The conflicts of the head as it stands.
pub(crate) fn standing(case: &Case<'_>, cast: Cast<'_>) -> Vec<Conflict> {
    let mut found = Vec::new();
    let rewritten = cast.rewritten();
    let (mut tag, mut cached, mut shared, mut coded) = (false, false, false, false);
    let several = case.fields.len() > case.fields.keys_len();
    for field in case.fields.keys() {
        if several && case.fields.get_all(field).iter().nth(1).is_some()
            || rewritten.contains(&field)
        {
            found.extend(doubled(case, cast, field));
        }
        match field.as_str() {
            "etag" => tag = true,
            "cache-control" => cached = true,
            "access-control-allow-origin" => shared = true,
            "content-encoding" => coded = true,
            _ => {}
        }
    }
    if tag && coded {
        found.extend(strong_tag(case, cast));
    }
    if cached || shared {
        found.extend(contradictions(case, cast));
    }
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

/// A tag that is the same for the bytes before and after a coding.
fn strong_tag(case: &Case<'_>, cast: Cast<'_>) -> Option<Conflict> {
    let tag = case.fields.get(ETAG).filter(|tag| etag::is_strong(tag))?;
    case.fields.get(CONTENT_ENCODING)?;
    let coder = cast.writer(&CONTENT_ENCODING);
    let later = cast.time(&CONTENT_ENCODING) > cast.time(&ETAG);
    if !later || coder.is(cast.writer(&ETAG)) {
        return None;
    }
    Some(Conflict {
        field: Some(ETAG),
        first: Some(cast.writer(&ETAG).clone()),
        second: Some(coder.clone()),
        after: Values::One(tag.clone()),
        secrecy: case.ledger.secrecy(&ETAG),
        detail: Some("content-encoding was applied after the tag was made".into()),
        ..Conflict::new(Rule::StrongTag)
    })
}

fn contradictions(case: &Case<'_>, cast: Cast<'_>) -> Vec<Conflict> {
    let fields = &*case.fields;
    let mut found = Vec::new();
    let mut say = |field: HeaderName, other: Option<&HeaderName>, detail: &'static str| {
        let after = Values::of(fields.get_all(&field).iter());
        found.push(Conflict {
            first: other.map(|other| cast.writer(other).clone()),
            second: Some(cast.writer(&field).clone()),
            secrecy: case.ledger.secrecy(&field),
            field: Some(field),
            after,
            detail: Some(detail.into()),
            ..Conflict::new(Rule::Contradiction)
        });
    };
    let cache: Vec<HeaderValue> = fields.get_all(CACHE_CONTROL).iter().cloned().collect();
    if !cache.is_empty() {
        if let Some(detail) = cache_control::contradicts(&cache) {
            say(CACHE_CONTROL, None, detail);
        }
        if fields.contains_key(SET_COOKIE) && cache_control::is_shared(&cache) {
            let detail = "a cookie on a response that shared caches may keep";
            say(CACHE_CONTROL, Some(&SET_COOKIE), detail);
        }
    }
    let any = fields.get(ACCESS_CONTROL_ALLOW_ORIGIN).is_some_and(|origin| origin == "*");
    if any && fields.get(ACCESS_CONTROL_ALLOW_CREDENTIALS).is_some_and(|value| value == "true") {
        let detail = "browsers refuse `*` together with access-control-allow-credentials";
        say(ACCESS_CONTROL_ALLOW_ORIGIN, Some(&ACCESS_CONTROL_ALLOW_CREDENTIALS), detail);
    }
    found
}

/// What is required or forbidden, by status and path.
pub(crate) fn expected(case: &Case<'_>, cast: Cast<'_>) -> Vec<Conflict> {
    let mut found = Vec::new();
    for expect in &case.rules.required {
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
    for expect in &case.rules.forbidden {
        if case.fields.contains_key(&expect.field) && expect.is_about(*case.status, case.path) {
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
