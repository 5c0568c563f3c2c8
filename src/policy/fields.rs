//! Which fields a policy may not touch, and what is asked before it touches the others.

use http::StatusCode;
use http::header::{
    CACHE_CONTROL, CONTENT_LOCATION, CONTENT_TYPE, ETAG, EXPIRES, HeaderMap, HeaderName,
    HeaderValue, PRAGMA, RETRY_AFTER, STRICT_TRANSPORT_SECURITY,
};

use crate::field::class::{self, Role, Shape};
use crate::field::{cache_control, list};
use crate::rules::merge;

/// Why no line of a policy may name this field; `None` if one may.
pub(super) fn refused(name: &HeaderName) -> Option<&'static str> {
    let class = class::of(name);
    let text = name.as_str();
    if class.shape() == Shape::Framing {
        return Some(
            "a field that frames the message, which the server writes (RFC 9112, section 6)",
        );
    }
    if class.role() == Role::Connection || text == "te" || text.starts_with("proxy-") {
        return Some(
            "a field of one connection, which the server writes (RFC 9110, section 7.6.1)",
        );
    }
    match text {
        "date" => {
            Some("the time of the response, which the server writes (RFC 9110, section 6.6.1)")
        }
        "content-range" => Some("a field that only part of a content has (RFC 9110, section 14.4)"),
        _ => None,
    }
}

/// What decides whether a field may be touched in a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nature {
    about: About,
    /// It tells caches what they may do.
    pub(super) tells_caches: bool,
    /// A remote call has its own of it.
    pub(super) is_of_calls: bool,
    /// It is only for secured connections.
    pub(super) wants_security: bool,
}

/// What a field says something of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    /// The site, the resource or the exchange.
    Site,
    /// The representation: its version, its place, how long to keep it.
    Representation,
    /// The bytes of the content.
    Content,
}

impl Nature {
    pub(super) fn of(name: &HeaderName) -> Self {
        let text = name.as_str();
        let is_targeted = cache_control::is_targeted(name);
        let about = match class::of(name).role() {
            _ if is_targeted => About::Representation,
            // It speaks of the server, above all where there is no representation (RFC 9110, section 10.2.3).
            Role::Representation if *name == RETRY_AFTER => About::Site,
            Role::Policy | Role::Connection => About::Site,
            Role::Representation if !text.starts_with("content-") => About::Representation,
            Role::Representation if *name == CONTENT_LOCATION => About::Representation,
            Role::Representation => About::Content,
        };
        Self {
            about,
            tells_caches: [CACHE_CONTROL, EXPIRES, PRAGMA].contains(name) || is_targeted,
            is_of_calls: text.starts_with("grpc-")
                || text.starts_with("connect-")
                || text.ends_with("-bin")
                || about == About::Content,
            wants_security: *name == STRICT_TRANSPORT_SECURITY,
        }
    }

    /// Whether a response with this status is one that the field is about.
    ///
    /// What says something of the representation is about responses that have one: 2xx and 304. A block
    /// that names its statuses (`by_status`) has answered that itself, but for responses that have no content to
    /// describe.
    pub(super) fn suits(self, status: StatusCode, by_status: bool, fields: &HeaderMap) -> bool {
        let is_success = status.is_success() || status == StatusCode::NOT_MODIFIED;
        let is_empty = matches!(status.as_u16(), 100..=199 | 204 | 205 | 304);
        match self.about {
            About::Site => true,
            About::Representation => by_status || is_success,
            About::Content => (by_status || is_success) && !is_empty && !has_parts(status, fields),
        }
    }
}

/// Whether the content is several ranges, each with fields of its own (RFC 9110, section 15.3.7.2).
fn has_parts(status: StatusCode, fields: &HeaderMap) -> bool {
    let parts = b"multipart/byteranges";
    status == StatusCode::PARTIAL_CONTENT
        && fields.get(CONTENT_TYPE).is_some_and(|value| {
            let start = value.as_bytes().get(..parts.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(parts))
        })
}

/// What a response itself says to caches, if it is `private` or `no-store`: the field, and its lines.
#[derive(Debug)]
pub(super) struct Confined(Vec<(HeaderName, Vec<HeaderValue>)>);

impl Confined {
    /// Of a response that no policy has changed yet. A file that is young, or being written, may be half of one:
    /// there its `no-cache` counts, too.
    pub(super) fn of(fields: &HeaderMap, is_file: bool) -> Self {
        let is_strong = |tag: &HeaderValue| !tag.as_bytes().starts_with(b"W/");
        let is_settled = !is_file || fields.get(ETAG).is_some_and(is_strong);
        let confines = |line: &HeaderValue| {
            says(line, b"private")
                || says(line, b"no-store")
                || !is_settled && says(line, b"no-cache")
        };
        let names = fields.keys().filter(|name| speaks_of_caching(name));
        let lines = |name| fields.get_all(name).iter().cloned().collect::<Vec<_>>();
        let all = names.map(|name| (name.clone(), lines(name)));
        Self(all.filter(|(_, lines)| lines.iter().any(confines)).collect())
    }

    /// Whether it says anything of that kind.
    pub(super) const fn is_any(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether a field with these values in the place of what it had would let caches do what they may not.
    ///
    /// A field to one kind of cache counts there in the place of `Cache-Control` (RFC 9213, section 2.2), so
    /// it may say no less than that.
    pub(super) fn is_loosened(&self, name: &HeaderName, after: &[HeaderValue]) -> bool {
        let mut counting = self.0.iter().filter(|(of, _)| {
            of == name || *of == CACHE_CONTROL && (!after.is_empty() || !speaks_of_caching(name))
        });
        counting.any(|(_, before)| {
            !speaks_of_caching(name)
                || cache_control::loosens(before, after)
                || cache_control::contradicts(after).is_some()
        })
    }
}

/// `Cache-Control`, or the same words to one kind of cache.
fn speaks_of_caching(name: &HeaderName) -> bool {
    merge::is_cache_control(name) || name.as_str() == "surrogate-control"
}

/// Whether a line has this directive.
fn says(line: &HeaderValue, directive: &[u8]) -> bool {
    let name = |member| list::pair(member).0;
    list::members(line.as_bytes()).any(|member| name(member).eq_ignore_ascii_case(directive))
}
