//! Conflicts with a content coding: what was said of the bytes before they were coded, and stands.

use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE, ETAG, HeaderName, HeaderValue};

use super::case::Case;
use super::history::Cast;
use super::{Conflict, Rule};
use crate::field::{cache_control, digest, etag};
use crate::ledger::{Values, Writer};
use crate::rules::framing::content_is_due;

/// A coding that was applied or taken away after the head had come into sight.
#[derive(Clone, Copy)]
struct Coding<'a> {
    by: &'a Writer,
    time: u64,
    done: Done,
}

#[derive(Clone, Copy)]
enum Done {
    Applied,
    Undone,
}

impl<'a> Coding<'a> {
    /// The last change of `Content-Encoding`, if content follows that it is about.
    fn of(case: &Case<'_>, cast: Cast<'a>) -> Option<Self> {
        let time = cast.time(&CONTENT_ENCODING);
        let done = match (time, case.fields.contains_key(CONTENT_ENCODING)) {
            (0, _) => return None,
            (_, true) => Done::Applied,
            (_, false) if content_is_due(*case.status, false, false) => Done::Undone,
            (_, false) => return None,
        };
        Some(Self { by: cast.writer(&CONTENT_ENCODING), time, done })
    }

    /// Whether somebody else wrote at `time`, before the coding.
    fn is_after(self, time: u64, writer: &Writer) -> bool {
        self.time > time && !self.by.is(writer)
    }

    const fn of_a_digest(self) -> &'static str {
        match self.done {
            Done::Applied => "content-encoding was applied after the digest was made",
            Done::Undone => "content-encoding was taken away after the digest was made",
        }
    }

    const fn of_a_tag(self) -> &'static str {
        match self.done {
            Done::Applied => "content-encoding was applied after the tag was made",
            Done::Undone => "content-encoding was taken away after the tag was made",
        }
    }
}

/// What the coding of the content made untrue.
pub(super) fn coded(case: &Case<'_>, cast: Cast<'_>) -> Vec<Conflict> {
    let Some(coding) = Coding::of(case, cast) else { return Vec::new() };
    let mut found = Vec::new();
    found.extend(strong_tag(case, cast, coding));
    for field in &digest::FIELDS {
        if case.fields.contains_key(field) && coding.is_after(cast.time(field), cast.writer(field))
        {
            found.push(about(case, cast, coding, Rule::StaleDigest, field, coding.of_a_digest()));
        }
    }
    found.extend(coded_range(case, cast, coding));
    found.extend(no_transform(case, cast, coding));
    found
}

fn about(
    case: &Case<'_>,
    cast: Cast<'_>,
    coding: Coding<'_>,
    rule: Rule,
    field: &HeaderName,
    detail: &'static str,
) -> Conflict {
    Conflict {
        field: Some(field.clone()),
        first: Some(cast.writer(field).clone()),
        second: Some(coding.by.clone()),
        after: Values::of(case.fields.get_all(field).iter()),
        secrecy: case.ledger.secrecy(field),
        detail: Some(detail.into()),
        ..Conflict::new(rule)
    }
}

/// A tag that is the same for the bytes before and after a coding.
fn strong_tag(case: &Case<'_>, cast: Cast<'_>, coding: Coding<'_>) -> Option<Conflict> {
    let strong = case.fields.get_all(ETAG).iter().any(etag::is_strong);
    if !strong || !coding.is_after(cast.time(&ETAG), cast.writer(&ETAG)) {
        return None;
    }
    Some(about(case, cast, coding, Rule::StrongTag, &ETAG, coding.of_a_tag()))
}

/// A part, or several, of a representation that was coded as if it were the whole. Several have no
/// `Content-Range` in the head (RFC 9110, section 15.3.7.2), so the status tells.
fn coded_range(case: &Case<'_>, cast: Cast<'_>, coding: Coding<'_>) -> Option<Conflict> {
    if *case.status != StatusCode::PARTIAL_CONTENT {
        return None;
    }
    let one = case.fields.contains_key(CONTENT_RANGE);
    let (time, writer) = if one {
        (cast.time(&CONTENT_RANGE), cast.writer(&CONTENT_RANGE))
    } else {
        (cast.status_time(), cast.status_writer())
    };
    if !coding.is_after(time, writer) {
        return None;
    }
    let field = if one { CONTENT_RANGE } else { CONTENT_ENCODING };
    let detail = match coding.done {
        Done::Applied => "content-encoding was applied to a part",
        Done::Undone => "content-encoding was taken away from a part",
    };
    let conflict = about(case, cast, coding, Rule::CodedRange, &field, detail);
    Some(Conflict { first: Some(writer.clone()), ..conflict })
}

/// What was coded although its `Cache-Control`, as it was then, said that it must not be.
fn no_transform(case: &Case<'_>, cast: Cast<'_>, coding: Coding<'_>) -> Option<Conflict> {
    if !case.fields.contains_key(CACHE_CONTROL) && !cast.touched(&CACHE_CONTROL) {
        return None;
    }
    let (then, writer) = cast.at(&CACHE_CONTROL, coding.time, case.fields);
    let then: &[HeaderValue] = then.as_slice();
    if coding.by.is(writer) || !cache_control::forbids_transform(then) {
        return None;
    }
    let detail = match coding.done {
        Done::Applied => "content-encoding was applied all the same",
        Done::Undone => "content-encoding was taken away all the same",
    };
    Some(Conflict {
        field: Some(CACHE_CONTROL),
        first: Some(writer.clone()),
        second: Some(coding.by.clone()),
        after: Values::of(then.iter()),
        secrecy: case.ledger.secrecy(&CACHE_CONTROL),
        detail: Some(detail.into()),
        ..Conflict::new(Rule::NoTransform)
    })
}
