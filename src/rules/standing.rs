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
use crate::ledger::{Values, Writer};

/// The conflicts of the head as it stands.
pub(crate) fn standing(case: &Case<'_>, cast: &Cast<'_>) -> Vec<Conflict> {
    let mut found = Vec::new();
    for field in case.fields.keys() {
        found.extend(doubled(case, cast, field));
    }
    found.extend(strong_tag(case, cast));
    found.extend(contradictions(case, cast));
    found.extend(expected(case, cast));
    found
}

/// A field that stands there alone may only be judged by what it says; nobody else wrote it.
fn doubled(case: &Case<'_>, cast: &Cast<'_>, field: &HeaderName) -> Option<Conflict> {
    let lines = case.fields.get_all(field).iter();
    if lines.size_hint().1 == Some(1) && !cast.touched(field) {
        return None;
    }
    let values: Vec<HeaderValue> = lines.cloned().collect();
    if values.len() == 1 && !cast.touched(field) {
        return None;
    }
    let shape = case.rules.shape(field);
    let rule = match shape {
        Shape::Single if values.len() > 1 => Rule::Duplicated,
        Shape::List | Shape::Lines if merge::repeats(field, shape, &values) => Rule::MemberRepeated,
        Shape::Single | Shape::List | Shape::Lines | Shape::Framing | Shape::Unknown => {
            return None;
        }
    };
    let mut writers = case.ledger.entries().iter().filter(|e| e.field() == Some(field));
    let first = writers.next().map(|entry| match entry.change() {
        // Something stood there before the first write that was seen.
        Some((before, _)) if !before.is_empty() => Writer::Response,
        Some(_) | None => entry.writer().clone(),
    });
    let second = cast.writer(field);
    Some(Conflict {
        field: Some(field.clone()),
        first: first.filter(|first| !first.is(&second)),
        second: Some(second),
        after: Values::of(values.iter()),
        secret: case.ledger.is_secret(field),
        ..Conflict::new(rule)
    })
}

/// A tag that is the same for the bytes before and after a coding.
fn strong_tag(case: &Case<'_>, cast: &Cast<'_>) -> Option<Conflict> {
    let tag = case.fields.get(ETAG).filter(|tag| etag::is_strong(tag))?;
    case.fields.get(CONTENT_ENCODING)?;
    let coder = cast.writer(&CONTENT_ENCODING);
    let later = cast.time(&CONTENT_ENCODING) > cast.time(&ETAG);
    if !later || coder.is(&cast.writer(&ETAG)) {
        return None;
    }
    Some(Conflict {
        field: Some(ETAG),
        first: Some(cast.writer(&ETAG)),
        second: Some(coder),
        after: Values::One(tag.clone()),
        detail: Some("content-encoding was applied after the tag was made".into()),
        ..Conflict::new(Rule::StrongTag)
    })
}

fn contradictions(case: &Case<'_>, cast: &Cast<'_>) -> Vec<Conflict> {
    let fields = &*case.fields;
    let mut found = Vec::new();
    let mut say = |field: HeaderName, other: Option<&HeaderName>, detail: &'static str| {
        let after = Values::of(fields.get_all(&field).iter());
        found.push(Conflict {
            first: other.map(|other| cast.writer(other)),
            second: Some(cast.writer(&field)),
            secret: case.ledger.is_secret(&field),
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
fn expected(case: &Case<'_>, cast: &Cast<'_>) -> Vec<Conflict> {
    let mut found = Vec::new();
    for expect in &case.rules.required {
        if !case.fields.contains_key(&expect.field) && expect.is_about(*case.status, case.path) {
            let wrote = cast.touched(&expect.field).then(|| cast.writer(&expect.field));
            found.push(Conflict {
                field: Some(expect.field.clone()),
                second: wrote,
                offer: expect.value.clone(),
                secret: case.ledger.is_secret(&expect.field),
                detail: Some("required here, and not there".into()),
                ..Conflict::new(Rule::Missing)
            });
        }
    }
    for expect in &case.rules.forbidden {
        if case.fields.contains_key(&expect.field) && expect.is_about(*case.status, case.path) {
            found.push(Conflict {
                field: Some(expect.field.clone()),
                second: Some(cast.writer(&expect.field)),
                after: Values::of(case.fields.get_all(&expect.field).iter()),
                secret: case.ledger.is_secret(&expect.field),
                detail: Some("forbidden here".into()),
                ..Conflict::new(Rule::Forbidden)
            });
        }
    }
    found
}
