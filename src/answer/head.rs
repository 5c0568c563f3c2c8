//! The head of each answer.

use std::ops::Range;
use std::time::SystemTime;

use http::header::{
    ACCEPT_RANGES, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_RANGE,
    CONTENT_TYPE, DATE, ETAG, EXPIRES, HeaderMap, HeaderName, HeaderValue, LAST_MODIFIED, LOCATION,
    VARY,
};
use http::{Response, StatusCode};

use crate::answer::facts::{ACCEPT_QUERY, Facts, Ranges};
use crate::answer::multipart::Multipart;
use crate::answer::validators::Validators;
use crate::field::date::Date;
use crate::field::{content_range, length};

/// What a 304 keeps of the fields that the 200 would have (RFC 9110, section 15.4.5); `Date` and
/// `ETag` come beside them, and `Accept-Query` where queries are taken. A 412 is made the same way.
const KEPT: [HeaderName; 4] = [CACHE_CONTROL, CONTENT_LOCATION, EXPIRES, VARY];

/// The digest of the content that is sent (RFC 9530, section 2).
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");

/// 200, with the length of the whole; to a `HEAD` too.
pub(crate) fn whole(facts: &Facts, validators: &Validators, complete: u64) -> Response<()> {
    described(StatusCode::OK, facts, validators, complete)
}

/// 206 with one part (RFC 9110, section 15.3.7.1).
pub(crate) fn part(
    facts: &Facts,
    validators: &Validators,
    part: &Range<u64>,
    complete: u64,
) -> Response<()> {
    let bytes = part.end.saturating_sub(part.start);
    let mut head = described(StatusCode::PARTIAL_CONTENT, facts, validators, bytes);
    put(head.headers_mut(), CONTENT_RANGE, content_range::part(part, complete));
    head
}

/// 206 with several parts: no `Content-Range` but in the parts (RFC 9110, section 15.3.7.2).
pub(crate) fn parts(facts: &Facts, validators: &Validators, parts: &Multipart) -> Response<()> {
    let mut head = described(StatusCode::PARTIAL_CONTENT, facts, validators, parts.length());
    put(head.headers_mut(), CONTENT_TYPE, parts.content_type());
    head
}

/// 304: what helps a cache to update what it has, and nothing else.
pub(crate) fn not_modified(facts: &Facts, validators: &Validators, is_query: bool) -> Response<()> {
    let mut head = kept(StatusCode::NOT_MODIFIED, facts, validators);
    // RFC 10008, section 2.4: where a GET gets the result from next time.
    if is_query {
        copy(&facts.fields, &LOCATION, head.headers_mut());
    }
    // RFC 9110, section 15.4.5: beside a tag the date would help nobody.
    if validators.tag.is_none() {
        put_modified(head.headers_mut(), validators);
    }
    head
}

/// 412, with the tag of what is there now.
pub(crate) fn precondition_failed(facts: &Facts, validators: &Validators) -> Response<()> {
    let mut head = kept(StatusCode::PRECONDITION_FAILED, facts, validators);
    put(head.headers_mut(), CONTENT_LENGTH, length::value(0));
    head
}

/// 416, with the length that there is (RFC 9110, section 15.5.17). How long to cache the whole is
/// not said of this.
pub(crate) fn unsatisfiable(facts: &Facts, validators: &Validators, complete: u64) -> Response<()> {
    let mut head = answer(StatusCode::RANGE_NOT_SATISFIABLE);
    let fields = head.headers_mut();
    copy(&facts.fields, &VARY, fields);
    put_accept_query(fields, facts);
    put(fields, CONTENT_RANGE, content_range::unsatisfied(complete));
    put(fields, ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    put(fields, CONTENT_LENGTH, length::value(0));
    put_tag(fields, validators);
    put_modified(fields, validators);
    put_date(fields, validators.now);
    head
}

/// 204 to an `OPTIONS`: what may be asked (RFC 9110, section 9.3.7).
pub(crate) fn options(facts: &Facts, now: SystemTime) -> Response<()> {
    let mut head = answer(StatusCode::NO_CONTENT);
    put(head.headers_mut(), ALLOW, allow(facts));
    put_accept_query(head.headers_mut(), facts);
    put_date(head.headers_mut(), Date::of(now));
    head
}

/// 405, with what may be asked (RFC 9110, section 15.5.6).
pub(crate) fn method_not_allowed(facts: &Facts, now: SystemTime) -> Response<()> {
    let mut head = bare(StatusCode::METHOD_NOT_ALLOWED, now);
    put(head.headers_mut(), ALLOW, allow(facts));
    put_accept_query(head.headers_mut(), facts);
    head
}

/// 400, with what a `QUERY` may be of (RFC 10008, section 2.1).
pub(crate) fn bad_request(facts: &Facts, now: SystemTime) -> Response<()> {
    let mut head = bare(StatusCode::BAD_REQUEST, now);
    put_accept_query(head.headers_mut(), facts);
    head
}

/// A head without content that describes nothing.
pub(crate) fn bare(status: StatusCode, now: SystemTime) -> Response<()> {
    let mut head = answer(status);
    put(head.headers_mut(), CONTENT_LENGTH, length::value(0));
    put_date(head.headers_mut(), Date::of(now));
    head
}

/// All that is known of the thing, and the bytes that follow.
///
/// RFC 9110, section 15.3.7, would have a 206 leave out what an `If-Range` proves the client to
/// have. But then a client could not tell what the bytes are that came.
fn described(
    status: StatusCode,
    facts: &Facts,
    validators: &Validators,
    bytes: u64,
) -> Response<()> {
    let mut head = answer(status);
    let fields = head.headers_mut();
    // Room for what is put beside them: a copy would have to grow twice.
    let _ = fields.try_reserve(facts.fields.len() + 6);
    // RFC 9530, section 2: it is of the bytes that are sent, and the one that is known is of all.
    let digest = facts.fields.contains_key(CONTENT_DIGEST) && status == StatusCode::PARTIAL_CONTENT;
    for (name, value) in &facts.fields {
        if !(digest && name == CONTENT_DIGEST) {
            let _ = fields.try_append(name.clone(), value.clone());
        }
    }
    describe(fields, facts.ranges, validators, bytes);
    head
}

/// What the answer says itself, beside what the caller knows.
pub(super) fn describe(
    fields: &mut HeaderMap,
    ranges: Ranges,
    validators: &Validators,
    bytes: u64,
) {
    match ranges {
        Ranges::Offered => put(fields, ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        Ranges::Refused => put(fields, ACCEPT_RANGES, HeaderValue::from_static("none")),
        Ranges::Unsaid => {}
    }
    put(fields, CONTENT_LENGTH, length::value(bytes));
    put_tag(fields, validators);
    put_modified(fields, validators);
    put_date(fields, validators.now);
}

fn kept(status: StatusCode, facts: &Facts, validators: &Validators) -> Response<()> {
    let mut head = answer(status);
    let fields = head.headers_mut();
    for (name, value) in facts.fields.iter().filter(|(name, _)| KEPT.contains(name)) {
        let _ = fields.try_append(name.clone(), value.clone());
    }
    put_accept_query(fields, facts);
    put_tag(fields, validators);
    put_date(fields, validators.now);
    head
}

pub(super) fn answer(status: StatusCode) -> Response<()> {
    let mut head = Response::new(());
    *head.status_mut() = status;
    head
}

fn put_tag(fields: &mut HeaderMap, validators: &Validators) {
    if let Some(tag) = &validators.tag {
        put(fields, ETAG, tag.value().clone());
    }
}

fn put_modified(fields: &mut HeaderMap, validators: &Validators) {
    if let Some(value) = validators.modified.and_then(Date::value) {
        put(fields, LAST_MODIFIED, value);
    }
}

/// The date of the answer. A server would add its own, which may be of the second before, and so
/// earlier than the last change.
fn put_date(fields: &mut HeaderMap, now: Date) {
    if let Some(value) = now.value() {
        put(fields, DATE, value);
    }
}

fn allow(facts: &Facts) -> HeaderValue {
    HeaderValue::from_static(if facts.takes_queries() {
        "GET, HEAD, QUERY, OPTIONS"
    } else {
        "GET, HEAD, OPTIONS"
    })
}

fn put_accept_query(fields: &mut HeaderMap, facts: &Facts) {
    if facts.takes_queries() {
        copy(&facts.fields, &ACCEPT_QUERY, fields);
    }
}

/// Every line of a field.
fn copy(from: &HeaderMap, name: &HeaderName, to: &mut HeaderMap) {
    for value in from.get_all(name) {
        let _ = to.try_append(name.clone(), value.clone());
    }
}

/// A head that is full keeps what it has.
fn put(fields: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    let _ = fields.try_insert(name, value);
}
